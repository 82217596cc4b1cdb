//! What is measured, on its way into the queues.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::SystemTime;

use super::clock::Clock;
use super::point::MetricPoint;
use crate::config::settings::Settings;
use crate::health::Health;
use crate::metrics::{MetricsStatus, SpanMetrics};
use crate::pipeline::delivery::{Closing, Deadline, Flushing, Item, Outlets, Routes, StartError};
use crate::pipeline::snapshot::SignalSnapshot;

/// The destinations of metrics, and the clock by which they are collected.
#[derive(Debug)]
pub(crate) struct Metrics {
    outlets: Outlets<MetricPoint>,
    collector: Arc<Collector>,
    /// Started where metrics leave for the first time.
    clock: OnceLock<Clock>,
}

/// Makes collections and hands them to the queues, one at a time.
#[derive(Debug)]
struct Collector {
    metrics: Arc<SpanMetrics>,
    routes: Arc<Routes<MetricPoint>>,
    health: Arc<Health>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    collections: u64,
    /// The last one was made.
    closed: bool,
}

impl Metrics {
    pub(crate) fn start(
        settings: &Settings,
        metrics: Arc<SpanMetrics>,
        health: Arc<Health>,
    ) -> Result<Self, StartError> {
        let outlets = Outlets::start(settings, (), Arc::clone(&health))?;
        let routes = Arc::clone(&outlets.routes);
        let collector = Arc::new(Collector { metrics, routes, health, state: Mutex::default() });
        let this = Self { outlets, collector, clock: OnceLock::new() };
        this.tick_at(settings)?;
        Ok(this)
    }

    /// Collects now and asks for all of it.
    pub(crate) fn ask_flush(&self) -> Flushing<MetricPoint> {
        self.outlets.ask_flush_of(|| self.collector.collect(false))
    }

    /// Stops the clock and collects once more; see [`Outlets::close`]. That comes first, because
    /// what is measured of the pipeline itself needs its locks.
    pub(crate) fn close(&self, deadline: Deadline) -> Option<Closing<'_, MetricPoint>> {
        if let Some(clock) = self.clock.get() {
            clock.stop();
        }
        self.outlets.close_after(|| self.collector.collect(true), deadline, || {})
    }

    /// Makes new settings work; says whether anything is different.
    pub(crate) fn apply(&self, current: &Settings, new: &Settings) -> Result<bool, StartError> {
        let (applied, ()) = self.outlets.apply(current, new, || self.tick_at(new))?;
        Ok(!applied.changed.is_empty() || current.metrics.interval != new.metrics.interval)
    }

    pub(crate) fn status(&self) -> MetricsStatus {
        let points = MetricPoint::ledger(&self.outlets.health).read();
        let collections = self.collector.lock().collections;
        let failures = self.outlets.snapshot().into_iter().filter_map(|to| to.last_error);
        let last = failures.max_by_key(|(at, _)| *at).map(|(_, failure)| failure.said());
        self.collector.metrics.status().pushed(collections, &points, last)
    }

    pub(crate) fn snapshot(&self) -> Option<SignalSnapshot> {
        SignalSnapshot::of(&self.outlets)
    }

    fn tick_at(&self, settings: &Settings) -> Result<(), StartError> {
        let interval = settings.metrics.interval;
        match self.clock.get() {
            Some(clock) => clock.set(interval),
            None if settings.destinations.iter().any(|to| to.metrics.is_some()) => {
                let collector = Arc::clone(&self.collector);
                let _ = self.clock.set(Clock::start(interval, move || collector.collect(false))?);
            }
            None => {}
        }
        Ok(())
    }
}

impl Collector {
    fn collect(&self, last: bool) {
        let mut state = self.lock();
        if state.closed || self.routes.are_empty() {
            return;
        }
        state.closed = last;
        let points = self.metrics.collect(SystemTime::now());
        if points.metrics.is_empty() {
            return;
        }
        state.collections += 1;
        if !points.delta {
            // Sums say again what was not sent yet.
            self.routes.supersede();
        }
        for point in MetricPoint::all(points) {
            self.health.metrics.receive(1);
            self.routes.send(point, &self.health);
        }
        self.routes.send_now();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
