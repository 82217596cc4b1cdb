//! Taking out of a finished span what a policy withholds that is stricter than the one under
//! which it ended: a destination's own, or one that came with a reload while spans were queued.

use opentelemetry::KeyValue;
use opentelemetry::trace::Event;
use opentelemetry_sdk::trace::SpanData;

use crate::health::Health;
use crate::policy::{Policy, otel};
use crate::semconv::Scope;

pub(super) fn restrict(span: &mut SpanData, policy: Policy, health: &Health) {
    otel::attributes(policy, &mut span.attributes, health);
    for event in &mut span.events.events {
        otel::event(policy, &mut event.name, &mut event.attributes, health);
    }
    for link in &mut span.links.links {
        otel::attributes(policy, &mut link.attributes, health);
    }
    span.status = otel::status(policy, std::mem::take(&mut span.status), health);
}

/// A copy of a span with nothing in it that a policy could take back but error text. Content is
/// not copied on the way.
pub(super) fn without_content(span: &mut SpanData) -> SpanData {
    let attributes = std::mem::take(&mut span.attributes);
    let events = std::mem::take(&mut span.events.events);
    let mut bare = span.clone();
    let metadata = |scope: Scope, all: &[KeyValue]| -> Vec<KeyValue> {
        all.iter().filter(|attribute| !otel::is_content(attribute, scope)).cloned().collect()
    };
    bare.attributes = metadata(otel::scope(&attributes), &attributes);
    for event in &events {
        let mut copy = Event::with_name(event.name.clone());
        copy.timestamp = event.timestamp;
        copy.attributes =
            metadata(otel::event_scope(&event.name, &event.attributes), &event.attributes);
        copy.dropped_attributes_count = event.dropped_attributes_count;
        bare.events.events.push(copy);
    }
    for link in &mut bare.links.links {
        link.attributes = metadata(otel::scope(&link.attributes), &link.attributes);
    }
    span.attributes = attributes;
    span.events.events = events;
    bare
}
