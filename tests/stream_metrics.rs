//! What a stream tells the metrics.
#![cfg(all(feature = "metrics", feature = "otel-http", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "metrics/dump.rs"]
#[expect(dead_code, reason = "shared with the tests of metrics")]
mod dump;

use std::time::Duration;

use serde_json::{Value as Json, json};
use tracing_genai::inference_span;
use tracing_genai::stream::{Accumulate, Anthropic, Bedrock, Gemini, OpenAiChat, Recorder};
use tracing_genai::telemetry::Console;
use tracing_genai_test_support::OtlpReceiver;
use tracing_subscriber::prelude::*;

#[test]
fn every_chunk_after_the_first_is_a_time_per_output_chunk() {
    let receiver = OtlpReceiver::start();
    let (layer, telemetry) = tracing_genai::builder()
        .env([("", ""); 0])
        .console(Console::Never)
        .endpoint(receiver.endpoint())
        .build()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let mut recorder = Recorder::new(inference_span!("chat", "openai", "m"), OpenAiChat::new());
        for word in ["", "a", "b", "c", "d"] {
            recorder.chunk(&json!({"choices": [{"index": 0, "delta": {"content": word}}]}));
        }
        recorder.chunk(&json!({"choices": [{"index": 0, "finish_reason": "stop"}]}));
        recorder.end();
    });
    telemetry.shutdown().unwrap();
    let requests = receiver.wait_for_metrics(1, Duration::from_secs(10));
    let text: String = requests.iter().map(dump::dump).collect();
    let line = |name: &str| {
        let at = text.find(name).unwrap_or_else(|| panic!("no {name} in {text}"));
        text[at..].lines().nth(1).unwrap().to_owned()
    };
    let gaps = line("gen_ai.client.operation.time_per_output_chunk");
    assert!(gaps.ends_with("= 3 times"), "{gaps}");
    assert!(text.contains("gen_ai.client.operation.time_to_first_chunk"), "{text}");
}

/// Input at 2, cache reads at 1, cache writes at 4, output at 8 and reasoning at 16 dollars for a
/// million tokens, so that each token counted twice or in the wrong place shows in the sum.
#[test]
fn a_stream_is_priced_by_what_each_provider_means_by_its_counts() {
    let receiver = OtlpReceiver::start();
    let prices = "pricing: {models: {m: {input: 2, cache_read: 1, cache_write: 4, output: 8, \
                  reasoning: 16}}}";
    let (layer, telemetry) = tracing_genai::builder()
        .env([("", ""); 0])
        .console(Console::Never)
        .config_str(prices)
        .endpoint(receiver.endpoint())
        .build()
        .unwrap();
    let anthropic = [
        json!({"type": "message_start", "message": {"usage": {"input_tokens": 10,
               "cache_read_input_tokens": 100, "cache_creation_input_tokens": 1000}}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
               "usage": {"output_tokens": 20}}),
        json!({"type": "message_stop"}),
    ];
    let bedrock = [
        json!({"messageStop": {"stopReason": "end_turn"}}),
        json!({"metadata": {"usage": {"inputTokens": 10, "outputTokens": 20,
               "cacheReadInputTokens": 100, "cacheWriteInputTokens": 1000}}}),
    ];
    let gemini = [json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": {
        "promptTokenCount": 110, "cachedContentTokenCount": 100, "candidatesTokenCount": 15,
        "thoughtsTokenCount": 5}})];
    let openai = [json!({"choices": [{"index": 0, "finish_reason": "stop"}], "usage": {
        "prompt_tokens": 110, "completion_tokens": 20,
        "prompt_tokens_details": {"cached_tokens": 100},
        "completion_tokens_details": {"reasoning_tokens": 5}}})];
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        fn play<A: Accumulate<Json>>(provider: &'static str, accumulator: A, chunks: &[Json]) {
            let span = inference_span!("chat", provider, "m");
            let mut recorder = Recorder::new(span, accumulator);
            chunks.iter().for_each(|chunk| recorder.chunk(chunk));
            recorder.end();
        }
        play("anthropic", Anthropic::new(), &anthropic);
        play("aws.bedrock", Bedrock::new(), &bedrock);
        play("gcp.gemini", Gemini::new(), &gemini);
        play("openai", OpenAiChat::new(), &openai);
    });
    telemetry.shutdown().unwrap();
    let costs: Vec<_> = receiver
        .spans()
        .iter()
        .map(|span| {
            let micros = (span.double("gen_ai.usage.cost").unwrap() * 1e6).round() as u64;
            (span.str("gen_ai.provider.name").unwrap().to_owned(), micros)
        })
        .collect();
    let cached = 10 * 2 + 100 + 1000 * 4 + 20 * 8;
    let thought = 10 * 2 + 100 + 15 * 8 + 5 * 16;
    let expected = [
        ("anthropic", cached),
        ("aws.bedrock", cached),
        ("gcp.gemini", thought),
        ("openai", thought),
    ];
    assert_eq!(costs, expected.map(|(provider, micros)| (provider.to_owned(), micros)));
}
