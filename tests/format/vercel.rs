//! The AI SDK's own spans, key by key: for each span captured from `ai` 6, a canonical span that
//! says the same is formatted, and names and values are compared. What differs is listed, with
//! the reason.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::{Map, Value, json};
use tracing_genai::format::{Format, Vercel};

use crate::cases::{span, to_json};

/// Keys of the SDK that a GenAI span cannot tell.
static MISSING: &[(&str, &str)] = &[
    (
        "ai.settings.maxRetries",
        "retries belong to the SDK's loop; the conventions do not record the setting",
    ),
    (
        "ai.settings.output",
        "how the SDK was asked for an object; the conventions only know that it is JSON",
    ),
    ("ai.schema", "no schema of the answer in the conventions"),
    ("ai.request.headers.", "headers may hold secrets and are never recorded"),
    ("ai.response.providerMetadata", "a provider's own structure, not in the conventions"),
    ("ai.prompt.toolChoice", "the tool choice is not in the conventions, and not guessed"),
    ("ai.embeddings", "vectors are not in the conventions"),
    (
        "ai.telemetry.metadata.langfusePrompt",
        "metadata of the application; it passes when set under this key",
    ),
    (
        "ai.telemetry.metadata.tags",
        "metadata of the application; it passes when set under this key",
    ),
];

/// Keys whose value cannot be the captured one.
static OTHER_VALUE: &[(&str, &str)] = &[
    ("ai.response.timestamp", "the clock of the captured run; here the end of the span"),
    ("ai.response.msToFirstChunk", "the clock of the captured run"),
    ("ai.response.msToFinish", "the clock of the captured run"),
    ("ai.response.avgOutputTokensPerSecond", "the clock of the captured run"),
    (
        "ai.prompt.tools",
        "the SDK adds $schema and additionalProperties to the application's schema",
    ),
];

#[test]
fn every_captured_span_is_matched_key_by_key() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/vercel-ai-6-spans.json");
    let Ok(captured) = fs::read_to_string(&path) else {
        eprintln!("skipped: no captured spans at {}", path.display());
        return;
    };
    let captured: Vec<Value> = serde_json::from_str(&captured).unwrap();
    let mut compared = BTreeMap::new();
    for theirs in &captured {
        let name = theirs["name"].as_str().unwrap();
        let Some(canonical) = canonical(name, theirs["attributes"].as_object().unwrap()) else {
            // An outer span over one embedding or rerank call: one GenAI span becomes the inner one.
            assert!(["ai.embed", "ai.embedMany", "ai.rerank"].contains(&name), "{name}");
            continue;
        };
        let mut case = json!({"span": "x", "kind": "client", "attributes": canonical});
        if theirs["status"]["code"] == 2 {
            case["error"] = json!("boom");
            case["attributes"]["error.type"] = json!("Error");
        }
        let ours = to_json(&Vercel::new().format(span(&case)));
        compare(name, theirs, &ours);
        *compared.entry(name.to_owned()).or_insert(0) += 1;
    }
    assert_eq!(compared.len(), 10, "{compared:?}");
}

fn compare(name: &str, theirs: &Value, ours: &Value) {
    assert_eq!(ours["name"], name);
    assert_eq!(ours["kind"], "Internal");
    assert_eq!(ours["scope"], json!({"name": "ai", "version": null, "schema_url": null}));
    let (their, our) =
        (theirs["attributes"].as_object().unwrap(), ours["attributes"].as_object().unwrap());
    for (key, value) in their {
        if listed(MISSING, key) {
            continue;
        }
        let Some(found) = our.get(key) else { panic!("{name} lacks {key}") };
        if !listed(OTHER_VALUE, key) {
            assert_eq!(parsed(found), parsed(value), "{name} {key}");
        }
    }
    for key in our.keys() {
        // `error.type` is not the SDK's and says nothing that its exception event does not.
        assert!(their.contains_key(key) || key == "error.type", "{name} has {key} too");
    }
    let names = |span: &Value| -> Vec<_> {
        span["events"].as_array().unwrap().iter().map(|event| event["name"].clone()).collect()
    };
    assert_eq!(names(ours), names(theirs), "{name}");
}

fn listed(rows: &[(&str, &str)], key: &str) -> bool {
    rows.iter().any(|(row, _)| {
        if row.ends_with('.') {
            key.starts_with(row)
        } else {
            key == *row || (*row == "ai.schema" && key.starts_with("ai.schema"))
        }
    })
}

/// JSON inside a string is compared as JSON; the bytes of a picture are told in base64 by the
/// inner span and as an object of bytes by the outer one.
fn parsed(value: &Value) -> Value {
    match value {
        Value::String(text) => serde_json::from_str(text)
            .map_or_else(|_| value.clone(), |json| without_pictures(&json)),
        Value::Array(list) => list.iter().map(parsed).collect(),
        _ => value.clone(),
    }
}

fn without_pictures(value: &Value) -> Value {
    match value {
        Value::Array(list) => list.iter().map(without_pictures).collect(),
        Value::Object(object) if object.contains_key("mediaType") => json!("a picture"),
        Value::Object(object) => {
            object.iter().map(|(key, value)| (key.clone(), without_pictures(value))).collect()
        }
        other => other.clone(),
    }
}

/// The canonical span that says what a captured one says.
fn canonical(name: &str, theirs: &Map<String, Value>) -> Option<Value> {
    let stream = name.starts_with("ai.stream");
    let object = name.contains("Object");
    let operation = match name {
        "ai.toolCall" => "execute_tool",
        "ai.embed.doEmbed" | "ai.embedMany.doEmbed" => "embeddings",
        "ai.rerank.doRerank" => "rerank",
        _ if name.ends_with(".doGenerate") || name.ends_with(".doStream") => "chat",
        "ai.generateText" | "ai.streamText" | "ai.generateObject" => "invoke_agent",
        _ => return None,
    };
    let mut ours = Map::new();
    ours.insert("gen_ai.operation.name".into(), json!(operation));
    ours.insert("gen_ai.agent.name".into(), json!("my-fn"));
    if operation != "execute_tool" {
        let provider = theirs["ai.model.provider"].as_str().unwrap().split('.').next().unwrap();
        ours.insert("gen_ai.provider.name".into(), json!(provider));
    }
    for (from, to) in [
        ("ai.model.id", "gen_ai.request.model"),
        ("ai.telemetry.metadata.userId", "user.id"),
        ("ai.telemetry.metadata.sessionId", "gen_ai.conversation.id"),
        ("ai.settings.maxOutputTokens", "gen_ai.request.max_tokens"),
        ("ai.settings.temperature", "gen_ai.request.temperature"),
        ("ai.settings.topP", "gen_ai.request.top_p"),
        ("ai.settings.stopSequences", "gen_ai.request.stop_sequences"),
        ("ai.settings.seed", "gen_ai.request.seed"),
        ("ai.response.id", "gen_ai.response.id"),
        ("ai.response.model", "gen_ai.response.model"),
        ("ai.usage.inputTokens", "gen_ai.usage.input_tokens"),
        ("ai.usage.promptTokens", "gen_ai.usage.input_tokens"),
        ("ai.usage.tokens", "gen_ai.usage.input_tokens"),
        ("ai.usage.outputTokens", "gen_ai.usage.output_tokens"),
        ("ai.usage.completionTokens", "gen_ai.usage.output_tokens"),
        ("ai.usage.cachedInputTokens", "gen_ai.usage.cache_read.input_tokens"),
        ("ai.usage.inputTokenDetails.cacheWriteTokens", "gen_ai.usage.cache_creation.input_tokens"),
        ("ai.usage.reasoningTokens", "gen_ai.usage.reasoning.output_tokens"),
        ("ai.toolCall.name", "gen_ai.tool.name"),
        ("ai.toolCall.id", "gen_ai.tool.call.id"),
        ("ai.toolCall.args", "gen_ai.tool.call.arguments"),
        ("ai.toolCall.result", "gen_ai.tool.call.result"),
    ] {
        if let Some(value) = theirs.get(from) {
            ours.insert(to.into(), value.clone());
        }
    }
    if let Some(reason) = theirs.get("ai.response.finishReason") {
        let reason = if reason == "tool-calls" { json!("tool_call") } else { reason.clone() };
        ours.insert("gen_ai.response.finish_reasons".into(), json!([reason]));
    }
    if stream {
        ours.insert("gen_ai.request.stream".into(), json!(true));
    }
    if object {
        ours.insert("gen_ai.output.type".into(), json!("json"));
    }
    if let Some(milliseconds) = theirs.get("ai.response.msToFirstChunk") {
        ours.insert(
            "gen_ai.response.time_to_first_chunk".into(),
            json!(milliseconds.as_f64().unwrap() / 1000.0),
        );
    }
    if let Some(tools) = theirs.get("ai.prompt.tools") {
        let tools: Vec<Value> = tools
            .as_array()
            .unwrap()
            .iter()
            .map(|tool| {
                let tool: Value = serde_json::from_str(tool.as_str().unwrap()).unwrap();
                json!({"type": "function", "name": tool["name"], "description": tool["description"], "parameters": tool["inputSchema"]})
            })
            .collect();
        ours.insert("gen_ai.tool.definitions".into(), json!(tools));
    }
    messages(theirs, &mut ours);
    Some(Value::Object(ours))
}

fn messages(theirs: &Map<String, Value>, ours: &mut Map<String, Value>) {
    let read = |key: &str| {
        theirs.get(key).map(|text| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap())
    };
    let mut system = None;
    let mut input = Vec::new();
    let mut list = read("ai.prompt.messages").into_iter().collect::<Vec<_>>();
    if let Some(call) = read("ai.prompt") {
        system = call.get("system").cloned();
        list.extend(call.get("messages").cloned());
        if let Some(prompt) = call.get("prompt") {
            input.push(json!({"role": "user", "parts": [{"type": "text", "content": prompt}]}));
        }
    }
    for message in list.iter().flat_map(|list| list.as_array().unwrap()) {
        if message["role"] == "system" {
            system = Some(message["content"].clone());
            continue;
        }
        let parts: Vec<Value> = message["content"].as_array().unwrap().iter().map(part).collect();
        input.push(json!({"role": message["role"], "parts": parts}));
    }
    if let Some(system) = system {
        ours.insert(
            "gen_ai.system_instructions".into(),
            json!([{"type": "text", "content": system}]),
        );
    }
    if let Some(Value::Array(values)) =
        theirs.get("ai.values").or_else(|| theirs.get("ai.documents"))
    {
        let texts: Vec<Value> = values
            .iter()
            .map(|text| json!({"type": "text", "content": serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap()}))
            .collect();
        input.push(json!({"role": "user", "parts": texts}));
    }
    if !input.is_empty() {
        ours.insert("gen_ai.input.messages".into(), json!(input));
    }
    if let Some(Value::Array(ranks)) = theirs.get("ai.ranking") {
        let documents: Vec<Value> = ranks
            .iter()
            .map(|rank| {
                let rank: Value = serde_json::from_str(rank.as_str().unwrap()).unwrap();
                json!({"id": rank["index"].to_string(), "score": rank["relevanceScore"]})
            })
            .collect();
        ours.insert("gen_ai.retrieval.documents".into(), json!(documents));
    }
    let mut answer = Vec::new();
    if let Some(text) = theirs.get("ai.response.reasoning") {
        answer.push(json!({"type": "reasoning", "content": text}));
    }
    if let Some(text) = theirs.get("ai.response.text").or_else(|| theirs.get("ai.response.object"))
    {
        answer.push(json!({"type": "text", "content": text}));
    }
    for call in read("ai.response.toolCalls").iter().flat_map(|calls| calls.as_array().unwrap()) {
        let arguments: Value = serde_json::from_str(call["input"].as_str().unwrap()).unwrap();
        answer.push(json!({"type": "tool_call", "id": call["toolCallId"], "name": call["toolName"], "arguments": arguments}));
    }
    if !answer.is_empty() {
        ours.insert(
            "gen_ai.output.messages".into(),
            json!([{"role": "assistant", "parts": answer, "finish_reason": "stop"}]),
        );
    }
}

fn part(part: &Value) -> Value {
    match part["type"].as_str().unwrap() {
        "text" => json!({"type": "text", "content": part["text"]}),
        "reasoning" => json!({"type": "reasoning", "content": part["text"]}),
        "tool-call" => {
            json!({"type": "tool_call", "id": part["toolCallId"], "name": part["toolName"], "arguments": part["input"]})
        }
        "tool-result" => {
            json!({"type": "tool_call_response", "id": part["toolCallId"], "response": part["output"]["value"]})
        }
        _ => {
            json!({"type": "blob", "modality": "image", "mime_type": part["mediaType"], "content": "iVBORw0KGgo="})
        }
    }
}
