//! Bad input: a span leaves, whole, in bounded time and memory.

use std::sync::Arc;

use opentelemetry::{KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;
use proptest::prelude::*;
use serde_json::{Value as Json, json};
use tracing_genai::format::{Counts, Format, Langfuse, OpenInference, OpenLlmetry, Vercel};

use crate::cases::{case, formats, text, to_json};

fn with(key: &'static str, value: String) -> SpanData {
    let mut span = case("chat_metadata_only");
    span.attributes.push(KeyValue::new(key, value));
    span
}

#[test]
fn malformed_messages_leave_as_they_came_and_are_counted() {
    let counts = Arc::new(Counts::default());
    for (format, key) in [
        (
            Box::new(OpenInference::new().with_counts(Arc::clone(&counts))) as Box<dyn Format>,
            "input.value",
        ),
        (Box::new(Vercel::new().with_counts(Arc::clone(&counts))), "ai.prompt.messages"),
        (Box::new(OpenLlmetry::legacy().with_counts(Arc::clone(&counts))), "gen_ai.input.messages"),
        (Box::new(Langfuse::new().with_counts(Arc::clone(&counts))), "langfuse.observation.input"),
    ] {
        for broken in
            ["[{\"role\":", "not json", "{}", "[1]", "[{\"role\":\"user\",\"parts\":[\"x\"]}]"]
        {
            let before = counts.malformed();
            let span = format.format(with("gen_ai.input.messages", broken.to_owned()));
            assert_eq!(text(&span, key).as_deref(), Some(broken), "{} {broken}", format.name());
            assert_eq!(counts.malformed(), before + 1, "{} {broken}", format.name());
        }
    }
}

#[test]
fn nesting_costs_no_stack() {
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    let parts = [
        format!(
            r#"[{{"role":"user","parts":[{{"type":"tool_call","name":"f","arguments":{deep}}}]}}]"#
        ),
        format!(r#"[{{"role":"user","extra":{deep},"parts":[{{"type":"x","y":{deep}}}]}}]"#),
        deep,
    ];
    for input in parts {
        for format in formats() {
            format.format(with("gen_ai.input.messages", input.clone()));
        }
    }
}

#[test]
fn a_list_too_long_to_flatten_stays_one_attribute_and_is_counted() {
    let messages: Vec<_> = (0..1000)
        .map(|n| json!({"role": "user", "parts": [{"type": "text", "content": n.to_string()}]}))
        .collect();
    let messages = json!(messages).to_string();
    let counts = Arc::new(Counts::default());
    for (format, namespace) in [
        (
            Box::new(
                OpenInference::new().with_attribute_limit(128).with_counts(Arc::clone(&counts)),
            ) as Box<dyn Format>,
            "llm.input_messages.",
        ),
        (
            Box::new(
                OpenLlmetry::legacy().with_attribute_limit(128).with_counts(Arc::clone(&counts)),
            ),
            "gen_ai.prompt.",
        ),
    ] {
        let before = counts.unflattened();
        let mut span = with("gen_ai.input.messages", messages.clone());
        span.attributes.push(KeyValue::new(
            "gen_ai.output.messages",
            r#"[{"role":"assistant","parts":[{"type":"text","content":"short"}],"finish_reason":"stop"}]"#,
        ));
        let span = format.format(span);
        assert!(span.attributes.len() <= 128, "{}", span.attributes.len());
        assert!(
            !span.attributes.iter().any(|attribute| attribute.key.as_str().starts_with(namespace))
        );
        assert_eq!(text(&span, "gen_ai.input.messages").as_deref(), Some(&*messages));
        assert_eq!(counts.unflattened(), before + 1);
        // The answer is short and was flattened all the same.
        let answer =
            span.attributes.iter().any(|attribute| attribute.value == Value::from("short"));
        assert!(answer, "{}", format.name());
    }
}

const CONTENT: [&str; 7] = [
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.retrieval.documents",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
];

/// Any JSON, mostly of the members that messages, parts, tools and documents have.
fn tree() -> impl Strategy<Value = Json> {
    let words = "text reasoning tool_call tool_call_response uri blob file image audio user system";
    let keys = "role parts type content name id arguments response result uri mime_type modality \
                finish_reason parameters function description score metadata text index x";
    let one_of = |words: &'static str| prop::sample::select(words.split(' ').collect::<Vec<_>>());
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<f64>().prop_map(Json::from),
        ".{0,12}".prop_map(Json::from),
        one_of(words).prop_map(Json::from),
    ];
    leaf.prop_recursive(6, 64, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Json::from),
            prop::collection::vec((one_of(keys).prop_map(str::to_owned), inner), 0..6)
                .prop_map(|members| Json::Object(members.into_iter().collect())),
        ]
    })
}

/// Messages whose parts have a known type and any members.
fn messages() -> impl Strategy<Value = Json> {
    let types = ["text", "reasoning", "tool_call", "tool_call_response", "uri", "blob", "file"];
    let part = (prop::sample::select(types.to_vec()), tree()).prop_map(|(kind, members)| {
        let mut part = members.as_object().cloned().unwrap_or_default();
        part.insert("type".to_owned(), kind.into());
        Json::Object(part)
    });
    let message = (tree(), prop::collection::vec(part, 0..4))
        .prop_map(|(role, parts)| json!({"role": role, "parts": parts, "name": "x"}));
    prop::collection::vec(message, 0..4).prop_map(Json::from)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn any_tree_in_any_content_attribute_leaves_a_span(
        said in prop_oneof![tree(), messages()],
        key in prop::sample::select(CONTENT.to_vec()),
        operation in prop::sample::select(vec!["chat", "embeddings", "rerank", "execute_tool", "invoke_agent"]),
    ) {
        let mut before = with(key, said.to_string());
        before.attributes.retain(|attribute| attribute.key.as_str() != "gen_ai.operation.name");
        before.attributes.push(KeyValue::new("gen_ai.operation.name", operation));
        for format in formats() {
            let after = format.format(before.clone());
            prop_assert_eq!(&after.span_context, &before.span_context);
            for key in ["langfuse.observation.input", "ai.prompt.messages", "ai.prompt"] {
                if let Some(json) = text(&after, key) {
                    prop_assert!(serde_json::from_str::<Json>(&json).is_ok(), "{json}");
                }
            }
        }
    }

    #[test]
    fn any_text_in_any_content_attribute_leaves_a_span(
        text in ".{0,200}",
        key in prop::sample::select(CONTENT.to_vec()),
    ) {
        for format in formats() {
            let before = with(key, text.clone());
            let context = before.span_context.clone();
            let after = format.format(before);
            prop_assert_eq!(&after.span_context, &context);
            to_json(&after);
        }
    }

    #[test]
    fn text_of_a_message_arrives_unchanged(content in ".{0,200}") {
        let messages = json!([{"role": "user", "parts": [{"type": "text", "content": content}]}]);
        let span = OpenInference::new().format(with("gen_ai.input.messages", messages.to_string()));
        let arrived = text(&span, "llm.input_messages.0.message.content").map(|text| text.into_owned());
        prop_assert_eq!(arrived, Some(content));
    }
}
