//! Points as they were collected.

use std::sync::Arc;

use crate::metrics::{Point, Points};
use crate::semconv::metrics::MetricDef;

/// One point of a metric, as it was collected.
#[derive(Clone, Debug)]
pub(crate) struct MetricPoint {
    pub(super) def: &'static MetricDef,
    pub(super) delta: bool,
    pub(super) point: Arc<Point>,
}

impl MetricPoint {
    /// The points of a collection, those of one metric beside each other.
    pub(super) fn all(Points { delta, metrics }: Points) -> impl Iterator<Item = Self> {
        metrics.into_iter().flat_map(move |metric| {
            let def = metric.def;
            let points = metric.points.into_iter().map(Arc::new);
            points.map(move |point| Self { def, delta, point })
        })
    }
}
