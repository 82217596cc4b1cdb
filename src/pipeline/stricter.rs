//! Taking out of a finished span what a policy withholds that is stricter than the one under
//! which it ended: a destination's own, or one that came with a reload while spans were queued.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Event, Status};
use opentelemetry_sdk::trace::SpanData;

use crate::capture::tracer::Core;
use crate::capture::tracer::event::{clear, clear_in, holds_content, police, scope};
use crate::policy::Policy;

pub(super) fn restrict(span: &mut SpanData, policy: Policy, core: &Core) {
    let scope = scope(&span.attributes);
    span.attributes.retain_mut(|attribute| clear_in(scope, policy, attribute, core));
    span.events.events.retain_mut(|event| {
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
    for link in &mut span.links.links {
        link.attributes.retain_mut(|attribute| clear(policy, attribute, core));
    }
    if let Status::Error { description } = &mut span.status
        && let Some(cleared) = policy.clear_error_text(description)
    {
        *description = Cow::Owned(cleared);
    }
}

/// A copy of a span with nothing in it that a policy could take back but error text. Content is
/// not copied on the way.
pub(super) fn without_content(span: &mut SpanData) -> SpanData {
    let attributes = std::mem::take(&mut span.attributes);
    let events = std::mem::take(&mut span.events.events);
    let mut bare = span.clone();
    let metadata = |all: &[KeyValue]| -> Vec<KeyValue> {
        let scope = scope(all);
        all.iter().filter(|attribute| !holds_content(attribute, scope)).cloned().collect()
    };
    bare.attributes = metadata(&attributes);
    for event in &events {
        let mut copy = Event::with_name(event.name.clone());
        copy.timestamp = event.timestamp;
        copy.attributes = metadata(&event.attributes);
        copy.dropped_attributes_count = event.dropped_attributes_count;
        bare.events.events.push(copy);
    }
    for link in &mut bare.links.links {
        link.attributes = metadata(&link.attributes);
    }
    span.attributes = attributes;
    span.events.events = events;
    bare
}
