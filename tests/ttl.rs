//! Spans that nobody closes.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, SpanBuilder, Tracer as _, TracerProvider as _};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use tracing::{Dispatch, Span, info_span};
use tracing_genai::{GenAiSpanExt, Usage, inference_span};
use tracing_genai_test_support::SpanSink;
use tracing_subscriber::prelude::*;

fn watched(limit: Duration) -> (SpanSink, Dispatch) {
    let sink = SpanSink::default();
    let layer = tracing_genai::layer(sink.provider().tracer("test")).span_ttl(limit);
    (sink.clone(), Dispatch::new(tracing_subscriber::registry().with(layer)))
}

#[track_caller]
fn wait_for(spans: usize, sink: &SpanSink) {
    let patience = Instant::now() + Duration::from_secs(60);
    while sink.len() < spans {
        assert!(Instant::now() < patience, "{} of {spans} spans", sink.len());
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_forgotten_span_expires_with_what_is_known_and_a_late_close_is_harmless() {
    let (sink, dispatch) = watched(Duration::from_millis(160));
    let _guard = dispatch.set_default();
    let parent = info_span!("handler");
    let forgotten = parent.in_scope(|| inference_span!("chat", "openai", "gpt-4o"));
    forgotten.record_usage(Usage::new().input_tokens(12));
    wait_for(1, &sink);
    let span = &sink.take()[0];
    assert_eq!(span.name, "chat gpt-4o");
    assert_eq!(span.str("tracing_genai.outcome"), Some("expired"));
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(12));
    assert!(span.duration() >= Duration::from_millis(160), "{:?}", span.duration());

    forgotten.record_usage(Usage::new().output_tokens(7));
    forgotten.in_scope(|| info_span!("late child"));
    drop(forgotten);
    drop(parent);
    let late: Vec<_> = sink.take().into_iter().map(|span| span.name).collect();
    assert_eq!(late, ["late child", "handler"]);
}

#[test]
fn a_span_that_is_closed_in_time_says_nothing_of_it() {
    let (sink, dispatch) = watched(Duration::from_millis(160));
    let _guard = dispatch.set_default();
    let forgotten = inference_span!("chat", "openai", "forgotten");
    drop(inference_span!("chat", "openai", "closed"));
    wait_for(2, &sink);
    let spans = sink.take();
    assert_eq!(spans[0].str("gen_ai.request.model"), Some("closed"));
    assert!(!spans[0].has("tracing_genai.outcome"));
    assert_eq!(spans[1].str("tracing_genai.outcome"), Some("expired"));
    drop(forgotten);
    assert!(sink.is_empty());
}

#[test]
fn spans_that_the_layer_does_not_know_as_genai_expire_as_well() {
    let sink = SpanSink::default();
    let layer =
        tracing_genai::layer(sink.provider().tracer("test")).span_ttl(Duration::from_millis(160));
    let tracer = layer.tracer_provider(sink.provider()).tracer("api");
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let _guard = dispatch.set_default();

    // No GenAI field at its callsite. It starts when it is first entered, and not before.
    let promoted = info_span!("promoted");
    promoted.in_scope(|| {});
    promoted.record_usage(Usage::new().input_tokens(12));
    // Made with the OpenTelemetry API, GenAI from the start and from later on.
    let model = KeyValue::new("gen_ai.request.model", "m");
    let chat = KeyValue::new("gen_ai.operation.name", "chat");
    let mut api = tracer.build(SpanBuilder::from_name("api").with_attributes([chat, model]));
    let mut late = tracer.start("late");
    late.set_attribute(KeyValue::new("gen_ai.usage.output_tokens", 7));
    // Not GenAI, and nobody's business.
    let plain = info_span!("plain");
    let mut plain_api = tracer.start("plain api");
    let ended = tracer.build(
        SpanBuilder::from_name("ended")
            .with_attributes([KeyValue::new("gen_ai.operation.name", "embeddings")]),
    );
    drop(ended);

    wait_for(4, &sink);
    let mut names: Vec<_> = sink
        .take()
        .iter()
        .map(|span| (span.name.clone(), span.str("tracing_genai.outcome").map(str::to_owned)))
        .collect();
    names.sort();
    let expired = |name: &str| (name.to_owned(), Some("expired".to_owned()));
    let expected =
        [expired("chat m"), ("embeddings".to_owned(), None), expired("late"), expired("promoted")];
    assert_eq!(names, expected);

    assert!(api.span_context().is_valid() && !api.is_recording());
    api.set_attribute(KeyValue::new("gen_ai.usage.output_tokens", 7));
    api.add_event("late", Vec::new());
    api.end();
    late.end();
    drop((api, late, promoted));
    assert!(sink.is_empty(), "late closes leave nothing");
    assert!(plain_api.is_recording());
    plain_api.end();
    drop(plain);
    assert_eq!(sink.take().len(), 2);
}

/// Counts spans and keeps the conversations of the expired ones.
#[derive(Clone, Debug, Default)]
struct Counted(Arc<(AtomicUsize, Mutex<Vec<String>>)>);

impl SpanExporter for Counted {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        for span in &batch {
            let text = |key: &str| {
                let found = span.attributes.iter().find(|kv| kv.key.as_str() == key);
                found.map(|kv| kv.value.as_str().into_owned())
            };
            if text("tracing_genai.outcome").as_deref() == Some("expired") {
                self.0.1.lock().unwrap().extend(text("gen_ai.conversation.id"));
            }
        }
        self.0.0.fetch_add(batch.len(), Ordering::Relaxed);
        Ok(())
    }
}

#[test]
fn of_a_million_spans_the_forgotten_ones_expire() {
    const THREADS: usize = 4;
    let (spans, every) = if cfg!(debug_assertions) { (100_000, 100) } else { (1_000_000, 100) };
    let counted = Counted::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(counted.clone()).build();
    let layer = tracing_genai::layer(provider.tracer("test")).span_ttl(Duration::from_secs(2));
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let work = |thread: usize| {
        let _guard = tracing::dispatcher::set_default(&dispatch);
        let mut forgotten = Vec::<Span>::new();
        for number in 0..spans / THREADS {
            let span = inference_span!("chat", "openai", "m");
            if number % every == 0 {
                span.record_conversation(&format!("{thread}-{number}"));
                forgotten.push(span);
            }
        }
        forgotten
    };
    let forgotten: Vec<Span> = thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|at| scope.spawn(move || work(at))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    });
    let seen = || counted.0.0.load(Ordering::Relaxed);
    let patience = Instant::now() + Duration::from_secs(60);
    while seen() < spans {
        assert!(Instant::now() < patience, "{} of {spans} spans", seen());
        thread::sleep(Duration::from_millis(2));
    }
    let mut expired = std::mem::take(&mut *counted.0.1.lock().unwrap());
    expired.sort();
    expired.dedup();
    assert_eq!(expired.len(), spans / every);
    drop(forgotten);
    assert_eq!(seen(), spans, "late closes leave nothing");
}
