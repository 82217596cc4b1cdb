//! Spans that nobody closes.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(clippy::print_stdout, reason = "an ignored test reports what it measured")]

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

/// Spans from several threads, of which one in a hundred is never closed. Returns those.
fn load(dispatch: &Dispatch, spans: usize, round: usize) -> Vec<Span> {
    const THREADS: usize = 4;
    let work = |thread: usize| {
        let _guard = tracing::dispatcher::set_default(dispatch);
        let mut forgotten = Vec::<Span>::new();
        for number in 0..spans / THREADS {
            let span = inference_span!("chat", "openai", "m");
            if number % 100 == 0 {
                span.record_conversation(&format!("{round}-{thread}-{number}"));
                forgotten.push(span);
            }
        }
        forgotten
    };
    thread::scope(|scope| {
        let work = &work;
        let threads: Vec<_> = (0..THREADS).map(|at| scope.spawn(move || work(at))).collect();
        threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
    })
}

impl Counted {
    fn seen(&self) -> usize {
        self.0.0.load(Ordering::Relaxed)
    }

    #[track_caller]
    fn wait_for(&self, spans: usize) {
        let patience = Instant::now() + Duration::from_secs(120);
        while self.seen() < spans {
            assert!(Instant::now() < patience, "{} of {spans} spans", self.seen());
            thread::sleep(Duration::from_millis(2));
        }
    }

    /// How many different spans have expired since the last time, each of them once.
    #[track_caller]
    fn expired(&self) -> usize {
        let mut expired = std::mem::take(&mut *self.0.1.lock().unwrap());
        let all = expired.len();
        expired.sort();
        expired.dedup();
        assert_eq!(expired.len(), all, "a span has expired twice");
        all
    }
}

fn counted(limit: Duration) -> (Counted, Dispatch) {
    let counted = Counted::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(counted.clone()).build();
    let layer = tracing_genai::layer(provider.tracer("test")).span_ttl(limit);
    (counted, Dispatch::new(tracing_subscriber::registry().with(layer)))
}

#[test]
fn of_many_spans_the_forgotten_ones_expire() {
    const SPANS: usize = 100_000;
    let (counted, dispatch) = counted(Duration::from_secs(2));
    let forgotten = load(&dispatch, SPANS, 0);
    counted.wait_for(SPANS);
    assert_eq!(counted.expired(), SPANS / 100);
    drop(forgotten);
    assert_eq!(counted.seen(), SPANS, "late closes leave nothing");
}

/// ```text
/// cargo test --release --test ttl -- --ignored --nocapture
/// ```
#[test]
#[ignore = "takes a minute and says little without optimisation"]
fn a_million_spans() {
    const SPANS: usize = 1_000_000;
    let limit = Duration::from_secs(10);
    let (counted, dispatch) = counted(limit);
    let begin = Instant::now();
    for round in 0..3 {
        let (before, empty) = (Instant::now(), resident_kib());
        let forgotten = load(&dispatch, SPANS, round);
        let loaded = before.elapsed();
        let open = resident_kib();
        counted.wait_for(SPANS * (round + 1));
        assert_eq!(counted.expired(), SPANS / 100);
        println!(
            "round {round}: {SPANS} spans in {loaded:.1?}, {} expired after {:.1?}; resident \
             {empty} KiB before, {open} KiB with them open, {} KiB when they have expired",
            SPANS / 100,
            before.elapsed(),
            resident_kib(),
        );
        drop(forgotten);
        assert_eq!(counted.seen(), SPANS * (round + 1), "late closes leave nothing");
    }
    if let Some(busy) = busy("tracing-genai-t") {
        let share = busy.as_secs_f64() / begin.elapsed().as_secs_f64() * 100.0;
        println!("sweep: {busy:.1?} of {:.1?}, {share:.2} % of one core", begin.elapsed());
    }

    let [on, off] = [limit, Duration::ZERO].map(|limit| {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_genai::layer(provider.tracer("test")).span_ttl(limit);
        Dispatch::new(tracing_subscriber::registry().with(layer))
    });
    let mut least = [Duration::MAX; 2];
    for _ in 0..200 {
        for (dispatch, least) in [&on, &off].into_iter().zip(&mut least) {
            let _guard = tracing::dispatcher::set_default(dispatch);
            let start = Instant::now();
            for _ in 0..1000 {
                drop(inference_span!("chat", "openai", "m"));
            }
            *least = start.elapsed().min(*least);
        }
    }
    let [on, off] = least;
    println!("a span: {:?} with a limit, {:?} without", on / 1000, off / 1000);
    println!("ratio {:.3}", on.as_secs_f64() / off.as_secs_f64());
}

/// Memory of this process where the system tells, else 0.
fn resident_kib() -> usize {
    let pages = || -> Option<usize> {
        let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
        statm.split_whitespace().nth(1)?.parse().ok()
    };
    pages().unwrap_or_default() * 4
}

/// For how long the thread of this name has run on a processor.
fn busy(name: &str) -> Option<Duration> {
    let task = std::fs::read_dir("/proc/self/task").ok()?.flatten().find(|task| {
        std::fs::read_to_string(task.path().join("comm")).is_ok_and(|comm| comm.trim() == name)
    })?;
    let schedule = std::fs::read_to_string(task.path().join("schedstat")).ok()?;
    schedule.split_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}
