//! The event table: what GenAI events are called, and what their fields hold.

use super::Shape;
use super::aliases::NAMESPACE;

/// What an event of the conventions says.
#[derive(Debug)]
pub(crate) enum EventKind {
    /// One message of a role.
    Message(&'static str),
    Choice,
    /// A whole prompt or completion under one of these fields.
    Content(Shape, &'static [&'static str]),
    /// The event that replaced the others: fields named like the attributes.
    Details,
}

const EVENTS: &[(&str, EventKind)] = &[
    ("gen_ai.system.message", EventKind::Message("system")),
    ("gen_ai.user.message", EventKind::Message("user")),
    ("gen_ai.assistant.message", EventKind::Message("assistant")),
    ("gen_ai.tool.message", EventKind::Message("tool")),
    ("gen_ai.choice", EventKind::Choice),
    (
        "gen_ai.content.prompt",
        EventKind::Content(
            Shape::InputMessages,
            &["gen_ai.prompt", "content", "gen_ai.event.content", "body", "prompt"],
        ),
    ),
    (
        "gen_ai.content.completion",
        EventKind::Content(
            Shape::OutputMessages,
            &["gen_ai.completion", "content", "gen_ai.event.content", "body", "completion"],
        ),
    ),
    ("gen_ai.client.inference.operation.details", EventKind::Details),
];

impl EventKind {
    /// What the event of this name says; `None` for one that is in no row.
    pub(crate) fn of(name: &str) -> Option<&'static Self> {
        EVENTS.iter().find(|(event, _)| *event == name).map(|(_, kind)| kind)
    }
}

/// Whether an event is one of ours, of whatever version of the conventions.
pub(crate) fn is_our_event(name: &str) -> bool {
    name.starts_with(NAMESPACE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_is_one_of_ours() {
        for (name, _) in EVENTS {
            assert!(is_our_event(name) && EventKind::of(name).is_some(), "{name}");
        }
        assert!(!is_our_event("exception"));
    }
}
