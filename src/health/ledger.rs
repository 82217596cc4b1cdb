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

/// Why a span was never sent.
#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum DropReason {
    /// More spans ended than the destination could take.
    QueueFull,
    /// The spans that waited were too large together for one more.
    QueueBytes,
    /// The queue filled up while the destination was not answering.
    BreakerOpen,
    /// One span alone is larger than a request may be.
    OverLimit,
    /// Preparing it for the destination panicked.
    Panicked,
    /// Tail sampling decided against it.
    TailSampled,
    /// Its destination was removed by a reload and did not take it in time.
    Replaced,
    /// Still queued when the time for shutdown was over.
    Shutdown,
    /// It ended after shutdown.
    AfterShutdown,
    /// There is no destination.
    NoDestination,
}

impl DropReason {
    pub(crate) const ALL: [Self; 10] = [
        Self::QueueFull,
        Self::QueueBytes,
        Self::BreakerOpen,
        Self::OverLimit,
        Self::Panicked,
        Self::TailSampled,
        Self::Replaced,
        Self::Shutdown,
        Self::AfterShutdown,
        Self::NoDestination,
    ];

    /// The name in `status()`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::QueueFull => "queue_full",
            Self::QueueBytes => "queue_bytes",
            Self::BreakerOpen => "breaker_open",
            Self::OverLimit => "over_limit",
            Self::Panicked => "panicked",
            Self::TailSampled => "tail_sampled",
            Self::Replaced => "replaced",
            Self::Shutdown => "shutdown",
            Self::AfterShutdown => "after_shutdown",
            Self::NoDestination => "no_destination",
        }
    }
}

impl Fate {
    const COUNT: usize = 3 + DropReason::ALL.len();

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
                let reason = usize::from(rank - 3).min(DropReason::ALL.len() - 1);
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
        let dropped = DropReason::ALL.map(|reason| (reason, count(Fate::Dropped(reason))));
        let (exported, rejected, failed) =
            (count(Fate::Exported), count(Fate::Rejected), count(Fate::Failed));
        let settled = exported + rejected + failed + dropped.iter().map(|(_, n)| n).sum::<u64>();
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
    dropped: [(DropReason, u64); DropReason::ALL.len()],
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
