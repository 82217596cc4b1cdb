//! Messages in the shape of OpenAI's chat API, which most backends can render.

use std::borrow::Cow;

use serde::Serialize;

use super::json::{Object, write};
use super::messages::{Kind, Message, Part, text_of_parts, tool_names, untold};

/// `{role, content, name?, reasoning_content?, tool_calls?, tool_call_id?}`
#[derive(Debug, Serialize)]
pub(super) struct ChatMessage<'a> {
    role: Cow<'a, str>,
    content: Content<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool_call_id: Option<Cow<'a, str>>,
}

#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Content<'a> {
    None,
    Text(Cow<'a, str>),
    Parts(Vec<ContentPart<'a>>),
}

#[derive(Debug, Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum ContentPart<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: Url<'a> },
    InputAudio { input_audio: Audio<'a> },
}

#[derive(Debug, Serialize)]
struct Url<'a> {
    url: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct Audio<'a> {
    data: Cow<'a, str>,
    format: Cow<'a, str>,
}

#[derive(Debug, Serialize)]
struct ToolCall<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<Cow<'a, str>>,
    #[serde(rename = "type")]
    kind: &'static str,
    function: Function<'a>,
}

#[derive(Debug, Serialize)]
struct Function<'a> {
    name: Cow<'a, str>,
    arguments: Cow<'a, str>,
}

/// The system instructions first, then the messages; each tool response is a message of its own.
pub(super) fn chat<'a>(system: &[Part<'a>], messages: &[Message<'a>]) -> Vec<ChatMessage<'a>> {
    let mut chat = Vec::with_capacity(messages.len() + 1);
    if let Some(text) = text_of_parts(untold(system, messages)) {
        chat.push(ChatMessage::new(Cow::Borrowed("system"), Content::Text(text)));
    }
    let names = tool_names(messages);
    for message in messages {
        for part in message.of_kind(Kind::ToolCallResponse) {
            let text = part.text("response").or_else(|| part.text("result")).unwrap_or_default();
            let id = part.text("id");
            chat.push(ChatMessage {
                name: id.as_ref().and_then(|id| names.get(id).cloned()),
                tool_call_id: id,
                ..ChatMessage::new(Cow::Borrowed("tool"), Content::Text(text))
            });
        }
        let answered = message.has(Kind::ToolCallResponse);
        if answered && message.parts.iter().all(|part| part.kind == Kind::ToolCallResponse) {
            continue;
        }
        let role = message.role.clone().unwrap_or(Cow::Borrowed("user"));
        chat.push(ChatMessage {
            name: message.name.clone(),
            reasoning_content: message.reasoning(),
            tool_calls: message.of_kind(Kind::ToolCall).map(tool_call).collect(),
            ..ChatMessage::new(role, content(message))
        });
    }
    chat
}

impl<'a> ChatMessage<'a> {
    fn new(role: Cow<'a, str>, content: Content<'a>) -> Self {
        Self {
            role,
            content,
            name: None,
            reasoning_content: None,
            tool_calls: Vec::new(),
            tool_call_id: None,
        }
    }
}

/// The content of one message as it stands in an attribute: text, or parts as JSON.
pub(super) fn content_text<'a>(message: &Message<'a>) -> Option<Cow<'a, str>> {
    match content(message) {
        Content::None => None,
        Content::Text(text) => Some(text),
        parts @ Content::Parts(_) => Some(Cow::Owned(write(&parts))),
    }
}

fn content<'a>(message: &Message<'a>) -> Content<'a> {
    let told = |part: &&Part<'_>| {
        !matches!(part.kind, Kind::Reasoning | Kind::ToolCall | Kind::ToolCallResponse)
    };
    let mut parts = message.parts.iter().filter(told);
    match (parts.next(), parts.next()) {
        (None, _) => Content::None,
        (Some(part), None) if part.kind == Kind::Text => {
            part.content().map_or(Content::None, Content::Text)
        }
        _ => Content::Parts(message.parts.iter().filter(told).map(content_part).collect()),
    }
}

fn content_part<'a>(part: &Part<'a>) -> ContentPart<'a> {
    match (part.kind, part.modality().as_deref()) {
        (Kind::Text, _) => ContentPart::Text { text: part.content().unwrap_or_default() },
        (Kind::Uri | Kind::Blob, Some("image")) if part.url().is_some() => {
            ContentPart::ImageUrl { image_url: Url { url: part.url().unwrap_or_default() } }
        }
        (Kind::Blob, Some("audio")) if part.content().is_some_and(|data| !data.is_empty()) => {
            let mime = part.text("mime_type").unwrap_or_default();
            let format = mime.strip_prefix("audio/").unwrap_or("wav").to_owned();
            let data = part.content().unwrap_or_default();
            ContentPart::InputAudio { input_audio: Audio { data, format: Cow::Owned(format) } }
        }
        _ => ContentPart::Text { text: Cow::Owned(part.to_json()) },
    }
}

fn tool_call<'a>(part: &Part<'a>) -> ToolCall<'a> {
    let function =
        Function { name: part.text("name").unwrap_or_default(), arguments: part.arguments() };
    ToolCall { id: part.text("id"), kind: "function", function }
}

/// `{"type":"function","function":{name, description?, parameters?}}`; a definition that already
/// has that shape, or has no name, stays as it is.
pub(super) fn tool_schema(tool: &Part<'_>) -> String {
    if tool.raw("function").is_some() || tool.raw("name").is_none() {
        return tool.to_json();
    }
    let mut function = Object::default();
    function.raw("name", tool.raw("name"));
    function.raw("description", tool.raw("description"));
    function.raw(
        "parameters",
        ["parameters", "inputSchema", "input_schema"].iter().find_map(|name| tool.raw(name)),
    );
    let mut schema = Object::default();
    schema.text("type", Some(tool.type_name().unwrap_or(Cow::Borrowed("function"))));
    schema.nested("function", function);
    write(&schema)
}
