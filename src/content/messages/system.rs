//! System instructions: a list of parts.

use super::message::{self, Side};
use super::part;
use crate::content::json::Node;

/// The instructions in `node`: text, parts, a system message, or a whole request.
pub(super) fn instructions<'a>(node: &Node<'a>) -> Vec<Node<'a>> {
    read(node).unwrap_or_else(|| part::parts(node, true))
}

/// As [`instructions`], or `None` if nothing in `node` looks like instructions.
pub(super) fn read<'a>(node: &Node<'a>) -> Option<Vec<Node<'a>>> {
    const HELD: [&str; 6] =
        ["system", "systemInstruction", "system_instruction", "instructions", "parts", "preamble"];
    match node {
        Node::Null => Some(Vec::new()),
        Node::Array(items) => {
            // A part of somebody's own may have a role too.
            let is_message = |item: &Node<'_>| {
                item.text_of("role").is_some()
                    && (item.text_of("type").is_none() || message::is_message_type(item))
            };
            if items.iter().any(is_message)
                && let Some(messages) = message::read(node, Side::Input)
            {
                return Some(messages.into_iter().flat_map(|message| message.parts).collect());
            }
            let found: Vec<_> = items.iter().map(one).collect();
            let understood = items.is_empty() || found.iter().any(Option::is_some);
            understood.then(|| {
                let both = found.into_iter().zip(items);
                both.flat_map(|(found, item)| found.unwrap_or_else(|| part::parts(item, true)))
                    .collect()
            })
        }
        Node::Object(_) => {
            if let Some(held) = node.first(&HELD) {
                return Some(instructions(held));
            }
            if let Some(found) = message::message(node, Side::Input) {
                return Some(found.parts);
            }
            if node.first(&["messages", "contents", "input"]).is_some() {
                let is_system = |role: &str| matches!(role, "system" | "developer");
                let messages = message::read(node, Side::Input)?;
                let system = messages.into_iter().filter(|message| is_system(&message.role));
                return Some(system.flat_map(|message| message.parts).collect());
            }
            one(node)
        }
        _ => None,
    }
}

fn one<'a>(item: &Node<'a>) -> Option<Vec<Node<'a>>> {
    match item {
        Node::String(text) => Some(vec![part::text(text.clone())]),
        // Parts of the convention stand here without a message around them, so that an unknown
        // type may be somebody's own.
        Node::Object(_) => part::part(item, false),
        _ => None,
    }
}
