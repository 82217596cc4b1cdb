//! The metrics section of the status.

use std::collections::BTreeMap;
use std::fmt;

use super::State;
use super::label::LabelValues;
use crate::health::{LedgerCounts, figures, write_figures};

figures! {
    /// How metrics are doing: part of [`Status`](crate::telemetry::Status).
    pub struct MetricsStatus of (state, not_finite): (&State, u64) {
        /// Series of the metric that has most of them.
        series = state.store.len() as u64;
        /// How many there may be: `metrics.cardinality_limit`.
        limit = state.store.limit() as u64;
        /// Collections that were made for the destinations: one each interval, and at a flush.
        pushes: "pushes" = 0;
        /// Calls that went into the overflow series, because there were too many combinations.
        overflowed: "calls over the limit" = state.store.overflowed;
        /// Series that were idle and made room for others.
        evicted: "idle series evicted" = state.store.evicted;
        /// Measurements that were dropped: not finite, negative, or absurdly large.
        not_finite: "not finite" = not_finite;
    }
    besides {
        labels: BTreeMap<String, LabelStatus> = state
            .store
            .crowded()
            .map(|(name, values)| (name.to_owned(), LabelStatus::new(values)))
            .collect();
        pricing: PriceStatus = PriceStatus::new(state);
        points: PointCounts = PointCounts::new(&LedgerCounts::default());
        #[serde(skip_serializing_if = "Option::is_none")]
        last_error: Option<String> = None;
    }
}

figures! {
    /// Points of metrics since the start. At any moment
    /// `received = queued + exported + rejected + failed + dropped`.
    pub struct PointCounts of counts: &LedgerCounts {
        /// Points that were collected.
        received = counts.received;
        /// Points that wait or are being sent.
        queued: "points queued" = counts.queued;
        /// Points that were accepted. One that goes to several receivers counts once, with the worst
        /// that became of it.
        exported = counts.exported;
        /// Points that a receiver did not want among others that it accepted.
        rejected: "points rejected" = counts.rejected;
        /// Points of requests that were refused or never arrived.
        failed: "points failed" = counts.failed;
    }
    besides {
        dropped: BTreeMap<&'static str, u64> =
            counts.dropped().map(|(reason, points)| (reason.name(), points)).collect();
    }
}

figures! {
    /// A label that has had more values than it may.
    #[derive(Copy)]
    pub struct LabelStatus of values: &LabelValues {
        /// Calls that were counted under `other`.
        other: "under other" = values.overflowed;
        /// Values that made room for others.
        recycled: "recycled" = values.recycled;
    }
    besides {}
}

figures! {
    /// How calls are priced.
    pub struct PriceStatus of state: &State {
        /// Models that have a price.
        models = state.prices.len() as u64;
        /// Calls whose model has a price.
        priced: "calls priced" = state.priced;
        /// Calls whose model has none.
        unknown_model: "of an unknown model" = state.unknown_model;
        /// Calls that reported no tokens.
        no_usage: "without usage" = state.no_usage;
    }
    besides {
        #[serde(skip_serializing_if = "Vec::is_empty")]
        problems: Vec<String> = state.prices.problems.clone();
    }
}

impl MetricsStatus {
    /// Adds what became of what was collected.
    pub(crate) fn pushed(
        mut self,
        pushes: u64,
        points: &LedgerCounts,
        last_error: Option<String>,
    ) -> Self {
        self.points = PointCounts::new(points);
        (self.pushes, self.last_error) = (pushes, last_error);
        self
    }

    /// What became of the points of these.
    #[must_use]
    pub const fn points(&self) -> &PointCounts {
        &self.points
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

    /// What the last export that failed failed with.
    #[must_use]
    pub fn last_error(&self) -> Option<&str> {
        self.last_error.as_deref()
    }
}

impl PointCounts {
    /// Points that were never sent, by reason: as of
    /// [`Spans::dropped`](crate::telemetry::Spans::dropped).
    #[must_use]
    pub const fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }
}

impl PriceStatus {
    /// Rows of the price table that could not be read.
    #[must_use]
    pub fn problems(&self) -> &[String] {
        &self.problems
    }
}

impl fmt::Display for MetricsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} of {} series", self.series, self.limit)?;
        let rows = self.rows().chain(self.points.rows()).chain(self.pricing.rows());
        write_figures(f, rows, &self.points.dropped)?;
        for (label, status) in &self.labels {
            let words = status.rows().filter_map(|(row, n)| Some(format!("{n} {}", row.text?)));
            write!(f, " · {label}: {}", words.collect::<Vec<_>>().join(", "))?;
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
