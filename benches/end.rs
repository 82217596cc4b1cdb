//! What the end of a span costs where it ends, by the size of its captured messages.
//!
//! `cargo bench --bench end` prints the least time of recording a prompt and of ending its span,
//! for a layer that finishes spans where they end and for one whose exporter finishes them.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]

use std::time::{Duration, Instant};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::json;
use tracing::Dispatch;
use tracing_genai::inference_span;
use tracing_genai::policy::ContentCapture;
use tracing_subscriber::prelude::*;

fn main() {
    // `cargo test --benches` and `--test` only ask whether it runs.
    let quick = std::env::args().any(|arg| arg == "--test")
        || !std::env::args().any(|arg| arg == "--bench");
    let rounds = if quick { 1 } else { 200 };
    println!("{:<24} {:>12} {:>12}", "case", "record", "end");
    for (on_export, place) in [(true, "export"), (false, "end")] {
        let provider = SdkTracerProvider::builder().build();
        let layer = tracing_genai::layer(provider.tracer("bench"))
            .content_capture(ContentCapture::Full)
            .finish_on_export(on_export);
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        let _guard = tracing::dispatcher::set_default(&dispatch);
        for kib in [1, 64, 1024] {
            for (text, shape) in [(messages(kib << 10), "messages"), (prose(kib << 10), "text")] {
                let (record, end) = measure(&text, rounds);
                let case = format!("{kib}KiB_{shape}_{place}");
                println!("{case:<24} {record:>12.1?} {end:>12.1?}");
            }
        }
    }
}

fn measure(text: &str, rounds: usize) -> (Duration, Duration) {
    let mut least = (Duration::MAX, Duration::MAX);
    for _ in 0..rounds {
        let span =
            inference_span!("chat", "openai", "m", gen_ai.input.messages = tracing::field::Empty);
        let start = Instant::now();
        span.record("gen_ai.input.messages", text);
        let recorded = Instant::now();
        drop(span);
        least.0 = least.0.min(recorded - start);
        least.1 = least.1.min(recorded.elapsed());
    }
    least
}

/// A conversation in the convention's shape, of about so many bytes.
fn messages(bytes: usize) -> String {
    let message = |at: usize| {
        let role = if at.is_multiple_of(2) { "user" } else { "assistant" };
        json!({"role": role, "parts": [{"type": "text", "content": prose(bytes / 20)}]})
    };
    serde_json::Value::from((0..20).map(message).collect::<Vec<_>>()).to_string()
}

fn prose(bytes: usize) -> String {
    "Do I need an umbrella in Lisbon, \"or\" is a coat enough?\n"
        .chars()
        .cycle()
        .take(bytes)
        .collect()
}
