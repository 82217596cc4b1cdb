//! A decorator of OpenTelemetry's `Tracer` and `Span`.
//!
//! [`GenAiTracer`] gives every span its final name, kind and attributes before the sampler sees
//! them as far as they are known then, and completes them when the span ends. What is not GenAI
//! passes through. Whatever enters the SDK has passed the policy.

pub(crate) mod carried;
mod core;
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
mod rules;
mod span;
mod state;
mod ticket;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::Context;
use opentelemetry::trace::{Span, SpanBuilder, SpanId, TraceContextExt, Tracer};

#[cfg(any(feature = "init", feature = "testing"))]
pub use exporter::GenAiExporter;
#[cfg(any(feature = "init", feature = "testing"))]
pub(crate) use exporter::finish;
pub use provider::GenAiTracerProvider;
pub use span::GenAiSpan;

pub(crate) use self::core::Core;
pub(crate) use markers::Given;
pub(crate) use rules::Finisher;
pub(crate) use state::{Open, SpanState, raw};

use crate::policy::otel::{self, PlainSpan};
use markers::Mark;
use span::{Birth, Body, Plain};

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
            event::take_all_into(&mut open, &mut builder, &self.core);
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
