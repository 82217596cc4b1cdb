//! What a stream leaves on its span, and when.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::time::{Instant, SystemTime};

use opentelemetry::Value as OtelValue;
use opentelemetry::trace::Status;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::{Accumulate, Answer};
use crate::gateway::Attempt;
use crate::layer::reach::Reached;
use crate::semconv::{Attr, Class};
use crate::span_ext::{GenAiSpanExt, Outcome, USAGE_PARTIAL, record};

/// Records the chunks of an answer that is pulled or called back with.
///
/// Say how it ended with [`end`](Self::end), [`fail`](Self::fail), [`cancel`](Self::cancel) or
/// [`time_out`](Self::time_out); a recorder that is dropped before was cancelled. Work inside of
/// [`span`](Self::span) where spans of your own should be children.
///
/// ```
/// use serde_json::json;
/// use tracing_genai::inference_span;
/// use tracing_genai::stream::{Anthropic, Recorder};
///
/// let span = inference_span!("chat", "anthropic", "claude-sonnet-4");
/// let mut recorder = Recorder::new(span, Anthropic::new());
/// recorder.chunk(&json!({"type": "message_start", "message": {"id": "msg_1"}}));
/// recorder.chunk(&json!({"type": "message_stop"}));
/// recorder.end();
/// ```
pub struct Recorder<A> {
    /// Disabled once the answer has ended.
    span: Span,
    /// What the stream comes from, where that is a span of its own.
    attempt: Option<Attempt>,
    reached: Option<Reached>,
    accumulator: A,
    answer: Answer,
    created: Instant,
    issued: Option<SystemTime>,
    deadline: Option<Instant>,
    last_chunk: Option<Instant>,
    /// Seconds from each chunk to the next, where metrics want them.
    gaps: Vec<f64>,
    keeps_gaps: bool,
    chunks: i64,
    begun: bool,
    ended: bool,
}

impl<A> Recorder<A> {
    /// Starts recording on `span`, as of a streaming request.
    pub fn new(span: Span, accumulator: A) -> Self {
        let reached = Reached::of(&span);
        let room = match &reached {
            // A little more than may leave, so that the policy sees and says that text was cut.
            Some(reached) if reached.captures(Class::Output) => {
                let most = reached.core.policy.load().max_bytes();
                most.saturating_add(most / 8).saturating_add(1024)
            }
            _ => 0,
        };
        let keeps_gaps = reached.as_ref().is_some_and(|reached| reached.core.observes_chunks());
        record(&span, Attr::RequestStream.key(), true.into());
        Self {
            span,
            attempt: None,
            reached,
            accumulator,
            answer: Answer::new(room),
            created: Instant::now(),
            issued: None,
            deadline: None,
            last_chunk: None,
            gaps: Vec::new(),
            keeps_gaps,
            chunks: 0,
            begun: false,
            ended: false,
        }
    }

    /// The same for an answer that comes from `attempt`, which ends with it.
    pub(crate) fn of_attempt(span: Span, attempt: Attempt, accumulator: A) -> Self {
        let mut recorder = Self::new(span, accumulator);
        recorder.attempt = Some(attempt);
        recorder
    }

    /// When the caller gives up: an end by drop after this moment is a timeout.
    #[must_use]
    pub fn deadline(mut self, at: Instant) -> Self {
        self.set_deadline(at);
        self
    }

    /// When the request was made. Defaults to the start of the span.
    #[must_use]
    pub fn issued_at(mut self, at: SystemTime) -> Self {
        self.set_issued_at(at);
        self
    }

    /// The innermost span, in which the stream runs.
    pub(super) fn scope(&self) -> &Span {
        self.attempt.as_ref().map_or(&self.span, Attempt::span)
    }

    pub(super) fn set_deadline(&mut self, at: Instant) {
        self.deadline = Some(at);
    }

    pub(super) fn set_issued_at(&mut self, at: SystemTime) {
        self.issued = Some(at);
    }

    /// The span; a disabled one after the end.
    #[must_use]
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Takes one chunk.
    pub fn chunk<T: ?Sized>(&mut self, chunk: &T)
    where
        A: Accumulate<T>,
    {
        self.accumulator.observe(chunk, &mut self.answer);
        self.begun = true;
        if self.answer.take_produced() {
            self.produced();
        }
    }

    /// The answer has ended.
    pub fn end(&mut self) {
        if self.answer.failure().is_none() && self.answer.ended_early() {
            self.answer
                .fail("incomplete_stream", "the stream ended before the answer was complete");
        }
        let outcome = match self.answer.failure() {
            Some(_) => Outcome::Error,
            None => Outcome::Completed,
        };
        self.close(outcome);
    }

    /// The answer broke off with an error.
    pub fn fail(&mut self, error_type: &str, message: impl Display) {
        self.answer.fail(error_type, message);
        self.close(Outcome::Error);
    }

    /// The caller went away.
    pub fn cancel(&mut self) {
        self.close(Outcome::Cancelled);
    }

    /// The caller's time is over.
    pub fn time_out(&mut self) {
        self.answer.fail("timeout", "the deadline has passed");
        self.close(Outcome::Deadline);
    }

    /// Nobody says how it ended: what is known decides.
    pub(super) fn abandon(&mut self) {
        if self.ended {
        } else if self.answer.failure().is_some() || self.answer.is_complete() {
            self.end();
        } else if std::thread::panicking() {
            self.fail("panic", "the consumer of the stream panicked");
        } else if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            self.time_out();
        } else {
            self.cancel();
        }
    }

    fn produced(&mut self) {
        self.chunks += 1;
        let now = Instant::now();
        match self.last_chunk.replace(now) {
            None => {
                let waited = self.since_issued(now);
                self.put(Attr::ResponseTimeToFirstChunk.key(), waited.into());
            }
            Some(last) if self.keeps_gaps && self.gaps.len() < MOST_GAPS => {
                self.gaps.push(now.saturating_duration_since(last).as_secs_f64());
            }
            Some(_) => {}
        }
    }

    fn since_issued(&self, now: Instant) -> f64 {
        let issued = self.issued.or_else(|| {
            let state = self.reached.as_ref()?.state.as_ref()?;
            state.lock().started_at
        });
        let waited = match issued {
            Some(issued) => SystemTime::now().duration_since(issued).unwrap_or_default(),
            None => now.saturating_duration_since(self.created),
        };
        waited.as_secs_f64()
    }

    fn close(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if self.answer.usage_is_partial() {
            self.put(USAGE_PARTIAL, true.into());
        }
        if self.chunks > 0 {
            self.put(CHUNKS, self.chunks.into());
        }
        if let Some(Reached { state: Some(state), .. }) = &self.reached {
            state.lock().gaps = std::mem::take(&mut self.gaps);
        }
        let broken = outcome != Outcome::Completed;
        let mut answer = std::mem::replace(&mut self.answer, Answer::new(0));
        answer.deliver(broken, self.begun, |attr, value| self.put(attr.key(), value));
        if let Some((error_type, message)) = answer.failure() {
            self.put(Attr::ErrorType.key(), error_type.clone().into());
            self.span.set_status(Status::error(message.clone()));
        }
        if let Some(mut attempt) = self.attempt.take() {
            let failure = answer.failure();
            attempt.close(outcome, failure.map(|(kind, text)| (&**kind, text as &dyn Display)));
        }
        self.span.record_outcome(outcome);
        self.reached = None;
        self.span = Span::none();
    }

    fn put(&self, key: &'static str, value: OtelValue) {
        match &self.reached {
            Some(Reached { core, state: Some(state) }) => {
                let mut open = state.lock();
                open.record_text(Cow::Borrowed(key), crate::tracer::raw(value), core);
                open.last_write = Some(SystemTime::now());
            }
            _ => self.span.set_attribute(key, value),
        }
    }
}

impl<A> Drop for Recorder<A> {
    fn drop(&mut self) {
        self.abandon();
    }
}

impl<A> fmt::Debug for Recorder<A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recorder")
            .field("span", &self.span)
            .field("answer", &self.answer)
            .field("chunks", &self.chunks)
            .finish_non_exhaustive()
    }
}

/// How many chunks of the answer came.
const CHUNKS: &str = "tracing_genai.stream.chunks";

/// Metrics see the times between this many chunks of an answer and no more.
const MOST_GAPS: usize = 16_384;
