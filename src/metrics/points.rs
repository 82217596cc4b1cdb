//! What is exported: the points of each metric, by the metric table.

use std::sync::Arc;
use std::time::SystemTime;

use super::histogram::Layer;
use super::key::{Key, Stored};
use super::label::OTHER;
use super::pricing::dollars;
use super::series::{Series, Store, UNKNOWN};
use crate::semconv::metrics::{Distribution, METRICS, Measure, MetricDef, Tokens};
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
    Histogram(Layer),
}

type Outcome = (Option<Arc<str>>, Option<u16>, Option<Layer>, Option<u64>);

/// What one series has to say in one collection; taken out of it once, shown by many metrics.
struct Taken {
    /// `error.type`, status code, durations, calls.
    outcomes: Vec<Outcome>,
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
        store.collect(|key, series| {
            let start = if delta { since.max(series.since.min(now)) } else { series.since };
            all.push((key.clone(), start, Taken::of(series, delta)));
        });
        for (key, start, taken) in &all {
            let labels = attributes(store, key);
            for metric in &mut metrics {
                if metric.def.families.contains(&key.family) {
                    let mut show = |extra: Vec<(Arc<str>, Attribute)>, value| {
                        let mut attributes = labels.clone();
                        attributes.extend(extra);
                        metric.points.push(Point { attributes, start: *start, time: now, value });
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
        let outcomes = series.outcomes.iter_mut().map(|outcome| {
            let duration = outcome.duration.collect(delta);
            let requests = outcome.requests.collect(delta);
            (outcome.error.clone(), outcome.status_code, duration, requests)
        });
        Self {
            outcomes: outcomes.collect(),
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

    fn show(&self, measure: Measure, show: &mut impl FnMut(Vec<(Arc<str>, Attribute)>, Measured)) {
        match measure {
            Measure::Duration => {
                for (error, code, duration, _) in &self.outcomes {
                    if let Some(duration) = duration {
                        // The code belongs to the counter of errors only.
                        let _ = code;
                        show(error_type(error), Measured::Histogram(duration.clone()));
                    }
                }
            }
            Measure::Gauge(distribution) => {
                if let Some(layer) = &self.distributions[distribution as usize] {
                    show(Vec::new(), Measured::Histogram(layer.clone()));
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
                        show(word, Measured::Histogram(layer));
                    }
                }
            }
            Measure::Tokens(kind) => self.show_tokens(kind, show),
            Measure::Requests => self.show_sum(|_| true, show),
            Measure::Successes => self.show_sum(Option::is_none, show),
            Measure::Errors => {
                for (error, code, _, requests) in &self.outcomes {
                    if let (Some(_), Some(requests)) = (error, requests) {
                        let mut extra = error_type(error);
                        extra.extend(code.map(|code| {
                            ("http.response.status_code".into(), Attribute::Int(code.into()))
                        }));
                        show(extra, Measured::Count(*requests));
                    }
                }
            }
            Measure::CacheHits => {
                if let Some(hits) = self.cache_hits {
                    show(Vec::new(), Measured::Count(hits));
                }
            }
            Measure::Cost => {
                if let Some(cost) = self.cost {
                    show(Vec::new(), Measured::Amount(dollars(cost)));
                }
            }
        }
    }

    fn show_tokens(
        &self,
        kind: Tokens,
        show: &mut impl FnMut(Vec<(Arc<str>, Attribute)>, Measured),
    ) {
        for (modality, tokens) in self.tokens[kind as usize].iter().enumerate() {
            if let Some(tokens) = tokens {
                let word = MODALITIES[modality.min(UNKNOWN)];
                let extra = vec![text(Attr::TokenModality.key(), word)];
                show(extra, Measured::Count(*tokens));
            }
        }
    }

    fn show_sum(
        &self,
        which: impl Fn(&Option<Arc<str>>) -> bool,
        show: &mut impl FnMut(Vec<(Arc<str>, Attribute)>, Measured),
    ) {
        let chosen = self.outcomes.iter().filter(|(error, ..)| which(error));
        let sum = chosen.filter_map(|(.., requests)| *requests).sum::<u64>();
        if sum > 0 {
            show(Vec::new(), Measured::Count(sum));
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

fn error_type(error: &Option<Arc<str>>) -> Vec<(Arc<str>, Attribute)> {
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
