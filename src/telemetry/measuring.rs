//! Metrics as part of running telemetry.

use std::sync::Arc;
use std::time::Duration;

use crate::config::settings::Settings;
#[cfg(feature = "otel-http")]
use crate::metrics::Push;
use crate::metrics::{MetricsStatus, SpanMetrics};
use crate::pipeline::StartError;
use crate::tracer::observe::ObserveSpans;

/// What is measured, and who sends it.
#[derive(Debug)]
pub(super) struct Measuring {
    metrics: Arc<SpanMetrics>,
    #[cfg(feature = "otel-http")]
    push: Option<Push>,
}

impl Measuring {
    /// Metrics for these settings; `None` where nobody would see them and no call is priced.
    pub(super) fn prepare(settings: &Settings) -> Option<Self> {
        let leave = settings.metrics.enabled
            && settings.destinations.iter().any(|to| to.metrics_url.is_some());
        let priced = settings.pricing.file.is_some() || settings.pricing.models.is_some();
        (settings.enabled && (leave || priced)).then(|| Self {
            metrics: Arc::new(SpanMetrics::new(
                &settings.metrics,
                &settings.pricing,
                settings.semconv,
            )),
            #[cfg(feature = "otel-http")]
            push: None,
        })
    }

    pub(super) fn observer(&self) -> Arc<dyn ObserveSpans> {
        Arc::clone(&self.metrics) as _
    }

    #[cfg(feature = "tower")]
    pub(super) fn metrics(&self) -> &Arc<SpanMetrics> {
        &self.metrics
    }

    /// Opens the destinations and begins to send.
    #[cfg_attr(not(feature = "otel-http"), expect(unused_mut, unused_variables))]
    pub(super) fn start(mut self, settings: &Settings) -> Result<Self, StartError> {
        #[cfg(feature = "otel-http")]
        {
            self.push = Push::start(settings, &self.metrics)?;
        }
        Ok(self)
    }

    pub(super) fn status(&self) -> MetricsStatus {
        #[cfg(feature = "otel-http")]
        if let Some(push) = &self.push {
            return push.status();
        }
        self.metrics.status()
    }

    /// Sends what there is. Tells whether it was taken in time.
    #[cfg_attr(not(feature = "otel-http"), expect(unused_variables, clippy::unused_self))]
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        #[cfg(feature = "otel-http")]
        if let Some(push) = &self.push {
            return push.flush(timeout);
        }
        true
    }

    /// Sends what there is and stops. Tells whether it was taken in time.
    #[cfg_attr(not(feature = "otel-http"), expect(unused_variables, clippy::unused_self))]
    pub(super) fn shutdown(&self, timeout: Duration) -> bool {
        #[cfg(feature = "otel-http")]
        if let Some(push) = &self.push {
            return push.shutdown(timeout);
        }
        true
    }
}
