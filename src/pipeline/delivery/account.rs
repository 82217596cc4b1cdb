//! What is known about one destination. Outlives its worker, so that a reload keeps the counts.

#[cfg(feature = "metrics")]
use std::sync::Arc;
use std::sync::{Mutex, MutexGuard, PoisonError};
#[cfg(feature = "metrics")]
use std::time::Duration;
use std::time::SystemTime;

use super::failure::Failure;
#[cfg(feature = "metrics")]
use super::transport::Delivered;
use crate::health::{Counter, DropReason, Ledger};

/// The counts and the last events of one destination.
#[derive(Debug, Default)]
pub(crate) struct Account {
    pub(crate) items: Ledger,
    /// Requests that were answered with success.
    pub(crate) requests: Counter,
    /// Attempts after the first.
    pub(crate) retries: Counter,
    /// How long exports took and how many items failed, by the cause.
    #[cfg(feature = "metrics")]
    pub(crate) operations: Arc<crate::metrics::Operations>,
    events: Mutex<Events>,
}

#[derive(Clone, Debug, Default)]
struct Events {
    last_success: Option<SystemTime>,
    last_error: Option<(SystemTime, Failure)>,
}

impl Account {
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

    /// Items that the destination did not take.
    pub(crate) fn refused(&self) -> u64 {
        let counts = self.items.read();
        counts.failed + counts.rejected
    }

    /// Items for which there was no time at shutdown.
    pub(crate) fn cut_off(&self) -> u64 {
        let counts = self.items.read();
        counts.dropped().filter(|(reason, _)| *reason == DropReason::Shutdown).map(|(_, n)| n).sum()
    }

    fn lock(&self) -> MutexGuard<'_, Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
