//! Metrics as part of running telemetry.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use super::own::samples;
use crate::capture::tracer::observe::ObserveSpans;
use crate::config::settings::Settings;
use crate::metrics::{MetricsStatus, Plan, Push, SpanMetrics};
use crate::pipeline::{Applied, Pipeline, StartError, resource_changes};

/// What is measured, and who sends it.
#[derive(Debug)]
pub(super) struct Measuring {
    metrics: Arc<SpanMetrics>,
    /// Started where metrics leave for the first time.
    push: OnceLock<Push>,
}

/// Everything of a reload that can fail, done.
#[derive(Debug)]
pub(super) struct Next {
    plan: Plan,
    /// `None` where there is one that runs, or nothing to send.
    push: Option<Push>,
}

impl Measuring {
    /// Metrics for these settings; `None` where nobody would see them and no call is priced.
    pub(super) fn prepare(settings: &Settings) -> Option<Self> {
        is_wanted(settings).then(|| Self {
            metrics: Arc::new(SpanMetrics::new(
                &settings.metrics,
                &settings.pricing,
                settings.semconv,
            )),
            push: OnceLock::new(),
        })
    }

    pub(super) fn observer(&self) -> Arc<dyn ObserveSpans> {
        Arc::clone(&self.metrics) as _
    }

    #[cfg(feature = "tower")]
    pub(super) fn metrics(&self) -> &Arc<SpanMetrics> {
        &self.metrics
    }

    /// From now on what the pipeline does is measured too, where that is asked for.
    pub(super) fn watch(&self, pipeline: &Arc<Pipeline>) {
        let pipeline = Arc::downgrade(pipeline);
        self.metrics.watch(Box::new(move |delta| {
            let pipeline = pipeline.upgrade();
            pipeline.map(|it| samples(&it.snapshot(), delta)).unwrap_or_default()
        }));
    }

    /// Opens the destinations and begins to send.
    pub(super) fn start(self, settings: &Settings) -> Result<Self, StartError> {
        let Next { plan, push } = self.next(settings)?;
        if let Some(push) = push {
            push.follow(plan);
            let _ = self.push.set(push);
        }
        Ok(self)
    }

    /// Opens what new settings need. Nothing changes before [`Measuring::apply`].
    pub(super) fn next(&self, settings: &Settings) -> Result<Next, StartError> {
        let plan = Plan::open(settings)?;
        let push = match plan.is_of_use() && self.push.get().is_none() {
            true => Some(Push::start(settings, &self.metrics)?),
            false => None,
        };
        Ok(Next { plan, push })
    }

    /// Makes the new settings work, and adds to what was applied what that was.
    pub(super) fn apply(
        &self,
        next: Next,
        old: &Settings,
        new: &Settings,
        mut applied: Applied,
    ) -> Applied {
        let Next { plan, push } = next;
        if let Some(push) = push {
            let _ = self.push.set(push);
        }
        let leaves_as_before = leaves_as_before(old, new);
        if !leaves_as_before && let Some(push) = self.push.get() {
            push.follow(plan);
        }
        let other_prices = self.metrics.reload(&new.metrics, &new.pricing);
        let (was, is) = (&old.metrics, &new.metrics);
        let same_limits = was.temporality == is.temporality
            && was.cardinality_limit == is.cardinality_limit
            && was.labels == is.labels
            && was.sdk == is.sdk;
        for (name, differs) in
            [("metrics", !leaves_as_before || !same_limits), ("pricing", other_prices)]
        {
            applied.changed.extend(differs.then(|| String::from(name)));
        }
        for (name, differs) in [
            ("metrics.labels", SpanMetrics::label_names(was) != SpanMetrics::label_names(is)),
            ("metrics.histogram_aggregation", was.histograms != is.histograms),
        ] {
            applied.needs_restart.extend(differs.then(|| String::from(name)));
        }
        applied
    }

    pub(super) fn status(&self) -> MetricsStatus {
        match self.push.get() {
            Some(push) => push.status(),
            None => self.metrics.status(),
        }
    }

    /// Sends what there is. Tells whether it was taken in time.
    pub(super) fn flush(&self, timeout: Duration) -> bool {
        self.push.get().is_none_or(|push| push.flush(timeout))
    }

    /// Sends what there is and stops. Tells whether it was taken in time.
    pub(super) fn shutdown(&self, timeout: Duration) -> bool {
        self.push.get().is_none_or(|push| push.shutdown(timeout))
    }
}

/// For a reload where nothing is measured: spans are observed from the start or not at all.
pub(super) fn begun_too_late(new: &Settings, mut applied: Applied) -> Applied {
    if is_wanted(new) {
        let name = if is_priced(new) { "pricing" } else { "metrics" };
        applied.needs_restart.push(String::from(name));
    }
    applied
}

fn is_wanted(settings: &Settings) -> bool {
    let leave =
        settings.metrics.enabled && settings.destinations.iter().any(|to| to.metrics.is_some());
    settings.enabled && (leave || is_priced(settings))
}

fn is_priced(settings: &Settings) -> bool {
    settings.pricing.file.is_some() || settings.pricing.models.is_some()
}

/// Whether metrics go where they went, as often as before.
fn leaves_as_before(old: &Settings, new: &Settings) -> bool {
    let to = |settings: &Settings| {
        let leave = settings.metrics.enabled;
        let all = settings.destinations.iter();
        all.filter(|to| leave && to.metrics.is_some())
            .map(|to| to.metrics.clone())
            .collect::<Vec<_>>()
    };
    let (was, is) = (to(old), to(new));
    old.metrics.interval == new.metrics.interval
        && old.metrics.timeout == new.metrics.timeout
        && resource_changes(old, new).iter().all(|(_, differs)| !differs)
        && was.len() == is.len()
        && was
            .iter()
            .zip(&is)
            .all(|pair| matches!(pair, (Some(was), Some(is)) if was.goes_on_as(is)))
}
