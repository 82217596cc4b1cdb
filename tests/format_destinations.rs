//! Formats of destinations, over real sockets: each receiver gets its own shape and no more
//! content than it may.
#![cfg(all(feature = "otel-http", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use opentelemetry::KeyValue;
use opentelemetry_sdk::trace::SpanData;
use tracing::info_span;
use tracing_genai::format::Format;
use tracing_genai::telemetry::{Console, DestinationStatus};
use tracing_genai::{Builder, Telemetry};
use tracing_genai_test_support::{OtlpReceiver, ReceivedSpan};
use tracing_subscriber::prelude::*;

const NO_ENV: [(&str, &str); 0] = [];
const CANARY: &str = "canary-of-the-prompt";

fn builder(yaml: impl Into<String>) -> Builder {
    tracing_genai::builder()
        .env(NO_ENV)
        .service_name("test")
        .console(Console::Never)
        .config_str(yaml)
}

/// Runs `work` below the layer of `builder` and waits until its spans have arrived.
fn run(builder: Builder, work: impl FnOnce()) -> Telemetry {
    let (layer, telemetry) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    telemetry.force_flush().unwrap();
    telemetry
}

fn chat() {
    chat_of(&format!(r#"[{{"role":"user","parts":[{{"type":"text","content":"{CANARY}"}}]}}]"#));
}

fn chat_of(input: &str) {
    info_span!(
        "handler",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-4o",
        gen_ai.response.model = "gpt-4o-2024-08-06",
        gen_ai.input.messages = input,
        gen_ai.output.messages = r#"[{"role":"assistant","parts":[{"type":"text","content":"Hi."}],"finish_reason":"stop"}]"#,
        gen_ai.response.finish_reasons = r#"["stop"]"#,
        gen_ai.usage.input_tokens = 7_u64,
        gen_ai.usage.output_tokens = 2_u64,
        gen_ai.conversation.id = "conversation-1",
        gen_ai.prompt.name = "greeting",
    );
}

/// The one span that arrived.
fn span(receiver: &OtlpReceiver) -> ReceivedSpan {
    let mut spans = receiver.spans();
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

fn keys_with<'s>(span: &'s ReceivedSpan, prefixes: &[&str]) -> Vec<&'s str> {
    let keys = span.attrs.iter().map(|(key, _)| key.as_str());
    keys.filter(|key| prefixes.iter().any(|prefix| key.starts_with(prefix))).collect()
}

fn status_of(telemetry: &Telemetry, name: &str) -> DestinationStatus {
    let status = telemetry.status();
    status.destinations().iter().find(|destination| destination.name() == name).unwrap().clone()
}

#[test]
fn two_receivers_at_once_see_nothing_of_each_other() {
    let (plain, phoenix) = (OtlpReceiver::start(), OtlpReceiver::start());
    let yaml = format!(
        "
content_capture: full
exporters:
  - name: collector
    endpoint: {}
    format: gen_ai
    content_capture: off
  - name: phoenix
    endpoint: {}
    format: open_inference
    content_capture: full
",
        plain.endpoint(),
        phoenix.endpoint()
    );
    let telemetry = run(builder(yaml), chat);

    let canonical = span(&plain);
    assert_eq!(canonical.name, "chat gpt-4o");
    assert_eq!(canonical.str("gen_ai.provider.name"), Some("openai"));
    assert_eq!(canonical.int("gen_ai.usage.input_tokens"), Some(7));
    let foreign = ["llm.", "openinference.", "input.", "output.", "session."];
    assert_eq!(keys_with(&canonical, &foreign), [""; 0]);
    assert!(!canonical.has("gen_ai.input.messages"));
    assert!(!plain.contains_bytes(CANARY), "content left to a receiver that may have none");

    let converted = span(&phoenix);
    assert_eq!(converted.str("openinference.span.kind"), Some("LLM"));
    assert_eq!(converted.str("llm.input_messages.0.message.content"), Some(CANARY));
    assert_eq!(converted.str("llm.output_messages.0.message.content"), Some("Hi."));
    assert_eq!(converted.int("llm.token_count.total"), Some(9));
    assert_eq!(converted.str("session.id"), Some("conversation-1"));
    assert_eq!(keys_with(&converted, &["gen_ai.input", "gen_ai.usage", "gen_ai.request"]), [""; 0]);
    assert!(phoenix.contains_bytes(CANARY));

    assert_eq!((canonical.trace_id, canonical.span_id), (converted.trace_id, converted.span_id));
    assert_eq!(status_of(&telemetry, "collector").format(), Some("gen_ai"));
    assert_eq!(status_of(&telemetry, "phoenix").format(), Some("open_inference"));
}

#[test]
fn a_receiver_gets_no_more_content_than_all_may() {
    let receiver = OtlpReceiver::start();
    let yaml = format!(
        "content_capture: off\nexporters:\n  - name: phoenix\n    endpoint: {}\n    \
         format: open_inference\n    content_capture: full\n",
        receiver.endpoint()
    );
    let telemetry = run(builder(yaml), chat);
    assert_eq!(keys_with(&span(&receiver), &["llm.input_messages", "input.value"]), [""; 0]);
    assert!(!receiver.contains_bytes(CANARY));
    let status = telemetry.status();
    assert!(status.warnings().iter().any(|warning| warning.contains("phoenix")), "{status}");
}

/// `config.json` as the page of the gateway's plugin has it, with another `trace_type`.
fn gateway(receiver: &OtlpReceiver, trace_type: &str) -> String {
    format!(
        r#"{{"plugins": [{{"enabled": true, "name": "otel", "config": {{
            "service_name": "bifrost",
            "collector_url": "{}",
            "trace_type": "{trace_type}",
            "protocol": "http",
            "headers": {{"Authorization": "env.OTEL_API_KEY"}}
        }}}}]}}"#,
        receiver.endpoint()
    )
}

#[test]
fn the_trace_types_that_the_gateway_announces_work() {
    type Check = fn(&ReceivedSpan);
    let vercel: Check = |span| {
        assert_eq!(span.scope, "ai");
        assert_eq!(span.name, "ai.generateText.doGenerate");
        assert_eq!(span.str("ai.model.id"), Some("gpt-4o"));
        assert_eq!(span.int("ai.usage.inputTokens"), Some(7));
        assert_eq!(span.str("gen_ai.system"), Some("openai.chat"));
        assert_eq!(keys_with(span, &["llm.", "openinference."]), [""; 0]);
    };
    let open_inference: Check = |span| {
        assert_eq!(span.str("openinference.span.kind"), Some("LLM"));
        assert_eq!(span.str("llm.model_name"), Some("gpt-4o-2024-08-06"));
        assert_eq!(keys_with(span, &["ai."]), [""; 0]);
    };
    let genai_extension: Check = |span| {
        assert_eq!(span.str("gen_ai.request.model"), Some("gpt-4o"));
        assert_eq!(keys_with(span, &["ai.", "llm.", "openinference."]), [""; 0]);
    };
    for (trace_type, name, check) in [
        ("vercel", "vercel", vercel),
        ("open_inference", "open_inference", open_inference),
        ("genai_extension", "gen_ai", genai_extension),
    ] {
        let receiver = OtlpReceiver::start();
        let builder = builder(gateway(&receiver, trace_type)).env([("OTEL_API_KEY", "key")]);
        let telemetry = run(builder, chat);
        check(&span(&receiver));
        assert!(!receiver.contains_bytes(CANARY), "{trace_type}");
        assert_eq!(receiver.requests()[0].http.header("authorization"), Some("key"));
        assert_eq!(status_of(&telemetry, "default").format(), Some(name));
    }
}

#[test]
fn a_backend_brings_its_format_headers_and_names() {
    let receiver = OtlpReceiver::start();
    let yaml =
        format!("content_capture: full\nendpoint: {}\nbackend: Langfuse\n", receiver.endpoint());
    let telemetry = run(builder(yaml), chat);
    let received = span(&receiver);
    assert!(received.str("langfuse.observation.input").unwrap().contains(CANARY));
    assert_eq!(received.str("langfuse.observation.prompt.name"), Some("greeting"));
    // Langfuse would take it for the input of the span.
    assert_eq!(keys_with(&received, &["gen_ai.prompt"]), [""; 0]);
    let request = &receiver.requests()[0].http;
    assert_eq!(request.header("x-langfuse-ingestion-version"), Some("4"));
    assert_eq!(status_of(&telemetry, "default").format(), Some("langfuse"));
}

#[test]
fn what_the_user_says_wins_over_the_backend() {
    let receiver = OtlpReceiver::start();
    let yaml = format!(
        "endpoint: {}\nbackend: langfuse\nformat: gen_ai\nheaders:\n  \
         X-Langfuse-Ingestion-Version: mine\n",
        receiver.endpoint()
    );
    let telemetry = run(builder(yaml), chat);
    assert_eq!(status_of(&telemetry, "default").format(), Some("gen_ai"));
    let received = span(&receiver);
    assert_eq!(keys_with(&received, &["langfuse.observation.type"]), [""; 0]);
    assert_eq!(received.str("gen_ai.request.model"), Some("gpt-4o"));
    let request = &receiver.requests()[0].http;
    assert_eq!(request.header("x-langfuse-ingestion-version"), Some("mine"));
}

#[test]
fn hidden_text_is_redacted_by_the_variables_of_open_inference() {
    let (phoenix, plain) = (OtlpReceiver::start(), OtlpReceiver::start());
    let yaml = format!(
        "content_capture: full\nexporters:\n  - {{name: phoenix, endpoint: \"{}\", backend: phoenix}}\n  \
         - {{name: plain, endpoint: \"{}\"}}\n",
        phoenix.endpoint(),
        plain.endpoint()
    );
    let env =
        [("OPENINFERENCE_HIDE_INPUT_TEXT", "true"), ("OPENINFERENCE_HIDE_PROMPTS", "perhaps")];
    let telemetry = run(builder(yaml).env(env), chat);
    assert_eq!(span(&phoenix).str("llm.input_messages.0.message.content"), Some("__REDACTED__"));
    assert!(!phoenix.contains_bytes(CANARY));
    assert!(plain.contains_bytes(CANARY), "the other receiver is not asked for it");
    let status = telemetry.status();
    let told = |warning: &String| warning.starts_with("OPENINFERENCE_HIDE_PROMPTS");
    assert!(status.warnings().iter().any(told), "{status}");
}

#[test]
fn what_a_format_could_not_say_is_counted() {
    let receiver = OtlpReceiver::start();
    let yaml = format!(
        "content_capture: full\nendpoint: {}\nformat: open_inference\n\
         limits: {{attribute_count_limit: 64}}\n",
        receiver.endpoint()
    );
    let turn = r#"{"role":"user","parts":[{"type":"text","content":"again"}]}"#;
    let long = format!("[{}]", [turn; 100].join(","));
    let telemetry = run(builder(yaml), || chat_of(&long));
    let received = span(&receiver);
    assert!(received.attrs.len() <= 64, "{}", received.attrs.len());
    assert_eq!(received.json("gen_ai.input.messages").unwrap().as_array().unwrap().len(), 100);
    let destination = status_of(&telemetry, "default");
    assert_eq!((destination.malformed(), destination.unflattened()), (0, 1));
    let json = serde_json::to_value(telemetry.status()).unwrap();
    assert_eq!(json["destinations"][0]["unflattened"], 1);
    assert!(telemetry.status().to_string().contains("1 unflattened"), "{}", telemetry.status());
}

#[test]
fn a_long_conversation_is_flattened_whole_by_default() {
    let receiver = OtlpReceiver::start();
    let yaml =
        format!("content_capture: full\nendpoint: {}\nbackend: phoenix\n", receiver.endpoint());
    let turn = r#"{"role":"user","parts":[{"type":"text","content":"again"}]}"#;
    let long = format!("[{}]", [turn; 200].join(","));
    let telemetry = run(builder(yaml), || chat_of(&long));
    assert_eq!(span(&receiver).str("llm.input_messages.199.message.content"), Some("again"));
    assert_eq!(status_of(&telemetry, "default").unflattened(), 0);
}

#[derive(Debug)]
struct Shouting;

impl Format for Shouting {
    fn name(&self) -> &'static str {
        "shouting"
    }

    fn format(&self, mut span: SpanData) -> SpanData {
        span.name = span.name.to_uppercase().into();
        span.attributes.push(KeyValue::new("shouted", true));
        span
    }
}

#[test]
fn a_format_of_ones_own_is_for_its_destination_only() {
    let (loud, quiet) = (OtlpReceiver::start(), OtlpReceiver::start());
    let yaml = format!(
        "exporters:\n  - {{name: loud, endpoint: \"{}\", format: vercel}}\n  - {{name: quiet, endpoint: \"{}\"}}\n",
        loud.endpoint(),
        quiet.endpoint()
    );
    let builder = builder(yaml).format("loud", Shouting).format("laud", Shouting);
    let telemetry = run(builder, chat);
    assert_eq!(span(&loud).name, "CHAT GPT-4O");
    assert_eq!(span(&loud).bool("shouted"), Some(true));
    assert_eq!(span(&quiet).name, "chat gpt-4o");
    assert!(!loud.contains_bytes(CANARY), "the policy comes first");
    assert_eq!(status_of(&telemetry, "loud").format(), Some("shouting"));
    assert_eq!(status_of(&telemetry, "quiet").format(), Some("gen_ai"));
    let status = telemetry.status();
    assert!(status.warnings().iter().any(|warning| warning.contains("`laud`")), "{status}");
    // It stays over a reload, and does not make the destination a new one.
    let reloaded = telemetry.reload().unwrap();
    assert_eq!(reloaded.changed(), [""; 0], "{reloaded}");
    assert_eq!(status_of(&telemetry, "loud").format(), Some("shouting"));
}
