//! Messages: what a program or provider calls a conversation, as messages of the convention.

use std::borrow::Cow;

use super::conversation::PartKind;
use super::finish::finish_reason;
use super::part;
use crate::content::json::{Node, Text};

/// One message of the convention.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) role: Cow<'a, str>,
    pub(super) parts: Vec<Node<'a>>,
    name: Option<Text<'a>>,
    pub(super) finish: Option<Cow<'a, str>>,
    /// Further members of a message that was in the convention's shape already.
    rest: Vec<(Text<'a>, Node<'a>)>,
}

/// Which side of the conversation is read; decides what a message without a role is.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Side {
    Input,
    Output,
}

/// The messages in `node`, or `None` if it is nothing that holds messages.
pub(super) fn read<'a>(node: &Node<'a>, side: Side) -> Option<Vec<Message<'a>>> {
    match node {
        Node::Null => Some(Vec::new()),
        Node::Array(items) => list(items, side),
        Node::Object(_) => object(node, side),
        _ => None,
    }
}

/// The role names of providers, and the convention's.
const ROLES: &[(&str, &str)] = &[
    ("ai", "assistant"),
    ("assistant", "assistant"),
    ("bot", "assistant"),
    ("chatbot", "assistant"),
    ("function", "tool"),
    ("human", "user"),
    ("model", "assistant"),
    ("system", "system"),
    ("tool", "tool"),
    ("user", "user"),
];

/// What holds messages in a request or response body, by side.
const REQUEST: &[&str] = &["messages", "contents", "input", "prompt", "inputs"];
const RESPONSE: &[&str] = &[
    "choices",
    "candidates",
    "output",
    "message",
    "generations",
    "steps",
    "outputs",
    "completion",
    "generation",
];
const INSTRUCTIONS: &[&str] =
    &["system", "systemInstruction", "system_instruction", "instructions", "preamble"];

impl<'a> Message<'a> {
    fn new(role: impl Into<Cow<'a, str>>, parts: Vec<Node<'a>>) -> Self {
        Self { role: role.into(), parts, name: None, finish: None, rest: Vec::new() }
    }

    /// One message of one text part.
    pub(super) fn of_text(side: Side, content: Text<'a>) -> Self {
        Self::new(side.role(), vec![part::text(content)])
    }

    fn has_tool_call(&self) -> bool {
        self.parts.iter().any(|part| PartKind::of(part) == PartKind::ToolCall)
    }

    pub(super) fn into_node(self, side: Side) -> Node<'a> {
        let inferred = if self.has_tool_call() { "tool_call" } else { "stop" };
        let mut members = vec![
            (Text::word("role"), Node::text(self.role)),
            (Text::word("parts"), Node::Array(self.parts)),
        ];
        if let Some(name) = self.name {
            members.push((Text::word("name"), Node::String(name)));
        }
        if side == Side::Output {
            // Phoenix drops every output message of a span if one has no finish reason.
            let reason = self.finish.unwrap_or(Cow::Borrowed(inferred));
            members.push((Text::word("finish_reason"), Node::text(reason)));
        }
        members.extend(self.rest);
        Node::Object(members)
    }
}

impl Side {
    const fn role(self) -> &'static str {
        match self {
            Self::Input => "user",
            Self::Output => "assistant",
        }
    }
}

fn list<'a>(items: &[Node<'a>], side: Side) -> Option<Vec<Message<'a>>> {
    if !items.is_empty() && items.iter().all(|item| item.as_text().is_some()) {
        let texts = items.iter().filter_map(Node::as_text);
        return Some(texts.map(|text| Message::of_text(side, text.clone())).collect());
    }
    let mut messages: Vec<Message<'a>> = Vec::new();
    let mut understood = items.is_empty();
    // Blocks that stand beside messages belong to one message as long as their role is the same.
    let mut open = false;
    for item in items {
        if let Some((role, parts)) = loose(item, side) {
            understood |= item.is_object();
            match messages.last_mut() {
                Some(last) if open && last.role == role => last.parts.extend(parts),
                _ => messages.push(Message::new(role, parts)),
            }
            open = true;
            continue;
        }
        open = false;
        match read(item, side) {
            Some(found) => {
                understood = true;
                messages.extend(found);
            }
            None => {
                let parts = part::parts(item, true);
                messages.push(Message::new(side.role(), parts));
            }
        }
    }
    understood.then(|| chunks(items, messages)).map(split_tool_answers)
}

/// A list item that is a block of a message, with the role that such blocks have.
fn loose<'a>(item: &Node<'a>, side: Side) -> Option<(&'static str, Vec<Node<'a>>)> {
    if let Node::String(text) = item {
        return Some((side.role(), vec![part::text(text.clone())]));
    }
    if item.first(&["role", "parts"]).is_some() {
        // The items of an OpenAI response are one choice, the message among them.
        let is_item = side == Side::Output
            && item.text_of("type").is_some_and(|kind| kind.is("message"))
            && item.text_of("status").is_some()
            && item.get("stop_reason").is_none();
        let content = item.get("content").filter(|_| is_item)?;
        return Some(("assistant", part::parts(content, true)));
    }
    if is_message_type(item) {
        return None;
    }
    let parts = part::part(item, true)?;
    let kind = parts.first().and_then(|part| part.text_of("type")).map(Text::decode);
    let role = match kind.as_deref() {
        Some("tool_call_response") => "tool",
        Some(
            "tool_call"
            | "reasoning"
            | "server_tool_call"
            | "server_tool_call_response"
            | "compaction",
        ) => "assistant",
        _ => side.role(),
    };
    Some((role, parts))
}

/// Types that name a message rather than a block: OpenAI's and LangChain's.
pub(super) fn is_message_type(item: &Node<'_>) -> bool {
    const TYPES: [&str; 7] =
        ["message", "model_output", "user_input", "human", "ai", "system", "tool"];
    item.text_of("type").is_some_and(|kind| TYPES.iter().any(|word| kind.is(word)))
        && item.get("content").is_some()
}

/// A list of stream chunks is one message per choice, not one per chunk.
fn chunks<'a>(items: &[Node<'a>], messages: Vec<Message<'a>>) -> Vec<Message<'a>> {
    let is_chunk = |item: &Node<'a>| {
        item.array_of("candidates").is_some_and(|found| found.len() == 1)
            || item
                .array_of("choices")
                .is_some_and(|found| matches!(found, [choice] if choice.get("delta").is_some()))
    };
    if items.len() < 2 || messages.is_empty() || !items.iter().all(is_chunk) {
        return messages;
    }
    let mut whole = Message::new("assistant", Vec::new());
    let mut run: Option<(&'static str, String)> = None;
    let close = |run: &mut Option<(&'static str, String)>, parts: &mut Vec<Node<'a>>| {
        if let Some((kind, content)) = run.take()
            && !content.is_empty()
        {
            parts
                .push(Node::object([("type", Node::text(kind)), ("content", Node::text(content))]));
        }
    };
    for message in messages {
        whole.finish = message.finish.or(whole.finish);
        for part in message.parts {
            let kind = ["text", "reasoning"]
                .into_iter()
                .find(|word| part.text_of("type").is_some_and(|kind| kind.is(word)));
            match (kind, part.text_of("content")) {
                (Some(kind), Some(content)) => {
                    if run.as_ref().is_some_and(|(open, _)| *open != kind) {
                        close(&mut run, &mut whole.parts);
                    }
                    let (_, text) = run.get_or_insert_with(|| (kind, String::new()));
                    text.push_str(&content.decode());
                }
                _ => {
                    close(&mut run, &mut whole.parts);
                    whole.parts.push(part);
                }
            }
        }
    }
    close(&mut run, &mut whole.parts);
    vec![whole]
}

fn object<'a>(node: &Node<'a>, side: Side) -> Option<Vec<Message<'a>>> {
    if let Some(message) = message(node, side) {
        return Some(split_tool_answers(vec![message]));
    }
    if let Some(found) = body(node, side) {
        return Some(split_tool_answers(found));
    }
    let (role, parts) = loose(node, side)?;
    Some(vec![Message::new(role, parts)])
}

/// One message object of any dialect.
pub(super) fn message<'a>(node: &Node<'a>, side: Side) -> Option<Message<'a>> {
    // Without a role, an object is a message only if it holds nothing that would be lost.
    const MEMBERS: [&str; 22] = [
        "role",
        "content",
        "parts",
        "name",
        "tool_calls",
        "function_call",
        "refusal",
        "id",
        "tool_call_id",
        "finish_reason",
        "stop_reason",
        "finishReason",
        "reasoning_content",
        "reasoning",
        "thinking",
        "type",
        "index",
        "annotations",
        "audio",
        "images",
        "status",
        "message",
    ];
    let typed = is_message_type(node);
    let role = node.first_text(&["role", "author"]).filter(|role| !role.raw().is_empty());
    let has_parts = node.array_of("parts").is_some();
    let has_content = node
        .first(&["content", "tool_calls", "function_call", "refusal", "parts"])
        .is_some_and(|content| !matches!(content, Node::Number(_) | Node::Bool(_)));
    let is_message = if role.is_some() {
        node.get("role").is_some() || has_content
    } else {
        typed
            || (has_content
                && node.get("type").is_none()
                && node.members().iter().all(|(key, _)| MEMBERS.iter().any(|word| key.is(word))))
    };
    if !is_message {
        return None;
    }
    let kind = node.text_of("type").map(Text::decode);
    let role = match (role, kind.as_deref()) {
        (Some(role), _) => role_of(role.decode()),
        (None, Some("human" | "user_input")) => "user".into(),
        (None, Some("ai" | "model_output")) => "assistant".into(),
        (None, Some("system")) => "system".into(),
        (None, Some("tool")) => "tool".into(),
        (None, _) => Cow::Borrowed(side.role()),
    };
    let mut found = Message::new(Cow::Owned(role.into_owned()), Vec::new());
    found.name = node.text_of("name").cloned();
    found.finish = finish(node);
    if has_parts {
        found.parts = part::parts(node.get("parts")?, node.get("finishReason").is_some());
        found.rest = part::others(
            node,
            &["role", "parts", "name", "finish_reason", "stop_reason", "finishReason"],
        )
        .collect();
    } else {
        found.parts = content(node, &found.role);
        if found.role == "tool" {
            // A tool's name is no author's name.
            found.name = None;
        }
    }
    Some(found)
}

fn role_of(role: Cow<'_, str>) -> Cow<'_, str> {
    match ROLES.iter().find(|(word, _)| word.eq_ignore_ascii_case(&role)) {
        Some((_, known)) => Cow::Borrowed(known),
        None => role,
    }
}

/// The parts of a message that has none yet: content, tool calls and what else it may say.
fn content<'a>(node: &Node<'a>, role: &str) -> Vec<Node<'a>> {
    let mut parts = Vec::new();
    for key in ["reasoning_content", "reasoning", "thinking"] {
        if let Some(text) = node.text_of(key).filter(|text| !text.raw().is_empty()) {
            parts.push(Node::object([
                ("type", Node::text("reasoning")),
                ("content", Node::String(text.clone())),
            ]));
            break;
        }
    }
    let said = node.first(&["content", "text", "message"]);
    let answers = node.first_text(&["tool_call_id", "toolCallId"]);
    let holds_answer = said.and_then(Node::as_array).is_some_and(|blocks| {
        blocks.iter().any(|block| {
            block.text_of("type").is_some_and(|kind| kind.decode().contains("result"))
                || block.get("toolResult").is_some()
        })
    });
    if role == "tool" && (answers.is_some() || !holds_answer) {
        parts.push(part::tool_answer(answers.or_else(|| node.text_of("id")), said));
    } else if let Some(said) = said {
        let calls = node.array_of("tool_calls").is_some_and(|calls| !calls.is_empty());
        // Beside tool calls the empty string means that nothing was said.
        if !(calls && said.as_text().is_some_and(|text| text.raw().is_empty())) {
            parts.extend(part::parts(said, true));
        }
    }
    if let Some(refusal) = node.text_of("refusal") {
        parts.push(part::text(refusal.clone()));
    }
    if let Some(audio) = node.get("audio").filter(|audio| audio.is_object()) {
        if let Some(transcript) = audio.text_of("transcript") {
            parts.push(part::text(transcript.clone()));
        }
        let block = Node::object([("type", Node::text("audio")), ("audio", audio.clone())]);
        parts.extend(part::parts(&block, true));
    }
    for image in node.array_of("images").unwrap_or_default() {
        if let Some(data) = image.as_text() {
            parts.push(Node::object([
                ("type", Node::text("blob")),
                ("modality", Node::text("image")),
                ("content", Node::String(data.clone())),
            ]));
        }
    }
    for calls in ["tool_calls", "toolCalls"] {
        for call in node.array_of(calls).unwrap_or_default() {
            match part::tool_call(call) {
                Some(call) => parts.push(call),
                None => parts.extend(part::parts(call, true)),
            }
        }
    }
    parts.extend(node.get("function_call").and_then(part::tool_call));
    parts
}

/// The finish reason an object states.
fn finish<'a>(node: &Node<'a>) -> Option<Cow<'a, str>> {
    const KEYS: [&str; 7] = [
        "finish_reason",
        "stop_reason",
        "finishReason",
        "stopReason",
        "done_reason",
        "stop",
        "finish",
    ];
    let stated = match node.first(&KEYS)? {
        Node::String(reason) => reason.decode().into_owned(),
        // rig: `{"error": "…"}`
        Node::Object(members) => members.first()?.0.decode().into_owned(),
        _ => return None,
    };
    finish_reason(&stated).map(|reason| Cow::Owned(reason.into_owned()))
}

/// What the status of an OpenAI response says about how it ended.
fn status_finish<'a>(node: &Node<'a>, messages: &[Message<'a>]) -> Option<Cow<'a, str>> {
    match node.text_of("status")?.decode().as_ref() {
        "completed" if messages.iter().any(Message::has_tool_call) => Some("tool_call".into()),
        "completed" => Some("stop".into()),
        "incomplete" => {
            let reason = node.get("incomplete_details")?.text_of("reason")?;
            finish_reason(&reason.decode()).map(|reason| Cow::Owned(reason.into_owned()))
        }
        "failed" | "cancelled" => Some("error".into()),
        _ => None,
    }
}

/// A whole request or response.
fn body<'a>(node: &Node<'a>, side: Side) -> Option<Vec<Message<'a>>> {
    let (own, other) = match side {
        Side::Input => (REQUEST, RESPONSE),
        Side::Output => (RESPONSE, REQUEST),
    };
    let found = held(node, own, side);
    let mut messages = match found.or_else(|| held(node, other, side)) {
        Some(found) => found,
        // Cohere's first API answers with bare text.
        None => {
            let text = node.text_of("text")?;
            node.first(&["generation_id", "finish_reason", "index"])?;
            vec![Message::of_text(side, text.clone())]
        }
    };
    let ended = finish(node).or_else(|| status_finish(node, &messages));
    for message in &mut messages {
        if message.finish.is_none() {
            message.finish.clone_from(&ended);
        }
    }
    if side == Side::Input {
        let system = INSTRUCTIONS.iter().find_map(|key| node.get(key));
        let parts = system.map(super::system::instructions).unwrap_or_default();
        if !parts.is_empty() {
            messages.insert(0, Message::new("system", parts));
        }
    }
    Some(messages)
}

fn held<'a>(node: &Node<'a>, keys: &[&str], side: Side) -> Option<Vec<Message<'a>>> {
    keys.iter()
        .find_map(|key| {
            let value = node.get(key)?;
            match (*key, value) {
                ("choices" | "candidates" | "generations", Node::Array(items)) => {
                    items.iter().map(choice).collect()
                }
                ("message" | "output" | "completion" | "generation", Node::String(text)) => {
                    let side = if *key == "message" { side } else { Side::Output };
                    Some(vec![Message::of_text(side, text.clone())])
                }
                ("message", Node::Object(_)) => {
                    message(value, Side::Output).map(|found| vec![found])
                }
                // Bedrock: `output.message`.
                ("output", Node::Object(_)) => {
                    message(value.get("message")?, Side::Output).map(|found| vec![found])
                }
                (_, Node::String(text)) => Some(vec![Message::of_text(side, text.clone())]),
                (_, Node::Array(items)) => {
                    let side = if RESPONSE.contains(key) { Side::Output } else { side };
                    list(items, side)
                }
                ("contents", Node::Object(_)) => message(value, side).map(|found| vec![found]),
                _ => None,
            }
        })
        .or_else(|| {
            let is_page = node.text_of("object").is_some_and(|kind| kind.is("list"));
            read(node.get("data").filter(|_| is_page)?, side)
        })
}

/// One of several answers: OpenAI's choices, Gemini's candidates, legacy completions.
pub(super) fn choice<'a>(node: &Node<'a>) -> Option<Message<'a>> {
    let inner = node.first(&["message", "delta", "content"]).filter(|inner| inner.is_object());
    let mut found = match inner {
        Some(inner) => message(inner, Side::Output).or_else(|| {
            // The last chunk of a stream has an empty delta.
            inner.members().is_empty().then(|| Message::new("assistant", Vec::new()))
        })?,
        None => match node.first_text(&["text", "message"]) {
            Some(text) => Message::of_text(Side::Output, text.clone()),
            None => match message(node, Side::Output) {
                Some(found) => found,
                // A candidate that was blocked has no content, only a reason.
                None => {
                    finish(node)?;
                    Message::new("assistant", Vec::new())
                }
            },
        },
    };
    found.finish = finish(node).or(found.finish);
    Some(found)
}

/// Anthropic and Bedrock put what a tool answered into a user's message: the convention has a role
/// of its own for it.
fn split_tool_answers(messages: Vec<Message<'_>>) -> Vec<Message<'_>> {
    let is_answer = |part: &Node<'_>| PartKind::of(part) == PartKind::ToolCallResponse;
    let mut split = Vec::with_capacity(messages.len());
    for mut message in messages {
        if message.role != "user" || !message.parts.iter().any(is_answer) {
            split.push(message);
            continue;
        }
        if message.parts.iter().all(is_answer) {
            message.role = Cow::Borrowed("tool");
            split.push(message);
            continue;
        }
        let (mut name, mut rest) = (message.name, message.rest);
        let mut run: Option<Message<'_>> = None;
        for part in message.parts {
            let role = if is_answer(&part) { "tool" } else { "user" };
            match &mut run {
                Some(open) if open.role == role => open.parts.push(part),
                _ => {
                    split.extend(run.take());
                    let mut piece = Message::new(role, vec![part]);
                    if role == "user" {
                        piece.name = name.take();
                        piece.rest = std::mem::take(&mut rest);
                    }
                    piece.finish.clone_from(&message.finish);
                    run = Some(piece);
                }
            }
        }
        split.extend(run);
    }
    split
}
