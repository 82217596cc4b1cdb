//! Metrics, derived from spans that end, sampled or not.
//!
//! ```text
//! tracer ── start, end ──▶ SpanMetrics ── collect ──▶ points ── pipeline ──▶ destinations
//! ```
//!
//! The tracer tells of every span through `ObserveSpans`. What a span says is measured once,
//! under its labels (`series`): tokens and cost of nested spans of one request count where they
//! are reported innermost, and outside only what is left (`place`). Agents, workflows and tools
//! have durations and calls, never tokens.
//!
//! Aggregation is ours and not the SDK's, which keeps a series for ever: labels with too many
//! values pass into `other` and back.

mod call;
mod finite;
mod histogram;
mod key;
mod label;
mod own;
mod place;
mod points;
mod pricing;
mod series;
mod status;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use opentelemetry::trace::{SpanId, Tracer};
use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;

pub(crate) use histogram::{Buckets, Layer};
pub(crate) use points::{Attribute, Measured, Point, Points};
pub use status::{LabelStatus, MetricsStatus, PointCounts, PriceStatus};

use crate::GenAiLayer;
use crate::capture::tracer::SpanState;
use crate::capture::tracer::observe::{Counted, Ended, ObserveSpans};
use crate::config::settings::{self, Pricing, Temporality};
use crate::health::Counter;
use crate::record::Value;
use crate::semconv::metrics::{Distribution, Tokens};
use crate::semconv::{Attr, Family, Version};
use call::Call;
#[cfg(feature = "tower")]
use call::Label;
use finite::Finite;
use own::{Before, Source};
pub(crate) use own::{Operations, Sample, Sampled};
use place::Places;
use pricing::{Cost, Priced, Prices, dollars, units};
use series::{Addition, OTHER_ERROR, Store};

/// What is measured of spans.
pub struct SpanMetrics {
    version: Version,
    places: Places,
    /// Measurements that are no numbers to add up.
    not_finite: Counter,
    own: OnceLock<Source>,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(crate) struct State {
    store: Store,
    delta: bool,
    /// Whether metrics about our own delivery are asked for.
    sdk: bool,
    before: Before,
    prices: Prices,
    collected: SystemTime,
    priced: u64,
    unknown_model: u64,
    no_usage: u64,
}

impl<S, T> GenAiLayer<S, T>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    T: Tracer + Clone + 'static,
    T::Span: Send + Sync,
{
    /// Measures what passes through this layer. Defaults to no metrics.
    #[must_use]
    pub fn metrics(self, metrics: Arc<SpanMetrics>) -> Self {
        self.observed_by(metrics)
    }
}

impl SpanMetrics {
    pub(crate) fn new(settings: &settings::Metrics, pricing: &Pricing, version: Version) -> Self {
        let store = Store::new(settings.cardinality_limit, &settings.labels, settings.histograms);
        Self {
            version,
            places: Places::default(),
            not_finite: Counter::default(),
            own: OnceLock::new(),
            state: Mutex::new(State {
                store,
                delta: is_delta(settings),
                sdk: settings.sdk,
                before: Before::default(),
                prices: Prices::load(pricing),
                collected: SystemTime::now(),
                priced: 0,
                unknown_model: 0,
                no_usage: 0,
            }),
        }
    }

    /// Makes new settings work, as far as series that exist can follow: limits, temporality and
    /// prices. Tells whether prices are others than before.
    pub(crate) fn reload(&self, settings: &settings::Metrics, pricing: &Pricing) -> bool {
        let mut prices = Prices::load(pricing);
        let mut state = self.state();
        (state.delta, state.sdk) = (is_delta(settings), settings.sdk);
        state.store.limit_to(settings.cardinality_limit, &settings.labels);
        if prices.is_empty() && !prices.problems.is_empty() {
            // A file that cannot be read for a moment costs no prices.
            state.prices.problems = std::mem::take(&mut prices.problems);
            return false;
        }
        let differ = !prices.same_as(&state.prices);
        state.prices = prices;
        if differ {
            state.store.forget_prices();
        }
        differ
    }

    /// Metrics of the given version of the conventions, with every other setting at its default:
    /// for a layer of your own, see [`GenAiLayer::metrics`](crate::GenAiLayer::metrics).
    #[must_use]
    pub fn with_version(version: Version) -> Arc<Self> {
        Arc::new(Self::new(&settings::Metrics::default(), &Pricing::default(), version))
    }

    /// What keeps the metrics bounded, and how well calls are priced.
    #[must_use]
    pub fn status(&self) -> MetricsStatus {
        MetricsStatus::new((&*self.state(), self.not_finite.get()))
    }

    /// Everything measured so far, or since the last call with delta temporality.
    pub(crate) fn collect(&self, now: SystemTime) -> Points {
        let delta = self.state().delta;
        let own = self.own.get().filter(|_| self.state().sdk);
        // Not under the lock: the source asks the queues.
        let samples = own.map(|own| own(delta)).unwrap_or_default();
        let mut state = self.state();
        let since = std::mem::replace(&mut state.collected, now);
        let mut points = Points::collect(&mut state.store, self.version, delta, since, now);
        state.before.add(&mut points, samples, since, now);
        points
    }

    /// Where samples of our own delivery come from.
    pub(crate) fn watch(&self, source: Source) {
        let _ = self.own.set(source);
    }

    /// Measures an inbound HTTP request.
    #[cfg(feature = "tower")]
    pub(crate) fn http_request(&self, request: &HttpRequest<'_>) {
        let Some(seconds) = Finite::of(request.seconds, &self.not_finite) else { return };
        let mut call = Call::empty(Family::Http);
        call.seconds = seconds;
        call.error = request.error;
        call.count = label::HTTP.len();
        call.labels[0] = Label::Text(request.method);
        call.labels[1] = request.route.map_or(Label::None, Label::Text);
        call.labels[2] = request.status.map_or(Label::None, |status| Label::Int(status.into()));
        self.state().store.add(&call, &Addition::default(), Priced::Unasked, SystemTime::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock runs code of others, so a poisoned one holds sound data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measure(&self, ended: &mut Ended<'_>) -> (Counted, Option<Cost>) {
        let seconds = ended.end.duration_since(ended.start).unwrap_or_default().as_secs_f64();
        let mut state = self.state();
        let state = &mut *state;
        let (record, own_labels) = (&*ended.record, state.store.own_labels());
        let mut call = Call::read(ended.family, record, own_labels, &self.not_finite);
        call.seconds = Finite::of(seconds, &self.not_finite).unwrap_or(Finite::ZERO);
        call.error = call.error.or(Some(OTHER_ERROR)).filter(|_| ended.failed);
        let (mut own, mut bill) = (Counted::default(), Bill::default());
        let uses_tokens = matches!(ended.family, Family::Inference | Family::Embeddings);
        own.requests = u64::from(uses_tokens || ended.family == Family::Operation);
        if uses_tokens {
            own.tokens = call.usage.tokens.map(|tokens| tokens.unwrap_or(0));
            bill = state.bill(&call);
            own.cost = bill.amount.unwrap_or(0);
        }
        let mut addition = Addition { counted: own, ..Addition::default() };
        if uses_tokens {
            let contribution = Contribution {
                own: self.places.settle(&ended.nest, own),
                below: ended.nest.counted,
                is_billed: bill.amount.is_some(),
            };
            contribution.observe(&call, &mut addition);
        }
        let mut observe = |distribution: Distribution, value: Option<Finite>| {
            addition.observed[distribution as usize] = value;
        };
        match ended.family {
            Family::Agent => {
                let count = |calls: u32| Some(Finite::count(calls.into()));
                observe(Distribution::InferenceCalls, count(ended.nest.inference_calls));
                observe(Distribution::ToolCalls, count(ended.nest.tool_calls));
            }
            Family::Inference => {
                observe(Distribution::FirstChunk, call.first_chunk);
                let gaps = std::mem::take(&mut ended.gaps).into_iter();
                let gaps = gaps.filter_map(|gap| Finite::of(gap, &self.not_finite));
                addition.chunks = gaps.collect();
                addition.cache_hit = addition.counted.tokens[Tokens::CacheRead as usize] > 0;
            }
            _ => {}
        }
        state.store.add(&call, &addition, bill.price, ended.end);
        (addition.counted, bill.cost)
    }
}

/// What a call costs.
#[derive(Debug, Default)]
struct Bill {
    /// By the price list; what the application recorded is no news to the span.
    cost: Option<Cost>,
    /// In 10⁻¹⁵ US dollars.
    amount: Option<u128>,
    price: Priced,
}

/// What a call adds to what the spans below it have counted already.
struct Contribution {
    own: Counted,
    below: Counted,
    is_billed: bool,
}

impl Contribution {
    fn observe(&self, call: &Call<'_>, addition: &mut Addition) {
        addition.counted = self.own;
        let (input, output) = match call.error {
            None => (Distribution::InputTokens, Distribution::OutputTokens),
            Some(_) => (Distribution::FailedInputTokens, Distribution::FailedOutputTokens),
        };
        for (kind, to) in [(Tokens::Input, input), (Tokens::Output, output)] {
            addition.observed[to as usize] = call.usage.of(kind).and_then(|_| self.tokens(kind));
        }
        addition.is_priced = self.is_billed && (self.own.cost > 0 || self.below.cost == 0);
    }

    /// `None` where all of them were observed below.
    fn tokens(&self, kind: Tokens) -> Option<Finite> {
        let [own, below] = [self.own, self.below].map(|counted| counted.tokens[kind as usize]);
        (own > 0 || below == 0).then_some(Finite::count(own))
    }
}

impl State {
    /// The cost that was recorded, else the one that the price list makes.
    fn bill(&mut self, call: &Call<'_>) -> Bill {
        if let Some(recorded) = call.cost {
            return Bill { amount: Some(units(recorded)), ..Bill::default() };
        }
        if self.prices.is_empty() {
            return Bill::default();
        }
        if call.usage.tokens[..2].iter().all(Option::is_none) {
            self.no_usage += 1;
            return Bill::default();
        }
        let price = match self.store.price_of(call) {
            Priced::Unasked => self.prices.of(call),
            price => price,
        };
        let cost = match &price {
            Priced::Known(price) => {
                self.priced += 1;
                Some(price.cost(&call.usage))
            }
            Priced::Unknown | Priced::Unasked => {
                self.unknown_model += 1;
                None
            }
        };
        Bill { cost, amount: cost.map(|cost| cost.total()), price }
    }
}

impl ObserveSpans for SpanMetrics {
    fn passed(&self, parent: SpanId, span: SpanId) -> bool {
        self.places.pass(parent, span)
    }

    fn started(&self, parent: SpanId, span: SpanId, state: &Arc<SpanState>, family: Family) {
        self.places.enter(parent, span, state, family);
    }

    fn ended(&self, mut ended: Ended<'_>) {
        self.places.leave(ended.span);
        if ended.family == Family::Unknown {
            self.places.pass_on(&ended.nest);
            return;
        }
        let (counted, cost) = self.measure(&mut ended);
        if let Some(cost) = cost {
            write(ended.record, &cost);
        }
        self.places.count(&ended, &counted);
    }

    fn left(&self, span: SpanId) {
        self.places.leave(span);
    }
}

impl fmt::Debug for SpanMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SpanMetrics").field("version", &self.version).finish_non_exhaustive()
    }
}

/// An inbound HTTP request that was answered.
#[cfg(feature = "tower")]
#[derive(Debug)]
pub(crate) struct HttpRequest<'a> {
    pub(crate) method: &'static str,
    pub(crate) route: Option<&'a str>,
    pub(crate) status: Option<u16>,
    pub(crate) error: Option<&'a str>,
    pub(crate) seconds: f64,
}

/// Nothing here is up-down, which low memory would keep cumulative.
fn is_delta(settings: &settings::Metrics) -> bool {
    settings.temporality != Temporality::Cumulative
}

/// Puts a cost and its parts on the span.
fn write(record: &mut crate::record::Record, cost: &Cost) {
    record.put(Attr::UsageCost, Value::F64(dollars(cost.total())));
    for (attr, part) in [
        (Attr::CostInput, cost.input),
        (Attr::CostOutput, cost.output),
        (Attr::CostCacheRead, cost.cache_read),
        (Attr::CostCacheWrite, cost.cache_write),
        (Attr::CostReasoning, cost.reasoning),
        (Attr::CostAudio, cost.audio),
        (Attr::CostRequest, cost.request),
    ] {
        if part > 0 {
            record.put(attr, Value::F64(dollars(part)));
        }
    }
}
