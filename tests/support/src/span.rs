//! An exported span as a receiver sees it.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span, span, status};

/// An attribute value with the type it had on the wire.
#[derive(Clone, Debug, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the value types of OTLP")]
pub enum Value {
    /// `stringValue`
    Str(String),
    /// `intValue`
    Int(i64),
    /// `doubleValue`
    Double(f64),
    /// `boolValue`
    Bool(bool),
    /// `arrayValue`
    List(Vec<Value>),
    /// `kvlistValue`
    Map(Vec<(String, Value)>),
    /// `bytesValue`
    Bytes(Vec<u8>),
    /// No value at all.
    Empty,
}

/// The kind of a span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the span kinds of OTLP")]
pub enum SpanKind {
    /// `SPAN_KIND_UNSPECIFIED`
    Unspecified,
    /// `SPAN_KIND_INTERNAL`
    Internal,
    /// `SPAN_KIND_SERVER`
    Server,
    /// `SPAN_KIND_CLIENT`
    Client,
    /// `SPAN_KIND_PRODUCER`
    Producer,
    /// `SPAN_KIND_CONSUMER`
    Consumer,
}

/// The status of a span.
#[derive(Clone, Debug, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the status codes of OTLP")]
pub enum SpanStatus {
    /// `STATUS_CODE_UNSET`
    Unset,
    /// `STATUS_CODE_OK`
    Ok,
    /// `STATUS_CODE_ERROR` and its message.
    Error(String),
}

/// An event on a span.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedEvent {
    /// The event's name.
    pub name: String,
    /// Keys and values in the order of the wire.
    pub attrs: Vec<(String, Value)>,
}

impl ReceivedEvent {
    /// The last value of an attribute.
    #[must_use]
    pub fn attr(&self, key: &str) -> Option<&Value> {
        self.attrs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }
}

/// An exported span with its resource and scope.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedSpan {
    /// The span's name.
    pub name: String,
    /// The span's kind.
    pub kind: SpanKind,
    /// 32 hex digits.
    pub trace_id: String,
    /// 16 hex digits.
    pub span_id: String,
    /// The parent's span id, `None` for a root.
    pub parent: Option<String>,
    /// Keys and values in the order of the wire; a repeated key is there twice.
    pub attrs: Vec<(String, Value)>,
    /// Attributes that did not fit the limits.
    pub dropped_attributes: u32,
    /// Events in the order of the wire.
    pub events: Vec<ReceivedEvent>,
    /// Span ids of links.
    pub links: Vec<String>,
    /// The span's status.
    pub status: SpanStatus,
    /// Nanoseconds since the Unix epoch.
    pub start_ns: u64,
    /// Nanoseconds since the Unix epoch.
    pub end_ns: u64,
    /// Resource attributes.
    pub resource: Vec<(String, Value)>,
    /// Name of the instrumentation scope.
    pub scope: String,
    /// Version of the instrumentation scope.
    pub scope_version: String,
    /// Schema URL of the scope, else of the resource, else empty.
    pub schema_url: String,
}

impl ReceivedSpan {
    /// The last value of an attribute.
    #[must_use]
    pub fn attr(&self, key: &str) -> Option<&Value> {
        self.attrs.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// Whether the attribute is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.attr(key).is_some()
    }

    /// A string attribute; `None` when absent or of another type.
    #[must_use]
    pub fn str(&self, key: &str) -> Option<&str> {
        self.attr(key)?.as_str()
    }

    /// An integer attribute; `None` when absent or of another type.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<i64> {
        match self.attr(key)? {
            Value::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// A double attribute; `None` when absent or of another type.
    #[must_use]
    pub fn double(&self, key: &str) -> Option<f64> {
        match self.attr(key)? {
            Value::Double(value) => Some(*value),
            _ => None,
        }
    }

    /// A boolean attribute; `None` when absent or of another type.
    #[must_use]
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.attr(key)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A `string[]` attribute; `None` when absent or of another type.
    #[must_use]
    pub fn strings(&self, key: &str) -> Option<Vec<&str>> {
        match self.attr(key)? {
            Value::List(values) => values.iter().map(Value::as_str).collect(),
            _ => None,
        }
    }

    /// A string attribute read as JSON; `None` when absent, of another type or not JSON.
    #[must_use]
    pub fn json(&self, key: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.str(key)?).ok()
    }

    /// Keys that are there more than once.
    #[must_use]
    pub fn duplicate_keys(&self) -> Vec<&str> {
        let mut keys: Vec<_> = self.attrs.iter().map(|(key, _)| key.as_str()).collect();
        keys.sort_unstable();
        let mut twice: Vec<_> =
            keys.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect();
        twice.dedup();
        twice
    }

    /// The last value of a resource attribute.
    #[must_use]
    pub fn resource_attr(&self, key: &str) -> Option<&Value> {
        self.resource.iter().rev().find(|(name, _)| name == key).map(|(_, value)| value)
    }

    /// The status message, empty unless the status is an error.
    #[must_use]
    pub fn status_message(&self) -> &str {
        match &self.status {
            SpanStatus::Error(message) => message,
            _ => "",
        }
    }

    /// From start to end.
    #[must_use]
    pub fn duration(&self) -> Duration {
        Duration::from_nanos(self.end_ns.saturating_sub(self.start_ns))
    }
}

/// One line a fact, for the message of a failing test.
impl std::fmt::Display for ReceivedSpan {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "{:?} {:?} {:?}", self.name, self.kind, self.status)?;
        for (key, value) in &self.attrs {
            writeln!(f, "  {key} = {value:?}")?;
        }
        for event in &self.events {
            writeln!(f, "  event {:?}", event.name)?;
            for (key, value) in &event.attrs {
                writeln!(f, "    {key} = {value:?}")?;
            }
        }
        Ok(())
    }
}

impl Value {
    /// The text of a string value.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(text) => Some(text),
            _ => None,
        }
    }

    /// The name of the type in the conventions' spelling.
    #[must_use]
    pub fn type_name(&self) -> &'static str {
        match self {
            Self::Str(_) => "string",
            Self::Int(_) => "int",
            Self::Double(_) => "double",
            Self::Bool(_) => "boolean",
            Self::List(items) => match items.first() {
                None | Some(Self::Str(_)) => "string[]",
                Some(Self::Int(_)) => "int[]",
                Some(Self::Double(_)) => "double[]",
                Some(Self::Bool(_)) => "boolean[]",
                Some(_) => "array",
            },
            Self::Map(_) => "map",
            Self::Bytes(_) => "bytes",
            Self::Empty => "empty",
        }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Self::Str(text.to_owned())
    }
}

impl From<i32> for Value {
    fn from(value: i32) -> Self {
        Self::Int(value.into())
    }
}

impl From<i64> for Value {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<f64> for Value {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl From<bool> for Value {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl<const N: usize> From<[&str; N]> for Value {
    fn from(items: [&str; N]) -> Self {
        Self::List(items.into_iter().map(Self::from).collect())
    }
}

impl From<Option<AnyValue>> for Value {
    fn from(value: Option<AnyValue>) -> Self {
        match value.and_then(|value| value.value) {
            None => Self::Empty,
            Some(any_value::Value::StringValue(text)) => Self::Str(text),
            Some(any_value::Value::BoolValue(value)) => Self::Bool(value),
            Some(any_value::Value::IntValue(value)) => Self::Int(value),
            Some(any_value::Value::DoubleValue(value)) => Self::Double(value),
            Some(any_value::Value::BytesValue(bytes)) => Self::Bytes(bytes),
            Some(any_value::Value::ArrayValue(array)) => {
                Self::List(array.values.into_iter().map(|item| Self::from(Some(item))).collect())
            }
            Some(any_value::Value::KvlistValue(list)) => Self::Map(pairs(list.values)),
            Some(_) => Self::Empty,
        }
    }
}

fn pairs(list: Vec<KeyValue>) -> Vec<(String, Value)> {
    list.into_iter().map(|pair| (pair.key, Value::from(pair.value))).collect()
}

pub(crate) fn spans_of(request: ExportTraceServiceRequest) -> Vec<ReceivedSpan> {
    let mut spans = Vec::new();
    for resource in request.resource_spans {
        let attrs = pairs(resource.resource.map(|it| it.attributes).unwrap_or_default());
        for scope in resource.scope_spans {
            let (name, version) = scope.scope.map(|it| (it.name, it.version)).unwrap_or_default();
            let schema_url = if scope.schema_url.is_empty() {
                resource.schema_url.clone()
            } else {
                scope.schema_url
            };
            for span in scope.spans {
                spans.push(received(span, &attrs, &name, &version, &schema_url));
            }
        }
    }
    spans
}

fn received(
    span: Span,
    resource: &[(String, Value)],
    scope: &str,
    scope_version: &str,
    schema_url: &str,
) -> ReceivedSpan {
    let kind = match span.kind() {
        span::SpanKind::Unspecified => SpanKind::Unspecified,
        span::SpanKind::Internal => SpanKind::Internal,
        span::SpanKind::Server => SpanKind::Server,
        span::SpanKind::Client => SpanKind::Client,
        span::SpanKind::Producer => SpanKind::Producer,
        span::SpanKind::Consumer => SpanKind::Consumer,
    };
    let status = match span.status {
        None => SpanStatus::Unset,
        Some(status) => match status.code() {
            status::StatusCode::Unset => SpanStatus::Unset,
            status::StatusCode::Ok => SpanStatus::Ok,
            status::StatusCode::Error => SpanStatus::Error(status.message),
        },
    };
    ReceivedSpan {
        name: span.name,
        kind,
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent: (!span.parent_span_id.is_empty()).then(|| hex(&span.parent_span_id)),
        attrs: pairs(span.attributes),
        dropped_attributes: span.dropped_attributes_count,
        events: span
            .events
            .into_iter()
            .map(|event| ReceivedEvent { name: event.name, attrs: pairs(event.attributes) })
            .collect(),
        links: span.links.iter().map(|link| hex(&link.span_id)).collect(),
        status,
        start_ns: span.start_time_unix_nano,
        end_ns: span.end_time_unix_nano,
        resource: resource.to_vec(),
        scope: scope.to_owned(),
        scope_version: scope_version.to_owned(),
        schema_url: schema_url.to_owned(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
