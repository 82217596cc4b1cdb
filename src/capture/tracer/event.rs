//! Span events: which are messages in disguise, and what of the others may leave.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::{SpanBuilder, Status};
use opentelemetry::{Array, KeyValue, StringValue, Value as OtelValue};

use super::Core;
use super::state::Open;
use crate::content::messages;
use crate::policy::{ErrorText, Policy};
use crate::record::{Raw, Text, UNKNOWN_TEXT_LIMIT, Value};
use crate::semconv::{
    Attr, Class, ERROR_CHAIN, Match, Scope, Type, is_error_text, is_our_event, is_ours, lookup,
};

/// An event's name and attributes.
pub(crate) type Parts = (Cow<'static, str>, Vec<KeyValue>);

/// Whether an event is one of the GenAI conventions, of whatever version.
pub(super) fn is_gen_ai(name: &str, attributes: &[KeyValue]) -> bool {
    is_our_event(event_name(name, attributes))
}

/// Takes a retired message event into the record of its span; any other event is returned as far
/// as it may leave.
pub(super) fn take_into(
    open: &mut Open,
    name: Cow<'static, str>,
    attributes: Vec<KeyValue>,
    core: &Core,
) -> Option<Parts> {
    let known_as = event_name(&name, &attributes);
    if is_our_event(known_as) {
        let texts: Vec<(&str, Cow<'_, str>)> =
            attributes.iter().map(|kv| (kv.key.as_str(), kv.value.as_str())).collect();
        let fields: Vec<(&str, &str)> = texts.iter().map(|(key, text)| (*key, &**text)).collect();
        if let Some(pieces) = messages::from_event(known_as, &fields) {
            let policy = core.policy.load();
            for (shape, json) in pieces {
                let Some(attr) = Attr::of_shape(shape) else { continue };
                if policy.allows(attr.class()) && !open.unsampled {
                    open.record.fold(attr, json);
                } else {
                    core.health.withheld.increment();
                }
            }
            take_facts(open, &attributes, core);
            open.last_write = Some(SystemTime::now());
            return None;
        }
    }
    police(core.policy.load(), name, attributes, core)
}

/// What an operation-details event says about the call, where the span itself does not say it.
fn take_facts(open: &mut Open, attributes: &[KeyValue], core: &Core) {
    for kv in attributes {
        let Match::Known(attr, map) = lookup(kv.key.as_str()) else { continue };
        if attr.class() != Class::Metadata || !attr.is_ours() || open.record.has(attr) {
            continue;
        }
        let mut raw = match &kv.value {
            OtelValue::Bool(value) => Raw::Bool(*value),
            // Libraries that fill every field write zero for a parameter they do not have.
            OtelValue::I64(0) if !attr.key().starts_with("gen_ai.usage.") => continue,
            OtelValue::F64(value) if *value == 0.0 => continue,
            OtelValue::I64(value) => Raw::I64(*value),
            OtelValue::F64(value) => Raw::F64(*value),
            other => Raw::Debug(other.as_str()),
        };
        open.record.record_attr(attr, map, &mut raw, &core.health);
    }
    // No callsite of the span has said it.
    open.record.misfit = false;
}

/// What of an event may leave; `None` when nothing of it may.
pub(crate) fn police(
    policy: Policy,
    name: Cow<'static, str>,
    mut attributes: Vec<KeyValue>,
    core: &Core,
) -> Option<Parts> {
    if is_gen_ai(&name, &attributes) && attributes.is_empty() {
        return Some((name, attributes));
    }
    let severe = attributes
        .iter()
        .any(|kv| kv.key.as_str() == "level" && matches!(&*kv.value.as_str(), "ERROR" | "WARN"));
    let (error, scope) = (message_of_error(&attributes), scope(&attributes));
    attributes.retain_mut(|kv| match error.as_ref().is_some_and(|error| *error == kv.value) {
        true => clear_error(policy, kv),
        false => clear_in(scope, policy, kv, core),
    });
    // The message of an error is as likely to repeat what a provider said as its fields are.
    let name = match (severe, policy.error_text()) {
        (true, ErrorText::Scrubbed) => match policy.clear_error_text(&name) {
            Some(cleared) => Cow::Owned(cleared),
            None => name,
        },
        (true, ErrorText::TypeOnly) => Cow::Borrowed("exception"),
        _ => name,
    };
    Some((name, attributes))
}

/// What names of attributes mean beside these.
pub(crate) fn scope(attributes: &[KeyValue]) -> Scope {
    match attributes.iter().any(|kv| is_ours(kv.key.as_str())) {
        true => Scope::BesideGenAi,
        false => Scope::Anywhere,
    }
}

/// Clears one attribute of an event or of a span that is not GenAI.
pub(crate) fn clear(policy: Policy, kv: &mut KeyValue, core: &Core) -> bool {
    clear_in(Scope::Anywhere, policy, kv, core)
}

/// Clears one attribute that stands in a scope; tells whether it may leave.
pub(crate) fn clear_in(scope: Scope, policy: Policy, kv: &mut KeyValue, core: &Core) -> bool {
    let Some((class, json)) = class_of(kv, scope) else { return true };
    let key = kv.key.as_str();
    match class {
        Class::Metadata => true,
        Class::ErrorText => {
            let stack = key == Attr::ExceptionStacktrace.key() || key.ends_with(ERROR_CHAIN);
            match policy.error_text() {
                ErrorText::TypeOnly => false,
                ErrorText::Scrubbed if stack => false,
                _ => {
                    scrub(policy, &mut kv.value);
                    true
                }
            }
        }
        class if policy.allows(class) => {
            if let OtelValue::String(text) = &kv.value {
                let mut value = Value::Text(Text::Owned(text.as_str().to_owned()));
                policy.fit(&mut value, true, json, &core.health);
                kv.value = super::state::otel(value);
            }
            true
        }
        _ => {
            core.health.withheld.increment();
            false
        }
    }
}

/// Whether an attribute is such that a policy may withhold it altogether.
#[cfg(feature = "init")]
pub(crate) fn holds_content(kv: &KeyValue, scope: Scope) -> bool {
    !matches!(class_of(kv, scope), None | Some((Class::Metadata | Class::ErrorText, _)))
}

/// The class of an attribute and whether its text is JSON; `None` where nothing is known of it.
fn class_of(kv: &KeyValue, scope: Scope) -> Option<(Class, bool)> {
    let key = kv.key.as_str();
    Some(match lookup(key) {
        Match::Known(attr, _) => (attr.class(), attr.value_type() == Type::Json),
        Match::Content(class) => (class, false),
        Match::Named(class, named)
            if (named == scope || named == Scope::Anywhere) && is_text(&kv.value) =>
        {
            (class, false)
        }
        Match::Drop => (Class::Secret, false),
        Match::UnknownGenAi if is_long(kv) => (Class::Input, false),
        Match::Foreign if key.ends_with(ERROR_CHAIN) => (Class::ErrorText, false),
        Match::Named(..) | Match::Bare if scope == Scope::BesideGenAi && is_long(kv) => {
            (Class::Input, false)
        }
        Match::UnknownGenAi | Match::Named(..) | Match::Bare | Match::Foreign => return None,
    })
}

fn is_long(kv: &KeyValue) -> bool {
    kv.value.as_str().len() > UNKNOWN_TEXT_LIMIT
}

fn is_text(value: &OtelValue) -> bool {
    matches!(value, OtelValue::String(_) | OtelValue::Array(Array::String(_)))
}

/// What an error says that `tracing-opentelemetry` repeats under the name of its field, whatever
/// that is.
fn message_of_error(attributes: &[KeyValue]) -> Option<OtelValue> {
    let message = |kv: &&KeyValue| kv.key.as_str() == Attr::ExceptionMessage.key();
    attributes.iter().find(message).map(|kv| kv.value.clone())
}

/// Clears an attribute that holds an error's message.
fn clear_error(policy: Policy, kv: &mut KeyValue) -> bool {
    let leaves = policy.error_text() != ErrorText::TypeOnly;
    if leaves {
        scrub(policy, &mut kv.value);
    }
    leaves
}

fn scrub(policy: Policy, value: &mut OtelValue) {
    match value {
        OtelValue::String(text) => {
            if let Some(cleared) = policy.clear_error_text(text.as_str()) {
                *text = cleared.into();
            }
        }
        OtelValue::Array(Array::String(list)) => {
            for text in list {
                if let Some(cleared) = policy.clear_error_text(text.as_str()) {
                    *text = StringValue::from(cleared);
                }
            }
        }
        _ => {}
    }
}

/// Clears what a builder of a span that is not GenAI brings along.
pub(super) fn police_builder(builder: &mut SpanBuilder, core: &Core) {
    if let Some(attributes) = &mut builder.attributes
        && attributes.iter().any(|kv| is_error_text(kv.key.as_str()))
    {
        let policy = core.policy.load();
        let error = message_of_error(attributes);
        attributes.retain_mut(|kv| match error.as_ref().is_some_and(|error| *error == kv.value) {
            true => clear_error(policy, kv),
            false if kv.key.as_str().ends_with(".chain") => clear(policy, kv, core),
            false => !is_error_text(kv.key.as_str()) || clear(policy, kv, core),
        });
    }
    if let Some(events) = &mut builder.events {
        let policy = core.policy.load();
        events.retain_mut(|event| {
            let attributes = std::mem::take(&mut event.attributes);
            match police(policy, event.name.clone(), attributes, core) {
                Some((name, attributes)) => {
                    event.name = name;
                    event.attributes = attributes;
                    true
                }
                None => false,
            }
        });
    }
}

/// A status with its description as far as it may leave.
pub(super) fn police_status(status: Status, core: &Core) -> Status {
    match status {
        Status::Error { description } if !description.is_empty() => {
            match core.policy.load().clear_error_text(&description) {
                Some(cleared) => Status::error(cleared),
                None => Status::Error { description },
            }
        }
        status => status,
    }
}

/// The name of an event by whichever of the three ways it was given.
fn event_name<'a>(name: &'a str, attributes: &'a [KeyValue]) -> &'a str {
    if is_our_event(name) {
        return name;
    }
    attributes
        .iter()
        .find(|kv| matches!(kv.key.as_str(), "event.name" | "event_name"))
        .and_then(|kv| match &kv.value {
            OtelValue::String(text) => Some(text.as_str().trim_matches('"')),
            _ => None,
        })
        .unwrap_or(name)
}
