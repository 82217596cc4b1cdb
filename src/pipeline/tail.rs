//! The second look at traces that the sampler turned down: kept after all if something went
//! wrong, took long or was expensive.
//!
//! Spans of such a trace wait here until its local root has ended and, while there is no reason to
//! keep it, whatever is still open in it: a streamed answer outlives the handler that began it. A
//! flush does not change that, shutdown decides on all. The buffer is bounded in spans and in
//! bytes; when it is full the oldest trace is decided by what is known of it so far. A span that
//! comes after its trace was dropped is kept if it is a reason by itself.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::trace::{SpanContext, SpanId, Status, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::size;
use crate::config::settings::{Batch, Keep};
use crate::semconv::Attr;

/// The traces that are not decided yet.
#[derive(Debug)]
pub(super) struct Tail {
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    keep: Keep,
    max_spans: usize,
    max_bytes: usize,
    traces: HashMap<TraceId, Waiting>,
    /// In the order of their first finished span; those that are decided are skipped.
    order: VecDeque<TraceId>,
    spans: usize,
    bytes: usize,
    /// Nothing waits any more: decided by what is known when a span comes.
    finished: bool,
    /// Decisions on traces, for spans that end after it.
    decided: HashMap<TraceId, bool>,
    decided_order: VecDeque<TraceId>,
}

#[derive(Debug, Default)]
struct Waiting {
    spans: Vec<SpanData>,
    bytes: usize,
    /// Spans that have begun and not ended.
    open: usize,
    root_ended: bool,
    reason: Reason,
}

/// What may be a reason to keep a trace.
#[derive(Debug, Default)]
struct Reason {
    failed: bool,
    slowest: Duration,
    /// US dollars.
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
    /// Holds at most as much as a queue does.
    pub(super) fn new(keep: Keep, batch: Batch) -> Self {
        let state = State {
            keep,
            max_spans: batch.max_queue_size,
            max_bytes: batch.max_queue_bytes,
            traces: HashMap::new(),
            order: VecDeque::new(),
            spans: 0,
            bytes: 0,
            finished: false,
            decided: HashMap::new(),
            decided_order: VecDeque::new(),
        };
        Self { state: Mutex::new(state) }
    }

    /// Decides by other rules from now on, also on what waits; gives back what has no room now.
    pub(super) fn set(&self, keep: Keep, batch: Batch) -> Decided {
        let mut decided = Decided::default();
        let mut state = self.lock();
        state.keep = keep;
        (state.max_spans, state.max_bytes) = (batch.max_queue_size, batch.max_queue_bytes);
        state.make_room(&mut decided);
        decided
    }

    /// Spans that wait for the end of their trace.
    pub(super) fn undecided(&self) -> u64 {
        self.lock().spans as u64
    }

    /// Hears of a span that begins and was not sampled.
    pub(super) fn begin(&self, trace: TraceId, parent: &Context) {
        let mut state = self.lock();
        if state.finished {
            return;
        }
        let local_root = {
            let parent = parent.span();
            !parent.span_context().is_valid() || parent.span_context().is_remote()
        };
        match state.decided.get(&trace) {
            // The trace comes by a second time.
            Some(false) if local_root => _ = state.decided.remove(&trace),
            Some(_) => return,
            None => {}
        }
        state.traces.entry(trace).or_default().open += 1;
    }

    /// Takes a finished span that was not sampled, and gives back what is decided by it.
    pub(super) fn receive(&self, span: SpanData) -> Decided {
        let mut decided = Decided::default();
        let mut state = self.lock();
        let trace = span.span_context.trace_id();
        if let Some(kept) = state.decided.get(&trace).copied() {
            let kept = kept || Reason::default().and(&span).is_enough(&state.keep);
            state.decided.insert(trace, kept);
            decided.add(vec![span], kept);
            return decided;
        }
        state.hold(trace, span);
        if state.finished || state.is_ripe(trace) {
            state.decide(trace, &mut decided);
        }
        state.make_room(&mut decided);
        state.tidy();
        decided
    }

    /// Decides on everything that waits, and lets nothing wait from now on.
    pub(super) fn finish(&self) -> Decided {
        let mut decided = Decided::default();
        let mut state = self.lock();
        state.finished = true;
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
        let bytes = size::span(&span);
        self.spans += 1;
        self.bytes += bytes;
        let waiting = self.traces.entry(trace).or_default();
        if waiting.spans.is_empty() {
            self.order.push_back(trace);
        }
        // It may have begun before there was a rule.
        waiting.open = waiting.open.saturating_sub(1);
        waiting.root_ended |= span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote;
        waiting.reason = std::mem::take(&mut waiting.reason).and(&span);
        waiting.bytes += bytes;
        waiting.spans.push(span);
    }

    /// Whether there is nothing to wait for.
    fn is_ripe(&self, trace: TraceId) -> bool {
        self.traces.get(&trace).is_some_and(|waiting| {
            waiting.root_ended && (waiting.open == 0 || waiting.reason.is_enough(&self.keep))
        })
    }

    fn make_room(&mut self, decided: &mut Decided) {
        while self.spans > self.max_spans || self.bytes > self.max_bytes {
            let Some(oldest) = self.order.pop_front() else { break };
            self.decide(oldest, decided);
        }
    }

    fn decide(&mut self, trace: TraceId, decided: &mut Decided) {
        let Some(waiting) = self.traces.remove(&trace) else { return };
        self.spans -= waiting.spans.len();
        self.bytes -= waiting.bytes;
        let kept = waiting.reason.is_enough(&self.keep);
        if self.decided.insert(trace, kept).is_none() {
            self.decided_order.push_back(trace);
            if self.decided_order.len() > MAX_DECIDED
                && let Some(oldest) = self.decided_order.pop_front()
            {
                self.decided.remove(&oldest);
            }
        }
        decided.add(waiting.spans, kept);
    }

    /// Forgets the places of decided traces, once they are the most of all.
    fn tidy(&mut self) {
        if self.order.len() > 64 + 2 * self.traces.len() {
            self.order.retain(|trace| self.traces.contains_key(trace));
        }
    }
}

impl Reason {
    fn and(self, span: &SpanData) -> Self {
        let took = span.end_time.duration_since(span.start_time).unwrap_or_default();
        Self {
            failed: self.failed || matches!(span.status, Status::Error { .. }),
            slowest: self.slowest.max(took),
            cost: self.cost + cost(&span.attributes),
        }
    }

    fn is_enough(&self, keep: &Keep) -> bool {
        keep.errors && self.failed
            || keep.slower_than.is_some_and(|limit| self.slowest >= limit)
            || keep.costlier_than.is_some_and(|limit| self.cost > limit)
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
