//! Formats and policies of single destinations.

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Status, Tracer};
use tracing_genai_test_support::OtlpReceiver;

use super::*;
use crate::policy::{ContentCapture, ErrorText, Policy};

const FULL: Policy = Policy::new(ContentCapture::Full);
const OFF: Policy = Policy::new(ContentCapture::Off).with_error_text(ErrorText::TypeOnly);
const CANARY: &str = "canary-3f9a";

fn chat(running: &Running) {
    let mut span = running.tracer.start("chat gpt-4o");
    span.set_attribute(KeyValue::new("gen_ai.operation.name", "chat"));
    span.set_attribute(KeyValue::new("gen_ai.request.model", "gpt-4o"));
    let message =
        format!(r#"[{{"role":"user","parts":[{{"type":"text","content":"{CANARY}"}}]}}]"#);
    span.set_attribute(KeyValue::new("gen_ai.input.messages", message));
    span.add_event("exception", vec![KeyValue::new("exception.message", format!("\"{CANARY}\""))]);
    span.set_status(Status::error(format!("provider said \"{CANARY}\"")));
    span.end();
}

#[test]
fn each_destination_has_its_format_and_its_policy() {
    let (plain, phoenix) = (OtlpReceiver::start(), OtlpReceiver::start());
    let mut settings = settings(vec![
        Destination { policy: Some(OFF), ..destination("plain", &plain.endpoint()) },
        Destination {
            format: FormatChoice::known("open_inference"),
            ..destination("phoenix", &phoenix.endpoint())
        },
    ]);
    settings.policy = FULL;
    let running = Running::start(&settings);
    chat(&running);
    running.pipeline.flush(PATIENCE).unwrap();
    assert!(!plain.contains_bytes(CANARY));
    assert_eq!(plain.spans()[0].str("gen_ai.request.model"), Some("gpt-4o"));
    assert!(phoenix.contains_bytes(CANARY));
    assert!(phoenix.contains_bytes("openinference.span.kind"));
    assert!(!plain.contains_bytes("openinference.span.kind"));
}

#[test]
fn a_destination_cannot_be_looser_than_the_process() {
    let receiver = OtlpReceiver::start();
    let to = Destination { policy: Some(FULL), ..destination("default", &receiver.endpoint()) };
    let running = Running::start(&Settings { policy: OFF, ..settings(vec![to]) });
    chat(&running);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 1);
    assert!(!receiver.contains_bytes(CANARY));
}

#[test]
fn what_is_queued_when_capture_is_switched_off_leaves_without_content() {
    let receiver = OtlpReceiver::start();
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.policy = FULL;
    let core = core(&settings);
    let pipeline = Pipeline::start(&settings, Arc::clone(&core)).unwrap();
    let running = Running::around(pipeline);
    chat(&running);
    core.policy.store(OFF);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 1);
    assert!(!receiver.contains_bytes(CANARY));
}
