//! How far an answer has come, and what it leaves on its span when it is over.

use std::borrow::Cow;
use std::fmt::{self, Display};
use std::sync::{Mutex, TryLockError};
use std::time::{Instant, SystemTime};

use opentelemetry::Value as OtelValue;
use opentelemetry::trace::{Status, TraceContextExt};
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::Answer;
use super::clock::RunOut;
use crate::calls::open_call::OpenCall;
use crate::calls::span_ext::{GenAiSpanExt, record};
use crate::capture::layer::reach::Reached;
use crate::semconv::{Attr, Class, Outcome};

/// All of a recorder that somebody else may have to bring to its end.
pub(super) struct Progress {
    pub(super) answer: Answer,
    pub(super) issued: Option<SystemTime>,
    pub(super) deadline: Option<Instant>,
    span: Span,
    /// What the answer comes from, where that is a span of its own.
    attempt: Option<OpenCall>,
    reached: Option<Reached>,
    created: Instant,
    last_chunk: Option<Instant>,
    /// Seconds from each chunk to the next, where metrics want them.
    gaps: Vec<f64>,
    keeps_gaps: bool,
    chunks: i64,
    begun: bool,
    ended: bool,
}

impl Progress {
    pub(super) fn new(span: Span, attempt: Option<OpenCall>) -> Self {
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
            answer: Answer::new(room),
            issued: None,
            deadline: None,
            span,
            attempt,
            reached,
            created: Instant::now(),
            last_chunk: None,
            gaps: Vec::new(),
            keeps_gaps,
            chunks: 0,
            begun: false,
            ended: false,
        }
    }

    /// When the span has been open for too long.
    pub(super) fn expires_at(&self) -> Option<Instant> {
        let limit = self.reached.as_ref()?.core.open_spans.limit()?;
        let open_for = self.started_at().and_then(|at| SystemTime::now().duration_since(at).ok());
        self.created.checked_add(limit.saturating_sub(open_for.unwrap_or_default()))
    }

    /// Takes one chunk, which `observe` reads.
    pub(super) fn chunk(&mut self, observe: impl FnOnce(&mut Answer)) {
        if self.ended {
            return;
        }
        observe(&mut self.answer);
        self.begun = true;
        if self.answer.take_produced() {
            self.produced();
        }
    }

    fn produced(&mut self) {
        self.chunks += 1;
        if self.chunks > 1 && !self.keeps_gaps {
            return;
        }
        let now = Instant::now();
        match self.last_chunk.replace(now) {
            None => {
                let waited = self.since_issued(now);
                self.put(Attr::ResponseTimeToFirstChunk.key(), waited.into());
            }
            Some(last) if self.gaps.len() < MOST_GAPS => {
                self.gaps.push(now.saturating_duration_since(last).as_secs_f64());
            }
            Some(_) => {}
        }
    }

    fn since_issued(&self, now: Instant) -> f64 {
        let waited = match self.issued.or_else(|| self.started_at()) {
            Some(issued) => SystemTime::now().duration_since(issued).unwrap_or_default(),
            None => now.saturating_duration_since(self.created),
        };
        waited.as_secs_f64()
    }

    fn started_at(&self) -> Option<SystemTime> {
        self.reached.as_ref()?.state.as_ref()?.lock().started_at
    }

    /// The answer has ended.
    pub(super) fn end(&mut self) {
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

    pub(super) fn fail(&mut self, error_type: &str, message: impl Display) {
        self.answer.fail(error_type, message);
        self.close(Outcome::Error);
    }

    pub(super) fn time_out(&mut self) {
        self.answer.fail("timeout", "the deadline has passed");
        self.close(Outcome::Deadline);
    }

    /// Nobody says how it ended: what is known decides.
    pub(super) fn abandon(&mut self) {
        if self.ended {
        } else if self.answer.is_settled() {
            self.end();
        } else if std::thread::panicking() {
            self.fail("panic", "the consumer of the stream panicked");
        } else if self.is_late() {
            self.time_out();
        } else {
            self.close(Outcome::Cancelled);
        }
    }

    fn is_late(&self) -> bool {
        self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }

    /// Writes down what the answer was. The spans stay with their owner.
    pub(super) fn close(&mut self, outcome: Outcome) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        if self.answer.usage_is_partial() {
            self.put(Attr::UsagePartial.key(), true.into());
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
        if let Some(attempt) = &mut self.attempt {
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
                open.record_text(Cow::Borrowed(key), crate::capture::tracer::raw(value), core);
                open.last_write = Some(SystemTime::now());
            }
            _ => self.span.set_attribute(key, value),
        }
    }
}

impl RunOut for Mutex<Progress> {
    /// Ends the spans while their owner still has them. The lock is held meanwhile: an owner who
    /// comes to end them waits until they have ended, so that a parent does not end before.
    fn run_out(&self) -> bool {
        let mut progress = match self.try_lock() {
            Ok(progress) => progress,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // A chunk is being read.
            Err(TryLockError::WouldBlock) => return false,
        };
        if progress.ended {
            return true;
        }
        let span = progress.span.clone();
        let attempt = progress.attempt.as_ref().map(|attempt| attempt.span().clone());
        let reached = progress.reached.clone();
        if progress.answer.is_settled() {
            progress.end();
        } else if progress.is_late() {
            progress.time_out();
        } else {
            progress.close(Outcome::Expired);
            if let Some(reached) = reached {
                reached.core.health.expired.increment();
            }
        }
        if let Some(attempt) = attempt {
            attempt.context().span().end();
        }
        span.context().span().end();
        true
    }
}

impl fmt::Debug for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Progress")
            .field("answer", &self.answer)
            .field("chunks", &self.chunks)
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

/// How many chunks of the answer came.
const CHUNKS: &str = "tracing_genai.stream.chunks";

/// Metrics see the times between this many chunks of an answer and no more.
const MOST_GAPS: usize = 16_384;
