//! What the guides say in prose and show in files of configuration.
#![cfg(feature = "yaml")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use tracing::info_span;
use tracing_genai::telemetry::Console;
use tracing_genai::{GenAiSpanExt, Usage, inference_span};
use tracing_genai_test_support::{OtlpReceiver, ReceivedSpan};
use tracing_subscriber::prelude::*;

#[test]
fn a_trace_that_is_kept_after_all_has_its_content() {
    let file = "sampler: always_off\nkeep: {errors: true}\ncontent_capture: full";
    let (spans, _) = run(file, || {
        info_span!("chat", gen_ai.operation.name = "chat", gen_ai.input.messages = "kept not");
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.input.messages = "kept",
            error.type = "timeout",
        );
    });
    assert_eq!(spans.len(), 1);
    assert!(spans[0].str("gen_ai.input.messages").unwrap().contains("kept"));
}

#[cfg(feature = "metrics")]
#[test]
fn a_price_in_the_file_is_a_cost_on_the_span_and_in_the_metrics() {
    let file = "pricing: {models: {openai/gpt-4o-mini: {input: 0.15, output: 0.60}}}";
    let (spans, receiver) = run(file, || {
        let span = inference_span!("chat", "openai", "gpt-4o-mini");
        span.record_usage(Usage::new().input_tokens(1_000_000).output_tokens(100_000));
    });
    assert_eq!(spans[0].double("gen_ai.usage.cost"), Some(0.21));
    let metrics = format!("{:?}", receiver.wait_for_metrics(1, Duration::from_secs(30)));
    assert!(metrics.contains("tracing_genai.client.cost"), "{metrics}");
}

/// What arrives of `work` with a file of configuration.
fn run(file: &str, work: impl FnOnce()) -> (Vec<ReceivedSpan>, OtlpReceiver) {
    let receiver = OtlpReceiver::start();
    let (layer, telemetry) = tracing_genai::builder()
        .env([("", ""); 0])
        .console(Console::Never)
        .config_str(file)
        .endpoint(receiver.endpoint())
        .build()
        .unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    telemetry.force_flush().unwrap();
    (receiver.spans(), receiver)
}
