//! From the layers to [`Settings`]: every field decided.

use std::path::Path;
use std::time::Duration;

use super::content;
use super::destinations::{self, Signals, beside, no_limit};
use super::resolve::{SERVICE_NAME, Stack};
use super::settings::{
    Batch, Destination, Detector, ExporterChoice, Histograms, Keep, Limits, LogLevel, Logs,
    Metrics, Pricing, Propagator, SampleBy, Sampler, Scalar, Settings, Temporality,
};
use crate::config::read::problem::{Origin, Problem};
use crate::config::say::backends;
use crate::config::say::keys::{Field, Signal};
use crate::config::say::value::Value;
use crate::semconv::Version;

/// Problems and warnings stay in `stack`.
pub(crate) fn settle(stack: &mut Stack<'_>, directory: Option<&Path>) -> Settings {
    let defaults = Settings::default();
    if !is(stack, Field::Enabled, true) {
        // Nothing else is looked at: references to unset variables are no problem then.
        return Settings { enabled: false, ..defaults };
    }
    let (service_name, resource_attributes) = resource(stack);
    let mut traces_enabled = is(stack, Field::TracesEnabled, true);
    let exporter = exporter(stack, Field::TracesExporter);
    let mut metrics = metrics(stack, &defaults.metrics);
    let mut logs = logs(stack, &defaults.logs);
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
        resource_detectors: choices(stack, Field::ResourceDetectors, detector).unwrap_or_default(),
        traces_enabled,
        exporter,
        destinations,
        sampler: sampler(stack),
        sample_by: match choice(stack, Field::SampleBy) {
            Some("conversation") => SampleBy::Conversation,
            _ => SampleBy::Trace,
        },
        keep: keep(stack),
        batch: batch(
            stack,
            defaults.batch,
            [
                Field::TracesQueue,
                Field::TracesQueueBytes,
                Field::TracesBatch,
                Field::TracesFlush,
                Field::TracesExportTimeout,
            ],
        ),
        limits: limits(stack, defaults.limits),
        metrics,
        logs,
        pricing: pricing(stack, directory),
        policy,
        general_policy,
        hide: defaults.hide,
        semconv: choice(stack, Field::Semconv).and_then(Version::parse).unwrap_or_default(),
        override_explicit_names: is(stack, Field::OverrideExplicitNames, false),
        propagators: choices(stack, Field::Propagators, propagator).unwrap_or(defaults.propagators),
        span_ttl: match millis(stack, Field::SpanTtl) {
            None => defaults.span_ttl,
            Some(0) => None,
            Some(ttl) => Some(Duration::from_millis(ttl)),
        },
        log_level: level(stack, Field::LogLevel),
        log_filter: text(stack, Field::LogFilter).unwrap_or(defaults.log_filter),
        warnings: Vec::new(),
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
    let sampler = stack.general(Field::Sampler);
    let arg = stack.general(Field::SamplerArg);
    let name = match sampler.map(|sampler| sampler.value) {
        Some(Value::Choice(name)) => name,
        _ => "parentbased_always_on",
    };
    let ratio = match arg.as_ref().map(|arg| &arg.value) {
        Some(Value::Number(ratio)) => *ratio,
        _ => 1.0,
    };
    if let Some(arg) = arg
        && !name.ends_with("traceidratio")
    {
        stack.warnings.push(format!("sampler_arg ({}): has no effect on {name}", arg.origin));
    }
    match name {
        "always_on" => Sampler::AlwaysOn,
        "always_off" => Sampler::AlwaysOff,
        "traceidratio" => Sampler::TraceIdRatio(ratio),
        "parentbased_always_off" => Sampler::ParentBasedAlwaysOff,
        "parentbased_traceidratio" => Sampler::ParentBasedTraceIdRatio(ratio),
        _ => Sampler::ParentBasedAlwaysOn,
    }
}

fn keep(stack: &mut Stack<'_>) -> Keep {
    Keep {
        errors: is(stack, Field::KeepErrors, false),
        slower_than: millis(stack, Field::KeepSlowerThan)
            .filter(|millis| *millis > 0)
            .map(Duration::from_millis),
        costlier_than: match stack.general(Field::KeepCostlierThan).map(|cost| cost.value) {
            Some(Value::Number(cost)) => Some(cost),
            _ => None,
        },
    }
}

/// Queue, its bytes, batch size, delay and time limit, in this order in `fields`.
fn batch(stack: &mut Stack<'_>, defaults: Batch, fields: [Field; 5]) -> Batch {
    let [queue, bytes, size, delay, limit] = fields;
    let max_queue_size = count(stack, queue).unwrap_or(defaults.max_queue_size);
    let set = stack.general(size);
    let mut max_export_batch_size =
        count(stack, size).unwrap_or(defaults.max_export_batch_size.min(max_queue_size));
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
        max_queue_bytes: count(stack, bytes).unwrap_or(defaults.max_queue_bytes),
        max_export_batch_size,
        schedule_delay: millis(stack, delay).map_or(defaults.schedule_delay, Duration::from_millis),
        export_timeout: millis(stack, limit).map_or(defaults.export_timeout, no_limit),
    }
}

fn limits(stack: &mut Stack<'_>, defaults: Limits) -> Limits {
    let attributes_after_format =
        count(stack, Field::AttributeCount).unwrap_or(defaults.attributes_after_format);
    let mut limit = |field, default: u32| {
        count(stack, field).and_then(|count| count.try_into().ok()).unwrap_or(default)
    };
    Limits {
        attributes_per_span: limit(Field::AttributeCount, defaults.attributes_per_span),
        attributes_after_format,
        events_per_span: limit(Field::EventCount, defaults.events_per_span),
        links_per_span: limit(Field::LinkCount, defaults.links_per_span),
        attributes_per_event: limit(Field::EventAttributeCount, defaults.attributes_per_event),
        attributes_per_link: limit(Field::LinkAttributeCount, defaults.attributes_per_link),
        attribute_value_length: count(stack, Field::AttributeLength),
    }
}

fn metrics(stack: &mut Stack<'_>, defaults: &Metrics) -> Metrics {
    let exporter = exporter(stack, Field::MetricsExporter);
    let enabled = signal_enabled(
        stack,
        (Field::MetricsEnabled, Field::MetricsExporter),
        exporter,
        // Bifrost's default.
        !stack.bifrost(),
    );
    let interval = match millis(stack, Field::MetricsInterval) {
        Some(interval) => Duration::from_millis(interval),
        // Bifrost's default, where its own key turns metrics on.
        None if stack.uses_alias(Field::MetricsEnabled) => Duration::from_secs(15),
        None => defaults.interval,
    };
    Metrics {
        enabled,
        exporter,
        interval,
        timeout: millis(stack, Field::MetricsTimeout).map_or(defaults.timeout, no_limit),
        temporality: match choice(stack, Field::MetricsTemporality) {
            Some("delta") => Temporality::Delta,
            Some("lowmemory") => Temporality::LowMemory,
            _ => Temporality::Cumulative,
        },
        histograms: match choice(stack, Field::MetricsHistograms) {
            Some("base2_exponential_bucket_histogram") => Histograms::Base2Exponential,
            _ => Histograms::ExplicitBuckets,
        },
        cardinality_limit: count(stack, Field::MetricsCardinality)
            .unwrap_or(defaults.cardinality_limit),
        sdk: is(stack, Field::MetricsSdk, defaults.sdk),
        labels: match stack.general(Field::MetricsLabels).map(|labels| labels.value) {
            Some(Value::Counts(labels)) => labels
                .into_iter()
                .filter_map(|(name, count)| Some((name, usize::try_from(count).ok()?)))
                .collect(),
            _ => Vec::new(),
        },
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

fn logs(stack: &mut Stack<'_>, defaults: &Logs) -> Logs {
    let exporter = exporter(stack, Field::LogsExporter);
    Logs {
        enabled: signal_enabled(
            stack,
            (Field::LogsEnabled, Field::LogsExporter),
            exporter,
            defaults.enabled,
        ),
        exporter,
        level: level(stack, Field::LogsLevel),
        batch: batch(
            stack,
            defaults.batch,
            [
                Field::LogsQueue,
                Field::LogsQueueBytes,
                Field::LogsBatch,
                Field::LogsFlush,
                Field::LogsExportTimeout,
            ],
        ),
        attributes_per_record: count(stack, Field::LogsAttributeCount)
            .and_then(|count| count.try_into().ok())
            .unwrap_or(defaults.attributes_per_record),
        attribute_value_length: count(stack, Field::LogsAttributeLength),
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
    let models = match stack.general(Field::PricingModels).map(|models| models.value) {
        Some(Value::Json(models)) => Some(models),
        _ => None,
    };
    Pricing { file, models }
}

fn exporter(stack: &mut Stack<'_>, field: Field) -> ExporterChoice {
    match choice(stack, field) {
        Some("otlp") => ExporterChoice::Otlp,
        Some("console") => ExporterChoice::Console,
        Some("none") => ExporterChoice::None,
        _ => ExporterChoice::Unset,
    }
}

fn level(stack: &mut Stack<'_>, field: Field) -> LogLevel {
    match choice(stack, field) {
        Some("off") => LogLevel::Off,
        Some("error") => LogLevel::Error,
        Some("warn") => LogLevel::Warn,
        Some("debug") => LogLevel::Debug,
        Some("trace") => LogLevel::Trace,
        _ => LogLevel::Info,
    }
}

fn propagator(name: &str) -> Option<Propagator> {
    match name {
        "tracecontext" => Some(Propagator::TraceContext),
        "baggage" => Some(Propagator::Baggage),
        _ => None,
    }
}

fn detector(name: &str) -> Option<Detector> {
    match name {
        "host" => Some(Detector::Host),
        "process" => Some(Detector::Process),
        "k8s" => Some(Detector::K8s),
        _ => None,
    }
}

fn is(stack: &mut Stack<'_>, field: Field, default: bool) -> bool {
    match stack.general(field).map(|effective| effective.value) {
        Some(Value::Bool(value)) => value,
        _ => default,
    }
}

fn choice(stack: &mut Stack<'_>, field: Field) -> Option<&'static str> {
    match stack.general(field)?.value {
        Value::Choice(choice) => Some(choice),
        _ => None,
    }
}

fn choices<T>(stack: &mut Stack<'_>, field: Field, read: fn(&str) -> Option<T>) -> Option<Vec<T>> {
    match stack.general(field)?.value {
        Value::Choices(choices) => Some(choices.into_iter().filter_map(read).collect()),
        _ => None,
    }
}

fn text(stack: &mut Stack<'_>, field: Field) -> Option<String> {
    match stack.general(field)?.value {
        Value::Text(text) => Some(text),
        _ => None,
    }
}

fn count(stack: &mut Stack<'_>, field: Field) -> Option<usize> {
    match stack.get(Signal::General, field)?.value {
        Value::Int(count) => usize::try_from(count).ok(),
        _ => None,
    }
}

fn millis(stack: &mut Stack<'_>, field: Field) -> Option<u64> {
    match stack.general(field)?.value {
        Value::Millis(millis) => Some(millis),
        _ => None,
    }
}
