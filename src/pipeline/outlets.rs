//! The running destinations: opening, flushing and stopping them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::account::Account;
use super::lifecycle::Undelivered;
#[cfg(feature = "otel-http")]
use super::otlp::OtlpTransport;
use super::preparation::Preparation;
use super::processor::Routes;
use super::queue::Queue;
#[cfg(feature = "otel-http")]
use super::resource::resource;
use super::snapshot::{DestinationSnapshot, Snapshot};
use super::start_error::StartError;
use super::tail::{Decided, Tail};
use super::transport::Transport;
use super::worker::Worker;
use crate::config::settings::{Batch, Destination, Settings};
use crate::health::{DropReason, Fate};
use crate::tracer::Core;

/// What the processor, which lives as long as the tracer provider, shares with the pipeline.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) routes: Routes,
    pub(super) core: Arc<Core>,
    pub(super) tail: Tail,
    outlets: Mutex<Outlets>,
    /// Set for good by the first shutdown; a second one waits here for the first.
    shutdown: Mutex<()>,
    shut_down: AtomicBool,
}

#[derive(Debug, Default)]
pub(super) struct Outlets {
    pub(super) active: Vec<Outlet>,
    /// Removed by a reload and not empty yet.
    pub(super) draining: Vec<Outlet>,
}

/// A destination with its running worker.
#[derive(Clone, Debug)]
pub(super) struct Outlet {
    pub(super) name: String,
    /// `None` for outlets that do not come from the settings.
    pub(super) destination: Option<Destination>,
    pub(super) queue: Arc<Queue>,
    pub(super) account: Arc<Account>,
}

impl Shared {
    pub(super) fn start(settings: &Settings, core: Arc<Core>) -> Result<Self, StartError> {
        let mut active = Vec::new();
        for destination in trace_destinations(settings) {
            match Outlet::open(settings, destination, Arc::default(), &core) {
                Ok(outlet) => active.push(outlet),
                Err(error) => {
                    close_all(&active, Instant::now(), DropReason::Shutdown);
                    return Err(error);
                }
            }
        }
        Ok(Self {
            routes: Routes::new(queues(&active)),
            core,
            tail: Tail::new(settings.keep, settings.batch.max_queue_size),
            outlets: Mutex::new(Outlets { active, draining: Vec::new() }),
            shutdown: Mutex::new(()),
            shut_down: AtomicBool::new(false),
        })
    }

    pub(super) fn add<T: Transport>(
        &self,
        name: &str,
        batch: Batch,
        preparation: Preparation,
        transport: T,
    ) -> Result<(), StartError> {
        let mut outlets = self.outlets();
        let worker = Start { name, batch, timeout: LOCAL_TIMEOUT, preparation, transport };
        let (queue, account) = worker.start(Arc::default(), &self.core)?;
        outlets.active.push(Outlet { name: name.to_owned(), destination: None, queue, account });
        self.routes.replace(queues(&outlets.active));
        Ok(())
    }

    pub(super) fn flush(&self, timeout: Duration) -> Result<(), Undelivered> {
        let deadline = Instant::now() + timeout;
        let outlets = self.all_outlets();
        let asked: Vec<_> = outlets
            .iter()
            .map(|outlet| (outlet, outlet.account.refused(), outlet.queue.ask_flush()))
            .collect();
        let mut left = Undelivered::default();
        for (outlet, refused_before, ticket) in asked {
            left.waiting += outlet.queue.wait_flushed(ticket, deadline);
            left.refused += outlet.account.refused() - refused_before;
        }
        left.into_result()
    }

    pub(super) fn shutdown(&self, timeout: Duration) -> Result<(), Undelivered> {
        let _first = self.shutdown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        // A reload that is under way is done before its outlets are listed here.
        let outlets = {
            let no_reload = self.outlets();
            self.settle_tail(self.tail.finish());
            self.routes.shut_down();
            drop(no_reload);
            self.all_outlets()
        };
        let start = Instant::now();
        // The workers get a little less time, so that they can say what became of the rest.
        let (until, deadline) = (start + timeout.mul_f32(0.9), start + timeout);
        let before: Vec<_> = outlets
            .iter()
            .map(|outlet| (outlet.account.refused(), outlet.account.cut_off()))
            .collect();
        close_all(&outlets, until, DropReason::Shutdown);
        let mut left = Undelivered::default();
        for (outlet, (refused, cut_off)) in outlets.iter().zip(before) {
            let unconfirmed = outlet.queue.wait_stopped(deadline, DropReason::Shutdown);
            left.unconfirmed += unconfirmed as u64;
            left.refused += outlet.account.refused() - refused;
            left.waiting += outlet.account.cut_off() - cut_off;
        }
        left.into_result()
    }

    /// Sends and counts what the tail has decided on.
    pub(super) fn settle_tail(&self, decided: Decided) {
        let health = &self.core.health;
        for span in decided.kept {
            self.routes.send(span, health);
        }
        if decided.dropped > 0 {
            let fate = Fate::Dropped(DropReason::TailSampled);
            health.pipeline.finished.settle(fate, decided.dropped);
        }
    }

    pub(super) fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Acquire)
    }

    pub(super) fn snapshot(&self) -> Snapshot {
        let outlets = self.outlets();
        let mut destinations: Vec<_> =
            outlets.active.iter().map(|outlet| DestinationSnapshot::new(outlet, false)).collect();
        for outlet in outlets.draining.iter().filter(|outlet| !outlet.queue.is_stopped()) {
            // A replaced destination shares its counts with its successor.
            let shown = |active: &Outlet| Arc::ptr_eq(&active.account, &outlet.account);
            if !outlets.active.iter().any(shown) {
                destinations.push(DestinationSnapshot::new(outlet, true));
            }
        }
        drop(outlets);
        Snapshot { spans: self.core.health.pipeline.read(), destinations }
    }

    pub(super) fn outlets(&self) -> MutexGuard<'_, Outlets> {
        self.outlets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all_outlets(&self) -> Vec<Outlet> {
        let outlets = self.outlets();
        outlets.active.iter().chain(&outlets.draining).cloned().collect()
    }
}

impl Outlet {
    /// Builds what a destination needs and starts its thread.
    #[cfg(feature = "otel-http")]
    pub(super) fn open(
        settings: &Settings,
        destination: &Destination,
        account: Arc<Account>,
        core: &Arc<Core>,
    ) -> Result<Self, StartError> {
        let name = &destination.name;
        let start = Start {
            name,
            batch: settings.batch,
            timeout: destination.timeout.min(settings.batch.export_timeout),
            preparation: Preparation::new(
                settings,
                destination,
                Arc::clone(core),
                Arc::clone(&account.format),
            ),
            transport: OtlpTransport::new(destination, &resource(settings))?,
        };
        let (queue, account) = start.start(account, core)?;
        let destination = Some(destination.clone());
        Ok(Self { name: name.clone(), destination, queue, account })
    }

    #[cfg(not(feature = "otel-http"))]
    pub(super) fn open(
        _settings: &Settings,
        destination: &Destination,
        _account: Arc<Account>,
        _core: &Arc<Core>,
    ) -> Result<Self, StartError> {
        Err(StartError::MissingFeature {
            destination: destination.name.clone(),
            what: "sending anything",
            feature: "otel-http",
        })
    }
}

/// A worker to be started.
struct Start<'a, T> {
    name: &'a str,
    batch: Batch,
    timeout: Duration,
    preparation: Preparation,
    transport: T,
}

impl<T: Transport> Start<'_, T> {
    fn start(
        self,
        account: Arc<Account>,
        core: &Arc<Core>,
    ) -> Result<(Arc<Queue>, Arc<Account>), StartError> {
        let health = &core.health;
        let queue = Queue::new(self.batch, Arc::clone(&account), Arc::clone(health));
        let queue = Arc::new(queue);
        let worker = Worker {
            queue: Arc::clone(&queue),
            account: Arc::clone(&account),
            health: Arc::clone(health),
            preparation: self.preparation,
            timeout: self.timeout,
            transport: self.transport,
        };
        worker.start(self.name).map_err(StartError::Thread)?;
        Ok((queue, account))
    }
}

/// The destinations that spans go to.
pub(super) fn trace_destinations(settings: &Settings) -> impl Iterator<Item = &Destination> {
    let spans_leave = settings.traces_enabled;
    settings.destinations.iter().filter(move |to| spans_leave && to.traces_url.is_some())
}

pub(super) fn queues(outlets: &[Outlet]) -> Vec<Arc<Queue>> {
    outlets.iter().map(|outlet| Arc::clone(&outlet.queue)).collect()
}

pub(super) fn close_all(outlets: &[Outlet], until: Instant, reason: DropReason) {
    for outlet in outlets {
        outlet.queue.close(until, reason);
    }
}

/// For outlets inside the process, which answer at once or not at all.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(5);
