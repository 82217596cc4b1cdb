//! What a configuration comes down to: whether anything leaves, and if not, why.

use std::sync::Arc;

use super::given::{Given, OwnFormats};
use super::status::State;
use crate::config::keys::Field;
use crate::config::settings::{Destination, ExporterChoice, Sampler, Settings, Words};
use crate::config::value::Value;
use crate::config::{Explanation, Resolved, Values};

/// A configuration as it takes effect.
#[derive(Clone, Debug)]
pub(super) struct Effective {
    /// Without the destinations that the configuration names and does not use.
    pub(super) settings: Settings,
    pub(super) values: Values,
    pub(super) explanation: Explanation,
    pub(super) state: State,
    /// Why nothing leaves.
    pub(super) reason: Option<&'static str>,
}

impl Effective {
    pub(super) fn new(resolved: Resolved, given: &Given) -> Self {
        let Resolved { mut settings, values, mut explanation, .. } = resolved;
        given.exporters.join(&mut settings, &mut explanation);
        let (state, reason) = match stopped(&settings) {
            Some((state, reason)) => (state, Some(reason)),
            None => (State::Running, None),
        };
        if state != State::Running || settings.exporter == ExporterChoice::Console {
            // Spans stay here; what else is on leaves without them.
            for destination in &mut settings.destinations {
                destination.traces = None;
                if state != State::Running {
                    destination.own.spans = None;
                }
            }
            settings
                .destinations
                .retain(|to| to.has_spans() || to.metrics.is_some() || to.has_logs());
        }
        install(&given.formats, &mut settings);
        if settings.logs.enabled && !cfg!(feature = "logs") {
            let missing = "logs: no log record leaves without the feature `logs`";
            settings.warnings.push(String::from(missing));
        }
        let effective = Self { settings, values, explanation, state, reason };
        if state == State::Disabled { effective.disabled() } else { effective }
    }

    /// Says in a warning what works only after a restart, so that the status shows it and the next
    /// reload tells of it again. Whether telemetry is on stays too, where that needs one.
    pub(super) fn hold_back(&mut self, old: &Settings, needs_restart: &[String]) {
        if needs_restart.iter().any(|key| key == Field::Enabled.row().path) {
            self.settings.enabled = old.enabled;
        }
        let warnings = needs_restart.iter().map(|key| format!("{key}: works after a restart"));
        self.settings.warnings.extend(warnings);
    }

    /// This one, where another says only that telemetry is off.
    pub(super) fn switched_off(&self, explanation: Explanation) -> Self {
        let mut effective = Self { explanation, ..self.clone() };
        effective.settings.enabled = false;
        effective.disabled()
    }

    /// The same where nothing leaves.
    pub(super) fn disabled(mut self) -> Self {
        self.settings.destinations.clear();
        self.settings.sampler = Sampler::AlwaysOff;
        self.values.put(Field::Sampler, Value::Choice(Sampler::AlwaysOff.word()));
        Self { state: State::Disabled, reason: Some(DISABLED), ..self }
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
    let has_endpoint = settings.destinations.iter().any(Destination::has_spans);
    match settings.exporter {
        _ if !settings.enabled => Some((State::Disabled, DISABLED)),
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

const DISABLED: &str = "switched off by `enabled: false` or OTEL_SDK_DISABLED=true";
