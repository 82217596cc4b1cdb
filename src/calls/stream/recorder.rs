//! What a stream leaves on its span, and when.

use std::fmt::{self, Display};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Instant, SystemTime};

use tracing::Span;

use super::Accumulate;
use super::clock::{Alarm, RunOut};
use super::progress::Progress;
use crate::calls::open_call::OpenCall;
use crate::semconv::Outcome;

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
    accumulator: A,
    /// Shared with the clock, which ends it in its place when nobody comes.
    progress: Arc<Mutex<Progress>>,
    alarm: Option<Alarm>,
    /// The span of the attempt that the answer comes from. Closed first.
    attempt: Option<Span>,
    /// Disabled once the answer has ended.
    span: Span,
}

impl<A> Recorder<A> {
    /// Starts recording on `span`, as of a streaming request.
    pub fn new(span: Span, accumulator: A) -> Self {
        Self::over(span, None, accumulator)
    }

    /// The same for an answer that comes from `attempt`, which ends with it.
    pub(in crate::calls) fn of_attempt(span: Span, attempt: OpenCall, accumulator: A) -> Self {
        Self::over(span, Some(attempt), accumulator)
    }

    fn over(span: Span, attempt: Option<OpenCall>, accumulator: A) -> Self {
        let attempt_span = attempt.as_ref().map(|attempt| attempt.span().clone());
        let progress = Progress::new(span.clone(), attempt);
        let expires_at = progress.expires_at();
        let progress = Arc::new(Mutex::new(progress));
        let mut recorder = Self { accumulator, progress, alarm: None, attempt: attempt_span, span };
        if let Some(at) = expires_at {
            recorder.wake_at(at);
        }
        recorder
    }

    /// When the caller gives up: the span ends then, unless it has ended before, also when nobody
    /// touches the recorder any more.
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
        self.attempt.as_ref().unwrap_or(&self.span)
    }

    pub(super) fn set_deadline(&mut self, at: Instant) {
        lock(&self.progress).deadline = Some(at);
        if self.alarm.as_ref().is_none_or(|alarm| at < alarm.at()) {
            self.wake_at(at);
        }
    }

    fn wake_at(&mut self, at: Instant) {
        let progress: Weak<Mutex<Progress>> = Arc::downgrade(&self.progress);
        self.alarm = Some(Alarm::set(at, progress as Weak<dyn RunOut>));
    }

    pub(super) fn set_issued_at(&mut self, at: SystemTime) {
        lock(&self.progress).issued = Some(at);
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
        let Self { accumulator, progress, .. } = self;
        lock(progress).chunk(|answer| accumulator.observe(chunk, answer));
    }

    /// The answer has ended.
    pub fn end(&mut self) {
        self.finish(Progress::end);
    }

    /// The answer broke off with an error.
    pub fn fail(&mut self, error_type: &str, message: impl Display) {
        self.finish(|progress| progress.fail(error_type, message));
    }

    /// The caller went away.
    pub fn cancel(&mut self) {
        self.finish(|progress| progress.close(Outcome::Cancelled));
    }

    /// The caller's time is over.
    pub fn time_out(&mut self) {
        self.finish(Progress::time_out);
    }

    pub(super) fn abandon(&mut self) {
        self.finish(Progress::abandon);
    }

    fn finish(&mut self, how: impl FnOnce(&mut Progress)) {
        how(&mut lock(&self.progress));
        self.alarm = None;
        // Not under the lock: layers of others hear of a span that closes.
        self.attempt = None;
        self.span = Span::none();
    }
}

fn lock(progress: &Mutex<Progress>) -> MutexGuard<'_, Progress> {
    // An accumulator that panics leaves an answer that is short of a chunk, and no more.
    progress.lock().unwrap_or_else(PoisonError::into_inner)
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
            .field("progress", &self.progress)
            .finish_non_exhaustive()
    }
}
