//! What a stream tells the metrics.
#![cfg(all(feature = "metrics", feature = "otel-http", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "metrics/dump.rs"]
#[expect(dead_code, reason = "shared with the tests of metrics")]
mod dump;

use std::time::Duration;

use serde_json::json;
use tracing_genai::inference_span;
use tracing_genai::stream::{OpenAiChat, Recorder};
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
