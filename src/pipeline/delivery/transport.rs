//! What a destination must be able to do.

use std::time::Duration;

use super::deadline::Deadline;
use super::failure::Failure;
use super::item::Item;

/// Sends items to one destination. Lives on the destination's own thread and may block there.
pub(crate) trait Transport: Send + 'static {
    /// What it sends.
    type Item: Item;
    /// What is sent at once.
    type Parcel: Send;

    /// Divides items into parcels, in order.
    fn pack(&mut self, items: Vec<Self::Item>) -> Vec<Packed<Self::Parcel>>;

    /// Sends a parcel and waits for the answer until the deadline.
    /// The parcel is as before when the outcome says that it is to be sent again.
    fn send(&mut self, parcel: &mut Self::Parcel, deadline: Deadline) -> Attempted;

    /// Divides a parcel that the destination found too large. `None` if it cannot be divided.
    fn split(&mut self, parcel: Self::Parcel) -> Option<[Packed<Self::Parcel>; 2]>;

    /// Lets go of what the transport itself holds back, at flush and at the end.
    fn flush(&mut self) {}

    /// The process ends: nothing is sent any more.
    fn shutdown(&mut self, _deadline: Deadline) {}
}

/// A part of a batch.
#[derive(Debug)]
pub(crate) enum Packed<P> {
    /// A parcel and how many items are in it.
    Parcel(P, usize),
    /// An item that is too large to be sent at all.
    OverLimit,
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) enum Attempted {
    /// The destination answered with success, but may have rejected some of the items.
    Delivered { rejected: u64, message: Option<String> },
    /// Worth another attempt, not before the time given.
    Transient { failure: Failure, retry_after: Option<Duration> },
    /// The same request would fail again.
    Permanent(Failure),
    /// The request is larger than the destination takes.
    TooLarge(Failure),
}

/// What became of a parcel.
#[derive(Debug)]
pub(crate) enum Delivered<P> {
    /// Taken, but for so many items.
    Taken { rejected: u64 },
    /// Refused, or not taken for too long.
    Failed,
    /// No time left.
    OutOfTime,
    /// To be tried again in parts.
    Split([Packed<P>; 2]),
    /// There is something in it that may not leave any more.
    Outdated,
}

/// The size of a request that the receivers of most vendors and the Collector's gRPC server take
/// at least.
pub(crate) const MAX_REQUEST: usize = 4 << 20;
