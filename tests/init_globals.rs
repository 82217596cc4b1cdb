//! What `init` installs. One test: globals are set once in a process.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;
use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer as _};
use tracing::{info_span, instrument};
use tracing_genai::ErrorKind;
use tracing_genai::telemetry::Console;
use tracing_genai_test_support::OtlpReceiver;
use tracing_opentelemetry::OpenTelemetrySpanExt;

#[test]
fn init_installs_subscriber_provider_and_propagators() {
    let receiver = OtlpReceiver::start();
    let log = Log::default();
    let endpoint = receiver.endpoint();
    let telemetry = tracing_genai::builder()
        .env([("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()), ("RUST_LOG", "trace")])
        .service_name("chat-api")
        .console(Console::Never)
        .log_writer(log.clone())
        .init()
        .unwrap();

    // A second one is refused, and the first goes on.
    let error = tracing_genai::builder().env([("A", "B")]).init().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyInitialized);

    handler("canary-question");
    native();
    let span = info_span!("outbound");
    let mut headers = HashMap::new();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject_context(&span.context(), &mut headers);
    });
    drop(span);
    assert!(headers.contains_key("traceparent"), "{headers:?}");

    telemetry.shutdown().unwrap();
    let spans = receiver.spans();
    let mut names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["chat gpt-4o", "chat gpt-4o-native", "outbound"]);
    assert!(!receiver.contains_bytes("canary"), "no content leaves");

    let log = log.text();
    let told = "configuration: code, OTEL_EXPORTER_OTLP_ENDPOINT, RUST_LOG";
    assert!(log.lines().any(|line| line.contains("DEBUG") && line.ends_with(told)), "{log}");
    assert!(!log.contains("canary"), "no content is logged: {log}");
    assert!(log.contains("the model has answered"), "{log}");
    assert!(log.contains("gen_ai.input.messages=[withheld]"), "{log}");
    assert!(!log.contains("TracerProvider.GlobalSet"), "{log}");
}

/// What a service does.
#[instrument(skip_all, fields(
    gen_ai.operation.name = "chat",
    gen_ai.provider.name = "openai",
    gen_ai.request.model = "gpt-4o",
    gen_ai.input.messages = %question,
    gen_ai.system_instructions = ?Explosive,
))]
fn handler(question: &str) {
    tracing::info!(gen_ai.tool.call.arguments = question, "the model has answered");
    // As rig and genai log.
    tracing::trace!(target: "rig::completions", "OpenAI request: {question}");
    tracing::warn!(target: "genai::adapter::adapters::anthropic::streamer", "data: {question}");
}

/// What a library does that uses the OpenTelemetry API.
fn native() {
    let mut span = opentelemetry::global::tracer("library").start("ChatCompletion");
    span.set_attribute(KeyValue::new("gen_ai.operation.name", "chat"));
    span.set_attribute(KeyValue::new("gen_ai.system", "openai"));
    span.set_attribute(KeyValue::new("gen_ai.request.model", "gpt-4o-native"));
    span.set_attribute(KeyValue::new("gen_ai.prompt", "canary-native"));
    span.end();
}

struct Explosive;

impl fmt::Debug for Explosive {
    fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
        panic!("content was formatted")
    }
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
