//! Start, reload, flush, shutdown.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::{SdkTracerProvider, SpanLimits};

use super::account::Account;
#[cfg(feature = "otel-http")]
use super::otlp::OtlpTransport;
use super::preparation::Preparation;
use super::processor::{Processor, Routes};
use super::queue::Queue;
use super::resource::resource;
use super::sampler::SettingsSampler;
use super::snapshot::{DestinationSnapshot, Snapshot};
use super::start_error::StartError;
use super::transport::Transport;
use super::worker::Worker;
use crate::config::settings::{Destination, Settings};
use crate::health::{DropReason, Health};

/// Everything between finished spans and their destinations. Dropping it shuts it down.
#[derive(Debug)]
pub(crate) struct Pipeline {
    core: Arc<Core>,
    sampler: SettingsSampler,
    settings: Mutex<Settings>,
}

/// What the processor, which lives as long as the tracer provider, shares with the pipeline.
#[derive(Debug)]
pub(super) struct Core {
    pub(super) routes: Routes,
    pub(super) health: Arc<Health>,
    outlets: Mutex<Outlets>,
    shut_down: AtomicBool,
}

#[derive(Debug, Default)]
struct Outlets {
    active: Vec<Outlet>,
    /// Removed by a reload and not empty yet.
    draining: Vec<Outlet>,
}

/// A destination with its running worker.
#[derive(Debug)]
struct Outlet {
    name: String,
    /// `None` for outlets that do not come from the settings.
    destination: Option<Destination>,
    queue: Arc<Queue>,
    account: Arc<Account>,
    thread: Option<JoinHandle<()>>,
}

/// Spans that could not be delivered in time.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct Undelivered {
    /// Not sent: dropped at shutdown, or still queued after a flush.
    pub(crate) waiting: u64,
    /// Sent, but without an answer so far.
    pub(crate) unconfirmed: u64,
    /// Refused or rejected by a destination during the call.
    pub(crate) refused: u64,
}

/// What a reload did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Applied {
    /// Settings that changed and work from now on.
    pub(crate) changed: Vec<String>,
    /// Settings that changed and only work after a restart.
    pub(crate) needs_restart: Vec<String>,
    /// Destinations that go on as they were.
    pub(crate) kept: Vec<String>,
}

impl Pipeline {
    /// Checks the settings, builds the transports and starts the workers. Touches no global.
    pub(crate) fn start(settings: &Settings, health: Arc<Health>) -> Result<Self, StartError> {
        let mut active = Vec::new();
        for destination in &settings.destinations {
            let account = Arc::new(Account::default());
            match open(settings, destination, account, &health) {
                Ok(outlet) => active.push(outlet),
                Err(error) => {
                    close_all(&mut active, Instant::now(), DropReason::Shutdown);
                    return Err(error);
                }
            }
        }
        let routes = Routes::new(queues(&active));
        let outlets = Mutex::new(Outlets { active, draining: Vec::new() });
        let core = Core {
            routes,
            outlets,
            shut_down: AtomicBool::new(false),
            health: Arc::clone(&health),
        };
        Ok(Self {
            core: Arc::new(core),
            sampler: SettingsSampler::new(settings.sampler, health),
            settings: Mutex::new(settings.clone()),
        })
    }

    /// Adds an outlet that is not in the settings, such as the console; spans wait no longer than
    /// `delay` for it.
    pub(crate) fn add<T: Transport>(
        &self,
        name: &str,
        transport: T,
        delay: Duration,
    ) -> Result<(), StartError> {
        let mut settings = self.settings().clone();
        settings.batch.schedule_delay = delay;
        let preparation = Preparation::plain(&settings);
        let account = Arc::new(Account::default());
        let outlet =
            launch(name, None, &settings, account, preparation, transport, &self.core.health)?;
        let mut outlets = self.core.outlets();
        outlets.active.push(outlet);
        self.core.routes.replace(queues(&outlets.active));
        Ok(())
    }

    /// A tracer provider with our processor, sampler, limits and resource. Everything is said
    /// explicitly, so that what the SDK reads from the environment has no effect.
    pub(crate) fn provider(&self) -> SdkTracerProvider {
        let settings = self.settings();
        let mut limits = SpanLimits::default();
        limits.max_attributes_per_span = settings.limits.attributes_per_span;
        limits.max_events_per_span = settings.limits.events_per_span;
        limits.max_links_per_span = settings.limits.links_per_span;
        limits.max_attributes_per_event = settings.limits.attributes_per_event;
        limits.max_attributes_per_link = settings.limits.attributes_per_link;
        SdkTracerProvider::builder()
            .with_span_processor(Processor { core: Arc::clone(&self.core) })
            .with_sampler(self.sampler.clone())
            .with_span_limits(limits)
            .with_resource(resource(&settings))
            .build()
    }

    /// Waits until what ended before this call is delivered.
    pub(crate) fn flush(&self, timeout: Duration) -> Result<(), Undelivered> {
        self.core.flush(timeout)
    }

    /// Delivers what is queued, no longer than `timeout`, and stops. Later calls report nothing.
    pub(crate) fn shutdown(&self, timeout: Duration) -> Result<(), Undelivered> {
        self.core.shutdown(timeout)
    }

    /// Makes new settings work. Destinations that are new or different start, the old ones
    /// deliver what they have; if one cannot start, nothing changes.
    pub(crate) fn apply(&self, settings: &Settings) -> Result<Applied, StartError> {
        let mut current = self.settings();
        let applied = self.core.apply(&current, settings)?;
        let mut applied = applied;
        if current.sampler != settings.sampler {
            self.sampler.set(settings.sampler);
            applied.changed.push(String::from("sampler"));
        }
        for (name, differs) in [
            ("service_name", current.service_name != settings.service_name),
            ("resource_attributes", current.resource_attributes != settings.resource_attributes),
            ("limits", counts(&current) != counts(settings)),
        ] {
            if differs {
                applied.needs_restart.push(name.to_owned());
            }
        }
        *current = settings.clone();
        Ok(applied)
    }

    /// What has been delivered, what has not, and why.
    pub(crate) fn snapshot(&self) -> Snapshot {
        self.core.snapshot()
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.core.shutdown(SHUTDOWN_TIMEOUT);
    }
}

impl Core {
    pub(super) fn flush(&self, timeout: Duration) -> Result<(), Undelivered> {
        let deadline = Instant::now() + timeout;
        let targets: Vec<_> = {
            let outlets = self.outlets();
            let all = outlets.active.iter().chain(&outlets.draining);
            all.map(|outlet| (Arc::clone(&outlet.queue), Arc::clone(&outlet.account)))
                .map(|(queue, account)| (queue.ask_flush(), refused(&account), queue, account))
                .collect()
        };
        let mut left = Undelivered::default();
        for (target, refused_before, queue, account) in targets {
            left.waiting += queue.wait_flushed(target, deadline);
            left.refused += refused(&account) - refused_before;
        }
        left.into_result()
    }

    pub(super) fn shutdown(&self, timeout: Duration) -> Result<(), Undelivered> {
        let mut outlets = self.outlets();
        if self.shut_down.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.routes.shut_down();
        let start = Instant::now();
        // The workers get a little less time, so that they can say what became of the rest.
        let (until, deadline) = (start + timeout.mul_f32(0.9), start + timeout);
        let Outlets { active, draining } = &mut *outlets;
        let mut left = Undelivered::default();
        let before: Vec<_> = active
            .iter()
            .chain(draining.iter())
            .map(|outlet| (refused(&outlet.account), dropped(&outlet.account)))
            .collect();
        for outlet in active.iter().chain(draining.iter()) {
            outlet.queue.close(until, DropReason::Shutdown);
        }
        for (outlet, before) in active.iter_mut().chain(draining).zip(before) {
            left.unconfirmed += outlet.queue.wait_stopped(deadline, DropReason::Shutdown) as u64;
            left.refused += refused(&outlet.account) - before.0;
            left.waiting += dropped(&outlet.account) - before.1;
        }
        left.into_result()
    }

    fn apply(&self, current: &Settings, new: &Settings) -> Result<Applied, StartError> {
        let mut outlets = self.outlets();
        if self.shut_down.load(Ordering::Acquire) {
            return Err(StartError::ShutDown);
        }
        let mut applied = Applied::default();
        let limits_differ =
            current.limits.attribute_value_length != new.limits.attribute_value_length;

        // First everything that can fail.
        let mut started: Vec<Outlet> = Vec::new();
        let mut kept: Vec<usize> = Vec::new();
        let mut order: Vec<Result<usize, usize>> = Vec::new();
        for destination in &new.destinations {
            let same = outlets.active.iter().position(|outlet| {
                !limits_differ
                    && outlet.destination.as_ref().is_some_and(|old| same(old, destination))
            });
            if let Some(index) = same.filter(|index| !kept.contains(index)) {
                applied.kept.push(destination.name.clone());
                kept.push(index);
                order.push(Ok(index));
                continue;
            }
            let account = outlets
                .active
                .iter()
                .find(|outlet| outlet.name == destination.name)
                .map_or_else(Arc::default, |outlet| Arc::clone(&outlet.account));
            match open(new, destination, account, &self.health) {
                Ok(outlet) => {
                    applied.changed.push(format!("exporters.{}", destination.name));
                    order.push(Err(started.len()));
                    started.push(outlet);
                }
                Err(error) => {
                    close_all(&mut started, Instant::now(), DropReason::Replaced);
                    return Err(error);
                }
            }
        }

        let mut old: Vec<Option<Outlet>> =
            std::mem::take(&mut outlets.active).into_iter().map(Some).collect();
        let mut started: Vec<Option<Outlet>> = started.into_iter().map(Some).collect();
        let mut active: Vec<Outlet> = order
            .into_iter()
            .filter_map(|place| match place {
                Ok(index) => old[index].take(),
                Err(index) => started[index].take(),
            })
            .collect();
        let mut retired = Vec::new();
        for outlet in old.into_iter().flatten() {
            match outlet.destination {
                None => active.push(outlet),
                Some(_) => retired.push(outlet),
            }
        }
        if batches_differ(current, new) {
            applied.changed.push(String::from("batch"));
            for outlet in &active {
                outlet.queue.set_batch(new.batch);
            }
        }
        for outlet in &retired {
            if !new.destinations.iter().any(|destination| destination.name == outlet.name) {
                applied.changed.push(format!("exporters.{} (removed)", outlet.name));
            }
        }
        // New spans first find the new queues; then the old ones close.
        self.routes.replace(queues(&active));
        close_all(&mut retired, Instant::now() + DRAIN_TIMEOUT, DropReason::Replaced);
        outlets.active = active;
        outlets.draining.retain(|outlet| !outlet.queue.is_stopped());
        outlets.draining.append(&mut retired);
        Ok(applied)
    }

    fn snapshot(&self) -> Snapshot {
        let outlets = self.outlets();
        let describe = |outlet: &Outlet, draining| {
            DestinationSnapshot::new(
                &outlet.name,
                outlet.destination.as_ref(),
                &outlet.account,
                &outlet.queue,
                draining,
            )
        };
        let mut destinations: Vec<_> =
            outlets.active.iter().map(|outlet| describe(outlet, false)).collect();
        for outlet in outlets.draining.iter().filter(|outlet| !outlet.queue.is_stopped()) {
            // A replaced destination shares its counts with its successor.
            let shown = |active: &Outlet| Arc::ptr_eq(&active.account, &outlet.account);
            if !outlets.active.iter().any(shown) {
                destinations.push(describe(outlet, true));
            }
        }
        Snapshot { spans: self.health.pipeline.read(), destinations }
    }

    fn outlets(&self) -> MutexGuard<'_, Outlets> {
        self.outlets.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Undelivered {
    fn into_result(self) -> Result<(), Self> {
        if self == Self::default() { Ok(()) } else { Err(self) }
    }
}

impl std::fmt::Display for Undelivered {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { waiting, unconfirmed, refused } = self;
        write!(f, "{waiting} not sent, {unconfirmed} without an answer, {refused} refused")
    }
}

/// Builds what a destination needs and starts its thread.
fn open(
    settings: &Settings,
    destination: &Destination,
    account: Arc<Account>,
    health: &Arc<Health>,
) -> Result<Outlet, StartError> {
    #[cfg(feature = "otel-http")]
    {
        let preparation = Preparation::new(settings, destination);
        let transport = OtlpTransport::new(destination, &resource(settings))?;
        let name = &destination.name;
        launch(name, Some(destination), settings, account, preparation, transport, health)
    }
    #[cfg(not(feature = "otel-http"))]
    {
        let _ = (settings, account, health);
        Err(StartError::MissingFeature {
            destination: destination.name.clone(),
            what: "protocol http/protobuf",
            feature: "otel-http",
        })
    }
}

fn launch<T: Transport>(
    name: &str,
    destination: Option<&Destination>,
    settings: &Settings,
    account: Arc<Account>,
    preparation: Preparation,
    transport: T,
    health: &Arc<Health>,
) -> Result<Outlet, StartError> {
    let queue = Arc::new(Queue::new(settings.batch, Arc::clone(&account), Arc::clone(health)));
    let worker = Worker {
        queue: Arc::clone(&queue),
        account: Arc::clone(&account),
        health: Arc::clone(health),
        preparation,
        timeout: destination.map_or(SHUTDOWN_TIMEOUT, |destination| destination.timeout),
        transport,
    };
    let thread = worker.start(name).map_err(StartError::Thread)?;
    Ok(Outlet {
        name: name.to_owned(),
        destination: destination.cloned(),
        queue,
        account,
        thread: Some(thread),
    })
}

fn queues(outlets: &[Outlet]) -> Vec<Arc<Queue>> {
    outlets.iter().map(|outlet| Arc::clone(&outlet.queue)).collect()
}

fn close_all(outlets: &mut [Outlet], until: Instant, reason: DropReason) {
    for outlet in outlets {
        outlet.queue.close(until, reason);
    }
}

fn refused(account: &Account) -> u64 {
    let counts = account.spans.read();
    counts.failed + counts.rejected
}

fn dropped(account: &Account) -> u64 {
    let reason = |(reason, _): &(DropReason, u64)| *reason == DropReason::Shutdown;
    account.spans.read().dropped().filter(reason).map(|(_, n)| n).sum()
}

fn counts(settings: &Settings) -> [u32; 5] {
    let limits = &settings.limits;
    [
        limits.attributes_per_span,
        limits.events_per_span,
        limits.links_per_span,
        limits.attributes_per_event,
        limits.attributes_per_link,
    ]
}

fn batches_differ(a: &Settings, b: &Settings) -> bool {
    let parts = |settings: &Settings| {
        let batch = &settings.batch;
        (batch.max_queue_size, batch.max_export_batch_size, batch.schedule_delay)
    };
    parts(a) != parts(b)
}

/// Whether a destination can go on as it is.
fn same(a: &Destination, b: &Destination) -> bool {
    a.name == b.name
        && a.traces_url == b.traces_url
        && a.protocol == b.protocol
        && a.headers == b.headers
        && a.compression == b.compression
        && a.timeout == b.timeout
        && a.format == b.format
        && a.policy == b.policy
        && [&a.ca_cert, &a.client_cert, &a.client_key]
            == [&b.ca_cert, &b.client_cert, &b.client_key]
        // Certificates are renewed in place, so a destination that has some is read again.
        && [&a.ca_cert, &a.client_cert, &a.client_key].iter().all(|path| path.is_none())
}

const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a destination that a reload removed may take to deliver what it has.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
