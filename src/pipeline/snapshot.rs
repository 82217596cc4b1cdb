//! What `status()` shows of the pipeline.

use super::delivery::DestinationSnapshot;
#[cfg(any(feature = "logs", feature = "metrics"))]
use super::delivery::{Outlets, Signal};
#[cfg(any(feature = "logs", feature = "metrics"))]
use crate::health::LedgerCounts;
use crate::health::SpanCounts;

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
    pub(crate) logs: Option<SignalSnapshot>,
    /// `None` while no metrics leave, or ever did.
    #[cfg(feature = "metrics")]
    pub(crate) metrics: Option<SignalSnapshot>,
}

/// Log records or points of metrics at one moment.
#[cfg(any(feature = "logs", feature = "metrics"))]
#[derive(Clone, Debug)]
pub(crate) struct SignalSnapshot {
    /// Over all destinations; the counts add up.
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "log records are shown by it"))]
    pub(crate) items: LedgerCounts,
    pub(crate) destinations: Vec<DestinationSnapshot>,
}

#[cfg(any(feature = "logs", feature = "metrics"))]
impl SignalSnapshot {
    /// `None` while nothing goes anywhere, or ever did.
    pub(super) fn of<S: Signal>(outlets: &Outlets<S>) -> Option<Self> {
        let items = S::ledger(&outlets.health).read();
        let destinations = outlets.snapshot();
        let any = items.received > 0 || !destinations.is_empty();
        any.then_some(Self { items, destinations })
    }
}

impl Snapshot {
    /// Where items go, with what they are called.
    pub(crate) fn signals(&self) -> Vec<(&'static str, &[DestinationSnapshot])> {
        vec![
            ("spans", &*self.destinations),
            #[cfg(feature = "logs")]
            ("log records", self.logs.as_ref().map_or(&[], |logs| &*logs.destinations)),
            #[cfg(feature = "metrics")]
            ("metrics", self.metrics.as_ref().map_or(&[], |metrics| &*metrics.destinations)),
        ]
    }
}
