//! gen_ai → open_inference → gen_ai: what both can say is there again.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};
use tracing_genai::format::{Format, OpenInference};

use crate::cases::{attributes_to_json, cases};

/// Cases that are about something else: the application's own target attributes, broken JSON, one
/// fact in two places.
static NOT_COMPARED: &[&str] = &["set_by_user", "malformed", "dual_spelling", "system_told_twice"];

/// Attributes that OpenInference cannot say in full, and what becomes of them.
static LOSSY: &[(&str, &str)] = &[
    ("gen_ai.provider.name", "told as `llm.provider` and `llm.system`, whose names are other ones"),
    (
        "gen_ai.request.model",
        "kept where it differs from the response's model; embedding spans have one model",
    ),
    ("gen_ai.response.model", "one name stands for both when only one is known"),
    ("gen_ai.output.type", "told as `response_format`"),
];

#[test]
fn what_both_can_say_is_there_again() {
    for (name, span) in cases() {
        if NOT_COMPARED.contains(&name.as_str()) {
            continue;
        }
        let original = attributes_to_json(&span.attributes);
        let told = attributes_to_json(&OpenInference::new().format(span).attributes);
        let again = reverse(&told);
        for (key, value) in &original {
            if LOSSY.iter().any(|(row, _)| row == key) {
                continue;
            }
            let key = if key == "gen_ai.usage.cache_write.input_tokens" {
                "gen_ai.usage.cache_creation.input_tokens"
            } else {
                key
            };
            let Some(found) = again.get(key) else { panic!("{name} lost {key}: {told:#?}") };
            assert_eq!(normal(key, found), normal(key, value), "{name} {key}");
        }
    }
}

fn reverse(told: &Map<String, Value>) -> Map<String, Value> {
    let mut again = Map::new();
    let mut set = |key: &str, value: &Value| {
        again.insert(key.to_owned(), value.clone());
    };
    let kind = told.get("openinference.span.kind").and_then(Value::as_str);
    let operation = match kind {
        Some("LLM") if told.keys().any(|key| key.starts_with("llm.prompts.")) => "text_completion",
        Some("LLM") => "chat",
        Some("EMBEDDING") => "embeddings",
        Some("RETRIEVER") => "retrieval",
        Some("RERANKER") => "rerank",
        Some("TOOL") => "execute_tool",
        Some("AGENT") => "invoke_agent",
        _ => "invoke_workflow",
    };
    set("gen_ai.operation.name", &json!(operation));
    for (key, value) in told {
        let renamed = SAME.iter().find(|(_, row)| row == key).map(|(row, _)| *row);
        set(key, value);
        set(renamed.unwrap_or(key), value);
    }
    if let Some(reason) = told
        .get("llm.finish_reason")
        .filter(|_| !told.contains_key("gen_ai.response.finish_reasons"))
    {
        set("gen_ai.response.finish_reasons", &json!([reason]));
    }
    for key in [
        "llm.invocation_parameters",
        "embedding.invocation_parameters",
        "metadata",
        "llm.prompt_template.variables",
    ] {
        let Some(object) = told
            .get(key)
            .and_then(Value::as_str)
            .and_then(|text| serde_json::from_str::<Map<String, Value>>(text).ok())
        else {
            continue;
        };
        for (name, value) in &object {
            let key = match PARAMETERS.iter().find(|(_, row)| row == name) {
                Some((row, _)) => (*row).to_owned(),
                None if key.ends_with("variables") => format!("gen_ai.prompt.variable.{name}"),
                None => name.clone(),
            };
            set(&key, value);
        }
    }
    match kind {
        Some("RETRIEVER" | "RERANKER") => {
            if let Some(query) = told.get("input.value") {
                set("gen_ai.retrieval.query.text", query);
            }
        }
        _ => {
            if let Some(query) = told.get("input.value") {
                set("gen_ai.memory.query.text", query);
            }
            if let Some(records) = told.get("output.value") {
                set("gen_ai.memory.records", records);
                set("gen_ai.tool.call.result", records);
            }
        }
    }
    let mut input = messages(told, "llm.input_messages.");
    if input.first().is_some_and(|message| message["role"] == "system") {
        let system = input.remove(0);
        set("gen_ai.system_instructions", &system["parts"]);
        // A system message inside the conversation stays where it was; it is not the first one.
    }
    for (namespace, leaf) in [
        ("llm.prompts.", "prompt.text"),
        ("embedding.embeddings.", "embedding.text"),
        ("reranker.input_documents.", "document.content"),
    ] {
        let texts = list(told, namespace);
        if !texts.is_empty() {
            let parts: Vec<_> =
                texts.values().map(|text| json!({"type": "text", "content": text[leaf]})).collect();
            input.push(json!({"role": "user", "parts": parts}));
        }
    }
    set("gen_ai.input.messages", &json!(input));
    let mut output = messages(told, "llm.output_messages.");
    for choice in list(told, "llm.choices.").values() {
        output.push(json!({"role": "assistant", "parts": [{"type": "text", "content": choice["completion.text"]}]}));
    }
    set("gen_ai.output.messages", &json!(output));
    let tools: Vec<_> = list(told, "llm.tools.")
        .values()
        .map(|tool| {
            let schema: Value =
                serde_json::from_str(tool["tool.json_schema"].as_str().unwrap()).unwrap();
            let mut definition = schema["function"].clone();
            definition["type"] = schema["type"].clone();
            definition
        })
        .collect();
    set("gen_ai.tool.definitions", &json!(tools));
    for namespace in ["retrieval.documents.", "reranker.output_documents."] {
        let documents: Vec<_> = list(told, namespace)
            .values()
            .map(|document| {
                let mut all = Map::new();
                for (leaf, value) in document {
                    let name = leaf.trim_start_matches("document.");
                    let read = value
                        .as_str()
                        .filter(|_| name == "metadata")
                        .and_then(|text| serde_json::from_str::<Value>(text).ok());
                    match read {
                        // What the conventions allow beside `metadata` is told in it.
                        Some(Value::Object(object)) if object.contains_key("page") => {
                            all.extend(object)
                        }
                        Some(read) => drop(all.insert(name.to_owned(), read)),
                        None => drop(all.insert(name.to_owned(), value.clone())),
                    }
                }
                Value::Object(all)
            })
            .collect();
        if !documents.is_empty() {
            set("gen_ai.retrieval.documents", &json!(documents));
        }
    }
    again
}

fn list(told: &Map<String, Value>, namespace: &str) -> BTreeMap<usize, BTreeMap<String, Value>> {
    let mut list: BTreeMap<usize, BTreeMap<String, Value>> = BTreeMap::new();
    for (key, value) in told {
        if let Some((index, leaf)) =
            key.strip_prefix(namespace).and_then(|rest| rest.split_once('.'))
        {
            list.entry(index.parse().unwrap()).or_default().insert(leaf.to_owned(), value.clone());
        }
    }
    assert!(list.keys().copied().eq(0..list.len()), "indices of {namespace} have gaps");
    list
}

fn messages(told: &Map<String, Value>, namespace: &str) -> Vec<Value> {
    list(told, namespace)
        .into_values()
        .map(|message| {
            let role = message.get("message.role").cloned().unwrap_or_default();
            let mut result = json!({ "role": role });
            if role != "tool" && let Some(name) = message.get("message.name") {
                result["name"] = name.clone();
            }
            let inner: Map<String, Value> = message.clone().into_iter().collect();
            let mut parts = Vec::new();
            if let Some(id) = message.get("message.tool_call_id") {
                parts.push(json!({"type": "tool_call_response", "id": id, "response": message["message.content"]}));
            } else if let Some(text) = message.get("message.content") {
                parts.push(json!({"type": "text", "content": text}));
            }
            parts.extend(list(&inner, "message.contents.").values().filter_map(content));
            for call in list(&inner, "message.tool_calls.").values() {
                let mut part = json!({"type": "tool_call", "name": call["tool_call.function.name"], "arguments": call["tool_call.function.arguments"]});
                if let Some(id) = call.get("tool_call.id") {
                    part["id"] = id.clone();
                }
                parts.push(part);
            }
            result["parts"] = json!(parts);
            result
        })
        .collect()
}

fn content(leaves: &BTreeMap<String, Value>) -> Option<Value> {
    let leaf = |name: &str| leaves.get(&format!("message_content.{name}"));
    let kind = leaf("type")?.as_str()?;
    match kind {
        "text" | "reasoning" => Some(json!({"type": kind, "content": leaf("text")?})),
        "tool_use" => None,
        "image" => Some(media("image", leaf("image.image.url")?)),
        "audio" => Some(media("audio", leaf("audio.audio.url")?)),
        _ => serde_json::from_str(leaf("text")?.as_str()?).ok(),
    }
}

fn media(modality: &str, url: &Value) -> Value {
    match url.as_str().unwrap().strip_prefix("data:").and_then(|rest| rest.split_once(";base64,")) {
        Some((_, content)) => json!({"type": "blob", "modality": modality, "content": content}),
        None => json!({"type": "uri", "modality": modality, "uri": url}),
    }
}

/// What the two conventions spell differently, spelled one way: JSON in strings read, one message
/// per tool response, no finish reason per message, no mime type of what has an address.
fn normal(key: &str, value: &Value) -> Value {
    let value = match value {
        Value::String(text) => match serde_json::from_str::<Value>(text) {
            Ok(json) if json.is_object() || json.is_array() => json,
            _ => value.clone(),
        },
        Value::Number(number) => json!(number.as_f64()),
        other => other.clone(),
    };
    if !key.ends_with(".messages") {
        return value;
    }
    let mut messages = Vec::new();
    for message in value.as_array().unwrap() {
        let parts = message["parts"].as_array().unwrap();
        let (answers, others): (Vec<_>, Vec<_>) =
            parts.iter().partition(|part| part["type"] == "tool_call_response");
        for part in &answers {
            messages.push(json!({"role": "tool", "parts": [normal_part(part)]}));
        }
        if !others.is_empty() || answers.is_empty() {
            let mut message = message.clone();
            message.as_object_mut().unwrap().remove("finish_reason");
            message["parts"] = others.into_iter().map(normal_part).collect();
            messages.push(message);
        }
    }
    Value::Array(messages)
}

fn normal_part(part: &Value) -> Value {
    let mut part = part.clone();
    if part["type"] != "file" {
        let media = part["modality"] == "image" || part["modality"] == "audio";
        part.as_object_mut().unwrap().retain(|key, _| !(media && key == "mime_type"));
    }
    if part["type"] == "tool_call" && part["arguments"].is_null() {
        part["arguments"] = json!({});
    }
    for member in ["arguments", "response"] {
        let read = part[member].as_str().and_then(|text| serde_json::from_str::<Value>(text).ok());
        if let Some(read) = read {
            part[member] = read;
        }
        if part[member].is_null() {
            part.as_object_mut().unwrap().remove(member);
        }
    }
    part
}

static SAME: &[(&str, &str)] = &[
    ("gen_ai.tool.name", "tool.name"),
    ("gen_ai.tool.description", "tool.description"),
    ("gen_ai.tool.call.id", "tool.id"),
    ("gen_ai.tool.call.arguments", "tool.parameters"),
    ("gen_ai.agent.name", "agent.name"),
    ("gen_ai.conversation.id", "session.id"),
    ("gen_ai.prompt.name", "prompt.id"),
    ("gen_ai.prompt.version", "llm.prompt_template.version"),
    ("gen_ai.usage.input_tokens", "llm.token_count.prompt"),
    ("gen_ai.usage.output_tokens", "llm.token_count.completion"),
    ("gen_ai.usage.cache_read.input_tokens", "llm.token_count.prompt_details.cache_read"),
    ("gen_ai.usage.cache_creation.input_tokens", "llm.token_count.prompt_details.cache_write"),
    ("gen_ai.usage.reasoning.output_tokens", "llm.token_count.completion_details.reasoning"),
    ("gen_ai.usage.cost", "llm.cost.total"),
    ("tracing_genai.cost.input", "llm.cost.prompt_details.input"),
    ("tracing_genai.cost.cache_read", "llm.cost.prompt_details.cache_read"),
    ("tracing_genai.cost.output", "llm.cost.completion_details.output"),
    ("gen_ai.retrieval.top_k", "reranker.top_k"),
];

static PARAMETERS: &[(&str, &str)] = &[
    ("gen_ai.request.temperature", "temperature"),
    ("gen_ai.request.top_p", "top_p"),
    ("gen_ai.request.top_k", "top_k"),
    ("gen_ai.request.max_tokens", "max_tokens"),
    ("gen_ai.request.frequency_penalty", "frequency_penalty"),
    ("gen_ai.request.presence_penalty", "presence_penalty"),
    ("gen_ai.request.stop_sequences", "stop"),
    ("gen_ai.request.seed", "seed"),
    ("gen_ai.request.choice.count", "n"),
    ("gen_ai.request.stream", "stream"),
    ("gen_ai.request.encoding_formats", "encoding_format"),
    ("gen_ai.embeddings.dimension.count", "dimensions"),
];
