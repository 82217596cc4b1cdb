//! What is exported: the points of each metric, by the metric table.

use std::sync::Arc;
use std::time::SystemTime;

use super::histogram::Layer;
use super::key::{Key, Stored};
use super::label::OTHER;
use super::pricing::dollars;
use super::series::{Series, Store};
use crate::semconv::metrics::{Distribution, METRICS, Measure, MetricDef};
use crate::semconv::{Attr, Family, Version};

/// One collection.
#[derive(Debug)]
pub(crate) struct Points {
    pub(crate) delta: bool,
    pub(crate) metrics: Vec<Metric>,
}

#[derive(Debug)]
pub(crate) struct Metric {
    pub(crate) def: &'static MetricDef,
    pub(crate) points: Vec<Point>,
}

#[derive(Debug)]
pub(crate) struct Point {
    pub(crate) attributes: Vec<(Arc<str>, Attribute)>,
    pub(crate) start: SystemTime,
    pub(crate) time: SystemTime,
    pub(crate) value: Measured,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Attribute {
    Bool(bool),
    Int(i64),
    Text(Arc<str>),
}

#[derive(Debug)]
pub(crate) enum Measured {
    Count(u64),
    Amount(f64),
    /// What goes up and down; always as it is at that moment.
    Level(u64),
    Histogram(Layer),
}

/// Attributes beside the labels of a series.
type Extra = Vec<(Arc<str>, Attribute)>;

/// One outcome of a series.
struct Outcome {
    error: Option<Arc<str>>,
    status_code: Option<u16>,
    since: SystemTime,
    duration: Option<Layer>,
    errors: Option<u64>,
}

/// What one series has to say in one collection; taken out of it once, shown by many metrics.
struct Taken {
    since: SystemTime,
    outcomes: Vec<Outcome>,
    requests: Option<u64>,
    successes: Option<u64>,
    distributions: [Option<Layer>; Distribution::COUNT],
    tokens: [[Option<u64>; 4]; 5],
    cache_hits: Option<u64>,
    cost: Option<u128>,
}

impl Points {
    pub(super) fn collect(
        store: &mut Store,
        version: Version,
        delta: bool,
        since: SystemTime,
        now: SystemTime,
    ) -> Self {
        let defs: Vec<_> = METRICS.iter().filter(|def| def.is_in(version)).collect();
        let mut metrics: Vec<Metric> =
            defs.iter().map(|def| Metric { def, points: Vec::new() }).collect();
        let mut all = Vec::new();
        store.collect(|key, series| all.push((key.clone(), Taken::of(series, delta))));
        for (key, taken) in &all {
            let labels = attributes(store, key);
            for metric in &mut metrics {
                if metric.def.families.contains(&key.family) {
                    let mut show = |began: SystemTime, extra: Extra, value| {
                        let mut attributes = labels.clone();
                        attributes.extend(extra);
                        let start = if delta { since.max(began.min(now)) } else { began };
                        metric.points.push(Point { attributes, start, time: now, value });
                    };
                    taken.show(metric.def.measure, &mut show);
                }
            }
        }
        metrics.retain(|metric| !metric.points.is_empty());
        Self { delta, metrics: join(metrics) }
    }
}

/// Metrics of one name are one metric: rows of several families may share it.
fn join(metrics: Vec<Metric>) -> Vec<Metric> {
    let mut joined: Vec<Metric> = Vec::new();
    for metric in metrics {
        match joined.iter_mut().find(|other| other.def.name == metric.def.name) {
            Some(other) => other.points.extend(metric.points),
            None => joined.push(metric),
        }
    }
    joined
}

impl Taken {
    fn of(series: &mut Series, delta: bool) -> Self {
        let outcomes = series.outcomes.iter_mut().map(|outcome| Outcome {
            error: outcome.error.clone(),
            status_code: outcome.status_code,
            since: outcome.since,
            duration: outcome.duration.collect(delta),
            errors: outcome.errors.collect(delta),
        });
        Self {
            since: series.since,
            outcomes: outcomes.collect(),
            requests: series.requests.collect(delta),
            successes: series.successes.collect(delta),
            distributions: std::array::from_fn(|at| {
                series.distributions[at].as_mut().and_then(|histogram| histogram.collect(delta))
            }),
            tokens: series
                .tokens
                .each_mut()
                .map(|kind| kind.each_mut().map(|sum| sum.collect(delta))),
            cache_hits: series.cache_hits.collect(delta),
            cost: series.cost.collect(delta),
        }
    }

    fn show(&self, measure: Measure, show: &mut impl FnMut(SystemTime, Extra, Measured)) {
        let mut count = |count: Option<u64>, extra: Extra| {
            if let Some(count) = count {
                show(self.since, extra, Measured::Count(count));
            }
        };
        match measure {
            Measure::Duration => {
                for Outcome { error, since, duration, .. } in &self.outcomes {
                    if let Some(duration) = duration {
                        show(*since, error_type(error), Measured::Histogram(duration.clone()));
                    }
                }
            }
            Measure::Gauge(distribution) => {
                if let Some(layer) = &self.distributions[distribution as usize] {
                    show(self.since, Vec::new(), Measured::Histogram(layer.clone()));
                }
            }
            Measure::TokensByType => {
                for (word, good, failed) in [
                    ("input", Distribution::InputTokens, Distribution::FailedInputTokens),
                    ("output", Distribution::OutputTokens, Distribution::FailedOutputTokens),
                ] {
                    let parts = [good, failed].map(|at| self.distributions[at as usize].as_ref());
                    let mut parts = parts.into_iter().flatten();
                    if let Some(first) = parts.next() {
                        let mut layer = first.clone();
                        parts.for_each(|part| layer.merge(part));
                        let word = vec![text(Attr::TokenType.key(), word)];
                        show(self.since, word, Measured::Histogram(layer));
                    }
                }
            }
            Measure::Tokens(kind) => {
                for (tokens, word) in self.tokens[kind as usize].iter().zip(MODALITIES) {
                    count(*tokens, vec![text(Attr::TokenModality.key(), word)]);
                }
            }
            Measure::Requests => count(self.requests, Vec::new()),
            Measure::Successes => count(self.successes, Vec::new()),
            Measure::Errors => {
                for Outcome { error, status_code, since, errors, .. } in &self.outcomes {
                    if let (Some(_), Some(errors)) = (error, errors) {
                        let mut extra = error_type(error);
                        extra.extend(status_code.map(|code| {
                            ("http.response.status_code".into(), Attribute::Int(code.into()))
                        }));
                        show(*since, extra, Measured::Count(*errors));
                    }
                }
            }
            Measure::Own(..) => {}
            Measure::CacheHits => count(self.cache_hits, Vec::new()),
            Measure::Cost => {
                if let Some(cost) = self.cost {
                    show(self.since, Vec::new(), Measured::Amount(dollars(cost)));
                }
            }
        }
    }
}

fn attributes(store: &Store, key: &Key) -> Vec<(Arc<str>, Attribute)> {
    if key.overflow {
        return vec![("otel.metric.overflow".into(), Attribute::Bool(true))];
    }
    let mut attributes = Vec::with_capacity(key.labels.len() + 2);
    for (at, label) in key.labels.iter().enumerate() {
        let name = || Arc::from(store.label_name(key.family, at));
        match label {
            Stored::None => {}
            Stored::Int(value) => attributes.push((name(), Attribute::Int(*value))),
            Stored::Text(value) => attributes.push((name(), Attribute::Text(Arc::clone(value)))),
        }
    }
    // The conventions require these two.
    if matches!(key.family, Family::Inference | Family::Embeddings) {
        for attr in [Attr::OperationName, Attr::ProviderName] {
            if !attributes.iter().any(|(name, _)| **name == *attr.key()) {
                attributes.push(text(attr.key(), OTHER));
            }
        }
    }
    attributes
}

fn error_type(error: &Option<Arc<str>>) -> Extra {
    let error = error.as_ref();
    error
        .map(|error| (Attr::ErrorType.key().into(), Attribute::Text(Arc::clone(error))))
        .into_iter()
        .collect()
}

fn text(key: &str, value: &str) -> (Arc<str>, Attribute) {
    (key.into(), Attribute::Text(value.into()))
}

const MODALITIES: [&str; 4] = ["text", "image", "audio", "unknown"];
