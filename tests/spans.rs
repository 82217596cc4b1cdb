//! What leaves for spans made with `tracing`: name, kind, attributes, status, times.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;
use std::time::Duration;

use opentelemetry::trace::{
    Span as _, SpanKind, Status, TraceContextExt, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Array, KeyValue, Value};
use opentelemetry_sdk::trace::{InMemorySpanExporter, SdkTracer, SdkTracerProvider, SpanData};
use tracing::field::Empty;
use tracing::info_span;
use tracing_genai::GenAiLayer;
use tracing_genai::policy::ContentCapture;
use tracing_genai::semconv::Version;
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::prelude::*;

type Layer = GenAiLayer<Registry, SdkTracer>;

/// Runs `work` under a layer made by `setup` and returns the finished spans.
fn spans_of(setup: impl FnOnce(Layer) -> Layer, work: impl FnOnce()) -> Vec<SpanData> {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer = setup(tracing_genai::layer(provider.tracer("test")));
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    exporter.get_finished_spans().unwrap()
}

fn span_of(work: impl FnOnce()) -> SpanData {
    let mut spans = spans_of(|layer| layer, work);
    assert_eq!(spans.len(), 1, "{spans:?}");
    spans.remove(0)
}

fn attrs(span: &SpanData) -> BTreeMap<String, Value> {
    let map: BTreeMap<_, _> =
        span.attributes.iter().map(|kv| (kv.key.to_string(), kv.value.clone())).collect();
    assert_eq!(map.len(), span.attributes.len(), "a key twice: {:?}", span.attributes);
    map
}

fn keys(span: &SpanData) -> Vec<String> {
    attrs(span).into_keys().collect()
}

fn strings(items: &[&'static str]) -> Value {
    Value::Array(Array::String(items.iter().map(|item| (*item).into()).collect()))
}

#[test]
fn a_chat_span_is_named_typed_and_of_kind_client() {
    let span = span_of(|| {
        let span = info_span!(
            "handler",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-4o",
            gen_ai.request.temperature = 0.2,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.response.finish_reasons = Empty,
            user_tier = "gold",
        );
        let _entered = span.enter();
        span.record("gen_ai.usage.input_tokens", 12_u64);
        span.record("gen_ai.usage.output_tokens", 7_usize);
        span.record("gen_ai.response.finish_reasons", tracing::field::debug(vec!["stop"]));
    });
    assert_eq!(span.name, "chat gpt-4o");
    assert_eq!(span.span_kind, SpanKind::Client);
    assert_eq!(span.status, Status::Unset);
    let expected: BTreeMap<String, Value> = [
        ("gen_ai.operation.name", Value::from("chat")),
        ("gen_ai.provider.name", "openai".into()),
        ("gen_ai.request.model", "gpt-4o".into()),
        ("gen_ai.request.temperature", 0.2.into()),
        ("gen_ai.usage.input_tokens", 12_i64.into()),
        ("gen_ai.usage.output_tokens", 7_i64.into()),
        ("gen_ai.response.finish_reasons", strings(&["stop"])),
        ("user_tier", "gold".into()),
    ]
    .map(|(key, value)| (key.to_owned(), value))
    .into();
    assert_eq!(attrs(&span), expected);
}

#[test]
fn a_span_that_is_not_gen_ai_keeps_its_name_and_fields() {
    let span = span_of(|| {
        info_span!("GET /chat", http.route = "/chat", otel.kind = "server").in_scope(|| {});
    });
    assert_eq!(span.name, "GET /chat");
    assert_eq!(span.span_kind, SpanKind::Server);
    assert_eq!(keys(&span), ["http.route"]);
}

#[test]
fn the_last_value_wins_and_leaves_once() {
    let span = span_of(|| {
        let span = info_span!("s", gen_ai.operation.name = "chat", gen_ai.usage.input_tokens = 1);
        span.in_scope(|| {
            span.record("gen_ai.usage.input_tokens", 2);
            span.record("gen_ai.usage.input_tokens", 3);
        });
    });
    assert_eq!(attrs(&span)["gen_ai.usage.input_tokens"], Value::I64(3));
}

#[test]
fn retired_and_foreign_spellings_leave_as_the_conventions_write_them() {
    let span = span_of(|| {
        info_span!(
            "gen_ai.stream",
            gen_ai.operation.name = "chat_streaming",
            gen_ai.system = "aws_bedrock",
            gen_ai.request.model = %"bedrock/claude",
            gen_ai.usage.prompt_tokens = 5_u64,
            gen_ai.usage.cached_tokens = 2_u64,
            gen_ai.usage.total_tokens = 9_u64,
            gen_ai.response.finish_reason = "end_turn",
            gen_ai.tool.call_id = "",
        )
        .in_scope(|| {});
    });
    assert_eq!(span.name, "chat claude");
    let attrs = attrs(&span);
    assert_eq!(attrs["gen_ai.provider.name"], Value::from("aws.bedrock"));
    assert_eq!(attrs["gen_ai.request.stream"], Value::Bool(true));
    assert_eq!(attrs["gen_ai.usage.input_tokens"], Value::I64(5));
    assert_eq!(attrs["gen_ai.usage.cache_read.input_tokens"], Value::I64(2));
    assert_eq!(attrs["gen_ai.response.finish_reasons"], strings(&["stop"]));
    assert_eq!(attrs.len(), 7, "{attrs:?}");
}

#[test]
fn an_operation_recorded_late_still_names_the_span() {
    let span = span_of(|| {
        let span = info_span!("step", gen_ai.operation.name = Empty, gen_ai.tool.name = Empty);
        span.in_scope(|| {
            span.record("gen_ai.operation.name", "execute_tool");
            span.record("gen_ai.tool.name", "search");
        });
    });
    assert_eq!(span.name, "execute_tool search");
}

#[test]
fn what_the_user_said_of_name_and_kind_wins() {
    let work = || {
        info_span!(
            "s",
            otel.name = "my name",
            otel.kind = "internal",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m"
        )
        .in_scope(|| {});
    };
    let span = span_of(work);
    assert_eq!((&*span.name, &span.span_kind), ("my name", &SpanKind::Internal));
    let span = spans_of(|layer| layer.override_explicit_names(true), work).remove(0);
    assert_eq!((&*span.name, &span.span_kind), ("chat m", &SpanKind::Client));
}

#[test]
fn an_error_sets_status_and_type() {
    let span = span_of(|| {
        let span = info_span!("s", gen_ai.operation.name = "chat", error.type = Empty);
        span.in_scope(|| span.record("error.type", "429"));
    });
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attrs(&span)["error.type"], Value::from("429"));

    let span = span_of(|| {
        info_span!("s", gen_ai.operation.name = "chat").in_scope(|| {
            tracing::error!(error = %"429 rate limit reached", "the call failed");
        });
    });
    assert!(matches!(&span.status, Status::Error { .. }), "{:?}", span.status);
    assert_eq!(attrs(&span)["error.type"], Value::from("_OTHER"));
}

#[test]
fn a_success_reported_by_a_field_leaves_the_status_unset() {
    let span = span_of(|| {
        info_span!("s", gen_ai.operation.name = "chat", otel.status_code = "OK").in_scope(|| {});
    });
    assert_eq!(span.status, Status::Unset);
}

#[test]
fn values_recorded_after_the_last_exit_lengthen_the_span() {
    let span = span_of(|| {
        let span =
            info_span!("s", gen_ai.operation.name = "chat", gen_ai.usage.output_tokens = Empty);
        span.in_scope(|| {});
        std::thread::sleep(Duration::from_millis(30));
        span.record("gen_ai.usage.output_tokens", 3);
    });
    let length = span.end_time.duration_since(span.start_time).unwrap();
    assert!(length >= Duration::from_millis(30), "{length:?}");
}

#[test]
fn the_open_telemetry_api_meets_the_same_record() {
    let spans = spans_of(
        |layer| layer,
        || {
            let span = info_span!("model_provider_inference", other = 1);
            span.set_attribute("gen_ai.operation.name", "chat");
            span.set_attribute("gen_ai.system", "mistral");
            span.set_attribute("gen_ai.request.model", "m-1");
            span.set_attribute("gen_ai.usage.input_tokens", "4");
            span.set_attribute("gen_ai.prompt", "secret");
            span.in_scope(|| {
                let cx = span.context();
                cx.span().set_attribute(KeyValue::new("gen_ai.usage.output_tokens", 6));
                info_span!("child").in_scope(|| {});
            });
        },
    );
    let span = &spans[1];
    assert_eq!(span.name, "chat m-1");
    assert_eq!(spans[0].parent_span_id, span.span_context.span_id());
    let attrs = attrs(span);
    assert_eq!(attrs["gen_ai.provider.name"], Value::from("mistral_ai"));
    assert_eq!(attrs["gen_ai.usage.input_tokens"], Value::I64(4));
    assert_eq!(attrs["gen_ai.usage.output_tokens"], Value::I64(6));
    assert_eq!(attrs.get("gen_ai.input.messages"), None);
    assert_eq!(attrs["other"], Value::I64(1));
}

#[test]
fn versions_spell_what_was_renamed() {
    let work = || {
        info_span!("s", gen_ai.operation.name = "chat", gen_ai.usage.cache_write.input_tokens = 3)
            .in_scope(|| {});
    };
    let old = "gen_ai.usage.cache_creation.input_tokens";
    let new = "gen_ai.usage.cache_write.input_tokens";
    for (version, present) in
        [(Version::V1_41, vec![old]), (Version::Latest, vec![new]), (Version::Dual, vec![old, new])]
    {
        let span = spans_of(|layer| layer.semconv(version), work).remove(0);
        let found: Vec<_> = keys(&span).into_iter().filter(|key| key.contains("usage")).collect();
        assert_eq!(found, present, "{version:?}");
    }
}

#[test]
fn content_leaves_only_when_asked_for() {
    let work = || {
        info_span!(
            "s",
            gen_ai.operation.name = "chat",
            gen_ai.prompt = "the prompt",
            input.value = "the prompt",
            gen_ai.tool.description = "the tool"
        )
        .in_scope(|| {});
    };
    let span = span_of(work);
    assert_eq!(keys(&span), ["gen_ai.operation.name"]);
    let span = spans_of(|layer| layer.content_capture(ContentCapture::Full), work).remove(0);
    assert_eq!(
        keys(&span),
        [
            "gen_ai.input.messages",
            "gen_ai.operation.name",
            "gen_ai.tool.description",
            "input.value"
        ]
    );
}

#[test]
fn the_exporter_finishes_what_was_learnt_late() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(tracing_genai::tracer::GenAiExporter::new(exporter.clone()))
        .build();
    let layer = tracing_genai::layer(provider.tracer("test"))
        .content_capture(ContentCapture::Full)
        .finish_on_export(true);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let span = info_span!(
            "s",
            gen_ai.operation.name = Empty,
            gen_ai.request.model = "first",
            gen_ai.output.messages = Empty,
        );
        span.in_scope(|| {
            span.record("gen_ai.operation.name", "chat");
            span.record("gen_ai.request.model", "second");
            span.record("gen_ai.output.messages", "hello");
        });
    });
    let span = exporter.get_finished_spans().unwrap().remove(0);
    assert_eq!((&*span.name, &span.span_kind), ("chat second", &SpanKind::Client));
    let attrs = attrs(&span);
    assert_eq!(attrs["gen_ai.request.model"], Value::from("second"));
    let messages: serde_json::Value =
        serde_json::from_str(&attrs["gen_ai.output.messages"].as_str()).unwrap();
    let expected = serde_json::json!([{
        "role": "assistant",
        "parts": [{"type": "text", "content": "hello"}],
        "finish_reason": "stop",
    }]);
    assert_eq!(messages, expected);
    assert!(attrs.keys().all(|key| !key.starts_with("tracing_genai.")), "{attrs:?}");
}

#[test]
fn spans_of_the_open_telemetry_api_meet_the_policy_through_the_provider() {
    let exporter = InMemorySpanExporter::default();
    let provider = SdkTracerProvider::builder().with_simple_exporter(exporter.clone()).build();
    let layer: Layer = tracing_genai::layer(provider.tracer("test"));
    let tracer = layer.tracer_provider(provider).tracer("native");
    let builder = tracer.span_builder("completion").with_attributes([
        KeyValue::new("gen_ai.operation.name", "chat"),
        KeyValue::new("gen_ai.request.model", "m"),
        KeyValue::new("gen_ai.usage.input_tokens", "3"),
        KeyValue::new("gen_ai.prompt", "secret"),
    ]);
    builder.start(&tracer).end();
    let span = exporter.get_finished_spans().unwrap().remove(0);
    assert_eq!((&*span.name, &span.span_kind), ("chat m", &SpanKind::Client));
    assert_eq!(
        keys(&span),
        ["gen_ai.operation.name", "gen_ai.request.model", "gen_ai.usage.input_tokens"]
    );
}

#[test]
fn fields_of_the_users_own_leave_beside_error_text_that_does_not() {
    let span = span_of(|| {
        let span = info_span!(
            "s",
            tier = "gold",
            gen_ai.operation.name = "chat",
            exception.stacktrace = "at a line"
        );
        span.in_scope(|| {});
    });
    assert_eq!(keys(&span), ["gen_ai.operation.name", "tier"]);
}
