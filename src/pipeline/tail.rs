//! The second look at traces that the sampler turned down: kept after all if something went
//! wrong, took long or was expensive.
//!
//! Spans of such a trace wait here until its local root has ended. The buffer is bounded; when it
//! is full the oldest trace is decided by what is known of it so far.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceId};
use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::config::settings::Keep;
use crate::semconv::Attr;

/// The traces that are not decided yet.
#[derive(Debug)]
pub(super) struct Tail {
    state: Mutex<State>,
    max_spans: usize,
}

#[derive(Debug)]
struct State {
    keep: Keep,
    traces: HashMap<TraceId, Waiting>,
    /// In the order of their first span; those that are decided are skipped.
    order: VecDeque<TraceId>,
    spans: usize,
    /// Decisions on traces whose root has ended, for spans that end after it.
    decided: HashMap<TraceId, bool>,
    decided_order: VecDeque<TraceId>,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<SpanData>,
    worth_keeping: bool,
    cost: f64,
}

/// Spans that were decided on.
#[derive(Debug, Default)]
pub(super) struct Decided {
    /// To be sent, marked as sampled.
    pub(super) kept: Vec<SpanData>,
    /// How many are dropped.
    pub(super) dropped: u64,
}

/// Whether any rule keeps anything.
pub(super) fn is_active(keep: &Keep) -> bool {
    keep.errors || keep.slower_than.is_some() || keep.costlier_than.is_some()
}

impl Tail {
    /// Holds at most `max_spans`.
    pub(super) fn new(keep: Keep, max_spans: usize) -> Self {
        let state = State {
            keep,
            traces: HashMap::new(),
            order: VecDeque::new(),
            spans: 0,
            decided: HashMap::new(),
            decided_order: VecDeque::new(),
        };
        Self { state: Mutex::new(state), max_spans }
    }

    pub(super) fn set(&self, keep: Keep) {
        self.lock().keep = keep;
    }

    /// Takes a finished span that was not sampled, and gives back what is decided by it.
    pub(super) fn receive(&self, span: SpanData) -> Decided {
        let mut decided = Decided::default();
        let mut state = self.lock();
        let trace = span.span_context.trace_id();
        if let Some(kept) = state.decided.get(&trace).copied() {
            decided.add(vec![span], kept);
            return decided;
        }
        let is_root = span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote;
        state.hold(trace, span);
        if is_root {
            state.decide(trace, &mut decided);
        }
        while state.spans > self.max_spans {
            let Some(oldest) = state.order.pop_front() else { break };
            state.decide(oldest, &mut decided);
        }
        state.tidy();
        decided
    }

    /// Decides on everything that waits.
    pub(super) fn finish(&self) -> Decided {
        let mut decided = Decided::default();
        let mut state = self.lock();
        while let Some(trace) = state.order.pop_front() {
            state.decide(trace, &mut decided);
        }
        decided
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn hold(&mut self, trace: TraceId, span: SpanData) {
        let keep = self.keep;
        let waiting = self.traces.entry(trace).or_insert_with(|| {
            self.order.push_back(trace);
            Waiting::default()
        });
        waiting.cost += cost(&span.attributes);
        waiting.worth_keeping |= keep.errors && matches!(span.status, Status::Error { .. })
            || keep.slower_than.is_some_and(|limit| {
                span.end_time.duration_since(span.start_time).is_ok_and(|took| took >= limit)
            })
            || keep.costlier_than.is_some_and(|limit| waiting.cost > limit);
        waiting.spans.push(span);
        self.spans += 1;
    }

    fn decide(&mut self, trace: TraceId, decided: &mut Decided) {
        let Some(waiting) = self.traces.remove(&trace) else { return };
        self.spans -= waiting.spans.len();
        if self.decided.insert(trace, waiting.worth_keeping).is_none() {
            self.decided_order.push_back(trace);
            if self.decided_order.len() > MAX_DECIDED
                && let Some(oldest) = self.decided_order.pop_front()
            {
                self.decided.remove(&oldest);
            }
        }
        decided.add(waiting.spans, waiting.worth_keeping);
    }

    /// Forgets the places of decided traces, once they are the most of all.
    fn tidy(&mut self) {
        if self.order.len() > 64 + 2 * self.traces.len() {
            self.order.retain(|trace| self.traces.contains_key(trace));
        }
    }
}

impl Decided {
    fn add(&mut self, spans: Vec<SpanData>, keep: bool) {
        if keep {
            self.kept.extend(spans.into_iter().map(sampled));
        } else {
            self.dropped += spans.len() as u64;
        }
    }
}

/// The span as if the sampler had taken it.
fn sampled(mut span: SpanData) -> SpanData {
    let old = &span.span_context;
    span.span_context = SpanContext::new(
        old.trace_id(),
        old.span_id(),
        old.trace_flags().with_sampled(true),
        old.is_remote(),
        old.trace_state().clone(),
    );
    span
}

/// US dollars.
fn cost(attributes: &[KeyValue]) -> f64 {
    let key = Attr::UsageCost.key();
    match attributes.iter().find(|attribute| attribute.key.as_str() == key).map(|kv| &kv.value) {
        Some(Value::F64(cost)) if cost.is_finite() => *cost,
        Some(Value::I64(cost)) => *cost as f64,
        _ => 0.0,
    }
}

/// Decisions remembered for spans that end after their root.
const MAX_DECIDED: usize = 4096;
