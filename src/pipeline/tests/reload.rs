//! New settings under running spans.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use opentelemetry::trace::{Span as _, Tracer};
use tracing_genai_test_support::{Answer, OtlpReceiver};

use super::*;
use crate::config::settings::Sampler;

#[test]
fn what_changed_is_said_and_what_did_not_goes_on() {
    let (a, b) = (OtlpReceiver::start(), OtlpReceiver::start());
    let first = destination("a", &a.endpoint());
    let running = Running::start(&settings(vec![first.clone()]));
    running.numbered(3);

    let same = running.pipeline.apply(&settings(vec![first.clone()])).unwrap();
    assert_eq!((same.changed.len(), same.kept), (0, vec![String::from("a")]));

    let mut new = settings(vec![first.clone(), destination("b", &b.endpoint())]);
    new.sampler = Sampler::AlwaysOn;
    new.batch.max_queue_size = 4096;
    new.limits.attributes_per_span = 256;
    let applied = running.pipeline.apply(&new).unwrap();
    assert_eq!(applied.changed, ["exporters.b"]);
    assert_eq!(applied.kept, ["a"]);
    running.numbered(3);

    let applied = running.pipeline.apply(&settings(vec![destination("b", &b.endpoint())])).unwrap();
    assert!(applied.changed.contains(&String::from("exporters.a (removed)")), "{applied:?}");
    running.numbered(3);
    running.pipeline.shutdown(PATIENCE).unwrap();
    assert_eq!((a.span_count(), b.span_count()), (6, 6));
}

#[test]
fn settings_that_cannot_work_change_nothing() {
    let receiver = OtlpReceiver::start();
    let good = destination("good", &receiver.endpoint());
    let running = Running::start(&settings(vec![good.clone()]));
    let missing = Some("/nowhere/ca.pem".into());
    let bad = by(destination("bad", "https://localhost:1"), |to| to.ca_cert = missing);
    let moved = destination("good", "http://127.0.0.1:1");
    running.pipeline.apply(&settings(vec![moved, bad])).unwrap_err();
    running.numbered(5);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 5);
}

#[test]
fn a_replaced_destination_delivers_what_it_has_and_the_counts_go_on() {
    let (old, new) = (OtlpReceiver::start(), OtlpReceiver::start());
    old.answer_next(Answer::accept().after(Duration::from_millis(300)));
    let running = Running::start(&settings(vec![destination("default", &old.endpoint())]));
    running.numbered(600);
    running.pipeline.apply(&settings(vec![destination("default", &new.endpoint())])).unwrap();
    running.numbered(100);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!((old.span_count(), new.span_count()), (600, 100));
    let snapshot = running.snapshot();
    assert_eq!(snapshot.destinations.len(), 1);
    assert_eq!(snapshot.destinations[0].items.exported, 700);
}

#[test]
fn two_hundred_reloads_under_load_lose_and_double_nothing() {
    let receivers = [OtlpReceiver::start(), OtlpReceiver::start()];
    let mut base = settings(vec![destination("default", &receivers[0].endpoint())]);
    base.batch.max_queue_size = 100_000;
    let running = Running::start(&base);
    let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        for thread in 0..2 {
            let (running, stop, made) = (&running, &stop, &made);
            scope.spawn(move || {
                let mut i = 0;
                while !stop.load(Ordering::Relaxed) {
                    running.tracer.start(format!("{thread}-{i}")).end();
                    made.fetch_add(1, Ordering::Relaxed);
                    i += 1;
                    if i % 50 == 0 {
                        std::thread::yield_now();
                    }
                }
            });
        }
        for round in 0..200 {
            let mut next = base.clone();
            next.destinations = match round % 3 {
                0 => vec![destination("default", &receivers[1].endpoint())],
                1 => vec![destination("default", &receivers[0].endpoint())],
                _ => vec![by(destination("default", &receivers[0].endpoint()), |to| {
                    to.headers = vec![header("x-round", &round.to_string())];
                })],
            };
            next.sampler = match round % 2 {
                0 => Sampler::ParentBasedAlwaysOn,
                _ => Sampler::AlwaysOn,
            };
            running.pipeline.apply(&next).unwrap();
            let goal = made.load(Ordering::Relaxed) + 20;
            while made.load(Ordering::Relaxed) < goal {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    running.pipeline.flush(PATIENCE).unwrap();
    let mut seen: HashMap<String, usize> = HashMap::new();
    for span in receivers.iter().flat_map(OtlpReceiver::spans) {
        *seen.entry(span.name).or_default() += 1;
    }
    let made = made.into_inner();
    let snapshot = running.snapshot();
    assert_eq!(snapshot.spans.finished.exported, made, "{snapshot:?}");
    assert_eq!(seen.len() as u64, made);
    assert!(seen.values().all(|n| *n == 1));
}

#[test]
fn a_destination_that_comes_or_goes_does_not_change_what_the_others_get() {
    let (steady, other) = (OtlpReceiver::start(), OtlpReceiver::start());
    let (a, b) = (destination("a", &steady.endpoint()), destination("b", &other.endpoint()));
    let mut base = settings(vec![a.clone()]);
    base.batch.max_queue_size = 100_000;
    let running = Running::start(&base);
    let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                running.tracer.start("span").end();
                made.fetch_add(1, Ordering::Relaxed);
            }
        });
        for round in 0..100 {
            let mut next = base.clone();
            if round % 2 == 0 {
                next.destinations.push(b.clone());
            }
            running.pipeline.apply(&next).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
    });
    running.pipeline.shutdown(PATIENCE).unwrap();
    let made = made.into_inner();
    assert_eq!(steady.span_count() as u64, made);
    assert_eq!(running.snapshot().spans.finished.exported, made);
}

#[test]
fn destinations_that_never_answer_do_not_pile_up_with_each_reload() {
    let silent = OtlpReceiver::start();
    silent.answer_always(Answer::never());
    let to = |round: usize| {
        by(destination("default", &silent.endpoint()), |to| {
            to.headers = vec![header("x-round", &round.to_string())];
        })
    };
    let mut base = settings(vec![to(0)]);
    (base.batch.max_queue_size, base.batch.max_export_batch_size) = (100, 5);
    let running = Running::start(&base);
    for round in 1..=50 {
        running.numbered(30);
        let next = Settings { destinations: vec![to(round)], ..base.clone() };
        running.pipeline.apply(&next).unwrap();
    }
    let spans = running.snapshot().spans.finished;
    assert_eq!(spans.received, 1500);
    // A request that is under way cannot be called back; what waits behind it can.
    assert!(spans.queued <= 100 + 50 * 5, "{spans:?}");
    let dropped: Vec<_> = spans.dropped().map(|(reason, _)| reason).collect();
    assert_eq!(dropped, [crate::health::DropReason::Replaced]);
    let left = running.pipeline.shutdown(Duration::from_millis(100)).unwrap_err()[0].1;
    assert_eq!(left.unconfirmed, running.snapshot().spans.finished.queued);
}

#[test]
fn a_smaller_queue_costs_nothing_that_is_queued() {
    let (old, new) = (OtlpReceiver::start(), OtlpReceiver::start());
    old.answer_next(Answer::accept().after(Duration::from_millis(200)));
    let running = Running::start(&settings(vec![destination("default", &old.endpoint())]));
    running.numbered(1500);
    let mut next = settings(vec![destination("default", &new.endpoint())]);
    (next.batch.max_queue_size, next.batch.max_export_batch_size) = (10, 10);
    running.pipeline.apply(&next).unwrap();
    running.numbered(5);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!((old.span_count(), new.span_count()), (1500, 5));
    assert_eq!(running.snapshot().spans.finished.dropped_total(), 0);
}
