//! Canonical spans from `cases.json`, and a span as JSON.

use std::time::{Duration, UNIX_EPOCH};

use opentelemetry::trace::{Event, SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::{SpanData, SpanEvents};
use serde_json::{Map, Value as Json, json};
use tracing_genai::format::{Format, GenAi, Langfuse, OpenInference, OpenLlmetry, Vercel};

pub fn cases() -> Vec<(String, SpanData)> {
    let cases: Vec<Json> = serde_json::from_str(include_str!("cases.json")).unwrap();
    cases.iter().map(|case| (case["name"].as_str().unwrap().to_owned(), span(case))).collect()
}

pub fn case(name: &str) -> SpanData {
    let found = cases().into_iter().find(|(row, _)| row == name);
    found.unwrap_or_else(|| panic!("a case {name}")).1
}

pub fn formats() -> Vec<Box<dyn Format>> {
    vec![
        Box::new(GenAi::new()),
        Box::new(OpenInference::new()),
        Box::new(OpenInference::supplement()),
        Box::new(Vercel::new()),
        Box::new(OpenLlmetry::current()),
        Box::new(OpenLlmetry::legacy()),
        Box::new(Langfuse::new()),
    ]
}

/// A span of `{span, kind, error?, attributes, events?}`; structured values become JSON strings.
pub fn span(case: &Json) -> SpanData {
    let kind = match case["kind"].as_str() {
        Some("client") => SpanKind::Client,
        Some("server") => SpanKind::Server,
        _ => SpanKind::Internal,
    };
    let start = UNIX_EPOCH + Duration::from_secs(1_795_219_200);
    let end = start + Duration::from_millis(128);
    let mut events = SpanEvents::default();
    for event in case["events"].as_array().into_iter().flatten() {
        let name = event["name"].as_str().unwrap().to_owned();
        events.events.push(Event::new(name, end, attributes(&event["attributes"]), 0));
    }
    SpanData {
        span_context: SpanContext::empty_context(),
        parent_span_id: SpanId::from(1),
        parent_span_is_remote: false,
        span_kind: kind,
        name: case["span"].as_str().unwrap_or("span").to_owned().into(),
        start_time: start,
        end_time: end,
        attributes: attributes(&case["attributes"]),
        dropped_attributes_count: 0,
        events,
        links: Default::default(),
        status: case["error"].as_str().map_or(Status::Unset, |text| Status::error(text.to_owned())),
        instrumentation_scope: InstrumentationScope::builder("app")
            .with_version("1.0")
            .with_schema_url("https://opentelemetry.io/schemas/1.41.0")
            .build(),
    }
}

fn attributes(object: &Json) -> Vec<KeyValue> {
    object
        .as_object()
        .unwrap()
        .iter()
        .map(|(key, value)| {
            let value = match value {
                Json::Bool(value) => Value::Bool(*value),
                Json::Number(number) => {
                    number.as_i64().map_or_else(|| Value::F64(number.as_f64().unwrap()), Value::I64)
                }
                Json::String(text) => Value::from(text.clone()),
                Json::Array(list) if list.iter().all(Json::is_string) => {
                    Value::Array(Array::String(
                        list.iter()
                            .map(|text| StringValue::from(text.as_str().unwrap().to_owned()))
                            .collect(),
                    ))
                }
                structured => Value::from(structured.to_string()),
            };
            KeyValue::new(key.clone(), value)
        })
        .collect()
}

pub fn to_json(span: &SpanData) -> Json {
    let scope = &span.instrumentation_scope;
    let events: Vec<_> = span
        .events
        .iter()
        .map(|event| json!({"name": event.name, "attributes": attributes_to_json(&event.attributes)}))
        .collect();
    let status = match &span.status {
        Status::Unset => json!("unset"),
        Status::Ok => json!("ok"),
        Status::Error { description } => json!({ "error": description }),
    };
    json!({
        "name": span.name,
        "kind": format!("{:?}", span.span_kind),
        "scope": {"name": scope.name(), "version": scope.version(), "schema_url": scope.schema_url()},
        "status": status,
        "attributes": attributes_to_json(&span.attributes),
        "events": events,
    })
}

pub fn attributes_to_json(attributes: &[KeyValue]) -> Map<String, Json> {
    let mut object = Map::new();
    for attribute in attributes {
        let value = match &attribute.value {
            Value::Bool(value) => json!(value),
            Value::I64(value) => json!(value),
            Value::F64(value) => json!(value),
            Value::Array(Array::String(list)) => {
                json!(list.iter().map(StringValue::as_str).collect::<Vec<_>>())
            }
            other => json!(other.as_str()),
        };
        let before = object.insert(attribute.key.to_string(), value);
        assert!(before.is_none(), "{} is there twice", attribute.key);
    }
    object
}

pub fn text<'a>(span: &'a SpanData, key: &str) -> Option<std::borrow::Cow<'a, str>> {
    let attribute = span.attributes.iter().find(|attribute| attribute.key.as_str() == key)?;
    Some(attribute.value.as_str())
}
