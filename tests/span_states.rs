//! What a span is does not depend on how it was made, nor on when it turned out to be GenAI.
#![cfg(all(feature = "metrics", feature = "otel-http", feature = "testing"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock, mpsc};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use opentelemetry::trace::{
    Span as _, SpanKind, TraceContextExt, Tracer as _, TracerProvider as _,
};
use opentelemetry::{Context, KeyValue};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanProcessor};
use tracing::field::Empty;
use tracing::{Dispatch, Span, info_span, instrument};
use tracing_genai::GenAiLayer;
use tracing_genai::policy::{ContentCapture, Policy};
use tracing_genai::telemetry::Console;
use tracing_genai::tracer::{GenAiExporter, GenAiTracer};
use tracing_genai_test_support::{OtlpReceiver, ReceivedSpan, SpanSink};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Registry;
use tracing_subscriber::prelude::*;

type Api = GenAiTracer<SdkTracer>;

/// How a program makes a GenAI span.
#[derive(Clone, Copy, Debug)]
enum Way {
    Macro,
    Instrument,
    /// The OpenTelemetry API, with attributes from the start.
    Builder,
    /// The OpenTelemetry API, with attributes that are set later.
    Late,
    /// `OpenTelemetrySpanExt` on a span without GenAI fields.
    Ext,
}

const WAYS: [Way; 5] = [Way::Macro, Way::Instrument, Way::Builder, Way::Late, Way::Ext];

fn facts() -> [KeyValue; 3] {
    [
        KeyValue::new("gen_ai.operation.name", "chat"),
        KeyValue::new("gen_ai.request.model", "m"),
        KeyValue::new("gen_ai.usage.input_tokens", 100),
    ]
}

/// One call to a model, in which `inner` happens.
fn call(way: Way, api: &Api, inner: &mut dyn FnMut()) {
    #[instrument(
        skip_all,
        fields(gen_ai.operation.name = "chat", gen_ai.request.model = "m", gen_ai.usage.input_tokens = 100)
    )]
    fn instrumented(inner: &mut dyn FnMut()) {
        inner();
    }
    let within = |span, inner: &mut dyn FnMut()| {
        let _attached = Context::current_with_span(span).attach();
        inner();
    };
    match way {
        Way::Macro => info_span!(
            "s",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.usage.input_tokens = 100
        )
        .in_scope(inner),
        Way::Instrument => instrumented(inner),
        Way::Builder => {
            within(api.span_builder("s").with_attributes(facts()).start(api), inner);
        }
        Way::Late => {
            let mut span = api.start("s");
            span.set_attributes(facts());
            within(span, inner);
        }
        Way::Ext => info_span!("s").in_scope(|| {
            for KeyValue { key, value, .. } in facts() {
                Span::current().set_attribute(key, value);
            }
            inner();
        }),
    }
}

/// What is measured of `work`.
fn measured(work: impl FnOnce(&Api)) -> ExportMetricsServiceRequest {
    let receiver = OtlpReceiver::start();
    let builder = tracing_genai::builder().env([("", ""); 0]).console(Console::Never);
    let (layer, telemetry) = builder.endpoint(receiver.endpoint()).build().unwrap();
    let api = layer.tracer_provider(SpanSink::default().provider()).tracer("api");
    tracing::subscriber::with_default(Registry::default().with(layer), || work(&api));
    telemetry.shutdown().unwrap();
    receiver.wait_for_metrics(1, Duration::from_secs(30)).remove(0)
}

/// How often, and the sum.
fn total(request: &ExportMetricsServiceRequest, name: &str) -> (u64, f64) {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let metric = scopes.flat_map(|scope| &scope.metrics).find(|metric| metric.name == name);
    match metric.and_then(|metric| metric.data.as_ref()) {
        Some(Data::Histogram(histogram)) => histogram
            .data_points
            .iter()
            .fold((0, 0.0), |(n, sum), point| (n + point.count, sum + point.sum.unwrap())),
        Some(Data::Sum(sum)) => sum.data_points.iter().fold((0, 0.0), |(n, total), point| {
            let value = match point.value.unwrap() {
                Number::AsInt(value) => value as f64,
                Number::AsDouble(value) => value,
            };
            (n + 1, total + value)
        }),
        _ => (0, 0.0),
    }
}

#[test]
fn a_call_takes_as_long_as_it_takes_however_it_is_made() {
    for way in WAYS {
        let metrics = measured(|api| {
            call(way, api, &mut || thread::sleep(Duration::from_millis(50)));
        });
        let (count, seconds) = total(&metrics, "gen_ai.client.operation.duration");
        assert_eq!(count, 1, "{way:?}");
        assert!(seconds >= 0.05, "{way:?}: {seconds}");
    }
}

#[test]
fn usage_of_one_request_counts_once_whichever_span_became_genai_late() {
    for outer in WAYS {
        for inner in WAYS {
            let metrics = measured(|api| call(outer, api, &mut || call(inner, api, &mut || {})));
            let (_, requests) = total(&metrics, "tracing_genai.client.requests");
            assert_eq!(requests, 1.0, "{outer:?} around {inner:?}");
            let (_, tokens) = total(&metrics, "gen_ai.client.token.usage");
            assert_eq!(tokens, 100.0, "{outer:?} around {inner:?}");
        }
    }
}

/// The spans that `work` makes below a layer of one's own, finished at their end or on export.
fn spans(on_export: bool, work: impl FnOnce(&Api)) -> Vec<ReceivedSpan> {
    let sink = SpanSink::default();
    let provider = match on_export {
        true => SdkTracerProvider::builder()
            .with_simple_exporter(GenAiExporter::new(sink.clone()))
            .build(),
        false => sink.provider(),
    };
    let layer = tracing_genai::layer(provider.tracer("layer"))
        .policy(Policy::new(ContentCapture::Full).with_max_bytes(512))
        .span_ttl(Duration::from_millis(320))
        .finish_on_export(on_export);
    let api = layer.tracer_provider(provider).tracer("api");
    tracing::subscriber::with_default(Registry::default().with(layer), || work(&api));
    sink.take()
}

#[test]
fn who_says_when_a_span_ended_is_believed() {
    let start = SystemTime::now() - Duration::from_secs(3600);
    let end = start + Duration::from_secs(2);
    for with_builder in [true, false] {
        let made = |api: &Api| {
            let builder = api.span_builder("s").with_start_time(start);
            let mut span = match with_builder {
                true => builder.with_attributes(facts()).start(api),
                false => builder.start(api),
            };
            span.set_attributes(facts());
            span.end_with_timestamp(end);
        };
        let span = spans(false, made).remove(0);
        assert_eq!(span.duration(), Duration::from_secs(2), "{with_builder}");
        let (_, seconds) = total(&measured(made), "gen_ai.client.operation.duration");
        assert!((seconds - 2.0).abs() < 1e-6, "{with_builder}: {seconds}");
    }
}

#[test]
fn the_last_value_counts_before_the_span_starts_too() {
    for on_export in [true, false] {
        for (set, record, recorded_last) in [
            ("gen_ai.response.id", "gen_ai.response.id", true),
            ("gen_ai.response.id", "gen_ai.response.id", false),
            ("gen_ai.response.model_name", "gen_ai.response.model", true),
            ("gen_ai.response.model_name", "gen_ai.response.model", false),
            ("gen_ai.request.model", "gen_ai.request.model", true),
            ("gen_ai.request.model", "gen_ai.request.model", false),
        ] {
            let made = spans(on_export, |_| {
                let span = info_span!(
                    "s",
                    gen_ai.response.id = Empty,
                    gen_ai.response.model = Empty,
                    gen_ai.request.model = Empty
                );
                if recorded_last {
                    span.set_attribute(set, "older");
                    span.record(record, "newer");
                } else {
                    span.record(record, "older");
                    span.set_attribute(set, "newer");
                }
                drop(span);
            });
            assert_eq!(made[0].str(record), Some("newer"), "{set} {recorded_last} {on_export}");
            assert!(!made[0].has("gen_ai.response.model_name"), "{:?}", made[0]);
        }
    }
}

#[test]
fn a_name_never_contradicts_its_model() {
    for on_export in [true, false] {
        let made = spans(on_export, |_| {
            let span =
                info_span!("s", gen_ai.operation.name = "chat", gen_ai.request.model = "first");
            span.in_scope(|| span.record("gen_ai.request.model", "second"));
        });
        let model = made[0].str("gen_ai.request.model").unwrap();
        assert_eq!(made[0].name, format!("chat {model}"), "{on_export}");
        assert_eq!(model, if on_export { "second" } else { "first" });
    }
}

#[test]
fn a_guess_of_the_operation_gives_way_to_what_is_said() {
    #[instrument(skip_all, fields(gen_ai.operation.name = Empty, gen_ai.request.model = "m"))]
    fn complete() {
        Span::current().record("gen_ai.operation.name", "chat");
    }
    for on_export in [true, false] {
        let made = spans(on_export, |_| complete());
        assert_eq!(made[0].name, "chat m", "{on_export}");
        assert_eq!(made[0].str("gen_ai.operation.name"), Some("chat"), "{on_export}");
    }
}

#[test]
fn no_mark_of_ours_is_exported_whatever_the_span() {
    let long = "word ".repeat(1000);
    for on_export in [true, false] {
        let made = spans(on_export, |api| {
            for way in WAYS {
                call(way, api, &mut || {});
            }
            drop(info_span!("plain", otel.name = "given", otel.kind = "server"));
            drop(info_span!("never entered", gen_ai.request.model = "m", otel.kind = "server"));
            macro_rules! kind_learnt_late {
                ($($field:tt)*) => {{
                    let span = info_span!("late", $($field)*, otel.kind = Empty);
                    span.in_scope(|| span.record("otel.kind", "server"));
                }};
            }
            kind_learnt_late!(prompt = "hello");
            kind_learnt_late!(openai.api.type = "responses");
            kind_learnt_late!(mcp.method.name = "tools/call");
            kind_learnt_late!(aws.bedrock.guardrail.id = "g");
            kind_learnt_late!(gen_ai.request.model = "m");
            kind_learnt_late!(tenant = "t");
            info_span!("long", gen_ai.input.messages = long, prompt = long).in_scope(|| {});
            let span = info_span!("before its start", gen_ai.request.seed = Empty, tenant = Empty);
            span.record("gen_ai.request.seed", 7);
            span.record("tenant", 8);
            drop(span);
            let mut native = api.start("native");
            native.set_attribute(KeyValue::new("gen_ai.input.messages", long.clone()));
            native.end();
            let forgotten =
                info_span!("forgotten", gen_ai.input.messages = long, otel.kind = Empty);
            forgotten.in_scope(|| forgotten.record("otel.kind", "producer"));
            let watched = api.span_builder("watched").with_attributes(facts()).start(api);
            thread::sleep(Duration::from_secs(1));
            drop((forgotten, watched));
        });
        assert_eq!(made.len(), 5 + 2 + 6 + 1 + 1 + 1 + 2, "{on_export}");
        for span in &made {
            for (key, value) in &span.attrs {
                let marked = key.starts_with("tracing_genai.") && key != "tracing_genai.outcome";
                assert!(!marked, "{on_export}: {key} on {span:?}");
                let value = format!("{value:?}");
                assert!(!value.contains("tracing_genai."), "{on_export}: {value} on {span:?}");
                assert!(!value.contains("-92233"), "{on_export}: {value} on {span:?}");
            }
        }
    }
}

/// Starts a span of its own whenever a span starts.
#[derive(Debug)]
struct Auditor(Arc<OnceLock<Api>>);

impl SpanProcessor for Auditor {
    fn on_start(&self, span: &mut opentelemetry_sdk::trace::Span, _: &Context) {
        let own = span.exported_data().is_some_and(|data| data.name.starts_with("audit"));
        if let Some(api) = self.0.get().filter(|_| !own) {
            drop(info_span!("audit"));
            api.span_builder("audit").start(api).end();
        }
    }

    fn on_end(&self, _: SpanData) {}

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_span_started_while_another_is_made_takes_nothing_of_it() {
    let (sink, api) = (SpanSink::default(), Arc::new(OnceLock::new()));
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Auditor(Arc::clone(&api)))
        .with_simple_exporter(sink.clone())
        .build();
    let layer: GenAiLayer<Registry, _> = tracing_genai::layer(provider.tracer("layer"));
    let _ = api.set(layer.tracer_provider(provider).tracer("api"));
    tracing::subscriber::with_default(Registry::default().with(layer), || {
        let parent = info_span!("handler");
        // The making of the child starts its parent.
        drop(info_span!(
            parent: &parent,
            "ask",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.usage.input_tokens = 7
        ));
    });
    let spans = sink.take();
    for span in &spans {
        let is_call = span.name == "chat m";
        assert!(is_call || ["audit", "handler"].contains(&&*span.name), "{span:?}");
        assert_eq!(span.int("gen_ai.usage.input_tokens"), is_call.then_some(7), "{span:?}");
    }
    assert!(spans.iter().any(|span| span.name == "chat m"), "{spans:?}");
}

#[test]
fn a_record_is_for_the_span_that_is_open_and_not_for_one_of_the_same_id() {
    let sink = SpanSink::default();
    let layer = tracing_genai::layer(sink.provider().tracer("layer"));
    let dispatch = Dispatch::new(Registry::default().with(layer));
    let _guard = dispatch.set_default();
    let make =
        || info_span!("s", gen_ai.operation.name = "chat", gen_ai.usage.input_tokens = Empty);
    let (send, receive) = mpsc::channel::<(Span, i64)>();
    let (done, recorded) = mpsc::channel();
    let other = thread::spawn(move || {
        for (span, tokens) in receive {
            span.record("gen_ai.usage.input_tokens", tokens);
            drop(span);
            done.send(()).unwrap();
        }
    });
    let first = make();
    let id = first.id();
    send.send((first.clone(), 1)).unwrap();
    recorded.recv().unwrap();
    drop(first);
    // Ids come again when a place in the registry has been used often enough.
    let again = (0..100_000).map(|_| make()).find(|span| span.id() == id);
    let Some(again) = again else { return };
    let _ = sink.take();
    send.send((again.clone(), 2)).unwrap();
    recorded.recv().unwrap();
    drop(again);
    assert_eq!(sink.take()[0].int("gen_ai.usage.input_tokens"), Some(2));
    drop(send);
    other.join().unwrap();
}

/// Panics over the first span that it sees end.
#[derive(Debug)]
struct Stumbles(AtomicBool);

impl SpanProcessor for Stumbles {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &Context) {}

    fn on_end(&self, _: SpanData) {
        assert!(self.0.swap(true, Ordering::Relaxed), "a processor stumbles");
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

#[test]
fn a_processor_that_panics_is_not_the_end_of_expiry() {
    let sink = SpanSink::default();
    let provider = SdkTracerProvider::builder()
        .with_span_processor(Stumbles(AtomicBool::default()))
        .with_simple_exporter(sink.clone())
        .build();
    let layer = tracing_genai::layer(provider.tracer("l")).span_ttl(Duration::from_millis(160));
    let api = layer.tracer_provider(provider).tracer("api");
    let dispatch = Dispatch::new(Registry::default().with(layer));
    let _guard = dispatch.set_default();
    let known = [1, 2].map(|n| info_span!("s", gen_ai.request.seed = n));
    known.iter().for_each(|span| span.in_scope(|| {}));
    let watched = [1, 2].map(|_| api.span_builder("s").with_attributes(facts()).start(&api));
    let patience = Instant::now() + Duration::from_secs(60);
    while sink.len() < 3 {
        assert!(Instant::now() < patience, "{} of 3 spans", sink.len());
        thread::sleep(Duration::from_millis(2));
    }
    assert!(sink.take().iter().all(|it| it.str("tracing_genai.outcome") == Some("expired")));
    drop((known, watched));
}

#[test]
fn an_error_before_the_span_became_genai_is_an_error_of_the_call() {
    let metrics = measured(|api| {
        let mut span = api.span_builder("s").with_kind(SpanKind::Client).start(api);
        span.set_status(opentelemetry::trace::Status::error("refused"));
        span.set_attributes(facts());
        span.end();
    });
    assert_eq!(total(&metrics, "tracing_genai.client.errors").1, 1.0);
}
