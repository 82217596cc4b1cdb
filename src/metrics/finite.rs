//! The one place where a number becomes a measurement.

use crate::health::Counter;

/// A number that can be added up: finite, not negative, and no more than makes sense for seconds,
/// tokens and dollars, because one absurd number would drown a sum for good.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Finite(f64);

impl Finite {
    pub(super) const ZERO: Self = Self(0.0);

    /// `None` for what is no measurement, which is counted.
    pub(super) fn of(number: f64, dropped: &Counter) -> Option<Self> {
        let is_one = (0.0..=MAX).contains(&number);
        if !is_one {
            dropped.increment();
        }
        is_one.then_some(Self(number))
    }

    pub(super) fn count(number: u64) -> Self {
        Self(number as f64)
    }

    pub(super) fn get(self) -> f64 {
        self.0
    }
}

const MAX: f64 = 1e18;
