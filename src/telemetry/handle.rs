//! The handle of running telemetry.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::trace::SdkTracerProvider;

use super::doctor::Diagnosis;
use super::effective::Effective;
use super::given::Given;
#[cfg(feature = "metrics")]
use super::measuring::{Measuring, begun_too_late};
use super::refused::refused;
use super::reloaded::Reloaded;
use super::status::{State, Status};
use crate::capture::tracer::Core;
use crate::config::settings::Settings;
use crate::config::{self, Explanation, Sources};
use crate::health::Calls;
use crate::pipeline::{Deadline, Left, Pipeline, Snapshot};
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
    running: Running,
    effective: Mutex<Effective>,
    shut_down: AtomicBool,
}

/// What runs, and what it takes to configure it anew.
pub(super) struct Running {
    pub(super) pipeline: Arc<Pipeline>,
    pub(super) provider: SdkTracerProvider,
    pub(super) core: Arc<Core>,
    #[cfg(feature = "metrics")]
    pub(super) metrics: Option<Measuring>,
    pub(super) given: Given,
    /// Whether spans come at all: `init` leaves the layer out where telemetry is switched off.
    pub(super) layered: bool,
    pub(super) timeout: Duration,
}

impl Telemetry {
    pub(super) fn new(running: Running, effective: Effective) -> Self {
        let (effective, shut_down) = (Mutex::new(effective), AtomicBool::new(false));
        Self { inner: Arc::new(Inner { running, effective, shut_down }) }
    }

    /// What is delivered, what is not, and why. Works after shutdown too.
    #[must_use]
    pub fn status(&self) -> Status {
        let effective = self.inner.effective();
        let (state, reason) = match effective.state {
            State::Running | State::Stopped if self.inner.is_shut_down() => {
                (State::ShutDown, Some("telemetry was shut down"))
            }
            state => (state, effective.reason),
        };
        let snapshot = self.inner.running.pipeline.snapshot();
        let calls = Calls::read(&self.inner.running.core);
        let reason = reason.map(String::from);
        let status = Status::new(state, reason, &effective.settings, &snapshot, calls);
        #[cfg(feature = "metrics")]
        let status = status.with_metrics(self.inner.running.pipeline.metrics_status());
        status
    }

    #[cfg(feature = "tower")]
    pub(crate) fn span_metrics(&self) -> Option<Arc<crate::metrics::SpanMetrics>> {
        self.inner.running.metrics.as_ref().map(|metrics| Arc::clone(metrics.metrics()))
    }

    /// Every effective setting with where it came from. Secrets are hidden.
    pub fn explain(&self) -> Explanation {
        self.inner.effective().explanation.clone()
    }

    /// Reads the file and the environment again and makes work what has changed: destinations,
    /// headers, protocol, format, sampler, content policy, batching, the resource, where metrics go,
    /// prices. Spans are not lost: a destination that goes away delivers what it has. What the
    /// builder was told in code stays. [`Reloaded::needs_restart`] names what changed and cannot
    /// work before the next start, such as the limits of spans, the version of the conventions and
    /// the filter of the log.
    ///
    /// Content that is taken back leaves with no request that begins after this call: not from
    /// spans that are open, nor from those that are queued, or in a request that is to be sent
    /// again. One that is under way at that moment is waited for, at most a second.
    ///
    /// # Errors
    ///
    /// As [`Builder::init`](super::Builder::init), and [`ErrorKind::ShutDown`] after shutdown. After
    /// an error everything is as it was.
    pub fn reload(&self) -> Result<Reloaded, Error> {
        let Inner { running, .. } = &*self.inner;
        let mut effective = self.inner.effective();
        let running_values = Some(effective.values.clone());
        let sources = Sources { running: running_values, ..running.given.sources() };
        let resolved = config::load(&sources)?;
        let needs_restart = resolved.needs_restart.clone();
        let new = Effective::new(resolved, &running.given);
        let new = match new.settings.enabled {
            true if running.layered => new,
            true => new.disabled(),
            // Nothing else is read of a configuration that switches everything off.
            false => effective.switched_off(new.explanation),
        };
        let old = &effective.settings;
        // While destinations change hands, only what both configurations allow leaves.
        let policy = running.core.policy.load();
        running.core.policy.store(policy.stricter(new.settings.policy));
        let applied = running.pipeline.apply(&new.settings).map_err(|error| {
            running.core.policy.store(policy);
            refused(error)
        })?;
        running.core.policy.store(new.settings.policy);
        #[cfg(feature = "metrics")]
        let (applied, needs_restart) = match &running.metrics {
            Some(metrics) => (metrics.apply(&new.settings, applied), needs_restart),
            None => {
                let late = begun_too_late(&new.settings).map(String::from);
                (applied, needs_restart.into_iter().chain(late).collect())
            }
        };
        let reloaded = Reloaded::new(applied, needs_restart, &effective, &new, running.layered);
        let took_back = taken_back(old, &new.settings);
        let mut new = new;
        new.hold_back(old, reloaded.needs_restart());
        *effective = new;
        drop(effective);
        if took_back {
            running.pipeline.wait_for_attempts(REQUEST_TIMEOUT);
        }
        Ok(reloaded)
    }

    /// Sends an empty export of each signal to every destination and explains the answers:
    /// connection refused, a wrong path, missing rights, TLS, a proxy, the wrong protocol for the
    /// port, a slow answer. Blocks for as long as the slowest takes, at most the time limit of its
    /// requests.
    #[must_use]
    pub fn doctor(&self) -> Diagnosis {
        let settings = self.inner.effective().settings.clone();
        Diagnosis::of(&settings)
    }

    /// Waits until the spans that have ended and the log records of events so far are delivered, at
    /// most 10 s. What waits for the end of its trace by the rules of `keep` goes on waiting:
    /// [`Spans::undecided`](super::Spans::undecided).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Export`] when a destination refused some, [`ErrorKind::Timeout`] when some still
    /// wait; the message says how many. They stay queued.
    pub fn force_flush(&self) -> Result<(), Error> {
        let pipeline = &self.inner.running.pipeline;
        let flushed = pipeline.flush(FLUSH_TIMEOUT);
        flushed.map_err(|left| undelivered("the flush", &left, &pipeline.snapshot()))
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
    fn effective(&self) -> MutexGuard<'_, Effective> {
        self.effective.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Acquire)
    }

    fn shutdown(&self) -> Result<(), Error> {
        let Running { pipeline, provider, timeout, .. } = &self.running;
        let first = !self.shut_down.swap(true, Ordering::AcqRel);
        let deadline = Deadline::after(*timeout);
        // A second call waits here for the first.
        let ended = pipeline.shutdown(*timeout);
        if !first {
            return Ok(());
        }
        // The queues are closed already; this makes the tracers stop.
        let stopped = provider.shutdown_with_timeout(deadline.left());
        ended.map_err(|left| undelivered("shutdown", &left, &pipeline.snapshot()))?;
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

/// Whether something that the one configuration lets out stays in by the other.
fn taken_back(old: &Settings, new: &Settings) -> bool {
    let own = |settings: &Settings, name: &str| {
        let to = settings.destinations.iter().find(|destination| destination.name == name);
        to.and_then(|destination| destination.policy).map(|own| own.stricter(settings.policy))
    };
    new.policy.takes_back_from(old.policy)
        || new.destinations.iter().any(|to| {
            let was = own(old, &to.name).unwrap_or(old.policy);
            own(new, &to.name).unwrap_or(new.policy).takes_back_from(was)
        })
}

/// How many items of which signal are left, and what the destinations last said.
fn undelivered(what: &str, left: &Left, snapshot: &Snapshot) -> Error {
    let refused = left.iter().any(|(_, left)| left.refused > 0);
    let kind = if refused { ErrorKind::Export } else { ErrorKind::Timeout };
    let signals = snapshot.signals();
    let used: Vec<_> = signals.iter().filter(|(_, to)| !to.is_empty()).collect();
    let mut said = Vec::new();
    for (items, left) in left {
        let counts = [
            (left.refused, "refused by the receiver"),
            (left.waiting, "not sent in time"),
            (left.unconfirmed, "sent without an answer"),
        ];
        let counts = counts.into_iter().filter(|(count, _)| *count > 0);
        said.extend(counts.map(|(count, what)| match used.len() {
            0 | 1 => format!("{count} {what}"),
            _ => format!("{count} {what} ({items})"),
        }));
    }
    let said = said.join(", ");
    let used = used.iter().map(|(items, _)| *items).collect::<Vec<_>>().join(" or ");
    let mut message = format!("{what} left {used} undelivered: {said}");
    for destination in signals.iter().flat_map(|(_, to)| *to) {
        if let Some((_, failure)) = &destination.last_error {
            message.push_str(&format!("; {}: {}", destination.name, failure.message));
        }
    }
    Error::new(kind, message)
}

const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);
/// How long a reload waits for requests with content that is taken back.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);
