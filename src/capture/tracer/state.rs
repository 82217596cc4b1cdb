//! A GenAI span between its start and its end.

use std::borrow::Cow;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use opentelemetry::trace::{SpanBuilder, SpanKind, Status};
use opentelemetry::{Array, Key, KeyValue, Value as OtelValue};

use super::observe::Nest;
use super::open_spans::Ticket;
use super::{Core, Given, SLOT, event};
use crate::capture::lint::{self, Problem};
use crate::policy::{Comes, Holds, otel};
use crate::record::{Outline, Raw, Record, SpanRole, Text, Value, clean_name};
use crate::semconv::{Attr, Class, Family, KnownOperation, Match, Scope, lookup};

/// The record of an open span, reached from the layer and from the OpenTelemetry API alike.
#[derive(Debug, Default)]
pub(crate) struct SpanState {
    open: Mutex<Open>,
    /// Where the span is noted as open.
    ticket: Option<Ticket>,
    /// Set when the SDK turned the span down: no content is kept from then on.
    unsampled: AtomicBool,
}

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
        Self { open: Mutex::new(open), ticket, unsampled: AtomicBool::new(false) }
    }

    pub(super) fn ticket(&self) -> Option<Ticket> {
        self.ticket
    }

    /// Notes what the SDK made of the span.
    pub(super) fn started(&self, sampled: bool) {
        if !sampled {
            self.unsampled.store(true, Ordering::Relaxed);
            let mut open = self.lock();
            open.unsampled = true;
            open.record.forget_content();
        }
    }

    pub(crate) fn is_unsampled(&self) -> bool {
        self.unsampled.load(Ordering::Relaxed)
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Open> {
        // Nothing under this lock runs code of others, so a poisoned one holds sound data.
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Open {
    pub(crate) fn new(record: Record) -> Self {
        Self { record, ..Self::default() }
    }

    /// Takes an attribute that came through the OpenTelemetry API.
    pub(crate) fn set(&mut self, attribute: KeyValue, core: &Core) {
        let KeyValue { key, value, .. } = attribute;
        if is_noise(key.as_str()) {
            return;
        }
        let key = match key.as_str() {
            SLOT => return,
            key => Cow::Owned(key.to_owned()),
        };
        self.record_text(key, raw(value), core);
        self.last_write = Some(SystemTime::now());
    }

    pub(crate) fn record_text(&mut self, key: Cow<'static, str>, raw: Raw<'_>, core: &Core) {
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
            core.health.withheld.increment();
        }
        if class == Class::Secret || class.is_content() && self.unsampled {
            return;
        }
        let Match::Known(attr, map) = found else {
            return holds.put(&mut self.record, key, raw, comes);
        };
        let mut raw = match (comes, raw) {
            (Comes::Error, Raw::Str(text)) => {
                let policy = core.policy.load();
                let decision = policy.decide(holds, comes);
                let Some(text) = policy.text(decision, &text, &core.health) else { return };
                Raw::Str(Cow::Owned(text.into_owned()))
            }
            (_, raw) => raw,
        };
        self.record.record_attr(attr, map, &mut raw, &core.health);
        if std::mem::take(&mut self.record.misfit) {
            let problem = Problem::WrongType(attr.key(), attr.value_type());
            lint::note_unplaced(core.findings.as_deref(), &self.given_name, problem);
        }
    }

    /// Gives the builder the name, the kind and the attributes that are known at the start.
    pub(crate) fn start(&mut self, builder: &mut SpanBuilder, core: &Core) {
        let mut attributes = builder.attributes.take().unwrap_or_default();
        for attribute in attributes.drain(..) {
            self.set(attribute, core);
        }
        self.last_write = None;
        if let Some(events) = builder.events.take() {
            for mut event in events {
                let attributes = std::mem::take(&mut event.attributes);
                if let Some((name, attributes)) =
                    event::take_into(self, event.name.clone(), attributes, core)
                {
                    event.name = name;
                    event.attributes = attributes;
                    builder.events.get_or_insert_with(Vec::new).push(event);
                }
            }
        }
        self.started_at = builder.start_time;
        self.given_name = std::mem::take(&mut builder.name);
        if let Some(kind) = builder.span_kind.take() {
            self.explicit.kind = Some(kind);
        }
        let outline = self.outline(core);
        builder.name = match outline.name {
            Some(name) => Cow::Owned(name),
            None => clean_name(self.given_name.clone()),
        };
        builder.span_kind = self.kind(outline.kind, core);
        self.started_kind = builder.span_kind.clone();
        let semconv = core.semconv;
        let policy = core.policy.load();
        for (attr, value) in policy.clear_sampling(&mut self.record, &core.health) {
            attributes.push(key_value(Key::from_static_str(attr.keys(semconv).0), value));
        }
        builder.attributes = Some(attributes);
        self.explicit.changed = false;
    }

    /// The name and the kind by everything that is known now.
    fn outline(&mut self, core: &Core) -> Outline {
        self.record.complete(self.explicit.name.as_deref().unwrap_or(&self.given_name));
        let mut outline = self.record.outline();
        if self.explicit.given.name && !core.override_explicit_names {
            outline.name = None;
        }
        if let Some(name) = &self.explicit.name
            && !core.override_explicit_names
            && !(outline.name.is_some() && KnownOperation::is_library_name(name))
        {
            outline.name = Some(clean_name(Cow::Owned(name.clone())).into_owned());
        }
        outline
    }

    fn kind(&self, derived: Option<SpanRole>, core: &Core) -> Option<SpanKind> {
        let derived = derived.map(|role| match role {
            SpanRole::Client => SpanKind::Client,
            SpanRole::Internal => SpanKind::Internal,
        });
        match &self.explicit.kind {
            None if self.explicit.given.kind && !core.override_explicit_names => None,
            Some(kind) if !core.override_explicit_names => Some(kind.clone()),
            Some(kind) => derived.or_else(|| Some(kind.clone())),
            None => derived,
        }
    }

    /// The family of metrics by what is known now.
    pub(crate) fn family(&self) -> Family {
        self.family_of(&self.record)
    }

    pub(super) fn family_of(&self, record: &Record) -> Family {
        let internal = match &self.explicit.kind {
            Some(kind) => *kind == SpanKind::Internal,
            None => !record.has(Attr::ServerAddress),
        };
        record.family(internal, self.serves())
    }

    pub(super) fn serves(&self) -> bool {
        self.explicit.kind == Some(SpanKind::Server)
    }

    /// Ends the span: what is left to be written to it.
    pub(crate) fn finish(&mut self, core: &Core) -> Finished {
        self.record.complete(self.explicit.name.as_deref().unwrap_or(&self.given_name));
        let (mut name, mut kind) = (None, None);
        if self.record.names_itself_anew() || self.explicit.changed {
            let outline = self.outline(core);
            kind = self
                .kind(outline.kind, core)
                .filter(|kind| self.started_kind.as_ref() != Some(kind));
            name = outline.name;
        }
        let status = self.status(core);
        Finished { name, kind, status, record: std::mem::take(&mut self.record) }
    }

    /// The final status, and `error.type` with it.
    fn status(&mut self, core: &Core) -> Status {
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
        otel::status(core.policy.load(), Status::Error { description }, &core.health)
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
    pub(crate) kind: Option<SpanKind>,
    pub(crate) status: Status,
    pub(crate) record: Record,
}

/// A state for a builder that comes from the OpenTelemetry API and has GenAI attributes.
pub(crate) fn adopt(builder: &SpanBuilder) -> Option<Arc<SpanState>> {
    let by_attribute = builder
        .attributes
        .as_ref()
        .is_some_and(|attributes| otel::scope(attributes) == Scope::BesideGenAi);
    let by_event = builder.events.as_ref().is_some_and(|events| {
        events.iter().any(|event| event::is_gen_ai(&event.name, &event.attributes))
    });
    (by_attribute || by_event).then(Arc::default)
}

/// What the layer below adds to every span and the conventions do not ask for.
fn is_noise(key: &str) -> bool {
    matches!(key, "busy_ns" | "idle_ns" | "target" | "level")
        || key.starts_with("code.")
        || key.starts_with("thread.")
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
