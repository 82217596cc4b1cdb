//! What is known about one destination. Outlives its worker, so that a reload keeps the counts.

use std::sync::{Arc, Mutex, PoisonError};
#[cfg(feature = "metrics")]
use std::time::Duration;
use std::time::SystemTime;

#[cfg(feature = "metrics")]
use super::retry::Delivered;
use super::transport::Failure;
use crate::format::Counts;
use crate::health::{Counter, DropReason, Ledger};
use crate::policy::{Policy, PolicyCell};

/// The counts and the last events of one destination.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) spans: Ledger,
    /// Requests that were answered with success.
    pub(crate) requests: Counter,
    /// Attempts after the first.
    pub(crate) retries: Counter,
    /// How long exports took and how many items failed, by the cause.
    #[cfg(feature = "metrics")]
    pub(crate) operations: Arc<crate::metrics::Operations>,
    /// What its format could not say.
    pub(crate) format: Arc<Counts>,
    /// Its own policy, which a reload may change while its spans are queued.
    pub(crate) policy: Arc<PolicyCell>,
    events: Mutex<Events>,
}

#[derive(Clone, Debug, Default)]
struct Events {
    last_success: Option<SystemTime>,
    last_error: Option<(SystemTime, Failure)>,
}

impl Account {
    /// `None` is a policy that adds nothing to that of the process.
    pub(crate) fn new(policy: Option<Policy>) -> Self {
        Self {
            spans: Ledger::default(),
            requests: Counter::default(),
            retries: Counter::default(),
            #[cfg(feature = "metrics")]
            operations: Arc::default(),
            format: Arc::default(),
            policy: Arc::new(PolicyCell::new(policy.unwrap_or(Policy::LOOSEST))),
            events: Mutex::default(),
        }
    }

    pub(crate) fn succeeded(&self) {
        self.requests.increment();
        self.lock().last_success = Some(SystemTime::now());
    }

    pub(crate) fn failed(&self, failure: Failure) {
        self.lock().last_error = Some((SystemTime::now(), failure));
    }

    /// An export of so many items is over, attempts and waiting included.
    #[cfg(feature = "metrics")]
    pub(crate) fn concluded<P>(&self, delivered: &Delivered<P>, items: usize, took: Duration) {
        let failure = self.last_error().map(|(_, failure)| failure.error_type());
        let (cause, failed) = match delivered {
            Delivered::Taken { rejected: 0 } => (None, 0),
            Delivered::Taken { .. } => (Some("rejected"), 0),
            Delivered::Failed => (Some(failure.as_deref().unwrap_or("_OTHER")), items as u64),
            Delivered::OutOfTime => (Some("timeout"), 0),
            Delivered::Split(_) | Delivered::Outdated => return,
        };
        self.operations.ended(cause, took, failed);
    }

    pub(crate) fn last_success(&self) -> Option<SystemTime> {
        self.lock().last_success
    }

    pub(crate) fn last_error(&self) -> Option<(SystemTime, Failure)> {
        self.lock().last_error.clone()
    }

    /// Spans that the destination did not take.
    pub(crate) fn refused(&self) -> u64 {
        let counts = self.spans.read();
        counts.failed + counts.rejected
    }

    /// Spans for which there was no time at shutdown.
    pub(crate) fn cut_off(&self) -> u64 {
        let counts = self.spans.read();
        counts.dropped().filter(|(reason, _)| *reason == DropReason::Shutdown).map(|(_, n)| n).sum()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
