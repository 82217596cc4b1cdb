//! From the layers to [`Settings`]: every field decided.

use std::path::Path;
use std::time::Duration;

use super::content;
use super::destinations::{self, Signals, beside};
use super::resolve::{SERVICE_NAME, Stack};
use super::settings::{
    Batch, Destination, ExporterChoice, Keep, Limits, Logs, Metrics, Pricing, Sampler, Scalar,
    Settings, Temporality, Words,
};
use crate::config::read::env::Env;
use crate::config::read::problem::{Origin, Problem};
use crate::config::say::backends;
use crate::config::say::keys::{Field, OPENINFERENCE, ROWS};
use crate::config::say::value::{Value, preset_as};
use crate::format::Hide;

/// Problems and warnings stay in `stack`.
pub(crate) fn settle(stack: &mut Stack<'_>, directory: Option<&Path>) -> Settings {
    if !stack.decided::<bool>(Field::Enabled) {
        // Nothing else counts, so references to unset variables are no problem then; but the status
        // says whose telemetry is off.
        let (service_name, _) = resource(&mut stack.beside(stack.layers().to_vec()));
        return Settings { enabled: false, service_name, ..Settings::default() };
    }
    let (service_name, resource_attributes) = resource(stack);
    let mut traces_enabled = stack.decided(Field::TracesEnabled);
    let exporter = exporter(stack, Field::TracesExporter);
    let mut metrics = metrics(stack);
    let mut logs = logs(stack);
    let signals = Signals {
        traces: (traces_enabled, exporter),
        metrics: (metrics.enabled, metrics.exporter),
        logs: (logs.enabled, logs.exporter),
        metrics_asked_for: [Field::MetricsEnabled, Field::MetricsExporter]
            .into_iter()
            .any(|field| stack.strongest(&[field]).is_some()),
    };
    let general_policy = content::policy(stack);
    let (destinations, policy) =
        destinations::destinations(stack, signals, general_policy, directory);
    metrics.temporality = temporality(stack, metrics.temporality, &destinations);
    // An entry of `exporters` may have asked for what the others do without.
    traces_enabled |= destinations.iter().any(|to| to.traces.is_some());
    metrics.enabled |= destinations.iter().any(|to| to.metrics.is_some());
    logs.enabled |= destinations.iter().any(|to| to.logs.is_some());
    Settings {
        enabled: true,
        service_name,
        resource_attributes,
        resource_detectors: stack.said(Field::ResourceDetectors).unwrap_or_default(),
        traces_enabled,
        exporter,
        destinations,
        sampler: sampler(stack),
        sample_by: stack.decided(Field::SampleBy),
        keep: Keep {
            errors: stack.decided(Field::KeepErrors),
            slower_than: unless_off(stack.said(Field::KeepSlowerThan)),
            costlier_than: stack.said(Field::KeepCostlierThan),
        },
        batch: batch(
            stack,
            [
                Field::TracesQueue,
                Field::TracesQueueBytes,
                Field::TracesBatch,
                Field::TracesFlush,
                Field::TracesExportTimeout,
            ],
        ),
        limits: limits(stack),
        metrics,
        logs,
        pricing: pricing(stack, directory),
        policy,
        general_policy,
        hide: hide(stack),
        semconv: stack.decided(Field::Semconv),
        override_explicit_names: stack.decided(Field::OverrideExplicitNames),
        propagators: stack.decided(Field::Propagators),
        span_ttl: unless_off(Some(stack.decided(Field::SpanTtl))),
        log_level: stack.decided(Field::LogLevel),
        log_filter: stack.decided(Field::LogFilter),
        warnings: Vec::new(),
    }
}

/// What is in effect where nobody says anything.
impl Default for Settings {
    fn default() -> Self {
        settle(&mut Stack::new(Vec::new(), &Env::default()), None)
    }
}

impl Default for Batch {
    fn default() -> Self {
        Settings::default().batch
    }
}

impl Default for Metrics {
    fn default() -> Self {
        Settings::default().metrics
    }
}

fn resource(stack: &mut Stack<'_>) -> (String, Vec<(String, Scalar)>) {
    let mut attributes = stack.resource_attributes();
    let name = match attributes.remove(SERVICE_NAME) {
        Some((Scalar::Str(name), _)) if !name.is_empty() => name,
        _ => unknown_service(),
    };
    (name, attributes.into_iter().map(|(name, (value, _))| (name, value)).collect())
}

/// The name that OpenTelemetry prescribes for a service that nobody named.
fn unknown_service() -> String {
    let program = std::env::current_exe().ok();
    match program.as_deref().and_then(Path::file_name).and_then(|name| name.to_str()) {
        Some(name) => format!("unknown_service:{name}"),
        None => String::from("unknown_service"),
    }
}

fn sampler(stack: &mut Stack<'_>) -> Sampler {
    let mut sampler: Sampler = stack.decided(Field::Sampler);
    let share = stack.decided(Field::SamplerArg);
    match sampler.ratio() {
        Some(ratio) => *ratio = share,
        None => {
            if let Some(arg) = stack.general(Field::SamplerArg) {
                let word = sampler.word();
                let message = format!("sampler_arg ({}): has no effect on {word}", arg.origin);
                stack.warnings.push(message);
            }
        }
    }
    sampler
}

/// For keys of which zero means that they are off.
fn unless_off(duration: Option<Duration>) -> Option<Duration> {
    duration.filter(|duration| *duration < Duration::MAX)
}

/// Queue, its bytes, batch size, delay and time limit, in this order in `fields`.
fn batch(stack: &mut Stack<'_>, fields: [Field; 5]) -> Batch {
    let [queue, bytes, size, delay, limit] = fields;
    let max_queue_size = stack.decided(queue);
    let set = stack.general(size);
    let mut max_export_batch_size = match &set {
        Some(_) => stack.decided(size),
        None => preset_as::<usize>(size).min(max_queue_size),
    };
    if max_export_batch_size > max_queue_size {
        let message = format!(
            "expected at most {} = {max_queue_size}, got {max_export_batch_size}",
            queue.row().path
        );
        match set.map(|set| set.origin) {
            Some(Origin::Env(variable)) => {
                stack.warnings.push(format!("{variable}: {message}; using {max_queue_size}"));
            }
            origin => stack.problems.push(Problem::new(
                origin.unwrap_or_default(),
                size.row().path,
                message,
            )),
        }
        max_export_batch_size = max_queue_size;
    }
    Batch {
        max_queue_size,
        max_queue_bytes: stack.decided(bytes),
        max_export_batch_size,
        schedule_delay: stack.decided(delay),
        export_timeout: stack.decided(limit),
    }
}

/// The format knows what its variables mean.
fn hide(stack: &mut Stack<'_>) -> Hide {
    let mut said = Vec::new();
    for row in ROWS.iter().filter(|row| row.path.starts_with(OPENINFERENCE)) {
        let value = stack.decided_value(row.field);
        said.extend(row.variables.first().zip(value).map(|(variable, value)| match value {
            Value::Bool(hidden) => (variable.name, hidden.to_string()),
            Value::Int(length) => (variable.name, length.to_string()),
            _ => (variable.name, String::new()),
        }));
    }
    Hide::from_env(said).0
}

fn limits(stack: &mut Stack<'_>) -> Limits {
    Limits {
        attributes_per_span: stack.decided(Field::AttributeCount),
        attributes_after_format: stack
            .said(Field::AttributeCount)
            .unwrap_or(ATTRIBUTES_AFTER_FORMAT),
        events_per_span: stack.decided(Field::EventCount),
        links_per_span: stack.decided(Field::LinkCount),
        attributes_per_event: stack.decided(Field::EventAttributeCount),
        attributes_per_link: stack.decided(Field::LinkAttributeCount),
        attribute_value_length: stack.said(Field::AttributeLength),
    }
}

fn metrics(stack: &mut Stack<'_>) -> Metrics {
    let exporter = exporter(stack, Field::MetricsExporter);
    let enabled = signal_enabled(
        stack,
        (Field::MetricsEnabled, Field::MetricsExporter),
        exporter,
        // Bifrost has none by default.
        !stack.bifrost() && preset_as(Field::MetricsEnabled),
    );
    let interval = match stack.said(Field::MetricsInterval) {
        Some(interval) => interval,
        // Bifrost's default, where its own key turns metrics on.
        None if stack.uses_alias(Field::MetricsEnabled) => Duration::from_secs(15),
        None => preset_as(Field::MetricsInterval),
    };
    Metrics {
        enabled,
        exporter,
        interval,
        timeout: stack.decided(Field::MetricsTimeout),
        temporality: stack.decided(Field::MetricsTemporality),
        histograms: stack.decided(Field::MetricsHistograms),
        cardinality_limit: stack.decided(Field::MetricsCardinality),
        sdk: stack.decided(Field::MetricsSdk),
        labels: stack.said(Field::MetricsLabels).unwrap_or_default(),
    }
}

/// Delta where nothing was said and every receiver of metrics needs it.
fn temporality(
    stack: &mut Stack<'_>,
    configured: Temporality,
    destinations: &[Destination],
) -> Temporality {
    let (delta, any): (Vec<_>, Vec<_>) = destinations
        .iter()
        .filter(|destination| destination.metrics.is_some())
        .partition(|destination| destination.backend.metrics == backends::Metrics::Delta);
    if stack.general(Field::MetricsTemporality).is_none() && any.is_empty() && !delta.is_empty() {
        return Temporality::Delta;
    }
    if configured == Temporality::Cumulative {
        for destination in delta {
            stack.warnings.push(format!(
                "backend: {} takes metrics with `metrics.temporality: delta` only; those for \
                 `{}` are cumulative",
                destination.backend.name, destination.name
            ));
        }
    }
    configured
}

fn logs(stack: &mut Stack<'_>) -> Logs {
    let exporter = exporter(stack, Field::LogsExporter);
    Logs {
        enabled: signal_enabled(
            stack,
            (Field::LogsEnabled, Field::LogsExporter),
            exporter,
            preset_as(Field::LogsEnabled),
        ),
        exporter,
        level: stack.decided(Field::LogsLevel),
        batch: batch(
            stack,
            [
                Field::LogsQueue,
                Field::LogsQueueBytes,
                Field::LogsBatch,
                Field::LogsFlush,
                Field::LogsExportTimeout,
            ],
        ),
        attributes_per_record: stack.decided(Field::LogsAttributeCount),
        attribute_value_length: stack.said(Field::LogsAttributeLength),
    }
}

/// A signal is on or off by its `enabled` or its `exporter`, whichever the stronger layer has.
fn signal_enabled(
    stack: &mut Stack<'_>,
    (enabled, chosen): (Field, Field),
    exporter: ExporterChoice,
    default: bool,
) -> bool {
    let says = stack.first_of(&[enabled.general(), chosen.general()]);
    match says.map(|says| says.value) {
        Some(Value::Bool(false)) => false,
        Some(Value::Bool(true) | Value::Choice(_)) => exporter != ExporterChoice::None,
        _ => default,
    }
}

fn pricing(stack: &mut Stack<'_>, directory: Option<&Path>) -> Pricing {
    let file = stack.general(Field::PricingFile).and_then(|file| match file.value {
        Value::Path(path) => Some(beside(path, &file.origin, directory)),
        _ => None,
    });
    Pricing { file, models: stack.said(Field::PricingModels) }
}

fn exporter(stack: &mut Stack<'_>, field: Field) -> ExporterChoice {
    stack.said(field).unwrap_or(ExporterChoice::Unset)
}

/// Where no limit of attributes was set.
const ATTRIBUTES_AFTER_FORMAT: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_of_openinference_withholds_something_and_nothing_by_default() {
        assert_eq!(Settings::default().hide, Hide::default());
        for row in ROWS.iter().filter(|row| row.path.starts_with(OPENINFERENCE)) {
            for variable in row.variables {
                let text = if row.default == "false" { "true" } else { "1" };
                let (hide, problems) = Hide::from_env([(variable.name, text)]);
                assert_ne!(hide, Hide::default(), "{}", variable.name);
                assert_eq!(problems, [""; 0]);
            }
        }
    }
}
