//! Metrics, derived from spans that end, sampled or not.
//!
//! ```text
//! tracer ── start, end ──▶ SpanMetrics ── collect ──▶ points ── every interval ──▶ destinations
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
mod histogram;
mod key;
mod label;
#[cfg(feature = "otel-http")]
mod otlp;
mod place;
mod points;
mod pricing;
#[cfg(feature = "otel-http")]
mod push;
mod series;
mod status;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use opentelemetry::trace::{SpanId, Tracer};
use tracing::Subscriber;
use tracing_subscriber::registry::LookupSpan;

pub use status::{LabelStatus, MetricsStatus, PriceStatus};

use crate::GenAiLayer;
use crate::capture::tracer::SpanState;
use crate::capture::tracer::observe::{Counted, Ended, ObserveSpans};
use crate::config::settings::{self, Pricing, Temporality};
use crate::record::Value;
use crate::semconv::metrics::{Distribution, Tokens};
use crate::semconv::{Attr, Family, Version};
use call::Call;
#[cfg(feature = "tower")]
use call::Label;
use place::Places;
use points::Points;
use pricing::{Cost, Prices, dollars, units};
#[cfg(feature = "otel-http")]
pub(crate) use push::{Plan, Push};
use series::{Addition, Store};

/// What is measured of spans.
pub struct SpanMetrics {
    version: Version,
    places: Places,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    store: Store,
    delta: bool,
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
            state: Mutex::new(State {
                store,
                delta: is_delta(settings),
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
        state.delta = is_delta(settings);
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

    /// The labels that series of these settings have beyond the conventional ones.
    pub(crate) fn label_names(settings: &settings::Metrics) -> Vec<Box<str>> {
        series::own_labels(&settings.labels).into_iter().map(|(name, _)| name).collect()
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
        let state = self.state();
        MetricsStatus::new(
            &state.store,
            PriceStatus::new(
                state.prices.len(),
                state.priced,
                state.unknown_model,
                state.no_usage,
                &state.prices.problems,
            ),
        )
    }

    /// Everything measured so far, or since the last call with delta temporality.
    pub(crate) fn collect(&self, now: SystemTime) -> Points {
        let mut state = self.state();
        let (since, delta) = (std::mem::replace(&mut state.collected, now), state.delta);
        Points::collect(&mut state.store, self.version, delta, since, now)
    }

    /// Measures an inbound HTTP request.
    #[cfg(feature = "tower")]
    pub(crate) fn http_request(&self, request: &crate::telemetry::tower::Measured<'_>) {
        let mut call = Call::empty(Family::Http);
        call.seconds = request.seconds;
        call.error = request.error;
        call.count = label::HTTP.len();
        call.labels[0] = Label::Text(request.method);
        call.labels[1] = request.route.map_or(Label::None, Label::Text);
        call.labels[2] = request.status.map_or(Label::None, |status| Label::Int(status.into()));
        self.state().store.add(&call, &Addition::default(), None, SystemTime::now());
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing under this lock runs code of others, so a poisoned one holds sound data.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn measure(&self, ended: &mut Ended<'_>) -> (Counted, Option<Cost>) {
        let internal_calls = (ended.nest.inference_calls, ended.nest.tool_calls);
        let seconds = ended.end.duration_since(ended.start).unwrap_or_default().as_secs_f64();
        let mut state = self.state();
        let state = &mut *state;
        let mut call = Call::read(ended.family, ended.record, state.store.own_labels());
        call.seconds = seconds;
        if ended.failed && call.error.is_none() {
            call.error = Some("_OTHER");
        } else if !ended.failed {
            call.error = None;
        }
        let mut addition = Addition::default();
        if ended.family == Family::Agent {
            let (inferences, tools) = internal_calls;
            addition.observed[Distribution::InferenceCalls as usize] = Some(f64::from(inferences));
            addition.observed[Distribution::ToolCalls as usize] = Some(f64::from(tools));
        }
        let (mut own, mut cost, mut price) = (Counted::default(), None, None);
        if matches!(ended.family, Family::Inference | Family::Embeddings | Family::Operation) {
            own.requests = 1;
        }
        if matches!(ended.family, Family::Inference | Family::Embeddings) {
            for (own, tokens) in own.tokens.iter_mut().zip(call.usage.tokens) {
                *own = tokens.unwrap_or(0);
            }
            if let Some(recorded) = call.cost {
                own.cost = units(recorded);
                addition.has_cost = true;
            } else if !state.prices.is_empty() {
                (cost, price) = state.price(&call);
                if let Some(cost) = &cost {
                    own.cost = cost.total();
                    addition.has_cost = true;
                }
            }
            addition.counted = own.beyond(&ended.nest.counted);
            if ended.nest.around.is_some() {
                self.places.settle_with_ended(&ended.nest, &mut addition.counted);
            }
            if ended.family == Family::Inference {
                if call.stream || call.first_chunk.is_some() {
                    addition.observed[Distribution::FirstChunk as usize] = call.first_chunk;
                }
                addition.chunks = std::mem::take(&mut ended.gaps);
                addition.cache_hit = addition.counted.tokens[Tokens::CacheRead as usize] > 0;
            }
            let (input, output) = match call.error {
                None => (Distribution::InputTokens, Distribution::OutputTokens),
                Some(_) => (Distribution::FailedInputTokens, Distribution::FailedOutputTokens),
            };
            for (kind, to) in [(Tokens::Input, input), (Tokens::Output, output)] {
                let counted = addition.counted.tokens[kind as usize];
                let all_counted_below =
                    ended.nest.counted.tokens[kind as usize] > 0 && counted == 0;
                if call.usage.of(kind).is_some() && !all_counted_below {
                    addition.observed[to as usize] = Some(counted as f64);
                }
            }
            addition.has_cost &= addition.counted.cost > 0 || ended.nest.counted.cost == 0;
        } else {
            addition.counted = own;
        }
        state.store.add(&call, &addition, price, ended.end);
        (addition.counted, cost)
    }
}

impl State {
    fn price(&mut self, call: &Call<'_>) -> (Option<Cost>, Option<Option<Arc<pricing::Price>>>) {
        if call.usage.tokens[..2].iter().all(Option::is_none) {
            self.no_usage += 1;
            return (None, None);
        }
        let price = self.store.price_of(call).unwrap_or_else(|| {
            let models = [call.response_model, call.request_model];
            let found = models
                .into_iter()
                .flatten()
                .find_map(|model| self.prices.find(call.provider, model));
            found.cloned()
        });
        match &price {
            Some(_) => self.priced += 1,
            None => self.unknown_model += 1,
        }
        let cost = price.as_ref().map(|price| price.cost(&call.usage));
        (cost, Some(price))
    }
}

impl ObserveSpans for SpanMetrics {
    fn started(
        &self,
        parent: SpanId,
        span: SpanId,
        state: Option<(&Arc<SpanState>, Family)>,
    ) -> bool {
        self.places.enter(parent, span, state)
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
