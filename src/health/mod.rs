//! What was counted: spans started, dropped, delivered, and what could not be understood.
//!
//! A leaf that any module may use. Counters only grow. Whatever is counted is shown by one row
//! ([`figures`]): `status()` as text and as JSON, the guide and the metrics read the rows.

#[cfg(feature = "init")]
mod figures;
#[cfg(feature = "init")]
mod ledger;
#[cfg(feature = "init")]
mod probe;

use std::sync::atomic::{AtomicU64, Ordering};

#[cfg(feature = "init")]
pub(crate) use figures::{Row, figures, write_figures};
#[cfg(feature = "init")]
pub(crate) use ledger::{DropReason, Fate, Ledger, LedgerCounts, PipelineCounts, SpanCounts};
#[cfg(feature = "init")]
pub use probe::{Probe, Verdict};

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

/// Counters of a row each: [`figures`] whose numbers are counted in a struct of the same rows.
macro_rules! counters {
    (
        $(#[$live_meta:meta])*
        pub(crate) struct $Live:ident { $( $(#[$field_meta:meta])* $field:ident: $Type:ty, )* }
        $(#[$meta:meta])*
        pub struct $Name:ident {
            $( $(#[doc = $doc:literal])+ $row:ident $(: $text:literal)?; )*
        }
        besides $besides:tt
    ) => {
        $(#[$live_meta])*
        #[derive(Debug, Default)]
        pub(crate) struct $Live {
            $( $(#[doc = $doc])+ pub(crate) $row: Counter, )*
            $( $(#[$field_meta])* pub(crate) $field: $Type, )*
        }

        #[cfg(feature = "init")]
        figures! {
            $(#[$meta])*
            pub struct $Name of live: &$Live {
                $( $(#[doc = $doc])+ $row $(: $text)? = live.$row.get(); )*
            }
            besides $besides
        }
    };
}

counters! {
    /// The counters of one pipeline.
    pub(crate) struct Health {
        /// What the pipeline did with log records.
        #[cfg(feature = "logs")]
        logs: Ledger,
        /// What the pipeline did with points of metrics.
        #[cfg(feature = "metrics")]
        metrics: Ledger,
        /// What the pipeline did with the spans that reached it.
        #[cfg(feature = "init")]
        pipeline: PipelineCounts,
    }

    /// GenAI spans of the layer that are open, and what can be said about where they are made.
    pub struct Calls {
        /// GenAI spans that were open for longer than the time limit and were ended.
        expired: "expired";
        /// GenAI spans that were open for longer than the time limit, and whose end panicked.
        not_expired: "not expired after a panic";
        /// Values that are not of their attribute's type and were kept as text.
        not_understood: "values not understood";
        /// Content values that the policy withheld.
        withheld: "content values withheld";
        /// Content values that were shortened to the size that the policy allows.
        shortened: "content values shortened";
        /// Spans that became GenAI spans after they had started.
        promoted: "turned GenAI late";
        /// Attributes that were recorded anew when the span had been written: the first value was
        /// exported.
        late_changes: "changed too late";
    }
    besides {
        open: usize = 0;
        oldest_seconds: f64 = 0.0;
        findings: Vec<String> = Vec::new();
    }
}
