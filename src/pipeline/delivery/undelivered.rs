//! What a flush or a shutdown left behind.

use std::fmt;

/// Items that could not be delivered in time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Undelivered {
    /// Not sent: dropped at shutdown, or still queued after a flush.
    pub(crate) waiting: u64,
    /// Sent, but without an answer so far.
    pub(crate) unconfirmed: u64,
    /// Refused or rejected by a destination during the call.
    pub(crate) refused: u64,
}

impl Undelivered {
    pub(crate) fn into_result(self) -> Result<(), Self> {
        if self == Self::default() { Ok(()) } else { Err(self) }
    }
}

impl fmt::Display for Undelivered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { waiting, unconfirmed, refused } = self;
        write!(f, "{waiting} not sent, {unconfirmed} without an answer, {refused} refused")
    }
}
