//! A finished item on its way, and the receipt that is settled once for each destination.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};

use super::item::Item;
use crate::health::{Fate, Health, Ledger};

/// A finished item, shared by the destinations it goes to.
#[derive(Debug)]
pub(crate) struct Finished<S> {
    item: S,
    bytes: usize,
    track: Track,
}

/// How far an item has come, over all its destinations.
#[derive(Debug)]
struct Track {
    worst: AtomicU8,
    open: AtomicU32,
}

impl<S: Item> Finished<S> {
    pub(crate) fn new(item: S, destinations: usize) -> Arc<Self> {
        let open = u32::try_from(destinations).unwrap_or(u32::MAX);
        let track = Track { worst: AtomicU8::new(0), open: AtomicU32::new(open) };
        Arc::new(Self { bytes: item.size(), item, track })
    }

    /// About what it takes.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// One more destination. Only while at least one is not settled.
    pub(crate) fn add_destination(&self) {
        self.track.open.fetch_add(1, Ordering::Relaxed);
    }

    /// Records what became of the item at one destination; the last one counts it.
    pub(crate) fn settle(&self, fate: Fate, health: &Health) {
        self.track.settle(fate, S::ledger(health));
    }

    /// The item and its receipt. Copies the item only while another destination needs it too.
    pub(crate) fn take(self: Arc<Self>) -> (S, Receipt<S>) {
        let bytes = self.bytes;
        let (item, holder) = match Arc::try_unwrap(self) {
            Ok(Self { item, track, .. }) => (item, Holder::Sole(track)),
            Err(shared) => (shared.item.clone(), Holder::Shared(shared)),
        };
        (item, Receipt { holder, bytes })
    }
}

impl Track {
    fn settle(&self, fate: Fate, ledger: &Ledger) {
        self.worst.fetch_max(fate.rank(), Ordering::AcqRel);
        if self.open.fetch_sub(1, Ordering::AcqRel) == 1 {
            let worst = Fate::from_rank(self.worst.load(Ordering::Acquire));
            ledger.settle(worst, 1);
        }
    }
}

/// The duty to say what became of an item at one destination.
#[derive(Debug)]
#[must_use]
pub(crate) struct Receipt<S> {
    holder: Holder<S>,
    /// See [`Finished::bytes`].
    pub(crate) bytes: usize,
}

#[derive(Debug)]
enum Holder<S> {
    Sole(Track),
    Shared(Arc<Finished<S>>),
}

impl<S: Item> Receipt<S> {
    pub(crate) fn settle(self, fate: Fate, health: &Health) {
        match &self.holder {
            Holder::Sole(track) => track.settle(fate, S::ledger(health)),
            Holder::Shared(finished) => finished.settle(fate, health),
        }
    }
}
