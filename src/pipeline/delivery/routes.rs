//! The set of queues that a finished item goes to.

use std::sync::Arc;

use arc_swap::ArcSwap;

use super::finished::Finished;
use super::item::Item;
use super::queue::{Queue, Refused};
use crate::health::{DropReason, Fate, Health};

/// Where items go. Read for each item, replaced by a reload.
#[derive(Debug)]
pub(crate) struct Routes<S>(ArcSwap<Queues<S>>);

#[derive(Debug)]
struct Queues<S> {
    queues: Vec<Arc<Queue<S>>>,
    shut_down: bool,
}

impl<S: Item> Routes<S> {
    pub(crate) fn new(queues: Vec<Arc<Queue<S>>>) -> Self {
        Self(ArcSwap::from_pointee(Queues { queues, shut_down: false }))
    }

    /// From now on items go to these queues. Comes before the old ones are closed.
    pub(crate) fn replace(&self, queues: Vec<Arc<Queue<S>>>) {
        self.0.store(Arc::new(Queues { queues, shut_down: false }));
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn are_empty(&self) -> bool {
        self.0.load().queues.is_empty()
    }

    /// Drops what is queued in favour of what comes next.
    #[cfg(feature = "metrics")]
    pub(crate) fn supersede(&self) {
        for queue in &self.0.load().queues {
            queue.supersede();
        }
    }

    /// What is queued is due.
    #[cfg(feature = "metrics")]
    pub(crate) fn send_now(&self) {
        for queue in &self.0.load().queues {
            queue.send_now();
        }
    }

    /// From now on items are counted and dropped.
    pub(crate) fn shut_down(&self) {
        self.0.store(Arc::new(Queues { queues: Vec::new(), shut_down: true }));
    }

    /// Sends an item that was counted in.
    pub(crate) fn send(&self, item: S, health: &Health) {
        let route = self.0.load();
        let Some((last, others)) = route.queues.split_last() else {
            S::ledger(health).settle(Fate::Dropped(route.reason()), 1);
            return;
        };
        let finished = Finished::new(item, route.queues.len());
        let mut homeless = Vec::new();
        for queue in others {
            offer(queue, Arc::clone(&finished), &mut homeless);
        }
        offer(last, finished, &mut homeless);
        if !homeless.is_empty() {
            self.reroute(homeless, &route.queues, health);
        }
    }

    /// For items that met a queue which a reload or shutdown had just closed: `homeless` holds
    /// one share of the item for each such queue.
    #[cold]
    fn reroute(
        &self,
        mut homeless: Vec<Arc<Finished<S>>>,
        before: &[Arc<Queue<S>>],
        health: &Health,
    ) {
        let route = self.0.load_full();
        let mut again = Vec::new();
        let is_new = |queue: &&Arc<Queue<S>>| !before.iter().any(|old| Arc::ptr_eq(old, queue));
        for queue in route.queues.iter().filter(is_new) {
            let share = match homeless.len() {
                // The last share stays here, to be copied from.
                1 => {
                    homeless[0].add_destination();
                    Arc::clone(&homeless[0])
                }
                _ => homeless.swap_remove(0),
            };
            offer(queue, share, &mut again);
        }
        let closed_again = !again.is_empty();
        // A share without a new queue says nothing about the item, unless there is nowhere to go.
        let fate = match route.queues.is_empty() {
            true => Fate::Dropped(route.reason()),
            false => Fate::Exported,
        };
        if closed_again {
            let seen: Vec<_> = before.iter().chain(&route.queues).cloned().collect();
            self.reroute(again, &seen, health);
        }
        for share in homeless {
            share.settle(fate, health);
        }
    }
}

impl<S> Queues<S> {
    fn reason(&self) -> DropReason {
        match self.shut_down {
            true => DropReason::AfterShutdown,
            false => DropReason::NoDestination,
        }
    }
}

fn offer<S: Item>(
    queue: &Queue<S>,
    finished: Arc<Finished<S>>,
    homeless: &mut Vec<Arc<Finished<S>>>,
) {
    if let Err(Refused::Closed(finished)) = queue.offer(finished) {
        homeless.push(finished);
    }
}
