//! The thread that exports metrics: every interval, at a flush, and once more at the end.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;

use super::{MetricsStatus, SpanMetrics, otlp};
use crate::config::settings::Settings;
use crate::pipeline::{MetricsTransport, Outcome, StartError, resource};

/// Exports metrics until it is shut down.
#[derive(Debug)]
pub(crate) struct Push {
    metrics: Arc<SpanMetrics>,
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug, Default)]
struct Shared {
    wishes: Mutex<Wishes>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct Wishes {
    /// Exports that were asked for, and done.
    asked: u64,
    done: u64,
    stop: bool,
    deadline: Option<Instant>,
    stopped: bool,
    /// From now on this way.
    next: Option<Plan>,
    pushes: u64,
    failed: u64,
    last_error: Option<String>,
}

struct Worker {
    metrics: Arc<SpanMetrics>,
    shared: Arc<Shared>,
    plan: Plan,
}

/// Where to, how often, how long.
#[derive(Debug)]
pub(crate) struct Plan {
    resource: ResourceAttributesWithSchema,
    destinations: Vec<MetricsTransport>,
    interval: Duration,
    timeout: Duration,
}

impl Plan {
    /// Opens the destinations of metrics.
    pub(crate) fn open(settings: &Settings) -> Result<Self, StartError> {
        let leave = settings.metrics.enabled;
        let destinations = settings.destinations.iter().filter(|_| leave).filter_map(|to| {
            let route = to.metrics.as_ref()?;
            Some(MetricsTransport::new(&to.name, route))
        });
        Ok(Self {
            resource: (&resource(settings)).into(),
            destinations: destinations.collect::<Result<_, _>>()?,
            interval: settings.metrics.interval,
            timeout: settings.metrics.timeout.min(MAX_TIMEOUT),
        })
    }

    /// Whether there is somewhere to go.
    pub(crate) fn is_of_use(&self) -> bool {
        !self.destinations.is_empty()
    }
}

impl Push {
    /// Starts the thread, which has nowhere to send to before [`Push::follow`].
    pub(crate) fn start(
        settings: &Settings,
        metrics: &Arc<SpanMetrics>,
    ) -> Result<Self, StartError> {
        let shared = Arc::new(Shared::default());
        let worker = Worker {
            metrics: Arc::clone(metrics),
            shared: Arc::clone(&shared),
            plan: Plan {
                resource: ResourceAttributesWithSchema::default(),
                destinations: Vec::new(),
                interval: settings.metrics.interval,
                timeout: MAX_TIMEOUT,
            },
        };
        let thread = std::thread::Builder::new()
            .name(String::from("genai-metrics"))
            .spawn(move || worker.run())
            .map_err(StartError::Thread)?;
        let thread = Mutex::new(Some(thread));
        Ok(Self { metrics: Arc::clone(metrics), shared, thread })
    }

    /// From now on to other destinations; a request that is on its way is finished first.
    pub(crate) fn follow(&self, plan: Plan) {
        self.shared.lock().next = Some(plan);
        self.shared.changed.notify_all();
    }

    pub(crate) fn status(&self) -> MetricsStatus {
        let (pushes, failed, last_error) = {
            let wishes = self.shared.lock();
            (wishes.pushes, wishes.failed, wishes.last_error.clone())
        };
        self.metrics.status().pushed(pushes, failed, last_error)
    }

    /// Exports now. Tells whether every destination took it in time.
    pub(crate) fn flush(&self, timeout: Duration) -> bool {
        let mut wishes = self.shared.lock();
        if wishes.stop {
            return true;
        }
        wishes.asked += 1;
        let (ticket, failed) = (wishes.asked, wishes.failed);
        self.shared.changed.notify_all();
        let wishes = self.shared.wait(wishes, timeout, |wishes| wishes.done >= ticket);
        wishes.done >= ticket && wishes.failed == failed
    }

    /// Exports once more and stops. Tells whether that was taken in time.
    pub(crate) fn shutdown(&self, timeout: Duration) -> bool {
        let mut wishes = self.shared.lock();
        if wishes.stop {
            return true;
        }
        (wishes.stop, wishes.deadline) = (true, Some(Instant::now() + timeout));
        let failed = wishes.failed;
        self.shared.changed.notify_all();
        let wishes = self.shared.wait(wishes, timeout, |wishes| wishes.stopped);
        let (stopped, good) = (wishes.stopped, wishes.failed == failed);
        drop(wishes);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(thread) = thread.filter(|_| stopped) {
            let _ = thread.join();
        }
        stopped && good
    }
}

impl Drop for Push {
    fn drop(&mut self) {
        self.shutdown(DROP_TIMEOUT);
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Wishes> {
        self.wishes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(
        &'a self,
        wishes: MutexGuard<'a, Wishes>,
        timeout: Duration,
        done: impl Fn(&Wishes) -> bool,
    ) -> MutexGuard<'a, Wishes> {
        let waited = self.changed.wait_timeout_while(wishes, timeout, |wishes| !done(wishes));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Shared {
    /// Sends a request, again if that may help and there is time.
    fn send(
        &self,
        destination: &mut MetricsTransport,
        request: &ExportMetricsServiceRequest,
        timeout: Duration,
    ) -> Outcome {
        let until = Instant::now() + timeout;
        let mut attempt = 0;
        loop {
            let deadline = self.lock().deadline.map_or(until, |end| end.min(until));
            let left = deadline.saturating_duration_since(Instant::now());
            let outcome = destination.send(request, left.max(LEAST_TIMEOUT));
            let Outcome::Transient { retry_after, .. } = &outcome else { return outcome };
            attempt += 1;
            let wait = retry_after.unwrap_or(FIRST_WAIT * 2_u32.pow(attempt - 1));
            let left = deadline.saturating_duration_since(Instant::now());
            if attempt == ATTEMPTS || wait >= left {
                return outcome;
            }
            let moved = |wishes: &Wishes| wishes.stop || wishes.next.is_some();
            let wishes = self.wait(self.lock(), wait, moved);
            // Elsewhere from now on: nothing is lost by not going on here.
            if wishes.next.is_some() {
                return outcome;
            }
        }
    }
}

impl Worker {
    fn run(mut self) {
        let _suppressed = opentelemetry::Context::enter_telemetry_suppressed_scope();
        let mut next = Instant::now() + self.plan.interval;
        loop {
            let left = next.saturating_duration_since(Instant::now());
            let wishes = self.shared.lock();
            let mut wishes = self.shared.wait(wishes, left, |wishes| {
                wishes.stop || wishes.asked > wishes.done || wishes.next.is_some()
            });
            let (asked, stop) = (wishes.asked, wishes.stop);
            let plan = wishes.next.take();
            let due = stop || asked > wishes.done || Instant::now() >= next;
            drop(wishes);
            if let Some(plan) = plan {
                self.plan = plan;
                next = Instant::now() + self.plan.interval;
            }
            if !due {
                continue;
            }
            if Instant::now() >= next {
                next = Instant::now() + self.plan.interval;
            }
            self.export();
            let mut wishes = self.shared.lock();
            (wishes.done, wishes.stopped) = (asked, stop);
            drop(wishes);
            self.shared.changed.notify_all();
            if stop {
                return;
            }
        }
    }

    fn export(&mut self) {
        if !self.plan.is_of_use() {
            return;
        }
        let points = self.metrics.collect(SystemTime::now());
        if points.metrics.is_empty() {
            return;
        }
        let requests = otlp::requests(&points, &self.plan.resource);
        let Self { shared, plan: Plan { destinations, timeout, .. }, .. } = self;
        for destination in destinations {
            let mut outcome = Outcome::Delivered { rejected: 0, message: None };
            for request in &requests {
                let part = shared.send(destination, request, *timeout);
                if !matches!(part, Outcome::Delivered { rejected: 0, .. }) {
                    outcome = part;
                }
            }
            let mut wishes = shared.lock();
            match outcome {
                Outcome::Delivered { rejected: 0, .. } => wishes.pushes += 1,
                Outcome::Delivered { rejected, message } => {
                    wishes.failed += 1;
                    let message = message.unwrap_or_else(|| String::from("no reason given"));
                    wishes.last_error = Some(format!("{rejected} points rejected: {message}"));
                }
                Outcome::Transient { failure, .. }
                | Outcome::Permanent(failure)
                | Outcome::TooLarge(failure) => {
                    wishes.failed += 1;
                    wishes.last_error = Some(failure.said());
                }
            }
        }
    }
}

const ATTEMPTS: u32 = 4;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const LEAST_TIMEOUT: Duration = Duration::from_millis(10);
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
const DROP_TIMEOUT: Duration = Duration::from_secs(5);
