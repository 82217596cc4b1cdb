//! Until when something may take.

use std::time::{Duration, Instant};

/// A moment that is decided once, where the promise is given, and handed down: limits along the
/// way cannot add up.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Deadline {
    at: Instant,
    limit: Duration,
}

impl Deadline {
    /// So much time from now on. [`Duration::MAX`] is no limit.
    pub(crate) fn after(limit: Duration) -> Self {
        let limit = limit.min(NO_LIMIT);
        Self { at: Instant::now() + limit, limit }
    }

    /// How much time there was, for messages.
    #[cfg_attr(
        not(any(test, feature = "otel-http")),
        expect(dead_code, reason = "only answers to requests are told with it")
    )]
    pub(crate) fn limit(self) -> Duration {
        self.limit
    }

    pub(crate) fn left(self) -> Duration {
        self.at.saturating_duration_since(Instant::now())
    }

    pub(crate) fn is_over(self) -> bool {
        self.left().is_zero()
    }

    /// The earlier of both. Where that is the end of something larger, there is only what is left
    /// of it.
    pub(crate) fn no_later_than(self, end: Self) -> Self {
        if self.at <= end.at {
            return self;
        }
        let left = end.left().as_millis();
        Self { limit: Duration::from_millis(u64::try_from(left).unwrap_or(u64::MAX)), ..end }
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

    #[test]
    fn a_deadline_says_the_time_that_there_was() {
        let (short, long) = (Duration::from_millis(2500), Duration::from_secs(3600));
        let request = Deadline::after(short);
        assert_eq!(request.no_later_than(Deadline::after(long)).limit(), short);
        let cut = Deadline::after(long).no_later_than(request);
        assert_eq!(cut.left().max(short), short);
        assert!(cut.limit() <= short && cut.limit().subsec_nanos().is_multiple_of(1_000_000));
    }
}
