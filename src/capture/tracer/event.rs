//! Span events: which are messages in disguise.

use std::borrow::Cow;
use std::time::SystemTime;

use opentelemetry::trace::SpanBuilder;
use opentelemetry::{KeyValue, Value as OtelValue};

use super::rules::Rules;
use super::state::Open;
use crate::content::messages;
use crate::policy::{Comes, Decision, Holds, otel};
use crate::record::Raw;
use crate::semconv::{Attr, Class, Match, is_our_event, lookup};

/// An event's name and attributes.
pub(crate) type Parts = (Cow<'static, str>, Vec<KeyValue>);

/// Whether an event is one of the GenAI conventions, of whatever version.
pub(super) fn is_gen_ai(name: &str, attributes: &[KeyValue]) -> bool {
    is_our_event(otel::event_name(name, attributes))
}

/// Takes a retired message event into the record of its span; any other event is returned as far
/// as it may leave.
pub(super) fn take_into(
    open: &mut Open,
    mut name: Cow<'static, str>,
    mut attributes: Vec<KeyValue>,
    rules: &Rules,
) -> Option<Parts> {
    let known_as = otel::event_name(&name, &attributes);
    if is_our_event(known_as) {
        let texts: Vec<(&str, Cow<'_, str>)> =
            attributes.iter().map(|kv| (kv.key.as_str(), kv.value.as_str())).collect();
        let fields: Vec<(&str, &str)> = texts.iter().map(|(key, text)| (*key, &**text)).collect();
        if let Some(pieces) = messages::from_event(known_as, &fields) {
            let policy = rules.policy.load();
            for (shape, json) in pieces {
                let Some(attr) = Attr::of_shape(shape) else { continue };
                let decision = policy.decide(Holds::Attr(attr), Comes::Text(json.len()));
                if decision == Decision::Withhold || open.unsampled {
                    rules.health.withheld.increment();
                } else {
                    open.record.fold(attr, json);
                }
            }
            take_facts(open, &attributes, rules);
            open.last_write = Some(SystemTime::now());
            return None;
        }
    }
    otel::event(rules.policy.load(), &mut name, &mut attributes, &rules.health);
    Some((name, attributes))
}

/// Takes the message events that a builder brings along into the record of its span.
pub(super) fn take_all_into(open: &mut Open, builder: &mut SpanBuilder, rules: &Rules) {
    let Some(events) = builder.events.take() else { return };
    let others = events.into_iter().filter_map(|mut event| {
        let attributes = std::mem::take(&mut event.attributes);
        (event.name, event.attributes) = take_into(open, event.name, attributes, rules)?;
        Some(event)
    });
    builder.events = Some(others.collect());
}

/// What an operation-details event says about the call, where the span itself does not say it.
fn take_facts(open: &mut Open, attributes: &[KeyValue], rules: &Rules) {
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
        open.record.record_attr(attr, map, &mut raw, &rules.health);
    }
    // No callsite of the span has said it.
    open.record.misfit = false;
}
