//! The content policy out of its keys.

use super::resolve::Stack;
use crate::config::say::keys::{Field, Key};
use crate::config::say::value::{Setting, preset_as};
use crate::config::say::words::Media;
use crate::policy::{ContentCapture, Policy};
use crate::semconv::Class;

pub(crate) const CAPTURES: [(Field, Class); 6] = [
    (Field::ContentInput, Class::Input),
    (Field::ContentOutput, Class::Output),
    (Field::ContentSystem, Class::System),
    (Field::ContentTools, Class::Tools),
    (Field::ContentRetrieval, Class::Retrieval),
    (Field::ContentMemory, Class::Memory),
];

/// What the layers say about content. A direction without a word of its own follows
/// `content_capture`, the strongest layer first.
pub(crate) fn policy(stack: &mut Stack<'_>) -> Policy {
    let mut policy = Policy::default();
    for (field, class) in CAPTURES {
        let keys = [field.general(), Field::ContentCapture.general()];
        policy = policy.with_class(class, capture(stack, &keys));
    }
    apply_rest(policy, stack)
}

/// Whether any layer says which content leaves.
pub(crate) fn is_set(stack: &Stack<'_>) -> bool {
    let mut fields = vec![Field::ContentCapture];
    fields.extend(CAPTURES.map(|(field, _)| field));
    stack.strongest(&fields).is_some()
}

/// The policy that lets through what any of `policies` does; each destination then takes its own.
pub(crate) fn loosest(base: Policy, policies: &[Policy]) -> Policy {
    CAPTURES.iter().fold(base, |policy, (_, class)| {
        if policies.iter().any(|other| other.allows(*class)) {
            policy.with_class(*class, ContentCapture::Full)
        } else {
            policy
        }
    })
}

/// Error text, media and size, on top of what was decided about content.
pub(crate) fn apply_rest(mut policy: Policy, stack: &mut Stack<'_>) -> Policy {
    if let Some(level) = stack.said(Field::ErrorText) {
        policy = policy.with_error_text(level);
    }
    if let Some(media) = stack.said::<Media>(Field::ContentMedia) {
        policy = policy.with_media(media == Media::Keep);
    }
    if let Some(bytes) = stack.said(Field::ContentAttrMaxBytes) {
        policy = policy.with_max_bytes(bytes);
    }
    policy
}

fn capture(stack: &mut Stack<'_>, keys: &[Key]) -> ContentCapture {
    let said = stack.first_of(keys).and_then(|said| ContentCapture::from_value(&said.value));
    said.unwrap_or_else(|| preset_as(Field::ContentCapture))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::settings::Settings;

    #[test]
    fn a_layer_without_a_configuration_withholds_as_much() {
        let media: Media = preset_as(Field::ContentMedia);
        let rows = Policy::new(preset_as(Field::ContentCapture))
            .with_media(media == Media::Keep)
            .with_max_bytes(preset_as(Field::ContentAttrMaxBytes));
        assert_eq!(rows, Policy::default());
        assert_eq!(Settings::default().policy, rows);
    }
}
