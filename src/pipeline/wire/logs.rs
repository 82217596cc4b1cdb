//! Log records by OTLP.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue as OtlpKeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::logs::v1::{
    LogRecord as OtlpRecord, ResourceLogs, ScopeLogs, SeverityNumber,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;
use tracing_core::Level;

use super::otlp::Otlp;
use super::request::OtlpResource;
use crate::capture::logs::{LogAttribute, LogRecord};

impl Otlp for LogRecord {
    const OPTIONAL: Option<&'static str> = Some("logs");

    type Request = ExportLogsServiceRequest;

    fn request(records: Vec<Self>, resource: &OtlpResource) -> Self::Request {
        let resource_logs = ResourceLogs {
            resource: Some(Resource {
                attributes: resource.attributes.0.clone(),
                ..Resource::default()
            }),
            scope_logs: by_scope(records),
            schema_url: resource.schema_url.clone().unwrap_or_default(),
        };
        Self::Request { resource_logs: vec![resource_logs] }
    }
}

/// In the order in which targets first occur.
fn by_scope(records: Vec<LogRecord>) -> Vec<ScopeLogs> {
    let mut places: FxHashMap<Cow<'static, str>, usize> = FxHashMap::default();
    let mut scopes: Vec<ScopeLogs> = Vec::new();
    for mut record in records {
        let target = std::mem::take(&mut record.target);
        let place = *places.entry(target).or_insert_with_key(|target| {
            let name = target.clone().into_owned();
            let scope = Some(InstrumentationScope { name, ..InstrumentationScope::default() });
            scopes.push(ScopeLogs { scope, ..ScopeLogs::default() });
            scopes.len() - 1
        });
        if let Some(scope) = scopes.get_mut(place) {
            scope.log_records.push(otlp(record));
        }
    }
    scopes
}

fn otlp(record: LogRecord) -> OtlpRecord {
    let time = nanos(record.time);
    let span = record.span;
    let (trace_id, span_id) = match span.is_valid() {
        true => (span.trace_id().to_bytes().to_vec(), span.span_id().to_bytes().to_vec()),
        false => Default::default(),
    };
    OtlpRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity(record.level).into(),
        severity_text: record.level.as_str().to_owned(),
        body: record.body.map(|body| any(any_value::Value::StringValue(body))),
        attributes: record.attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: record.dropped,
        flags: if span.is_valid() { span.trace_flags().to_u8().into() } else { 0 },
        trace_id,
        span_id,
        event_name: record.event_name.map_or_else(String::new, Cow::into_owned),
    }
}

fn attribute(attribute: LogAttribute) -> OtlpKeyValue {
    let structured = attribute.structured().map(value);
    let LogAttribute { kv, .. } = attribute;
    let value = structured.unwrap_or_else(|| kv.value.into());
    OtlpKeyValue { key: kv.key.to_string(), value: Some(value), key_strindex: 0 }
}

fn value(json: Json) -> AnyValue {
    any(match json {
        Json::Null => return AnyValue { value: None },
        Json::Bool(value) => any_value::Value::BoolValue(value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => any_value::Value::IntValue(value),
            (None, Some(value)) => any_value::Value::DoubleValue(value),
            (None, None) => any_value::Value::StringValue(number.to_string()),
        },
        Json::String(text) => any_value::Value::StringValue(text),
        Json::Array(values) => any_value::Value::ArrayValue(ArrayValue {
            values: values.into_iter().map(value).collect(),
        }),
        Json::Object(members) => any_value::Value::KvlistValue(KeyValueList {
            values: members
                .into_iter()
                .map(|(key, member)| OtlpKeyValue {
                    key,
                    value: Some(value(member)),
                    key_strindex: 0,
                })
                .collect(),
        }),
    })
}

fn any(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn severity(level: Level) -> SeverityNumber {
    match level {
        Level::TRACE => SeverityNumber::Trace,
        Level::DEBUG => SeverityNumber::Debug,
        Level::INFO => SeverityNumber::Info,
        Level::WARN => SeverityNumber::Warn,
        Level::ERROR => SeverityNumber::Error,
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
