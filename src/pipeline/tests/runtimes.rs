//! Start, flush and shutdown wherever an application may be.

use opentelemetry::trace::{Span as _, Tracer};
use tokio::runtime::{Builder, Runtime};
use tracing_genai_test_support::{Answer, OtlpReceiver};

use super::*;
use crate::pipeline::delivery::{Attempted, Deadline, Packed, Transport};

fn runtimes() -> Vec<(&'static str, Runtime)> {
    vec![
        ("multi thread", Builder::new_multi_thread().enable_all().build().unwrap()),
        ("one worker", Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()),
        ("current thread", Builder::new_current_thread().enable_all().build().unwrap()),
        ("current thread, no drivers", Builder::new_current_thread().build().unwrap()),
    ]
}

#[test]
fn everything_works_inside_a_runtime_of_any_flavour() {
    for (flavour, runtime) in runtimes() {
        let receiver = OtlpReceiver::start();
        runtime.block_on(async {
            let running = Running::to(&receiver);
            running.numbered(3);
            running.pipeline.flush(PATIENCE).unwrap();
            running.numbered(3);
            running.provider.force_flush().unwrap();
            running.numbered(3);
            running.pipeline.shutdown(PATIENCE).unwrap();
        });
        assert_eq!(receiver.span_count(), 9, "{flavour}");
    }
}

#[test]
fn a_runtime_that_has_ended_is_not_needed() {
    for (flavour, runtime) in runtimes() {
        let receiver = OtlpReceiver::start();
        let running = runtime.block_on(async {
            let running = Running::to(&receiver);
            running.numbered(3);
            running
        });
        drop(runtime);
        running.numbered(3);
        drop(running);
        assert_eq!(receiver.span_count(), 6, "{flavour}");
    }
}

#[test]
fn many_may_flush_and_shut_down_at_once() {
    let receiver = OtlpReceiver::start();
    receiver.answer_next(Answer::accept().after(Duration::from_millis(100)));
    let running = Running::to(&receiver);
    running.numbered(600);
    std::thread::scope(|scope| {
        for i in 0..8 {
            let running = &running;
            scope.spawn(move || match i % 3 {
                0 => drop(running.pipeline.flush(PATIENCE)),
                1 => running.pipeline.shutdown(PATIENCE).unwrap(),
                // The SDK calls a second time an error.
                _ => drop(running.provider.shutdown()),
            });
        }
    });
    running.tracer.start("after the end").end();
    assert_eq!(receiver.span_count(), 600);
    assert_eq!(running.snapshot().spans.finished.exported, 600);
}

#[test]
fn exporting_makes_no_spans_of_its_own() {
    let receiver = OtlpReceiver::start();
    let running = Running::to(&receiver);
    // A transport that traces what it does.
    let tracer = running.tracer.clone();
    let traced = move || {
        tracer.start("inside the exporter").end();
        opentelemetry::Context::current().is_telemetry_suppressed()
    };
    let (sender, results) = std::sync::mpsc::channel();
    running.pipeline.add("traced", PATIENCE, Traced { traced, sender }).unwrap();
    running.numbered(1);
    running.pipeline.flush(PATIENCE).unwrap();
    assert!(results.recv_timeout(PATIENCE).unwrap());
    running.pipeline.shutdown(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 1);
    assert_eq!(running.snapshot().spans.started, 1);
}

struct Traced<F> {
    traced: F,
    sender: std::sync::mpsc::Sender<bool>,
}

impl<F: Fn() -> bool + Send + 'static> Transport for Traced<F> {
    type Item = opentelemetry_sdk::trace::SpanData;
    type Parcel = ();

    fn pack(&mut self, spans: Vec<opentelemetry_sdk::trace::SpanData>) -> Vec<Packed<()>> {
        vec![Packed::Parcel((), spans.len())]
    }

    fn send(&mut self, _parcel: &mut (), _deadline: Deadline) -> Attempted {
        let _ = self.sender.send((self.traced)());
        Attempted::Delivered { rejected: 0, message: None }
    }

    fn split(&mut self, _parcel: ()) -> Option<[Packed<()>; 2]> {
        None
    }
}
