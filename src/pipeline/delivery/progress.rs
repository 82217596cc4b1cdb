//! How far the attempts at one destination are.

/// How far the attempts are.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Of the last one.
    pub(super) number: u64,
    pub(super) under_way: bool,
    /// The destination is not answering.
    pub(super) breaker_open: bool,
}

impl Progress {
    pub(super) fn is_under_way(&self, number: u64) -> bool {
        self.under_way && self.number == number
    }
}
