//! The retired per-message events, as pieces of the span's messages.

use super::message::{self, Message, Side};
use super::{Shape, finished, shape};
use crate::content::json::{Node, Text};
use crate::semconv::EventKind;
use crate::semconv::{Class, is_our_event};

/// What one event says, as JSON arrays to append to the span's content; `None` for other events.
///
/// The fields may be the members of a message, or one field `body` (or `gen_ai.event.content`) that
/// holds them as JSON.
pub(crate) fn from_event(name: &str, fields: &[(&str, &str)]) -> Option<Vec<(Shape, String)>> {
    let kind = EventKind::of(name)?;
    let of =
        |key: &str| fields.iter().rev().find(|(field, _)| *field == key).map(|(_, text)| *text);
    Some(match kind {
        EventKind::Message(role) => {
            let node = event_body(fields, Some(role));
            match message::message(&node, Side::Input) {
                Some(found) if *role == "system" => {
                    vec![(Shape::SystemInstructions, Node::Array(found.parts).to_json())]
                }
                Some(found) => vec![(Shape::InputMessages, one(Side::Input, found))],
                None => Vec::new(),
            }
        }
        EventKind::Choice => {
            let node = event_body(fields, None);
            let found = message::choice(&node);
            found
                .map(|found| (Shape::OutputMessages, one(Side::Output, found)))
                .into_iter()
                .collect()
        }
        EventKind::Content(content, keys) => keys
            .iter()
            .find_map(|key| of(key))
            .map(|text| (*content, shape(*content, text).json.into_owned()))
            .into_iter()
            .collect(),
        EventKind::Details => DETAILS
            .iter()
            .filter_map(|(key, content)| {
                of(key).map(|text| (*content, shape(*content, text).json.into_owned()))
            })
            .collect(),
    })
}

/// Whose words the message and the fields of an event are, by the event's name. Empty for events
/// that are not of the conventions.
pub(crate) fn said_by(name: &str) -> &'static [Class] {
    if !is_our_event(name) {
        return &[];
    }
    match EventKind::of(name) {
        Some(EventKind::Message("system")) => &[Class::System],
        Some(EventKind::Message(_) | EventKind::Content(Shape::InputMessages, _)) => {
            &[Class::Input]
        }
        Some(EventKind::Choice | EventKind::Content(Shape::OutputMessages, _)) => &[Class::Output],
        _ => ANYBODY,
    }
}

/// Whose words they may be where the name of an event does not tell.
pub(crate) const ANYBODY: &[Class] = &[Class::Input, Class::Output];

const DETAILS: &[(&str, Shape)] = &[
    ("gen_ai.system_instructions", Shape::SystemInstructions),
    ("gen_ai.input.messages", Shape::InputMessages),
    ("gen_ai.output.messages", Shape::OutputMessages),
    ("gen_ai.tool.definitions", Shape::ToolDefinitions),
];

fn one(side: Side, message: Message<'_>) -> String {
    finished(side, vec![message]).0.to_json()
}

/// The members of an event as one object, with the role its name gives.
fn event_body<'a>(fields: &[(&str, &'a str)], role: Option<&'static str>) -> Node<'a> {
    const BODY: [&str; 3] = ["body", "gen_ai.event.content", "event.body"];
    const MEMBERS: [&str; 13] = [
        "role",
        "content",
        "name",
        "tool_calls",
        "id",
        "tool_call_id",
        "index",
        "finish_reason",
        "message",
        "text",
        "refusal",
        "parts",
        "function_call",
    ];
    let mut members = Vec::new();
    for (key, text) in fields {
        if BODY.contains(key) {
            match Node::parse(text) {
                Some(Node::Object(held)) => members.extend(held),
                Some(_) => {}
                None => members.push((Text::word("content"), Node::text(*text))),
            }
        }
    }
    for (key, text) in fields {
        let key = key.strip_prefix("gen_ai.").unwrap_or(key);
        let key = key.strip_prefix("message.").unwrap_or(key);
        if let Some(key) = MEMBERS.iter().find(|member| **member == key) {
            members.push((Text::word(key), field(key, text)));
        }
    }
    if let Some(role) = role {
        // An event's name is what counts, unless the body narrows it (`developer` for `system`).
        let stated = members.iter().any(|(key, _)| key.is("role"));
        if !stated {
            members.insert(0, (Text::word("role"), Node::text(role)));
        }
        if role == "tool" {
            members.retain(|(key, _)| !key.is("role"));
            members.insert(0, (Text::word("role"), Node::text(role)));
        }
        if !members
            .iter()
            .any(|(key, _)| key.is("content") || key.is("tool_calls") || key.is("parts"))
        {
            members.push((Text::word("content"), Node::Array(Vec::new())));
        }
    }
    Node::Object(members)
}

/// A field's value: structured fields hold JSON, the others text.
fn field<'a>(key: &str, text: &'a str) -> Node<'a> {
    let structured =
        matches!(key, "tool_calls" | "message" | "content" | "parts" | "function_call");
    Node::parse(text)
        .filter(|node| structured && (node.is_container() || matches!(node, Node::String(_))))
        .or_else(|| super::debug::parse(text).filter(|node| structured && *node != Node::Null))
        .unwrap_or_else(|| Node::text(text))
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn events_become_messages() {
        type Case = (&'static str, &'static [(&'static str, &'static str)], Pieces);
        type Pieces = &'static [(Shape, &'static str)];
        let cases: &[Case] = &[
            (
                "gen_ai.system.message",
                &[("content", "be nice"), ("gen_ai.system", "openai")],
                &[(Shape::SystemInstructions, r#"[{"type":"text","content":"be nice"}]"#)],
            ),
            (
                "gen_ai.user.message",
                &[("body", r#"{"content":"hi","role":"user"}"#)],
                &[(
                    Shape::InputMessages,
                    r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#,
                )],
            ),
            (
                "gen_ai.tool.message",
                &[("id", "c1"), ("content", "sunny")],
                &[(
                    Shape::InputMessages,
                    r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"sunny"}]}]"#,
                )],
            ),
            (
                "gen_ai.assistant.message",
                &[(
                    "tool_calls",
                    r#"[{"id":"c1","type":"function","function":{"name":"w","arguments":"{\"a\":1}"}}]"#,
                )],
                &[(
                    Shape::InputMessages,
                    r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"a":1}}]}]"#,
                )],
            ),
            (
                "gen_ai.choice",
                &[
                    ("index", "0"),
                    ("finish_reason", "tool_calls"),
                    ("message", r#"{"role":"assistant","content":"x"}"#),
                ],
                &[(
                    Shape::OutputMessages,
                    r#"[{"role":"assistant","parts":[{"type":"text","content":"x"}],"finish_reason":"tool_call"}]"#,
                )],
            ),
            (
                "gen_ai.content.completion",
                &[("gen_ai.completion", r#"[{"role":"assistant","content":"x"}]"#)],
                &[(
                    Shape::OutputMessages,
                    r#"[{"role":"assistant","parts":[{"type":"text","content":"x"}],"finish_reason":"stop"}]"#,
                )],
            ),
            (
                "gen_ai.client.inference.operation.details",
                &[("gen_ai.input.messages", "hi"), ("gen_ai.output.messages", "ho")],
                &[
                    (
                        Shape::InputMessages,
                        r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#,
                    ),
                    (
                        Shape::OutputMessages,
                        r#"[{"role":"assistant","parts":[{"type":"text","content":"ho"}],"finish_reason":"stop"}]"#,
                    ),
                ],
            ),
        ];
        for (name, fields, expected) in cases {
            let found = from_event(name, fields).unwrap();
            let found: Vec<_> = found.iter().map(|(shape, json)| (*shape, json.as_str())).collect();
            assert_eq!(&found, expected, "{name}");
        }
        assert_eq!(from_event("exception", &[("content", "x")]), None);
    }
}
