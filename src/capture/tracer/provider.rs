//! The decorated provider, for code that uses the OpenTelemetry API without `tracing`.

use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry::trace::{Tracer, TracerProvider};

use super::{Core, GenAiTracer};

/// A [`TracerProvider`] whose tracers are [`GenAiTracer`]s.
///
/// Given to `opentelemetry::global::set_tracer_provider` it applies names, types and the content
/// policy to spans that libraries make with the OpenTelemetry API directly.
#[derive(Clone, Debug)]
pub struct GenAiTracerProvider<P> {
    inner: P,
    core: Arc<Core>,
}

impl<P> GenAiTracerProvider<P> {
    pub(crate) fn new(inner: P, core: Arc<Core>) -> Self {
        Self { inner, core }
    }
}

impl<P: TracerProvider> TracerProvider for GenAiTracerProvider<P>
where
    <P::Tracer as Tracer>::Span: Send + 'static,
{
    type Tracer = GenAiTracer<P::Tracer>;

    fn tracer_with_scope(&self, scope: InstrumentationScope) -> Self::Tracer {
        GenAiTracer::new(self.inner.tracer_with_scope(scope), Arc::clone(&self.core))
    }
}
