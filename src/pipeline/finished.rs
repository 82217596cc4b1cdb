//! A finished span on its way, and the receipt that is settled once for each destination.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use opentelemetry_sdk::trace::SpanData;

use super::size;
use crate::health::{Fate, Health};

/// A finished span, shared by the destinations it goes to.
#[derive(Debug)]
pub(super) struct Finished {
    span: SpanData,
    bytes: usize,
    track: Track,
}

/// How far a span has come, over all its destinations.
#[derive(Debug)]
struct Track {
    worst: AtomicU8,
    open: AtomicU32,
}

impl Finished {
    pub(super) fn new(span: SpanData, destinations: usize) -> Arc<Self> {
        let open = u32::try_from(destinations).unwrap_or(u32::MAX);
        let track = Track { worst: AtomicU8::new(0), open: AtomicU32::new(open) };
        Arc::new(Self { bytes: size::span(&span), span, track })
    }

    /// About what it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// One more destination. Only while at least one is not settled.
    pub(super) fn add_destination(&self) {
        self.track.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Records what became of the span at one destination; the last one counts it.
    pub(super) fn settle(&self, fate: Fate, health: &Health) {
        self.track.settle(fate, health);
    }

    /// The span and its receipt. Copies the span only while another destination needs it too.
    pub(super) fn take(self: Arc<Self>) -> (SpanData, Receipt) {
        let bytes = self.bytes;
        let (span, holder) = match Arc::try_unwrap(self) {
            Ok(Self { span, track, .. }) => (span, Holder::Sole(track)),
            Err(shared) => (shared.span.clone(), Holder::Shared(shared)),
        };
        (span, Receipt { holder, bytes })
    }
}

impl Track {
    fn settle(&self, fate: Fate, health: &Health) {
        self.worst.fetch_max(fate.rank(), Ordering::AcqRel);
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let worst = Fate::from_rank(self.worst.load(Ordering::Acquire));
            health.pipeline.finished.settle(worst, 1);
        }
    }
}

/// The duty to say what became of a span at one destination.
#[derive(Debug)]
#[must_use]
pub(super) struct Receipt {
    holder: Holder,
    /// See [`Finished::bytes`].
    pub(super) bytes: usize,
}

#[derive(Debug)]
enum Holder {
    Sole(Track),
    Shared(Arc<Finished>),
}

impl Receipt {
    pub(super) fn settle(self, fate: Fate, health: &Health) {
        match &self.holder {
            Holder::Sole(track) => track.settle(fate, health),
            Holder::Shared(finished) => finished.settle(fate, health),
        }
    }
}
