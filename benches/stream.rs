//! What a chunk costs, beside the bare stream and the stream in a span, in one run and
//! interleaved.
//!
//! `cargo bench --bench stream` prints for each case the time of one chunk and its allocations,
//! and a line `ratio <case> <traced / bare>`; the time is the least of all rounds. `bare` polls
//! the stream and looks at each chunk as a consumer does; `entered` also enters a span for each
//! poll, which is what `Instrument` does for a future.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]

use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::{Stream, stream};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};
use tracing::Dispatch;
use tracing_genai::inference_span;
use tracing_genai::policy::ContentCapture;
use tracing_genai::stream::{Chunks, GenAiStreamExt, OpenAiChat, ServerSentEvents};
use tracing_subscriber::prelude::*;

const ROUNDS: usize = 60;
const CHUNKS: usize = 4096;

fn main() {
    // `cargo test --benches` and `--test` only ask whether it runs.
    let quick = std::env::args().any(|arg| arg == "--test")
        || !std::env::args().any(|arg| arg == "--bench");
    let rounds = if quick { 1 } else { ROUNDS };
    println!("{:<16} {:>10} {:>10} {:>10}", "case", "bare", "entered", "traced");
    for bytes in [64, 4096] {
        for capture in [ContentCapture::Off, ContentCapture::Full] {
            measure(bytes, capture, rounds);
        }
    }
}

fn measure(bytes: usize, capture: ContentCapture, rounds: usize) {
    let chunk = json!({"id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1,
        "model": "gpt-4o", "choices": [{"index": 0, "finish_reason": null,
        "delta": {"content": "x".repeat(bytes)}}]});
    let chunks = vec![chunk; CHUNKS];
    let body: Vec<Vec<u8>> =
        chunks.iter().map(|chunk| format!("data: {chunk}\n\n").into_bytes()).collect();
    let dispatch = dispatch(capture);
    let _guard = tracing::dispatcher::set_default(&dispatch);
    let mut least = [Duration::MAX; 5];
    for _ in 0..rounds {
        let all: [&dyn Fn(); 5] = [
            &|| drain(stream::iter(&chunks)),
            &|| {
                let span = inference_span!("chat", "openai", "gpt-4o");
                let mut inner = pin!(stream::iter(&chunks));
                drain(stream::poll_fn(move |cx| span.in_scope(|| inner.as_mut().poll_next(cx))));
            },
            &|| {
                let span = inference_span!("chat", "openai", "gpt-4o");
                drain(stream::iter(&chunks).traced(span, ByReference(OpenAiChat::new())));
            },
            &|| {
                let span = inference_span!("chat", "openai", "gpt-4o");
                drain(stream::iter(&chunks).traced(span, Chunks::new()));
            },
            &|| {
                let span = inference_span!("chat", "openai", "gpt-4o");
                let events = ServerSentEvents::new(OpenAiChat::new());
                drain(stream::iter(&body).traced(span, events));
            },
        ];
        for (least, run) in least.iter_mut().zip(all) {
            let start = Instant::now();
            run();
            *least = start.elapsed().min(*least);
        }
    }
    let [bare, entered, traced, counted, sse] =
        least.map(|it| it.as_nanos() as f64 / CHUNKS as f64);
    let capture = if capture == ContentCapture::Off { "off" } else { "full" };
    let case = format!("chunk{bytes}_{capture}");
    println!("{case:<16} {bare:>7.1} ns {entered:>7.1} ns {traced:>7.1} ns");
    println!("added {case} {:.1} ns a chunk", traced - bare);
    println!("added {case}_beyond_entering {:.1} ns a chunk", traced - entered);
    println!("added {case}_only_counted {:.1} ns a chunk", counted - bare);
    println!("server_sent_events {case} {sse:.1} ns a chunk");
    println!("ratio {case} {:.2}", traced / bare);
    println!("allocations {case} {:.4} a chunk", allocations(&chunks));
}

/// A thousand chunks more, and how many allocations more that makes.
fn allocations(chunks: &[Value]) -> f64 {
    let count = |chunks: &[Value]| {
        let span = inference_span!("chat", "openai", "gpt-4o");
        let mut answer = pin!(stream::iter(chunks).traced(span, ByReference(OpenAiChat::new())));
        let mut cx = Context::from_waker(futures_util::task::noop_waker_ref());
        // The first chunk makes room for what the others repeat.
        let _ = black_box(answer.as_mut().poll_next(&mut cx));
        let info = allocation_counter::measure(|| {
            for _ in 1..chunks.len() {
                let _ = black_box(answer.as_mut().poll_next(&mut cx));
            }
        });
        info.count_total as f64 / (chunks.len() - 1) as f64
    };
    count(chunks)
}

fn drain<S: Stream>(stream: S)
where
    S::Item: Look,
{
    let mut stream = pin!(stream);
    let mut cx = Context::from_waker(futures_util::task::noop_waker_ref());
    while let Poll::Ready(Some(chunk)) = stream.as_mut().poll_next(&mut cx) {
        black_box(chunk.look());
    }
}

/// What a consumer does with a chunk at least: it looks for the text.
trait Look {
    fn look(&self) -> usize;
}

impl Look for &Value {
    fn look(&self) -> usize {
        self["choices"][0]["delta"]["content"].as_str().map_or(0, str::len)
    }
}

impl Look for &Vec<u8> {
    fn look(&self) -> usize {
        self.len()
    }
}

/// Chunks that are borrowed, so that no copy is measured.
struct ByReference(OpenAiChat);

impl tracing_genai::stream::Accumulate<&Value> for ByReference {
    fn observe(&mut self, chunk: &&Value, answer: &mut tracing_genai::stream::Answer) {
        tracing_genai::stream::Accumulate::observe(&mut self.0, *chunk, answer);
    }
}

fn dispatch(capture: ContentCapture) -> Dispatch {
    let provider = SdkTracerProvider::builder().build();
    let layer = tracing_genai::layer(provider.tracer("bench")).content_capture(capture);
    Dispatch::new(tracing_subscriber::registry().with(layer))
}
