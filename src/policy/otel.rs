//! What passes through the OpenTelemetry API: attributes of spans that are not GenAI, events,
//! links, statuses, and spans that have ended.

use std::borrow::Cow;
use std::hash::{BuildHasher, BuildHasherDefault};

use opentelemetry::trace::Status;
use opentelemetry::{Array, KeyValue, StringValue, Value};
use rustc_hash::FxHasher;

use super::Policy;
use super::decide::{Comes, Decision, Holds, LONGEST_FACT};
use crate::health::Health;
use crate::semconv::{Attr, Class, Scope, is_our_event, is_ours, lookup, may_be_listed};

/// What names mean beside these attributes.
pub(crate) fn scope(attributes: &[KeyValue]) -> Scope {
    match attributes.iter().any(|kv| is_ours(kv.key.as_str())) {
        true => Scope::BesideGenAi,
        false => Scope::Anywhere,
    }
}

/// What names mean on an event.
pub(crate) fn event_scope(name: &str, attributes: &[KeyValue]) -> Scope {
    match is_our_event(event_name(name, attributes)) {
        true => Scope::BesideGenAi,
        false => scope(attributes),
    }
}

/// The name of an event by whichever of the three ways it was given.
pub(crate) fn event_name<'a>(name: &'a str, attributes: &'a [KeyValue]) -> &'a str {
    if is_our_event(name) {
        return name;
    }
    attributes
        .iter()
        .find(|kv| matches!(kv.key.as_str(), "event.name" | "event_name"))
        .and_then(|kv| match &kv.value {
            Value::String(text) => Some(text.as_str().trim_matches('"')),
            _ => None,
        })
        .unwrap_or(name)
}

/// Leaves of an attribute what may leave; tells whether anything may.
pub(crate) fn attribute(policy: Policy, scope: Scope, kv: &mut KeyValue, health: &Health) -> bool {
    let holds = Holds::of(kv.key.as_str(), scope);
    value(policy, holds, &mut kv.value, health)
}

/// Leaves of a value what may leave; tells whether anything may.
pub(crate) fn value(policy: Policy, holds: Holds, value: &mut Value, health: &Health) -> bool {
    let decision = policy.decide(holds, comes(value));
    act(policy, decision, value, health)
}

/// Leaves of the attributes of a link or a span what may leave.
pub(crate) fn attributes(policy: Policy, all: &mut Vec<KeyValue>, health: &Health) {
    let scope = scope(all);
    attributes_in(scope, policy, all, health);
}

fn attributes_in(scope: Scope, policy: Policy, all: &mut Vec<KeyValue>, health: &Health) {
    let error = message_of_error(all);
    all.retain_mut(|kv| match error.as_ref() == Some(&kv.value) {
        true => error_value(policy, kv, scope, health),
        false => attribute(policy, scope, kv, health),
    });
}

/// What of an event may leave. Its name is the message of an event of `tracing`.
pub(crate) fn event(
    policy: Policy,
    name: &mut Cow<'static, str>,
    all: &mut Vec<KeyValue>,
    health: &Health,
) {
    let severe = all
        .iter()
        .any(|kv| kv.key.as_str() == "level" && matches!(&*kv.value.as_str(), "ERROR" | "WARN"));
    attributes_in(event_scope(name, all), policy, all, health);
    let decision = policy.decide(Holds::message(severe), Comes::Text(name.len()));
    match policy.text(decision, name, health) {
        Some(Cow::Owned(cleared)) => *name = Cow::Owned(cleared),
        Some(Cow::Borrowed(same)) if same.len() == name.len() => {}
        Some(Cow::Borrowed(part)) => *name = Cow::Owned(part.to_owned()),
        None => *name = Cow::Borrowed("exception"),
    }
}

/// A status with its description as far as it may leave.
pub(crate) fn status(policy: Policy, status: Status, health: &Health) -> Status {
    let Status::Error { description } = status else { return status };
    if description.is_empty() {
        return Status::Error { description };
    }
    let decision = policy.decide(Holds::ERROR, Comes::Text(description.len()));
    match policy.text(decision, &description, health) {
        Some(text) => Status::error(text.into_owned()),
        None => Status::error(""),
    }
}

/// Whether a policy may withhold an attribute altogether.
#[cfg(feature = "init")]
pub(crate) fn is_content(kv: &KeyValue, scope: Scope) -> bool {
    Holds::of(kv.key.as_str(), scope).is_content(&kv.value)
}

impl Holds {
    /// Whether a policy may withhold such a value altogether.
    #[cfg(feature = "init")]
    pub(crate) fn is_content(self, value: &Value) -> bool {
        !matches!(self.class(comes(value)), Class::Metadata | Class::ErrorText | Class::StackTrace)
    }
}

/// A span that is not GenAI, or not yet. Its attributes go on at once, but for those that would be
/// content on a GenAI span: they wait until it is certain which it is.
#[derive(Debug, Default)]
pub(crate) struct PlainSpan(Option<Box<Waiting>>);

#[derive(Debug, Default)]
struct Waiting {
    attributes: Vec<KeyValue>,
    /// What the last error said, as a number.
    error: Option<u64>,
}

/// Attributes that wait for one span at most. The SDK keeps no more on a whole span.
const WAIT_AT_MOST: usize = 128;

impl PlainSpan {
    /// Takes an attribute and gives it back, as far as it may leave, if it is to go on.
    pub(crate) fn take(
        &mut self,
        policy: Policy,
        mut kv: KeyValue,
        health: &Health,
    ) -> Option<KeyValue> {
        let key = kv.key.as_str();
        let comes = comes(&kv.value);
        let listed = may_be_listed(key);
        if comes == Comes::Plain && !listed {
            return Some(kv);
        }
        if self.repeats_error(&kv.value) {
            return error_value(policy, &mut kv, Scope::Anywhere, health).then_some(kv);
        }
        if !listed
            && (matches!(comes, Comes::Text(length) if length <= LONGEST_FACT) || key.contains('.'))
        {
            return Some(kv);
        }
        let found = lookup(key);
        let (here, beside) =
            (Holds::matched(found, Scope::Anywhere), Holds::matched(found, Scope::BesideGenAi));
        if key == Attr::ExceptionMessage.key() {
            self.0.get_or_insert_default().error = number(&kv.value);
        }
        if here.class(comes) == Class::Metadata && beside.class(comes) != Class::Metadata {
            self.keep(kv, health);
            return None;
        }
        value(policy, here, &mut kv.value, health).then_some(kv)
    }

    /// The attributes of a builder.
    pub(crate) fn take_all(&mut self, policy: Policy, all: &mut Vec<KeyValue>, health: &Health) {
        all.retain_mut(|kv| {
            let taken = std::mem::replace(kv, KeyValue::new("", false));
            match self.take(policy, taken, health) {
                Some(back) => {
                    *kv = back;
                    true
                }
                None => false,
            }
        });
    }

    /// What has waited, once it is certain what the span is.
    pub(crate) fn waited(&mut self) -> Vec<KeyValue> {
        self.0.take().map(|waiting| waiting.attributes).unwrap_or_default()
    }

    fn keep(&mut self, kv: KeyValue, health: &Health) {
        let waiting = &mut self.0.get_or_insert_default().attributes;
        match waiting.iter().position(|known| known.key == kv.key) {
            Some(at) => waiting[at] = kv,
            None if waiting.len() < WAIT_AT_MOST => waiting.push(kv),
            None => health.withheld.increment(),
        }
    }

    /// Whether the value is what an error said, which `tracing-opentelemetry` sets as
    /// `exception.message` and then under the name of the field, whatever that is.
    fn repeats_error(&self, value: &Value) -> bool {
        let error = self.0.as_ref().and_then(|waiting| waiting.error);
        error.is_some() && error == number(value)
    }
}

fn number(value: &Value) -> Option<u64> {
    let Value::String(text) = value else { return None };
    Some(BuildHasherDefault::<FxHasher>::default().hash_one(text.as_str()))
}

/// What an error says that `tracing-opentelemetry` repeats under the name of its field.
fn message_of_error(attributes: &[KeyValue]) -> Option<Value> {
    let message = |kv: &&KeyValue| kv.key.as_str() == Attr::ExceptionMessage.key();
    attributes.iter().find(message).map(|kv| kv.value.clone())
}

fn error_value(policy: Policy, kv: &mut KeyValue, scope: Scope, health: &Health) -> bool {
    let decision = policy.decide(Holds::of(kv.key.as_str(), scope), Comes::Error);
    act(policy, decision, &mut kv.value, health)
}

fn act(policy: Policy, decision: Decision, value: &mut Value, health: &Health) -> bool {
    match decision {
        Decision::Keep => return true,
        Decision::Withhold => {
            health.withheld.increment();
            return false;
        }
        _ => {}
    }
    let change = |text: &mut StringValue| match policy.text(decision, text.as_str(), health) {
        Some(Cow::Owned(changed)) => {
            *text = changed.into();
            true
        }
        Some(Cow::Borrowed(part)) if part.len() != text.as_str().len() => {
            *text = part.to_owned().into();
            true
        }
        found => found.is_some(),
    };
    match value {
        Value::String(text) => change(text),
        Value::Array(Array::String(list)) => list.iter_mut().all(change),
        _ => true,
    }
}

fn comes(value: &Value) -> Comes {
    match value {
        Value::Bool(_) | Value::I64(_) | Value::F64(_) => Comes::Plain,
        Value::String(text) => Comes::Text(text.as_str().len()),
        Value::Array(Array::String(list)) => {
            Comes::Text(list.iter().map(|text| text.as_str().len()).sum())
        }
        // A list of numbers is text on a GenAI span, too.
        other => Comes::Text(other.as_str().len()),
    }
}
