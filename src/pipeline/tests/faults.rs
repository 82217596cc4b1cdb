//! What a receiver can do wrong, and what is counted then.

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer};
use tracing_genai_test_support::{Answer, OtlpReceiver};

use super::*;
use crate::config::settings::Batch;
use crate::health::DropReason;
use crate::pipeline::delivery::FailureKind;

/// Answers for the first requests, what becomes of the spans of a flush, and the last error.
struct Case {
    name: &'static str,
    answers: Vec<Answer>,
    delivered: bool,
    /// Still queued rather than given up.
    kept: bool,
    error: (FailureKind, Option<u16>),
}

fn cases() -> Vec<Case> {
    let case = |name, answers: Vec<Answer>, delivered, kept, error| Case {
        name,
        answers,
        delivered,
        kept,
        error,
    };
    let status = |code| (FailureKind::Status, Some(code));
    let retry = |answer: Answer| answer.header("retry-after", "0");
    vec![
        case("404", vec![Answer::status(404)], false, false, status(404)),
        case("401", vec![Answer::status(401)], false, false, status(401)),
        case("500", vec![Answer::status(500)], false, false, status(500)),
        case("redirect", vec![Answer::status(302)], false, false, status(302)),
        case(
            "a page",
            vec![page("<!DOCTYPE html><html>Sign in</html>")],
            false,
            false,
            status(200),
        ),
        case("413", vec![Answer::status(413)], true, false, status(413)),
        case("429", vec![retry(Answer::status(429))], true, false, status(429)),
        case("503", vec![Answer::status(503)], true, false, status(503)),
        case("503 for ever", vec![Answer::status(503); 3], false, true, status(503)),
        case("502, 504", vec![Answer::status(502), Answer::status(504)], true, false, status(504)),
        case("reset", vec![Answer::reset()], true, false, (FailureKind::Connection, None)),
        case("close", vec![Answer::close()], true, false, (FailureKind::Connection, None)),
        case(
            "garbage",
            vec![Answer::garbage("SSH-2.0-OpenSSH_9.7\r\n")],
            true,
            false,
            (FailureKind::Protocol, None),
        ),
        case("silence", vec![Answer::never()], false, true, (FailureKind::Timeout, None)),
        case(
            "a byte a second",
            vec![
                Answer::status(503).body("x".repeat(60)).trickle(Duration::from_secs(1)),
                Answer::accept(),
            ],
            true,
            false,
            status(503),
        ),
    ]
}

fn page(body: &str) -> Answer {
    Answer::status(200).header("content-type", "text/html; charset=utf-8").body(body)
}

/// Frameworks call an empty answer, or an "OK", a page as well.
#[test]
fn a_success_without_a_page_is_one() {
    for body in ["", "OK"] {
        let receiver = OtlpReceiver::start();
        receiver.answer_next(page(body));
        let running = Running::start(&settings(vec![destination("default", &receiver.endpoint())]));
        running.numbered(4);
        running.pipeline.flush(PATIENCE).unwrap();
        assert_eq!(running.snapshot().spans.finished.exported, 4, "{body}");
    }
}

#[test]
fn every_fault_is_counted_and_named() {
    for Case { name, answers, delivered, kept, error } in cases() {
        let receiver = OtlpReceiver::start();
        for answer in answers {
            receiver.answer_next(answer);
        }
        let to = by(destination("default", &receiver.endpoint()), |to| {
            to.timeout = Duration::from_millis(500)
        });
        let running = Running::start(&settings(vec![to]));
        running.numbered(4);
        let flushed = running.pipeline.flush(PATIENCE);
        let snapshot = running.snapshot();
        assert_eq!(flushed.is_ok(), delivered, "{name}: {flushed:?} {snapshot:?}");
        let spans = &snapshot.spans.finished;
        let expected = match (delivered, kept) {
            (true, _) => [4, 0, 0],
            (false, false) => [0, 4, 0],
            (false, true) => [0, 0, 4],
        };
        assert_eq!([spans.exported, spans.failed, spans.queued], expected, "{name}");
        assert_eq!(snapshot.destinations[0].breaker_open, kept, "{name}");
        let (_, last) = snapshot.destinations[0].last_error.clone().unwrap();
        assert_eq!((last.kind, last.code), error, "{name}: {last:?}");
        // Without an answer, everything that was kept comes after all.
        let left = running.pipeline.shutdown(PATIENCE);
        let spans = running.snapshot().spans.finished;
        assert_eq!(left, Ok(()), "{name}");
        assert_eq!(spans.exported + spans.failed, 4, "{name}");
        assert_eq!(spans.queued, 0, "{name}");
    }
}

#[test]
fn a_collector_that_comes_back_gets_what_was_kept() {
    let gone = OtlpReceiver::start();
    let running = Running::to(&gone);
    gone.answer_always(Answer::close());
    running.numbered(100);
    assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.waiting, 100);
    assert!(running.snapshot().destinations[0].breaker_open);
    gone.answer_always(Answer::accept());
    assert_eq!(gone.wait_for_spans(100, PATIENCE).len(), 100, "within one breaker period");
    running.pipeline.flush(PATIENCE).unwrap();
    let snapshot = running.snapshot();
    assert!(!snapshot.destinations[0].breaker_open);
    assert_eq!(snapshot.spans.finished.exported, 100);
}

#[test]
fn an_outage_costs_what_does_not_fit_and_says_why() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::close());
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch = Batch {
        max_queue_size: 64,
        max_export_batch_size: 16,
        schedule_delay: Duration::from_secs(5),
        ..Batch::default()
    };
    let running = Running::start(&settings);
    running.numbered(64);
    running.pipeline.flush(PATIENCE).unwrap_err();
    running.numbered(1000);
    let spans = running.snapshot().spans.finished;
    assert_eq!(spans.queued, 64);
    assert_eq!(spans.dropped().collect::<Vec<_>>(), [(DropReason::BreakerOpen, 1000)]);
    let left = running.pipeline.shutdown(PATIENCE).unwrap_err()[0].1;
    assert_eq!(left.waiting, 64);
    let dropped: Vec<_> = running.snapshot().spans.finished.dropped().collect();
    assert_eq!(dropped, [(DropReason::BreakerOpen, 1000), (DropReason::Shutdown, 64)]);
}

#[test]
fn shutdown_ends_in_time_while_a_request_hangs() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::never());
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch.max_export_batch_size = 10;
    let running = Running::start(&settings);
    running.numbered(25);
    let _ = receiver.wait_for_requests(1, PATIENCE);
    let before = std::time::Instant::now();
    let left = running.pipeline.shutdown(Duration::from_millis(500)).unwrap_err()[0].1;
    assert!(before.elapsed() < Duration::from_secs(8), "the request itself may take ten seconds");
    assert_eq!((left.waiting, left.unconfirmed), (15, 10));
    assert_eq!(running.snapshot().spans.finished.dropped_total(), 15);
}

#[test]
fn a_broken_destination_does_not_delay_the_other() {
    let (good, bad) = (OtlpReceiver::start(), OtlpReceiver::start());
    bad.answer_always(Answer::never());
    let mut settings =
        settings(vec![destination("bad", &bad.endpoint()), destination("good", &good.endpoint())]);
    settings.batch.max_export_batch_size = 50;
    let running = Running::start(&settings);
    for i in 1..=21 {
        running.numbered(50);
        let _ = good.wait_for_spans(50 * i, PATIENCE);
    }
    // A request leaves after the answer to the one before it was counted.
    let snapshot = running.snapshot();
    assert!(snapshot.destinations[1].items.exported >= 1000, "{snapshot:?}");
    assert_eq!(snapshot.destinations[0].items.exported, 0);
    let _ = running.pipeline.shutdown(Duration::from_millis(100));
}

/// A receiver that resets the connection where it should have answered 413 looks like one that is
/// down, and the spans are kept for it. Only people can tell, so they are told.
#[test]
fn a_reset_under_a_large_request_says_what_it_may_mean() {
    for (bytes, told) in [(2 << 20, true), (2 << 10, false)] {
        let receiver = OtlpReceiver::start();
        receiver.answer_always(Answer::reset());
        let running = Running::to(&receiver);
        let mut span = running.tracer.start("large");
        span.set_attribute(KeyValue::new("text", "x".repeat(bytes)));
        span.end();
        assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.waiting, 1);
        let (_, error) = running.snapshot().destinations[0].last_error.clone().unwrap();
        assert_eq!(error.kind, FailureKind::Connection);
        assert_eq!(error.message.contains("max_export_batch_size"), told, "{error:?}");
        receiver.answer_always(Answer::accept());
        running.pipeline.shutdown(PATIENCE).unwrap();
    }
}

#[test]
fn a_server_that_repeats_the_credentials_does_not_get_them_shown() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(
        Answer::status(401).header("content-type", "text/plain").body("bad token s3cr3t-canary!"),
    );
    let headers = vec![header("authorization", "Bearer s3cr3t-canary!")];
    let to = by(destination("default", &receiver.endpoint()), |to| to.headers = headers);
    let running = Running::start(&settings(vec![to]));
    running.numbered(1);
    running.pipeline.flush(PATIENCE).unwrap_err();
    let snapshot = running.snapshot();
    let (_, error) = snapshot.destinations[0].last_error.as_ref().unwrap();
    assert_eq!(error.message, "bad token [redacted]");
    assert!(!format!("{snapshot:?} {:?}", running.pipeline).contains("s3cr3t"));
}
