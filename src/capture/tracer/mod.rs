//! A decorator of OpenTelemetry's `Tracer` and `Span`.
//!
//! [`GenAiTracer`] gives every span its final name, kind and attributes before the sampler sees
//! them as far as they are known then, and completes them when the span ends. What is not GenAI
//! passes through. Whatever enters the SDK has passed the policy.

pub(crate) mod carried;
pub(crate) mod event;
#[cfg(any(feature = "init", feature = "testing"))]
mod exporter;
#[cfg_attr(
    not(any(feature = "init", feature = "testing")),
    expect(dead_code, reason = "nobody finishes spans on export")
)]
pub(crate) mod markers;
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "metrics is the one observer"))]
pub(crate) mod observe;
pub(crate) mod open_spans;
mod provider;
mod span;
mod state;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanBuilder, SpanId, TraceContextExt, Tracer};

#[cfg(any(feature = "init", feature = "testing"))]
pub use exporter::GenAiExporter;
#[cfg(any(feature = "init", feature = "testing"))]
pub(crate) use exporter::finish;
pub use provider::GenAiTracerProvider;
pub use span::GenAiSpan;

pub(crate) use markers::Given;
pub(crate) use state::{Open, SpanState, raw};

use crate::capture::lint::Found;
use crate::health::Health;
use crate::policy::otel::{self, PlainSpan};
use crate::policy::{Policy, PolicyCell};
use crate::record::Record;
use crate::semconv::{Family, Version};
use markers::Mark;
use open_spans::OpenSpans;
use span::{Birth, Body, Plain};

/// Who finishes a GenAI span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Finisher {
    /// The end of the span itself. What the span was started with stays: the SDK would keep a
    /// second value beside the first.
    AtEnd,
    /// A [`GenAiExporter`] on the export thread, which sees the messages, the kind and the last
    /// value of what was written twice.
    #[cfg(any(feature = "init", feature = "testing"))]
    OnExport,
}

/// What a layer, its tracer and the handle share.
#[derive(Debug)]
pub(crate) struct Core {
    /// Tells this core from any other of the process.
    pub(crate) id: u64,
    pub(crate) policy: PolicyCell,
    pub(crate) semconv: Version,
    /// Replace a name or a kind that the user set, too.
    pub(crate) override_explicit_names: bool,
    pub(crate) finisher: Finisher,
    pub(crate) health: Arc<Health>,
    /// Who is told of spans beside the SDK.
    pub(crate) observer: Option<Arc<dyn observe::ObserveSpans>>,
    /// Who is told of events, as log records.
    #[cfg(feature = "logs")]
    pub(crate) logs: crate::capture::logs::LogGate,
    /// What the lint has found at spans of this core, where somebody wants to know.
    pub(crate) findings: Option<Arc<Mutex<Found>>>,
    /// The spans that have not ended.
    pub(crate) open_spans: OpenSpans,
    /// Records of spans that the layer has seen and the tracer has not built yet.
    waiting: sharded_slab::Slab<Arc<SpanState>>,
}

impl Core {
    pub(crate) fn new(policy: Policy, semconv: Version) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            policy: PolicyCell::new(policy),
            semconv,
            override_explicit_names: false,
            finisher: Finisher::AtEnd,
            health: Arc::default(),
            observer: None,
            #[cfg(feature = "logs")]
            logs: crate::capture::logs::LogGate::default(),
            findings: None,
            open_spans: OpenSpans::new(None),
            waiting: sharded_slab::Slab::new(),
        }
    }

    /// Whether an event of this level is to become a log record.
    #[cfg(feature = "init")]
    pub(crate) fn wants_record(&self, level: tracing_core::Level) -> bool {
        #[cfg(feature = "logs")]
        return self.logs.wants(level);
        #[cfg(not(feature = "logs"))]
        {
            let _ = level;
            false
        }
    }

    /// Whether what is recorded on `state` will be looked at by anybody.
    pub(crate) fn is_of_use(&self, state: &SpanState) -> bool {
        !state.is_unsampled() || self.observer.is_some()
    }

    /// Runs `create`, in which the layer below asks this core's tracer for a builder, so that the
    /// builder carries the way to `state`. Does not, and says so, when too many spans wait already.
    /// `fields` is how many attributes the span may come to have.
    pub(crate) fn introduce(
        &self,
        state: &Arc<SpanState>,
        fields: usize,
        create: impl FnOnce(),
    ) -> bool {
        let Some(slot) = self.waiting.insert(Arc::clone(state)) else { return false };
        if !markers::making(self.id, Some(Mark::Slot(slot, fields)), create) {
            self.waiting.remove(slot);
        }
        true
    }

    /// Runs `create` for a span without GenAI fields, whose name or kind its maker may have given.
    pub(crate) fn introduce_plain(&self, given: Given, create: impl FnOnce()) {
        markers::making(self.id, (given.name || given.kind).then_some(Mark::Given(given)), create);
    }

    /// The family of metrics of a span, if anybody measures.
    fn family(&self, open: &Open) -> Family {
        self.family_of(open, &open.record)
    }

    fn family_of(&self, open: &Open, record: &Record) -> Family {
        self.observer.as_ref().map_or(Family::Unknown, |_| open.family(record))
    }

    /// Whether anybody wants to hear of the chunks of a stream.
    pub(crate) fn observes_chunks(&self) -> bool {
        self.observer.is_some()
    }
}

/// A [`Tracer`] whose GenAI spans follow the conventions and the content policy.
#[derive(Clone, Debug)]
pub struct GenAiTracer<T> {
    inner: T,
    core: Arc<Core>,
    /// Used by the layer, not by code that calls the OpenTelemetry API.
    of_layer: bool,
}

impl<T> GenAiTracer<T> {
    pub(crate) fn new(inner: T, core: Arc<Core>) -> Self {
        Self { inner, core, of_layer: false }
    }

    pub(crate) fn of_layer(inner: T, core: Arc<Core>) -> Self {
        Self { inner, core, of_layer: true }
    }
}

impl<T: Tracer> Tracer for GenAiTracer<T>
where
    T::Span: Send + 'static,
{
    type Span = GenAiSpan<T::Span>;

    fn span_builder<N: Into<Cow<'static, str>>>(&self, name: N) -> SpanBuilder {
        let mut builder = SpanBuilder::from_name(name);
        if self.of_layer {
            markers::put_on(self.core.id, &mut builder);
        }
        builder
    }

    fn build_with_context(&self, mut builder: SpanBuilder, parent_cx: &Context) -> Self::Span {
        let mark = if self.of_layer { markers::take_off(&mut builder) } else { None };
        let (known, given) = match mark {
            Some(Mark::Slot(slot, _)) => (self.core.waiting.take(slot), Given::default()),
            Some(Mark::Given(given)) => (None, given),
            None => (None, Given::default()),
        };
        let (policy, health) = (self.core.policy.load(), &*self.core.health);
        for link in builder.links.iter_mut().flatten() {
            otel::attributes(policy, &mut link.attributes, health);
        }
        let start = *builder.start_time.get_or_insert_with(SystemTime::now);
        let parent = match parent_cx.has_active_span() {
            true => parent_cx.span().span_context().span_id(),
            false => SpanId::INVALID,
        };
        let birth = Birth { start, parent, given, of_layer: self.of_layer };
        let body = match known {
            Some(state) => {
                let span = self.build_gen_ai(builder, parent_cx, &state, &birth);
                Body::GenAi(span, state)
            }
            None if state::is_gen_ai(&builder) => {
                let state = Arc::new(SpanState::new(Open::of(given, self.of_layer), None));
                let span = self.build_gen_ai(builder, parent_cx, &state, &birth);
                Body::watched(span, state, &self.core)
            }
            None => Body::Plain(self.build_plain(builder, parent_cx, birth)),
        };
        GenAiSpan::new(body, Arc::clone(&self.core))
    }
}

impl<T: Tracer> GenAiTracer<T> {
    fn build_gen_ai(
        &self,
        mut builder: SpanBuilder,
        parent: &Context,
        state: &Arc<SpanState>,
        birth: &Birth,
    ) -> T::Span {
        let family = {
            let mut open = state.lock();
            carried::stamp(&mut open.record, parent);
            open.start(&mut builder, &self.core);
            self.core.family(&open)
        };
        let span = self.inner.build_with_context(builder, parent);
        state.started(span.is_recording());
        if let Some(observer) = &self.core.observer {
            observer.started(birth.parent, span.span_context().span_id(), state, family);
        }
        span
    }

    fn build_plain(
        &self,
        mut builder: SpanBuilder,
        parent: &Context,
        birth: Birth,
    ) -> Plain<T::Span> {
        let (policy, health) = (self.core.policy.load(), &*self.core.health);
        let mut waiting = PlainSpan::default();
        if let Some(attributes) = &mut builder.attributes {
            waiting.take_all(policy, attributes, health);
        }
        for event in builder.events.iter_mut().flatten() {
            otel::event(policy, &mut event.name, &mut event.attributes, health);
        }
        let span = self.inner.build_with_context(builder, parent);
        let observed =
            self.core.observer.as_ref().is_some_and(|observer| {
                observer.passed(birth.parent, span.span_context().span_id())
            });
        Plain { span, birth, waiting, failed: false, observed }
    }
}
