//! What a test looks at.

use std::fmt;
use std::ops::Deref;
use std::time::Duration;

use opentelemetry::trace::{Event, SpanId, SpanKind, Status, TraceId};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

/// The spans that were captured, in the order in which they ended. Its `Display` is their tree.
#[derive(Clone, Debug)]
#[must_use]
pub struct CapturedSpans {
    spans: Vec<CapturedSpan>,
    open: Vec<&'static str>,
}

/// A span as it would leave the process.
#[derive(Clone, Debug)]
pub struct CapturedSpan(SpanData);

impl CapturedSpans {
    pub(super) fn new(spans: Vec<CapturedSpan>, open: Vec<&'static str>) -> Self {
        Self { spans, open }
    }

    /// The one span of this name.
    ///
    /// # Panics
    ///
    /// With the tree of all spans, if there is none of this name or more than one.
    #[must_use]
    #[track_caller]
    pub fn one(&self, name: &str) -> &CapturedSpan {
        let mut named = self.iter().filter(|span| span.name() == name);
        match (named.next(), named.count()) {
            (Some(span), 0) => span,
            (first, more) => {
                let count = usize::from(first.is_some()) + more;
                panic!("{count} spans are named `{name}`, not one, among:\n{self}")
            }
        }
    }

    /// The spans directly below `parent`, in the order in which they ended.
    #[must_use]
    pub fn children_of(&self, parent: &CapturedSpan) -> Vec<&CapturedSpan> {
        self.iter().filter(|span| span.is_child_of(parent)).collect()
    }

    /// Names, as their callsites have them, of the spans that had not ended.
    #[must_use]
    pub fn open(&self) -> &[&'static str] {
        &self.open
    }

    /// Whether `text` occurs in a name, a status, an attribute or an event of any span.
    #[must_use]
    pub fn contains(&self, text: &str) -> bool {
        self.iter().any(|span| span.to_string().contains(text))
    }

    fn write_below(
        &self,
        parent: Option<&CapturedSpan>,
        depth: usize,
        f: &mut fmt::Formatter<'_>,
    ) -> fmt::Result {
        let is_root = |span: &CapturedSpan| !self.iter().any(|other| span.is_child_of(other));
        let mut below: Vec<_> = match parent {
            Some(parent) => self.children_of(parent),
            None => self.iter().filter(|span| is_root(span)).collect(),
        };
        below.sort_by_key(|span| span.0.start_time);
        for span in below {
            for line in span.to_string().lines() {
                writeln!(f, "{:1$}{line}", "", depth * 2)?;
            }
            self.write_below(Some(span), depth + 1, f)?;
        }
        Ok(())
    }
}

impl Deref for CapturedSpans {
    type Target = [CapturedSpan];

    fn deref(&self) -> &Self::Target {
        &self.spans
    }
}

impl<'a> IntoIterator for &'a CapturedSpans {
    type Item = &'a CapturedSpan;
    type IntoIter = std::slice::Iter<'a, CapturedSpan>;

    fn into_iter(self) -> Self::IntoIter {
        self.spans.iter()
    }
}

impl fmt::Display for CapturedSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_below(None, 0, f)?;
        for name in &self.open {
            writeln!(f, "still open: {name}")?;
        }
        Ok(())
    }
}

impl CapturedSpan {
    pub(super) fn new(data: SpanData) -> Self {
        Self(data)
    }

    /// The name of the conventions, or of the callsite for a span that is not GenAI.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The kind.
    #[must_use]
    pub fn kind(&self) -> SpanKind {
        self.0.span_kind.clone()
    }

    /// The status; its description is what the policy lets out of an error's text.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.0.status
    }

    /// Whether the status is an error.
    #[must_use]
    pub fn is_error(&self) -> bool {
        matches!(self.0.status, Status::Error { .. })
    }

    /// From start to end.
    #[must_use]
    pub fn duration(&self) -> Duration {
        self.0.end_time.duration_since(self.0.start_time).unwrap_or_default()
    }

    /// The id of its trace.
    #[must_use]
    pub fn trace_id(&self) -> TraceId {
        self.0.span_context.trace_id()
    }

    /// Its own id.
    #[must_use]
    pub fn span_id(&self) -> SpanId {
        self.0.span_context.span_id()
    }

    /// Whether `parent` is the span directly above.
    #[must_use]
    pub fn is_child_of(&self, parent: &Self) -> bool {
        self.trace_id() == parent.trace_id() && self.0.parent_span_id == parent.span_id()
    }

    /// All attributes.
    #[must_use]
    pub fn attributes(&self) -> &[KeyValue] {
        &self.0.attributes
    }

    /// Span events, each with a name and attributes.
    #[must_use]
    pub fn events(&self) -> &[Event] {
        &self.0.events.events
    }

    /// The value of an attribute.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.0.attributes.iter().find(|kv| kv.key.as_str() == key).map(|kv| &kv.value)
    }

    /// Whether an attribute is there.
    #[must_use]
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// A string.
    #[must_use]
    pub fn text(&self, key: &str) -> Option<&str> {
        match self.get(key)? {
            Value::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// An int.
    #[must_use]
    pub fn int(&self, key: &str) -> Option<i64> {
        match self.get(key)? {
            Value::I64(value) => Some(*value),
            _ => None,
        }
    }

    /// A double.
    #[must_use]
    pub fn double(&self, key: &str) -> Option<f64> {
        match self.get(key)? {
            Value::F64(value) => Some(*value),
            _ => None,
        }
    }

    /// A boolean.
    #[must_use]
    pub fn bool(&self, key: &str) -> Option<bool> {
        match self.get(key)? {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// A list of strings.
    #[must_use]
    pub fn list(&self, key: &str) -> Option<Vec<&str>> {
        match self.get(key)? {
            Value::Array(Array::String(list)) => {
                Some(list.iter().map(|text| text.as_str()).collect())
            }
            _ => None,
        }
    }

    /// The JSON that an attribute such as `gen_ai.input.messages` holds as a string.
    #[must_use]
    pub fn json(&self, key: &str) -> Option<serde_json::Value> {
        serde_json::from_str(self.text(key)?).ok()
    }
}

impl fmt::Display for CapturedSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", format!("{:?}", self.0.span_kind).to_uppercase(), self.0.name)?;
        if let Status::Error { description } = &self.0.status {
            write!(f, " ERROR {description}")?;
        }
        let mut facts: Vec<_> = self.0.attributes.iter().collect();
        facts.sort_by(|one, other| one.key.cmp(&other.key));
        for KeyValue { key, value, .. } in facts {
            write!(f, "\n    {key} = {value}")?;
        }
        for event in self.events() {
            write!(f, "\n    event {}", event.name)?;
            for KeyValue { key, value, .. } in &event.attributes {
                write!(f, " {key}={value}")?;
            }
        }
        Ok(())
    }
}
