//! From an event of `tracing` to a log record: see [`crate::capture::logs`].

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{Debug, Display};
use std::time::SystemTime;

use opentelemetry::trace::SpanContext;
use opentelemetry::{Context, KeyValue, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Metadata};

use super::capture::{chain_of, format};
use super::plan::{self, FieldPlan, LogPlan, MESSAGE};
use super::targets::{EVENT_NAME_FIELDS, is_message_field, is_transport};
use crate::capture::logs::{LogAttribute, LogLimits, LogRecord, clear_body};
use crate::capture::tracer::Core;
use crate::content::messages::said_by;
use crate::policy::{Comes, Decision, Holds, Policy};
use crate::semconv::{Class, Scope};

/// Makes a record of the event if records are wanted. `span` is asked for once it is certain.
pub(super) fn hear(core: &Core, event: &Event<'_>, span: impl FnOnce() -> SpanContext) {
    let metadata = event.metadata();
    if !core.logs.wants(*metadata.level()) || Context::is_current_telemetry_suppressed() {
        return;
    }
    let LogPlan::Record { fields, bridged, names_itself } = plan::log(metadata) else { return };
    let time = SystemTime::now();
    let mut head = Head::default();
    if bridged || names_itself {
        event.record(&mut head);
    }
    if head.target.as_deref().is_some_and(is_transport) {
        return;
    }
    let own_name = own_name(metadata).map(Cow::Borrowed);
    let name_is_a_field = own_name.is_none();
    let event_name = own_name.or(head.event_name.map(Cow::Owned));
    let mut found = LogFields {
        plan: fields,
        bridged,
        name_is_a_field,
        core,
        policy: core.policy.load(),
        said: event_name.as_deref().map_or(&[], said_by),
        limits: core.logs.limits(),
        body: None,
        holds: Holds::FACT,
        attributes: Vec::with_capacity(fields.len() + 2),
        dropped: 0,
        error: None,
    };
    event.record(&mut found);
    found.note_error();
    let file = metadata.file().map(Value::from).or(head.file.map(Value::from));
    let line = metadata.line().map(i64::from).or(head.line).map(Value::from);
    for (key, value) in [("code.file.path", file), ("code.line.number", line)] {
        if let Some(value) = value {
            found.push(key, value, Holds::FACT);
        }
    }
    core.logs.take(LogRecord {
        time,
        level: *metadata.level(),
        event_name,
        target: head.target.map_or(Cow::Borrowed(metadata.target()), Cow::Owned),
        body: found.body,
        attributes: found.attributes,
        dropped: found.dropped,
        span: span(),
        holds: found.holds,
    });
}

/// The name of a callsite unless the macro made it up.
fn own_name(metadata: &Metadata<'static>) -> Option<&'static str> {
    Some(metadata.name()).filter(|name| !name.starts_with("event ") && *name != "log event")
}

/// What has to be known before any other field is formatted.
#[derive(Default)]
struct Head {
    event_name: Option<String>,
    target: Option<String>,
    file: Option<String>,
    line: Option<i64>,
}

impl Visit for Head {
    fn record_u64(&mut self, field: &Field, value: u64) {
        if field.name() == "log.line" {
            self.line = i64::try_from(value).ok();
        }
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "log.target" => self.target = Some(value.to_owned()),
            "log.file" => self.file = Some(value.to_owned()),
            name if EVENT_NAME_FIELDS.contains(&name) => self.event_name = Some(value.to_owned()),
            _ => {}
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if EVENT_NAME_FIELDS.contains(&field.name()) {
            self.event_name = Some(format(value).trim_matches('"').to_owned());
        }
    }
}

/// Takes the fields of an event as far as they may leave.
struct LogFields<'a> {
    plan: &'static [FieldPlan],
    bridged: bool,
    /// A field that names the event has done so and is no attribute.
    name_is_a_field: bool,
    core: &'a Core,
    policy: Policy,
    /// Whose words the event holds, by its name. Empty where its fields tell.
    said: &'static [Class],
    limits: LogLimits,
    body: Option<String>,
    /// Whose data the body is.
    holds: Holds,
    attributes: Vec<LogAttribute>,
    dropped: u32,
    /// The message and the sources of an error that was recorded as one.
    error: Option<(String, String)>,
}

impl LogFields<'_> {
    /// Whose data a value of this field is, if one is wanted at all; asked before it is formatted.
    fn wants(&mut self, field: &Field, comes: Comes) -> Option<Holds> {
        let name = field.name();
        if (self.bridged && name.starts_with("log."))
            || (self.name_is_a_field && EVENT_NAME_FIELDS.contains(&name))
        {
            return None;
        }
        if name != MESSAGE && self.attributes.len() >= self.limits.attributes {
            self.dropped += 1;
            return None;
        }
        let holds = match self.plan.get(field.index()) {
            _ if is_message_field(name) && !self.said.is_empty() => Holds::Said(self.said),
            Some(plan) => plan.holds(),
            None => Holds::FACT,
        };
        // Of the message something is left, see `clear_body`.
        if holds != Holds::ERROR && self.policy.decide(holds, comes) == Decision::Withhold {
            self.core.health.withheld.increment();
            return None;
        }
        Some(holds)
    }

    fn typed(&mut self, field: &Field, value: impl Into<Value>) {
        if let Some(holds) = self.wants(field, Comes::Plain) {
            self.put(field, value.into(), holds);
        }
    }

    fn integer<T>(&mut self, field: &Field, value: T)
    where
        T: TryInto<i64> + Copy + Display,
    {
        match value.try_into() {
            Ok(value) => self.typed(field, value),
            Err(_) => self.typed(field, value.to_string()),
        }
    }

    fn text(&mut self, field: &Field, text: impl FnOnce() -> String) {
        if let Some(holds) = self.wants(field, Comes::Unread) {
            self.put(field, Value::from(text()), holds);
        }
    }

    fn put(&mut self, field: &Field, value: Value, holds: Holds) {
        if field.name() == MESSAGE {
            let text = String::from(value.as_str());
            self.body = clear_body(self.policy, holds, text, &self.core.health);
            self.holds = holds;
            return;
        }
        self.push(field.name(), value, holds);
    }

    fn push(&mut self, key: &'static str, value: Value, holds: Holds) {
        if self.attributes.len() >= self.limits.attributes {
            self.dropped += 1;
            return;
        }
        let limit = self.limits.value_length.min(self.policy.max_bytes());
        let policy = self.policy.with_max_bytes(u32::try_from(limit).unwrap_or(u32::MAX));
        let mut attribute = LogAttribute { kv: KeyValue::new(key, value), holds };
        if !attribute.clear(policy, &self.core.health) {
            return;
        }
        if let Value::String(text) = &mut attribute.kv.value
            && text.as_str().len() > self.limits.value_length
        {
            let end = text.as_str().floor_char_boundary(self.limits.value_length);
            *text = text.as_str()[..end].to_owned().into();
        }
        self.attributes.push(attribute);
    }

    /// Repeats an error where the conventions for exceptions want it.
    fn note_error(&mut self) {
        let Some((message, sources)) = self.error.take() else { return };
        let has = |key: &str| self.attributes.iter().any(|found| found.kv.key.as_str() == key);
        let keys = ["exception.message", "exception.stacktrace"].map(|key| (key, has(key)));
        for ((key, there), text) in keys.into_iter().zip([message, sources]) {
            if !there && !text.is_empty() {
                self.push(key, Value::from(text), Holds::of(key, Scope::Anywhere));
            }
        }
    }
}

impl Visit for LogFields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.typed(field, value);
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.typed(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.integer(field, value);
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.integer(field, value);
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.integer(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.typed(field, value);
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.text(field, || value.to_owned());
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        // Error text, whatever the field is called.
        if let Some(holds) = self.wants(field, Comes::Error) {
            let message = value.to_string();
            let holds = match holds {
                Holds::Said(_) => holds,
                _ => Holds::ERROR,
            };
            self.put(field, Value::from(message.clone()), holds);
            self.error = Some((message, chain_of(value)));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.text(field, || format(value));
    }
}
