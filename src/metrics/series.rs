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
use super::finite::Finite;
use super::histogram::Histogram;
use super::key::{Key, Seen, Stored, View, owned, view};
use super::label::{self, Admission, LabelValues, MAX_LABELS, OTHER};
use super::pricing::Priced;
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
    pub(super) price: Priced,
    pub(super) outcomes: Vec<Outcome>,
    pub(super) requests: Sum,
    pub(super) successes: Sum,
    pub(super) distributions: [Option<Box<Histogram>>; Distribution::COUNT],
    /// By kind, then text, image, audio, unknown.
    pub(super) tokens: [[Sum; 4]; 5],
    pub(super) cache_hits: Sum,
    /// In 10⁻¹⁵ US dollars.
    pub(super) cost: BigSum,
}

/// Calls that ended in one way: an entry of its own, used and let go of like a series.
#[derive(Debug)]
pub(super) struct Outcome {
    pub(super) error: Option<Arc<str>>,
    pub(super) status_code: Option<u16>,
    pub(super) since: SystemTime,
    used: u64,
    pub(super) duration: Histogram,
    /// Calls to providers that failed so.
    pub(super) errors: Sum,
}

/// What an entry is opened with.
#[derive(Clone, Copy, Debug)]
struct Opening {
    family: Family,
    shape: Histograms,
    since: SystemTime,
    period: u64,
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
    /// Whether the cost of what is counted is known.
    pub(super) is_priced: bool,
    /// Values for the distributions.
    pub(super) observed: [Option<Finite>; Distribution::COUNT],
    pub(super) chunks: Vec<Finite>,
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
            series.price = Priced::Unasked;
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

    /// The labels that have had more values than they may.
    pub(super) fn crowded(&self) -> impl Iterator<Item = (&str, &LabelValues)> {
        let labels = self.values.iter().map(|(name, values)| (&**name, values));
        labels
            .chain([("error.type", &self.errors)])
            .filter(|(_, values)| values.overflowed + values.recycled > 0)
    }

    /// The price of the series that the call belongs to.
    pub(super) fn price_of(&self, call: &Call<'_>) -> Priced {
        let series = self.series.get(&view(call) as &dyn Seen);
        series.map_or(Priced::Unasked, |series| series.price.clone())
    }

    pub(super) fn add(
        &mut self,
        call: &Call<'_>,
        addition: &Addition,
        price: Priced,
        now: SystemTime,
    ) {
        let (period, shape) = (self.period, self.shape);
        if let Some(series) = self.series.get_mut(&view(call) as &dyn Seen)
            && series.used == period
            && let Some(at) = series.outcome(call.error, call.status_code)
            && series.outcomes[at].used == period
        {
            return series.add(call, addition, at, shape);
        }
        self.add_slowly(call, addition, price, now);
    }

    /// The first call of a series or of an outcome in this period: labels are admitted, room is
    /// made.
    fn add_slowly(&mut self, call: &Call<'_>, addition: &Addition, price: Priced, now: SystemTime) {
        let (family, period) = (call.family, self.period);
        let labels = self.admit_labels(call);
        let mut error = call.error.map(|error| self.admit_error(error));
        let mut code = call.status_code;
        let labels = &labels[..call.count];
        let mut key = View { family, labels, overflow: false };
        if !self.series.contains_key(&key as &dyn Seen) {
            if self.makes_room(family) {
                let price = if labels == call.labels() { price } else { Priced::Unasked };
                self.insert(owned(&key), Series::new(now, period, price));
            } else {
                self.overflowed += 1;
                key = View { family, labels: &[], overflow: true };
                (error, code) = (error.map(|_| OTHER_ERROR), None);
                if !self.series.contains_key(&key as &dyn Seen) {
                    self.insert(owned(&key), Series::new(now, period, Priced::Unasked));
                }
            }
        }
        let may_grow = self.points[family as usize] < self.limit - RESERVED;
        let opening = Opening { family, shape: self.shape, since: now, period };
        self.edit(&key, |series| {
            series.used = period;
            let at = series.outcome_for(error, code, may_grow, opening);
            series.outcomes[at].used = period;
            series.add(call, addition, at, opening.shape);
        });
    }

    /// The labels of a call as far as they have series of their own.
    fn admit_labels<'a>(&mut self, call: &Call<'a>) -> [Label<'a>; MAX_LABELS] {
        let mut labels = call.labels;
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
            match values.admit(text, self.period) {
                Admission::Own => {}
                Admission::Other => *label = Label::Text(OTHER),
                Admission::InsteadOf(old) => {
                    let name: Box<str> = name.into();
                    self.retire(&name, &old);
                }
            }
        }
        labels
    }

    fn admit_error<'a>(&mut self, error: &'a str) -> &'a str {
        if error == OTHER_ERROR {
            return error;
        }
        match self.errors.admit(error, self.period) {
            Admission::Own => error,
            Admission::Other => OTHER_ERROR,
            Admission::InsteadOf(old) => {
                self.retire_error(&old);
                error
            }
        }
    }

    /// Whether the family may have one series more, after others are let go: outcomes beyond those
    /// that each series has room for, then idle series.
    fn makes_room(&mut self, family: Family) -> bool {
        let at = family as usize;
        while self.points[at] + NEW_POINTS > self.limit - RESERVED {
            if self.all_used_in[at] == Some(self.period) {
                return false;
            }
            let of_family =
                self.series.iter().filter(|(key, _)| key.family == family && !key.overflow);
            let largest = of_family.clone().max_by_key(|(_, series)| series.points());
            if let Some((key, _)) = largest.filter(|(_, series)| series.points() > NEW_POINTS) {
                let (key, shape) = (key.clone(), self.shape);
                self.edit(&key, |series| {
                    while series.points() > NEW_POINTS {
                        series.let_go_of_an_error(u64::MAX, family, shape);
                    }
                });
                continue;
            }
            let idle = of_family.filter(|(_, series)| series.used < self.period);
            let Some((idle, _)) = idle.min_by_key(|(_, series)| series.used) else {
                self.all_used_in[at] = Some(self.period);
                return false;
            };
            let idle = idle.clone();
            self.fold(&idle, Key { family, labels: Box::default(), overflow: true });
            self.evicted += 1;
        }
        true
    }

    /// Lets go of the series of a label's value.
    fn retire(&mut self, name: &str, value: &str) {
        let moved: Vec<(Key, Key)> = self
            .series
            .keys()
            .filter_map(|key| {
                let is_it = |at: usize, label: &Stored| {
                    matches!(label, Stored::Text(text) if **text == *value)
                        && self.own_labels.name(key.family, at) == name
                };
                let mut labels = key.labels.iter().enumerate();
                let first = labels.position(|(at, label)| is_it(at, label))?;
                let mut to = key.clone();
                to.labels[first] = Stored::Text(OTHER.into());
                Some((key.clone(), to))
            })
            .collect();
        for (from, to) in moved {
            self.fold(&from, to);
        }
    }

    /// Lets go of the outcomes of an `error.type`.
    fn retire_error(&mut self, error: &str) {
        let shape = self.shape;
        for (key, series) in &mut self.series {
            let before = series.points();
            while let Some(at) =
                series.outcomes.iter().position(|outcome| outcome.error.as_deref() == Some(error))
            {
                series.let_go_of_outcome(at, key.family, shape);
            }
            if !key.overflow {
                self.points[key.family as usize] -= before - series.points();
            }
        }
    }

    /// Removes a series; what was not collected of it goes on in another one.
    fn fold(&mut self, from: &Key, to: Key) {
        let Some(gone) = self.series.remove(from) else { return };
        self.points[from.family as usize] -= gone.points();
        if gone.is_collected() {
            return;
        }
        if !self.series.contains_key(&to) {
            self.insert(to.clone(), Series::new(gone.since, gone.used, Priced::Unasked));
        }
        let shape = self.shape;
        self.edit(&to, |series| series.absorb(gone, &to, shape));
    }

    fn insert(&mut self, key: Key, series: Series) {
        // The overflow series has its room reserved.
        if !key.overflow {
            self.points[key.family as usize] += series.points();
        }
        self.series.insert(key, series);
    }

    /// Changes a series; its family has as many points more or less as it has then.
    fn edit(&mut self, key: &dyn Seen, change: impl FnOnce(&mut Series)) {
        let Some(series) = self.series.get_mut(key) else { return };
        let before = series.points();
        change(series);
        if !key.overflow() {
            let points = &mut self.points[key.family() as usize];
            *points = *points - before + series.points();
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
    fn new(since: SystemTime, used: u64, price: Priced) -> Self {
        Self {
            since,
            used,
            price,
            outcomes: Vec::new(),
            requests: Sum::default(),
            successes: Sum::default(),
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

    /// The outcome of a call. A success and `_OTHER` always have one. Where there is no room for
    /// one more error, it takes the place of one that is idle, or counts as `_OTHER`: an unbounded
    /// `error.type` costs other series nothing.
    fn outcome_for(
        &mut self,
        error: Option<&str>,
        code: Option<u16>,
        may_grow: bool,
        opening: Opening,
    ) -> usize {
        if let Some(at) = self.outcome(error, code) {
            return at;
        }
        let has_place = error.is_none_or(|error| error == OTHER_ERROR)
            || self.errors() < OWN_ERRORS
            || may_grow
            || self.let_go_of_an_error(opening.period, opening.family, opening.shape);
        match has_place {
            true => self.open(error, code, opening),
            false => self.other_error(opening),
        }
    }

    fn other_error(&mut self, opening: Opening) -> usize {
        let at = self.outcome(Some(OTHER_ERROR), None);
        at.unwrap_or_else(|| self.open(Some(OTHER_ERROR), None, opening))
    }

    fn open(&mut self, error: Option<&str>, code: Option<u16>, opening: Opening) -> usize {
        self.outcomes.push(Outcome {
            error: error.map(Arc::from),
            status_code: error.and(code),
            since: opening.since,
            used: opening.period,
            duration: Histogram::new(opening.shape, duration_bounds(opening.family)),
            errors: Sum::default(),
        });
        self.outcomes.len() - 1
    }

    /// Lets go of the error that was not used for longest, before this period. Tells whether there
    /// was one.
    fn let_go_of_an_error(&mut self, period: u64, family: Family, shape: Histograms) -> bool {
        let errors = self.outcomes.iter().enumerate();
        let idle = errors
            .filter(|(_, outcome)| outcome.is_own_error() && outcome.used < period)
            .min_by_key(|(_, outcome)| outcome.used)
            .map(|(at, _)| at);
        if let Some(at) = idle {
            self.let_go_of_outcome(at, family, shape);
        }
        idle.is_some()
    }

    /// Removes an outcome; what was not collected of it goes on as `_OTHER`.
    fn let_go_of_outcome(&mut self, at: usize, family: Family, shape: Histograms) {
        let gone = self.outcomes.swap_remove(at);
        if gone.duration.new.count > 0 {
            let (since, period) = (gone.since, gone.used);
            let at = self.other_error(Opening { family, shape, since, period });
            self.outcomes[at].absorb(&gone);
        }
    }

    /// Errors with an outcome of their own.
    fn errors(&self) -> usize {
        self.outcomes.iter().filter(|outcome| outcome.is_own_error()).count()
    }

    /// Points of the metric that has most of them, with a place for a success and for `_OTHER`.
    fn points(&self) -> usize {
        (self.errors() + NEW_POINTS - OWN_ERRORS).max(NEW_POINTS)
    }

    fn add(&mut self, call: &Call<'_>, addition: &Addition, at: usize, shape: Histograms) {
        let outcome = &mut self.outcomes[at];
        outcome.duration.record(call.seconds);
        let counted = &addition.counted;
        let to = if outcome.error.is_some() { &mut outcome.errors } else { &mut self.successes };
        to.add(counted.requests);
        self.requests.add(counted.requests);
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
                && split.iter().fold(0, |sum: u64, part| sum.saturating_add(*part)) <= tokens
            {
                for (sum, part) in sums.iter_mut().zip(split) {
                    sum.add(*part);
                    rest -= part;
                }
            }
            sums[UNKNOWN].add(rest);
        }
        self.cache_hits.add(u64::from(addition.cache_hit));
        if addition.is_priced {
            self.cost.is_known = true;
            self.cost.new = self.cost.new.saturating_add(counted.cost);
        }
    }

    fn is_collected(&self) -> bool {
        self.outcomes.iter().all(|outcome| outcome.duration.new.count == 0)
    }

    /// Takes over what was not collected of another series, as the series of `key`.
    fn absorb(&mut self, gone: Self, key: &Key, shape: Histograms) {
        for outcome in gone.outcomes.iter().filter(|outcome| outcome.duration.new.count > 0) {
            let (mut error, mut code) = (outcome.error.as_deref(), outcome.status_code);
            if key.overflow {
                (error, code) = (error.map(|_| OTHER_ERROR), None);
            }
            let (since, period) = (outcome.since, outcome.used);
            let opening = Opening { family: key.family, shape, since, period };
            let at = self.outcome_for(error, code, false, opening);
            self.outcomes[at].absorb(outcome);
        }
        for (at, histogram) in gone.distributions.into_iter().enumerate() {
            if let Some(histogram) = histogram {
                distribution(&mut self.distributions, at, shape).new.merge(&histogram.new);
            }
        }
        self.requests.add(gone.requests.new);
        self.successes.add(gone.successes.new);
        self.cache_hits.add(gone.cache_hits.new);
        for (own, gone) in self.tokens.iter_mut().flatten().zip(gone.tokens.iter().flatten()) {
            own.add(gone.new);
        }
        self.cost.new = self.cost.new.saturating_add(gone.cost.new);
        self.cost.is_known |= gone.cost.is_known;
    }
}

impl Outcome {
    fn is_own_error(&self) -> bool {
        self.error.as_deref().is_some_and(|error| error != OTHER_ERROR)
    }

    fn absorb(&mut self, gone: &Self) {
        self.duration.new.merge(&gone.duration.new);
        self.errors.add(gone.errors.new);
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
    fn add(&mut self, n: u64) {
        self.new = self.new.saturating_add(n);
    }

    /// Moves what is new to what was collected; gives the new part, or everything.
    pub(super) fn collect(&mut self, delta: bool) -> Option<u64> {
        let new = std::mem::take(&mut self.new);
        self.collected = self.collected.saturating_add(new);
        Some(if delta { new } else { self.collected }).filter(|sum| *sum > 0)
    }
}

impl BigSum {
    pub(super) fn collect(&mut self, delta: bool) -> Option<u128> {
        let new = std::mem::take(&mut self.new);
        self.collected = self.collected.saturating_add(new);
        self.is_known
            .then_some(if delta { new } else { self.collected })
            .filter(|sum| !delta || *sum > 0)
    }
}

const UNKNOWN: usize = 3;
/// Input and output are two points of one metric, four modalities of another.
const NEW_POINTS: usize = 4;
/// Errors for which a series has room from the start, beside its successes and `_OTHER`.
const OWN_ERRORS: usize = NEW_POINTS - 2;
/// The `error.type` of errors that have no series of their own.
pub(super) const OTHER_ERROR: &str = "_OTHER";
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
