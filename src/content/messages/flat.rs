//! Messages spread over many attributes, as OpenLLMetry and OpenInference write them.
//!
//! `gen_ai.prompt.0.role`, `gen_ai.completion.0.tool_calls.0.name`,
//! `llm.input_messages.0.message.content`: a path of names and indexes below a prefix.

use std::collections::BTreeMap;

use super::{Shape, shape_node};
use crate::content::json::{Node, Text};

/// The flattened `entries` of one attribute in the attribute's shape; `None` if no key has an index.
pub(crate) fn unflatten(content: Shape, entries: &[(&str, &str)]) -> Option<String> {
    let mut root = Branch::default();
    for (key, value) in entries {
        let mut path = key.split('.').skip_while(|segment| !is_index(segment)).peekable();
        if path.peek().is_some() && path.clone().count() <= MAX_DEPTH {
            root.insert(path, value);
        }
    }
    if root.children.is_empty() {
        return None;
    }
    let node = root.into_node("");
    let text = node.to_json();
    Some(shape_node(content, &node, &text).0.to_json())
}

/// Levels of one key that are followed.
const MAX_DEPTH: usize = 32;

/// Segments of OpenInference that only say what kind of thing they hold.
const WRAPPERS: &[&str] =
    &["message", "message_content", "tool_call", "tool", "document", "prompt", "completion"];

/// Members whose text is JSON in either convention.
const JSON: &[&str] = &["json_schema", "metadata", "parameters", "arguments", "input_schema"];

#[derive(Default)]
struct Branch<'t> {
    value: Option<&'t str>,
    children: BTreeMap<Segment<'t>, Branch<'t>>,
}

#[derive(Eq, Ord, PartialEq, PartialOrd)]
enum Segment<'t> {
    Index(u64),
    Name(&'t str),
}

fn is_index(segment: &str) -> bool {
    segment.parse::<u64>().is_ok()
}

impl<'t> Branch<'t> {
    fn insert<'k: 't>(&mut self, path: impl Iterator<Item = &'k str>, value: &'t str) {
        let mut branch = self;
        for segment in path {
            let segment = match segment.parse() {
                Ok(index) => Segment::Index(index),
                Err(_) => Segment::Name(segment),
            };
            branch = branch.children.entry(segment).or_default();
        }
        branch.value = Some(value);
    }

    fn into_node(mut self, name: &str) -> Node<'t> {
        if self.children.is_empty() {
            return self.value.map_or(Node::Null, |value| leaf(name, value));
        }
        if self.children.keys().all(|segment| matches!(segment, Segment::Index(_))) {
            return Node::Array(
                self.children.into_values().map(|child| child.into_node(name)).collect(),
            );
        }
        if self.children.len() == 1 {
            let wrapped = self
                .children
                .keys()
                .any(|segment| matches!(segment, Segment::Name(name) if WRAPPERS.contains(name)));
            if wrapped && let Some((Segment::Name(name), inner)) = self.children.pop_first() {
                return inner.into_node(name);
            }
        }
        let mut members = Vec::new();
        for (segment, child) in self.children {
            let name = match segment {
                Segment::Index(_) => continue,
                Segment::Name("contents") => "content",
                Segment::Name(name) => name,
            };
            let node = child.into_node(name);
            match (name, node) {
                // A tool's whole definition as JSON text.
                ("json_schema", Node::Object(schema)) => members.extend(schema),
                (_, node) => members.push((Text::plain(name), node)),
            }
        }
        Node::Object(members)
    }
}

fn leaf<'t>(name: &str, value: &'t str) -> Node<'t> {
    let is_block = |item: &Node<'_>| item.text_of("type").is_some();
    let parsed = match name {
        "score" => Node::parse(value).filter(|node| matches!(node, Node::Number(_))),
        // OpenLLMetry writes content blocks as JSON text.
        "content" => Node::parse(value)
            .filter(|node| node.as_array().is_some_and(|items| items.iter().all(is_block))),
        name if JSON.contains(&name) => Node::parse(value).filter(Node::is_container),
        _ => None,
    };
    parsed.unwrap_or_else(|| Node::text(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flattened_messages_are_read() {
        let openllmetry = [
            ("gen_ai.prompt.0.role", "user"),
            ("gen_ai.prompt.0.content", "hi"),
            ("gen_ai.prompt.1.role", "assistant"),
            ("gen_ai.prompt.1.tool_calls.0.id", "c1"),
            ("gen_ai.prompt.1.tool_calls.0.name", "w"),
            ("gen_ai.prompt.1.tool_calls.0.arguments", r#"{"a":1}"#),
            ("gen_ai.prompt.2.role", "tool"),
            ("gen_ai.prompt.2.tool_call_id", "c1"),
            ("gen_ai.prompt.2.content", "sunny"),
        ];
        let openinference = [
            ("llm.input_messages.0.message.role", "user"),
            ("llm.input_messages.0.message.contents.0.message_content.type", "text"),
            ("llm.input_messages.0.message.contents.0.message_content.text", "hi"),
            ("llm.input_messages.1.message.role", "assistant"),
            ("llm.input_messages.1.message.tool_calls.0.tool_call.id", "c1"),
            ("llm.input_messages.1.message.tool_calls.0.tool_call.function.name", "w"),
            (
                "llm.input_messages.1.message.tool_calls.0.tool_call.function.arguments",
                r#"{"a":1}"#,
            ),
            ("llm.input_messages.2.message.role", "tool"),
            ("llm.input_messages.2.message.tool_call_id", "c1"),
            ("llm.input_messages.2.message.content", "sunny"),
        ];
        let expected = concat!(
            r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]},"#,
            r#"{"role":"assistant","parts":[{"type":"tool_call","id":"c1","name":"w","arguments":{"a":1}}]},"#,
            r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"c1","response":"sunny"}]}]"#,
        );
        assert_eq!(unflatten(Shape::InputMessages, &openllmetry).as_deref(), Some(expected));
        assert_eq!(unflatten(Shape::InputMessages, &openinference).as_deref(), Some(expected));
    }

    #[test]
    fn other_flattened_content_is_read() {
        assert_eq!(
            unflatten(
                Shape::OutputMessages,
                &[
                    ("gen_ai.completion.0.content", "ho"),
                    ("gen_ai.completion.0.role", "assistant"),
                    ("gen_ai.completion.0.finish_reason", "length"),
                ]
            )
            .as_deref(),
            Some(
                r#"[{"role":"assistant","parts":[{"type":"text","content":"ho"}],"finish_reason":"length"}]"#
            )
        );
        assert_eq!(
            unflatten(
                Shape::ToolDefinitions,
                &[(
                    "llm.tools.0.tool.json_schema",
                    r#"{"type":"function","function":{"name":"w"}}"#
                )]
            )
            .as_deref(),
            Some(r#"[{"type":"function","name":"w"}]"#)
        );
        assert_eq!(
            unflatten(
                Shape::RetrievalDocuments,
                &[
                    ("retrieval.documents.0.document.id", "d"),
                    ("retrieval.documents.0.document.score", "0.5"),
                    ("retrieval.documents.0.document.content", "x"),
                ]
            )
            .as_deref(),
            Some(r#"[{"id":"d","score":0.5,"content":"x"}]"#)
        );
        assert_eq!(unflatten(Shape::InputMessages, &[("gen_ai.prompt", "hi")]), None);
        let far = [("gen_ai.prompt.18446744073709551615.content", "hi")];
        assert_eq!(
            unflatten(Shape::InputMessages, &far).as_deref(),
            Some(r#"[{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#)
        );
    }
}
