//! What the layer says about the places where spans are made.

use opentelemetry::trace::TracerProvider as _;
use tracing::{info_span, subscriber};
use tracing_genai::lint::{Problem, findings};
use tracing_genai_test_support::SpanSink;
use tracing_subscriber::prelude::*;

#[test]
fn each_callsite_is_looked_at_once() {
    let layer = tracing_genai::layer(SpanSink::default().provider().tracer("test"));
    subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for _ in 0..3 {
            drop(info_span!("good", gen_ai.operation.name = "chat", gen_ai.request.model = "m"));
            drop(info_span!("plain", user = 1));
            drop(info_span!(
                "bad",
                gen_ai.system = "openai",
                gen_ai.usage.prompt_tokens = 3,
                gen_ai.request.modell = "m"
            ));
            drop(tracing_genai::inference_span!("chat", "openai", "m"));
        }
    });
    let found = findings();
    assert!(found.iter().all(|finding| finding.span == "bad"), "{found:?}");
    let problems: Vec<_> = found.iter().map(|finding| finding.problem.clone()).collect();
    assert_eq!(
        problems,
        [
            Problem::RetiredKey("gen_ai.system", "gen_ai.provider.name"),
            Problem::RetiredKey("gen_ai.usage.prompt_tokens", "gen_ai.usage.input_tokens"),
            Problem::UnknownKey("gen_ai.request.modell"),
            Problem::NoOperation,
        ]
    );
    let text = found[0].to_string();
    assert!(text.contains("tests/producer_lint.rs:"), "{text}");
    assert!(
        text.ends_with("`bad` has a field `gen_ai.system`, now `gen_ai.provider.name`"),
        "{text}"
    );
}
