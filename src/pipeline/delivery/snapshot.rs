//! What `status()` shows of one destination.

#[cfg(feature = "metrics")]
use std::sync::Arc;
use std::time::SystemTime;

use super::failure::Failure;
use crate::config::settings::Protocol;
use crate::health::LedgerCounts;

/// One destination at one moment.
#[derive(Clone, Debug)]
pub(crate) struct DestinationSnapshot {
    pub(crate) name: String,
    /// Scheme, host, port and path; `None` where items do not leave over the network.
    pub(crate) url: Option<String>,
    pub(crate) protocol: Option<Protocol>,
    pub(crate) format: Option<&'static str>,
    /// What the format could not say.
    pub(crate) malformed: u64,
    pub(crate) unflattened: u64,
    /// What came in and what became of it; the counts add up.
    pub(crate) items: LedgerCounts,
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
