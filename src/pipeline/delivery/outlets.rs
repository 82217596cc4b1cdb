//! The running destinations: opening, flushing and stopping them.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use super::account::Account;
use super::deadline::Deadline;
use super::queue::{Queue, Ticket};
use super::routes::Routes;
use super::signal::Signal;
use super::snapshot::DestinationSnapshot;
use super::start_error::StartError;
use super::transport::Transport;
use super::undelivered::Undelivered;
use super::worker::Opening;
use crate::config::settings::{Batch, Destination, Settings};
use crate::health::{DropReason, Health};

/// The destinations of one signal.
#[derive(Debug)]
pub(crate) struct Outlets<S: Signal> {
    pub(crate) routes: Arc<Routes<S>>,
    pub(crate) source: S::Source,
    pub(crate) health: Arc<Health>,
    running: Mutex<Running<S>>,
    /// Set for good by the first shutdown; a second one waits here for the first.
    shutdown: Mutex<()>,
    shut_down: AtomicBool,
}

#[derive(Debug)]
pub(crate) struct Running<S: Signal> {
    pub(crate) active: Vec<Outlet<S>>,
    /// Removed by a reload and not empty yet.
    pub(crate) draining: Vec<Outlet<S>>,
}

/// A destination with its running worker.
#[derive(Clone, Debug)]
pub(crate) struct Outlet<S: Signal> {
    pub(crate) name: String,
    /// `None` for outlets that do not come from the settings.
    pub(crate) destination: Option<Destination>,
    pub(crate) queue: Arc<Queue<S>>,
    pub(crate) account: Arc<Account>,
    pub(crate) kept: S::Kept,
}

/// A flush that was asked for.
#[derive(Debug)]
pub(crate) struct Flushing<S: Signal>(Vec<(Outlet<S>, u64, Ticket)>);

/// A shutdown that has begun.
#[derive(Debug)]
pub(crate) struct Closing<'a, S: Signal> {
    _first: MutexGuard<'a, ()>,
    /// With what each had refused and not sent before.
    outlets: Vec<(Outlet<S>, u64, u64)>,
    deadline: Deadline,
}

impl<S: Signal> Outlets<S> {
    pub(crate) fn start(
        settings: &Settings,
        source: S::Source,
        health: Arc<Health>,
    ) -> Result<Self, StartError> {
        let mut active = Vec::new();
        for destination in destinations::<S>(settings) {
            let account = Arc::new(Account::default());
            let kept = S::kept(destination);
            match Outlet::open(settings, destination, account, kept, (&source, &health)) {
                Ok(outlet) => active.push(outlet),
                Err(error) => {
                    close_all(&active, Deadline::after(Duration::ZERO), DropReason::Shutdown);
                    return Err(error);
                }
            }
        }
        Ok(Self {
            routes: Arc::new(Routes::new(queues(&active))),
            source,
            health,
            running: Mutex::new(Running { active, draining: Vec::new() }),
            shutdown: Mutex::new(()),
            shut_down: AtomicBool::new(false),
        })
    }

    /// Adds an outlet that is not in the settings.
    pub(crate) fn add<T: Transport<Item = S>>(
        &self,
        name: &str,
        batch: Batch,
        kept: S::Kept,
        preparation: S::Preparation,
        transport: T,
    ) -> Result<(), StartError> {
        let mut running = self.lock();
        let account = Arc::new(Account::default());
        let health = &self.health;
        let opening = Opening { name, batch, account: &account, health };
        let queue = opening.start(LOCAL_TIMEOUT, preparation, transport)?;
        let name = name.to_owned();
        running.active.push(Outlet { name, destination: None, queue, account, kept });
        self.routes.replace(queues(&running.active));
        Ok(())
    }

    /// Asks for everything that is queued now.
    pub(crate) fn ask_flush(&self) -> Flushing<S> {
        self.ask_flush_of(|| {})
    }

    /// The same, with what `last` sends before: a receiver may refuse that at once.
    pub(crate) fn ask_flush_of(&self, last: impl FnOnce()) -> Flushing<S> {
        let counted = self.all().into_iter().map(|outlet| (outlet.account.refused(), outlet));
        let counted: Vec<_> = counted.collect();
        last();
        let asked = counted.into_iter().map(|(refused, outlet)| {
            let ticket = outlet.queue.ask_flush();
            (outlet, refused, ticket)
        });
        Flushing(asked.collect())
    }

    /// Waits until the requests that are under way are over.
    pub(crate) fn wait_for_attempts(&self, deadline: Deadline) {
        for outlet in self.all() {
            outlet.queue.wait_attempt(deadline);
        }
    }

    /// From now on nothing more is taken; what is there is delivered by then. `last` may
    /// still send. `None` where there was a shutdown before.
    pub(crate) fn close(&self, deadline: Deadline, last: impl FnOnce()) -> Option<Closing<'_, S>> {
        self.close_after(|| {}, deadline, last)
    }

    /// The same; `before` may still send, and look at the outlets.
    pub(crate) fn close_after(
        &self,
        before: impl FnOnce(),
        deadline: Deadline,
        last: impl FnOnce(),
    ) -> Option<Closing<'_, S>> {
        let first = self.shutdown.lock().unwrap_or_else(PoisonError::into_inner);
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return None;
        }
        let counts = |account: &Account| (account.refused(), account.cut_off());
        let known: Vec<_> =
            self.all().into_iter().map(|it| (counts(&it.account), it.account)).collect();
        before();
        // A reload that is under way is done before its outlets are listed here.
        let outlets = {
            let no_reload = self.lock();
            last();
            self.routes.shut_down();
            drop(no_reload);
            self.all()
        };
        // The workers get a little less time, so that they can say what became of the rest.
        let until = deadline.for_work();
        let counted = outlets.into_iter().map(|outlet| {
            let was = known.iter().find(|(_, account)| Arc::ptr_eq(account, &outlet.account));
            let (refused, cut_off) = was.map_or_else(|| counts(&outlet.account), |(was, _)| *was);
            outlet.queue.close(until, DropReason::Shutdown);
            (outlet, refused, cut_off)
        });
        Some(Closing { _first: first, outlets: counted.collect(), deadline })
    }

    pub(crate) fn is_shut_down(&self) -> bool {
        self.shut_down.load(Ordering::Acquire)
    }

    pub(crate) fn snapshot(&self) -> Vec<DestinationSnapshot> {
        let running = self.lock();
        let mut destinations: Vec<_> =
            running.active.iter().map(|outlet| outlet.snapshot(false)).collect();
        for outlet in running.draining.iter().filter(|outlet| !outlet.queue.is_over()) {
            // A replaced destination shares its counts with its successor.
            let shown = |active: &Outlet<S>| Arc::ptr_eq(&active.account, &outlet.account);
            if !running.active.iter().any(shown) {
                destinations.push(outlet.snapshot(true));
            }
        }
        destinations
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Running<S>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Outlet<S>> {
        let running = self.lock();
        running.active.iter().chain(&running.draining).cloned().collect()
    }
}

impl<S: Signal> Flushing<S> {
    /// Waits until it is delivered, given up, or the time is over.
    pub(crate) fn wait(self, deadline: Deadline) -> Undelivered {
        let mut left = Undelivered::default();
        for (outlet, refused_before, ticket) in self.0 {
            left.waiting += outlet.queue.wait_flushed(ticket, deadline);
            left.refused += outlet.account.refused() - refused_before;
        }
        left
    }
}

impl<S: Signal> Closing<'_, S> {
    /// Waits until everything is delivered or the time is over.
    pub(crate) fn wait(self) -> Undelivered {
        let mut left = Undelivered::default();
        for (outlet, refused, cut_off) in &self.outlets {
            let unconfirmed = outlet.queue.wait_stopped(self.deadline, DropReason::Shutdown);
            outlet.queue.join(self.deadline);
            left.unconfirmed += unconfirmed as u64;
            left.refused += outlet.account.refused() - refused;
            left.waiting += outlet.account.cut_off() - cut_off;
        }
        left
    }
}

impl<S: Signal> Outlet<S> {
    /// Builds what a destination needs and starts its thread.
    pub(crate) fn open(
        settings: &Settings,
        destination: &Destination,
        account: Arc<Account>,
        kept: S::Kept,
        (source, health): (&S::Source, &Arc<Health>),
    ) -> Result<Self, StartError> {
        let batch = S::batch(settings);
        let opening = Opening { name: &destination.name, batch, account: &account, health };
        let queue = S::open(settings, destination, source, &kept, opening)?;
        let name = destination.name.clone();
        Ok(Self { name, destination: Some(destination.clone()), queue, account, kept })
    }

    fn snapshot(&self, draining: bool) -> DestinationSnapshot {
        let Self { name, destination, queue, account, kept } = self;
        let destination = destination.as_ref();
        let route = destination.and_then(S::route);
        let (in_hand, capacity) = queue.in_hand_of_capacity();
        let items = account.items.read();
        let mut snapshot = DestinationSnapshot {
            name: name.clone(),
            url: route.map(|route| route.shown_url()),
            protocol: route.map(|route| route.protocol),
            format: None,
            malformed: 0,
            unflattened: 0,
            sending: (in_hand as u64).min(items.queued),
            queue_capacity: capacity as u64,
            items,
            #[cfg(feature = "metrics")]
            operations: Arc::clone(&account.operations),
            queued_bytes: queue.load().bytes as u64,
            requests: account.requests.get(),
            retries: account.retries.get(),
            breaker_open: queue.is_breaker_open(),
            draining,
            last_success: account.last_success(),
            last_error: account.last_error(),
        };
        S::show(kept, destination, &mut snapshot);
        snapshot
    }
}

/// The destinations that a signal goes to.
pub(crate) fn destinations<S: Signal>(settings: &Settings) -> impl Iterator<Item = &Destination> {
    let leaves = S::is_on(settings);
    settings.destinations.iter().filter(move |to| leaves && S::go_to(to))
}

pub(crate) fn queues<S: Signal>(outlets: &[Outlet<S>]) -> Vec<Arc<Queue<S>>> {
    outlets.iter().map(|outlet| Arc::clone(&outlet.queue)).collect()
}

pub(crate) fn close_all<S: Signal>(outlets: &[Outlet<S>], until: Deadline, reason: DropReason) {
    for outlet in outlets {
        outlet.queue.close(until, reason);
    }
}

/// For outlets inside the process, which answer at once or not at all.
const LOCAL_TIMEOUT: Duration = Duration::from_secs(5);
