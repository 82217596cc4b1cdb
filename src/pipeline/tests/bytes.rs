//! Bounds in bytes: of the queue, of a batch, of a request.

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer};
use tracing_genai_test_support::{Answer, OtlpReceiver};

use super::*;
use crate::health::DropReason;

const MIB: usize = 1 << 20;

fn fat(running: &Running, spans: usize, bytes: usize) {
    for _ in 0..spans {
        let mut span = running.tracer.start("fat");
        span.set_attribute(KeyValue::new("text", "x".repeat(bytes)));
        span.end();
    }
}

#[test]
fn large_spans_make_small_batches_that_do_not_wait() {
    let receiver = OtlpReceiver::start();
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch.schedule_delay = PATIENCE;
    let running = Running::start(&settings);
    fat(&running, 4, MIB);
    // Nobody asked, and the delay is long: what is there is more than one request may have.
    assert_eq!(receiver.wait_for_spans(3, PATIENCE).len(), 3);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 4);
    for request in receiver.requests() {
        assert!(request.http.body.len() <= 4 * MIB, "{}", request.http.body.len());
    }
}

#[test]
fn a_queue_that_is_full_of_bytes_says_so_and_takes_more_when_they_are_gone() {
    let receiver = OtlpReceiver::start();
    receiver.answer_next(Answer::never());
    let to = by(destination("default", &receiver.endpoint()), |to| {
        to.timeout = Duration::from_millis(500)
    });
    let mut settings = settings(vec![to]);
    settings.batch.max_queue_bytes = 10 * MIB;
    let running = Running::start(&settings);
    fat(&running, 20, MIB);
    let spans = running.snapshot().spans.finished;
    assert_eq!(spans.queued, 9);
    assert_eq!(spans.dropped().collect::<Vec<_>>(), [(DropReason::QueueBytes, 11)]);
    // Small ones fit in still.
    running.numbered(10);
    assert_eq!(running.snapshot().spans.finished.queued, 19);

    assert_eq!(receiver.wait_for_spans(19, PATIENCE).len(), 19);
    running.pipeline.flush(PATIENCE).unwrap();
    fat(&running, 9, MIB);
    running.pipeline.flush(PATIENCE).unwrap();
    let spans = running.snapshot().spans.finished;
    assert_eq!((spans.exported, spans.dropped_total()), (28, 11));
}

#[test]
fn a_span_larger_than_the_queue_is_dropped_by_itself() {
    let receiver = OtlpReceiver::start();
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch.max_queue_bytes = MIB;
    let running = Running::start(&settings);
    fat(&running, 1, 2 * MIB);
    running.numbered(3);
    running.pipeline.flush(PATIENCE).unwrap();
    let spans = running.snapshot().spans.finished;
    assert_eq!((spans.exported, receiver.span_count()), (3, 3));
    assert_eq!(spans.dropped().collect::<Vec<_>>(), [(DropReason::QueueBytes, 1)]);
}

#[test]
fn the_bound_follows_a_reload() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::never());
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch.max_queue_bytes = 2 * MIB;
    let running = Running::start(&settings);
    fat(&running, 3, MIB);
    assert_eq!(running.snapshot().spans.finished.queued, 1);
    settings.batch.max_queue_bytes = 8 * MIB;
    assert_eq!(running.pipeline.apply(&settings).unwrap().kept, ["default"]);
    fat(&running, 3, MIB);
    assert_eq!(running.snapshot().spans.finished.queued, 4);
    let _ = running.pipeline.shutdown(Duration::from_millis(100));
}
