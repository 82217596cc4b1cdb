//! The `exception` event. The conventions moved it to log records; the older formats look for it
//! on the span.

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Status};
use opentelemetry_sdk::trace::SpanData;

use super::facts::Facts;
use crate::semconv::Attr;

/// Adds the event to a failed span that has none, from what the span says about its error.
pub(super) fn add_exception(span: &mut SpanData, facts: &Facts) {
    let Status::Error { description } = &span.status else { return };
    if span.events.iter().any(|event| event.name == "exception") {
        return;
    }
    let kind = facts.text(Attr::ExceptionType).or_else(|| facts.text(Attr::ErrorType));
    let mut attributes = vec![KeyValue::new("exception.type", kind.unwrap_or("_OTHER").to_owned())];
    if let Some(message) = facts.text(Attr::ExceptionMessage) {
        attributes.push(KeyValue::new("exception.message", message.to_owned()));
    } else if !description.is_empty() {
        attributes.push(KeyValue::new("exception.message", description.to_string()));
    }
    if let Some(stacktrace) = facts.text(Attr::ExceptionStacktrace) {
        attributes.push(KeyValue::new("exception.stacktrace", stacktrace.to_owned()));
    }
    span.events.events.push(Event::new("exception", span.end_time, attributes, 0));
}
