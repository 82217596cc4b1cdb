//! What was counted: spans started, dropped, delivered, and what could not be understood.
//!
//! A leaf that any module may use. Counters only grow; `status()` reads them.

#[cfg(feature = "init")]
mod ledger;

use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "init")]
pub(crate) use ledger::{DropReason, Fate, Ledger, LedgerCounts, PipelineCounts, SpanCounts};

/// A monotonic counter.
#[derive(Debug, Default)]
pub(crate) struct Counter(AtomicU64);

impl Counter {
    pub(crate) fn add(&self, n: u64) {
        self.0.fetch_add(n, Ordering::Relaxed);
    }

    pub(crate) fn increment(&self) {
        self.add(1);
    }

    #[cfg(feature = "init")]
    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// The counters of one pipeline.
#[derive(Debug, Default)]
pub(crate) struct Health {
    /// Spans that were open for too long and were ended.
    pub(crate) expired: Counter,
    /// Values that were not of their attribute's type and were kept as text.
    pub(crate) not_understood: Counter,
    /// Content values that the policy withheld.
    pub(crate) withheld: Counter,
    /// Content values that were shortened.
    pub(crate) shortened: Counter,
    /// Spans that became GenAI spans after they had started.
    pub(crate) promoted: Counter,
    /// Attributes recorded anew after the SDK span had them, whose first value left.
    pub(crate) late_changes: Counter,
    /// What the pipeline did with log records.
    #[cfg(feature = "logs")]
    pub(crate) logs: Ledger,
    /// What the pipeline did with the spans that reached it.
    #[cfg(feature = "init")]
    pub(crate) pipeline: PipelineCounts,
}
