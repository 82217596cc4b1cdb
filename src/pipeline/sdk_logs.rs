//! Log records as exporters of the SDK take them.

use std::borrow::Cow;

use opentelemetry::logs::{AnyValue, LogRecord as _, Logger, LoggerProvider, Severity};
use opentelemetry::{Array, InstrumentationScope, Value};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLoggerProvider};
use serde_json::Value as Json;
use tracing_core::Level;

use crate::capture::logs::{LogAttribute, LogRecord};

/// Each record with the scope that made it.
pub(super) fn of_the_sdk(records: &[LogRecord]) -> Vec<(SdkLogRecord, InstrumentationScope)> {
    // Records are made by loggers only. This one leads nowhere.
    let logger = SdkLoggerProvider::builder().build().logger("");
    let records = records.iter().map(|record| {
        let mut copy = logger.create_log_record();
        fill(&mut copy, record);
        (copy, InstrumentationScope::builder(record.target.clone()).build())
    });
    records.collect()
}

fn fill(copy: &mut SdkLogRecord, record: &LogRecord) {
    copy.set_timestamp(record.time);
    copy.set_observed_timestamp(record.time);
    copy.set_severity_number(severity(record.level));
    copy.set_severity_text(record.level.as_str());
    copy.set_target(record.target.clone());
    match &record.event_name {
        Some(Cow::Borrowed(name)) => copy.set_event_name(name),
        Some(Cow::Owned(name)) => copy.add_attribute("event.name", name.clone()),
        None => {}
    }
    if let Some(body) = &record.body {
        copy.set_body(AnyValue::from(body.clone()));
    }
    let span = &record.span;
    if span.is_valid() {
        copy.set_trace_context(span.trace_id(), span.span_id(), Some(span.trace_flags()));
    }
    for attribute in &record.attributes {
        copy.add_attribute(attribute.kv.key.clone(), value(attribute));
    }
}

fn value(attribute: &LogAttribute) -> AnyValue {
    if let Some(structured) = attribute.structured().and_then(structured) {
        return structured;
    }
    match attribute.kv.value.clone() {
        Value::Bool(value) => value.into(),
        Value::I64(value) => value.into(),
        Value::F64(value) => value.into(),
        Value::String(value) => value.into(),
        Value::Array(Array::Bool(values)) => values.into_iter().collect(),
        Value::Array(Array::I64(values)) => values.into_iter().collect(),
        Value::Array(Array::F64(values)) => values.into_iter().collect(),
        Value::Array(Array::String(values)) => values.into_iter().collect(),
        other => other.to_string().into(),
    }
}

/// `None` for null, which exporters of the SDK do not know.
fn structured(json: Json) -> Option<AnyValue> {
    Some(match json {
        Json::Null => return None,
        Json::Bool(value) => value.into(),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => value.into(),
            (None, Some(value)) => value.into(),
            (None, None) => number.to_string().into(),
        },
        Json::String(text) => text.into(),
        Json::Array(values) => values.into_iter().filter_map(structured).collect(),
        Json::Object(members) => {
            members.into_iter().filter_map(|(key, json)| Some((key, structured(json)?))).collect()
        }
    })
}

fn severity(level: Level) -> Severity {
    match level {
        Level::TRACE => Severity::Trace,
        Level::DEBUG => Severity::Debug,
        Level::INFO => Severity::Info,
        Level::WARN => Severity::Warn,
        Level::ERROR => Severity::Error,
    }
}
