//! Trace formats on one core: 20,000 spans with 16 KiB of messages each, beside a plain clone of
//! the same spans in the same run.
//!
//! `cargo bench --bench format`; prints one line per format: spans per second, and how many times
//! as long as the clone it took (the least of several rounds each). Every span has memory of its
//! own, as spans of different requests do, and is handled in batches as an exporter does: a batch
//! is cloned, or a clone of it is formatted, and the result is dropped when the batch is done.

#![expect(clippy::print_stdout, reason = "a bench prints")]

use std::hint::black_box;
use std::time::{Duration, Instant, UNIX_EPOCH};

use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;
use serde_json::json;
use tracing_genai::format::{Format, GenAi, Langfuse, OpenInference, OpenLlmetry, Vercel};

const SPANS: usize = 20_000;
const ROUNDS: usize = 5;
/// What the messages are made of: what JSON escapes costs a copy.
const TEXTS: [(&str, &str); 3] = [
    (
        "no escapes",
        "The quick brown fox jumps over the lazy dog; plain text passes without a copy. ",
    ),
    (
        "a line break every 75 bytes",
        "The quick brown fox jumps over the lazy dog; caf\u{e9} and na\u{ef}ve text pass.\n",
    ),
    (
        "an escape every 25 bytes",
        "The \"quick\" brown fox\njumps over the lazy dog; caf\u{e9} and na\u{ef}ve text pass.\n",
    ),
];

/// What a batch processor hands to an exporter at a time, by default.
const BATCH: usize = 512;

fn main() {
    for (label, span) in TEXTS.map(|(label, text)| (label, span(text))) {
        let bytes: usize = span
            .attributes
            .iter()
            .filter(|attribute| attribute.key.as_str().ends_with("messages"))
            .map(|attribute| attribute.value.as_str().len())
            .sum();
        println!("{SPANS} spans, {bytes} bytes of messages each, {label}");
        let spans = own_memory(&span);
        let formats: [&dyn Format; 7] = [
            &GenAi::new(),
            &OpenInference::new(),
            &OpenInference::supplement(),
            &Vercel::new(),
            &OpenLlmetry::current(),
            &OpenLlmetry::legacy(),
            &Langfuse::new(),
        ];
        let asked: Vec<_> =
            std::env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
        for format in formats {
            if !asked.is_empty() && !asked.iter().any(|name| name == format.name()) {
                continue;
            }
            // In turns, so that whatever else the machine does meets both.
            let (mut clone, mut took) = (Duration::MAX, Duration::MAX);
            for _ in 0..ROUNDS {
                clone = clone.min(time(&spans, |batch| batch.to_vec()));
                took = took.min(time_format(&spans, format));
            }
            report(format.name(), took, clone);
        }
    }
}

fn report(name: &str, took: Duration, clone: Duration) {
    let per_second = |took: Duration| SPANS as f64 / took.as_secs_f64();
    let ratio = took.as_secs_f64() / clone.as_secs_f64();
    let (formatted, cloned) = (per_second(took), per_second(clone));
    println!(
        "{name:<24} {formatted:>12.0} spans/s   clone {cloned:>12.0} spans/s   ratio {ratio:.2}"
    );
}

fn own_memory(span: &SpanData) -> Vec<SpanData> {
    std::iter::repeat_n(span, SPANS).cloned().collect()
}

/// Cloning a batch and dropping it.
fn time(spans: &[SpanData], mut work: impl FnMut(&[SpanData]) -> Vec<SpanData>) -> Duration {
    let mut total = Duration::ZERO;
    for batch in spans.chunks(BATCH) {
        let start = Instant::now();
        drop(black_box(work(black_box(batch))));
        total += start.elapsed();
    }
    total
}

/// Formatting a batch that is there and dropping the result.
fn time_format(spans: &[SpanData], format: &dyn Format) -> Duration {
    let mut total = Duration::ZERO;
    for batch in spans.chunks(BATCH) {
        let batch = batch.to_vec();
        let start = Instant::now();
        let done: Vec<_> = black_box(batch).into_iter().map(|span| format.format(span)).collect();
        drop(black_box(done));
        total += start.elapsed();
    }
    total
}

/// A conversation of nine messages with a tool call, as an agent's third turn has it.
fn span(words: &str) -> SpanData {
    let text = |bytes: usize| words.chars().cycle().take(bytes).collect::<String>();
    let input = json!([
        {"role": "user", "parts": [{"type": "text", "content": text(2000)}]},
        {"role": "assistant", "parts": [
            {"type": "text", "content": text(900)},
            {"type": "tool_call", "id": "call_1", "name": "search", "arguments": {"query": "foxes", "limit": 5}}
        ]},
        {"role": "tool", "parts": [{"type": "tool_call_response", "id": "call_1", "response": {"hits": [text(3000)]}}]},
        {"role": "assistant", "parts": [{"type": "text", "content": text(3900)}]},
        {"role": "user", "parts": [{"type": "text", "content": text(1500)}]},
    ]);
    let output = json!([
        {"role": "assistant", "parts": [{"type": "text", "content": text(3600)}], "finish_reason": "stop"}
    ]);
    let system = json!([{"type": "text", "content": text(1500)}]);
    let strings = |values: &[&'static str]| {
        Value::Array(Array::String(values.iter().map(|value| StringValue::from(*value)).collect()))
    };
    // As the SDK leaves them: the keys static, the values owned.
    let attributes = vec![
        KeyValue::new("gen_ai.operation.name", "chat".to_owned()),
        KeyValue::new("gen_ai.provider.name", "openai".to_owned()),
        KeyValue::new("gen_ai.request.model", "gpt-4o".to_owned()),
        KeyValue::new("gen_ai.response.model", "gpt-4o-2024-08-06".to_owned()),
        KeyValue::new("gen_ai.response.id", "resp-1".to_owned()),
        KeyValue::new("gen_ai.response.finish_reasons", strings(&["stop"])),
        KeyValue::new("gen_ai.usage.input_tokens", 3200i64),
        KeyValue::new("gen_ai.usage.output_tokens", 800i64),
        KeyValue::new("gen_ai.usage.cache_read.input_tokens", 1024i64),
        KeyValue::new("gen_ai.request.max_tokens", 2048i64),
        KeyValue::new("gen_ai.request.temperature", 0.3),
        KeyValue::new("gen_ai.conversation.id", "conversation-1".to_owned()),
        KeyValue::new("server.address", "api.openai.com".to_owned()),
        KeyValue::new("server.port", 443i64),
        KeyValue::new("gen_ai.system_instructions", system.to_string()),
        KeyValue::new("gen_ai.input.messages", input.to_string()),
        KeyValue::new("gen_ai.output.messages", output.to_string()),
    ];
    SpanData {
        span_context: SpanContext::empty_context(),
        parent_span_id: SpanId::INVALID,
        parent_span_is_remote: false,
        span_kind: SpanKind::Client,
        name: "chat gpt-4o".into(),
        start_time: UNIX_EPOCH,
        end_time: UNIX_EPOCH + Duration::from_secs(2),
        attributes,
        dropped_attributes_count: 0,
        events: Default::default(),
        links: Default::default(),
        status: Status::Unset,
        instrumentation_scope: InstrumentationScope::builder("app").build(),
    }
}
