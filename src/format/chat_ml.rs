//! Messages in the shape of OpenAI's chat API, which most backends can render.

use std::borrow::Cow;

use crate::content::json::{Node, Text};
use crate::content::messages::conversation::{
    Message, Part, PartKind, text_of_parts, tool_names, untold,
};

/// `{role, content, name?, reasoning_content?, tool_calls?, tool_call_id?}` each: the system
/// instructions first, then the messages; each tool response is a message of its own.
pub(super) fn chat<'a>(system: &[Part<'a>], messages: &[Message<'a>]) -> Vec<Node<'a>> {
    let mut chat = Vec::with_capacity(messages.len() + 1);
    if let Some(text) = text_of_parts(untold(system, messages)) {
        chat.push(Node::object([("role", Node::text("system")), ("content", Node::String(text))]));
    }
    let names = tool_names(messages);
    for message in messages {
        for part in message.of_kind(PartKind::ToolCallResponse) {
            let id = part.id();
            let response = part.response().cloned().and_then(Node::into_text);
            let name = id.as_ref().and_then(|id| names.get(id).cloned());
            chat.push(Node::some_of([
                ("role", Some(Node::text("tool"))),
                ("content", Some(Node::String(response.unwrap_or_default()))),
                ("name", name.map(Node::String)),
                ("tool_call_id", id.map(Node::String)),
            ]));
        }
        if message.is_answers() {
            continue;
        }
        let role = message.role.clone().unwrap_or(Text::word("user"));
        let calls: Vec<_> = message.of_kind(PartKind::ToolCall).map(tool_call).collect();
        chat.push(Node::some_of([
            ("role", Some(Node::String(role))),
            ("content", Some(content(message))),
            ("name", message.name.clone().map(Node::String)),
            ("reasoning_content", message.reasoning().map(Node::String)),
            ("tool_calls", (!calls.is_empty()).then_some(Node::Array(calls))),
        ]));
    }
    chat
}

/// The content of one message as it stands in an attribute: text, or parts as JSON.
pub(super) fn content_text(message: &Message<'_>) -> Option<String> {
    content(message).plain().map(Cow::into_owned)
}

fn content<'a>(message: &Message<'a>) -> Node<'a> {
    let told = |part: &&Part<'_>| {
        !matches!(part.kind, PartKind::Reasoning | PartKind::ToolCall | PartKind::ToolCallResponse)
    };
    let mut parts = message.parts.iter().filter(told);
    match (parts.next(), parts.next()) {
        (None, _) => Node::Null,
        (Some(part), None) if part.kind == PartKind::Text => {
            part.content().map_or(Node::Null, Node::String)
        }
        _ => Node::Array(message.parts.iter().filter(told).map(content_part).collect()),
    }
}

fn content_part<'a>(part: &Part<'a>) -> Node<'a> {
    let data = || part.content().filter(|data| !data.is_empty());
    let text = match part.kind {
        PartKind::Text => part.content().unwrap_or_default(),
        PartKind::Uri | PartKind::Blob if part.is_modality("image") && part.url().is_some() => {
            let url = Node::some_of([("url", part.url().map(Node::String))]);
            return Node::object([("type", Node::text("image_url")), ("image_url", url)]);
        }
        PartKind::Blob if part.is_modality("audio") && data().is_some() => {
            let mime = part.text("mime_type").unwrap_or_default().into_plain();
            let format = mime.strip_prefix("audio/").unwrap_or("wav").to_owned();
            let audio = Node::some_of([
                ("data", data().map(Node::String)),
                ("format", Some(Node::text(format))),
            ]);
            return Node::object([("type", Node::text("input_audio")), ("input_audio", audio)]);
        }
        _ => Text::plain(part.to_json()),
    };
    Node::object([("type", Node::text("text")), ("text", Node::String(text))])
}

fn tool_call<'a>(part: &Part<'a>) -> Node<'a> {
    let function = Node::object([
        ("name", Node::String(part.name().unwrap_or_default())),
        ("arguments", Node::String(arguments_text(part))),
    ]);
    Node::some_of([
        ("id", part.id().map(Node::String)),
        ("type", Some(Node::text("function"))),
        ("function", Some(function)),
    ])
}

/// The arguments of a call as a string that holds JSON.
pub(super) fn arguments_text<'a>(call: &Part<'a>) -> Text<'a> {
    call.arguments().clone().into_text().unwrap_or_default()
}

/// `{"type":"function","function":{name, description?, parameters?}}`; a definition that already
/// has that shape, or has no name, stays as it is.
pub(super) fn tool_schema<'a>(tool: &Node<'a>) -> Node<'a> {
    if tool.get("function").is_some() || tool.get("name").is_none() {
        return tool.clone();
    }
    let function = Node::some_of([
        ("name", tool.get("name").cloned()),
        ("description", tool.get("description").cloned()),
        ("parameters", parameters(tool).cloned()),
    ]);
    Node::object([("type", tool_type(tool)), ("function", function)])
}

/// The JSON schema of a tool's arguments.
pub(super) fn parameters<'n, 'a>(tool: &'n Node<'a>) -> Option<&'n Node<'a>> {
    tool.first(&["parameters", "inputSchema", "input_schema"])
}

pub(super) fn tool_type<'a>(tool: &Node<'a>) -> Node<'a> {
    Node::String(tool.text_at("type").unwrap_or(Text::word("function")))
}
