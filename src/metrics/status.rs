//! The metrics section of the status.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::series::Store;

/// How metrics are doing: part of [`Status`](crate::telemetry::Status).
#[derive(Clone, Debug, Default, Serialize)]
pub struct MetricsStatus {
    series: usize,
    limit: usize,
    overflowed: u64,
    evicted: u64,
    labels: BTreeMap<String, LabelStatus>,
    pricing: PriceStatus,
    pushes: u64,
    failed_pushes: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// A label that has had more values than it may.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct LabelStatus {
    /// Calls that were counted under `other`.
    other: u64,
    /// Values that made room for others.
    recycled: u64,
}

/// How calls are priced.
#[derive(Clone, Debug, Default, Serialize)]
pub struct PriceStatus {
    models: usize,
    priced: u64,
    unknown_model: u64,
    no_usage: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    problems: Vec<String>,
}

impl MetricsStatus {
    pub(super) fn new(store: &Store, pricing: PriceStatus) -> Self {
        let labels = store
            .crowded()
            .map(|(name, other, recycled)| (name.to_owned(), LabelStatus { other, recycled }));
        Self {
            series: store.len(),
            limit: store.limit(),
            overflowed: store.overflowed,
            evicted: store.evicted,
            labels: labels.collect(),
            pricing,
            ..Self::default()
        }
    }

    #[cfg(feature = "otel-http")]
    pub(super) fn pushed(mut self, pushes: u64, failed: u64, last_error: Option<String>) -> Self {
        (self.pushes, self.failed_pushes, self.last_error) = (pushes, failed, last_error);
        self
    }

    /// Series of the metric that has most of them.
    #[must_use]
    pub const fn series(&self) -> usize {
        self.series
    }

    /// Calls that went into the overflow series, because there were too many combinations.
    #[must_use]
    pub const fn overflowed(&self) -> u64 {
        self.overflowed
    }

    /// The labels that have had more values than they may.
    #[must_use]
    pub const fn labels(&self) -> &BTreeMap<String, LabelStatus> {
        &self.labels
    }

    /// How calls are priced.
    #[must_use]
    pub const fn pricing(&self) -> &PriceStatus {
        &self.pricing
    }

    /// Exports that were taken.
    #[must_use]
    pub const fn pushes(&self) -> u64 {
        self.pushes
    }

    /// Exports that were not.
    #[must_use]
    pub const fn failed_pushes(&self) -> u64 {
        self.failed_pushes
    }

    /// What an export last failed with.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}

impl fmt::Display for MetricsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} series", self.series, self.limit)?;
        let counts = [
            ("pushes", self.pushes),
            ("failed", self.failed_pushes),
            ("calls over the limit", self.overflowed),
            ("calls priced", self.pricing.priced),
            ("of an unknown model", self.pricing.unknown_model),
            ("without usage", self.pricing.no_usage),
        ];
        for (what, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
            write!(f, " · {count} {what}")?;
        }
        for (label, status) in &self.labels {
            write!(f, " · {label}: {} under other, {} recycled", status.other, status.recycled)?;
        }
        if let Some(error) = &self.last_error {
            write!(f, "\n            last error {error}")?;
        }
        for problem in &self.pricing.problems {
            write!(f, "\n            price {problem}")?;
        }
        Ok(())
    }
}

impl LabelStatus {
    /// Calls that were counted under `other`.
    #[must_use]
    pub const fn other(&self) -> u64 {
        self.other
    }

    /// Values that made room for others.
    #[must_use]
    pub const fn recycled(&self) -> u64 {
        self.recycled
    }
}

impl PriceStatus {
    pub(super) fn new(
        models: usize,
        priced: u64,
        unknown_model: u64,
        no_usage: u64,
        problems: &[String],
    ) -> Self {
        Self { models, priced, unknown_model, no_usage, problems: problems.to_vec() }
    }

    /// Calls whose model has a price.
    #[must_use]
    pub const fn priced(&self) -> u64 {
        self.priced
    }

    /// Calls whose model has none.
    #[must_use]
    pub const fn unknown_model(&self) -> u64 {
        self.unknown_model
    }

    /// Calls that reported no tokens.
    #[must_use]
    pub const fn no_usage(&self) -> u64 {
        self.no_usage
    }

    /// Rows of the price table that could not be read.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}
