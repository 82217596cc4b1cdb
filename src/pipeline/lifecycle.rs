//! The pipeline as its owner sees it: start, provider, flush, shutdown, reload, snapshot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanLimits};

use super::delivery::{Applied, Deadline, Outlets, StartError, Transport, Undelivered};
#[cfg(feature = "logs")]
use super::logs::Logs;
#[cfg(feature = "metrics")]
use super::metrics::Metrics;

use super::preparation::{Preparation, SpansKept};
use super::processor::Processor;
use super::resource::resource;
use super::sampler::SettingsSampler;
use super::snapshot::Snapshot;
use super::spans::Spans;
use super::tail::Tail;
use crate::capture::tracer::Core;
use crate::config::settings::{Limits, Settings};

/// Everything between finished spans and their destinations. Dropping it shuts it down.
#[derive(Debug)]
pub(crate) struct Pipeline {
    spans: Arc<Spans>,
    #[cfg(feature = "logs")]
    logs: Logs,
    /// `None` where nothing is measured.
    #[cfg(feature = "metrics")]
    metrics: Option<Metrics>,
    sampler: SettingsSampler,
    settings: Mutex<Settings>,
}

impl Pipeline {
    /// Checks the settings, builds the transports and starts the workers. Touches no global.
    pub(crate) fn start(settings: &Settings, core: Arc<Core>) -> Result<Self, StartError> {
        let health = Arc::clone(&core.health);
        let outlets = Outlets::start(settings, Arc::clone(&core), Arc::clone(&health))?;
        #[cfg(feature = "logs")]
        let logs = Logs::start(settings, core).inspect_err(|_| {
            let _ =
                outlets.close(Deadline::after(Duration::ZERO), || {}).map(|closing| closing.wait());
        })?;
        Ok(Self {
            spans: Arc::new(Spans { outlets, tail: Tail::new(settings.keep, settings.batch) }),
            #[cfg(feature = "logs")]
            logs,
            #[cfg(feature = "metrics")]
            metrics: None,
            sampler: SettingsSampler::new(settings, health),
            settings: Mutex::new(settings.clone()),
        })
    }

    /// Sends what is measured where the settings want it.
    #[cfg(feature = "metrics")]
    pub(crate) fn measure(
        &mut self,
        metrics: Arc<crate::metrics::SpanMetrics>,
    ) -> Result<(), StartError> {
        let health = Arc::clone(&self.spans.outlets.health);
        let metrics = Metrics::start(&self.settings(), metrics, health)?;
        self.metrics = Some(metrics);
        Ok(())
    }

    #[cfg(feature = "metrics")]
    pub(crate) fn metrics_status(&self) -> Option<crate::metrics::MetricsStatus> {
        self.metrics.as_ref().map(Metrics::status)
    }

    /// Adds an outlet that is not in the settings, such as the console. Spans wait for it no
    /// longer than `delay`.
    pub(crate) fn add<T: Transport<Item = SpanData>>(
        &self,
        name: &str,
        delay: Duration,
        transport: T,
    ) -> Result<(), StartError> {
        let settings = self.settings();
        let preparation = Preparation::plain(&settings, Arc::clone(&self.spans.outlets.source));
        let mut batch = settings.batch;
        batch.schedule_delay = batch.schedule_delay.min(delay);
        let own = SpansKept::new(None);
        self.spans.outlets.add(name, batch, own, preparation, transport)
    }

    /// A tracer provider with our processor, sampler, limits and resource. Everything is said
    /// explicitly, so that what the SDK reads from the environment has no effect.
    pub(crate) fn provider(&self) -> SdkTracerProvider {
        let settings = self.settings();
        SdkTracerProvider::builder()
            .with_span_processor(Processor { spans: Arc::clone(&self.spans) })
            .with_sampler(self.sampler.clone())
            .with_span_limits(span_limits(&settings.limits))
            .with_resource(resource(&settings))
            .build()
    }

    /// Waits until what ended before this call is delivered.
    pub(crate) fn flush(&self, limit: Duration) -> Result<(), Left> {
        let deadline = Deadline::after(limit);
        #[cfg(feature = "logs")]
        let logs = self.logs.ask_flush();
        let left = vec![(SPANS, self.spans.outlets.ask_flush().wait(deadline))];
        #[cfg(feature = "logs")]
        let left = [left, vec![(LOGS, logs.wait(deadline))]].concat();
        // Last, because they may be about the delivery of the others.
        #[cfg(feature = "metrics")]
        let metrics = self.metrics.as_ref().map(Metrics::ask_flush);
        #[cfg(feature = "metrics")]
        let left = [left, Vec::from_iter(metrics.map(|metrics| (METRICS, metrics.wait(deadline))))]
            .concat();
        nothing_or(left)
    }

    /// Delivers what is queued, no longer than the limit, and stops. Later calls wait for the
    /// first and report nothing.
    pub(crate) fn shutdown(&self, limit: Duration) -> Result<(), Left> {
        let deadline = Deadline::after(limit);
        #[cfg(feature = "logs")]
        let logs = self.logs.close(deadline);
        #[cfg(feature = "metrics")]
        let metrics = self.metrics.as_ref().and_then(|metrics| metrics.close(deadline));
        let spans = self.spans.close(deadline);
        let left = Vec::from_iter(spans.map(|spans| (SPANS, spans.wait())));
        #[cfg(feature = "logs")]
        let left = [left, Vec::from_iter(logs.map(|logs| (LOGS, logs.wait())))].concat();
        #[cfg(feature = "metrics")]
        let left =
            [left, Vec::from_iter(metrics.map(|metrics| (METRICS, metrics.wait())))].concat();
        nothing_or(left)
    }

    /// Makes new settings work. Destinations that are new or different start, the old ones
    /// deliver what they have; if one cannot start, nothing changes.
    ///
    /// The content policy is not among them: it is the tracer core's, and works at once. Settings
    /// that need a restart are expected to be as they were.
    pub(crate) fn apply(&self, settings: &Settings) -> Result<Applied, StartError> {
        let mut current = self.settings();
        let metrics = || {
            #[cfg(feature = "metrics")]
            if let Some(metrics) = &self.metrics {
                return metrics.apply(&current, settings);
            }
            Ok(false)
        };
        let others = || {
            #[cfg(feature = "logs")]
            return self.logs.apply(&current, settings, metrics);
            #[cfg(not(feature = "logs"))]
            metrics().map(|metrics| (false, metrics))
        };
        let (mut applied, (logs, metrics)) =
            self.spans.outlets.apply(&current, settings, others)?;
        for (name, differs) in [("logs", logs), ("metrics", metrics)] {
            applied.changed.extend(differs.then(|| String::from(name)));
        }
        self.sampler.set(settings);
        self.spans.follow(settings);
        current.clone_from(settings);
        Ok(applied)
    }

    /// Waits until no request is under way that began before this call.
    pub(crate) fn wait_for_attempts(&self, limit: Duration) {
        let deadline = Deadline::after(limit);
        self.spans.outlets.wait_for_attempts(deadline);
        #[cfg(feature = "logs")]
        self.logs.wait_for_attempts(deadline);
    }

    /// What has been delivered, what has not, and why.
    pub(crate) fn snapshot(&self) -> Snapshot {
        let destinations = self.spans.outlets.snapshot();
        Snapshot {
            spans: self.spans.health().pipeline.read(),
            undecided: self.spans.tail.undecided(),
            destinations,
            #[cfg(feature = "logs")]
            logs: self.logs.snapshot(),
            #[cfg(feature = "metrics")]
            metrics: self.metrics.as_ref().and_then(Metrics::snapshot),
        }
    }

    fn settings(&self) -> MutexGuard<'_, Settings> {
        self.settings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Pipeline {
    fn drop(&mut self) {
        let _ = self.shutdown(SHUTDOWN_TIMEOUT);
    }
}

/// What a flush or a shutdown left behind, by what it is called.
pub(crate) type Left = Vec<(&'static str, Undelivered)>;

fn nothing_or(mut left: Left) -> Result<(), Left> {
    left.retain(|(_, left)| *left != Undelivered::default());
    if left.is_empty() { Ok(()) } else { Err(left) }
}

fn span_limits(limits: &Limits) -> SpanLimits {
    SpanLimits {
        max_attributes_per_span: limits.attributes_per_span,
        max_events_per_span: limits.events_per_span,
        max_links_per_span: limits.links_per_span,
        max_attributes_per_event: limits.attributes_per_event,
        max_attributes_per_link: limits.attributes_per_link,
    }
}

const SPANS: &str = "spans";
#[cfg(feature = "logs")]
const LOGS: &str = "log records";
#[cfg(feature = "metrics")]
const METRICS: &str = "metric points";
/// How long dropping the pipeline may take.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
