//! The request as its sender sees it.

use std::fmt::Display;

use futures_core::Stream;
use tracing::field::Empty;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{Attempt, Identity, TARGET, Upstream};
use crate::calls::span_ext::{GenAiSpanExt, record};
use crate::calls::stream::{Accumulate, Fallible, Recorder, Traced};
use crate::semconv::{Attr, Outcome};

/// An inbound request and its span, which is open until the request has ended.
///
/// A request that is dropped before it ended was cancelled. Record parameters, messages and usage
/// on its [`span`](Self::span) with [`GenAiSpanExt`].
#[derive(Debug)]
pub struct Request {
    span: Span,
    operation: String,
    /// Provider and model of the last attempt.
    last: Option<(String, String)>,
    attempts: i64,
    retries: i64,
    fallbacks: i64,
    ended: bool,
}

impl Request {
    /// A request for `operation` (`chat`, `embeddings`, …) of the model it names, below the
    /// current span.
    #[must_use]
    pub fn new(operation: &str, model: &str) -> Self {
        Self::of(operation, model, None)
    }

    /// The same, with ids for every span below.
    #[must_use]
    pub fn with_identity(operation: &str, model: &str, identity: &Identity) -> Self {
        Self::of(operation, model, Some(identity))
    }

    fn of(operation: &str, model: &str, identity: Option<&Identity>) -> Self {
        let span = info_span!(
            target: TARGET,
            "request",
            otel.kind = "internal",
            gen_ai.operation.name = operation,
            gen_ai.provider.name = Empty,
            gen_ai.request.model = model,
            gen_ai.request.stream = Empty,
            gen_ai.response.id = Empty,
            gen_ai.response.model = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.response.time_to_first_chunk = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cost = Empty,
            error.type = Empty,
        );
        if let Some(identity) = identity {
            let context = identity.context(&Span::current().context());
            // The span is new, so it cannot have started; a disabled one needs no parent.
            let _ = span.set_parent(context);
        }
        Self {
            span,
            operation: operation.to_owned(),
            last: None,
            attempts: 0,
            retries: 0,
            fallbacks: 0,
            ended: false,
        }
    }

    /// The request's span.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Opens the span of an attempt. A further attempt at the same provider and model counts as a
    /// retry, at another one as a fallback.
    pub fn attempt(&mut self, upstream: &Upstream) -> Attempt {
        self.attempts += 1;
        let target = (upstream.provider.clone(), upstream.model.clone());
        match &self.last {
            Some(last) if *last == target => self.retries += 1,
            Some(_) => self.fallbacks += 1,
            None => {}
        }
        self.last = Some(target);
        Attempt::new(&self.span, &self.operation, upstream, self.attempts)
    }

    /// The request was answered.
    pub fn end(mut self) {
        self.close(Outcome::Completed);
    }

    /// The request failed: no attempt answered it, or it was refused.
    pub fn fail(mut self, error_type: &str, message: impl Display) {
        self.span.record_failure(error_type, message);
        self.close(Outcome::Error);
    }

    /// The request is answered by a stream. Both spans end with it, the attempt's first, and both
    /// say how it ended; what the answer is and cost is recorded on the request's.
    pub fn stream<S, A>(mut self, attempt: Attempt, stream: S, accumulator: A) -> Traced<S, A>
    where
        S: Stream,
        A: Accumulate<S::Item>,
    {
        self.settle();
        self.ended = true;
        let span = std::mem::replace(&mut self.span, Span::none());
        Traced::around(stream, Recorder::of_attempt(span, attempt.into_call(), accumulator))
    }

    /// [`Request::stream`] for a stream of results, such as the body of a response.
    pub fn try_stream<S, A, T, E>(
        self,
        attempt: Attempt,
        stream: S,
        accumulator: A,
    ) -> Traced<S, Fallible<A>>
    where
        S: Stream<Item = Result<T, E>>,
        A: Accumulate<T>,
        E: Display,
    {
        self.stream(attempt, stream, Fallible::new(accumulator))
    }

    fn close(&mut self, outcome: Outcome) {
        if !std::mem::replace(&mut self.ended, true) {
            self.settle();
            self.span.record_outcome(outcome);
        }
    }

    /// Says who answered, and how many attempts it took where it was not one.
    fn settle(&self) {
        // Not before: an attribute that the span was started with cannot be changed everywhere.
        if let Some((provider, _)) = &self.last {
            record(&self.span, Attr::ProviderName.key(), provider.clone().into());
        }
        for (key, count, plain) in [
            (ATTEMPTS, self.attempts, 1),
            (RETRIES, self.retries, 0),
            (FALLBACKS, self.fallbacks, 0),
        ] {
            if count != plain {
                self.span.set_attribute(key, count);
            }
        }
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.ended {
            self.span.record_failure("panic", "the handler of the request panicked");
            self.close(Outcome::Error);
        }
        self.close(Outcome::Cancelled);
    }
}

/// How many attempts the request took, where not one.
const ATTEMPTS: &str = "tracing_genai.request.attempts";
/// How many of them were made at the same provider and model again.
const RETRIES: &str = "tracing_genai.request.retries";
/// How many of them were made elsewhere.
const FALLBACKS: &str = "tracing_genai.request.fallbacks";
