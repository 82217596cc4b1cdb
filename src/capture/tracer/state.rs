//! A GenAI span between its start and its end.

use std::borrow::Cow;
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use opentelemetry::trace::{SpanBuilder, SpanKind, Status};
use opentelemetry::{Array, Key, KeyValue, Value as OtelValue};

use super::markers::{self, Given};
use super::observe::Nest;
use super::rules::{Finisher, Rules};
use super::ticket::Ticket;
use crate::capture::lint::{self, Problem};
use crate::policy::{Comes, Holds, otel};
use crate::record::{Outline, Raw, Record, SpanRole, Text, Value, clean_name};
use crate::semconv::{
    Attr, Class, Family, KnownOperation, Match, Scope, is_our_event, is_ours, lookup,
};

/// The record of an open span, reached from the layer and from the OpenTelemetry API alike.
#[derive(Debug, Default)]
pub(crate) struct SpanState {
    open: Mutex<Open>,
    /// Where the span is noted as open.
    ticket: Option<Ticket>,
    phase: AtomicU8,
}

/// The span has been built; the SDK turned it down, so no content is kept; it has ended.
const STARTED: u8 = 1;
const UNSAMPLED: u8 = 2;
const ENDED: u8 = 4;

/// What is known of an open span.
#[derive(Debug, Default)]
pub(crate) struct Open {
    pub(crate) record: Record,
    pub(crate) explicit: Explicit,
    /// The name given at creation.
    pub(crate) given_name: Cow<'static, str>,
    /// The kind that the SDK span was started with.
    pub(super) started_kind: Option<SpanKind>,
    pub(crate) status: Status,
    /// The last time something was recorded outside of the span's own enter and exit.
    pub(crate) last_write: Option<SystemTime>,
    pub(crate) unsampled: bool,
    pub(crate) ended: bool,
    /// Made by the layer, not with the OpenTelemetry API.
    pub(super) of_layer: bool,
    pub(crate) started_at: Option<SystemTime>,
    /// Seconds between the chunks of a stream, kept for the observer.
    pub(crate) gaps: Vec<f64>,
    /// Kept for the observer only.
    pub(crate) nest: Nest,
}

/// What the user said with `otel.*` fields.
#[derive(Debug, Default)]
pub(crate) struct Explicit {
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<SpanKind>,
    /// Which of them the SDK span has already, set where we could not see the text.
    pub(crate) given: Given,
    /// Whether one of them was set since the span started.
    pub(crate) changed: bool,
}

impl SpanState {
    pub(crate) fn new(open: Open, ticket: Option<Ticket>) -> Self {
        Self { open: Mutex::new(open), ticket, phase: AtomicU8::new(0) }
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }

    /// Notes what the SDK made of the span.
    pub(super) fn started(&self, sampled: bool) {
        self.enter(STARTED);
        if !sampled {
            self.enter(UNSAMPLED);
            let mut open = self.lock();
            open.unsampled = true;
            open.record.forget_content();
        }
    }

    /// Notes that the span ends.
    pub(super) fn end(&self) -> MutexGuard<'_, Open> {
        self.enter(ENDED);
        let mut open = self.lock();
        open.ended = true;
        open
    }

    /// Whether the span below has been built.
    pub(crate) fn has_started(&self) -> bool {
        self.phase.load(Ordering::Relaxed) & STARTED != 0
    }

    pub(crate) fn is_unsampled(&self) -> bool {
        self.phase.load(Ordering::Relaxed) & UNSAMPLED != 0
    }

    pub(crate) fn has_ended(&self) -> bool {
        self.phase.load(Ordering::Acquire) & ENDED != 0
    }

    fn enter(&self, phase: u8) {
        self.phase.fetch_or(phase, Ordering::Release);
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Open> {
        // Nothing under this lock runs code of others, so a poisoned one holds sound data.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    /// Of a span that the layer makes.
    pub(crate) fn new(record: Record) -> Self {
        Self { record, of_layer: true, ..Self::default() }
    }

    pub(super) fn of(given: Given, of_layer: bool) -> Self {
        let explicit = Explicit { given, ..Explicit::default() };
        Self { explicit, of_layer, ..Self::default() }
    }

    /// When the span ends. The layer below passes the last exit as the time, which would cut off
    /// what came after it, as the end of a stream does. Who ends a span by the OpenTelemetry API
    /// means the time that they say.
    pub(super) fn end(&self, timestamp: Option<SystemTime>) -> Option<SystemTime> {
        match (timestamp, self.last_write) {
            (Some(end), Some(write)) if self.of_layer => Some(end.max(write)),
            (end, _) => end,
        }
    }

    /// Takes an attribute that came through the OpenTelemetry API.
    pub(crate) fn set(&mut self, attribute: KeyValue, rules: &Rules) {
        let KeyValue { key, value, .. } = attribute;
        self.record_text(Cow::Owned(key.as_str().to_owned()), raw(value), rules);
        if self.of_layer {
            self.last_write = Some(SystemTime::now());
        }
    }

    pub(crate) fn record_text(&mut self, key: Cow<'static, str>, raw: Raw<'_>, rules: &Rules) {
        let found = lookup(&key);
        let holds = Holds::matched(found, Scope::BesideGenAi);
        let comes = match &raw {
            // An error that was recorded as one comes as `exception.message` and then once more
            // under the name of its field.
            Raw::Str(text) if self.record.text(Attr::ExceptionMessage) == Some(text) => {
                Comes::Error
            }
            raw => Comes::of(raw),
        };
        let class = holds.class(comes);
        if class == Class::Secret {
            rules.health.withheld.increment();
        }
        if class == Class::Secret || class.is_content() && self.unsampled {
            return;
        }
        let Match::Known(attr, map) = found else {
            return holds.put(&mut self.record, key, raw, comes);
        };
        let mut raw = match (comes, raw) {
            (Comes::Error, Raw::Str(text)) => {
                let policy = rules.policy.load();
                let decision = policy.decide(holds, comes);
                let Some(text) = policy.text(decision, &text, &rules.health) else { return };
                Raw::Str(Cow::Owned(text.into_owned()))
            }
            (_, raw) => raw,
        };
        self.record.record_attr(attr, map, &mut raw, &rules.health);
        if std::mem::take(&mut self.record.misfit) {
            let problem = Problem::WrongType(attr.key(), attr.value_type());
            lint::note_unplaced(rules.findings.as_deref(), &self.given_name, problem);
        }
    }

    /// Gives the builder the name, the kind and the attributes that are known at the start.
    pub(crate) fn start(&mut self, builder: &mut SpanBuilder, rules: &Rules) {
        let mut attributes = builder.attributes.take().unwrap_or_default();
        markers::drop_older(&mut attributes);
        for attribute in attributes.drain(..) {
            self.set(attribute, rules);
        }
        self.last_write = None;
        self.started_at = builder.start_time;
        self.given_name = std::mem::take(&mut builder.name);
        if let Some(kind) = builder.span_kind.take() {
            self.explicit.kind = Some(kind);
        }
        let said = self.record.has(Attr::OperationName);
        let outline = self.outline(rules);
        builder.name = match outline.name {
            Some(name) => Cow::Owned(name),
            None => clean_name(self.given_name.clone()),
        };
        builder.span_kind = self.kind(outline.kind, rules);
        self.started_kind = builder.span_kind.clone();
        if rules.finisher == Finisher::AtEnd {
            self.record.fix_written();
            // A guess gives way to what is said later, which it could not once it is written.
            if !said {
                self.record.remove(Attr::OperationName);
            }
        }
        let semconv = rules.semconv;
        let policy = rules.policy.load();
        for (attr, value) in policy.clear_sampling(&mut self.record, &rules.health) {
            attributes.push(key_value(Key::from_static_str(attr.keys(semconv).0), value));
        }
        builder.attributes = Some(attributes);
        self.explicit.changed = false;
    }

    /// The name and the kind by everything that is known now.
    fn outline(&mut self, rules: &Rules) -> Outline {
        self.record.complete(self.explicit.name.as_deref().unwrap_or(&self.given_name));
        let mut outline = self.record.outline();
        if self.explicit.given.name && !rules.override_explicit_names {
            outline.name = None;
        }
        if let Some(name) = &self.explicit.name
            && !rules.override_explicit_names
            && !(outline.name.is_some() && KnownOperation::is_library_name(name))
        {
            outline.name = Some(clean_name(Cow::Owned(name.clone())).into_owned());
        }
        outline
    }

    fn kind(&self, derived: Option<SpanRole>, rules: &Rules) -> Option<SpanKind> {
        let derived = derived.map(|role| match role {
            SpanRole::Client => SpanKind::Client,
            SpanRole::Internal => SpanKind::Internal,
        });
        match &self.explicit.kind {
            None if self.explicit.given.kind && !rules.override_explicit_names => None,
            Some(kind) if !rules.override_explicit_names => Some(kind.clone()),
            Some(kind) => derived.or_else(|| Some(kind.clone())),
            None => derived,
        }
    }

    /// The family of metrics by what `record` says.
    pub(super) fn family(&self, record: &Record) -> Family {
        let internal = match &self.explicit.kind {
            Some(kind) => *kind == SpanKind::Internal,
            None => !record.has(Attr::ServerAddress),
        };
        record.family(internal, self.explicit.kind == Some(SpanKind::Server))
    }

    /// Ends the span: what is left to be written to it.
    pub(crate) fn finish(&mut self, rules: &Rules) -> Finished {
        self.record.complete(self.explicit.name.as_deref().unwrap_or(&self.given_name));
        let (mut name, mut kind) = (None, None);
        if self.record.names_itself_anew() || self.explicit.changed {
            let outline = self.outline(rules);
            kind = self
                .kind(outline.kind, rules)
                .filter(|kind| self.started_kind.as_ref() != Some(kind));
            name = outline.name;
        }
        match self.record.refused() {
            0 => {}
            refused => rules.health.late_changes.add(refused as u64),
        }
        let status = self.status(rules);
        Finished { name, kind, status, record: std::mem::take(&mut self.record) }
    }

    /// The final status, and `error.type` with it.
    fn status(&mut self, rules: &Rules) -> Status {
        let failed = [Attr::ErrorType, Attr::ExceptionType, Attr::ExceptionMessage]
            .into_iter()
            .any(|attr| self.record.has(attr));
        let description = match std::mem::take(&mut self.status) {
            Status::Ok => return Status::Ok,
            Status::Error { description } => description,
            _ if failed => Cow::Borrowed(""),
            _ => return Status::Unset,
        };
        if !self.record.has(Attr::ErrorType) && self.record.is_ours() {
            let kind = match self.record.text(Attr::ExceptionType) {
                Some(kind) => Text::Owned(kind.to_owned()),
                None => Text::Static("_OTHER"),
            };
            self.record.put(Attr::ErrorType, Value::Text(kind));
        }
        let description = if description.is_empty() {
            let message = self.record.text(Attr::ErrorMessage);
            let message = message.or_else(|| self.record.text(Attr::ExceptionMessage));
            Cow::Owned(message.unwrap_or_default().to_owned())
        } else {
            description
        };
        otel::status(rules.policy.load(), Status::Error { description }, &rules.health)
    }

    pub(crate) fn set_status(&mut self, status: Status) {
        match (&self.status, status) {
            (Status::Ok, _) | (_, Status::Unset) => {}
            // An event of level ERROR comes with an empty description.
            (Status::Error { .. }, Status::Error { description }) if description.is_empty() => {}
            (_, status) => self.status = status,
        }
    }
}

/// What a span still has to be told when it ends.
#[derive(Debug)]
pub(crate) struct Finished {
    pub(crate) name: Option<String>,
    #[cfg_attr(
        not(any(feature = "init", feature = "testing")),
        expect(dead_code, reason = "the kind changes on export only")
    )]
    pub(crate) kind: Option<SpanKind>,
    pub(crate) status: Status,
    pub(crate) record: Record,
}

/// Whether a builder that comes from the OpenTelemetry API is of a GenAI span.
pub(super) fn is_gen_ai(builder: &SpanBuilder) -> bool {
    let has_attribute = |all: &Vec<KeyValue>| all.iter().any(|kv| is_ours(kv.key.as_str()));
    builder.attributes.as_ref().is_some_and(has_attribute)
        || builder
            .events
            .iter()
            .flatten()
            .any(|it| is_our_event(otel::event_name(&it.name, &it.attributes)))
}

pub(crate) fn raw(value: OtelValue) -> Raw<'static> {
    match value {
        OtelValue::Bool(value) => Raw::Bool(value),
        OtelValue::I64(value) => Raw::I64(value),
        OtelValue::F64(value) => Raw::F64(value),
        OtelValue::String(value) => Raw::Str(Cow::Owned(value.into())),
        OtelValue::Array(Array::String(list)) => {
            Raw::List(list.into_iter().map(Into::into).collect())
        }
        OtelValue::Array(array) => Raw::Str(Cow::Owned(array.to_string())),
        other => Raw::Str(Cow::Owned(other.as_str().into_owned())),
    }
}

/// A value of a record as the OpenTelemetry API wants it.
#[cfg(any(feature = "init", feature = "testing"))]
pub(crate) fn otel(value: Value) -> OtelValue {
    match value {
        Value::Bool(value) => OtelValue::Bool(value),
        Value::I64(value) => OtelValue::I64(value),
        Value::F64(value) => OtelValue::F64(value),
        Value::Text(text) => OtelValue::String(string(text)),
        Value::List(list) => strings(list),
    }
}

pub(super) fn strings(list: Vec<Text>) -> OtelValue {
    OtelValue::Array(Array::String(list.into_iter().map(string).collect()))
}

/// An attribute made from the value itself: a copy on the way would cost more than the making.
#[inline]
pub(super) fn key_value(key: Key, value: Value) -> KeyValue {
    match value {
        Value::Bool(value) => KeyValue::new(key, value),
        Value::I64(value) => KeyValue::new(key, value),
        Value::F64(value) => KeyValue::new(key, value),
        Value::Text(text) => KeyValue::new(key, string(text)),
        Value::List(list) => KeyValue::new(key, strings(list)),
    }
}

#[inline]
pub(super) fn string(text: Text) -> opentelemetry::StringValue {
    match text {
        Text::Static(text) => text.into(),
        Text::Owned(text) => text.into(),
        Text::Shared(text) => text.into(),
    }
}
