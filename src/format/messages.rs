//! Messages in the shape of the conventions, borrowed from the attribute they stand in.
//!
//! One pass finds messages, parts and members; values stay JSON text until somebody wants them.
//! Nesting inside a value is skipped, not walked, so depth costs neither stack nor memory.

use std::borrow::Cow;
use std::collections::HashMap;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::json::{Object, text_of, write};

/// `{role, parts, name?, finish_reason?}`
#[derive(Debug, Default)]
pub(super) struct Message<'a> {
    pub(super) role: Option<Cow<'a, str>>,
    pub(super) name: Option<Cow<'a, str>>,
    pub(super) finish_reason: Option<Cow<'a, str>>,
    pub(super) parts: Vec<Part<'a>>,
}

/// One part: its type, and its members as they stand.
#[derive(Debug)]
pub(super) struct Part<'a> {
    pub(super) kind: Kind,
    members: Vec<(Text<'a>, &'a RawValue)>,
}

/// The part types of the conventions that a format has words for.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Text,
    Reasoning,
    ToolCall,
    ToolCallResponse,
    Uri,
    Blob,
    /// `file`, `compaction`, `server_tool_call`, …: told as JSON.
    Other,
}

/// Reads `gen_ai.input.messages` or `gen_ai.output.messages`.
pub(super) fn messages(json: &str) -> Option<Vec<Message<'_>>> {
    serde_json::from_str(json).ok()
}

/// Reads `gen_ai.system_instructions`: a list of parts.
pub(super) fn parts(json: &str) -> Option<Vec<Part<'_>>> {
    serde_json::from_str(json).ok()
}

/// System instructions as a list of parts: text that is no such list is one text part.
pub(super) fn as_parts(system: String) -> String {
    if parts(&system).is_some() { system } else { one_text(system) }
}

/// The same by the first character only: what begins like a list and is none stays as it is.
pub(super) fn as_list(system: String) -> String {
    if system.trim_start().starts_with('[') { system } else { one_text(system) }
}

fn one_text(system: String) -> String {
    let text = serde_json::from_str::<String>(&system).unwrap_or(system);
    let mut part = Object::default();
    part.text("type", Some(Cow::Borrowed("text")));
    part.text("content", Some(Cow::Owned(text)));
    write(&[part])
}

/// The system instructions, where the messages do not begin with the same words: rig, for one,
/// tells them in both places.
pub(super) fn untold<'s, 'a>(system: &'s [Part<'a>], messages: &[Message<'_>]) -> &'s [Part<'a>] {
    let first = messages.first().filter(|first| first.role.as_deref() == Some("system"));
    match (first.and_then(Message::text), text_of_parts(system)) {
        (Some(first), Some(text)) if first == text => &[],
        _ => system,
    }
}

/// Which tool a response answers: a response knows the call's id only.
pub(super) fn tool_names<'a>(messages: &[Message<'a>]) -> HashMap<Cow<'a, str>, Cow<'a, str>> {
    messages
        .iter()
        .flat_map(|message| message.of_kind(Kind::ToolCall))
        .filter_map(|part| part.text("id").zip(part.text("name")))
        .collect()
}

/// Reads a list of objects: `gen_ai.tool.definitions`, `gen_ai.retrieval.documents`.
pub(super) fn objects(json: &str) -> Option<Vec<Part<'_>>> {
    parts(json)
}

impl<'a> Message<'a> {
    /// The text of a message that is one text part and nothing else.
    pub(super) fn only_text(&self) -> Option<Cow<'a, str>> {
        match self.parts.as_slice() {
            [part] if part.kind == Kind::Text => part.content(),
            _ => None,
        }
    }

    /// All text parts, joined.
    pub(super) fn text(&self) -> Option<Cow<'a, str>> {
        joined(self.parts.iter().filter(|part| part.kind == Kind::Text))
    }

    /// All reasoning parts, joined.
    pub(super) fn reasoning(&self) -> Option<Cow<'a, str>> {
        joined(self.parts.iter().filter(|part| part.kind == Kind::Reasoning))
    }

    pub(super) fn of_kind(&self, kind: Kind) -> impl Iterator<Item = &Part<'a>> {
        self.parts.iter().filter(move |part| part.kind == kind)
    }

    pub(super) fn has(&self, kind: Kind) -> bool {
        self.parts.iter().any(|part| part.kind == kind)
    }
}

/// The text parts of some parts, joined.
pub(super) fn text_of_parts<'a>(parts: &[Part<'a>]) -> Option<Cow<'a, str>> {
    joined(parts.iter().filter(|part| part.kind == Kind::Text))
}

fn joined<'a, 'p>(parts: impl Iterator<Item = &'p Part<'a>>) -> Option<Cow<'a, str>>
where
    'a: 'p,
{
    let mut texts = parts.filter_map(Part::content);
    let first = texts.next()?;
    let Some(second) = texts.next() else { return Some(first) };
    let mut all = first.into_owned();
    all.push_str(&second);
    texts.for_each(|text| all.push_str(&text));
    Some(Cow::Owned(all))
}

impl<'a> Part<'a> {
    pub(super) fn raw(&self, key: &str) -> Option<&'a RawValue> {
        let (_, raw) = self.members.iter().find(|(name, _)| name.0 == key)?;
        (raw.get() != "null").then_some(*raw)
    }

    /// A member as text: a string's content, anything else as JSON.
    pub(super) fn text(&self, key: &str) -> Option<Cow<'a, str>> {
        self.raw(key).and_then(text_of)
    }

    pub(super) fn content(&self) -> Option<Cow<'a, str>> {
        self.text("content")
    }

    /// The value of `type`.
    pub(super) fn type_name(&self) -> Option<Cow<'a, str>> {
        self.text("type")
    }

    pub(super) fn members(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.members.iter().map(|(name, raw)| (&*name.0, *raw))
    }

    /// The part as JSON, as it was written.
    pub(super) fn to_json(&self) -> String {
        let mut object = Object::default();
        for (name, raw) in self.members() {
            object.raw(name, Some(raw));
        }
        write(&object)
    }

    /// The address of a picture or sound: the uri, or the data as a `data:` URI.
    pub(super) fn url(&self) -> Option<Cow<'a, str>> {
        match self.kind {
            Kind::Uri => self.text("uri"),
            Kind::Blob => {
                let content = self.content().filter(|content| !content.is_empty())?;
                let mime =
                    self.text("mime_type").unwrap_or(Cow::Borrowed("application/octet-stream"));
                Some(Cow::Owned(format!("data:{mime};base64,{content}")))
            }
            _ => None,
        }
    }

    /// `image`, `audio`, `video`, from `modality` or the mime type.
    pub(super) fn modality(&self) -> Option<Cow<'a, str>> {
        self.text("modality").or_else(|| {
            let mime = self.text("mime_type")?;
            let end = mime.find('/')?;
            Some(Cow::Owned(mime[..end].to_owned()))
        })
    }

    /// Tool call arguments as a JSON string; `{}` when there are none.
    pub(super) fn arguments(&self) -> Cow<'a, str> {
        self.text("arguments").unwrap_or(Cow::Borrowed("{}"))
    }
}

/// A string that borrows from the JSON unless it has an escape.
#[derive(Debug)]
struct Text<'a>(Cow<'a, str>);

impl<'de> Deserialize<'de> for Text<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct TextVisitor;
        impl<'de> Visitor<'de> for TextVisitor {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        deserializer.deserialize_str(TextVisitor)
    }
}

impl<'de> Deserialize<'de> for Message<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MessageVisitor;
        impl<'de> Visitor<'de> for MessageVisitor {
            type Value = Message<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a message")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut message = Message::default();
                while let Some(Text(key)) = map.next_key()? {
                    match &*key {
                        "role" => message.role = text_of(map.next_value()?),
                        "name" => message.name = text_of(map.next_value()?),
                        "finish_reason" => message.finish_reason = text_of(map.next_value()?),
                        "parts" => message.parts = map.next_value()?,
                        _ => {
                            map.next_value::<&RawValue>()?;
                        }
                    }
                }
                Ok(message)
            }
        }
        deserializer.deserialize_map(MessageVisitor)
    }
}

impl<'de> Deserialize<'de> for Part<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct PartVisitor;
        impl<'de> Visitor<'de> for PartVisitor {
            type Value = Part<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut part = Part { kind: Kind::Other, members: Vec::with_capacity(4) };
                while let Some((key, raw)) = map.next_entry::<Text<'de>, &'de RawValue>()? {
                    if key.0 == "type" {
                        part.kind = KINDS
                            .iter()
                            .find(|(json, _)| *json == raw.get())
                            .map_or(Kind::Other, |(_, kind)| *kind);
                    }
                    part.members.push((key, raw));
                }
                Ok(part)
            }
        }
        deserializer.deserialize_map(PartVisitor)
    }
}

static KINDS: &[(&str, Kind)] = &[
    (r#""text""#, Kind::Text),
    (r#""reasoning""#, Kind::Reasoning),
    (r#""tool_call""#, Kind::ToolCall),
    (r#""tool_call_response""#, Kind::ToolCallResponse),
    (r#""uri""#, Kind::Uri),
    (r#""blob""#, Kind::Blob),
];
