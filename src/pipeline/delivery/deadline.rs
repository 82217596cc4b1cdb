//! Until when something may take.

use std::time::{Duration, Instant};

/// A moment that is decided once, where the promise is given, and handed down: limits along the
/// way cannot add up.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Deadline(Instant);

impl Deadline {
    /// So much time from now on. [`Duration::MAX`] is no limit.
    pub(crate) fn after(limit: Duration) -> Self {
        Self(Instant::now() + limit.min(NO_LIMIT))
    }

    pub(crate) fn left(self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }

    pub(crate) fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// A little earlier, for work whose end somebody waits for until the deadline.
    pub(crate) fn for_work(self) -> Self {
        Self::after(self.left().mul_f32(0.9))
    }
}

/// "No limit" in numbers that clocks can add.
const NO_LIMIT: Duration = Duration::from_secs(365 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_limit_is_a_moment_like_any_other() {
        let never = Deadline::after(Duration::MAX);
        assert!(!never.is_over() && !never.for_work().is_over());
        assert!(never > Deadline::after(Duration::from_secs(3600)));
        assert!(Deadline::after(Duration::ZERO).is_over());
    }
}
