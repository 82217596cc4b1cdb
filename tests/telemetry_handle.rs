//! The layer and the handle that `build` gives: where spans go, what the status says, how it ends.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tracing::info_span;
use tracing_genai::policy::ContentCapture;
use tracing_genai::semconv::Class;
use tracing_genai::telemetry::{Colours, Console, Sampler, State, Status, Terminal};
use tracing_genai::{Builder, ErrorKind, Telemetry};
use tracing_genai_test_support::{Answer, OtlpReceiver};
use tracing_subscriber::prelude::*;

const NO_ENV: [(&str, &str); 0] = [];

/// A builder that knows nothing of this machine.
fn builder() -> Builder {
    tracing_genai::builder().env(NO_ENV).service_name("test").console(Console::Never)
}

/// Runs `work` below the layer of `builder`.
fn run(builder: Builder, work: impl FnOnce()) -> Telemetry {
    let (layer, telemetry) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    telemetry
}

fn chat() {
    info_span!(
        "handler",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "gpt-4o",
        gen_ai.input.messages = "canary-in",
        gen_ai.tool.call.arguments = "canary-tool",
        gen_ai.usage.input_tokens = 7_u64,
    );
}

fn json(status: &Status) -> Value {
    serde_json::to_value(status).unwrap()
}

/// `started = sampled_out + in_flight + queued + exported + rejected + failed + dropped`
fn assert_adds_up(status: &Status) {
    let spans = status.spans();
    let dropped: u64 = spans.dropped().values().sum();
    let sum = spans.sampled_out()
        + spans.in_flight()
        + spans.queued()
        + spans.exported()
        + spans.rejected()
        + spans.failed()
        + dropped;
    assert_eq!(spans.started(), sum, "{status}");
}

#[test]
fn a_span_arrives_and_the_status_says_so() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(
        builder().endpoint(receiver.endpoint()).header("x-api-key", "secret-of-the-test"),
        chat,
    );
    telemetry.force_flush().unwrap();

    let spans = receiver.spans();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].name, "chat gpt-4o");
    assert_eq!(spans[0].int("gen_ai.usage.input_tokens"), Some(7));
    assert_eq!(spans[0].resource_attr("service.name").unwrap().as_str(), Some("test"));
    assert_eq!(receiver.requests()[0].http.header("x-api-key"), Some("secret-of-the-test"));
    assert!(!receiver.contains_bytes("canary"));

    let status = telemetry.status();
    assert_eq!(status.state(), State::Running);
    assert_eq!(status.reason(), None);
    assert_eq!(status.spans().exported(), 1);
    assert_adds_up(&status);
    let destination = &status.destinations()[0];
    assert_eq!(destination.url(), Some(format!("{}/v1/traces", receiver.endpoint()).as_str()));
    assert!(destination.is_answering() && destination.last_success().is_some());
    let all = format!("{status} {status:?} {} {telemetry:?}", json(&status));
    assert!(!all.contains("secret-of-the-test"), "{all}");
}

#[test]
fn the_status_as_json_has_its_fixed_places() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder().endpoint(receiver.endpoint()), chat);
    telemetry.force_flush().unwrap();
    let status = json(&telemetry.status());
    assert_eq!(status["state"], "running");
    for key in ["started", "sampled_out", "in_flight", "queued", "exported", "rejected", "failed"] {
        assert!(status["spans"][key].is_u64(), "{key}: {status}");
    }
    assert!(status["spans"]["dropped"].is_object());
    assert!(status["destinations"][0]["url"].is_string());
    assert_eq!(status["destinations"][0]["protocol"], "http/protobuf");
    assert_eq!(status["settings"]["content_capture"], "off");
    assert_eq!(status["settings"]["semconv"], "1.41");
    assert!(status["warnings"].is_array());
}

#[test]
fn without_an_endpoint_it_is_stopped_and_says_why() {
    let telemetry = run(builder(), chat);
    let status = telemetry.status();
    assert_eq!(status.state(), State::Stopped);
    assert!(status.reason().unwrap().contains("OTEL_EXPORTER_OTLP_ENDPOINT"), "{status}");
    assert!(status.to_string().starts_with("telemetry   stopped · test · there is no endpoint"));
    assert_adds_up(&status);
    telemetry.shutdown().unwrap();
}

#[test]
fn switched_off_it_sends_nothing_and_says_so() {
    let receiver = OtlpReceiver::start();
    let builder = builder()
        .env([("OTEL_SDK_DISABLED", "true")])
        .endpoint(receiver.endpoint())
        .console(Console::Always);
    let telemetry = run(builder, chat);
    assert_eq!(telemetry.status().state(), State::Disabled);
    telemetry.shutdown().unwrap();
    assert_eq!(telemetry.status().state(), State::Disabled);
    assert_eq!(receiver.requests().len(), 0);
}

#[test]
fn shutdown_delivers_and_a_second_one_does_nothing() {
    let receiver = OtlpReceiver::start();
    let (layer, telemetry) = builder().endpoint(receiver.endpoint()).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let _default = tracing::subscriber::set_default(subscriber);
    chat();
    telemetry.shutdown().unwrap();
    telemetry.shutdown().unwrap();
    assert_eq!(receiver.span_count(), 1);
    chat();
    let status = telemetry.status();
    assert_eq!(status.state(), State::ShutDown);
    assert_adds_up(&status);
    assert_eq!(receiver.span_count(), 1);
}

#[test]
fn dropping_the_last_handle_delivers() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder().endpoint(receiver.endpoint()), chat);
    let clone = telemetry.clone();
    drop(telemetry);
    assert_eq!(clone.status().state(), State::Running);
    drop(clone);
    assert_eq!(receiver.span_count(), 1);
}

#[test]
fn shutdown_keeps_its_time_and_reports_what_is_lost() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::never());
    let builder =
        builder().endpoint(receiver.endpoint()).shutdown_timeout(Duration::from_millis(300));
    let telemetry = run(builder, chat);
    let error = telemetry.shutdown().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Timeout);
    assert!(error.to_string().contains('1'), "{error}");
    let status = telemetry.status();
    assert_adds_up(&status);
    assert_eq!(status.spans().exported(), 0);
}

#[test]
fn a_refusal_is_an_error_of_the_flush() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::status(401).body("no such key"));
    let telemetry = run(builder().endpoint(receiver.endpoint()), chat);
    let error = telemetry.force_flush().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Export);
    assert!(error.to_string().contains("no such key"), "{error}");
    let status = telemetry.status();
    assert_eq!(status.spans().failed(), 1);
    let last = status.destinations()[0].last_error().unwrap();
    assert_eq!(last.code(), Some(401));
    assert!(last.message().contains("no such key"), "{status}");
}

#[test]
fn capture_is_decided_by_direction() {
    let receiver = OtlpReceiver::start();
    let builder = builder()
        .endpoint(receiver.endpoint())
        .content_capture(ContentCapture::Off)
        .content_class(Class::Input, ContentCapture::Full);
    let telemetry = run(builder, chat);
    telemetry.force_flush().unwrap();
    assert!(receiver.contains_bytes("canary-in"));
    assert!(!receiver.contains_bytes("canary-tool"));
    assert_eq!(json(&telemetry.status())["settings"]["content_capture"], "partial");
}

#[test]
fn the_sampler_is_the_one_that_was_set() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder().endpoint(receiver.endpoint()).sampler(Sampler::AlwaysOff), chat);
    telemetry.force_flush().unwrap();
    let status = telemetry.status();
    assert_eq!(status.spans().sampled_out(), 1);
    assert_adds_up(&status);
    assert_eq!(receiver.span_count(), 0);
    assert_eq!(json(&status)["settings"]["sampler"], "always_off");
}

#[test]
fn the_console_prints_the_tree_and_no_content() {
    let printed = Printed::default();
    let builder = builder()
        .content_capture(ContentCapture::Full)
        .console(Console::Always)
        .terminal(Terminal::new(100, Colours::Off))
        .console_writer(printed.clone());
    let telemetry = run(builder, || {
        let agent = info_span!(
            "agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = "helper"
        );
        let _entered = agent.enter();
        chat();
    });
    telemetry.shutdown().unwrap();
    let text = printed.text();
    assert!(text.contains("invoke_agent helper"), "{text}");
    assert!(text.contains("└─ chat gpt-4o"), "{text}");
    assert!(!text.contains("canary"), "{text}");
    assert_eq!(telemetry.status().spans().exported(), 2);
}

#[test]
fn a_file_is_read_and_code_wins_over_it() {
    let receiver = OtlpReceiver::start();
    let yaml = format!(
        "service_name: from-file\nendpoint: {}\ncontent_capture: full\n\
         headers: {{ x-api-key: secret-of-the-test }}\n",
        receiver.endpoint()
    );
    let telemetry = run(builder().config_str(yaml), chat);
    telemetry.force_flush().unwrap();
    let spans = receiver.spans();
    assert_eq!(spans[0].resource_attr("service.name").unwrap().as_str(), Some("test"));
    assert!(receiver.contains_bytes("canary-in"), "the file lets content out");

    let explanation = telemetry.explain();
    assert_eq!(explanation.get("service_name"), Some(("test", "code")));
    let (value, origin) = explanation.get("content_capture").unwrap();
    assert_eq!(value, "full");
    assert!(origin.contains(":3:"), "{origin}");
    let text = format!("{explanation} {explanation:?}");
    assert!(!text.contains("secret-of-the-test"), "{text}");
}

#[test]
fn a_wrong_configuration_starts_nothing_and_names_every_problem() {
    let yaml = "endpoint: http://localhost:4318\nsampler: sometimes\ncontent_captrue: full\n";
    let error = builder().config_str(yaml).build::<tracing_subscriber::Registry>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    let text = error.to_string();
    assert!(text.contains(":2:10: sampler: "), "{text}");
    assert!(text.contains(":3:1: content_captrue: "), "{text}");
    assert!(text.contains("content_capture"), "did you mean: {text}");
}

#[test]
fn reload_moves_spans_to_another_receiver_and_takes_content_back() {
    let (first, second) = (OtlpReceiver::start(), OtlpReceiver::start());
    let file = TemporaryFile::new("reload");
    let write = |endpoint: &str, capture: &str| {
        file.write(&format!("endpoint: {endpoint}\ncontent_capture: {capture}\n"));
    };
    write(&first.endpoint(), "full");
    let (layer, telemetry) = builder().config_file(&file.0).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let _default = tracing::subscriber::set_default(subscriber);
    chat();

    write(&second.endpoint(), "off");
    let reloaded = telemetry.reload().unwrap();
    assert!(reloaded.changed().iter().any(|key| key == "content_capture"), "{reloaded}");
    chat();
    telemetry.force_flush().unwrap();
    assert_eq!(first.span_count(), 1);
    assert_eq!(second.span_count(), 1);
    assert!(!second.contains_bytes("canary"));
    assert_eq!(json(&telemetry.status())["settings"]["content_capture"], "off");

    // A wrong file changes nothing.
    file.write("endpoint: http://localhost:4318\nsampler: sometimes\n");
    assert_eq!(telemetry.reload().unwrap_err().kind(), ErrorKind::Config);
    chat();
    telemetry.force_flush().unwrap();
    assert_eq!(second.span_count(), 2);

    write(&second.endpoint(), "off");
    let reloaded = telemetry.reload().unwrap();
    assert!(reloaded.changed().is_empty(), "{reloaded}");
    assert!(!reloaded.kept().is_empty(), "{reloaded}");
    assert_adds_up(&telemetry.status());
}

#[test]
fn the_doctor_tells_a_working_receiver_from_a_missing_one() {
    let receiver = OtlpReceiver::start();
    let (_, telemetry) =
        builder().endpoint(receiver.endpoint()).build::<tracing_subscriber::Registry>().unwrap();
    let diagnosis = telemetry.doctor();
    assert!(diagnosis.is_healthy(), "{diagnosis}");
    // MLflow refuses a request of no bytes.
    assert!(!receiver.requests()[0].body.is_empty());

    receiver.answer_always(Answer::status(401));
    let diagnosis = telemetry.doctor();
    assert!(!diagnosis.is_healthy());
    let finding = &diagnosis.findings()[0];
    assert!(finding.message().contains("401") && finding.advice().is_some(), "{diagnosis}");

    let (_, telemetry) = builder().build::<tracing_subscriber::Registry>().unwrap();
    assert_eq!(telemetry.doctor().to_string(), "there is no endpoint to ask");
}

#[test]
fn the_handle_crosses_threads() {
    fn crosses<T: Clone + Send + Sync + 'static>() {}
    crosses::<Telemetry>();
    fn sends<T: Send + 'static>() {}
    sends::<Builder>();
}

#[derive(Clone, Default)]
struct Printed(Arc<Mutex<Vec<u8>>>);

impl Printed {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Printed {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A file that is gone at the end of the test.
struct TemporaryFile(PathBuf);

impl TemporaryFile {
    fn new(name: &str) -> Self {
        let name = format!("tracing-genai-{name}-{}.yaml", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }
}

impl Drop for TemporaryFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
