//! Taking out of a finished span what a policy withholds that is stricter than the one under
//! which it ended: a destination's own, or one that came with a reload while spans were queued.

use std::borrow::Cow;

use opentelemetry::trace::Status;
use opentelemetry_sdk::trace::SpanData;

use crate::policy::Policy;
use crate::tracer::Core;
use crate::tracer::event::{clear, police};

pub(super) fn restrict(span: &mut SpanData, policy: Policy, core: &Core) {
    span.attributes.retain_mut(|attribute| clear(policy, attribute, core));
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
