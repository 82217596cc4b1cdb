//! The thread of one destination: batch in, parcels out, every item settled.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;

use super::account::Account;
use super::attempts::Attempts;
use super::failure::{Failure, FailureKind};
use super::finished::{Finished, Receipt};
use super::item::{Item, Prepare, Prepared};
use super::queue::{Load, Queue, Work};
use super::retry::Delivery;
use super::start_error::StartError;
use super::transport::{Delivered, Packed, Transport};
use crate::config::settings::Batch;
use crate::health::{DropReason, Fate, Health};

/// What a destination is opened with, whatever is sent there.
#[derive(Debug)]
pub(crate) struct Opening<'a> {
    pub(crate) name: &'a str,
    pub(crate) batch: Batch,
    pub(crate) account: &'a Arc<Account>,
    pub(crate) health: &'a Arc<Health>,
}

impl Opening<'_> {
    /// Starts the thread; it ends when its queue is closed and empty, or out of time. An attempt
    /// may take so long, if `export_timeout` is not shorter.
    pub(crate) fn start<T: Transport>(
        self,
        timeout: Duration,
        preparation: Preparation<T>,
        transport: T,
    ) -> Result<Arc<Queue<T::Item>>, StartError> {
        let (account, health) = (Arc::clone(self.account), Arc::clone(self.health));
        let queue = Queue::new(self.batch, Arc::clone(&account), Arc::clone(&health));
        let queue = Arc::new(queue);
        let timeout = timeout.min(self.batch.export_timeout);
        let attempts = Attempts::new(Arc::clone(&queue));
        let delivery = Delivery::new(attempts, Arc::clone(&account), timeout);
        let worker = Worker { queue: Arc::clone(&queue), account, health, preparation, transport };
        let thread = std::thread::Builder::new().name(thread_name::<T::Item>(self.name));
        let ended = Arc::clone(&queue);
        let run = move || {
            // Nothing that the exporting code does may become a span of its own.
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            worker.run(delivery);
            ended.ended();
        };
        queue.runs_on(thread.spawn(run).map_err(StartError::Thread)?);
        Ok(queue)
    }
}

type Preparation<T> = <<T as Transport>::Item as Item>::Preparation;
type Terms<T> = <Preparation<T> as Prepare<<T as Transport>::Item>>::Terms;

/// What a destination's thread works with.
#[derive(Debug)]
struct Worker<T: Transport> {
    queue: Arc<Queue<T::Item>>,
    account: Arc<Account>,
    health: Arc<Health>,
    preparation: Preparation<T>,
    transport: T,
}

impl<T: Transport> Worker<T> {
    fn run(mut self, mut delivery: Delivery<T::Item>) {
        let queue = Arc::clone(&self.queue);
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
                    self.end_transport(&delivery);
                    return queue.stop();
                }
            }
        }
    }

    /// What was replaced by a reload may be in use by its successor.
    fn end_transport(&mut self, delivery: &Delivery<T::Item>) {
        self.flush_transport();
        if self.queue.drop_reason() == DropReason::Shutdown {
            delivery.conclude(|deadline| self.transport.shutdown(deadline));
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
            let (preparation, terms) = (&self.preparation, load.terms);
            let may_leave = || preparation.may_leave(terms);
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
                Delivered::Outdated => load = self.load(load.spare()),
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

    /// Makes the items what this destination wants, by the terms of this moment, and packs them.
    fn load(&mut self, batch: impl Iterator<Item = (T::Item, Receipt<T::Item>)>) -> Loaded<T> {
        let terms = self.preparation.terms();
        let (mut items, mut receipts, mut spare) = (Vec::new(), VecDeque::new(), VecDeque::new());
        for (item, receipt) in batch {
            let prepare = || self.preparation.prepare(item, terms);
            match catch_unwind(AssertUnwindSafe(prepare)) {
                Ok(Prepared { item, spare: other }) => {
                    items.push(item);
                    receipts.push_back(receipt);
                    spare.extend(other);
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
        Loaded { terms, parcels: parcels.into(), receipts, spare }
    }

    fn settle(&self, receipts: impl IntoIterator<Item = Receipt<T::Item>>, fate: Fate) {
        let mut load = Load::default();
        for receipt in receipts {
            load.items += 1;
            load.bytes += receipt.bytes;
            receipt.settle(fate, &self.health);
        }
        if load.items > 0 {
            self.account.items.settle(fate, load.items as u64);
            self.queue.settled(load);
        }
    }
}

/// A batch that is ready to be sent.
struct Loaded<T: Transport> {
    /// Under which it was made.
    terms: Terms<T>,
    parcels: VecDeque<Packed<T::Parcel>>,
    /// Of the items in the parcels, in their order.
    receipts: VecDeque<Receipt<T::Item>>,
    /// The same items for stricter terms, where these are not the strictest.
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
    fn spare(self) -> impl Iterator<Item = (T::Item, Receipt<T::Item>)> {
        self.spare.into_iter().zip(self.receipts)
    }
}

/// The time to deliver is over.
#[derive(Debug)]
struct OutOfTime;

/// Systems show 15 bytes of a thread's name.
fn thread_name<S: Item>(destination: &str) -> String {
    format!("{}-{destination}", S::THREAD).chars().filter(|c| *c != '\0').collect()
}
