//! The handle of running telemetry.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;

use super::status::{State, Status};
use crate::config::settings::Settings;
use crate::pipeline::{Pipeline, Undelivered};
use crate::{Error, ErrorKind};

/// Running telemetry.
///
/// Cheap to clone, so that a handler may have one. When the last clone is dropped, what is queued
/// is delivered within the time of [`Builder::shutdown_timeout`](super::Builder::shutdown_timeout);
/// [`Telemetry::shutdown`] does the same and says how it went.
#[derive(Clone)]
#[must_use = "telemetry ends when its handle is dropped; keep it until the end of `main`"]
pub struct Telemetry {
    inner: Arc<Inner>,
}

struct Inner {
    running: Ended,
    settings: Settings,
    state: State,
    reason: Option<String>,
    shut_down: AtomicBool,
}

/// What is ended, in the end.
pub(super) struct Ended {
    pub(super) pipeline: Pipeline,
    pub(super) provider: SdkTracerProvider,
    pub(super) timeout: Duration,
}

impl Telemetry {
    pub(super) fn new(
        running: Ended,
        settings: Settings,
        state: State,
        reason: Option<String>,
    ) -> Self {
        let shut_down = AtomicBool::new(false);
        Self { inner: Arc::new(Inner { running, settings, state, reason, shut_down }) }
    }

    /// What is delivered, what is not, and why. Works after shutdown too.
    #[must_use]
    pub fn status(&self) -> Status {
        let inner = &self.inner;
        let (state, reason) = match inner.shut_down.load(Ordering::Acquire) {
            true if inner.state != State::Disabled => {
                (State::ShutDown, Some(String::from("telemetry was shut down")))
            }
            _ => (inner.state, inner.reason.clone()),
        };
        let snapshot = inner.running.pipeline.snapshot();
        Status::new(state, reason, &inner.settings, &snapshot, inner.settings.warnings.clone())
    }

    /// Waits until the spans that have ended are delivered, at most 10 s.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Export`] when a destination refused spans, [`ErrorKind::Timeout`] when spans
    /// still wait; the message says how many. They stay queued.
    pub fn force_flush(&self) -> Result<(), Error> {
        let running = &self.inner.running;
        running.pipeline.flush(FLUSH_TIMEOUT).map_err(|left| undelivered(left, "the flush"))
    }

    /// Delivers what is queued and ends telemetry. Spans that end later are counted as dropped.
    /// Calls after the first do nothing.
    ///
    /// # Errors
    ///
    /// As [`Telemetry::force_flush`]; what was not delivered in time is lost and counted.
    pub fn shutdown(&self) -> Result<(), Error> {
        self.inner.shutdown()
    }
}

impl Inner {
    fn shutdown(&self) -> Result<(), Error> {
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        let running = &self.running;
        let ended = running.pipeline.shutdown(running.timeout);
        // The queues are closed already; this makes the tracers stop.
        let stopped = running.provider.shutdown_with_timeout(running.timeout);
        ended.map_err(|left| undelivered(left, "shutdown"))?;
        stopped.map_err(|error| {
            Error::new(ErrorKind::System, "the tracer provider did not stop").with_source(error)
        })
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if let Err(error) = self.shutdown() {
            // Goes to the log; our own layer never hears this target.
            tracing::warn!(target: "tracing_genai", "{error}");
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").field("state", &self.status().state()).finish_non_exhaustive()
    }
}

fn undelivered(left: Undelivered, what: &str) -> Error {
    let Undelivered { waiting, unconfirmed, refused } = left;
    let kind = if refused > 0 { ErrorKind::Export } else { ErrorKind::Timeout };
    let counts = [
        (refused, "refused by the receiver"),
        (waiting, "not sent in time"),
        (unconfirmed, "sent without an answer"),
    ];
    let counts: Vec<_> = counts
        .into_iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, what)| format!("{count} {what}"))
        .collect();
    Error::new(kind, format!("{what} left spans undelivered: {}", counts.join(", ")))
}

const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);
