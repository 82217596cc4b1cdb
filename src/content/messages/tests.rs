#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "tests")]

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn shaped(kind: Shape, text: &str) -> String {
    let once = shape(kind, text).json.into_owned();
    check(kind, &once);
    let twice = shape(kind, &once).json.into_owned();
    assert_eq!(once, twice, "shaping is idempotent: {text}");
    once
}

/// The schemas of the convention, by hand.
fn check(kind: Shape, json: &str) {
    let value: Value = serde_json::from_str(json).unwrap_or_else(|e| panic!("{e}: {json}"));
    let problem = match kind {
        Shape::InputMessages => messages_problem(&value, false),
        Shape::OutputMessages => messages_problem(&value, true),
        Shape::SystemInstructions => parts_problem(&value),
        Shape::ToolDefinitions => every(&value, |tool| {
            (!tool["type"].is_string() || !tool["name"].is_string()).then_some("type or name")
        }),
        Shape::RetrievalDocuments => every(&value, |document| {
            (!document.is_object()
                || !document.get("id").is_none_or(Value::is_string)
                || !document.get("score").is_none_or(Value::is_number))
            .then_some("document")
        }),
        Shape::MemoryRecords => {
            every(&value, |record| record.get("content").is_none().then_some("content"))
        }
        Shape::ToolCallArguments | Shape::ToolCallResult => None,
    };
    assert_eq!(problem, None, "{json}");
    let read = match kind {
        Shape::InputMessages | Shape::OutputMessages => conversation::messages(json).is_some(),
        Shape::SystemInstructions => {
            let parts = conversation::instructions(json);
            Node::parse(&conversation::to_json(&parts)) == Node::parse(json)
        }
        Shape::ToolDefinitions | Shape::RetrievalDocuments | Shape::MemoryRecords => {
            conversation::objects(json).is_some()
        }
        Shape::ToolCallArguments | Shape::ToolCallResult => true,
    };
    assert!(read, "formats cannot read {json}");
}

fn every(value: &Value, problem: impl Fn(&Value) -> Option<&'static str>) -> Option<&'static str> {
    value.as_array().map_or(Some("no array"), |items| items.iter().find_map(problem))
}

fn messages_problem(value: &Value, output: bool) -> Option<&'static str> {
    every(value, |message| {
        if !message["role"].is_string() {
            return Some("role");
        }
        if output && !message["finish_reason"].is_string() {
            return Some("finish_reason");
        }
        if message.get("name").is_some_and(|name| !name.is_string()) {
            return Some("name");
        }
        parts_problem(&message["parts"])
    })
}

fn parts_problem(value: &Value) -> Option<&'static str> {
    every(value, |part| {
        let text = |key: &str| part[key].is_string();
        let right = match part["type"].as_str()? {
            "text" | "reasoning" => text("content"),
            "tool_call" => text("name"),
            "tool_call_response" => part.get("response").is_some(),
            "server_tool_call" => text("name") && part["server_tool_call"]["type"].is_string(),
            "server_tool_call_response" => part["server_tool_call_response"]["type"].is_string(),
            "blob" => text("modality") && text("content"),
            "file" => text("modality") && text("file_id"),
            "uri" => text("modality") && text("uri"),
            _ => true,
        };
        (!right).then_some("part")
    })
    .or_else(|| every(value, |part| (!part["type"].is_string()).then_some("part type")))
}

#[test]
fn content_that_is_right_is_returned_as_it_is() {
    let cases = [
        (Shape::InputMessages, r#"[ {"parts":[{"content":"hi","type":"text"}], "role":"user"} ]"#),
        (
            Shape::OutputMessages,
            r#"[{"role":"assistant","parts":[{"type":"my_part","x":1}],"finish_reason":"stop","index":0}]"#,
        ),
        (Shape::SystemInstructions, r#"[{"type":"text","content":"be nice"}]"#),
        (Shape::ToolDefinitions, r#"[{"type":"function","name":"w","parameters":{"b":1,"a":2}}]"#),
        (Shape::ToolCallArguments, r#"{"b":1,"a":2.50}"#),
        (Shape::RetrievalDocuments, r#"[{"id":"d","score":0.5}]"#),
        (Shape::MemoryRecords, r#"[{"content":"x","metadata":{}}]"#),
    ];
    for (kind, text) in cases {
        let shaped = shape(kind, text);
        assert!(matches!(shaped.json, Cow::Borrowed(_)), "{text} became {}", shaped.json);
        check(kind, &shaped.json);
    }
}

#[test]
fn input_messages_of_every_dialect() {
    let user = |parts: &str| format!(r#"[{{"role":"user","parts":[{parts}]}}]"#);
    let hi = user(r#"{"type":"text","content":"hi"}"#);
    let cases = [
        // Plain text and Debug text.
        ("hi", hi.clone()),
        (r#""hi""#, hi.clone()),
        (r#"["hi"]"#, hi.clone()),
        (r#""[\"hi\"]""#, hi.clone()),
        (r#"Some("hi")"#, hi.clone()),
        (r#"Some("[{\"role\":\"user\",\"content\":\"hi\"}]")"#, hi.clone()),
        (r#"[Message { role: User, content: "hi" }]"#, hi.clone()),
        (r#"[User { content: OneOrMany { first: Text(Text { text: "hi" }), rest: [] } }]"#, hi.clone()),
        (r#"{"question":"x"}"#, user(r#"{"type":"text","content":"{\"question\":\"x\"}"}"#)),
        ("42", user(r#"{"type":"text","content":"42"}"#)),
        ("null", "[]".to_owned()),
        ("[]", "[]".to_owned()),
        // OpenAI chat.
        (r#"[{"role":"user","content":"hi"}]"#, hi.clone()),
        (r#"{"role":"user","content":"hi"}"#, hi.clone()),
        (r#"{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"hi"}]}]}"#, hi.clone()),
        (
            r#"[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"w","arguments":"{\"b\":1,\"a\":2}"}}]},{"role":"tool","tool_call_id":"c","content":"{\"t\":5}"}]"#,
            concat!(
                r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"w","arguments":{"b":1,"a":2}}]},"#,
                r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"c","response":{"t":5}}]}]"#
            ).to_owned(),
        ),
        (
            r#"[{"role":"user","name":"bob","content":[{"type":"image_url","image_url":{"url":"https://x/y.png"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,QUJD"}},{"type":"input_audio","input_audio":{"data":"QUJD","format":"wav"}},{"type":"file","file":{"file_id":"f"}}]}]"#,
            concat!(
                r#"[{"role":"user","parts":[{"type":"uri","modality":"image","uri":"https://x/y.png"},"#,
                r#"{"type":"blob","mime_type":"image/png","modality":"image","content":"QUJD"},"#,
                r#"{"type":"blob","mime_type":"audio/wav","modality":"audio","content":"QUJD"},"#,
                r#"{"type":"file","modality":"document","file_id":"f"}],"name":"bob"}]"#
            ).to_owned(),
        ),
        // OpenAI responses.
        (
            r#"{"instructions":"s","input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"function_call","id":"fc","call_id":"c","name":"w","arguments":"{}"},{"type":"function_call_output","call_id":"c","output":"ok"}]}"#,
            concat!(
                r#"[{"role":"system","parts":[{"type":"text","content":"s"}]},"#,
                r#"{"role":"user","parts":[{"type":"text","content":"hi"}]},"#,
                r#"{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"w","arguments":{}}]},"#,
                r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"c","response":"ok"}]}]"#
            ).to_owned(),
        ),
        // Anthropic.
        (
            r#"{"system":[{"type":"text","text":"s"}],"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"QUJD"}},{"type":"document","source":{"type":"text","media_type":"text/plain","data":"doc"}}]},{"role":"assistant","content":[{"type":"thinking","thinking":"hm","signature":"x"},{"type":"tool_use","id":"t","name":"w","input":{"a":1}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"text","text":"ok"}],"is_error":true},{"type":"text","text":"hi"}]}]}"#,
            concat!(
                r#"[{"role":"system","parts":[{"type":"text","content":"s"}]},"#,
                r#"{"role":"user","parts":[{"type":"blob","mime_type":"image/png","modality":"image","content":"QUJD"},{"type":"text","content":"doc"}]},"#,
                r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"tool_call","id":"t","name":"w","arguments":{"a":1}}]},"#,
                r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"t","response":"ok","is_error":true}]},"#,
                r#"{"role":"user","parts":[{"type":"text","content":"hi"}]}]"#
            ).to_owned(),
        ),
        (r#"[{"type":"text","text":"hi"}]"#, hi.clone()),
        // Gemini.
        (
            r#"{"systemInstruction":{"parts":[{"text":"s"}]},"contents":[{"role":"user","parts":[{"text":"hi"},{"inlineData":{"mimeType":"image/png","data":"QUJD"}},{"fileData":{"mimeType":"video/mp4","fileUri":"gs://b/v"}}]},{"role":"model","parts":[{"text":"hm","thought":true},{"functionCall":{"name":"w","args":{"a":1}}}]},{"role":"user","parts":[{"functionResponse":{"name":"w","response":{"r":1}}}]}]}"#,
            concat!(
                r#"[{"role":"system","parts":[{"type":"text","content":"s"}]},"#,
                r#"{"role":"user","parts":[{"type":"text","content":"hi"},{"type":"blob","mime_type":"image/png","modality":"image","content":"QUJD"},{"type":"uri","mime_type":"video/mp4","modality":"video","uri":"gs://b/v"}]},"#,
                r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"tool_call","name":"w","arguments":{"a":1}}]},"#,
                r#"{"role":"tool","parts":[{"type":"tool_call_response","response":{"r":1}}]}]"#
            ).to_owned(),
        ),
        // Bedrock.
        (
            r#"{"system":[{"text":"s"}],"messages":[{"role":"user","content":[{"text":"hi"},{"image":{"format":"png","source":{"bytes":"QUJD"}}}]},{"role":"assistant","content":[{"reasoningContent":{"reasoningText":{"text":"hm"}}},{"toolUse":{"toolUseId":"t","name":"w","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"t","content":[{"json":{"r":1}}]}}]}]}"#,
            concat!(
                r#"[{"role":"system","parts":[{"type":"text","content":"s"}]},"#,
                r#"{"role":"user","parts":[{"type":"text","content":"hi"},{"type":"blob","mime_type":"image/png","modality":"image","content":"QUJD"}]},"#,
                r#"{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"tool_call","id":"t","name":"w","arguments":{}}]},"#,
                r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"t","response":{"r":1}}]}]"#
            ).to_owned(),
        ),
        // rig.
        (
            r#"[{"role":"assistant","content":[{"type":"toolcall","id":"t","function":{"name":"w","arguments":{"a":1}}}]},{"role":"user","content":[{"type":"toolresult","call":"t","name":"w","content":[{"type":"text","text":"ok"}]}]}]"#,
            concat!(
                r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"t","name":"w","arguments":{"a":1}}]},"#,
                r#"{"role":"tool","parts":[{"type":"tool_call_response","id":"t","response":"ok"}]}]"#
            ).to_owned(),
        ),
        (
            r#"[{"role":"user","content":[{"type":"image","data":{"type":"base64","value":"QUJD"},"media_type":"png"},{"type":"image","data":{"type":"url","value":"https://x"}}]}]"#,
            user(r#"{"type":"blob","mime_type":"image/png","modality":"image","content":"QUJD"},{"type":"uri","modality":"image","uri":"https://x"}"#),
        ),
        // The convention, nearly: nulls, the retired `result`, arguments as text, a wrong role.
        (
            r#"[{"role":"user","name":null,"parts":[{"type":"tool_call_response","id":"t","result":"ok"}]},{"role":"assistant","parts":[{"type":"tool_call","id":null,"name":"w","arguments":"{\"a\":1}"},{"type":"uri","uri":"https://x","modality":"image","mime_type":null}]}]"#,
            concat!(
                r#"[{"role":"tool","parts":[{"type":"tool_call_response","id":"t","response":"ok"}]},"#,
                r#"{"role":"assistant","parts":[{"type":"tool_call","name":"w","arguments":{"a":1}},{"type":"uri","uri":"https://x","modality":"image"}]}]"#
            ).to_owned(),
        ),
        // What the policy leaves of media stays a blob.
        (
            r#"[{"role":"user","content":[{"type":"image_url","image_url":{"url":"[image/png, 3 bytes, sha256:00]"}}]}]"#,
            user(r#"{"type":"blob","mime_type":"image/png","modality":"image","content":"[image/png, 3 bytes, sha256:00]"}"#),
        ),
        (
            r#"[{"role":"user","content":[{"type":"search_result","title":"x"}]}]"#,
            user(r#"{"type":"generic","generic_type":"search_result","title":"x"}"#),
        ),
    ];
    for (text, expected) in cases {
        assert_eq!(shaped(Shape::InputMessages, text), expected, "{text}");
    }
}

#[test]
fn output_messages_of_every_dialect() {
    let said = |reason: &str| {
        format!(
            r#"[{{"role":"assistant","parts":[{{"type":"text","content":"ho"}}],"finish_reason":"{reason}"}}]"#
        )
    };
    let call = r#"[{"role":"assistant","parts":[{"type":"tool_call","id":"c","name":"w","arguments":{"a":1}}],"finish_reason":"tool_call"}]"#;
    let cases: &[(&str, String, &[&str])] = &[
        ("ho", said("stop"), &[]),
        (r#"{"choices":[{"index":0,"finish_reason":"length","message":{"role":"assistant","content":"ho"}}]}"#, said("length"), &["length"]),
        (r#"{"choices":[{"index":0,"finish_reason":"stop","text":"ho"}]}"#, said("stop"), &["stop"]),
        (r#"{"role":"assistant","content":"ho","finish_reason":"unknown"}"#, said("stop"), &[]),
        (r#"[{"role":"assistant","parts":[{"type":"text","content":"ho"}],"finish_reason":"MAX_TOKENS"}]"#, said("length"), &["length"]),
        (r#"{"type":"message","role":"assistant","content":[{"type":"text","text":"ho"}],"stop_reason":"end_turn","stop_sequence":null}"#, said("stop"), &["stop"]),
        (r#"{"candidates":[{"content":{"role":"model","parts":[{"text":"ho"}]},"finishReason":"SAFETY"}]}"#, said("content_filter"), &["content_filter"]),
        (r#"[{"candidates":[{"content":{"role":"model","parts":[{"text":"h"}]}}]},{"candidates":[{"content":{"role":"model","parts":[{"text":"o"}]},"finishReason":"STOP"}]}]"#, said("stop"), &["stop"]),
        (r#"{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","text":"ho"}]}]}"#, said("length"), &["length"]),
        (r#"{"output":{"message":{"role":"assistant","content":[{"text":"ho"}]}},"stopReason":"guardrail_intervened"}"#, said("content_filter"), &["content_filter"]),
        (r#"{"message":{"role":"assistant","content":"ho"},"done_reason":"stop","done":true}"#, said("stop"), &["stop"]),
        (r#"{"text":"ho","generation_id":"g","finish_reason":"COMPLETE"}"#, said("stop"), &["stop"]),
        (r#"{"role":"assistant","content":[{"type":"text","text":"ho"}],"stop":"length"}"#, said("length"), &["length"]),
        (r#"{"role":"assistant","content":null,"refusal":"ho"}"#, said("stop"), &[]),
        (r#"{"role":"assistant","content":"","tool_calls":[{"id":"c","function":{"name":"w","arguments":"{\"a\":1}"}}]}"#, call.to_owned(), &[]),
        (r#"{"content":[{"type":"tool_use","id":"c","name":"w","input":{"a":1}}],"role":"assistant","stop_reason":"tool_use"}"#, call.to_owned(), &["tool_call"]),
        (
            r#"{"status":"completed","output":[{"type":"reasoning","id":"r","summary":[{"type":"summary_text","text":"hm"}]},{"type":"web_search_call","id":"ws","status":"completed","action":{"type":"search"}},{"type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"ho"}]}]}"#,
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"hm"},{"type":"server_tool_call","id":"ws","name":"web_search","server_tool_call":{"type":"web_search_call","status":"completed","action":{"type":"search"}}},{"type":"text","content":"ho"}],"finish_reason":"stop"}]"#.to_owned(),
            &["stop"],
        ),
        (
            r#"{"role":"assistant","content":[{"type":"redacted_thinking","data":"xx"},{"type":"server_tool_use","id":"s","name":"web_search","input":{"q":1}},{"type":"web_search_tool_result","tool_use_id":"s","content":[]}],"stop_reason":"pause_turn"}"#,
            r#"[{"role":"assistant","parts":[{"type":"reasoning","content":"","redacted":true},{"type":"server_tool_call","id":"s","name":"web_search","server_tool_call":{"type":"server_tool_use","input":{"q":1}}},{"type":"server_tool_call_response","id":"s","server_tool_call_response":{"type":"web_search_tool_result","content":[]}}],"finish_reason":"pause_turn"}]"#.to_owned(),
            &["pause_turn"],
        ),
    ];
    for (text, expected, reasons) in cases {
        assert_eq!(&shaped(Shape::OutputMessages, text), expected, "{text}");
        assert_eq!(shape(Shape::OutputMessages, text).finish_reasons, *reasons, "{text}");
    }
}

#[test]
fn other_content_of_every_dialect() {
    let cases = [
        (Shape::SystemInstructions, "be nice", r#"[{"type":"text","content":"be nice"}]"#),
        (
            Shape::SystemInstructions,
            r#"["a","b"]"#,
            r#"[{"type":"text","content":"a"},{"type":"text","content":"b"}]"#,
        ),
        (
            Shape::SystemInstructions,
            r#"{"parts":[{"text":"a"}]}"#,
            r#"[{"type":"text","content":"a"}]"#,
        ),
        (
            Shape::SystemInstructions,
            r#"[{"role":"system","content":"a"}]"#,
            r#"[{"type":"text","content":"a"}]"#,
        ),
        (
            Shape::ToolDefinitions,
            r#"[{"type":"function","function":{"name":"w","description":"d","parameters":{"type":"object"}}}]"#,
            r#"[{"type":"function","name":"w","description":"d","parameters":{"type":"object"}}]"#,
        ),
        (
            Shape::ToolDefinitions,
            r#"{"tools":[{"name":"w","description":"d","input_schema":{}},{"type":"web_search_20250305","name":"web_search"}]}"#,
            r#"[{"type":"function","name":"w","description":"d","parameters":{}},{"type":"web_search_20250305","name":"web_search"}]"#,
        ),
        (
            Shape::ToolDefinitions,
            r#"[{"functionDeclarations":[{"name":"w","parameters":{}}]},{"googleSearch":{}}]"#,
            r#"[{"type":"function","name":"w","parameters":{}},{"type":"googleSearch","name":"googleSearch"}]"#,
        ),
        (
            Shape::ToolDefinitions,
            r#"{"toolConfig":{"tools":[{"toolSpec":{"name":"w","inputSchema":{"json":{}}}}]}}"#,
            r#"[{"type":"function","name":"w","parameters":{}}]"#,
        ),
        (Shape::ToolDefinitions, "w, x", r#"[{"type":"text","name":"unknown","content":"w, x"}]"#),
        (Shape::ToolCallArguments, r#""{\"a\":1}""#, r#"{"a":1}"#),
        (Shape::ToolCallArguments, r#"Some("{\"a\":1}")"#, r#"{"a":1}"#),
        (Shape::ToolCallResult, "sunny", r#""sunny""#),
        (Shape::ToolCallResult, r#"{"a":"#, r#""{\"a\":""#),
        (Shape::ToolCallResult, "5", "5"),
        (
            Shape::RetrievalDocuments,
            r#"[[0.5,"d",{"x":1}],{"page_content":"t","metadata":{}},{"document":{"text":"u"},"relevance_score":1,"index":0},"v"]"#,
            r#"[{"id":"d","score":0.5,"content":{"x":1}},{"content":"t","metadata":{}},{"score":1,"content":"u","index":0},{"content":"v"}]"#,
        ),
        (
            Shape::MemoryRecords,
            r#"{"memoryRecordSummaries":[{"memoryRecordId":"m","content":{"text":"x"},"score":0.9}]}"#,
            r#"[{"id":"m","score":0.9,"content":"x"}]"#,
        ),
        (Shape::MemoryRecords, r#"[{"fact":"x"}]"#, r#"[{"content":{"fact":"x"}}]"#),
    ];
    for (kind, text, expected) in cases {
        assert_eq!(shaped(kind, text), expected, "{text}");
    }
}

#[test]
fn hostile_text_becomes_one_text_part() {
    let deep = "[".repeat(10_000) + &"]".repeat(10_000);
    let deep_debug = "Some(".repeat(10_000) + "\"x\"" + &")".repeat(10_000);
    let long = "x\u{1}\"".repeat(3_000_000);
    for text in [deep.as_str(), &deep_debug, &long, "[{\"role\":", "\"\\ud800\"", "[NaN]", "\u{0}"]
    {
        for kind in KINDS.into_iter().filter(|_| text.len() < 1_000_000) {
            check(kind, &shape(kind, text).json);
        }
        let value: Value = serde_json::from_str(&shape(Shape::InputMessages, text).json).unwrap();
        assert_eq!(value[0]["parts"][0]["content"].as_str().unwrap(), text);
    }
}

#[test]
fn hostile_objects_take_bounded_time() {
    let many: String = (0..200_000).map(|i| format!(",\"k{i}\":{i}")).collect();
    for head in [
        r#"{"role":"user","content":"x""#,
        r#"{"type":"tool_call","name":"w""#,
        r#"{"role":"user","parts":[]"#,
        r#"{"id":"d""#,
        r#"{"type":"x""#,
    ] {
        for kind in KINDS {
            check(kind, &shape(kind, &format!("[{head}{many}}}]")).json);
        }
    }
}

#[test]
fn arrays_are_joined() {
    assert_eq!(append("[1]", "[2,3]"), "[1,2,3]");
    assert_eq!(append("[]", " [2] "), "[2]");
    assert_eq!(append("[1]", "[]"), "[1]");
}

#[test]
fn provider_bodies_are_understood() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/fixtures/provider-responses");
    let Ok(entries) = std::fs::read_dir(folder) else {
        eprintln!("skipped: no provider responses here");
        return;
    };
    let mut understood = 0;
    for path in entries.map(|entry| entry.unwrap().path()) {
        let Ok(text) = std::fs::read_to_string(&path) else { continue };
        for kind in KINDS {
            shaped(kind, &text);
        }
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let answers = [
            "anthropic-messages",
            "bedrock-converse",
            "cohere-chat",
            "gemini-generate",
            "gemini-stream-alt",
            "openai-chat",
            "openai-responses",
            "azure-chat",
            "vertex-stream-array",
        ];
        if name.ends_with(".json")
            && answers.iter().any(|answer| name.starts_with(answer))
            && !name.contains("stream")
        {
            let json = shape(Shape::OutputMessages, &text).json;
            assert!(!json.contains("usage") && !json.contains("\\\"id\\\""), "{name}: {json}");
            understood += 1;
        }
    }
    assert!(understood > 10, "{understood}");
}

const KINDS: [Shape; 8] = [
    Shape::InputMessages,
    Shape::OutputMessages,
    Shape::SystemInstructions,
    Shape::ToolDefinitions,
    Shape::ToolCallArguments,
    Shape::ToolCallResult,
    Shape::RetrievalDocuments,
    Shape::MemoryRecords,
];

/// JSON made of the words that the readers look for.
fn wordy_json() -> impl Strategy<Value = String> {
    let word = prop::sample::select(vec![
        "role",
        "parts",
        "content",
        "type",
        "text",
        "tool_call",
        "tool_call_response",
        "tool_use",
        "tool_result",
        "response",
        "result",
        "arguments",
        "name",
        "id",
        "user",
        "model",
        "uri",
        "blob",
        "modality",
        "image",
        "source",
        "data",
        "messages",
        "choices",
        "message",
        "function",
        "output",
        "finish_reason",
        "stop",
        "reasoning",
        "summary",
        "tools",
        "score",
        "document",
        "generic",
        "server_tool_call",
        "compaction",
        "thought",
        "status",
        "file",
        "file_id",
        "completed",
        "{}",
        "[{\"type\":\"text\"}]",
    ]);
    let leaf = prop_oneof![
        word.clone().prop_map(Value::from),
        any::<Option<u8>>().prop_map(|n| n.map_or(Value::Null, Value::from)),
    ];
    leaf.prop_recursive(5, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((word.clone(), inner), 0..4).prop_map(|members| {
                Value::Object(members.into_iter().map(|(k, v)| (k.to_owned(), v)).collect())
            }),
        ]
    })
    .prop_map(|value| value.to_string())
}

/// What a search of a million cases has found.
#[test]
fn members_that_mean_something_elsewhere_are_members() {
    for text in [
        r#"{"type":"message","role":{"role":201}}"#,
        r#"{"role":34,"choices":"status","type":"file"}"#,
        r#"["user",[{"role":"type","modality":"summary","type":"blob"},129]]"#,
        r#"{"message":{"message":"m","function":{"role":223,"name":"model"},"content":"r"}}"#,
        r#"{"document":{"content":118,"score":"uri"}}"#,
        r#"{"score":0.5,"document":{"content":"c","score":0.1}}"#,
    ] {
        for kind in KINDS {
            shaped(kind, text);
        }
    }
    assert_eq!(
        shaped(
            Shape::RetrievalDocuments,
            r#"{"score":0.5,"document":{"content":"c","score":0.1}}"#
        ),
        r#"[{"score":0.5,"content":"c"}]"#
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn whatever_comes_leaves_valid(text in prop_oneof![wordy_json(), any::<String>()]) {
        for kind in KINDS {
            shaped(kind, &text);
        }
    }
}
