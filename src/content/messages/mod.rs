//! Content in the convention's shape.
//!
//! Programs record prompts, answers, tools and documents as they have them: as the JSON of the
//! provider they talk to, as plain text, or as `Debug` text. [`shape`] makes the structures of the
//! GenAI message schemas from all of these. It is pure work on text, linear in its length, that
//! never fails: what it cannot understand becomes one text part that holds the whole text, and
//! what is right already is returned as it is.
//!
//! * [`message`] knows messages, bodies and streams; [`part`] the blocks in them; [`system`],
//!   [`tools`] and [`documents`] the other content attributes.
//! * [`conversation`] reads what has the shape.
//! * [`debug`] reads Rust's `Debug` text, [`flat`] messages spread over many attributes, [`event`]
//!   the retired per-message events.
//! * [`json`](crate::content::json) is the borrowed tree they all work on.

#[cfg_attr(not(feature = "init"), expect(dead_code, reason = "formats read by it"))]
pub(crate) mod conversation;
mod debug;
mod documents;
mod event;
mod finish;
mod flat;
mod message;
mod part;
mod system;
mod tools;

use std::borrow::Cow;

#[cfg(feature = "init")]
pub(crate) use event::ANYBODY;
pub(crate) use event::from_event;
pub(crate) use event::said_by;
pub(crate) use flat::unflatten;

use crate::content::json::{Node, Text};
pub(crate) use crate::semconv::Shape;
use message::{Message, Side};

/// Content that is valid by the schema of its attribute.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Shaped<'a> {
    pub(crate) json: Cow<'a, str>,
    /// One per output message in the words of the schema, if every message stated one; else empty.
    pub(crate) finish_reasons: Vec<String>,
}

/// Brings the text of a content attribute into the shape of its schema.
///
/// Shaping twice gives the same JSON as shaping once. The finish reasons may differ: one that was
/// inferred the first time stands in the message the second time.
pub(crate) fn shape(shape: Shape, text: &str) -> Shaped<'_> {
    match Node::parse(text) {
        Some(node) => {
            let (shaped, finish_reasons) = shape_node(shape, &node, text);
            let json =
                if shaped.same(&node) { Cow::Borrowed(text) } else { Cow::Owned(shaped.to_json()) };
            Shaped { json, finish_reasons }
        }
        None => {
            let node = debug::parse(text).unwrap_or(Node::Null);
            let found = (node != Node::Null).then(|| shape_node(shape, &node, text));
            let (shaped, finish_reasons) =
                found.unwrap_or_else(|| (not_understood(shape, text), Vec::new()));
            Shaped { json: Cow::Owned(shaped.to_json()), finish_reasons }
        }
    }
}

/// Joins two arrays that were shaped before.
pub(crate) fn append(first: &str, second: &str) -> String {
    fn inner(list: &str) -> &str {
        let list = list.trim();
        let items = list.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
        items.map_or(list, str::trim)
    }
    let (first, second) = (inner(first), inner(second));
    let comma = if first.is_empty() || second.is_empty() { "" } else { "," };
    ["[", first, comma, second, "]"].concat()
}

fn shape_node<'a>(shape: Shape, node: &Node<'a>, text: &'a str) -> (Node<'a>, Vec<String>) {
    if let Node::String(inner) = node
        && let Some(found) = shape_inner(shape, inner)
    {
        return found;
    }
    let found = match shape {
        Shape::InputMessages => messages(Side::Input, node),
        Shape::OutputMessages => messages(Side::Output, node),
        Shape::SystemInstructions => system::read(node).map(list),
        Shape::ToolDefinitions => tools::definitions(node).map(list),
        Shape::RetrievalDocuments => documents::documents(node).map(list),
        Shape::MemoryRecords => documents::memories(node).map(list),
        Shape::ToolCallArguments | Shape::ToolCallResult => Some((tools::any(node), Vec::new())),
    };
    found.unwrap_or_else(|| {
        let rest = match node {
            Node::String(inner) => of_text(shape, inner.clone()),
            _ => not_understood(shape, text),
        };
        (rest, Vec::new())
    })
}

/// A JSON string that holds JSON, or `Debug` text of a string that does.
fn shape_inner<'a>(shape: Shape, inner: &Text<'a>) -> Option<(Node<'a>, Vec<String>)> {
    if !matches!(inner.raw().trim_start().bytes().next(), Some(b'[' | b'{')) {
        return None;
    }
    let decoded = inner.decode();
    let node = Node::parse(&decoded)?;
    let (shaped, reasons) = shape_node(shape, &node, &decoded);
    Some((shaped.into_owned(), reasons))
}

fn list(items: Vec<Node<'_>>) -> (Node<'_>, Vec<String>) {
    (Node::Array(items), Vec::new())
}

fn messages<'a>(side: Side, node: &Node<'a>) -> Option<(Node<'a>, Vec<String>)> {
    message::read(node, side).map(|messages| finished(side, messages))
}

fn finished(side: Side, messages: Vec<Message<'_>>) -> (Node<'_>, Vec<String>) {
    let stated: Option<Vec<String>> = match side {
        Side::Input => None,
        Side::Output => {
            messages.iter().map(|message| message.finish.as_deref().map(str::to_owned)).collect()
        }
    };
    let nodes = messages.into_iter().map(|message| message.into_node(side)).collect();
    (Node::Array(nodes), stated.unwrap_or_default())
}

fn not_understood(shape: Shape, text: &str) -> Node<'_> {
    of_text(shape, Text::plain(text))
}

/// Plain text in the shape of an attribute.
fn of_text(shape: Shape, text: Text<'_>) -> Node<'_> {
    let items = match shape {
        Shape::InputMessages => {
            vec![Message::of_text(Side::Input, text).into_node(Side::Input)]
        }
        Shape::OutputMessages => {
            vec![Message::of_text(Side::Output, text).into_node(Side::Output)]
        }
        Shape::SystemInstructions => vec![part::text(text)],
        Shape::ToolDefinitions => vec![tools::unread(text)],
        Shape::RetrievalDocuments | Shape::MemoryRecords => {
            vec![Node::object([("content", Node::String(text))])]
        }
        Shape::ToolCallArguments | Shape::ToolCallResult => return Node::String(text),
    };
    Node::Array(items)
}

#[cfg(test)]
mod tests;
