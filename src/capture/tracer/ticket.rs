//! The number under which an open span is found again.

use std::num::NonZeroU64;

/// How to find an open span again; none has the number 0.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Ticket(NonZeroU64);

/// A ticket has 8 bits for the shard, 24 for the time and 32 for the place, of which the last is
/// counted from 1.
pub(super) const MOST_PLACES: u32 = u32::MAX - 1;
pub(super) const TIME_MASK: u32 = 0xff_ffff;

impl Ticket {
    pub(super) fn new(shard: usize, started: u32, place: u32) -> Option<Self> {
        let number = ((shard as u64) << 56)
            | (u64::from(started & TIME_MASK) << 32)
            | (u64::from(place) + 1);
        NonZeroU64::new(number).map(Self)
    }

    pub(super) fn parts(self) -> (usize, u32, u32) {
        let number = self.0.get();
        ((number >> 56) as usize, (number >> 32) as u32 & TIME_MASK, number as u32 - 1)
    }
}
