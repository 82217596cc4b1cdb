//! What arrives, in what request, and how it is counted.

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer};
use tracing_genai_test_support::{Answer, OtlpReceiver};

use super::*;
use crate::config::settings::{Batch, Sampler, Scalar};
use crate::health::DropReason;
use crate::pipeline::delivery::FailureKind;
use crate::policy::{ContentCapture, Policy};

#[test]
fn every_span_arrives_once_and_is_counted() {
    let receiver = OtlpReceiver::start();
    let running = Running::to(&receiver);
    running.numbered(1500);
    running.pipeline.flush(PATIENCE).unwrap();

    let mut names: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 1500);
    let snapshot = running.snapshot();
    assert_eq!(snapshot.spans.finished.exported, 1500);
    assert_eq!(snapshot.spans.started, 1500);
    assert_eq!(snapshot.destinations[0].items.exported, 1500);
    assert!(snapshot.destinations[0].last_success.is_some());
    assert!(snapshot.destinations[0].last_error.is_none());
}

#[test]
fn requests_share_a_connection() {
    let receiver = OtlpReceiver::start();
    let running = Running::to(&receiver);
    for _ in 0..5 {
        running.numbered(10);
        running.pipeline.flush(PATIENCE).unwrap();
    }
    assert_eq!((receiver.requests().len(), receiver.connections()), (5, 1));
}

#[test]
fn a_full_batch_leaves_without_waiting_for_the_delay() {
    let receiver = OtlpReceiver::start();
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch.max_export_batch_size = 10;
    settings.batch.schedule_delay = Duration::from_secs(3600);
    let running = Running::start(&settings);
    running.numbered(10);
    assert_eq!(receiver.wait_for_spans(10, PATIENCE).len(), 10);
}

#[test]
fn a_started_batch_leaves_after_the_delay() {
    let receiver = OtlpReceiver::start();
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch.schedule_delay = Duration::from_millis(100);
    let running = Running::start(&settings);
    running.numbered(3);
    assert_eq!(receiver.wait_for_spans(3, PATIENCE).len(), 3);
}

#[test]
fn the_request_is_otlp_with_our_headers_only() {
    let receiver = OtlpReceiver::start();
    let headers = vec![
        header("authorization", "Basic dTpw=="),
        header("x-percent", "a%3Db"),
        header("user-agent", "shop/2"),
    ];
    let to = by(destination("default", &receiver.endpoint()), |to| to.headers = headers);
    let mut settings = settings(vec![to]);
    settings.resource_attributes = vec![
        (String::from("deployment.environment.name"), Scalar::Str(String::from("test"))),
        (String::from("replicas"), Scalar::I64(3)),
    ];
    let running = Running::start(&settings);
    running.numbered(1);
    running.pipeline.flush(PATIENCE).unwrap();

    let request = &receiver.requests()[0].http;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", "/v1/traces"));
    let mut names: Vec<_> = request.headers.iter().map(|(name, _)| name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["authorization", "content-length", "content-type", "host", "user-agent", "x-percent"]
    );
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
    assert_eq!(request.header("authorization"), Some("Basic dTpw=="));
    assert_eq!(request.header("x-percent"), Some("a%3Db"));
    assert!(request.header("user-agent").unwrap().starts_with("shop/2 OTel-OTLP-Exporter-Rust/"));
    let resource = &receiver.spans()[0].resource;
    let text = format!("{resource:?}");
    for part in ["service.name", "chat-api", "telemetry.sdk.language", "replicas", "test"] {
        assert!(text.contains(part), "{part} in {text}");
    }
}

#[test]
fn destinations_get_every_span_and_only_their_own_headers() {
    let (a, b) = (OtlpReceiver::start(), OtlpReceiver::start());
    let with = |name, receiver: &OtlpReceiver, header| {
        by(destination(name, &receiver.endpoint()), |to| to.headers = vec![header])
    };
    let first = with("a", &a, header("x-key", "key-of-a"));
    let second = with("b", &b, header("x-other", "key-of-b"));
    let running = Running::start(&settings(vec![first, second]));
    running.numbered(700);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!((a.span_count(), b.span_count()), (700, 700));
    assert!(a.contains_bytes("key-of-a") && !a.contains_bytes("key-of-b"));
    assert!(b.contains_bytes("key-of-b") && !b.contains_bytes("key-of-a"));
    let snapshot = running.snapshot();
    assert_eq!(snapshot.spans.finished.exported, 700);
    assert!(!format!("{:?} {snapshot:?}", running.pipeline).contains("key-of"));
}

#[test]
fn a_span_counts_by_the_worst_of_its_fates() {
    let (good, bad) = (OtlpReceiver::start(), OtlpReceiver::start());
    bad.answer_always(Answer::status(401).header("content-type", "text/plain").body("no such key"));
    let running = Running::start(&settings(vec![
        destination("good", &good.endpoint()),
        destination("bad", &bad.endpoint()),
    ]));
    running.numbered(5);
    assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.refused, 5);
    let snapshot = running.snapshot();
    assert_eq!(snapshot.spans.finished.failed, 5);
    assert_eq!(snapshot.destinations[0].items.exported, 5);
    assert_eq!(snapshot.destinations[1].items.failed, 5);
    let (_, error) = snapshot.destinations[1].last_error.as_ref().unwrap();
    assert_eq!((error.kind, error.code), (FailureKind::Status, Some(401)));
    assert_eq!(error.message, "no such key");
}

#[test]
fn unsampled_spans_are_counted_and_stay() {
    let receiver = OtlpReceiver::start();
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.sampler = Sampler::AlwaysOff;
    let running = Running::start(&settings);
    running.numbered(7);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.requests().len(), 0);
    let spans = running.snapshot().spans;
    assert_eq!((spans.started, spans.sampled_out), (7, 7));
}

#[test]
fn open_spans_are_in_flight_and_late_ones_are_counted() {
    let receiver = OtlpReceiver::start();
    let running = Running::to(&receiver);
    let mut open = running.tracer.start("open");
    assert_eq!(running.snapshot().spans.in_flight, 1);
    running.pipeline.shutdown(PATIENCE).unwrap();
    open.end();
    let spans = running.snapshot().spans;
    assert_eq!(spans.in_flight, 0);
    assert_eq!(spans.finished.dropped().collect::<Vec<_>>(), [(DropReason::AfterShutdown, 1)]);
}

#[test]
fn shutdown_delivers_what_is_queued_and_may_be_repeated() {
    let receiver = OtlpReceiver::start();
    let running = Running::to(&receiver);
    running.numbered(100);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| running.pipeline.shutdown(PATIENCE).unwrap());
        }
    });
    running.provider.shutdown().unwrap();
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 100);
    assert_eq!(running.snapshot().spans.finished.exported, 100);
}

#[test]
fn dropping_the_pipeline_delivers_too() {
    let receiver = OtlpReceiver::start();
    let Running { pipeline, provider, tracer } = Running::to(&receiver);
    tracer.start("last words").end();
    drop(pipeline);
    assert_eq!(receiver.span_count(), 1);
    drop((provider, tracer));
}

#[test]
fn a_full_queue_drops_and_counts() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::accept().after(Duration::from_millis(300)));
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch = Batch {
        max_queue_size: 50,
        max_export_batch_size: 10,
        schedule_delay: Duration::from_secs(5),
        ..Batch::default()
    };
    let running = Running::start(&settings);
    running.numbered(1000);
    let snapshot = running.snapshot();
    assert!(snapshot.destinations[0].items.queued <= 50);
    running.pipeline.flush(PATIENCE).unwrap();
    let spans = running.snapshot().spans.finished;
    let dropped: Vec<_> = spans.dropped().collect();
    assert_eq!(dropped, [(DropReason::QueueFull, 1000 - spans.exported)]);
    assert_eq!(receiver.span_count() as u64, spans.exported);
}

#[test]
fn partial_success_counts_the_rejected() {
    let receiver = OtlpReceiver::start();
    receiver.answer_next(Answer::partial_success(3, "too old"));
    let running = Running::to(&receiver);
    running.numbered(10);
    assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.refused, 3);
    let snapshot = running.snapshot();
    assert_eq!((snapshot.spans.finished.exported, snapshot.spans.finished.rejected), (7, 3));
    let (_, error) = snapshot.destinations[0].last_error.clone().unwrap();
    assert!(error.message.contains("too old"), "{error:?}");
}

#[test]
fn large_batches_are_divided_and_too_large_ones_again() {
    let receiver = OtlpReceiver::start();
    receiver.answer_next(Answer::status(413));
    let running = Running::to(&receiver);
    for i in 0..12 {
        let mut span = running.tracer.start(format!("span {i}"));
        span.set_attribute(KeyValue::new("text", "x".repeat(1 << 20)));
        span.end();
    }
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 12);
    assert_eq!(running.snapshot().spans.finished.exported, 12);
    for request in receiver.requests() {
        assert!(request.http.body.len() <= 4 << 20);
    }
}

#[test]
fn messages_cut_to_the_limit_are_still_json() {
    let receiver = OtlpReceiver::start();
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.limits.attribute_value_length = Some(300);
    settings.policy = Policy::new(ContentCapture::Full);
    let running = Running::start(&settings);
    let mut span = running.tracer.start("chat gpt-4o");
    span.set_attribute(KeyValue::new("gen_ai.operation.name", "chat"));
    let text = "word ".repeat(1000);
    let message = format!(r#"[{{"role":"user","parts":[{{"type":"text","content":"{text}"}}]}}]"#);
    span.set_attribute(KeyValue::new("gen_ai.input.messages", message));
    span.end();
    running.pipeline.flush(PATIENCE).unwrap();
    let span = &receiver.spans()[0];
    assert!(span.str("gen_ai.input.messages").unwrap().len() <= 300);
    assert_eq!(span.json("gen_ai.input.messages").unwrap()[0]["role"], "user");
}

#[test]
fn values_are_cut_to_the_limit() {
    let receiver = OtlpReceiver::start();
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.limits.attribute_value_length = Some(6);
    let running = Running::start(&settings);
    let mut span = running.tracer.start("span");
    span.set_attribute(KeyValue::new("text", "öffentlich"));
    span.end();
    running.pipeline.flush(PATIENCE).unwrap();
    assert!(receiver.contains_bytes("öffen") && !receiver.contains_bytes("öffent"));
}
