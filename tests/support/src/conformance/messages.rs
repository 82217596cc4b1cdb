//! The JSON schemas of message content.

use serde_json::Value;

/// Complaints about the JSON value of a content attribute.
pub(crate) fn check(key: &str, text: &str) -> Vec<String> {
    let value: Value = match serde_json::from_str(text) {
        Ok(value) => value,
        // A tool may return any text.
        Err(_) if key.starts_with("gen_ai.tool.call.") => return Vec::new(),
        Err(error) => return vec![format!("{key}: not JSON: {error}")],
    };
    let mut complaints = Vec::new();
    let mut items = |each: &dyn Fn(&Value) -> Vec<String>| match &value {
        Value::Array(items) if items.is_empty() => complaints.push(format!("{key}: empty list")),
        Value::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                complaints.extend(each(item).into_iter().map(|it| format!("{key}[{index}]{it}")));
            }
        }
        _ => complaints.push(format!("{key}: not a list")),
    };
    match key {
        "gen_ai.input.messages" => items(&|item| message(item, false)),
        "gen_ai.output.messages" => items(&|item| message(item, true)),
        "gen_ai.system_instructions" => items(&part),
        "gen_ai.tool.definitions" => items(&|item| text_fields(item, &["type", "name"])),
        "gen_ai.retrieval.documents" => items(&object),
        "gen_ai.memory.records" => items(&|item| any_fields(item, &["content"])),
        _ => {}
    }
    complaints
}

fn message(item: &Value, output: bool) -> Vec<String> {
    let mut complaints = text_fields(item, &["role"]);
    if output {
        complaints.extend(text_fields(item, &["finish_reason"]));
    }
    match item["parts"].as_array() {
        Some(parts) => {
            for (index, it) in parts.iter().enumerate() {
                complaints.extend(part(it).into_iter().map(|it| format!(".parts[{index}]{it}")));
            }
        }
        None => complaints.push(".parts: not a list".to_owned()),
    }
    complaints.extend(nulls(item));
    complaints
}

fn part(item: &Value) -> Vec<String> {
    let mut complaints = text_fields(item, &["type"]);
    complaints.extend(match item["type"].as_str() {
        Some("text" | "reasoning") => text_fields(item, &["content"]),
        Some("tool_call") => text_fields(item, &["name"]),
        Some("tool_call_response") => any_fields(item, &["response"]),
        Some("server_tool_call") => {
            let mut list = text_fields(item, &["name"]);
            list.extend(text_fields(&item["server_tool_call"], &["type"]));
            list
        }
        Some("server_tool_call_response") => {
            text_fields(&item["server_tool_call_response"], &["type"])
        }
        Some("blob") => text_fields(item, &["modality", "content"]),
        Some("file") => text_fields(item, &["modality", "file_id"]),
        Some("uri") => text_fields(item, &["modality", "uri"]),
        _ => Vec::new(),
    });
    complaints.extend(nulls(item));
    complaints
}

fn object(item: &Value) -> Vec<String> {
    if item.is_object() { Vec::new() } else { vec![": not an object".to_owned()] }
}

fn text_fields(item: &Value, fields: &[&str]) -> Vec<String> {
    let missing = fields.iter().filter(|field| !item[**field].is_string());
    missing.map(|field| format!(".{field}: not a string: {}", item[*field])).collect()
}

fn any_fields(item: &Value, fields: &[&str]) -> Vec<String> {
    let missing = fields.iter().filter(|field| item.get(**field).is_none());
    missing.map(|field| format!(".{field}: missing")).collect()
}

fn nulls(item: &Value) -> Vec<String> {
    let fields = item.as_object().into_iter().flatten();
    fields.filter(|(_, value)| value.is_null()).map(|(key, _)| format!(".{key}: null")).collect()
}
