//! What users' own tests see of their spans.
#![cfg(feature = "testing")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::panic::{AssertUnwindSafe, catch_unwind};

use opentelemetry::trace::SpanKind;
use serde_json::json;
use tracing::field::Empty;
use tracing::{Span, info_span, instrument};
use tracing_genai::lint::Problem;
use tracing_genai::policy::ContentCapture;
use tracing_genai::semconv::Type;
use tracing_genai::testing::{Setup, capture};
use tracing_genai::{GenAiSpanExt, RequestParameters, inference_span, tool_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

#[instrument(skip_all, fields(
    gen_ai.operation.name = "chat",
    gen_ai.provider.name = "openai",
    gen_ai.request.model = "gpt-4o-mini",
    gen_ai.input.messages = question,
    gen_ai.usage.input_tokens = Empty,
    gen_ai.response.finish_reasons = Empty,
))]
fn my_handler(question: &str) {
    tool_span!("get_weather").in_scope(|| tracing::info!(city = "Oslo", "looked up"));
    let span = Span::current();
    span.record("gen_ai.usage.input_tokens", 182_u32);
    span.record("gen_ai.response.finish_reasons", "stop");
    span.record_request(RequestParameters::new().temperature(0.5));
    span.record_failure("timeout", "no answer to `Umbrella?`");
}

#[test]
fn my_handler_is_traced() {
    let traces = capture();
    my_handler("Umbrella?");
    let spans = traces.finish();

    assert_eq!(spans.len(), 2);
    let chat = spans.one("chat gpt-4o-mini");
    assert_eq!(chat.kind(), SpanKind::Client);
    assert_eq!(chat.int("gen_ai.usage.input_tokens"), Some(182));
    assert_eq!(chat.double("gen_ai.request.temperature"), Some(0.5));
    assert_eq!(chat.list("gen_ai.response.finish_reasons"), Some(vec!["stop"]));
    assert_eq!(chat.text("error.type"), Some("timeout"));
    assert!(chat.is_error());
    assert!(!chat.has("gen_ai.input.messages"));
    assert!(!spans.contains("Umbrella"), "{spans}");
    assert!(spans.contains("ERROR no answer to …"), "{spans}");
    let tool = spans.one("execute_tool get_weather");
    assert!(tool.is_child_of(chat));
    assert_eq!(spans.children_of(chat).len(), 1);
    assert_eq!(tool.events()[0].name, "looked up");
}

#[test]
fn content_is_there_when_the_setup_lets_it_out() {
    let traces = Setup::new().content_capture(ContentCapture::Full).start();
    my_handler("Umbrella?");
    let spans = traces.finish();
    assert_eq!(
        spans.one("chat gpt-4o-mini").json("gen_ai.input.messages").unwrap(),
        json!([{"role": "user", "parts": [{"type": "text", "content": "Umbrella?"}]}])
    );
}

fn careless() {
    let span = info_span!(
        "careless",
        gen_ai.system = "openai",
        gen_ai.request.modell = "m",
        gen_ai.usage.input_tokens = Empty,
    );
    span.record("gen_ai.usage.input_tokens", "a lot");
    span.set_attribute("gen_ai.request.max_tokens", "few");
}

#[test]
fn a_finding_is_an_error_that_says_where_in_every_test_that_meets_it() {
    for _ in 0..2 {
        let traces = capture();
        careless();
        careless();
        let problems: Vec<_> = traces.findings().iter().map(|finding| finding.problem).collect();
        assert_eq!(
            problems,
            [
                Problem::RetiredKey("gen_ai.system", "gen_ai.provider.name"),
                Problem::UnknownKey("gen_ai.request.modell"),
                Problem::NoOperation,
                Problem::WrongType("gen_ai.usage.input_tokens", Type::Int),
                Problem::WrongType("gen_ai.request.max_tokens", Type::Int),
            ]
        );
        let panic = catch_unwind(AssertUnwindSafe(|| traces.assert_clean())).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains("tests/testing.rs:"), "{text}");
        assert!(text.contains("`careless` was given a `gen_ai.usage.input_tokens` that is no int"));
        assert!(!text.contains("a lot"), "a value may be content: {text}");
    }
}

#[test]
fn findings_of_others_can_be_excused() {
    let traces = Setup::new().ignore(|finding| finding.target.starts_with(module_path!())).start();
    info_span!("theirs", gen_ai.system = "openai");
    assert_eq!(traces.finish().len(), 1);
}

#[test]
fn captures_side_by_side_see_their_own() {
    std::thread::scope(|scope| {
        for number in 0..8 {
            scope.spawn(move || {
                let traces = capture();
                for _ in 0..=number {
                    drop(inference_span!("chat", "openai", "m"));
                }
                let held = inference_span!("chat", "openai", "held");
                let spans = traces.spans();
                assert_eq!((spans.len(), spans.open()), (number + 1, &["inference"][..]));
                assert!(spans.to_string().ends_with("still open: inference\n"), "{spans}");
                drop(held);
                assert_eq!(traces.finish().len(), number + 2);
            });
        }
    });
}

#[test]
#[should_panic = "2 spans are named `chat m`, not one, among:"]
fn one_is_one() {
    let traces = capture();
    drop(inference_span!("chat", "openai", "m"));
    drop(inference_span!("chat", "openai", "m"));
    let _ = traces.finish().one("chat m");
}

#[tokio::test]
async fn tasks_of_a_test_are_seen_too() {
    let traces = capture();
    tokio::spawn(async { my_handler("Umbrella?") }).await.unwrap();
    assert!(traces.finish().iter().any(|span| span.name() == "chat gpt-4o-mini"));
}

#[test]
fn what_comes_through_the_opentelemetry_api_is_looked_at_too() {
    let traces = capture();
    let plain = info_span!("plain");
    plain.set_attribute("gen_ai.usage.output_tokens", "seven");
    drop(plain);
    let found = traces.findings();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].problem, Problem::WrongType("gen_ai.usage.output_tokens", Type::Int));
    assert!(found[0].to_string().starts_with("through the OpenTelemetry API: "), "{}", found[0]);
}
