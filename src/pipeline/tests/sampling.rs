//! Whole conversations, and traces worth keeping.

use opentelemetry::trace::{
    Span as _, SpanContext, SpanId, Status, TraceContextExt, TraceFlags, TraceId, TraceState,
    Tracer,
};
use opentelemetry::{Context, KeyValue};
use tracing_genai_test_support::OtlpReceiver;

use super::*;
use crate::config::settings::{Keep, SampleBy, Sampler};
use crate::health::DropReason;

fn with(receiver: &OtlpReceiver, change: impl FnOnce(&mut Settings)) -> Running {
    let mut settings = settings(vec![destination("default", &receiver.endpoint())]);
    settings.batch.max_queue_size = 100_000;
    change(&mut settings);
    Running::start(&settings)
}

#[test]
fn all_traces_of_a_conversation_share_their_fate() {
    let receiver = OtlpReceiver::start();
    let running = with(&receiver, |settings| {
        settings.sampler = Sampler::ParentBasedTraceIdRatio(0.5);
        settings.sample_by = SampleBy::Conversation;
    });
    for turn in 0..5 {
        for conversation in 0..200 {
            let id =
                KeyValue::new("gen_ai.conversation.id", format!("conversation {conversation}"));
            let builder = running.tracer.span_builder(format!("{conversation}/{turn}"));
            let root = running.tracer.build(builder.with_attributes([id]));
            let context = Context::new().with_span(root);
            running
                .tracer
                .start_with_context(format!("{conversation}/{turn} child"), &context)
                .end();
            context.span().end();
        }
    }
    running.pipeline.flush(PATIENCE).unwrap();
    let mut turns = std::collections::HashMap::new();
    for span in receiver.spans() {
        let conversation = span.name.split('/').next().unwrap().to_owned();
        *turns.entry(conversation).or_insert(0) += 1;
    }
    assert!(turns.values().all(|spans| *spans == 10), "{turns:?}");
    // 200 coins: between 60 and 140 heads, or the hash is no good.
    assert!((60..140).contains(&turns.len()), "{}", turns.len());
    let spans = running.snapshot().spans;
    assert_eq!(spans.started, 2000);
    assert_eq!(spans.sampled_out + spans.finished.exported, 2000);
}

#[test]
fn what_the_sampler_turned_down_is_kept_for_a_reason() {
    let receiver = OtlpReceiver::start();
    let running = with(&receiver, |settings| {
        settings.sampler = Sampler::AlwaysOff;
        settings.keep = Keep {
            errors: true,
            slower_than: Some(Duration::from_secs(2)),
            costlier_than: Some(0.5),
        };
    });
    let now = std::time::SystemTime::now();
    let trace = |name: &'static str, root_took: u64, error: bool, costs: &[f64]| {
        let builder = running.tracer.span_builder(name).with_start_time(now);
        let context = Context::new().with_span(running.tracer.build(builder));
        for cost in costs {
            let mut child = running.tracer.start_with_context(format!("{name} child"), &context);
            child.set_attribute(KeyValue::new("gen_ai.usage.cost", *cost));
            if error {
                child.set_status(Status::error("rate limit"));
            }
            child.end();
        }
        context.span().end_with_timestamp(now + Duration::from_millis(root_took));
        let late = running.tracer.start_with_context(format!("{name} late"), &context);
        drop(late);
    };
    trace("plain", 100, false, &[0.1, 0.2]);
    trace("error", 100, true, &[0.1]);
    trace("slow", 2500, false, &[]);
    trace("expensive", 100, false, &[0.4, 0.4]);
    running.pipeline.flush(PATIENCE).unwrap();

    let mut names: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
    names.sort_unstable();
    assert_eq!(
        names,
        [
            "error",
            "error child",
            "error late",
            "expensive",
            "expensive child",
            "expensive child",
            "expensive late",
            "slow",
            "slow late",
        ]
    );
    let spans = running.snapshot().spans;
    assert_eq!((spans.started, spans.sampled_out, spans.finished.exported), (13, 0, 9));
    assert_eq!(spans.finished.dropped().collect::<Vec<_>>(), [(DropReason::TailSampled, 4)]);
}

#[test]
fn what_outlives_the_local_root_is_waited_for() {
    let receiver = OtlpReceiver::start();
    let running = with(&receiver, |settings| {
        settings.sampler = Sampler::AlwaysOff;
        settings.keep.errors = true;
    });
    let root = |name: &'static str| Context::new().with_span(running.tracer.start(name));
    let child = |name: &'static str, of: &Context| running.tracer.start_with_context(name, of);

    // The handler has returned when the stream breaks.
    let handler = root("handler");
    let mut stream = child("stream", &handler);
    handler.span().end();
    stream.set_status(Status::error("x"));
    stream.end();
    // What failed already does not wait for the rest.
    let failed = root("failed");
    let background = child("background", &failed);
    failed.span().set_status(Status::error("x"));
    failed.span().end();
    running.pipeline.flush(PATIENCE).unwrap();
    let names = || receiver.spans().into_iter().map(|span| span.name).collect::<Vec<_>>();
    assert_eq!(names(), ["handler", "stream", "failed"]);
    drop(background);
    // All is well, and then something goes wrong that nobody waited for.
    let fine = root("fine");
    fine.span().end();
    let mut after = child("after", &fine);
    after.set_status(Status::error("x"));
    after.end();
    child("the rest", &fine).end();
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(names()[3..], ["background", "after", "the rest"]);
    running.pipeline.shutdown(PATIENCE).unwrap();
    let spans = running.snapshot().spans;
    assert_eq!((spans.started, spans.in_flight, spans.finished.exported), (7, 0, 6));
    assert_eq!(spans.finished.dropped().collect::<Vec<_>>(), [(DropReason::TailSampled, 1)]);
}

#[test]
fn a_trace_that_comes_by_again_is_decided_anew() {
    let receiver = OtlpReceiver::start();
    let running = with(&receiver, |settings| {
        settings.sampler = Sampler::AlwaysOff;
        settings.keep.errors = true;
    });
    let caller = SpanContext::new(
        TraceId::from_bytes([7; 16]),
        SpanId::from_bytes([7; 8]),
        TraceFlags::default(),
        true,
        TraceState::default(),
    );
    for failed in [false, true] {
        let caller = Context::new().with_remote_span_context(caller.clone());
        let root = running.tracer.start_with_context("root", &caller);
        let root = caller.with_span(root);
        running.tracer.start_with_context("child", &root).end();
        if failed {
            root.span().set_status(Status::error("x"));
        }
        root.span().end();
    }
    running.pipeline.flush(PATIENCE).unwrap();
    let names: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["child", "root"]);
}

#[test]
fn an_undecided_trace_is_not_seen_as_sampled_by_others_and_waits_in_bounds() {
    let receiver = OtlpReceiver::start();
    let running = with(&receiver, |settings| {
        settings.sampler = Sampler::AlwaysOff;
        settings.keep.errors = true;
        settings.batch.max_queue_size = 50;
    });
    let context = Context::new().with_span(running.tracer.start("root"));
    assert!(!context.span().span_context().is_sampled());
    for i in 0..200 {
        running.tracer.start_with_context(format!("child {i}"), &context).end();
    }
    assert!(running.snapshot().spans.finished.queued <= 50);
    let mut failed = running.tracer.start("open trace");
    failed.set_status(Status::error("x"));
    running.pipeline.shutdown(PATIENCE).unwrap();
    let spans = running.snapshot().spans;
    assert_eq!(spans.in_flight, 2);
    assert_eq!(spans.finished.received, 200);
    assert_eq!(spans.finished.queued, 0);
}
