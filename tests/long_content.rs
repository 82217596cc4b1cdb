//! Content that is too long is brought to its size by the exporter, and nobody else sees it.
#![cfg(feature = "init")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, Span, SpanData, SpanExporter, SpanProcessor};
use serde_json::json;
use tracing::Dispatch;
use tracing_genai::inference_span;
use tracing_genai::policy::{ContentCapture, Policy};
use tracing_genai::tracer::GenAiExporter;
use tracing_genai_test_support::SpanSink;
use tracing_subscriber::prelude::*;

const MARKER: &str = "umbrella";

fn messages(bytes: usize) -> String {
    let text = MARKER.repeat(bytes / MARKER.len() / 8);
    let message =
        |role: &str| json!({"role": role, "parts": [{"type": "text", "content": text.clone()}]});
    let all: Vec<_> = (0..8).map(|at| message(["user", "assistant"][at % 2])).collect();
    serde_json::Value::from(all).to_string()
}

fn record(messages: &str) {
    drop(inference_span!("chat", "openai", "m", gen_ai.input.messages = messages));
}

/// What waits is bounded for the whole process: tests that fill it up wait for each other.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A processor of the user's that keeps what it sees.
#[derive(Clone, Debug, Default)]
struct Hoard(Arc<Mutex<Vec<SpanData>>>);

impl SpanProcessor for Hoard {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

impl Hoard {
    fn longest(&self) -> usize {
        let spans = self.0.lock().unwrap();
        let lengths = spans.iter().flat_map(|span| &span.attributes);
        lengths.map(|kv| kv.value.as_str().len()).max().unwrap_or_default()
    }

    fn export_to(&self, exporter: &impl SpanExporter) {
        let spans = self.0.lock().unwrap().clone();
        futures_executor::block_on(exporter.export(spans)).unwrap();
    }
}

/// A layer whose exporter finishes spans, and the processor behind it.
fn hoarding(policy: Policy) -> (Hoard, Dispatch) {
    let hoard = Hoard::default();
    let provider = SdkTracerProvider::builder().with_span_processor(hoard.clone()).build();
    let layer = tracing_genai::layer(provider.tracer("test")).policy(policy).finish_on_export(true);
    (hoard, Dispatch::new(tracing_subscriber::registry().with(layer)))
}

#[test]
fn what_the_exporter_makes_of_it_is_what_the_end_of_the_span_would_have() {
    let _alone = alone();
    let policy = Policy::new(ContentCapture::Full).with_max_bytes(4096);
    let at_the_end = SpanSink::default();
    let layer = tracing_genai::layer(at_the_end.provider().tracer("test")).policy(policy);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        record(&messages(1 << 20));
    });
    let (hoard, dispatch) = hoarding(policy);
    tracing::dispatcher::with_default(&dispatch, || record(&messages(1 << 20)));
    assert!(hoard.longest() < 100, "a processor sees no content: {}", hoard.longest());

    let expected = at_the_end.take()[0].json("gen_ai.input.messages").unwrap();
    assert!(expected.to_string().contains(MARKER));
    // Two destinations, each with its copy.
    for _ in 0..2 {
        let sink = SpanSink::default();
        hoard.export_to(&GenAiExporter::new(sink.clone()).max_bytes(4096));
        assert_eq!(sink.take()[0].json("gen_ai.input.messages").unwrap(), expected);
    }
}

#[test]
fn content_that_may_not_leave_does_not_wait_either() {
    let _alone = alone();
    let (hoard, dispatch) = hoarding(Policy::default().with_max_bytes(1024));
    tracing::dispatcher::with_default(&dispatch, || record(&messages(1 << 20)));
    let sink = SpanSink::default();
    hoard.export_to(&GenAiExporter::new(sink.clone()));
    assert!(!sink.contains_bytes(MARKER));
    assert!(!sink.take()[0].has("gen_ai.input.messages"));
}

#[test]
fn what_waits_is_bounded_and_makes_room_when_its_span_is_gone() {
    let _alone = alone();
    let policy = Policy::new(ContentCapture::Full).with_max_bytes(1024);
    let (hoard, dispatch) = hoarding(policy);
    let _guard = dispatch.set_default();
    let long = messages(4 << 20);
    record(&long);
    assert!(hoard.longest() < 100);
    for _ in 0..8 {
        record(&long);
    }
    // The last ones were brought to their size at once.
    assert!((100..=1024).contains(&hoard.longest()), "{}", hoard.longest());

    hoard.0.lock().unwrap().clear();
    record(&long);
    assert!(hoard.longest() < 100);
}

#[test]
fn nobody_gets_the_content_of_another_span_by_its_ticket() {
    let _alone = alone();
    let policy = Policy::new(ContentCapture::Full).with_max_bytes(1024);
    let (hoard, dispatch) = hoarding(policy);
    let _guard = dispatch.set_default();
    record(&messages(1 << 20));
    let key = "gen_ai.input.messages";
    let ticket = hoard.0.lock().unwrap()[0]
        .attributes
        .iter()
        .find(|kv| kv.key.as_str() == key)
        .unwrap()
        .value
        .as_str()
        .into_owned();
    record(&ticket);
    let sink = SpanSink::default();
    hoard.export_to(&GenAiExporter::new(sink.clone()));
    let spans = sink.take();
    assert!(spans[0].str(key).unwrap().contains(MARKER));
    assert!(!spans[1].str(key).unwrap().contains(MARKER), "{}", spans[1]);
}
