//! Events of `tracing` as log records, from the subscriber to the receiver.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod content;
mod delivery;
mod exporter;
mod record;
#[cfg(feature = "otel-grpc")]
mod rpc;

use std::time::Duration;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::logs::v1::{LogRecord, ResourceLogs};
use tracing_genai::telemetry::{Console, LogsStatus};
use tracing_genai::{Builder, Telemetry};
use tracing_genai_test_support::OtlpReceiver;
use tracing_subscriber::prelude::*;

const PATIENCE: Duration = Duration::from_secs(30);

/// A builder that knows nothing of this machine, with log records on.
fn builder(receiver: &OtlpReceiver) -> Builder {
    with_env(receiver, &[("TRACING_GENAI_LOGS_LEVEL", "trace")])
}

fn with_env(receiver: &OtlpReceiver, env: &[(&str, &str)]) -> Builder {
    let endpoint = receiver.endpoint();
    let on = [("OTEL_LOGS_EXPORTER", "otlp"), ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str())];
    bare().env(on.into_iter().chain(env.iter().copied()))
}

/// The same without a destination.
fn bare() -> Builder {
    tracing_genai::builder().env([("NOTHING", "")]).service_name("test").console(Console::Never)
}

/// Runs `work` below the layer of `builder`.
fn run(builder: Builder, work: impl FnOnce()) -> Telemetry {
    let (layer, telemetry) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    telemetry
}

/// The records that arrived, each with the name of its scope.
fn records(receiver: &OtlpReceiver) -> Vec<(String, LogRecord)> {
    let resources = resources(receiver);
    let scopes = resources.into_iter().flat_map(|resource| resource.scope_logs);
    scopes
        .flat_map(|logs| {
            let name = logs.scope.unwrap_or_default().name;
            logs.log_records.into_iter().map(move |record| (name.clone(), record))
        })
        .collect()
}

fn resources(receiver: &OtlpReceiver) -> Vec<ResourceLogs> {
    let accepted = receiver.requests().into_iter().filter(|request| request.accepted);
    accepted.filter_map(|request| request.logs).flat_map(|logs| logs.resource_logs).collect()
}

fn body(record: &LogRecord) -> &str {
    match record.body.as_ref().and_then(|body| body.value.as_ref()) {
        Some(Value::StringValue(text)) => text,
        _ => "",
    }
}

fn attribute<'a>(record: &'a LogRecord, key: &str) -> Option<&'a Value> {
    let found = record.attributes.iter().find(|attribute| attribute.key == key)?;
    found.value.as_ref()?.value.as_ref()
}

fn text<'a>(record: &'a LogRecord, key: &str) -> Option<&'a str> {
    match attribute(record, key)? {
        Value::StringValue(text) => Some(text),
        _ => None,
    }
}

/// The log records of the status, after checking that their counts add up.
fn counts(telemetry: &Telemetry) -> LogsStatus {
    let status = telemetry.status();
    let logs = status.logs().unwrap().clone();
    let dropped: u64 = logs.dropped().values().sum();
    let sum = logs.queued() + logs.exported() + logs.rejected() + logs.failed() + dropped;
    assert_eq!(logs.received(), sum, "{status}");
    logs
}
