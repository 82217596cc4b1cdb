//! Parts of a message: the content blocks of every provider as the parts of the convention.

use std::borrow::Cow;

use crate::content::json::{Node, Text};

/// The parts in `node`, which is a string, one block or a list of blocks.
pub(super) fn parts<'a>(node: &Node<'a>, foreign: bool) -> Vec<Node<'a>> {
    match node {
        Node::Null => Vec::new(),
        Node::String(content) => vec![text(content.clone())],
        Node::Array(items) => items.iter().flat_map(|item| parts(item, foreign)).collect(),
        Node::Object(_) => match part(node, foreign) {
            Some(found) => found,
            None => vec![Node::object([
                ("type", Node::text("text")),
                ("content", Node::text(node.to_json())),
            ])],
        },
        other => vec![Node::object([
            ("type", Node::text("text")),
            ("content", Node::text(other.to_json())),
        ])],
    }
}

/// The parts one block makes, or `None` if it is no block of any known kind.
///
/// A block from a message that already has `parts` is not `foreign`: there an unknown type is
/// somebody's own part and passes; elsewhere it becomes a generic part.
pub(super) fn part<'a>(block: &Node<'a>, foreign: bool) -> Option<Vec<Node<'a>>> {
    let Some(kind) = block.text_of("type") else { return untyped(block) };
    let kind = kind.decode();
    let kind = kind.as_ref();
    let known = KINDS.iter().find(|(words, _)| words.contains(&kind));
    if let Some((_, read)) = known {
        // A block that lacks what its type asks for must not pass for one.
        return Some(read(block, kind).unwrap_or_else(|| vec![generic(block, kind)]));
    }
    Some(vec![if kind.ends_with("_tool_result") && foreign {
        server_tool_response(block, kind)
    } else if kind.ends_with("_call") && foreign {
        server_tool_call(block, kind)
    } else if !foreign || kind == "generic" {
        cleaned(block)
    } else {
        generic(block, kind)
    }])
}

type Read = for<'a> fn(&Node<'a>, &str) -> Option<Vec<Node<'a>>>;

/// Which types are read how.
const KINDS: &[(&[&str], Read)] = &[
    (&["text", "input_text", "output_text", "summary_text"], |b, _| text_block(b)),
    (&["refusal"], |b, _| Some(vec![text(b.first_text(&["refusal", "content"])?.clone())])),
    (
        &[
            "tool_call",
            "tool-call",
            "toolcall",
            "tool_use",
            "toolUse",
            "function_call",
            "function",
            "custom_tool_call",
        ],
        |b, _| tool_call(b).map(|part| vec![part]),
    ),
    (
        &[
            "tool_call_response",
            "tool_result",
            "toolresult",
            "tool-result",
            "toolResult",
            "function_call_output",
            "custom_tool_call_output",
            "function_result",
            "tool_response",
        ],
        |b, _| Some(vec![tool_response(b)]),
    ),
    (&["reasoning", "thinking", "redacted_thinking", "reasoning_text", "thought"], |b, _| {
        Some(vec![reasoning(b)])
    }),
    (&["server_tool_use", "mcp_tool_use"], |b, kind| Some(vec![server_tool_call(b, kind)])),
    (&["server_tool_call"], |b, _| {
        (b.text_of("name").is_some() && b.get("server_tool_call")?.text_of("type").is_some())
            .then(|| vec![cleaned(b)])
    }),
    (&["server_tool_call_response"], |b, _| {
        b.get("server_tool_call_response")?.text_of("type")?;
        Some(vec![cleaned(b)])
    }),
    (&["compaction"], |b, _| {
        let mut members = vec![typed("compaction")];
        keep(&mut members, "id", b.text_of("id"));
        keep(&mut members, "content", b.first_text(&["content", "summary"]));
        Some(vec![Node::Object(members)])
    }),
    (&["image_url", "input_image", "image", "media"], |b, _| media(b, "image")),
    (&["input_audio", "audio"], |b, _| media(b, "audio")),
    (&["video", "video_url", "input_video"], |b, _| media(b, "video")),
    (&["document", "input_file"], |b, _| media(b, "document")),
    (&["blob"], |b, _| (b.text_of("content").is_some()).then(|| vec![with_modality(b)])),
    (&["uri"], |b, _| {
        let uri = b.first_text(&["uri", "url"])?;
        match b.text_of("uri").filter(|uri| !is_data_uri(uri)) {
            Some(_) => Some(vec![with_modality(b)]),
            None => {
                let modality = b.text_of("modality").map_or("document".into(), Text::decode);
                Some(vec![uri_or_blob(uri, b.text_of("mime_type").cloned(), &modality)])
            }
        }
    }),
    (&["file"], |b, _| match (b.text_of("file_id"), b.get("file")) {
        (Some(_), None) => Some(vec![with_modality(b)]),
        _ => media(b, "document"),
    }),
];

/// Blocks that have no `type`: Gemini and Bedrock name the kind by the member.
fn untyped<'a>(block: &Node<'a>) -> Option<Vec<Node<'a>>> {
    if let Some(call) = block.first(&["functionCall", "function_call", "toolUse", "tool_use"]) {
        return tool_call(call).map(|part| vec![part]);
    }
    if let Some(result) =
        block.first(&["functionResponse", "function_response", "toolResult", "tool_result"])
    {
        return Some(vec![tool_response(result)]);
    }
    if let Some(data) = block.first(&["inlineData", "inline_data"]) {
        return media(data, "document");
    }
    if let Some(file) = block.first(&["fileData", "file_data"]).filter(|file| file.is_object()) {
        return media(file, "document");
    }
    if let Some(thinking) = block.first(&["reasoningContent", "reasoning_content"]) {
        let inner = thinking.first(&["reasoningText", "reasoning_text"]).unwrap_or(thinking);
        return Some(vec![reasoning(inner)]);
    }
    for modality in ["image", "audio", "video", "document"] {
        if let Some(data) = block.get(modality).filter(|data| data.is_object()) {
            return media(data, modality);
        }
    }
    if let Some(code) = block.first(&["executableCode", "executable_code"]) {
        return Some(vec![server_tool_call(code, "code_execution")]);
    }
    if let Some(result) = block.first(&["codeExecutionResult", "code_execution_result"]) {
        return Some(vec![server_tool_response(result, "code_execution")]);
    }
    if block.get("cachePoint").is_some() {
        return Some(Vec::new());
    }
    if is_bare_text(block) {
        let content = block.text_of("text")?.clone();
        let thought = matches!(block.get("thought"), Some(Node::Bool(true)));
        return Some(vec![if thought { reasoning(block) } else { text(content) }]);
    }
    None
}

/// An object that is a text block and nothing else.
fn is_bare_text(block: &Node<'_>) -> bool {
    const WITH_TEXT: [&str; 5] =
        ["text", "thought", "thoughtSignature", "thought_signature", "cache_control"];
    block.text_of("text").is_some()
        && block.members().iter().all(|(key, _)| WITH_TEXT.iter().any(|word| key.is(word)))
}

pub(super) fn text(content: Text<'_>) -> Node<'_> {
    Node::object([("type", Node::text("text")), ("content", Node::String(content))])
}

fn text_block<'a>(block: &Node<'a>) -> Option<Vec<Node<'a>>> {
    if block.text_of("content").is_some() {
        return Some(vec![cleaned(block)]);
    }
    let content = match block.get("text") {
        Some(Node::String(content)) => content.clone(),
        Some(nested @ Node::Object(_)) => nested.first_text(&["value", "text"])?.clone(),
        _ => return block.get("content").map(|content| parts(content, true)),
    };
    Some(vec![text(content)])
}

/// A tool call from any of its shapes: flat, or with the function in its own object.
pub(super) fn tool_call<'a>(block: &Node<'a>) -> Option<Node<'a>> {
    const ARGUMENTS: [&str; 5] = ["arguments", "input", "args", "parameters", "tool_input"];
    let inner = block
        .first(&["function", "functionCall", "tool_call", "custom"])
        .filter(|inner| inner.is_object())
        .unwrap_or(block);
    let name = inner.first_text(&["name", "tool_name", "toolName"])?;
    let mut members = vec![typed("tool_call")];
    let ids = ["call_id", "id", "toolUseId", "tool_call_id", "toolCallId"];
    keep(&mut members, "id", block.first_text(&ids).or_else(|| inner.first_text(&ids)));
    members.push((Text::word("name"), Node::String(name.clone())));
    // rig keeps text that is no JSON object beside empty arguments.
    let arguments = inner.get("invalid_arguments").or_else(|| inner.first(&ARGUMENTS));
    if let Some(arguments) = arguments {
        members.push((Text::word("arguments"), deserialised(arguments)));
    }
    if block.text_of("type").is_some_and(|kind| kind.is("tool_call")) {
        keep_rest(
            &mut members,
            block,
            &["function", "functionCall", "tool_call", "custom", "call_id"],
            &ARGUMENTS,
        );
    }
    Some(Node::Object(members))
}

/// What a tool answered. The retired name `result` of the answer becomes `response`.
fn tool_response<'a>(block: &Node<'a>) -> Node<'a> {
    const IDS: [&str; 7] =
        ["tool_use_id", "toolUseId", "tool_call_id", "toolCallId", "call_id", "call", "id"];
    let response = block.first(&["response", "result", "content", "output"]);
    let mut part = tool_answer(block.first_text(&IDS), response);
    if let Node::Object(members) = &mut part {
        if block.text_of("type").is_some_and(|kind| kind.is("tool_call_response")) {
            keep_rest(members, block, &["response", "result", "content", "output"], &IDS);
        } else if matches!(block.get("is_error"), Some(Node::Bool(true))) {
            members.push((Text::word("is_error"), Node::Bool(true)));
        }
    }
    part
}

pub(super) fn tool_answer<'a>(id: Option<&Text<'a>>, response: Option<&Node<'a>>) -> Node<'a> {
    let mut members = vec![typed("tool_call_response")];
    keep(&mut members, "id", id);
    let response = response.map_or_else(|| Node::text(""), |found| deserialised(&answer(found)));
    members.push((Text::word("response"), response));
    Node::Object(members)
}

/// An answer that is one block of text or JSON is that text or JSON.
fn answer<'a>(response: &Node<'a>) -> Node<'a> {
    let Node::Array(blocks) = response else { return response.clone() };
    let [block] = blocks.as_slice() else { return response.clone() };
    let only = |key: &str| {
        let known = ["type", "text", "json", "value", "cache_control", "annotations"];
        block.get(key).filter(|_| {
            block.members().iter().all(|(member, _)| known.iter().any(|word| member.is(word)))
        })
    };
    let is_text = block.text_of("type").is_none_or(|kind| kind.is("text") || kind.is("json"));
    match only("text").or_else(|| only("json")).or_else(|| only("value")) {
        Some(found) if is_text => found.clone(),
        _ => response.clone(),
    }
}

/// A string that holds a JSON object or list as that object or list.
pub(super) fn deserialised<'a>(node: &Node<'a>) -> Node<'a> {
    if let Node::String(content) = node
        && let Some(b'{' | b'[') = content.raw().trim_start().bytes().next()
        && let Some(inner) = Node::parse(&content.decode())
    {
        return inner.into_owned();
    }
    node.clone()
}

pub(super) fn reasoning<'a>(block: &Node<'a>) -> Node<'a> {
    if block.text_of("type").is_some_and(|kind| kind.is("reasoning"))
        && block.text_of("content").is_some()
    {
        return cleaned(block);
    }
    let content = block
        .first_text(&["thinking", "text", "reasoning", "content"])
        .map(Text::decode)
        .or_else(|| {
            let steps = block.array_of("summary").filter(|steps| !steps.is_empty());
            let steps = steps.or_else(|| block.array_of("content"))?;
            let texts: Vec<_> = steps
                .iter()
                .filter_map(|step| step.as_text().or_else(|| step.text_of("text")))
                .map(Text::decode)
                .collect();
            (!texts.is_empty()).then(|| Cow::Owned(texts.join("\n\n")))
        });
    let hidden = content.is_none() || matches!(block.get("redacted"), Some(Node::Bool(true)));
    let content = content.map_or_else(String::new, Cow::into_owned);
    let mut members = vec![typed("reasoning"), (Text::word("content"), Node::text(content))];
    if hidden {
        // The provider gave only an encrypted form: that there was reasoning is all one can tell.
        members.push((Text::word("redacted"), Node::Bool(true)));
    }
    Node::Object(members)
}

fn server_tool_call<'a>(block: &Node<'a>, kind: &str) -> Node<'a> {
    let name = block
        .text_of("name")
        .cloned()
        .unwrap_or_else(|| Text::plain(kind.trim_end_matches("_call").to_owned()));
    let mut inner = vec![(Text::word("type"), Node::text(kind.to_owned()))];
    inner.extend(others(block, &["type", "id", "name"]));
    let mut members = vec![typed("server_tool_call")];
    keep(&mut members, "id", block.text_of("id"));
    members.push((Text::word("name"), Node::String(name)));
    members.push((Text::word("server_tool_call"), Node::Object(inner)));
    Node::Object(members)
}

fn server_tool_response<'a>(block: &Node<'a>, kind: &str) -> Node<'a> {
    let mut inner = vec![(Text::word("type"), Node::text(kind.to_owned()))];
    inner.extend(others(block, &["type", "id", "tool_use_id"]));
    let mut members = vec![typed("server_tool_call_response")];
    keep(&mut members, "id", block.first_text(&["tool_use_id", "id"]));
    members.push((Text::word("server_tool_call_response"), Node::Object(inner)));
    Node::Object(members)
}

/// A part of a kind the convention has no name for. Both forms of the schema are met: any type,
/// and `generic` with the provider's word as `generic_type`.
fn generic<'a>(block: &Node<'a>, kind: &str) -> Node<'a> {
    let mut members =
        vec![typed("generic"), (Text::word("generic_type"), Node::text(kind.to_owned()))];
    members.extend(others(block, &["type", "generic_type"]));
    Node::Object(members)
}

/// Images, audio, video and files, by reference or inline.
fn media<'a>(block: &Node<'a>, modality: &str) -> Option<Vec<Node<'a>>> {
    const INNER: [&str; 12] = [
        "image_url",
        "input_audio",
        "audio",
        "video_url",
        "file",
        "source",
        "image",
        "audio_url",
        "video",
        "document",
        "data",
        "content",
    ];
    let mut level = block;
    let mut mime = None;
    let mut modality = modality;
    // The data stand at most three objects down: `image.source.bytes`, `file.file_data`.
    for _ in 0..4 {
        mime = mime.or_else(|| mime_type(level, modality));
        if let Some(mime) = &mime {
            modality = modality_of(&mime.decode()).unwrap_or(modality);
        }
        if let Some(reference) = reference(level, mime.clone(), modality) {
            return Some(vec![reference]);
        }
        match level.first(&INNER)? {
            inner @ Node::Object(_) => level = inner,
            Node::String(value) => {
                let key = if level.get("data").is_some() { "data" } else { "url" };
                return Some(vec![if key == "data" {
                    blob(value.clone(), mime, modality)
                } else {
                    uri_or_blob(value, mime, modality)
                }]);
            }
            // Anthropic documents may be lists of text blocks.
            inner @ Node::Array(_) => return Some(parts(inner, true)),
            _ => return None,
        }
    }
    None
}

/// What one object says about where the media are.
fn reference<'a>(level: &Node<'a>, mime: Option<Text<'a>>, modality: &str) -> Option<Node<'a>> {
    if let Some(uri) = level.first_text(&["url", "uri", "file_uri", "fileUri", "file_url"]) {
        return Some(uri_or_blob(uri, mime, modality));
    }
    if let Some(location) = level.get("s3Location") {
        return Some(uri_or_blob(location.text_of("uri")?, mime, modality));
    }
    if let Some(data) = level.first_text(&["bytes", "file_data", "base64", "b64_json"]) {
        return Some(uri_or_blob_data(data, mime, modality));
    }
    if let Some(data @ Node::Array(_)) = level.get("bytes") {
        return Some(blob(Text::plain(data.to_json()), mime, modality));
    }
    if let Some(data) = level.first_text(&["data", "value"]) {
        // rig says `{"type":"url","value":…}`, Anthropic has plain text sources.
        return Some(match level.text_of("type").map(Text::decode).as_deref() {
            Some("url") => uri_or_blob(data, mime, modality),
            Some("fileId" | "file_id") => file(data.clone(), mime, modality),
            Some("text" | "string") => text(data.clone()),
            _ => uri_or_blob_data(data, mime, modality),
        });
    }
    level
        .first_text(&["file_id", "fileId"])
        .or_else(|| level.text_of("id").filter(|_| level.text_of("type").is_none()))
        .map(|id| file(id.clone(), mime, modality))
}

fn uri_or_blob_data<'a>(data: &Text<'a>, mime: Option<Text<'a>>, modality: &str) -> Node<'a> {
    if is_data_uri(data) {
        return uri_or_blob(data, mime, modality);
    }
    blob(data.clone(), mime, modality)
}

fn is_data_uri(uri: &Text<'_>) -> bool {
    uri.raw().get(..5).is_some_and(|scheme| scheme.eq_ignore_ascii_case("data:"))
}

/// A reference as a `uri` part. A data URI is not one by the schema, and neither is what the
/// policy leaves in its place: `[image/png, 68 bytes, sha256:…]`.
fn uri_or_blob<'a>(uri: &Text<'a>, mime: Option<Text<'a>>, modality: &str) -> Node<'a> {
    let decoded = uri.decode();
    if let Some(marked) = decoded.strip_prefix('[').filter(|rest| rest.contains(" bytes, sha256:"))
    {
        let stated = marked.split(',').next().unwrap_or_default().to_owned();
        return typed_blob(uri.clone(), mime, stated, modality);
    }
    if is_data_uri(uri) {
        let (head, data) = decoded[5..].split_once(',').unwrap_or(("", &decoded[5..]));
        let stated = head.split(';').next().unwrap_or_default().to_owned();
        return typed_blob(Text::plain(data.to_owned()), mime, stated, modality);
    }
    let mut members = vec![typed("uri")];
    keep(&mut members, "mime_type", mime.as_ref());
    members.push((Text::word("modality"), Node::text(modality.to_owned())));
    members.push((Text::word("uri"), Node::String(uri.clone())));
    Node::Object(members)
}

fn typed_blob<'a>(
    content: Text<'a>,
    mime: Option<Text<'a>>,
    stated: String,
    modality: &str,
) -> Node<'a> {
    let modality = modality_of(&stated).unwrap_or(modality);
    let mime = mime.or_else(|| (!stated.is_empty()).then(|| Text::plain(stated.clone())));
    blob(content, mime, modality)
}

fn blob<'a>(content: Text<'a>, mime: Option<Text<'a>>, modality: &str) -> Node<'a> {
    let mut members = vec![typed("blob")];
    keep(&mut members, "mime_type", mime.as_ref());
    members.push((Text::word("modality"), Node::text(modality.to_owned())));
    members.push((Text::word("content"), Node::String(content)));
    Node::Object(members)
}

fn file<'a>(id: Text<'a>, mime: Option<Text<'a>>, modality: &str) -> Node<'a> {
    let mut members = vec![typed("file")];
    keep(&mut members, "mime_type", mime.as_ref());
    members.push((Text::word("modality"), Node::text(modality.to_owned())));
    members.push((Text::word("file_id"), Node::String(id)));
    Node::Object(members)
}

/// `image/png` from wherever an object says it: a mime type, or a bare format.
fn mime_type<'a>(level: &Node<'a>, modality: &str) -> Option<Text<'a>> {
    let stated = level
        .first_text(&["mime_type", "mimeType", "media_type", "mediaType", "format"])
        .filter(|stated| !stated.raw().is_empty())?;
    if stated.raw().contains('/') {
        return Some(stated.clone());
    }
    let family = if modality == "document" { "application" } else { modality };
    Some(Text::plain(format!("{family}/{}", stated.decode())))
}

fn modality_of(mime: &str) -> Option<&'static str> {
    ["image", "audio", "video"].into_iter().find(|family| mime.starts_with(family))
}

/// A part of the convention whose `modality` may be missing.
fn with_modality<'a>(block: &Node<'a>) -> Node<'a> {
    let mut part = cleaned(block);
    if block.text_of("modality").is_none()
        && let Node::Object(members) = &mut part
    {
        let mime = block.text_of("mime_type").map(Text::decode);
        let modality = mime.and_then(|mime| modality_of(&mime)).unwrap_or("document");
        members.retain(|(key, _)| !key.is("modality"));
        members.insert(1, (Text::word("modality"), Node::text(modality)));
    }
    part
}

/// A part that is right already, without its nulls, `type` first.
fn cleaned<'a>(block: &Node<'a>) -> Node<'a> {
    let mut members = Vec::with_capacity(block.members().len());
    if let Some(kind) = block.get("type") {
        members.push((Text::word("type"), kind.clone()));
    }
    members.extend(others(block, &["type"]));
    Node::Object(members)
}

fn typed(kind: &'static str) -> (Text<'static>, Node<'static>) {
    (Text::word("type"), Node::text(kind))
}

fn keep<'a>(members: &mut Vec<(Text<'a>, Node<'a>)>, key: &'static str, text: Option<&Text<'a>>) {
    if let Some(text) = text {
        members.push((Text::word(key), Node::String(text.clone())));
    }
}

/// The members that are neither null nor in `without`.
pub(super) fn others<'a>(
    node: &Node<'a>,
    without: &[&str],
) -> impl Iterator<Item = (Text<'a>, Node<'a>)> {
    node.members()
        .iter()
        .filter(|(key, value)| *value != Node::Null && !without.iter().any(|word| key.is(word)))
        .cloned()
}

/// Keeps what else a part of the convention carries: its objects are open.
fn keep_rest<'a>(
    members: &mut Vec<(Text<'a>, Node<'a>)>,
    block: &Node<'a>,
    read: &[&str],
    also_read: &[&str],
) {
    let known: Vec<&str> = ["type", "id", "name", "arguments", "response"]
        .iter()
        .chain(read)
        .chain(also_read)
        .copied()
        .collect();
    // `name` belongs to a call and is an open member of a response.
    let is_response = members.iter().any(|(key, _)| key.is("response"));
    let own = members.len();
    for (key, value) in others(block, &[]) {
        let written = members[..own].iter().any(|(name, _)| *name == key);
        if !written && (!known.iter().any(|word| key.is(word)) || (is_response && key.is("name"))) {
            members.push((key, value));
        }
    }
}
