//! Metrics as part of running telemetry: what is measured, and what a reload changes about that.
//! Where metrics go is the pipeline's business.

use std::sync::Arc;

use super::own::samples;
use crate::capture::tracer::observe::ObserveSpans;
use crate::config::settings::Settings;
use crate::metrics::SpanMetrics;
use crate::pipeline::{Applied, Pipeline};

/// What is measured.
#[derive(Debug)]
pub(super) struct Measuring(Arc<SpanMetrics>);

impl Measuring {
    /// Metrics for these settings; `None` where nobody would see them and no call is priced.
    pub(super) fn prepare(settings: &Settings) -> Option<Self> {
        is_wanted(settings).then(|| {
            let metrics = SpanMetrics::new(&settings.metrics, &settings.pricing, settings.semconv);
            Self(Arc::new(metrics))
        })
    }

    pub(super) fn observer(&self) -> Arc<dyn ObserveSpans> {
        Arc::clone(&self.0) as _
    }

    pub(super) fn metrics(&self) -> &Arc<SpanMetrics> {
        &self.0
    }

    /// From now on what the pipeline does is measured too, where that is asked for.
    pub(super) fn watch(&self, pipeline: &Arc<Pipeline>) {
        let pipeline = Arc::downgrade(pipeline);
        self.0.watch(Box::new(move |delta| {
            let pipeline = pipeline.upgrade();
            pipeline.map(|it| samples(&it.snapshot(), delta)).unwrap_or_default()
        }));
    }

    /// Makes new settings work, and adds to what was applied whether prices are others.
    pub(super) fn apply(&self, new: &Settings, mut applied: Applied) -> Applied {
        let other_prices = self.0.reload(&new.metrics, &new.pricing);
        applied.changed.extend(other_prices.then(|| String::from("pricing")));
        applied
    }
}

/// For a reload where nothing is measured: spans are observed from the start or not at all.
pub(super) fn begun_too_late(new: &Settings) -> Option<&'static str> {
    is_wanted(new).then(|| if is_priced(new) { "pricing" } else { "metrics" })
}

fn is_wanted(settings: &Settings) -> bool {
    let leave =
        settings.metrics.enabled && settings.destinations.iter().any(|to| to.metrics.is_some());
    settings.enabled && (leave || is_priced(settings))
}

fn is_priced(settings: &Settings) -> bool {
    settings.pricing.file.is_some() || settings.pricing.models.is_some()
}
