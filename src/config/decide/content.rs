//! The content policy out of its keys.

use super::resolve::{Effective, Stack};
use crate::config::say::keys::{Field, Key};
use crate::config::say::value::Value;
use crate::policy::{ContentCapture, ErrorText, Policy};
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
    let mut policy = Policy::new(ContentCapture::Off);
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
    if let Some(Value::Choice(level)) = value(stack.general(Field::ErrorText)) {
        policy = policy.with_error_text(match level {
            "full" => ErrorText::Full,
            "scrubbed" => ErrorText::Scrubbed,
            _ => ErrorText::TypeOnly,
        });
    }
    if let Some(Value::Choice(media)) = value(stack.general(Field::ContentMedia)) {
        policy = policy.with_media(media == "keep");
    }
    if let Some(Value::Int(bytes)) = value(stack.general(Field::ContentAttrMaxBytes)) {
        policy = policy.with_max_bytes(u32::try_from(bytes).unwrap_or(u32::MAX));
    }
    policy
}

fn capture(stack: &mut Stack<'_>, keys: &[Key]) -> ContentCapture {
    match value(stack.first_of(keys)) {
        Some(Value::Choice("full")) => ContentCapture::Full,
        _ => ContentCapture::Off,
    }
}

fn value(effective: Option<Effective>) -> Option<Value> {
    effective.map(|effective| effective.value)
}
