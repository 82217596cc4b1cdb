//! Messages in the AI SDK's own shape, `LanguageModelPrompt`.

use super::super::chat_ml::{arguments_text, parameters, tool_type};
use crate::content::json::{Node, Text};
use crate::content::messages::conversation::{
    Message, Part, PartKind, text_of_parts, tool_names, untold,
};

/// `ai.prompt.messages`
pub(super) fn messages<'a>(system: &[Part<'a>], messages: &[Message<'a>]) -> Node<'a> {
    let mut prompt = Vec::with_capacity(messages.len() + 1);
    if let Some(text) = text_of_parts(untold(system, messages)) {
        prompt.push(message(Text::word("system"), Node::String(text)));
    }
    let names = tool_names(messages);
    for said in messages {
        let role = said.role.clone().unwrap_or(Text::word("user"));
        if role.is("system") || role.is("developer") {
            let text = Node::String(said.text().unwrap_or_default());
            prompt.push(message(Text::word("system"), text));
            continue;
        }
        let answers = said.of_kind(PartKind::ToolCallResponse).map(|part| {
            let id = part.id().unwrap_or_default();
            let name = part.name().or_else(|| names.get(&id).cloned()).unwrap_or_default();
            Node::object([
                ("type", Node::text("tool-result")),
                ("toolCallId", Node::String(id)),
                ("toolName", Node::String(name)),
                ("output", output(part)),
            ])
        });
        let answers: Vec<_> = answers.collect();
        if !answers.is_empty() {
            prompt.push(message(Text::word("tool"), Node::Array(answers)));
        }
        if !said.is_answers() {
            let others = said.parts.iter().filter(|part| part.kind != PartKind::ToolCallResponse);
            prompt.push(message(role, Node::Array(others.map(content).collect())));
        }
    }
    Node::Array(prompt)
}

/// `ai.prompt`: what the caller of the SDK gave, one text or messages.
pub(super) fn call<'a>(system: &[Part<'a>], said: &[Message<'a>]) -> Node<'a> {
    let text = match said {
        [only] if only.has_role("user") => only.only_text(),
        _ => None,
    };
    let list = (text.is_none() && !said.is_empty()).then(|| messages(&[], said));
    Node::some_of([
        ("system", text_of_parts(untold(system, said)).map(Node::String)),
        ("prompt", text.map(Node::String)),
        ("messages", list),
    ])
}

/// `ai.response.toolCalls`: arguments are a JSON string here, an object in the prompt.
pub(super) fn tool_calls<'a>(message: &Message<'a>) -> Node<'a> {
    let call = |part: &Part<'a>| {
        Node::some_of([
            ("toolCallId", part.id().map(Node::String)),
            ("toolName", part.name().map(Node::String)),
            ("input", Some(Node::String(arguments_text(part)))),
        ])
    };
    Node::Array(message.of_kind(PartKind::ToolCall).map(call).collect())
}

/// One entry of `ai.prompt.tools`.
pub(super) fn tool(tool: &Node<'_>) -> String {
    if tool.get("name").is_none() {
        return tool.to_json();
    }
    let entry = Node::some_of([
        ("type", Some(tool_type(tool))),
        ("name", tool.get("name").cloned()),
        ("description", tool.get("description").cloned()),
        ("inputSchema", parameters(tool).cloned()),
    ]);
    entry.to_json()
}

fn message<'a>(role: Text<'a>, content: Node<'a>) -> Node<'a> {
    Node::object([("role", Node::String(role)), ("content", content)])
}

fn content<'a>(part: &Part<'a>) -> Node<'a> {
    let (kind, text) = match (part.kind, file(part)) {
        (PartKind::Text, _) => ("text", part.content().unwrap_or_default()),
        (PartKind::Reasoning, _) => ("reasoning", part.content().unwrap_or_default()),
        (PartKind::ToolCall, _) => {
            return Node::object([
                ("type", Node::text("tool-call")),
                ("toolCallId", Node::String(part.id().unwrap_or_default())),
                ("toolName", Node::String(part.name().unwrap_or_default())),
                ("input", input(part)),
            ]);
        }
        (_, Some((media_type, data))) => {
            return Node::object([
                ("type", Node::text("file")),
                ("mediaType", Node::String(media_type)),
                ("data", Node::String(data)),
            ]);
        }
        _ => ("text", Text::plain(part.to_json())),
    };
    Node::object([("type", Node::text(kind)), ("text", Node::String(text))])
}

/// The media type of a picture or sound, and its address or data.
fn file<'a>(part: &Part<'a>) -> Option<(Text<'a>, Text<'a>)> {
    let data = match part.kind {
        PartKind::Uri => part.text("uri"),
        PartKind::Blob => part.content(),
        _ => None,
    };
    let media_type =
        part.text("mime_type").or_else(|| Text::joined([part.modality()?, Text::word("/*")]));
    media_type.zip(data.filter(|data| !data.is_empty()))
}

fn output<'a>(part: &Part<'a>) -> Node<'a> {
    let (kind, value) = match part.response() {
        None => ("text", Node::text("")),
        Some(text @ Node::String(_)) => ("text", text.clone()),
        Some(json) => ("json", json.clone()),
    };
    Node::object([("type", Node::text(kind)), ("value", value)])
}

/// Arguments as JSON, also when a producer wrote them as a string that holds JSON.
fn input<'a>(part: &Part<'a>) -> Node<'a> {
    match part.arguments() {
        Node::String(text) => match Node::parse(&text.decode()) {
            Some(json) => json.into_owned(),
            None => Node::String(text.clone()),
        },
        json => json.clone(),
    }
}
