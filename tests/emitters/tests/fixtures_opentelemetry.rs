//! What emitters write through `OpenTelemetrySpanExt` instead of `tracing` fields, and names that
//! arrive after a span has started.

use opentelemetry::trace::Status;
use serde_json::json;
use tracing::field::Empty;
use tracing::{info_span, instrument};
use tracing_genai_emitters::{Session, assert_attrs};
use tracing_genai_test_support::{SpanKind, SpanStatus};
use tracing_opentelemetry::OpenTelemetrySpanExt;

const SECRET: &str = "Mrs Quill";

#[instrument(fields(otel.name = "model_provider_inference"))]
fn tensorzero() {
    let span = tracing::Span::current();
    span.set_attribute("gen_ai.operation.name", "chat");
    span.set_attribute("gen_ai.system", "mistral");
    span.set_attribute("gen_ai.request.model", "mistral-small");
    span.set_attribute("gen_ai.usage.input_tokens", 12_i64);
    span.set_attribute("gen_ai.usage.output_tokens", 7_i64);
    span.set_attribute("gen_ai.usage.total_tokens", 19_i64);
    let messages = json!([{"role": "user", "content": SECRET}]);
    span.set_attribute("gen_ai.input.messages", messages.to_string());
}

#[test]
fn tensorzero_writes_through_the_extension() {
    for session in [Session::off(), Session::full()] {
        session.run(tensorzero);
        let span = session.explicitly_named_spans(1).remove(0);
        assert_eq!(span.kind, SpanKind::Client);
        assert_eq!(session.leaked(SECRET), session.captures());
        if session.captures() {
            let messages =
                json!([{"role": "user", "parts": [{"type": "text", "content": SECRET}]}]);
            assert_eq!(span.json("gen_ai.input.messages"), Some(messages));
        } else {
            assert_attrs(
                &span,
                &[
                    ("gen_ai.operation.name", "chat".into()),
                    ("gen_ai.provider.name", "mistral_ai".into()),
                    ("gen_ai.request.model", "mistral-small".into()),
                    ("gen_ai.usage.input_tokens", 12.into()),
                    ("gen_ai.usage.output_tokens", 7.into()),
                ],
            );
        }
    }
}

#[test]
fn goose_sets_the_status_through_the_extension() {
    let session = Session::off();
    session.run(|| {
        let span = info_span!(
            "execute_tool",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = "shell",
            gen_ai.tool.call.arguments = Empty,
            error.type = Empty,
        );
        let _entered = span.enter();
        span.record("gen_ai.tool.call.arguments", format!("{{\"command\":\"echo {SECRET}\"}}"));
        span.record("error.type", "tool_execution_error");
        span.set_status(Status::error(format!("command failed: `echo {SECRET}`")));
    });
    let span = session.conforming_spans(1).remove(0);
    assert_eq!((span.name.as_str(), span.kind), ("execute_tool shell", SpanKind::Internal));
    assert!(matches!(span.status, SpanStatus::Error(_)));
    assert!(!session.leaked(SECRET), "{span}");
    assert_attrs(
        &span,
        &[
            ("error.type", "tool_execution_error".into()),
            ("gen_ai.operation.name", "execute_tool".into()),
            ("gen_ai.tool.name", "shell".into()),
        ],
    );
}

#[test]
fn openinference_instrumentation() {
    let session = Session::off();
    session.run(|| {
        let span = info_span!("llm", otel.name = "ChatCompletion");
        let _entered = span.enter();
        span.set_attribute("openinference.span.kind", "LLM");
        span.set_attribute("llm.model_name", "gpt-4o");
        span.set_attribute("llm.provider", "openai");
        span.set_attribute("llm.token_count.prompt", 12_i64);
        span.set_attribute("llm.token_count.completion", 7_i64);
        span.set_attribute("llm.token_count.total", 19_i64);
        span.set_attribute("llm.invocation_parameters", format!("{{\"user\":\"{SECRET}\"}}"));
        span.set_attribute("input.value", SECRET);
        span.set_attribute("output.value", SECRET);
        span.set_attribute("llm.input_messages.0.message.content", SECRET);
    });
    let span = session.spans(1).remove(0);
    assert!(!session.leaked(SECRET), "{span}");
    assert_eq!(span.str("gen_ai.request.model"), Some("gpt-4o"));
    assert_eq!(span.str("gen_ai.provider.name"), Some("openai"));
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(12));
    assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(7));
}

#[test]
fn a_name_that_comes_after_the_span_has_started() {
    let session = Session::off();
    session.run(|| {
        let span = info_span!("agent.run", otel.name = Empty, gen_ai.operation.name = Empty);
        let _entered = span.enter();
        span.record("gen_ai.operation.name", "invoke_agent");
        span.record("otel.name", "agent run of the gardener");
    });
    let span = session.explicitly_named_spans(1).remove(0);
    assert_eq!(span.name, "agent run of the gardener");
    assert_eq!(span.kind, SpanKind::Internal);
}

/// The callsite declares no GenAI field, so that nothing but the attributes says what it is.
#[test]
fn a_name_of_the_users_own_stays() {
    let session = Session::off();
    session.run(|| {
        let span = info_span!("handler", otel.name = "answer the gardener");
        let _entered = span.enter();
        span.set_attribute("gen_ai.operation.name", "chat");
        span.set_attribute("gen_ai.provider.name", "openai");
        span.set_attribute("gen_ai.request.model", "gpt-4o");
    });
    let span = session.explicitly_named_spans(1).remove(0);
    assert_eq!(span.name, "answer the gardener");
    assert_eq!(span.kind, SpanKind::Client);
}

#[test]
fn what_is_not_genai_passes() {
    let session = Session::off();
    session.run(|| {
        let span = info_span!("db.query", otel.kind = "client", db.system = "postgresql");
        let _entered = span.enter();
        span.set_attribute("db.rows", 3_i64);
    });
    let span = session.spans(1).remove(0);
    assert_eq!((span.name.as_str(), span.kind), ("db.query", SpanKind::Client));
    assert_eq!(span.str("db.system"), Some("postgresql"));
    assert_eq!(span.int("db.rows"), Some(3));
}
