//! The series of all metrics, bounded: every call is measured under its labels, or under `other`
//! where a label has had too many values, or in the overflow series where there are too many
//! combinations.
//!
//! What is dropped to make room was exported as far as it was collected; the rest goes on in the
//! series that takes its place. So sums over everything that was ever exported are exact, and a
//! value that comes back begins a new series.

use std::sync::Arc;
use std::time::SystemTime;

use rustc_hash::FxHashMap;

use super::call::{Call, Label};
use super::histogram::Histogram;
use super::key::{Key, Seen, Stored, View, stored, view};
use super::label::{self, Admission, LabelValues, MAX_LABELS, OTHER};
use super::pricing::Price;
use crate::capture::tracer::observe::Counted;
use crate::config::settings::Histograms;
use crate::semconv::metrics::{Distribution, Tokens, duration_bounds};
use crate::semconv::{Attr, Family};

/// Every series, and what bounds them.
#[derive(Debug)]
pub(super) struct Store {
    series: FxHashMap<Key, Series>,
    shape: Histograms,
    /// Points of one metric.
    limit: usize,
    own_labels: Vec<(Box<str>, usize)>,
    values: FxHashMap<Box<str>, LabelValues>,
    errors: LabelValues,
    /// Points per family.
    points: [usize; FAMILIES],
    all_used_in: [Option<u64>; FAMILIES],
    /// Counts collections.
    period: u64,
    pub(super) overflowed: u64,
    pub(super) evicted: u64,
}

/// What was measured under one set of labels.
#[derive(Debug)]
pub(super) struct Series {
    pub(super) since: SystemTime,
    used: u64,
    pub(super) price: Option<Option<Arc<Price>>>,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) distributions: [Option<Box<Histogram>>; Distribution::COUNT],
    /// By kind, then text, image, audio, unknown.
    pub(super) tokens: [[Sum; 4]; 5],
    pub(super) cache_hits: Sum,
    /// In 10⁻¹⁵ US dollars.
    pub(super) cost: BigSum,
}

/// Calls that ended in one way.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) error: Option<Arc<str>>,
    pub(super) status_code: Option<u16>,
    pub(super) duration: Histogram,
    pub(super) requests: Sum,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Sum {
    pub(super) new: u64,
    pub(super) collected: u64,
}

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct BigSum {
    pub(super) new: u128,
    pub(super) collected: u128,
    pub(super) is_known: bool,
}

/// What one call adds.
#[derive(Debug, Default)]
pub(super) struct Addition {
    pub(super) counted: Counted,
    /// Whether this is a call that no span below has counted.
    pub(super) has_cost: bool,
    /// Values for the distributions.
    pub(super) observed: [Option<f64>; Distribution::COUNT],
    pub(super) chunks: Vec<f64>,
    pub(super) cache_hit: bool,
}

const FAMILIES: usize = Family::Unknown as usize + 1;

impl Store {
    pub(super) fn new(limit: usize, labels: &[(String, usize)], shape: Histograms) -> Self {
        let values = labels.iter().map(|(name, limit)| {
            let name: Box<str> = name.as_str().into();
            (name, LabelValues::new(*limit))
        });
        Self {
            series: FxHashMap::default(),
            shape,
            limit: limit.max(MIN_LIMIT),
            own_labels: own_labels(labels),
            values: values.collect(),
            errors: LabelValues::new(default_limit(limit)),
            points: [0; FAMILIES],
            all_used_in: [None; FAMILIES],
            period: 0,
            overflowed: 0,
            evicted: 0,
        }
    }

    /// Sets the limits anew. What is over them already makes room when something new comes.
    pub(super) fn limit_to(&mut self, limit: usize, labels: &[(String, usize)]) {
        self.limit = limit.max(MIN_LIMIT);
        self.errors.limit = default_limit(limit);
        for (name, values) in &mut self.values {
            let own = labels.iter().find(|(other, _)| **other == **name);
            values.limit = own.map_or(default_limit(self.limit), |(_, limit)| *limit);
        }
        for (name, limit) in labels {
            let values = LabelValues::new(*limit);
            self.values.entry(name.as_str().into()).or_insert(values);
        }
    }

    /// Prices are looked up anew.
    pub(super) fn forget_prices(&mut self) {
        for series in self.series.values_mut() {
            series.price = None;
        }
    }

    pub(super) fn own_labels(&self) -> &[(Box<str>, usize)] {
        &self.own_labels
    }

    pub(super) fn len(&self) -> usize {
        self.points.iter().copied().max().unwrap_or(0)
    }

    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// The labels that have had more values than they may: calls under `other`, values recycled.
    pub(super) fn crowded(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        let labels = self.values.iter().map(|(name, values)| (&**name, values));
        labels
            .chain([("error.type", &self.errors)])
            .filter(|(_, values)| values.overflowed + values.recycled > 0)
            .map(|(name, values)| (name, values.overflowed, values.recycled))
    }

    /// The price of the series that the call belongs to, if it was looked up.
    pub(super) fn price_of(&self, call: &Call<'_>) -> Option<Option<Arc<Price>>> {
        self.series.get(&view(call) as &dyn Seen).and_then(|series| series.price.clone())
    }

    pub(super) fn add(
        &mut self,
        call: &Call<'_>,
        addition: &Addition,
        price: Option<Option<Arc<Price>>>,
        now: SystemTime,
    ) {
        let period = self.period;
        let view = view(call);
        if let Some(series) = self.series.get_mut(&view as &dyn Seen)
            && series.used == period
            && let Some(at) = series.outcome(call.error, call.status_code)
        {
            return series.add(call, addition, at, self.shape);
        }
        self.add_slowly(call, addition, price, now);
    }

    fn add_slowly(
        &mut self,
        call: &Call<'_>,
        addition: &Addition,
        price: Option<Option<Arc<Price>>>,
        now: SystemTime,
    ) {
        let period = self.period;
        let mut labels = call.labels;
        let mut same = true;
        for (at, label) in labels.iter_mut().enumerate().take(call.count) {
            let Label::Text(text) = *label else { continue };
            let name = self.own_labels.name(call.family, at);
            let values = match self.values.get_mut(name) {
                Some(values) => values,
                None => {
                    let values = LabelValues::new(default_limit(self.limit));
                    self.values.entry(name.into()).or_insert(values)
                }
            };
            match values.admit(text, period) {
                Admission::Own => {}
                Admission::Other => {
                    *label = Label::Text(OTHER);
                    same = false;
                }
                Admission::InsteadOf(old) => {
                    let name: Box<str> = name.into();
                    self.retire(&name, &old);
                }
            }
        }
        let error = match call.error {
            None => None,
            Some(error) => Some(match self.errors.admit(error, period) {
                Admission::Own | Admission::InsteadOf(_) => error,
                Admission::Other => "_OTHER",
            }),
        };
        let key = View { family: call.family, labels: &labels[..call.count], overflow: false };
        if let Some(series) = self.series.get_mut(&key as &dyn Seen) {
            series.used = period;
            if let Some(at) = series.outcome(error, call.status_code) {
                return series.add(call, addition, at, self.shape);
            }
            let (old, more) = (series.points(), series.points_with_outcome());
            if self.makes_room(call.family, more - old, Some(&key)) {
                let shape = self.shape;
                if let Some(series) = self.series.get_mut(&key as &dyn Seen) {
                    let at = series.open_outcome(error, call.status_code, call.family, shape);
                    series.add(call, addition, at, shape);
                    self.points[call.family as usize] += series.points() - old;
                }
                return;
            }
        } else if self.makes_room(call.family, NEW_POINTS, None) {
            let price = if same { price } else { None };
            let stored: Box<[Stored]> = labels[..call.count].iter().map(stored).collect();
            let key = Key { family: call.family, labels: stored, overflow: false };
            self.open(key, call, error, addition, price, now);
            return;
        }
        self.overflowed += 1;
        let key = View { family: call.family, labels: &[], overflow: true };
        let error = error.map(|_| "_OTHER");
        if let Some(series) = self.series.get_mut(&key as &dyn Seen) {
            series.used = period;
            let at = match series.outcome(error, None) {
                Some(at) => at,
                None => series.open_outcome(error, None, call.family, self.shape),
            };
            return series.add(call, addition, at, self.shape);
        }
        let key = Key { family: call.family, labels: Box::default(), overflow: true };
        self.open(key, call, error, addition, None, now);
    }

    fn open(
        &mut self,
        key: Key,
        call: &Call<'_>,
        error: Option<&str>,
        addition: &Addition,
        price: Option<Option<Arc<Price>>>,
        now: SystemTime,
    ) {
        let code = if key.overflow { None } else { call.status_code };
        let mut series = Series::new(now, self.period, price);
        let at = series.open_outcome(error, code, call.family, self.shape);
        series.add(call, addition, at, self.shape);
        // The overflow series has its room reserved.
        if !key.overflow {
            self.points[call.family as usize] += NEW_POINTS;
        }
        self.series.insert(key, series);
    }

    /// Whether the family may have so many points more, after idle series are let go.
    fn makes_room(&mut self, family: Family, points: usize, but: Option<&View<'_>>) -> bool {
        let at = family as usize;
        while self.points[at] + points > self.limit - RESERVED {
            if self.all_used_in[at] == Some(self.period) {
                return false;
            }
            let idle = self
                .series
                .iter()
                .filter(|(key, series)| {
                    key.family == family
                        && !key.overflow
                        && series.used < self.period
                        && but.is_none_or(|but| !(but as &dyn Seen).same(*key))
                })
                .min_by_key(|(_, series)| series.used)
                .map(|(key, _)| key.clone());
            let Some(idle) = idle else {
                self.all_used_in[at] = Some(self.period);
                return false;
            };
            let rest = Key { family, labels: Box::default(), overflow: true };
            self.fold(&idle, rest);
            self.evicted += 1;
        }
        true
    }

    /// Lets go of the series of a label's value.
    fn retire(&mut self, name: &str, value: &str) {
        let gone: Vec<Key> = self
            .series
            .keys()
            .filter(|key| {
                key.labels.iter().enumerate().any(|(at, label)| {
                    matches!(label, Stored::Text(text) if **text == *value)
                        && self.own_labels.name(key.family, at) == name
                })
            })
            .cloned()
            .collect();
        for key in gone {
            let mut to = key.clone();
            for (at, label) in to.labels.iter_mut().enumerate() {
                let is_it = matches!(label, Stored::Text(text) if **text == *value);
                if is_it && self.own_labels.name(key.family, at) == name {
                    *label = Stored::Text(OTHER.into());
                }
            }
            self.fold(&key, to);
        }
    }

    /// Removes a series; what was not collected of it goes on in another one.
    fn fold(&mut self, from: &Key, to: Key) {
        let Some(gone) = self.series.remove(from) else { return };
        let at = from.family as usize;
        self.points[at] = self.points[at].saturating_sub(gone.points());
        if gone.is_collected() {
            return;
        }
        let family = to.family;
        let is_overflow = to.overflow;
        let before = self.series.get(&to).map_or(0, Series::points);
        let series =
            self.series.entry(to).or_insert_with(|| Series::new(gone.since, gone.used, None));
        series.absorb(gone, family, self.shape);
        let after = series.points();
        if !is_overflow {
            self.points[at] += after - before;
        }
    }

    /// Begins a new period: everything is read once, by `read`.
    pub(super) fn collect(&mut self, mut read: impl FnMut(&Key, &mut Series)) {
        self.period += 1;
        for (key, series) in &mut self.series {
            read(key, series);
        }
    }

    pub(super) fn label_name(&self, family: Family, at: usize) -> &str {
        self.own_labels.name(family, at)
    }
}

/// Those that are no conventional label of any family; the number of each is its limit.
pub(super) fn own_labels(labels: &[(String, usize)]) -> Vec<(Box<str>, usize)> {
    let conventional = |name: &str| {
        Attr::ALL.iter().any(|attr| {
            attr.key() == name
                && ALL_FAMILIES.iter().any(|family| label::labels(*family).contains(attr))
        })
    };
    let own = labels.iter().filter(|(name, _)| !conventional(name)).take(MAX_OWN_LABELS);
    own.map(|(name, limit)| (name.as_str().into(), *limit)).collect()
}

/// How many values a label may take that has no limit of its own.
fn default_limit(series: usize) -> usize {
    (series / 4).max(1)
}

trait LabelNames {
    fn name(&self, family: Family, at: usize) -> &str;
}

impl LabelNames for Vec<(Box<str>, usize)> {
    fn name(&self, family: Family, at: usize) -> &str {
        if family == Family::Http {
            return label::HTTP.get(at).copied().unwrap_or_default();
        }
        let conventional = label::labels(family);
        match conventional.get(at) {
            Some(attr) => attr.key(),
            None => self.get(at - conventional.len()).map_or("", |(name, _)| name),
        }
    }
}

impl Series {
    fn new(since: SystemTime, used: u64, price: Option<Option<Arc<Price>>>) -> Self {
        Self {
            since,
            used,
            price,
            outcomes: Vec::new(),
            distributions: Default::default(),
            tokens: Default::default(),
            cache_hits: Sum::default(),
            cost: BigSum::default(),
        }
    }

    fn outcome(&self, error: Option<&str>, code: Option<u16>) -> Option<usize> {
        self.outcomes.iter().position(|outcome| {
            outcome.error.as_deref() == error && (error.is_none() || outcome.status_code == code)
        })
    }

    fn open_outcome(
        &mut self,
        error: Option<&str>,
        code: Option<u16>,
        family: Family,
        shape: Histograms,
    ) -> usize {
        self.outcomes.push(Outcome {
            error: error.map(Arc::from),
            status_code: error.and(code),
            duration: Histogram::new(shape, duration_bounds(family)),
            requests: Sum::default(),
        });
        self.outcomes.len() - 1
    }

    /// Points of the metric that has most of them.
    fn points(&self) -> usize {
        self.outcomes.len().max(NEW_POINTS)
    }

    fn points_with_outcome(&self) -> usize {
        (self.outcomes.len() + 1).max(NEW_POINTS)
    }

    fn add(&mut self, call: &Call<'_>, addition: &Addition, at: usize, shape: Histograms) {
        let outcome = &mut self.outcomes[at];
        outcome.duration.record(call.seconds);
        let counted = &addition.counted;
        outcome.requests.new += counted.requests;
        for (at, value) in addition.observed.iter().enumerate() {
            if let Some(value) = value {
                distribution(&mut self.distributions, at, shape).record(*value);
            }
        }
        for gap in &addition.chunks {
            distribution(&mut self.distributions, Distribution::OutputChunk as usize, shape)
                .record(*gap);
        }
        for (kind, (sums, tokens)) in self.tokens.iter_mut().zip(counted.tokens).enumerate() {
            if tokens == 0 {
                continue;
            }
            let mut rest = tokens;
            if call.usage.tokens[kind] == Some(tokens)
                && let Some(split) = call.usage.by_modality.get(modality_row(kind))
                && split.iter().sum::<u64>() <= tokens
            {
                for (sum, part) in sums.iter_mut().zip(split) {
                    sum.new += part;
                    rest -= part;
                }
            }
            sums[UNKNOWN].new += rest;
        }
        self.cache_hits.new += u64::from(addition.cache_hit);
        if addition.has_cost {
            self.cost.is_known = true;
            self.cost.new += counted.cost;
        }
    }

    fn is_collected(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.duration.new.count == 0)
    }

    /// Takes over what was not collected of another series.
    fn absorb(&mut self, gone: Self, family: Family, shape: Histograms) {
        for outcome in gone.outcomes {
            let at = match self.outcome(outcome.error.as_deref(), outcome.status_code) {
                Some(at) => at,
                None => {
                    self.open_outcome(outcome.error.as_deref(), outcome.status_code, family, shape)
                }
            };
            self.outcomes[at].duration.new.merge(&outcome.duration.new);
            self.outcomes[at].requests.new += outcome.requests.new;
        }
        for (at, histogram) in gone.distributions.into_iter().enumerate() {
            if let Some(histogram) = histogram {
                distribution(&mut self.distributions, at, shape).new.merge(&histogram.new);
            }
        }
        for (own, gone) in self.tokens.iter_mut().flatten().zip(gone.tokens.iter().flatten()) {
            own.new += gone.new;
        }
        self.cache_hits.new += gone.cache_hits.new;
        self.cost.new += gone.cost.new;
        self.cost.is_known |= gone.cost.is_known;
    }
}

/// Which row of the split by modality has tokens of this kind.
fn modality_row(kind: usize) -> usize {
    match kind {
        kind if kind == Tokens::CacheRead as usize => 2,
        kind if kind <= Tokens::Output as usize => kind,
        _ => usize::MAX,
    }
}

fn distribution(
    all: &mut [Option<Box<Histogram>>; Distribution::COUNT],
    at: usize,
    shape: Histograms,
) -> &mut Histogram {
    all[at].get_or_insert_with(|| Box::new(Histogram::new(shape, DISTRIBUTIONS[at].bounds())))
}

impl Sum {
    /// Moves what is new to what was collected; gives the new part, or everything.
    pub(super) fn collect(&mut self, delta: bool) -> Option<u64> {
        let new = std::mem::take(&mut self.new);
        self.collected += new;
        Some(if delta { new } else { self.collected }).filter(|sum| *sum > 0)
    }
}

impl BigSum {
    pub(super) fn collect(&mut self, delta: bool) -> Option<u128> {
        let new = std::mem::take(&mut self.new);
        self.collected += new;
        self.is_known
            .then_some(if delta { new } else { self.collected })
            .filter(|sum| !delta || *sum > 0)
    }
}

pub(super) const UNKNOWN: usize = 3;
/// Input and output are two points of one metric, four modalities of another.
const NEW_POINTS: usize = 4;
/// For the overflow series.
const RESERVED: usize = 4;
const MIN_LIMIT: usize = NEW_POINTS + RESERVED;
const MAX_OWN_LABELS: usize = MAX_LABELS - 9;

const DISTRIBUTIONS: [Distribution; Distribution::COUNT] = [
    Distribution::FirstChunk,
    Distribution::OutputChunk,
    Distribution::InputTokens,
    Distribution::OutputTokens,
    Distribution::FailedInputTokens,
    Distribution::FailedOutputTokens,
    Distribution::InferenceCalls,
    Distribution::ToolCalls,
];

const ALL_FAMILIES: [Family; 8] = [
    Family::Inference,
    Family::Embeddings,
    Family::Operation,
    Family::Agent,
    Family::Workflow,
    Family::Tool,
    Family::McpClient,
    Family::McpServer,
];
