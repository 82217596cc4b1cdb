//! Typed recording on spans: nothing that is recorded is lost, and no content passes unasked.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::{Arc, Mutex};

use opentelemetry::trace::TracerProvider as _;
use serde_core::{Serialize, Serializer};
use serde_json::json;
use tracing::info_span;
use tracing_genai::policy::{ContentCapture, Policy};
use tracing_genai::semconv::{Attr, Class};
use tracing_genai::{
    GenAiSpanExt, Outcome, RequestParameters, Response, ToolCall, Usage, agent_span,
    embeddings_span, inference_span, retrieval_span, tool_span, workflow_span,
};
use tracing_genai_test_support::{ReceivedSpan, SpanKind, SpanSink, SpanStatus, conformance};
use tracing_subscriber::prelude::*;

fn spans_of(capture: ContentCapture, work: impl FnOnce()) -> Vec<ReceivedSpan> {
    let sink = SpanSink::default();
    let layer = tracing_genai::layer(sink.provider().tracer("test")).policy(Policy::new(capture));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    sink.take()
}

fn record_everything(span: &tracing::Span) {
    span.record_request(
        RequestParameters::new()
            .temperature(0.2)
            .top_p(None)
            .max_tokens(256)
            .seed(Some(-7))
            .stop_sequences(["END"])
            .server_address("api.openai.com")
            .server_port(443),
    )
    .record_input_messages(&json!([{"role": "user", "content": "Hi"}]))
    .record_system_instructions("Be brief.")
    .record_tool_definitions(&json!([{"type": "function", "function": {"name": "f"}}]))
    .record_response(
        Response::new().id("r-1").model(String::from("gpt-4o-x")).finish_reasons(["stop"]),
    )
    .record_usage(Usage::new().input_tokens(12).output_tokens(7).cache_read_input_tokens(Some(3)))
    .record_cost(0.25)
    .record_conversation("c-1")
    .record_output_messages("Hello")
    .record_attribute(Attr::PromptName, "greeting");
}

#[track_caller]
fn check_everything(span: &ReceivedSpan, content: bool) {
    assert_eq!(span.double("gen_ai.request.temperature"), Some(0.2));
    assert!(!span.has("gen_ai.request.top_p"));
    assert_eq!(span.int("gen_ai.request.max_tokens"), Some(256));
    assert_eq!(span.int("gen_ai.request.seed"), Some(-7));
    assert_eq!(span.strings("gen_ai.request.stop_sequences"), Some(vec!["END"]));
    assert_eq!(span.int("server.port"), Some(443));
    assert_eq!(span.str("gen_ai.response.model"), Some("gpt-4o-x"));
    assert_eq!(span.strings("gen_ai.response.finish_reasons"), Some(vec!["stop"]));
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(12));
    assert_eq!(span.int("gen_ai.usage.cache_read.input_tokens"), Some(3));
    assert_eq!(span.double("gen_ai.usage.cost"), Some(0.25));
    assert_eq!(span.str("gen_ai.conversation.id"), Some("c-1"));
    assert_eq!(span.str("gen_ai.prompt.name"), Some("greeting"));
    assert_eq!(span.duplicate_keys(), Vec::<&str>::new());
    let text = json!([{"type": "text", "content": "Hello"}]);
    let messages = span.json("gen_ai.output.messages").map(|it| it[0]["parts"].clone());
    assert_eq!(messages, content.then_some(text), "{span}");
    for key in ["gen_ai.input.messages", "gen_ai.system_instructions", "gen_ai.tool.definitions"] {
        assert_eq!(span.json(key).is_some(), content, "{key}");
    }
}

#[test]
fn declared_or_not_everything_arrives() {
    for capture in [ContentCapture::Full, ContentCapture::Off] {
        let spans = spans_of(capture, || {
            record_everything(&inference_span!("chat", "openai", "gpt-4o"));
            record_everything(&info_span!("mine", gen_ai.operation.name = "chat"));
            record_everything(&info_span!("plain"));
        });
        for span in &spans {
            check_everything(span, capture == ContentCapture::Full);
        }
        assert_eq!(spans.len(), 3);
        assert_eq!(spans[0].name, "chat gpt-4o");
    }
}

struct Prompt;

impl Serialize for Prompt {
    fn serialize<S: Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        panic!("serialised although nobody wants it")
    }
}

#[test]
fn content_is_not_even_serialised_when_it_is_withheld() {
    spans_of(ContentCapture::Off, || {
        let span = inference_span!("chat", "openai", "gpt-4o");
        assert!(!span.captures(Class::Input));
        span.record_input_messages(&Prompt);
    });
    inference_span!("chat", "openai", "without a subscriber").record_input_messages(&Prompt);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl std::io::Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn other_layers_see_metadata_and_never_content() {
    let (sink, log) = (SpanSink::default(), Log::default());
    let layer =
        tracing_genai::layer(sink.provider().tracer("test")).content_capture(ContentCapture::Full);
    let writer = log.clone();
    let printed = tracing_subscriber::fmt::layer().with_writer(move || writer.clone());
    tracing::subscriber::with_default(
        tracing_subscriber::registry().with(layer).with(printed),
        || {
            let span = inference_span!("chat", "openai", "gpt-4o");
            span.record_usage(Usage::new().input_tokens(12345)).record_output_messages("canary");
            span.in_scope(|| tracing::info!("said"));
        },
    );
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("12345") && !log.contains("canary"), "{log}");
    assert!(sink.contains_bytes("canary"));
}

#[test]
fn errors_fail_the_span_as_far_as_the_policy_lets_them_talk() {
    let spans = spans_of(ContentCapture::Off, || {
        let error = "x".parse::<i32>().unwrap_err();
        inference_span!("chat", "openai", "m").record_error(&error);
        inference_span!("chat", "openai", "m").record_failure("rate_limit", "slow down, `Ann`");
        inference_span!("chat", "openai", "m").record_http_status(429);
        inference_span!("chat", "openai", "m").record_http_status(200);
        inference_span!("chat", "openai", "m").record_outcome(Outcome::Cancelled);
        inference_span!("chat", "openai", "m").record_outcome(Outcome::Completed);
        info_span!("plain").record_failure("timeout", "too late");
    });
    let said: Vec<_> =
        spans.iter().map(|span| (span.str("error.type"), span.status_message())).collect();
    assert_eq!(said[0], (Some("core::num::error::ParseIntError"), "invalid digit found in string"));
    assert_eq!(said[1], (Some("rate_limit"), "slow down, …"));
    assert_eq!(said[2], (Some("429"), ""));
    assert_eq!((spans[3].status.clone(), said[3].0), (SpanStatus::Unset, None));
    assert_eq!(spans[4].str("tracing_genai.outcome"), Some("cancelled"));
    assert!(!spans[5].has("tracing_genai.outcome"));
    assert_eq!(said[6], (Some("timeout"), "too late"));
}

#[test]
fn each_macro_makes_the_span_of_its_operation() {
    let arguments = json!({"city": "Oslo"});
    let spans = spans_of(ContentCapture::Full, || {
        drop(inference_span!("chat", "openai", "gpt-4o", user.id = "u", tier = %"gold"));
        drop(embeddings_span!("openai", "text-embedding-3-small"));
        let tool = tool_span!("weather", gen_ai.tool.r#type = "function");
        tool.record_tool_call(ToolCall::new("weather").id("call_1").arguments(&arguments))
            .record_tool_result(&json!({"rain": true}));
        drop(tool);
        drop(agent_span!("planner"));
        drop(workflow_span!("digest"));
        drop(retrieval_span!("handbook"));
    });
    let outline: Vec<_> = spans.iter().map(|span| (span.kind, span.name.as_str())).collect();
    assert_eq!(
        outline,
        [
            (SpanKind::Client, "chat gpt-4o"),
            (SpanKind::Client, "embeddings text-embedding-3-small"),
            (SpanKind::Internal, "execute_tool weather"),
            (SpanKind::Internal, "invoke_agent planner"),
            (SpanKind::Internal, "invoke_workflow digest"),
            (SpanKind::Client, "retrieval handbook"),
        ]
    );
    assert_eq!(spans[0].str("user.id"), Some("u"));
    assert_eq!(spans[2].json("gen_ai.tool.call.arguments"), Some(arguments));
    assert_eq!(spans[2].str("gen_ai.tool.call.id"), Some("call_1"));
    assert_eq!(spans[2].str("gen_ai.tool.type"), Some("function"));
    for span in &spans {
        assert_eq!(conformance::check_with_content(span), Vec::<String>::new(), "{span}");
    }
}
