//! The checker has nothing to say about a good span and names everything about a bad one.

use opentelemetry::trace::{Span, SpanKind, Status, Tracer, TracerProvider};
use opentelemetry::{Array, KeyValue, Value};
use tracing_genai_test_support::{ReceivedSpan, SpanSink, conformance};

fn span(name: &'static str, kind: SpanKind, attrs: Vec<KeyValue>, status: Status) -> ReceivedSpan {
    let sink = SpanSink::default();
    let tracer = sink.provider().tracer("test");
    let mut span = tracer.span_builder(name).with_kind(kind).start(&tracer);
    span.set_attributes(attrs);
    span.set_status(status);
    drop(span);
    sink.take().remove(0)
}

#[test]
fn a_good_span() {
    let reasons = Value::Array(Array::String(vec!["stop".into()]));
    let said = r#"[{"role":"assistant","finish_reason":"stop","parts":[
        {"type":"text","content":"Hi"},{"type":"tool_call","name":"f","arguments":{}}]}]"#;
    let good = span(
        "chat gpt-4o",
        SpanKind::Client,
        vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.provider.name", "openai"),
            KeyValue::new("gen_ai.request.model", "gpt-4o"),
            KeyValue::new("gen_ai.usage.input_tokens", 12),
            KeyValue::new("gen_ai.response.finish_reasons", reasons),
            KeyValue::new("gen_ai.output.messages", said),
        ],
        Status::Unset,
    );
    assert_eq!(conformance::check_with_content(&good), Vec::<String>::new());
    let off = conformance::check(&good);
    assert_eq!(off, ["chat gpt-4o: gen_ai.output.messages is content and capture is off"]);
}

#[test]
fn a_bad_span() {
    let bad = span(
        "completion",
        SpanKind::Server,
        vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.request.model", "gpt-4o"),
            KeyValue::new("gen_ai.system", "openai"),
            KeyValue::new("gen_ai.usage.input_tokens", "12"),
            KeyValue::new("gen_ai.usage.output_tokens", -1),
            KeyValue::new("gen_ai.response.finish_reasons", "stop"),
            KeyValue::new("gen_ai.response.id", ""),
            KeyValue::new("gen_ai.conversation.id", "a"),
            KeyValue::new("gen_ai.conversation.id", "b"),
            KeyValue::new("server.port", 443),
            KeyValue::new("gen_ai.input.messages", r#"[{"role":"user","content":"Hi"}]"#),
            KeyValue::new("gen_ai.output.messages", r#"[{"role":"assistant","parts":[{}]}]"#),
            KeyValue::new("llm.prompts.0.content", "Hi"),
        ],
        Status::error("failed"),
    );
    let complaints = conformance::check_with_content(&bad).join("\n");
    for expected in [
        "gen_ai.provider.name is missing",
        "kind Server of chat",
        "the name should be \"chat gpt-4o\"",
        "gen_ai.system is retired",
        "gen_ai.usage.input_tokens is a string",
        "gen_ai.usage.output_tokens is -1",
        "gen_ai.response.finish_reasons is a string",
        "gen_ai.response.id is empty",
        "gen_ai.conversation.id is there twice",
        "server.port without server.address",
        "gen_ai.input.messages[0].parts: not a list",
        "gen_ai.output.messages[0].finish_reason",
        "gen_ai.output.messages[0].parts[0].type",
        "without error.type",
    ] {
        assert!(complaints.contains(expected), "{expected} is not in\n{complaints}");
    }
    let off = conformance::check(&bad).join("\n");
    assert!(off.contains("llm.prompts.0.content is content"), "{off}");
}

#[test]
fn keys_nobody_names_are_told_apart() {
    let odd = span(
        "chat",
        SpanKind::Client,
        vec![
            KeyValue::new("gen_ai.operation.name", "chat"),
            KeyValue::new("gen_ai.usage.cost", 0.1),
            KeyValue::new("mine", 1),
        ],
        Status::Unset,
    );
    assert_eq!(conformance::unknown_keys(&odd), ["gen_ai.usage.cost"]);
}
