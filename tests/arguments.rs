//! `#[instrument]` records the arguments of a function under their bare names, and its result as
//! `return`: no convention knows these, and they hold prompts and answers all the same.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use opentelemetry::KeyValue;
use tracing::field::Empty;
use tracing::{Span, info, info_span, instrument};
use tracing_genai::telemetry::{Console, WithoutContent};
use tracing_genai_test_support::{OtlpReceiver, ReceivedSpan, Value};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::prelude::*;

const CANARY: &str = "canary-7f3a";
const SECRET: &str = "sk-secret-91c2";

#[derive(Clone, Debug)]
#[expect(dead_code, reason = "read by Debug")]
struct ChatRequest {
    model: &'static str,
    messages: Vec<String>,
}

impl ChatRequest {
    fn new() -> Self {
        Self { model: "gpt-4o", messages: vec![CANARY.to_owned()] }
    }
}

#[derive(Clone, Debug, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The spans and the log lines of `work`, beside a log layer with our field formatter.
fn run(settings: &str, work: impl FnOnce()) -> (Vec<ReceivedSpan>, String, OtlpReceiver) {
    let receiver = OtlpReceiver::start();
    let (layer, telemetry) = tracing_genai::builder()
        .env([("RECEIVER", receiver.endpoint())])
        .console(Console::Never)
        .config_str(match settings.contains("endpoint:") {
            true => settings.to_owned(),
            false => format!("endpoint: ${{RECEIVER}}\n{settings}"),
        })
        .build()
        .unwrap();
    let log = Log::default();
    let lines = log.clone();
    let printed = tracing_subscriber::fmt::layer()
        .fmt_fields(WithoutContent::default())
        .with_ansi(false)
        .with_span_events(tracing_subscriber::fmt::format::FmtSpan::CLOSE)
        .with_writer(move || lines.clone());
    let subscriber = tracing_subscriber::registry().with(printed).with(layer);
    tracing::subscriber::with_default(subscriber, work);
    telemetry.shutdown().unwrap();
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    (receiver.spans(), text, receiver)
}

/// Handlers as people write them: without `skip_all`.
mod handlers {
    use super::*;

    #[derive(Debug)]
    #[expect(dead_code, reason = "read by Debug")]
    pub(super) struct Client(pub(super) &'static str);

    impl Client {
        #[instrument(ret, fields(gen_ai.operation.name = "chat", gen_ai.request.model = "gpt-4o"))]
        pub(super) fn ask(&self, input: &str, request: ChatRequest, retries: u32) -> String {
            request.messages.concat()
        }
    }

    #[instrument(ret(Display))]
    pub(super) fn plain(prompt: &str, messages: &[String], system_prompt: String) -> String {
        prompt.to_owned()
    }

    #[instrument]
    pub(super) fn handler(headers: Vec<(&str, &str)>, req: ChatRequest) {}

    #[instrument(skip_all, fields(gen_ai.operation.name = "chat", dump = Empty, url.full = Empty))]
    pub(super) fn dumps(request: ChatRequest) {
        let span = Span::current();
        span.record("dump", tracing::field::debug(vec![&request; 12]));
        span.record("url.full", format!("http://localhost/{}", "long/".repeat(100)));
    }
}

fn everything() {
    handlers::Client(CANARY).ask(CANARY, ChatRequest::new(), 3);
    handlers::plain(CANARY, &[CANARY.to_owned()], CANARY.to_owned());
    handlers::handler(vec![("authorization", SECRET)], ChatRequest::new());
    handlers::dumps(ChatRequest::new());
    let span = info_span!("by hand", gen_ai.operation.name = "chat");
    span.set_attribute("question", CANARY);
    span.set_attribute("api_key", SECRET);
    span.add_event("tool", vec![KeyValue::new("tool_result", CANARY)]);
    let _entered = span.enter();
    info!(authorization = SECRET, "called");
    info!(completion = CANARY, tool_args = ?ChatRequest::new(), prompts = 2, "answered");
    info!(gen_ai.conversation.id = "c", output = CANARY, "said");
}

#[test]
fn nothing_of_it_leaves() {
    let stricter = "content_capture: full\nlogs: {enabled: true}\n\
                    exporters: [{endpoint: '${RECEIVER}', content_capture: off}]";
    for config in ["", "logs: {enabled: true}", stricter] {
        let (spans, log, receiver) = run(config, everything);
        assert_eq!(spans.len(), 5);
        for span in &spans {
            assert!(!span.to_string().contains(CANARY), "{span}");
        }
        assert!(!receiver.contains_bytes(CANARY), "{config}");
        let logs = receiver.requests().iter().any(|request| request.logs.is_some());
        assert_eq!(logs, !config.is_empty(), "{config}");
        for line in log.lines() {
            assert!(!line.contains(CANARY), "{line}");
        }
    }
}

#[test]
fn a_secret_never_leaves() {
    for config in ["", "content_capture: full", "content_capture: full\nlogs: {enabled: true}"] {
        let (_spans, log, receiver) = run(config, everything);
        assert!(!receiver.contains_bytes(SECRET), "{config}");
        assert!(!log.contains(SECRET), "{config}: {log}");
    }
}

#[test]
fn what_is_no_text_and_what_is_in_a_namespace_leaves() {
    let (spans, log, _receiver) = run("", everything);
    let find = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    assert_eq!(find("chat gpt-4o").int("retries"), Some(3));
    assert!(find("chat").str("url.full").is_some_and(|url| url.len() > 256));
    let by_hand = spans.iter().find(|span| !span.events.is_empty() && span.name == "chat").unwrap();
    let answered = by_hand.events.iter().find(|event| event.name == "answered").unwrap();
    assert_eq!(answered.attr("prompts"), Some(&Value::Int(2)));
    assert!(log.contains("prompts=2"), "{log}");
    assert!(log.contains("answered") && log.contains("said"), "{log}");
}

#[test]
fn all_of_it_leaves_where_somebody_decided_so() {
    let (spans, ..) = run("content_capture: full", everything);
    let ask = spans.iter().find(|span| span.name == "chat gpt-4o").unwrap();
    assert_eq!(ask.str("input"), Some(CANARY));
    assert!(ask.str("request").is_some_and(|text| text.contains(CANARY)), "{ask}");
    let plain = spans.iter().find(|span| span.name == "plain").unwrap();
    for key in ["prompt", "messages", "system_prompt"] {
        assert!(plain.str(key).is_some_and(|text| text.contains(CANARY)), "{key}: {plain}");
    }
    let returned = plain.events.iter().find(|event| event.attr("return").is_some());
    assert!(
        returned.is_some_and(|event| event.attr("return").and_then(Value::as_str) == Some(CANARY))
    );
}

#[test]
fn by_direction() {
    let (spans, ..) = run("content_capture: {output: full}", || {
        handlers::plain("asked", &[], String::new());
    });
    assert!(!spans[0].has("prompt"), "{}", spans[0]);
    assert!(spans[0].events.iter().any(|event| event.attr("return").is_some()), "{}", spans[0]);
}

#[test]
fn the_lint_tells_of_it() {
    run("", everything);
    let found: Vec<String> =
        tracing_genai::lint::findings().iter().map(ToString::to_string).collect();
    for told in [
        "`ask` has a field `self`, whose text is taken for content; `skip(self)` it",
        "`ask` has a field `input`, whose text is taken for content; `skip(input)` it",
        "`plain` has a field `prompt`, whose text is taken for content; `skip(prompt)` it",
        "`handler` has a field `headers`, which never leaves",
    ] {
        assert!(found.iter().any(|line| line.ends_with(told)), "{told}\n{found:#?}");
    }
    assert!(!found.iter().any(|line| line.contains("`retries`")), "{found:#?}");
}
