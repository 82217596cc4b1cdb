//! Who is told of spans beside the SDK: metrics.
//!
//! The tracer knows this trait and not who implements it.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::SpanId;

use super::state::SpanState;
use crate::record::Record;
use crate::semconv::Family;

/// Is told of every span's start and of the ends that matter to it, sampled or not.
pub(crate) trait ObserveSpans: Debug + Send + Sync {
    /// A span has started that is not GenAI. Tells whether its end is of interest.
    fn passed(&self, parent: SpanId, span: SpanId) -> bool;

    /// A GenAI span has started, or a span that passed has become one.
    fn started(&self, parent: SpanId, span: SpanId, state: &Arc<SpanState>, family: Family);

    /// A GenAI span has ended; what is put into its record leaves with it.
    fn ended(&self, ended: Ended<'_>);

    /// Another span has ended.
    fn left(&self, span: SpanId);
}

/// A GenAI span that has ended.
#[derive(Debug)]
pub(crate) struct Ended<'a> {
    pub(crate) span: SpanId,
    pub(crate) state: &'a SpanState,
    pub(crate) family: Family,
    pub(crate) nest: Nest,
    pub(crate) record: &'a mut Record,
    pub(crate) failed: bool,
    /// Seconds between the chunks of a stream.
    pub(crate) gaps: Vec<f64>,
    pub(crate) start: SystemTime,
    pub(crate) end: SystemTime,
}

/// Where a span stands among others of the same request, and what those below it counted.
#[derive(Debug, Default)]
pub(crate) struct Nest {
    /// The nearest span around this one that may report the same usage.
    pub(crate) around: Option<Arc<SpanState>>,
    /// The agent at work.
    pub(crate) agent: Option<Arc<SpanState>>,
    /// What spans below have counted; of a span that has ended, what it counted itself and spans
    /// that end after it need not count again.
    pub(crate) counted: Counted,
    /// Calls below an agent.
    pub(crate) inference_calls: u32,
    pub(crate) tool_calls: u32,
    /// Whether a span was started below.
    pub(crate) has_below: bool,
}

/// Usage that was counted.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Counted {
    pub(crate) requests: u64,
    /// Input, output, cache read, cache write, reasoning.
    pub(crate) tokens: [u64; 5],
    /// In 10⁻¹⁵ US dollars.
    pub(crate) cost: u128,
}

impl Counted {
    /// What is left of `self` beyond `other`.
    pub(crate) fn beyond(mut self, other: &Self) -> Self {
        self.requests = self.requests.saturating_sub(other.requests);
        for (own, other) in self.tokens.iter_mut().zip(other.tokens) {
            *own = own.saturating_sub(other);
        }
        self.cost = self.cost.saturating_sub(other.cost);
        self
    }

    pub(crate) fn add(&mut self, other: &Self) {
        self.requests = self.requests.saturating_add(other.requests);
        for (own, other) in self.tokens.iter_mut().zip(other.tokens) {
            *own = own.saturating_add(other);
        }
        self.cost = self.cost.saturating_add(other.cost);
    }
}
