//! What a configuration comes down to: whether anything leaves, and if not, why.

use std::sync::Arc;

use super::builder::OwnFormats;
use super::status::State;
use crate::config::settings::{ExporterChoice, Sampler, Settings};
use crate::config::{Explanation, Resolved};

/// A configuration as it takes effect.
#[derive(Clone, Debug)]
pub(super) struct Effective {
    /// Without the destinations that the configuration names and does not use.
    pub(super) settings: Settings,
    pub(super) explanation: Explanation,
    pub(super) state: State,
    /// Why nothing leaves.
    pub(super) reason: Option<&'static str>,
}

impl Effective {
    pub(super) fn new(resolved: Resolved, formats: &OwnFormats) -> Self {
        let Resolved { mut settings, explanation } = resolved;
        let (mut state, mut reason) = match stopped(&settings) {
            Some((state, reason)) => (state, Some(reason)),
            None => (State::Running, None),
        };
        if state != State::Running || settings.exporter == ExporterChoice::Console {
            keep_logs(&mut settings);
        }
        // Log records are asked for by themselves, and leave without spans too.
        if state == State::Stopped && !settings.destinations.is_empty() {
            state = State::Running;
            settings.warnings.extend(reason.take().map(|reason| format!("traces: {reason}")));
        }
        install(formats, &mut settings);
        if settings.logs.enabled && !cfg!(feature = "logs") {
            let missing = "logs: no log record leaves without the feature `logs`";
            settings.warnings.push(String::from(missing));
        }
        if state == State::Disabled {
            settings.sampler = Sampler::AlwaysOff;
        }
        Self { settings, explanation, state, reason }
    }
}

/// Leaves of the destinations what log records need.
fn keep_logs(settings: &mut Settings) {
    let leave = settings.enabled && settings.logs.enabled && cfg!(feature = "logs");
    settings.destinations.retain(|destination| leave && destination.logs_url.is_some());
    for destination in &mut settings.destinations {
        (destination.traces_url, destination.metrics_url) = (None, None);
    }
}

/// Gives the destinations the formats that code has for them.
fn install(formats: &OwnFormats, settings: &mut Settings) {
    for (name, format) in formats {
        match settings.destinations.iter_mut().find(|destination| destination.name == *name) {
            Some(destination) => destination.own_format = Some(Arc::clone(format)),
            None => settings.warnings.push(format!(
                "builder: format: there is no destination `{name}` for {}",
                format.name()
            )),
        }
    }
}

/// The first reason for which nothing leaves.
fn stopped(settings: &Settings) -> Option<(State, &'static str)> {
    let has_endpoint =
        settings.destinations.iter().any(|destination| destination.traces_url.is_some());
    match settings.exporter {
        _ if !settings.enabled => {
            Some((State::Disabled, "switched off by `enabled: false` or OTEL_SDK_DISABLED=true"))
        }
        _ if !settings.traces_enabled => Some((State::Stopped, "`traces.enabled` is false")),
        ExporterChoice::None => Some((State::Stopped, "`traces.exporter` is none")),
        ExporterChoice::Console => None,
        ExporterChoice::Unset | ExporterChoice::Otlp if !has_endpoint => Some((
            State::Stopped,
            "there is no endpoint: set OTEL_EXPORTER_OTLP_ENDPOINT, or `endpoint` in the \
             configuration",
        )),
        ExporterChoice::Unset | ExporterChoice::Otlp => None,
    }
}
