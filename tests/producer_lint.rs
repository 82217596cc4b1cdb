//! What the layer says about the places where spans are made.

use opentelemetry::trace::{TraceContextExt, TracerProvider as _};
use tracing::{info_span, subscriber};
use tracing_genai::lint::{Problem, findings};
use tracing_genai::semconv::Type;
use tracing_genai_test_support::SpanSink;
use tracing_opentelemetry::OpenTelemetrySpanExt;
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
            // Numbers, flags and lists in any dress that can be understood are fine.
            let dressed = info_span!(
                "good",
                gen_ai.operation.name = "chat",
                gen_ai.usage.input_tokens = "12",
                gen_ai.usage.output_tokens = ?Some(7_u64),
                gen_ai.request.temperature = ?None::<f64>,
                gen_ai.request.seed = -1,
                gen_ai.response.finish_reasons = ?["stop"],
            );
            dressed.record("gen_ai.usage.input_tokens", 13_u64);
        }
    });
    let found = findings();
    assert!(found.iter().all(|it| it.span != "good" && it.span != "inference"), "{found:?}");
    let found: Vec<_> = found.into_iter().filter(|it| it.span == "bad").collect();
    let problems: Vec<_> = found.iter().map(|finding| finding.problem).collect();
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

#[test]
fn values_that_go_wrong_are_told_once_for_each_callsite() {
    let layer = tracing_genai::layer(SpanSink::default().provider().tracer("test"));
    subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for round in 0..3 {
            let wrong = info_span!(
                "wrong",
                gen_ai.operation.name = "chat",
                gen_ai.usage.input_tokens = "some",
                gen_ai.request.temperature = tracing::field::Empty,
            );
            if round == 2 {
                wrong.record("gen_ai.request.temperature", "hot");
            }
            wrong.context().span().end();
            wrong.record("gen_ai.request.temperature", 0.1);
        }
    });
    let found: Vec<_> = findings().into_iter().filter(|it| it.span == "wrong").collect();
    let problems: Vec<_> = found.iter().map(|finding| finding.problem).collect();
    assert_eq!(
        problems,
        [
            Problem::WrongType("gen_ai.usage.input_tokens", Type::Int),
            Problem::TooLate("gen_ai.request.temperature"),
            Problem::WrongType("gen_ai.request.temperature", Type::Double),
        ]
    );
    assert!(found.iter().all(|it| it.place.contains("tests/producer_lint.rs:")), "{found:?}");
    assert_eq!(found[0].target, module_path!());
}

#[cfg(feature = "init")]
#[test]
fn the_status_says_what_was_found() {
    let (layer, telemetry) = tracing_genai::builder()
        .env([("", ""); 0])
        .console(tracing_genai::telemetry::Console::Never)
        .build()
        .expect("a plain configuration");
    subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let told = info_span!("told", gen_ai.operation.name = "chat", gen_ai.usage.cost = "free");
        drop(told);
    });
    let status = telemetry.status();
    let found = status.calls().findings().iter().any(|line| {
        line.contains("tests/producer_lint.rs:")
            && line.ends_with("`told` was given a `gen_ai.usage.cost` that is no double")
    });
    assert!(found, "{status}");
}
