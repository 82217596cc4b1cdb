//! What a line of the tree needs of a span.

use std::time::{Duration, SystemTime};

use opentelemetry::trace::{SpanId, Status, TraceId};
use opentelemetry::{Array, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::semconv::{Attr, KnownOperation, Role};

/// The facts of one finished span that the tree shows. Bounded in size; no message content.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) parent: SpanId,
    /// Nothing above it in this process.
    pub(super) is_root: bool,
    pub(super) name: String,
    /// `None` for a span that is not GenAI.
    pub(super) role: Option<Role>,
    /// The operation, when the name begins with it.
    pub(super) operation: Option<String>,
    /// The model, when the name does not say it.
    pub(super) model: Option<String>,
    pub(super) input_tokens: Option<u64>,
    pub(super) output_tokens: Option<u64>,
    /// USD.
    pub(super) cost: Option<f64>,
    pub(super) first_chunk: Option<Duration>,
    pub(super) start: SystemTime,
    pub(super) end: SystemTime,
    pub(super) failure: Option<Failure>,
}

/// Why a span is worth a second line.
#[derive(Clone, Debug)]
pub(super) enum Failure {
    Error(String),
    /// Ended, but not by itself: cancelled, deadline, expired.
    Outcome(String),
}

impl Node {
    pub(super) fn new(span: &SpanData) -> Self {
        let operation = text(span, Attr::OperationName.key());
        let name = printable(&span.name);
        let model = text(span, Attr::RequestModel.key())
            .or_else(|| text(span, Attr::ResponseModel.key()))
            .filter(|model| !name.contains(model.as_str()));
        Self {
            trace_id: span.span_context.trace_id(),
            span_id: span.span_context.span_id(),
            parent: span.parent_span_id,
            is_root: span.parent_span_id == SpanId::INVALID || span.parent_span_is_remote,
            role: operation.as_deref().map(role_of),
            operation: operation.filter(|operation| {
                name.strip_prefix(operation.as_str())
                    .is_some_and(|rest| rest.is_empty() || rest.starts_with(' '))
            }),
            name,
            model,
            input_tokens: count(span, Attr::UsageInputTokens.key()),
            output_tokens: count(span, Attr::UsageOutputTokens.key()),
            cost: number(span, Attr::UsageCost.key()),
            first_chunk: number(span, Attr::ResponseTimeToFirstChunk.key())
                .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok()),
            start: span.start_time,
            end: span.end_time,
            failure: Failure::of(span),
        }
    }

    pub(super) fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }
}

/// An operation that is not in the table calls a model until proven otherwise: new operations of
/// the conventions mostly do.
fn role_of(operation: &str) -> Role {
    KnownOperation::named(operation).map_or(Role::Model, |operation| operation.def().role)
}

impl Failure {
    fn of(span: &SpanData) -> Option<Self> {
        let kind = text(span, Attr::ErrorType.key());
        if let Status::Error { description } = &span.status {
            let description = printable(description);
            let message = match (kind, description.is_empty()) {
                (Some(kind), true) => kind,
                (Some(kind), false) if description.contains(kind.as_str()) => description,
                (Some(kind), false) => format!("{kind}: {description}"),
                (None, true) => String::from("error"),
                (None, false) => description,
            };
            return Some(Self::Error(message));
        }
        if let Some(kind) = kind {
            return Some(Self::Error(kind));
        }
        text(span, Attr::Outcome.key())
            .filter(|outcome| outcome != "completed" && outcome != "error")
            .map(Self::Outcome)
    }
}

/// The last value of a key, in case a span carries it twice.
fn value<'a>(span: &'a SpanData, key: &str) -> Option<&'a Value> {
    span.attributes.iter().rev().find(|kv| kv.key.as_str() == key).map(|kv| &kv.value)
}

fn text(span: &SpanData, key: &str) -> Option<String> {
    let text = match value(span, key)? {
        Value::String(text) => printable(text.as_str()),
        Value::Array(Array::String(list)) => printable(list.first()?.as_str()),
        other => printable(&other.to_string()),
    };
    (!text.is_empty()).then_some(text)
}

fn count(span: &SpanData, key: &str) -> Option<u64> {
    match value(span, key)? {
        Value::I64(count) => u64::try_from(*count).ok(),
        _ => None,
    }
}

fn number(span: &SpanData, key: &str) -> Option<f64> {
    let number = match value(span, key)? {
        Value::F64(number) => *number,
        Value::I64(number) => *number as f64,
        _ => return None,
    };
    (number.is_finite() && number >= 0.0).then_some(number)
}

/// The text with everything escaped that could move the cursor, change colours or reorder what
/// stands beside it, and no longer than a line could ever show.
fn printable(text: &str) -> String {
    let mut out = String::new();
    for character in text.chars() {
        if out.len() >= MAX_TEXT {
            out.push('…');
            break;
        }
        match character {
            '\n' | '\r' | '\t' => out.extend(character.escape_default()),
            '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{feff}' => out.extend(character.escape_unicode()),
            _ if character.is_control() => out.extend(character.escape_unicode()),
            _ => out.push(character),
        }
    }
    out
}

/// Bytes of one text; the widest terminal shows fewer.
const MAX_TEXT: usize = 512;
