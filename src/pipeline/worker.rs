//! The thread of one destination: batch in, parcels out, every item settled.

use std::collections::VecDeque;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;

use super::account::Account;
use super::delivery::{Delivered, Delivery};
use super::finished::{Finished, Receipt};
use super::queue::{Load, Queue, Work};
use super::signal::Signal;
use super::transport::{Failure, FailureKind, Packed, Transport};
use crate::health::{DropReason, Fate, Health};

/// What a destination's thread works with.
#[derive(Debug)]
pub(super) struct Worker<T: Transport> {
    pub(super) queue: Arc<Queue<T::Item>>,
    pub(super) account: Arc<Account>,
    pub(super) health: Arc<Health>,
    pub(super) preparation: <T::Item as Signal>::Preparation,
    pub(super) timeout: Duration,
    pub(super) transport: T,
}

impl<T: Transport> Worker<T> {
    /// Starts the thread; it ends when its queue is closed and empty, or out of time.
    pub(super) fn start(self, name: &str) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(thread_name(name));
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
                Work::Stop => return self.flush_transport(),
            }
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
        let (items, receipts) = self.prepare(batch);
        let mut receipts = receipts.into_iter();
        let packed = catch_unwind(AssertUnwindSafe(|| self.transport.pack(items)));
        let mut parcels = VecDeque::from(packed.unwrap_or_else(|_| {
            let failure = Failure::new(FailureKind::Panic, "encoding panicked");
            self.account.failed(failure);
            Vec::new()
        }));
        while let Some(packed) = parcels.pop_front() {
            let (parcel, spans) = match packed {
                Packed::Parcel(parcel, spans) => (parcel, spans),
                Packed::OverLimit => {
                    self.settle(receipts.next(), Fate::Dropped(DropReason::OverLimit));
                    continue;
                }
            };
            match delivery.deliver(&mut self.transport, parcel) {
                Delivered::Taken { rejected } => {
                    let rejected = usize::try_from(rejected).map_or(spans, |n| n.min(spans));
                    self.settle(receipts.by_ref().take(rejected), Fate::Rejected);
                    self.settle(receipts.by_ref().take(spans - rejected), Fate::Exported);
                }
                Delivered::Failed => self.settle(receipts.by_ref().take(spans), Fate::Failed),
                Delivered::Split([first, second]) => {
                    parcels.push_front(second);
                    parcels.push_front(first);
                }
                Delivered::OutOfTime => {
                    self.settle(receipts, Fate::Dropped(self.queue.drop_reason()));
                    return Err(OutOfTime);
                }
            }
        }
        // Left over only if encoding panicked.
        self.settle(receipts, Fate::Dropped(DropReason::Panicked));
        Ok(())
    }

    /// Takes the items out of the batch and makes them what this destination wants.
    fn prepare(
        &mut self,
        batch: Vec<Arc<Finished<T::Item>>>,
    ) -> (Vec<T::Item>, Vec<Receipt<T::Item>>) {
        let mut items = Vec::with_capacity(batch.len());
        let mut receipts = Vec::with_capacity(batch.len());
        for finished in batch {
            let (item, receipt) = finished.take();
            let prepared = catch_unwind(AssertUnwindSafe(|| item.prepare(&self.preparation)));
            match prepared {
                Ok(item) => {
                    items.push(item);
                    receipts.push(receipt);
                }
                // Whatever state it is in, it must not leave.
                Err(_) => self.settle(Some(receipt), Fate::Dropped(DropReason::Panicked)),
            }
        }
        (items, receipts)
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

/// The time to deliver is over.
#[derive(Debug)]
struct OutOfTime;

/// Systems show 15 bytes of a thread's name.
fn thread_name(destination: &str) -> String {
    format!("genai-{destination}").chars().filter(|c| *c != '\0').collect()
}
