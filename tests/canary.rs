//! With capture off, nothing of what a prompt or an answer may stand in leaves the process: not
//! over OTLP, not on the console, not in the log lines this crate prints. Byte for byte.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fmt;
use std::io::{self, Write};
use std::sync::{Arc, LazyLock, Mutex};

use opentelemetry::KeyValue;
use opentelemetry::trace::Status;
use serde_json::json;
use tracing::field::Empty;
use tracing::{Span, debug, error, error_span, info, info_span, warn};
use tracing_genai::Telemetry;
use tracing_genai::policy::ContentCapture;
use tracing_genai::telemetry::Console;
use tracing_genai_test_support::{OtlpReceiver, ReceivedSpan, conformance};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::prelude::*;

/// What must not leave: a text of each test's own, which is the thread's, so that a failure names
/// the test that let it out.
struct Canary;

const CANARY: Canary = Canary;

impl Canary {
    fn text(&self) -> &'static str {
        thread_local! {
            static TEXT: &'static str = {
                let thread = std::thread::current();
                format!("canary-{}-end", thread.name().unwrap_or_default()).leak()
            };
        }
        TEXT.with(|text| *text)
    }
}

impl fmt::Display for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}

impl fmt::Debug for Canary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.text(), f)
    }
}

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
        CANARY.to_string(),
        format!("Dear {CANARY},\nhow are you?"),
        json!([{"role": "user", "parts": [{"type": "text", "content": CANARY.text()}]}])
            .to_string(),
        json!([{"role": "user", "content": [{"type": "text", "text": CANARY.text()}]}]).to_string(),
        json!({"contents": [{"role": "user", "parts": [{"text": CANARY.text()}]}]}).to_string(),
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

/// What got out of the process.
struct Out {
    receiver: OtlpReceiver,
    console: Printed,
    log: Printed,
    telemetry: Telemetry,
}

/// Telemetry as `init` installs it, with its log layer and its console, for this whole process.
/// Tests run side by side under it: whatever any of them lets out is seen.
static OUT: LazyLock<Out> = LazyLock::new(|| {
    let receiver = OtlpReceiver::start();
    let (console, log) = (Printed::default(), Printed::default());
    let telemetry = tracing_genai::builder()
        .env([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint()),
            ("RUST_LOG", String::from("trace")),
        ])
        .service_name("canary")
        .console(Console::Always)
        .console_writer(console.clone())
        .log_writer(log.clone())
        .init()
        .unwrap();
    Out { receiver, console, log, telemetry }
});

impl Out {
    /// The canary is in nothing that got out so far.
    #[track_caller]
    fn assert_silent(&self, about: &str) {
        self.telemetry.force_flush().unwrap();
        for (place, text) in [("console", &self.console), ("log", &self.log)] {
            for line in text.text().lines() {
                assert!(!line.contains(CANARY.text()), "{about}: on the {place}: {line}");
            }
        }
        if self.receiver.contains_bytes(CANARY.text()) {
            for span in self.receiver.spans() {
                let text = span.to_string();
                assert!(!text.contains(CANARY.text()), "{about}: {text}");
            }
            panic!("{about}: outside of spans");
        }
    }

    /// The span that carries `test` in its field of that name.
    #[track_caller]
    fn span_of(&self, test: &str) -> ReceivedSpan {
        self.telemetry.force_flush().unwrap();
        let spans = self.receiver.spans();
        spans.into_iter().find(|span| span.str("test") == Some(test)).expect("the test's span")
    }
}

/// Runs `work` with capture off, under everything this crate prints and sends with.
fn run_off(work: impl FnOnce()) -> &'static Out {
    let out = &*OUT;
    work();
    out
}

/// Runs `work` with capture on, and returns its only span.
fn run_full(work: impl FnOnce()) -> (ReceivedSpan, OtlpReceiver) {
    let receiver = OtlpReceiver::start();
    let (layer, telemetry) = tracing_genai::builder()
        .env([("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint())])
        .console(Console::Never)
        .content_capture(ContentCapture::Full)
        .build()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    telemetry.shutdown().unwrap();
    (receiver.spans().remove(0), receiver)
}

/// A chat span that declares the usual content fields.
fn chat(test: &'static str) -> Span {
    info_span!(
        "handler",
        test,
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
        let out = run_off(|| {
            let span = chat("fields_of_spans");
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
        assert_eq!(out.span_of("fields_of_spans").name, "chat gpt-4o");
        out.assert_silent(&form);
    }
}

#[test]
fn every_content_key_through_the_opentelemetry_api() {
    let out = run_off(|| {
        for key in CONTENT_KEYS {
            for form in forms() {
                for span in [chat("every_content_key"), info_span!("plain")] {
                    span.set_attribute(*key, form.clone());
                    span.add_event("content", vec![KeyValue::new(*key, form.clone())]);
                }
            }
        }
    });
    out.telemetry.force_flush().unwrap();
    let mut leaks = BTreeSet::new();
    for span in out.receiver.spans() {
        let gen_ai = span.has("gen_ai.operation.name");
        let on_span = span.attrs.iter().map(|pair| ("span", pair));
        let on_events = span.events.iter().flat_map(|it| &it.attrs).map(|pair| ("event", pair));
        for (place, (key, value)) in on_span.chain(on_events) {
            if format!("{value:?}").contains(CANARY.text()) {
                leaks.insert((key.clone(), place, if gen_ai { "GenAI" } else { "plain" }));
            }
        }
    }
    assert!(leaks.is_empty(), "{leaks:#?}");
    out.assert_silent("content keys");
}

#[test]
fn fields_of_spans_that_are_not_genai() {
    let out = run_off(|| {
        let span = info_span!(
            "render",
            input.value = CANARY.text(),
            ai.prompt.messages = %CANARY.text(),
            traceloop.entity.input = ?CANARY.text(),
            langfuse.trace.input = CANARY.text(),
            llm.prompts = CANARY.text(),
        );
        let _entered = span.enter();
        info!({ output.value = CANARY.text() }, "rendered");
    });
    out.assert_silent("foreign keys");
}

#[test]
fn message_events() {
    let out = run_off(|| {
        let span = chat("message_events");
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
        format!("HTTP 400: {}", json!({"error": {"param": "messages", "value": CANARY.text()}})),
        format!("refused\ncaused by: {CANARY}"),
        format!("unfinished \"{CANARY}"),
        format!("Error {{ status: 429, body: Some({CANARY:?}) }}"),
    ]
}

#[test]
fn error_texts() {
    for echo in echoes() {
        let out = run_off(|| {
            let span = chat("error_texts");
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
        assert_eq!(out.span_of("error_texts").str("error.type"), Some("429"));
        out.assert_silent("an error text");
    }
}

#[test]
fn an_error_still_says_what_happened() {
    let out = run_off(|| {
        let span = chat("an_error_still_says_what_happened");
        let _entered = span.enter();
        span.record("error.type", "rate_limit");
        let text = format!("429 rate limit reached for \"{CANARY}\"");
        span.set_status(Status::error(text));
    });
    let span = out.span_of("an_error_still_says_what_happened");
    assert!(span.status_message().contains("429 rate limit reached"), "{span}");
    out.assert_silent("status description");
}

#[test]
fn a_span_that_fails_by_an_error_value() {
    let out = run_off(|| {
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
fn an_error_value_under_any_name() {
    let out = run_off(|| {
        let refused = Refused(Echo(format!("echo of \"{CANARY}\"")));
        let span = chat("an_error_value_under_any_name");
        let _entered = span.enter();
        error!(cause = &refused as &dyn std::error::Error, "failed");
        info!(cause = &refused as &dyn std::error::Error, gen_ai.usage.input_tokens = 1, "failed");
        let span = error_span!(
            "handler",
            gen_ai.operation.name = "chat",
            cause = &refused as &dyn std::error::Error,
        );
        drop(span);
        drop(error_span!("plain", cause = &refused as &dyn std::error::Error));
    });
    out.assert_silent("an error value under a name of its own");
}

#[test]
fn streamed_and_late_content() {
    let out = run_off(|| {
        let span = chat("streamed_and_late_content");
        for at in 0..3 {
            let _entered = span.enter();
            span.record("gen_ai.output.messages", format!("{CANARY} part {at}"));
            info!({ gen_ai.content.completion.chunk = CANARY.text() }, "chunk");
        }
        // After the last exit, and from another thread.
        span.record("gen_ai.output.messages", format!("{CANARY} at the end"));
        let (other, text) = (span.clone(), CANARY.text());
        let dispatch = tracing::dispatcher::get_default(Clone::clone);
        std::thread::spawn(move || {
            tracing::dispatcher::with_default(&dispatch, || {
                other.record("gen_ai.completion", text);
                other.set_attribute("gen_ai.output.messages", text);
            });
        })
        .join()
        .unwrap();
    });
    out.assert_silent("a stream");
}

#[test]
fn long_values_of_unknown_keys_are_content() {
    let long = format!("{CANARY} {}", "word ".repeat(100));
    let out = run_off(|| {
        let span = chat("long_values_of_unknown_keys_are_content");
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
fn withheld_fields_of_spans_are_never_formatted() {
    let out = run_off(|| {
        let span = info_span!(
            "handler",
            test = "withheld_fields_of_spans",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-4o",
            gen_ai.input.messages = ?vec![Untouchable],
            gen_ai.output.messages = Empty,
            gen_ai.prompt = %Untouchable,
        );
        let _entered = span.enter();
        span.record("gen_ai.output.messages", tracing::field::debug(vec![Untouchable]));
    });
    assert_eq!(out.span_of("withheld_fields_of_spans").name, "chat gpt-4o");
}

#[test]
fn withheld_fields_of_events_are_never_formatted() {
    let _ = run_off(|| {
        let _entered = chat("withheld_fields_of_events").entered();
        info!({ gen_ai.input.messages = ?vec![Untouchable] }, "request");
    });
}

#[test]
fn withheld_message_events_are_never_formatted() {
    let _ = run_off(|| {
        let _entered = chat("withheld_message_events").entered();
        info!(name: "gen_ai.user.message", content = ?Untouchable);
    });
}

#[test]
fn with_capture_on_the_content_is_where_it_should_be() {
    let (span, receiver) = run_full(|| {
        let span = chat("with_capture_on_the_content_is_where_it_should_be");
        let _entered = span.enter();
        span.record("gen_ai.system_instructions", format!("system {CANARY}"));
        let asked = json!([{"role": "user", "content": format!("input {CANARY}")}]);
        span.record("gen_ai.input.messages", asked.to_string());
        let said = json!([{
            "role": "assistant", "finish_reason": "stop",
            "parts": [{"type": "text", "content": format!("output {CANARY}")}],
        }]);
        span.record("gen_ai.output.messages", said.to_string());
        let arguments = json!({"argument": CANARY.text()});
        span.record("gen_ai.tool.call.arguments", arguments.to_string());
        span.record("gen_ai.tool.call.result", format!("result {CANARY}"));
        let documents = json!([{"id": "1", "score": 0.5, "content": CANARY.text()}]);
        span.record("gen_ai.retrieval.documents", documents.to_string());
    });
    assert!(receiver.contains_bytes(CANARY.text()));
    let complaints = conformance::check_with_content(&span);
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
    assert_eq!(span.json("gen_ai.tool.call.arguments"), Some(json!({"argument": CANARY.text()})));
    assert!(span.str("gen_ai.tool.call.result").unwrap().contains(CANARY.text()), "{span}");
    assert_eq!(span.json("gen_ai.retrieval.documents").unwrap()[0]["content"], CANARY.text());
}

#[test]
fn headers_are_secrets_even_with_capture_on() {
    let (span, receiver) = run_full(|| {
        let span = chat("headers_are_secrets_even_with_capture_on");
        span.set_attribute("gen_ai.headers", format!("authorization: Bearer {CANARY}"));
        span.set_attribute("llm.headers", format!("authorization: Bearer {CANARY}"));
    });
    assert!(!receiver.contains_bytes(CANARY.text()), "{span}");
}
