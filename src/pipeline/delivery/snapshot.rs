//! What `status()` shows of the pipeline.

#[cfg(feature = "metrics")]
use std::sync::Arc;
use std::time::SystemTime;

use super::outlets::Outlet;
use super::signal::Signal;
use super::transport::Failure;
use crate::config::settings::{Destination, Protocol};
use crate::health::{LedgerCounts, SpanCounts};
use crate::policy::shown_url;

/// The pipeline at one moment.
#[derive(Clone, Debug)]
pub(crate) struct Snapshot {
    /// Over all destinations; the counts add up.
    pub(crate) spans: SpanCounts,
    /// Of those that are queued, the ones whose trace has not ended: see `keep`.
    pub(crate) undecided: u64,
    pub(crate) destinations: Vec<DestinationSnapshot>,
    /// `None` while no log record has a reason to leave, or ever had.
    #[cfg(feature = "logs")]
    pub(crate) logs: Option<LogsSnapshot>,
}

impl Snapshot {
    /// The receivers of log records.
    pub(crate) fn log_destinations(&self) -> &[DestinationSnapshot] {
        #[cfg(feature = "logs")]
        return self.logs.as_ref().map_or(&[], |logs| &logs.destinations);
        #[cfg(not(feature = "logs"))]
        &[]
    }
}

/// Log records at one moment.
#[cfg(feature = "logs")]
#[derive(Clone, Debug)]
pub(crate) struct LogsSnapshot {
    /// Over all destinations; the counts add up.
    pub(crate) records: LedgerCounts,
    pub(crate) destinations: Vec<DestinationSnapshot>,
}

/// One destination at one moment.
#[derive(Clone, Debug)]
pub(crate) struct DestinationSnapshot {
    pub(crate) name: String,
    /// Scheme, host, port and path; `None` where spans do not leave over the network.
    pub(crate) url: Option<String>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) format: Option<&'static str>,
    /// See [`Counts`](crate::format::Counts).
    pub(crate) malformed: u64,
    pub(crate) unflattened: u64,
    /// What came in and what became of it; the counts add up.
    pub(crate) spans: LedgerCounts,
    /// Of those that are queued, the ones that are being sent.
    pub(crate) sending: u64,
    pub(crate) queue_capacity: u64,
    /// Bytes that what is queued takes, about.
    pub(crate) queued_bytes: u64,
    #[cfg(feature = "metrics")]
    pub(crate) operations: Arc<crate::metrics::Operations>,
    /// Requests answered with success.
    pub(crate) requests: u64,
    /// Attempts after the first.
    pub(crate) retries: u64,
    /// The destination is not answering and is tried once per period.
    pub(crate) breaker_open: bool,
    /// Removed by a reload, delivering what it still has.
    pub(crate) draining: bool,
    pub(crate) last_success: Option<SystemTime>,
    pub(crate) last_error: Option<(SystemTime, Failure)>,
}

impl DestinationSnapshot {
    pub(crate) fn new<S: Signal>(outlet: &Outlet<S>, draining: bool) -> Self {
        let Outlet { name, destination, queue, account } = outlet;
        let destination = destination.as_ref();
        let route = destination.and_then(S::route);
        let (in_hand, capacity) = queue.in_hand_of_capacity();
        let spans = account.spans.read();
        Self {
            name: name.clone(),
            url: route.map(|route| shown_url(&route.url)),
            protocol: route.map(|route| route.protocol),
            format: destination.map(Destination::format_name),
            malformed: account.format.malformed(),
            unflattened: account.format.unflattened(),
            sending: (in_hand as u64).min(spans.queued),
            queue_capacity: capacity as u64,
            spans,
            #[cfg(feature = "metrics")]
            operations: Arc::clone(&account.operations),
            queued_bytes: queue.load().bytes as u64,
            requests: account.requests.get(),
            retries: account.retries.get(),
            breaker_open: queue.is_breaker_open(),
            draining,
            last_success: account.last_success(),
            last_error: account.last_error(),
        }
    }
}
