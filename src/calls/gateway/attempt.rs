//! One attempt to have a request answered by a provider.

use std::fmt::Display;

#[cfg(feature = "init")]
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::TraceContextExt;
use tracing::field::Empty;
use tracing::instrument::Instrumented;
use tracing::{Instrument, Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::calls::open_call::OpenCall;
use crate::calls::span_ext::GenAiSpanExt;
use crate::semconv::Outcome;

/// Where an attempt goes.
#[derive(Clone, Debug)]
#[must_use]
pub struct Upstream {
    pub(super) provider: String,
    pub(super) model: String,
    server: Option<(String, u16)>,
}

impl Upstream {
    /// A provider by its name in the conventions (`openai`, `anthropic`, …) and a model of it.
    pub fn new(provider: impl Into<String>, model: impl Into<String>) -> Self {
        Self { provider: provider.into(), model: model.into(), server: None }
    }

    /// `server.address` and `server.port`.
    pub fn server(mut self, address: impl Into<String>, port: u16) -> Self {
        self.server = Some((address.into(), port));
        self
    }

    /// The provider's name.
    #[must_use]
    pub fn provider(&self) -> &str {
        &self.provider
    }

    /// The model's name at the provider.
    #[must_use]
    pub fn model(&self) -> &str {
        &self.model
    }
}

/// An attempt and its CLIENT span, named `{operation} {upstream model}` and open until the attempt
/// has ended. An attempt that is dropped before it ended was cancelled.
#[derive(Debug)]
pub struct Attempt {
    call: OpenCall,
}

impl Attempt {
    pub(super) fn new(parent: &Span, operation: &str, upstream: &Upstream, number: i64) -> Self {
        let Upstream { provider, model, server } = upstream;
        let span = info_span!(
            target: super::TARGET,
            parent: parent,
            "attempt",
            otel.name = format_args!("{operation} {model}"),
            otel.kind = "client",
            server.address = Empty,
            server.port = Empty,
            http.response.status_code = Empty,
            error.type = Empty,
            tracing_genai.attempt.number = number,
            tracing_genai.attempt.provider = provider,
            tracing_genai.attempt.model = model,
        );
        if let Some((address, port)) = server {
            span.record("server.address", address.as_str());
            span.record("server.port", i64::from(*port));
        }
        Self { call: OpenCall::new(span) }
    }

    /// The attempt's span.
    #[must_use]
    pub fn span(&self) -> &Span {
        self.call.span()
    }

    /// Runs a future inside of the attempt's span.
    pub fn run<F: Future>(&self, future: F) -> Instrumented<F> {
        future.instrument(self.span().clone())
    }

    /// Adds `traceparent` and `tracestate` of the attempt to the headers of its request, replacing
    /// those that are there.
    ///
    /// Ids of users and conversations stay in the house: see
    /// [`inject_baggage`](Self::inject_baggage).
    #[cfg(feature = "init")]
    pub fn inject(&self, headers: &mut http::HeaderMap) {
        self.inject_with(|name, value| insert(headers, name, value));
    }

    /// Adds `baggage` as well, for a provider that is your own service.
    #[cfg(feature = "init")]
    pub fn inject_baggage(&self, headers: &mut http::HeaderMap) {
        let context = self.span().context();
        let baggage = context.baggage();
        if !baggage.is_empty() {
            insert(headers, "baggage", &baggage.to_string());
        }
    }

    /// Hands name and value of the headers of W3C Trace Context to `set`, for clients with other
    /// header types.
    pub fn inject_with(&self, mut set: impl FnMut(&'static str, &str)) {
        let context = self.span().context();
        let span = context.span();
        let parent = span.span_context();
        if !parent.is_valid() {
            return;
        }
        let flags = parent.trace_flags() & opentelemetry::TraceFlags::SAMPLED;
        let (trace, id) = (parent.trace_id(), parent.span_id());
        set("traceparent", &format!("00-{trace}-{id}-{:02x}", flags.to_u8()));
        let state = parent.trace_state().header();
        if !state.is_empty() {
            set("tracestate", &state);
        }
    }

    /// The provider answered.
    pub fn end(mut self) {
        self.call.close(Outcome::Completed, None);
    }

    /// The provider answered with an HTTP status; `400` and above fail the attempt.
    pub fn end_with_status(mut self, code: u16) {
        self.status(code);
        let outcome = if code >= 400 { Outcome::Error } else { Outcome::Completed };
        self.call.close(outcome, None);
    }

    /// Records the HTTP status of a response whose body is still to come.
    pub fn status(&self, code: u16) {
        self.span().record_http_status(code);
    }

    /// The attempt failed without an answer.
    pub fn fail(mut self, error_type: &str, message: impl Display) {
        self.call.close(Outcome::Error, Some((error_type, &message)));
    }

    /// What a stream needs, to end the attempt with the answer.
    pub(super) fn into_call(self) -> OpenCall {
        self.call
    }
}

#[cfg(feature = "init")]
fn insert(headers: &mut http::HeaderMap, name: &'static str, value: &str) {
    // Ids are hex digits and the rest is percent-encoded: a value that is none cannot occur.
    if let Ok(value) = http::HeaderValue::from_str(value) {
        headers.insert(name, value);
    }
}
