//! Metrics about our own delivery, by the names of the core conventions: `otel.sdk.*`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use super::finite::Finite;
use super::histogram::{Histogram, Layer};
use super::points::{Attribute, Measured, Metric, Point, Points};
use super::series::OTHER_ERROR;
use crate::config::settings::Histograms;
use crate::health::Counter;
use crate::semconv::metrics::{Items, METRICS, Measure, MetricDef, Own};

/// One number about our own delivery.
#[derive(Debug)]
pub(crate) struct Sample {
    pub(crate) items: Items,
    pub(crate) metric: Own,
    pub(crate) attributes: Vec<(Arc<str>, Attribute)>,
    pub(crate) value: Sampled,
}

#[derive(Debug)]
pub(crate) enum Sampled {
    /// Since the start, or at this moment.
    Number(u64),
    /// Since the last collection, or since the start with cumulative temporality.
    Durations(Layer),
}

/// Where samples come from. Asked at each collection, with whether it is to be the difference.
pub(crate) type Source = Box<dyn Fn(bool) -> Vec<Sample> + Send + Sync>;

/// What counters said before, and when each was first seen.
#[derive(Debug, Default)]
pub(super) struct Before(Vec<(SystemTime, Sample)>);

impl Before {
    /// Adds the samples of this moment to a collection.
    pub(super) fn add(
        &mut self,
        points: &mut Points,
        samples: Vec<Sample>,
        since: SystemTime,
        now: SystemTime,
    ) {
        let delta = points.delta;
        let mut merged: Vec<(SystemTime, Sample)> = Vec::new();
        for sample in samples {
            match merged.iter_mut().find(|(_, other)| other.is_of(&sample)) {
                Some((_, Sample { value: Sampled::Number(sum), .. })) => {
                    if let Sampled::Number(more) = sample.value {
                        *sum += more;
                    }
                }
                Some(_) => {}
                None => {
                    let before = self.0.iter().find(|(_, other)| other.is_of(&sample));
                    merged.push((before.map_or(since, |(first, _)| *first), sample));
                }
            }
        }
        for (first, sample) in &merged {
            let measure = Measure::Own(sample.metric, sample.items);
            let Some(def) = METRICS.iter().find(|def| def.measure == measure) else { continue };
            let before = self.0.iter().find(|(_, other)| other.is_of(sample));
            let before = match before {
                Some((_, Sample { value: Sampled::Number(number), .. })) if delta => *number,
                _ => 0,
            };
            let value = match &sample.value {
                Sampled::Number(level) if sample.metric.is_level() => Measured::Level(*level),
                Sampled::Number(sum) => Measured::Count(sum.saturating_sub(before)),
                Sampled::Durations(layer) => Measured::Histogram(layer.clone()),
            };
            let start = if delta { since.max(*first) } else { *first };
            let point = Point { attributes: sample.attributes.clone(), start, time: now, value };
            push(points, def, point);
        }
        self.0 = merged;
    }
}

impl Sample {
    /// Whether it is about the same as another.
    fn is_of(&self, other: &Self) -> bool {
        (self.items, self.metric) == (other.items, other.metric)
            && self.attributes == other.attributes
    }
}

fn push(points: &mut Points, def: &'static MetricDef, point: Point) {
    match points.metrics.iter_mut().find(|metric| metric.def.name == def.name) {
        Some(metric) => metric.points.push(point),
        None => points.metrics.push(Metric { def, points: vec![point] }),
    }
}

/// The exports of one destination: how long they took and how many items failed, by the cause.
#[derive(Debug, Default)]
pub(crate) struct Operations(Mutex<BTreeMap<Option<Arc<str>>, Ended>>);

/// Operations that ended in one way.
#[derive(Debug)]
struct Ended {
    durations: Histogram,
    failed: u64,
}

impl Operations {
    /// An operation has ended. `cause` is why it failed, and `failed` how many items with it.
    pub(crate) fn ended(&self, cause: Option<&str>, took: Duration, failed: u64) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut cause: Option<Arc<str>> = cause.map(Arc::from);
        if all.len() >= MAX_CAUSES && !all.contains_key(&cause) {
            cause = cause.map(|_| OTHER_ERROR.into());
        }
        let ended = all.entry(cause).or_insert_with(|| Ended {
            durations: Histogram::new(Histograms::ExplicitBuckets, SECONDS),
            failed: 0,
        });
        ended.failed += failed;
        if let Some(took) = Finite::of(took.as_secs_f64(), &Counter::default()) {
            ended.durations.record(took);
        }
    }

    /// Each cause with its durations and the items that failed.
    pub(crate) fn collect(&self, delta: bool) -> Vec<(Option<Arc<str>>, Option<Layer>, u64)> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all.iter_mut();
        all.map(|(cause, it)| (cause.clone(), it.durations.collect(delta), it.failed)).collect()
    }
}

/// Causes of failures that have series of their own.
const MAX_CAUSES: usize = 32;
/// As of other durations of requests over HTTP.
const SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];
