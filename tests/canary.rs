//! With capture off, nothing of what a prompt or an answer may stand in leaves the process: not
//! over OTLP, not on the console, not in the log lines this crate prints. Byte for byte.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use serde_json::json;
use tracing::field::Empty;
use tracing::{Span, debug, error, error_span, info, info_span, warn};
use tracing_genai::policy::ContentCapture;
use tracing_genai::telemetry::{Console, WithoutContent};
use tracing_genai_test_support::{OtlpReceiver, conformance};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::prelude::*;

const CANARY: &str = "canary-7c1e";

/// Keys that hold content by the conventions: of today, of yesterday, and of other libraries.
const CONTENT_KEYS: &[&str] = &[
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.system_instructions",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.tool.call.result",
    "gen_ai.tool.description",
    "gen_ai.retrieval.query.text",
    "gen_ai.retrieval.documents",
    "gen_ai.memory.query.text",
    "gen_ai.memory.records",
    "gen_ai.prompt.variable.name",
    "gen_ai.skill.description",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.completion.content",
    "gen_ai.reasoning.content",
    "gen_ai.event.content",
    "gen_ai.prompt.0.content",
    "gen_ai.prompt.0.role",
    "gen_ai.completion.0.content",
    "gen_ai.completion.0.tool_calls.0.arguments",
    "gen_ai.content.prompt",
    "gen_ai.content.completion.chunk",
    "gen_ai.headers",
    "gen_ai.request.structured_output_schema",
    "gen_ai.request.messages",
    "gen_ai.response.text",
    "gen_ai.task.input",
    "gen_ai.task.output",
    "gen_ai.tool.input",
    "gen_ai.tool.output",
    "llm.content.completion.chunk",
    "llm.prompts",
    "llm.prompts.0.content",
    "llm.completions",
    "llm.completions.0.content",
    "llm.request.functions",
    "llm.request.functions.0.description",
    "llm.headers",
    "llm.input_messages",
    "llm.input_messages.0.message.content",
    "llm.output_messages.0.message.content",
    "llm.choices",
    "llm.tools.0.tool.json_schema",
    "llm.invocation_parameters",
    "llm.function_call",
    "llm.prompt_template.template",
    "llm.prompt_template.variables",
    "mcp.request.argument",
    "mcp.response.value",
    "traceloop.entity.input",
    "traceloop.entity.output",
    "traceloop.prompt.template",
    "traceloop.prompt.template_variables",
    "input.value",
    "output.value",
    "retrieval.documents.0.document.content",
    "reranker.query",
    "reranker.input_documents.0.document.content",
    "reranker.output_documents.0.document.content",
    "embedding.embeddings.0.embedding.text",
    "tool.parameters",
    "tool.description",
    "tool.json_schema",
    "message.content",
    "document.content",
    "prompt.text",
    "completion.text",
    "ai.prompt",
    "ai.prompt.messages",
    "ai.prompt.tools",
    "ai.response.text",
    "ai.response.object",
    "ai.response.toolCalls",
    "ai.result.text",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "ai.value",
    "ai.values",
    "langfuse.observation.input",
    "langfuse.observation.output",
    "langfuse.trace.input",
    "langfuse.trace.output",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "pydantic_ai.all_messages",
    "lk.chat_ctx",
    "lk.input_text",
    "lk.user_transcript",
    "lk.response.text",
    "lk.function_tool.output",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gcp.vertex.agent.tool_call_args",
];

/// The forms in which content is recorded.
fn forms() -> Vec<String> {
    vec![
        CANARY.to_owned(),
        format!("Dear {CANARY},\nhow are you?"),
        json!([{"role": "user", "parts": [{"type": "text", "content": CANARY}]}]).to_string(),
        json!([{"role": "user", "content": [{"type": "text", "text": CANARY}]}]).to_string(),
        json!({"contents": [{"role": "user", "parts": [{"text": CANARY}]}]}).to_string(),
        format!("[Message {{ role: User, content: {CANARY:?} }}]"),
        format!("[{{\"role\":\"user\",\"content\":\"cut off {CANARY}"),
    ]
}

/// Shared by what prints.
#[derive(Clone, Debug, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.0.lock().unwrap()).into_owned()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Printed {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

/// What got out of the process.
struct Out {
    receiver: OtlpReceiver,
    console: Printed,
    log: Printed,
}

impl Out {
    #[track_caller]
    fn assert_silent(&self, about: &str) {
        for (place, text) in [("console", &self.console), ("log", &self.log)] {
            let text = text.text();
            assert!(!text.contains(CANARY), "{about}: on the {place}: {text}");
        }
        if self.receiver.contains_bytes(CANARY) {
            for span in self.receiver.spans() {
                let text = span.to_string();
                assert!(!text.contains(CANARY), "{about}: {text}");
            }
            panic!("{about}: outside of spans");
        }
    }
}

/// Runs `work` under everything this crate prints and sends with.
fn run(capture: Option<ContentCapture>, work: impl FnOnce()) -> Out {
    let receiver = OtlpReceiver::start();
    let (console, log) = (Printed::default(), Printed::default());
    let mut builder = tracing_genai::builder()
        .env([("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint())])
        .service_name("canary")
        .console(Console::Always)
        .console_writer(console.clone());
    if let Some(capture) = capture {
        builder = builder.content_capture(capture);
    }
    let (layer, telemetry) = builder.build().unwrap();
    let lines = tracing_subscriber::fmt::layer()
        .fmt_fields(WithoutContent::default())
        .with_writer(log.clone())
        .with_ansi(false);
    let subscriber = tracing_subscriber::registry().with(lines).with(layer);
    tracing::subscriber::with_default(subscriber, work);
    telemetry.shutdown().unwrap();
    Out { receiver, console, log }
}

/// A chat span that declares the usual content fields.
fn chat() -> Span {
    info_span!(
        "handler",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-4o",
        gen_ai.system_instructions = Empty,
        gen_ai.input.messages = Empty,
        gen_ai.output.messages = Empty,
        gen_ai.tool.definitions = Empty,
        gen_ai.tool.call.arguments = Empty,
        gen_ai.tool.call.result = Empty,
        gen_ai.retrieval.documents = Empty,
        gen_ai.memory.records = Empty,
        gen_ai.prompt = Empty,
        gen_ai.completion = Empty,
        gen_ai.nobody.knows = Empty,
        input.value = Empty,
        output.value = Empty,
        error.type = Empty,
        error.message = Empty,
        exception.message = Empty,
        exception.stacktrace = Empty,
        otel.status_description = Empty,
    )
}

#[test]
fn fields_of_spans() {
    for form in forms() {
        let out = run(None, || {
            let span = chat();
            let _entered = span.enter();
            for key in [
                "gen_ai.system_instructions",
                "gen_ai.input.messages",
                "gen_ai.output.messages",
                "gen_ai.tool.definitions",
                "gen_ai.tool.call.arguments",
                "gen_ai.tool.call.result",
                "gen_ai.retrieval.documents",
                "gen_ai.memory.records",
                "gen_ai.prompt",
                "gen_ai.completion",
                "input.value",
                "output.value",
            ] {
                span.record(key, form.as_str());
                span.record(key, tracing::field::debug(&form));
                span.record(key, tracing::field::display(&form));
            }
        });
        assert_eq!(out.receiver.spans()[0].name, "chat gpt-4o");
        out.assert_silent(&form);
    }
}

#[test]
fn every_content_key_through_the_opentelemetry_api() {
    for key in CONTENT_KEYS {
        let out = run(None, || {
            let gen_ai = chat();
            let plain = info_span!("plain");
            for span in [gen_ai, plain] {
                let _entered = span.enter();
                for form in forms() {
                    span.set_attribute(*key, form.clone());
                    span.add_event("gen_ai.content", vec![KeyValue::new(*key, form)]);
                }
            }
        });
        assert_eq!(out.receiver.spans().len(), 2, "{key}");
        out.assert_silent(key);
    }
}

#[test]
fn fields_of_spans_that_are_not_genai() {
    let out = run(None, || {
        let span = info_span!(
            "render",
            input.value = CANARY,
            ai.prompt.messages = %CANARY,
            traceloop.entity.input = ?CANARY,
            langfuse.trace.input = CANARY,
            llm.prompts = CANARY,
        );
        let _entered = span.enter();
        info!({ output.value = CANARY }, "rendered");
    });
    assert_eq!(out.receiver.spans().len(), 1);
    out.assert_silent("foreign keys");
}

#[test]
fn message_events() {
    let out = run(None, || {
        let span = chat();
        let _entered = span.enter();
        for form in forms() {
            let form = form.as_str();
            info!(name: "gen_ai.system.message", content = form);
            info!(name: "gen_ai.user.message", { gen_ai.system = "openai", content = form }, "asked");
            info!(name: "gen_ai.assistant.message", content = form, tool_calls = form);
            info!(name: "gen_ai.tool.message", content = form, id = "call_1");
            info!(name: "gen_ai.choice", index = 0, finish_reason = "stop", message = form);
            info!(name: "gen_ai.content.prompt", { gen_ai.prompt = form }, "asked");
            info!(name: "gen_ai.content.completion", { gen_ai.completion = form }, "said");
            info!({ event.name = "gen_ai.user.message", content = form }, "a message");
            info!(event_name = "gen_ai.content.prompt", content = form);
            info!({
                event.name = "gen_ai.client.inference.operation.details",
                gen_ai.input.messages = form,
                gen_ai.output.messages = form,
            });
            debug!({ gen_ai.input.messages = ?form }, "request");
            span.add_event("gen_ai.choice", vec![KeyValue::new("message", form.to_owned())]);
            span.add_event("gen_ai.user.message", vec![KeyValue::new("content", form.to_owned())]);
        }
    });
    assert_eq!(out.receiver.spans().len(), 1);
    out.assert_silent("message events");
}

/// As a provider that echoes the prompt fails.
#[derive(Debug)]
struct Refused(Echo);

#[derive(Debug)]
struct Echo(String);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "429 rate limit reached: {}", self.0)
    }
}

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Echo {}

impl std::error::Error for Refused {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

/// Error texts as providers write them around an echoed prompt.
fn echoes() -> Vec<String> {
    vec![
        format!("cannot answer \"{CANARY}\""),
        format!("cannot answer '{CANARY}'"),
        format!("cannot answer `{CANARY}`"),
        format!("cannot answer [{CANARY}]"),
        json!({"error": {"message": format!("bad prompt: {CANARY}"), "code": 429}}).to_string(),
        format!("HTTP 400: {}", json!({"error": {"param": "messages", "value": CANARY}})),
        format!("refused\ncaused by: {CANARY}"),
        format!("unfinished \"{CANARY}"),
        format!("Error {{ status: 429, body: Some({CANARY:?}) }}"),
    ]
}

#[test]
fn error_texts() {
    for echo in echoes() {
        let out = run(None, || {
            let span = chat();
            let _entered = span.enter();
            let refused = Refused(Echo(echo.clone()));
            let as_error: &dyn std::error::Error = &refused;
            span.record("error.type", "429");
            span.record("error.message", echo.as_str());
            span.record("exception.message", as_error);
            span.record("exception.stacktrace", echo.as_str());
            span.record("otel.status_description", echo.as_str());
            span.set_status(Status::error(echo.clone()));
            error!(error = as_error, "the call failed");
            warn!({ exception.message = %echo, exception.stacktrace = ?echo });
            span.add_event(
                "exception",
                vec![
                    KeyValue::new("exception.message", echo.clone()),
                    KeyValue::new("exception.stacktrace", echo.clone()),
                ],
            );
        });
        let span = &out.receiver.spans()[0];
        assert_eq!(span.str("error.type"), Some("429"), "{span}");
        assert!(!span.to_string().contains(CANARY), "{echo}: {span}");
        assert!(!out.receiver.contains_bytes(CANARY), "{echo}");
        assert!(!out.console.text().contains(CANARY), "{echo}: {}", out.console.text());
        assert!(!out.log.text().contains(CANARY), "{echo}: {}", out.log.text());
    }
}

#[test]
fn an_error_still_says_what_happened() {
    let out = run(None, || {
        let span = chat();
        let _entered = span.enter();
        span.record("error.type", "rate_limit");
        let text = format!("429 rate limit reached for \"{CANARY}\"");
        span.set_status(Status::error(text));
    });
    let span = &out.receiver.spans()[0];
    assert!(span.status_message().contains("429 rate limit reached"), "{span}");
    out.assert_silent("status description");
}

#[test]
fn a_span_that_fails_by_an_error_value() {
    let out = run(None, || {
        let refused = Refused(Echo(format!("echo of \"{CANARY}\"")));
        let span = error_span!(
            "handler",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            error = &refused as &dyn std::error::Error,
        );
        let _entered = span.enter();
        error!(error = %refused);
        error!(error = ?refused, "failed");
    });
    out.assert_silent("an error value");
}

#[test]
fn streamed_and_late_content() {
    let out = run(None, || {
        let span = chat();
        for at in 0..3 {
            let _entered = span.enter();
            span.record("gen_ai.output.messages", format!("{CANARY} part {at}"));
            info!({ gen_ai.content.completion.chunk = CANARY }, "chunk");
        }
        // After the last exit, and from another thread.
        span.record("gen_ai.output.messages", format!("{CANARY} at the end"));
        let other = span.clone();
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                other.record("gen_ai.completion", CANARY);
                other.set_attribute("gen_ai.output.messages", CANARY);
            });
        })
        .join()
        .unwrap();
    });
    assert_eq!(out.receiver.spans().len(), 1);
    out.assert_silent("a stream");
}

#[test]
fn long_values_of_unknown_keys_are_content() {
    let long = format!("{CANARY} {}", "word ".repeat(100));
    let out = run(None, || {
        let span = chat();
        span.record("gen_ai.nobody.knows", long.as_str());
        span.set_attribute("gen_ai.also.unknown", long.clone());
    });
    out.assert_silent("unknown keys");
}

/// Must not be formatted.
struct Untouchable;

impl fmt::Debug for Untouchable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("content was formatted while capture is off");
    }
}

impl fmt::Display for Untouchable {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("content was formatted while capture is off");
    }
}

#[test]
fn withheld_content_is_never_formatted() {
    let receiver = OtlpReceiver::start();
    let builder = tracing_genai::builder()
        .env([("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint())])
        .console(Console::Never);
    let (layer, telemetry) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let span = info_span!(
            "handler",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-4o",
            gen_ai.input.messages = ?vec![Untouchable],
            gen_ai.output.messages = Empty,
            gen_ai.prompt = %Untouchable,
        );
        let _entered = span.enter();
        span.record("gen_ai.output.messages", tracing::field::debug(vec![Untouchable]));
        info!({ gen_ai.input.messages = ?vec![Untouchable] }, "request");
        info!(name: "gen_ai.user.message", content = ?Untouchable);
    });
    telemetry.shutdown().unwrap();
    assert_eq!(receiver.spans()[0].name, "chat gpt-4o");
}

#[test]
fn with_capture_on_the_content_is_where_it_should_be() {
    let out = run(Some(ContentCapture::Full), || {
        let span = chat();
        let _entered = span.enter();
        span.record("gen_ai.system_instructions", format!("system {CANARY}"));
        let asked = json!([{"role": "user", "content": format!("input {CANARY}")}]);
        span.record("gen_ai.input.messages", asked.to_string());
        let said = json!([{
            "role": "assistant", "finish_reason": "stop",
            "parts": [{"type": "text", "content": format!("output {CANARY}")}],
        }]);
        span.record("gen_ai.output.messages", said.to_string());
        let arguments = json!({"argument": CANARY});
        span.record("gen_ai.tool.call.arguments", arguments.to_string());
        span.record("gen_ai.tool.call.result", format!("result {CANARY}"));
        let documents = json!([{"id": "1", "score": 0.5, "content": CANARY}]);
        span.record("gen_ai.retrieval.documents", documents.to_string());
    });
    let span = &out.receiver.spans()[0];
    let complaints = conformance::check_with_content(span);
    assert!(complaints.is_empty(), "{complaints:#?} about {span}");
    let text = |content: &str| json!([{"type": "text", "content": content}]);
    assert_eq!(
        span.json("gen_ai.system_instructions"),
        Some(text(&format!("system {CANARY}"))),
        "{span}"
    );
    let asked = span.json("gen_ai.input.messages").unwrap();
    assert_eq!(asked[0]["parts"], text(&format!("input {CANARY}")));
    let said = span.json("gen_ai.output.messages").unwrap();
    assert_eq!(said[0]["parts"], text(&format!("output {CANARY}")));
    assert_eq!(said[0]["finish_reason"], "stop");
    assert_eq!(span.json("gen_ai.tool.call.arguments"), Some(json!({"argument": CANARY})));
    assert!(span.str("gen_ai.tool.call.result").unwrap().contains(CANARY), "{span}");
    assert_eq!(span.json("gen_ai.retrieval.documents").unwrap()[0]["content"], CANARY);
    // What is printed stays without it.
    assert!(!out.log.text().contains(CANARY), "{}", out.log.text());
}

#[test]
fn headers_are_secrets_even_with_capture_on() {
    let out = run(Some(ContentCapture::Full), || {
        let span = chat();
        span.set_attribute("gen_ai.headers", format!("authorization: Bearer {CANARY}"));
        span.set_attribute("llm.headers", format!("authorization: Bearer {CANARY}"));
    });
    out.assert_silent("headers");
}
