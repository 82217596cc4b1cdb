//! `input.value` and `output.value`: what went into a step and what came out, in one attribute.

use std::borrow::Cow;

use super::super::facts::Facts;
use super::hide::{Hide, REDACTED};
use super::kind::Kind;
use super::texts::{Read, Texts};
use crate::content::json::{Node, Text};
use crate::content::messages::append;
use crate::content::messages::conversation::{Message, PartKind, to_json};

/// A value and whether it is JSON.
type Said<'a> = (Cow<'a, str>, bool);

/// Attributes this file may add to a span.
pub(super) const COUNT: usize = 5;

/// Writes both values with their mime types, unless the application did.
///
/// A value made of messages is withheld as a whole when any setting withholds a part of them.
pub(super) fn put(
    facts: &mut Facts,
    kind: Option<Kind>,
    text: &Texts,
    read: &Read<'_>,
    hide: &Hide,
) {
    let input = input(kind, text, read);
    let output = output(kind, text, read);
    for (said, value_key, mime_key, hidden) in [
        (input, "input.value", "input.mime_type", hide.hides_input_messages()),
        (output, "output.value", "output.mime_type", hide.hides_output_messages()),
    ] {
        let Some(((value, json), from_messages)) = said else { continue };
        if facts.is_set(value_key) {
            continue;
        }
        if from_messages && hidden {
            facts.put(value_key, REDACTED);
            continue;
        }
        facts.put(value_key, value.into_owned());
        facts.put(mime_key, if json { "application/json" } else { "text/plain" });
    }
}

/// The value and whether it was made of messages.
fn input<'a>(kind: Option<Kind>, text: &'a Texts, read: &Read<'a>) -> Option<(Said<'a>, bool)> {
    let messages = || match kind {
        Some(Kind::Embedding) => read.input.as_deref().and_then(embedded),
        Some(Kind::Llm | Kind::Completion) | None => conversation(text, read),
        _ => last_text(read.input.as_deref(), "user").or_else(|| conversation(text, read)),
    };
    let own = [&text.arguments, &text.query, &text.memory_query];
    let own = || own.into_iter().find_map(|text| text.as_deref().map(sniffed));
    match kind {
        Some(Kind::Llm | Kind::Completion | Kind::Embedding | Kind::Agent | Kind::Chain) | None => {
            messages().map(|said| (said, true)).or_else(|| own().map(|said| (said, false)))
        }
        _ => own().map(|said| (said, false)).or_else(|| messages().map(|said| (said, true))),
    }
}

fn output<'a>(kind: Option<Kind>, text: &'a Texts, read: &Read<'a>) -> Option<(Said<'a>, bool)> {
    let messages = || match kind {
        Some(Kind::Llm | Kind::Completion) | None => {
            whole(text.output.as_deref(), read.output.is_some())
        }
        _ => last_text(read.output.as_deref(), "assistant")
            .or_else(|| whole(text.output.as_deref(), read.output.is_some())),
    };
    let own = [&text.result, &text.documents, &text.memory_records];
    let own = || own.into_iter().find_map(|text| text.as_deref().map(sniffed));
    match kind {
        Some(Kind::Tool | Kind::Retriever | Kind::Reranker) => {
            own().map(|said| (said, false)).or_else(|| messages().map(|said| (said, true)))
        }
        _ => messages().map(|said| (said, true)).or_else(|| own().map(|said| (said, false))),
    }
}

/// The whole prompt as messages of the conventions, the system instructions the first of them:
/// backends that show this value before anything else then show all of it.
fn conversation<'a>(text: &'a Texts, read: &Read<'a>) -> Option<Said<'a>> {
    if read.system.is_empty() {
        return whole(text.input.as_deref(), read.input.is_some());
    }
    let input = match text.input.as_deref() {
        // A list that nobody could read is no list to put a message in front of.
        Some(input) if read.input.is_none() => return Some(sniffed(input)),
        input => input.unwrap_or("[]"),
    };
    let system = [r#"[{"role":"system","parts":"#, &to_json(&read.system), "}]"].concat();
    Some((Cow::Owned(append(&system, input)), true))
}

/// The last message of a role, if it is one text.
fn last_text<'a>(messages: Option<&[Message<'a>]>, role: &str) -> Option<Said<'a>> {
    let last = messages?.iter().rev().find(|message| message.has_role(role))?;
    Some((last.only_text()?.into_plain(), false))
}

/// What was embedded: one text as it is, several as a JSON list.
fn embedded<'a>(messages: &[Message<'a>]) -> Option<Said<'a>> {
    let mut texts: Vec<Text<'a>> = messages
        .iter()
        .flat_map(|message| message.of_kind(PartKind::Text))
        .filter_map(|part| part.content())
        .collect();
    match texts.len() {
        0 => None,
        1 => texts.pop().map(|text| (text.into_plain(), false)),
        _ => {
            let list = Node::Array(texts.into_iter().map(Node::String).collect());
            Some((Cow::Owned(list.to_json()), true))
        }
    }
}

/// An attribute as it stands; one that was read is known to be JSON.
fn whole(text: Option<&str>, is_read: bool) -> Option<Said<'_>> {
    text.map(|text| if is_read { (Cow::Borrowed(text), true) } else { sniffed(text) })
}

/// Text is told as it is, not as a string of JSON.
fn sniffed(text: &str) -> Said<'_> {
    match Node::parse(text) {
        Some(Node::String(said)) => (said.into_plain(), false),
        Some(node) => (Cow::Borrowed(text), node.is_container()),
        None => (Cow::Borrowed(text), false),
    }
}
