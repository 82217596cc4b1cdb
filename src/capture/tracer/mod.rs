//! A decorator of OpenTelemetry's `Tracer` and `Span`.
//!
//! [`GenAiTracer`] gives every span its final name, kind and attributes before the sampler sees
//! them as far as they are known then, and completes them when the span ends. What is not GenAI
//! passes through. Whatever enters the SDK has passed the policy.

#[cfg(any(feature = "init", feature = "testing"))]
mod aside;
pub(crate) mod carried;
pub(crate) mod event;
#[cfg(any(feature = "init", feature = "testing"))]
mod exporter;
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "metrics is the one observer"))]
pub(crate) mod observe;
pub(crate) mod open_spans;
mod provider;
mod span;
mod state;

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use opentelemetry::trace::{SpanBuilder, Tracer};
use opentelemetry::{Context, KeyValue, Value as OtelValue};

#[cfg(any(feature = "init", feature = "testing"))]
pub use exporter::GenAiExporter;
#[cfg(any(feature = "init", feature = "testing"))]
pub(crate) use exporter::finish;
pub use provider::GenAiTracerProvider;
pub use span::GenAiSpan;

pub(crate) use state::{Open, SpanState, raw};

use crate::capture::lint::Found;
use crate::health::Health;
use crate::policy::otel::{self, PlainSpan};
use crate::policy::{Policy, PolicyCell};
use crate::semconv::Version;
use open_spans::OpenSpans;

/// What a layer, its tracer and the handle share.
#[derive(Debug)]
pub(crate) struct Core {
    /// Tells this core from any other of the process.
    pub(crate) id: u64,
    pub(crate) policy: PolicyCell,
    pub(crate) semconv: Version,
    /// Replace a name or a kind that the user set, too.
    pub(crate) override_explicit_names: bool,
    /// Messages, the kind and rewritten attributes are finished by a [`GenAiExporter`] on the
    /// export thread, instead of where the span ends.
    pub(crate) finish_on_export: bool,
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
            finish_on_export: false,
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
    /// builder carries the way to `state`.
    /// `fields` is how many attributes the span may come to have.
    pub(crate) fn introduce(&self, state: &Arc<SpanState>, fields: usize, create: impl FnOnce()) {
        let Some(slot) = self.waiting.insert(Arc::clone(state)) else {
            // More spans wait than the slab has room for: they leave as the layer below makes them.
            return create();
        };
        PENDING.set(Some(Pending { slot, fields }));
        create();
        if PENDING.take().is_some() {
            self.waiting.remove(slot);
        }
    }

    /// Runs `create` for a span without GenAI fields, whose name or kind its maker may have given.
    pub(crate) fn introduce_plain(&self, given: Given, create: impl FnOnce()) {
        if given.name || given.kind {
            GIVEN.set(given);
            create();
            GIVEN.set(Given::default());
        } else {
            create();
        }
    }

    /// Whether anybody wants to hear of the chunks of a stream.
    pub(crate) fn observes_chunks(&self) -> bool {
        self.observer.is_some()
    }

    /// Takes over a span that was introduced.
    fn take(&self, slot: usize) -> Option<Arc<SpanState>> {
        self.waiting.take(slot)
    }
}

thread_local! {
    /// The span whose builder is being made on this thread.
    static PENDING: Cell<Option<Pending>> = const { Cell::new(None) };
}

#[derive(Clone, Copy)]
struct Pending {
    slot: usize,
    fields: usize,
}

thread_local! {
    /// What the maker of the span whose builder is being made on this thread has given.
    static GIVEN: Cell<Given> = const { Cell::new(Given { name: false, kind: false }) };
}

/// What the user said of a span with `otel.name` and `otel.kind`, which wins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    pub(crate) name: bool,
    pub(crate) kind: bool,
}

/// The attribute that tells which of name and kind the user has given. Never leaves.
const GIVEN_BY_USER: &str = "tracing_genai.given";

/// The attribute under which a builder carries the way to its record. Never leaves.
const SLOT: &str = "tracing_genai.slot";

/// A [`Tracer`] whose GenAI spans follow the conventions and the content policy.
#[derive(Clone, Debug)]
pub struct GenAiTracer<T> {
    inner: T,
    core: Arc<Core>,
}

impl<T> GenAiTracer<T> {
    pub(crate) fn new(inner: T, core: Arc<Core>) -> Self {
        Self { inner, core }
    }
}

impl<T: Tracer> Tracer for GenAiTracer<T>
where
    T::Span: Send + 'static,
{
    type Span = GenAiSpan<T::Span>;

    fn span_builder<N: Into<Cow<'static, str>>>(&self, name: N) -> SpanBuilder {
        let mut builder = SpanBuilder::from_name(name);
        match PENDING.take() {
            Some(Pending { slot, fields }) => {
                // The list that the SDK span will have: it grows once, here.
                let mut attributes = Vec::with_capacity(fields + 2);
                attributes.push(KeyValue::new(SLOT, slot as i64));
                builder.attributes = Some(attributes);
                builder
            }
            None => match GIVEN.take() {
                Given { name: false, kind: false } => builder,
                Given { name, kind } => {
                    let bits = i64::from(name) | i64::from(kind) << 1;
                    builder.with_attributes([KeyValue::new(GIVEN_BY_USER, bits)])
                }
            },
        }
    }

    fn build_with_context(&self, mut builder: SpanBuilder, parent_cx: &Context) -> Self::Span {
        let given = take_given(&mut builder);
        let introduced = self.introduced(&builder);
        let adopts = introduced.is_none();
        let state = introduced.or_else(|| state::adopt(&builder));
        let mut family = crate::semconv::Family::Unknown;
        let mut plain = PlainSpan::default();
        let (policy, health) = (self.core.policy.load(), &*self.core.health);
        for link in builder.links.iter_mut().flatten() {
            otel::attributes(policy, &mut link.attributes, health);
        }
        if let Some(state) = &state {
            let mut open = state.lock();
            carried::stamp(&mut open.record, parent_cx);
            open.start(&mut builder, &self.core);
            if self.core.observer.is_some() {
                family = open.family();
            }
        } else {
            if let Some(attributes) = &mut builder.attributes {
                plain.take_all(policy, attributes, health);
            }
            for event in builder.events.iter_mut().flatten() {
                otel::event(policy, &mut event.name, &mut event.attributes, health);
            }
        }
        let inner = self.inner.build_with_context(builder, parent_cx);
        let core = Arc::clone(&self.core);
        if adopts && state.is_some() {
            return GenAiSpan::new(inner, state, plain, given, core, parent_cx, family).adopted();
        }
        GenAiSpan::new(inner, state, plain, given, core, parent_cx, family)
    }
}

fn take_given(builder: &mut SpanBuilder) -> Given {
    let Some(attributes) = &mut builder.attributes else { return Given::default() };
    match attributes.first() {
        Some(first) if first.key.as_str() == GIVEN_BY_USER => {
            let bits = match attributes.swap_remove(0).value {
                OtelValue::I64(bits) => bits,
                _ => 0,
            };
            Given { name: bits & 1 != 0, kind: bits & 2 != 0 }
        }
        _ => Given::default(),
    }
}

impl<T> GenAiTracer<T> {
    fn introduced(&self, builder: &SpanBuilder) -> Option<Arc<SpanState>> {
        let first = builder.attributes.as_ref()?.first()?;
        match &first.value {
            OtelValue::I64(slot) if first.key.as_str() == SLOT => {
                // The slab uses all bits: the number may have come out negative.
                self.core.take(*slot as usize)
            }
            _ => None,
        }
    }
}
