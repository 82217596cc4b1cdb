//! Messages in the AI SDK's own shape, `LanguageModelPrompt`.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use super::super::json::{Object, parsed, text_of, write};
use super::super::messages::{Kind, Message, Part, text_of_parts, tool_names, untold};

/// `ai.prompt.messages`
pub(super) fn messages(system: &[Part<'_>], messages: &[Message<'_>]) -> String {
    write(&prompt(system, messages))
}

/// `ai.prompt`: what the caller of the SDK gave, one text or messages.
pub(super) fn call(system: &[Part<'_>], messages: &[Message<'_>]) -> String {
    #[derive(Serialize)]
    struct Call<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        system: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        prompt: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        messages: Option<Vec<PromptMessage<'a>>>,
    }
    let text = match messages {
        [message] if message.role.as_deref() == Some("user") => message.only_text(),
        _ => None,
    };
    let list = (text.is_none() && !messages.is_empty()).then(|| prompt(&[], messages));
    write(&Call { system: text_of_parts(untold(system, messages)), prompt: text, messages: list })
}

/// `ai.response.toolCalls`: arguments are a JSON string here, an object in the prompt.
pub(super) fn tool_calls(message: &Message<'_>) -> String {
    #[derive(Serialize)]
    #[serde(rename_all = "camelCase")]
    struct ToolCall<'a> {
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_call_id: Option<Cow<'a, str>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        tool_name: Option<Cow<'a, str>>,
        input: Cow<'a, str>,
    }
    let calls: Vec<_> = message
        .of_kind(Kind::ToolCall)
        .map(|part| ToolCall {
            tool_call_id: part.text("id"),
            tool_name: part.text("name"),
            input: part.arguments(),
        })
        .collect();
    write(&calls)
}

/// One entry of `ai.prompt.tools`.
pub(super) fn tool(tool: &Part<'_>) -> String {
    if tool.raw("name").is_none() {
        return tool.to_json();
    }
    let mut object = Object::default();
    object.text("type", Some(tool.type_name().unwrap_or(Cow::Borrowed("function"))));
    object.raw("name", tool.raw("name"));
    object.raw("description", tool.raw("description"));
    let schema =
        ["parameters", "inputSchema", "input_schema"].iter().find_map(|name| tool.raw(name));
    object.raw("inputSchema", schema);
    write(&object)
}

#[derive(Serialize)]
struct PromptMessage<'a> {
    role: Cow<'a, str>,
    content: Content<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Content<'a> {
    Text(Cow<'a, str>),
    Parts(Vec<PromptPart<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "kebab-case", rename_all_fields = "camelCase")]
enum PromptPart<'a> {
    Text { text: Cow<'a, str> },
    Reasoning { text: Cow<'a, str> },
    File { media_type: Cow<'a, str>, data: Cow<'a, str> },
    ToolCall { tool_call_id: Cow<'a, str>, tool_name: Cow<'a, str>, input: Cow<'a, RawValue> },
    ToolResult { tool_call_id: Cow<'a, str>, tool_name: Cow<'a, str>, output: ToolOutput<'a> },
}

#[derive(Serialize)]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
enum ToolOutput<'a> {
    Text(Cow<'a, str>),
    Json(Cow<'a, RawValue>),
}

fn prompt<'a>(system: &[Part<'a>], messages: &[Message<'a>]) -> Vec<PromptMessage<'a>> {
    let mut prompt = Vec::with_capacity(messages.len() + 1);
    if let Some(text) = text_of_parts(untold(system, messages)) {
        prompt.push(PromptMessage { role: Cow::Borrowed("system"), content: Content::Text(text) });
    }
    let names = tool_names(messages);
    for message in messages {
        let role = message.role.clone().unwrap_or(Cow::Borrowed("user"));
        if matches!(&*role, "system" | "developer") {
            let content = Content::Text(message.text().unwrap_or_default());
            prompt.push(PromptMessage { role: Cow::Borrowed("system"), content });
            continue;
        }
        let results: Vec<_> = message
            .of_kind(Kind::ToolCallResponse)
            .map(|part| {
                let id = part.text("id").unwrap_or_default();
                let tool_name =
                    part.text("name").or_else(|| names.get(&id).cloned()).unwrap_or_default();
                PromptPart::ToolResult { tool_call_id: id, tool_name, output: output(part) }
            })
            .collect();
        let answered = !results.is_empty();
        if answered {
            prompt.push(PromptMessage {
                role: Cow::Borrowed("tool"),
                content: Content::Parts(results),
            });
        }
        let parts: Vec<_> = message
            .parts
            .iter()
            .filter(|part| part.kind != Kind::ToolCallResponse)
            .map(prompt_part)
            .collect();
        if !parts.is_empty() || !answered {
            prompt.push(PromptMessage { role, content: Content::Parts(parts) });
        }
    }
    prompt
}

fn prompt_part<'a>(part: &Part<'a>) -> PromptPart<'a> {
    match part.kind {
        Kind::Text => PromptPart::Text { text: part.content().unwrap_or_default() },
        Kind::Reasoning => PromptPart::Reasoning { text: part.content().unwrap_or_default() },
        Kind::ToolCall => PromptPart::ToolCall {
            tool_call_id: part.text("id").unwrap_or_default(),
            tool_name: part.text("name").unwrap_or_default(),
            input: json_of(part.raw("arguments")),
        },
        Kind::Uri | Kind::Blob => {
            let data = if part.kind == Kind::Uri { part.text("uri") } else { part.content() };
            let media_type = part
                .text("mime_type")
                .or_else(|| Some(Cow::Owned(format!("{}/*", part.modality()?))));
            match data.filter(|data| !data.is_empty()).zip(media_type) {
                Some((data, media_type)) => PromptPart::File { media_type, data },
                None => PromptPart::Text { text: Cow::Owned(part.to_json()) },
            }
        }
        _ => PromptPart::Text { text: Cow::Owned(part.to_json()) },
    }
}

fn output<'a>(part: &Part<'a>) -> ToolOutput<'a> {
    let Some(raw) = part.raw("response").or_else(|| part.raw("result")) else {
        return ToolOutput::Text(Cow::Borrowed(""));
    };
    match text_of(raw) {
        Some(text) if raw.get().starts_with('"') => ToolOutput::Text(text),
        _ => ToolOutput::Json(Cow::Borrowed(raw)),
    }
}

/// Arguments as JSON, also when a producer wrote them as a string that holds JSON.
fn json_of(raw: Option<&RawValue>) -> Cow<'_, RawValue> {
    let Some(raw) = raw else { return Cow::Owned(no_arguments()) };
    match text_of(raw) {
        Some(text) if raw.get().starts_with('"') => {
            parsed(&text).map_or(Cow::Borrowed(raw), |json| Cow::Owned(json.to_owned()))
        }
        _ => Cow::Borrowed(raw),
    }
}

fn no_arguments() -> Box<RawValue> {
    parsed("{}").unwrap_or(RawValue::NULL).to_owned()
}
