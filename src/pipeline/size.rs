//! About how many bytes a span takes, in memory and in a request; rather more than less.

use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

#[cfg(feature = "logs")]
use crate::capture::logs::LogRecord;
#[cfg(feature = "metrics")]
use crate::metrics::{Attribute, Measured, Point};

/// Looks at lengths only, because every span that ends is measured, on the application's thread.
pub(super) fn span(span: &SpanData) -> usize {
    let mut bytes = SPAN + span.name.len() + attributes(&span.attributes);
    for event in span.events.iter() {
        bytes += EVENT + event.name.len() + attributes(&event.attributes);
    }
    for link in span.links.iter() {
        bytes += LINK + attributes(&link.attributes);
    }
    bytes
}

/// The same of a log record.
#[cfg(feature = "logs")]
pub(super) fn log_record(record: &LogRecord) -> usize {
    let texts = [record.event_name.as_deref(), record.body.as_deref(), Some(&*record.target)];
    let texts: usize = texts.into_iter().flatten().map(str::len).sum();
    let attributes = record.attributes.iter().map(|attribute| self::attribute(&attribute.kv));
    size_of::<LogRecord>() + texts + attributes.sum::<usize>()
}

/// The same of a point of a metric.
#[cfg(feature = "metrics")]
pub(super) fn point(point: &Point) -> usize {
    let attributes = point.attributes.iter().map(|(key, value)| {
        let text = if let Attribute::Text(text) = value { text.len() } else { 0 };
        // Lengths of more than 127 bytes are said in one more byte, at three levels.
        POINT_ATTRIBUTE + key.len() + text + text / 32
    });
    let buckets = match &point.value {
        Measured::Histogram(layer) => 2 * size_of::<u64>() * layer.buckets.len(),
        Measured::Count(_) | Measured::Level(_) | Measured::Amount(_) => 0,
    };
    POINT + attributes.sum::<usize>() + buckets
}

fn attributes(all: &[KeyValue]) -> usize {
    all.iter().map(attribute).sum()
}

fn attribute(attribute: &KeyValue) -> usize {
    ATTRIBUTE + attribute.key.as_str().len() + value(&attribute.value)
}

fn value(value: &Value) -> usize {
    match value {
        Value::String(text) => text.as_str().len(),
        Value::Array(Array::String(texts)) => {
            texts.iter().map(|text| TEXT + text.as_str().len()).sum()
        }
        Value::Array(Array::Bool(values)) => values.len() * 8,
        Value::Array(Array::I64(values)) => values.len() * 16,
        Value::Array(Array::F64(values)) => values.len() * 16,
        _ => 0,
    }
}

/// What each takes besides its texts.
const SPAN: usize = size_of::<SpanData>();
const EVENT: usize = 96;
const LINK: usize = 128;
/// In a request, with its share of the metric: those who collect and send want to stay close to
/// the size of a request, and in memory a point is no larger.
#[cfg(feature = "metrics")]
const POINT: usize = 80;
#[cfg(feature = "metrics")]
const POINT_ATTRIBUTE: usize = 12;
const ATTRIBUTE: usize = size_of::<KeyValue>();
const TEXT: usize = 32;
