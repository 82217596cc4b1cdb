//! Messages and parts in the shape of the conventions, as [`shape`](super::shape) leaves them:
//! what formats read. An attribute is read once, and what is read borrows from its text.

use std::collections::HashMap;

use crate::content::json::{Node, Text};

/// `{role, parts, name?, finish_reason?}`
#[derive(Debug, Default)]
pub(crate) struct Message<'a> {
    pub(crate) role: Option<Text<'a>>,
    pub(crate) name: Option<Text<'a>>,
    pub(crate) finish_reason: Option<Text<'a>>,
    pub(crate) parts: Vec<Part<'a>>,
}

/// One part: its type, and its members as they stand.
#[derive(Debug)]
pub(crate) struct Part<'a> {
    pub(crate) kind: PartKind,
    node: Node<'a>,
}

/// The part types of the conventions that a format has words for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum PartKind {
    Text,
    Reasoning,
    ToolCall,
    ToolCallResponse,
    Uri,
    Blob,
    /// `file`, `compaction`, `server_tool_call`, …: told as JSON.
    Other,
}

impl PartKind {
    /// The kind of a part in the shape of the conventions.
    pub(super) fn of(part: &Node<'_>) -> Self {
        let word = part.text_of("type");
        let row = word.and_then(|word| KINDS.iter().find(|(known, _)| word.is(known)));
        row.map_or(Self::Other, |(_, kind)| *kind)
    }
}

static KINDS: &[(&str, PartKind)] = &[
    ("text", PartKind::Text),
    ("reasoning", PartKind::Reasoning),
    ("tool_call", PartKind::ToolCall),
    ("tool_call_response", PartKind::ToolCallResponse),
    ("uri", PartKind::Uri),
    ("blob", PartKind::Blob),
];

static NO_ARGUMENTS: Node<'static> = Node::Object(Vec::new());

/// Reads `gen_ai.input.messages` or `gen_ai.output.messages`.
pub(crate) fn messages(json: &str) -> Option<Vec<Message<'_>>> {
    list(Node::parse(json)?, Message::of)
}

/// Reads a list of objects: `gen_ai.tool.definitions`, `gen_ai.retrieval.documents`.
pub(crate) fn objects(json: &str) -> Option<Vec<Node<'_>>> {
    list(Node::parse(json)?, |node| node.is_object().then_some(node))
}

/// Reads `gen_ai.system_instructions`: a list of parts. Any other text is one text part.
pub(crate) fn instructions(text: &str) -> Vec<Part<'_>> {
    let content = match Node::parse(text) {
        Some(Node::String(content)) => content,
        Some(node) => match list(node, Part::of) {
            Some(parts) => return parts,
            None => Text::plain(text),
        },
        None => Text::plain(text),
    };
    vec![Part { kind: PartKind::Text, node: super::part::text(content) }]
}

/// Parts as the JSON list they stand in.
pub(crate) fn to_json(parts: &[Part<'_>]) -> String {
    Node::Array(parts.iter().map(|part| part.node.clone()).collect()).to_json()
}

fn list<'a, T>(node: Node<'a>, of: fn(Node<'a>) -> Option<T>) -> Option<Vec<T>> {
    match node {
        Node::Array(items) => items.into_iter().map(of).collect(),
        _ => None,
    }
}

/// The system instructions, where the messages do not begin with the same words: rig, for one,
/// tells them in both places.
pub(crate) fn untold<'s, 'a>(system: &'s [Part<'a>], messages: &[Message<'_>]) -> &'s [Part<'a>] {
    let first = messages.first().filter(|first| first.has_role("system"));
    match (first.and_then(Message::text), text_of_parts(system)) {
        (Some(first), Some(text)) if first.decode() == text.decode() => &[],
        _ => system,
    }
}

/// Which tool a response answers: a response knows the call's id only.
pub(crate) fn tool_names<'a>(messages: &[Message<'a>]) -> HashMap<Text<'a>, Text<'a>> {
    messages
        .iter()
        .flat_map(|message| message.of_kind(PartKind::ToolCall))
        .filter_map(|part| part.id().zip(part.name()))
        .collect()
}

/// The text parts of some parts, joined.
pub(crate) fn text_of_parts<'a>(parts: &[Part<'a>]) -> Option<Text<'a>> {
    joined(parts, PartKind::Text)
}

fn joined<'a>(parts: &[Part<'a>], kind: PartKind) -> Option<Text<'a>> {
    Text::joined(parts.iter().filter(|part| part.kind == kind).filter_map(Part::content))
}

impl<'a> Message<'a> {
    fn of(node: Node<'a>) -> Option<Self> {
        let Node::Object(members) = node else { return None };
        let mut message = Self::default();
        for (key, value) in members {
            match key.raw() {
                "role" => message.role = value.into_text(),
                "name" => message.name = value.into_text(),
                "finish_reason" => message.finish_reason = value.into_text(),
                "parts" => message.parts = list(value, Part::of)?,
                _ => {}
            }
        }
        Some(message)
    }

    pub(crate) fn has_role(&self, role: &str) -> bool {
        self.role.as_ref().is_some_and(|text| text.is(role))
    }

    /// The text of a message that is one text part and nothing else.
    pub(crate) fn only_text(&self) -> Option<Text<'a>> {
        match self.parts.as_slice() {
            [part] if part.kind == PartKind::Text => part.content(),
            _ => None,
        }
    }

    /// All text parts, joined.
    pub(crate) fn text(&self) -> Option<Text<'a>> {
        text_of_parts(&self.parts)
    }

    /// All reasoning parts, joined.
    pub(crate) fn reasoning(&self) -> Option<Text<'a>> {
        joined(&self.parts, PartKind::Reasoning)
    }

    pub(crate) fn of_kind(&self, kind: PartKind) -> impl Iterator<Item = &Part<'a>> {
        self.parts.iter().filter(move |part| part.kind == kind)
    }

    pub(crate) fn has(&self, kind: PartKind) -> bool {
        self.of_kind(kind).next().is_some()
    }

    /// Whether the message only says what tools answered, which most formats tell one by one.
    pub(crate) fn is_answers(&self) -> bool {
        let answers = self.of_kind(PartKind::ToolCallResponse).count();
        answers > 0 && answers == self.parts.len()
    }
}

impl<'a> Part<'a> {
    fn of(node: Node<'a>) -> Option<Self> {
        node.is_object().then(|| Part { kind: PartKind::of(&node), node })
    }

    /// A member as text: what a string says, anything else as JSON.
    pub(crate) fn text(&self, key: &str) -> Option<Text<'a>> {
        self.node.text_at(key)
    }

    pub(crate) fn content(&self) -> Option<Text<'a>> {
        self.text("content")
    }

    pub(crate) fn id(&self) -> Option<Text<'a>> {
        self.text("id")
    }

    pub(crate) fn name(&self) -> Option<Text<'a>> {
        self.text("name")
    }

    /// The arguments of a tool call, an empty object when there are none.
    pub(crate) fn arguments(&self) -> &Node<'a> {
        self.node.get("arguments").unwrap_or(&NO_ARGUMENTS)
    }

    /// What a tool answered.
    pub(crate) fn response(&self) -> Option<&Node<'a>> {
        self.node.first(&["response", "result"])
    }

    /// The address of a picture or sound: the uri, or the data as a `data:` URI.
    pub(crate) fn url(&self) -> Option<Text<'a>> {
        match self.kind {
            PartKind::Uri => self.text("uri"),
            PartKind::Blob => {
                let content = self.content().filter(|content| !content.is_empty())?;
                let mime = self.text("mime_type").unwrap_or(Text::word("application/octet-stream"));
                Text::joined([Text::word("data:"), mime, Text::word(";base64,"), content])
            }
            _ => None,
        }
    }

    /// `image`, `audio`, `video`, from `modality` or the mime type.
    pub(crate) fn modality(&self) -> Option<Text<'a>> {
        self.text("modality").or_else(|| {
            let mime = self.text("mime_type")?.into_plain();
            let (family, _) = mime.split_once('/')?;
            Some(Text::plain(family.to_owned()))
        })
    }

    pub(crate) fn is_modality(&self, modality: &str) -> bool {
        self.modality().is_some_and(|text| text.is(modality))
    }

    /// The part as JSON.
    pub(crate) fn to_json(&self) -> String {
        self.node.to_json()
    }
}
