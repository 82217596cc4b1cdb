//! The thread of one destination: batch in, parcels out, every item settled.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;

use super::account::Account;
use super::finished::{Finished, Receipt};
use super::queue::{Load, Queue, Work};
use super::retry::{Delivered, Delivery};
use super::signal::{Prepared, Signal};
use super::transport::{Failure, FailureKind, Packed, Transport};
use crate::health::{DropReason, Fate, Health};
use crate::policy::Policy;

/// What a destination's thread works with.
#[derive(Debug)]
pub(crate) struct Worker<T: Transport> {
    pub(crate) queue: Arc<Queue<T::Item>>,
    pub(crate) account: Arc<Account>,
    pub(crate) health: Arc<Health>,
    pub(crate) preparation: <T::Item as Signal>::Preparation,
    pub(crate) timeout: Duration,
    pub(crate) transport: T,
}

impl<T: Transport> Worker<T> {
    /// Starts the thread; it ends when its queue is closed and empty, or out of time.
    pub(crate) fn start(self, name: &str) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(thread_name::<T::Item>(name));
        let run = move || {
            // Nothing that the exporting code does may become a span of its own.
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            self.run();
        };
        thread.spawn(run).map(drop)
    }

    fn run(mut self) {
        let queue = Arc::clone(&self.queue);
        let mut delivery =
            Delivery::new(Arc::clone(&queue), Arc::clone(&self.account), self.timeout);
        loop {
            match queue.next() {
                Work::Batch(batch) => {
                    if self.export(batch, &mut delivery).is_err() {
                        queue.stop();
                    }
                }
                Work::Flush(number) => {
                    self.flush_transport();
                    queue.flushed(number);
                }
                Work::Stop => {
                    self.end_transport();
                    return queue.stop();
                }
            }
        }
    }

    /// What was replaced by a reload may be in use by its successor.
    fn end_transport(&mut self) {
        self.flush_transport();
        if self.queue.drop_reason() == DropReason::Shutdown {
            let left = self.queue.begin_attempt(self.timeout).unwrap_or_default();
            let _ = catch_unwind(AssertUnwindSafe(|| self.transport.shutdown(left)));
            self.queue.end_attempt();
        }
    }

    fn flush_transport(&mut self) {
        // A panic there has no item to be counted with.
        let _ = catch_unwind(AssertUnwindSafe(|| self.transport.flush()));
    }

    fn export(
        &mut self,
        batch: Vec<Arc<Finished<T::Item>>>,
        delivery: &mut Delivery<T::Item>,
    ) -> Result<(), OutOfTime> {
        let mut load = self.load(batch.into_iter().map(Finished::take));
        while let Some(packed) = load.parcels.pop_front() {
            let (parcel, items) = match packed {
                Packed::Parcel(parcel, items) => (parcel, items),
                Packed::OverLimit => {
                    self.settle(load.take(1), Fate::Dropped(DropReason::OverLimit));
                    continue;
                }
            };
            let preparation = &self.preparation;
            let may_leave = || {
                let now = T::Item::policy(preparation);
                !load.policy.captures_content() || !now.takes_back_from(load.policy)
            };
            #[cfg(feature = "metrics")]
            let started = std::time::Instant::now();
            let delivered = delivery.deliver(&mut self.transport, parcel, may_leave);
            #[cfg(feature = "metrics")]
            self.account.concluded(&delivered, items, started.elapsed());
            match delivered {
                Delivered::Taken { rejected } => {
                    let rejected = usize::try_from(rejected).map_or(items, |n| n.min(items));
                    self.settle(load.take(rejected), Fate::Rejected);
                    self.settle(load.take(items - rejected), Fate::Exported);
                }
                Delivered::Failed => self.settle(load.take(items), Fate::Failed),
                Delivered::Split([first, second]) => {
                    load.parcels.push_front(second);
                    load.parcels.push_front(first);
                }
                Delivered::Outdated => load = self.load(load.without_content()),
                Delivered::OutOfTime => {
                    self.settle(load.receipts, Fate::Dropped(self.queue.drop_reason()));
                    return Err(OutOfTime);
                }
            }
        }
        // Left over only if encoding panicked.
        self.settle(load.receipts, Fate::Dropped(DropReason::Panicked));
        Ok(())
    }

    /// Makes the items what this destination wants, by the policy of this moment, and packs them.
    fn load(&mut self, batch: impl Iterator<Item = (T::Item, Receipt<T::Item>)>) -> Loaded<T> {
        let policy = T::Item::policy(&self.preparation);
        let (mut items, mut receipts, mut spare) = (Vec::new(), VecDeque::new(), VecDeque::new());
        for (item, receipt) in batch {
            let prepare = || item.prepare(&self.preparation, policy);
            match catch_unwind(AssertUnwindSafe(prepare)) {
                Ok(Prepared { item, without_content }) => {
                    items.push(item);
                    receipts.push_back(receipt);
                    spare.extend(without_content);
                }
                // Whatever state it is in, it must not leave.
                Err(_) => self.settle([receipt], Fate::Dropped(DropReason::Panicked)),
            }
        }
        let packed = catch_unwind(AssertUnwindSafe(|| self.transport.pack(items)));
        let parcels = packed.unwrap_or_else(|_| {
            let failure = Failure::new(FailureKind::Panic, "encoding panicked");
            self.account.failed(failure);
            Vec::new()
        });
        Loaded { policy, parcels: parcels.into(), receipts, spare }
    }

    fn settle(&self, receipts: impl IntoIterator<Item = Receipt<T::Item>>, fate: Fate) {
        let mut load = Load::default();
        for receipt in receipts {
            load.spans += 1;
            load.bytes += receipt.bytes;
            receipt.settle(fate, &self.health);
        }
        if load.spans > 0 {
            self.account.spans.settle(fate, load.spans as u64);
            self.queue.settled(load);
        }
    }
}

/// A batch that is ready to be sent.
struct Loaded<T: Transport> {
    /// Under which it was made.
    policy: Policy,
    parcels: VecDeque<Packed<T::Parcel>>,
    /// Of the items in the parcels, in their order.
    receipts: VecDeque<Receipt<T::Item>>,
    /// The same items without content, where the policy lets some out.
    spare: VecDeque<T::Item>,
}

impl<T: Transport> Loaded<T> {
    /// The receipts of the next items.
    fn take(&mut self, items: usize) -> Vec<Receipt<T::Item>> {
        let items = items.min(self.receipts.len());
        self.spare.drain(..items.min(self.spare.len()));
        self.receipts.drain(..items).collect()
    }

    /// What is not delivered yet, to be made ready again.
    fn without_content(self) -> impl Iterator<Item = (T::Item, Receipt<T::Item>)> {
        self.spare.into_iter().zip(self.receipts)
    }
}

/// The time to deliver is over.
#[derive(Debug)]
struct OutOfTime;

/// Systems show 15 bytes of a thread's name.
fn thread_name<S: Signal>(destination: &str) -> String {
    format!("{}-{destination}", S::THREAD).chars().filter(|c| *c != '\0').collect()
}
