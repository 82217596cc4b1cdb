//! Where every span of the pipeline is: on its way, or counted out with what became of it.

use std::sync::atomic::{AtomicU64, Ordering};

use super::Counter;

/// Spans as the pipeline sees them. Sampled spans are counted by the provider's hooks and not by
/// the tracer, so that spans made with the OpenTelemetry API count too and the sum always holds.
#[derive(Debug, Default)]
pub(crate) struct PipelineCounts {
    /// Spans that the pipeline's sampler turned down.
    pub(crate) sampled_out: Counter,
    /// Sampled spans that started.
    pub(crate) sampled: Counter,
    /// Sampled spans that ended, and what became of them. A span that goes to several
    /// destinations counts once, with the worst of its fates.
    pub(crate) finished: Ledger,
}

impl PipelineCounts {
    /// All counts, read so that they add up while spans are moving:
    /// `started = sampled_out + in_flight + queued + exported + rejected + failed + dropped`.
    pub(crate) fn read(&self) -> SpanCounts {
        // Later stages first: a span that moves on meanwhile is seen at the earlier stage.
        let finished = self.finished.read();
        let sampled = self.sampled.get().max(finished.received);
        let sampled_out = self.sampled_out.get();
        SpanCounts {
            started: sampled_out + sampled,
            sampled_out,
            in_flight: sampled - finished.received,
            finished,
        }
    }
}

/// [`PipelineCounts`] at one moment.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct SpanCounts {
    pub(crate) started: u64,
    pub(crate) sampled_out: u64,
    /// Sampled and not ended.
    pub(crate) in_flight: u64,
    pub(crate) finished: LedgerCounts,
}

/// What became of a finished span, the better ones first.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Fate {
    /// The receiver took it.
    Exported,
    /// The receiver took the request but not this span (partial success).
    Rejected,
    /// The receiver refused the request, or could not be reached for too long.
    Failed,
    /// It was never sent.
    Dropped(DropReason),
}

/// A reason a row: its name in `status()`, the word of the conventions if it is another, and what
/// it means.
macro_rules! reasons {
    ($( $(#[doc = $doc:literal])+ $Reason:ident $name:literal $(= $error:literal)?;  )*) => {
        /// Why a span was never sent.
        #[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
        pub(crate) enum DropReason { $( $(#[doc = $doc])+ $Reason, )* }

        impl DropReason {
            pub(crate) const ALL: &[Self] = &[$( Self::$Reason ),*];
            const COUNT: usize = Self::ALL.len();

            /// The name in `status()`.
            pub(crate) fn name(self) -> &'static str {
                match self { $( Self::$Reason => $name, )* }
            }

            /// The `error.type` in metrics about our own delivery.
            #[cfg(feature = "metrics")]
            pub(crate) fn error_type(self) -> &'static str {
                match self { $( Self::$Reason => [$( $error, )? $name][0], )* }
            }

            #[cfg(test)]
            pub(crate) fn doc(self) -> &'static str {
                match self { $( Self::$Reason => concat!($($doc),+), )* }
            }
        }
    };
}

reasons! {
    /// More spans ended than the destination could take: a full queue.
    QueueFull "queue_full";
    /// What waited took more than `traces.batch.max_queue_bytes`.
    QueueBytes "queue_bytes";
    /// The queue filled up while the destination was not answering.
    BreakerOpen "breaker_open";
    /// One span alone is larger than a request may be.
    OverLimit "over_limit";
    /// Preparing it for the destination panicked.
    Panicked "panicked";
    /// Turned down by a rule under `keep`.
    TailSampled "tail_sampled";
    /// A reload removed its destination, which did not accept it in time.
    Replaced "replaced";
    /// A running sum was collected anew before it was sent, which loses nothing.
    Superseded "superseded";
    /// Still queued when the time for shutdown was over.
    Shutdown "shutdown";
    /// It ended after shutdown.
    AfterShutdown "after_shutdown" = "already_shutdown";
    /// There is no destination.
    NoDestination "no_destination";
}

impl Fate {
    const COUNT: usize = 3 + DropReason::COUNT;

    pub(crate) fn rank(self) -> u8 {
        match self {
            Self::Exported => 0,
            Self::Rejected => 1,
            Self::Failed => 2,
            Self::Dropped(reason) => 3 + reason as u8,
        }
    }

    /// The fate of this rank; ranks beyond the last are the last.
    pub(crate) fn from_rank(rank: u8) -> Self {
        match rank {
            0 => Self::Exported,
            1 => Self::Rejected,
            2 => Self::Failed,
            _ => {
                let reason = usize::from(rank - 3).min(DropReason::COUNT - 1);
                Self::Dropped(DropReason::ALL[reason])
            }
        }
    }
}

/// Spans received and what became of them.
#[derive(Debug, Default)]
pub(crate) struct Ledger {
    received: AtomicU64,
    fates: [AtomicU64; Fate::COUNT],
}

impl Ledger {
    /// Counts spans in. Comes before their fate.
    pub(crate) fn receive(&self, n: u64) {
        self.received.fetch_add(n, Ordering::Relaxed);
    }

    /// Counts spans out.
    pub(crate) fn settle(&self, fate: Fate, n: u64) {
        self.fates[usize::from(fate.rank())].fetch_add(n, Ordering::Release);
    }

    pub(crate) fn read(&self) -> LedgerCounts {
        let count = |fate: Fate| self.fates[usize::from(fate.rank())].load(Ordering::Acquire);
        let dropped = std::array::from_fn(|at| {
            let reason = DropReason::ALL[at];
            (reason, count(Fate::Dropped(reason)))
        });
        let (exported, rejected, failed) =
            (count(Fate::Exported), count(Fate::Rejected), count(Fate::Failed));
        let never_sent = dropped.iter().map(|(_, n): &(DropReason, u64)| n).sum::<u64>();
        let settled = exported + rejected + failed + never_sent;
        // Read last, so that it is never less than what was settled of it.
        let received = self.received.load(Ordering::Relaxed).max(settled);
        LedgerCounts { received, queued: received - settled, exported, rejected, failed, dropped }
    }
}

/// A [`Ledger`] at one moment: `received = queued + exported + rejected + failed + dropped`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct LedgerCounts {
    pub(crate) received: u64,
    /// Waiting or being sent.
    pub(crate) queued: u64,
    pub(crate) exported: u64,
    pub(crate) rejected: u64,
    pub(crate) failed: u64,
    dropped: [(DropReason, u64); DropReason::COUNT],
}

impl LedgerCounts {
    /// The reasons that occurred, with their counts.
    pub(crate) fn dropped(&self) -> impl Iterator<Item = (DropReason, u64)> {
        self.dropped.iter().copied().filter(|(_, n)| *n > 0)
    }

    #[cfg(test)]
    pub(crate) fn dropped_total(&self) -> u64 {
        self.dropped.iter().map(|(_, n)| n).sum()
    }
}

impl Default for LedgerCounts {
    fn default() -> Self {
        Ledger::default().read()
    }
}
