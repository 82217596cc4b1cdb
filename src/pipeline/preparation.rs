//! What is done to a span on the export thread before it is encoded, in this order: finished,
//! cut to this destination's content policy, cut to the value limit, brought into its format.

use std::sync::Arc;

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::delivery::{Prepare, Prepared};
use super::stricter::{restrict, without_content};
use crate::capture::tracer::{Core, finish};
use crate::config::settings::{Destination, Settings};
use crate::format::{Counts, Format, FormatOptions, GenAi};
use crate::health::Health;
use crate::policy::{Policy, PolicyCell};
use crate::semconv::{Match, Type, lookup};

/// The steps for one destination.
#[derive(Debug)]
pub(crate) struct Preparation {
    core: Arc<Core>,
    /// The destination's own policy, which counts where it is stricter than the process's.
    policy: Arc<PolicyCell>,
    value_length: Option<usize>,
    format: Arc<dyn Format>,
}

impl Preparation {
    pub(super) fn new(
        settings: &Settings,
        destination: &Destination,
        core: Arc<Core>,
        kept: &SpansKept,
    ) -> Self {
        let options = FormatOptions {
            hide: settings.hide,
            attribute_limit: settings.limits.attributes_after_format,
            counts: Arc::clone(&kept.format),
        };
        let format = match &destination.own_format {
            Some(own) => Arc::clone(own),
            None => destination.backend.format(destination.format, options),
        };
        Self { policy: Arc::clone(&kept.policy), format, ..Self::plain(settings, core) }
    }

    /// For outlets of this process, such as the console: nothing but the common steps.
    pub(super) fn plain(settings: &Settings, core: Arc<Core>) -> Self {
        Self {
            policy: Arc::new(PolicyCell::new(Policy::LOOSEST)),
            core,
            value_length: settings.limits.attribute_value_length,
            format: Arc::new(GenAi::new()),
        }
    }
}

impl Prepare<SpanData> for Preparation {
    /// What may leave.
    type Terms = Policy;

    fn terms(&self) -> Policy {
        self.policy.load().stricter(self.core.policy.load())
    }

    fn prepare(&self, mut span: SpanData, policy: Policy) -> Prepared<SpanData> {
        finish(&mut span, policy);
        // A destination with a policy of its own looks at everything, whoever made the span.
        let own = self.policy.load() != Policy::LOOSEST;
        if own || policy.is_stricter_than(self.core.policy.loosest()) {
            restrict(&mut span, policy, &self.core.health);
        }
        let spare = policy.captures_content().then(|| without_content(&mut span));
        if let Some(limit) = self.value_length {
            shorten(&mut span, limit, &self.core.health);
        }
        Prepared { item: self.format.format(span), spare }
    }

    fn may_leave(&self, policy: Policy) -> bool {
        !policy.captures_content() || !self.terms().takes_back_from(policy)
    }
}

/// What a destination keeps when a reload opens it anew.
#[derive(Clone, Debug)]
pub(crate) struct SpansKept {
    /// Its own policy, which a reload may change while its spans are queued.
    pub(super) policy: Arc<PolicyCell>,
    /// What its format could not say.
    pub(super) format: Arc<Counts>,
}

impl SpansKept {
    /// `None` is a policy that adds nothing to that of the process.
    pub(super) fn new(policy: Option<Policy>) -> Self {
        let policy = Arc::new(PolicyCell::new(policy.unwrap_or(Policy::LOOSEST)));
        Self { policy, format: Arc::default() }
    }
}

/// Cuts every text value to `limit` bytes, at a character's boundary; what is JSON by the
/// conventions stays JSON.
fn shorten(span: &mut SpanData, limit: usize, health: &Health) {
    shorten_all(&mut span.attributes, limit, health);
    for event in &mut span.events.events {
        shorten_all(&mut event.attributes, limit, health);
    }
    for link in &mut span.links.links {
        shorten_all(&mut link.attributes, limit, health);
    }
}

fn shorten_all(attributes: &mut [KeyValue], limit: usize, health: &Health) {
    for KeyValue { key, value, .. } in attributes {
        match value {
            Value::String(text) if text.as_str().len() > limit => {
                let known = lookup(key.as_str());
                match matches!(known, Match::Known(attr, _) if attr.value_type() == Type::Json) {
                    true => shorten_json(text, limit, health),
                    false => shorten_text(text, limit),
                }
            }
            Value::Array(Array::String(texts)) => {
                for text in texts {
                    shorten_text(text, limit);
                }
            }
            _ => {}
        }
    }
}

fn shorten_json(text: &mut StringValue, limit: usize, health: &Health) {
    // Only the size of this policy matters: what may leave has been decided.
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    let policy = Policy::default().with_max_bytes(limit);
    let short = policy.cut(text.as_str(), true, health);
    if short.len() < text.as_str().len() {
        *text = StringValue::from(short.into_owned());
    }
}

fn shorten_text(text: &mut StringValue, limit: usize) {
    let full = text.as_str();
    if full.len() > limit {
        let end = (0..=limit).rev().find(|end| full.is_char_boundary(*end)).unwrap_or(0);
        *text = StringValue::from(full[..end].to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_between_characters() {
        for (text, limit, expected) in [
            ("plain", 5, "plain"),
            ("plain", 3, "pla"),
            ("grün", 3, "gr"),
            ("grün", 4, "grü"),
            ("ü", 0, ""),
        ] {
            let mut value = StringValue::from(text);
            shorten_text(&mut value, limit);
            assert_eq!(value.as_str(), expected, "{text} at {limit}");
        }
    }
}
