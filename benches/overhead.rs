//! What a span costs with this crate, beside bare `tracing-opentelemetry` with its defaults and a
//! span written by hand against the SDK, in one run and interleaved.
//!
//! `cargo bench --bench overhead` prints for each case the time and the allocations of one span
//! and a line `ratio <case> <ours / bare>`; the time is the least of all rounds.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use opentelemetry::trace::{Span as _, SpanKind, Tracer as _, TracerProvider as _};
use opentelemetry::{Array, Context, KeyValue, Value};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracer, SdkTracerProvider, Span, SpanData, SpanProcessor,
};
#[cfg(feature = "metrics")]
use tracing::Subscriber;
use tracing::field::Empty;
use tracing::{Dispatch, info_span};
use tracing_genai::policy::ContentCapture;
#[cfg(feature = "metrics")]
use tracing_genai::{GenAiLayer, metrics::SpanMetrics, semconv::Version};
use tracing_subscriber::Registry;
use tracing_subscriber::prelude::*;
#[cfg(feature = "metrics")]
use tracing_subscriber::registry::LookupSpan;

const ROUNDS: usize = 60;
const SPANS_PER_ROUND: u32 = 1000;

fn main() {
    // `cargo test --benches` and `--test` only ask whether it runs.
    let quick = std::env::args().any(|arg| arg == "--test")
        || !std::env::args().any(|arg| arg == "--bench");
    let rounds = if quick { 1 } else { ROUNDS };
    println!("{:<22} {:>18} {:>18} {:>18}", "case", "bare", "tracing-genai", "by hand");
    for case in cases() {
        measure(&case, rounds);
    }
}

struct Case {
    name: &'static str,
    sampled: bool,
    capture: ContentCapture,
    measured: bool,
    span: fn(),
    by_hand: Option<fn(&SdkTracer)>,
}

fn cases() -> Vec<Case> {
    let off = ContentCapture::Off;
    let full = ContentCapture::Full;
    vec![
        Case {
            name: "plain",
            sampled: true,
            capture: off,
            measured: false,
            span: plain,
            by_hand: Some(plain_by_hand),
        },
        Case {
            name: "genai14",
            sampled: true,
            capture: off,
            measured: false,
            span: gen_ai,
            by_hand: Some(gen_ai_by_hand),
        },
        Case {
            name: "text1k_off",
            sampled: true,
            capture: off,
            measured: false,
            span: text_1k,
            by_hand: None,
        },
        Case {
            name: "text1k_full",
            sampled: true,
            capture: full,
            measured: false,
            span: text_1k,
            by_hand: None,
        },
        Case {
            name: "vec24k_off",
            sampled: true,
            capture: off,
            measured: false,
            span: vec_24k,
            by_hand: None,
        },
        Case {
            name: "vec24k_full",
            sampled: true,
            capture: full,
            measured: false,
            span: vec_24k,
            by_hand: None,
        },
        Case {
            name: "genai14_metrics",
            sampled: true,
            capture: off,
            measured: true,
            span: gen_ai,
            by_hand: None,
        },
        Case {
            name: "not_sampled_metrics",
            sampled: false,
            capture: off,
            measured: true,
            span: gen_ai,
            by_hand: None,
        },
        Case {
            name: "not_sampled",
            sampled: false,
            capture: off,
            measured: false,
            span: gen_ai,
            by_hand: Some(gen_ai_by_hand),
        },
        Case {
            name: "not_sampled_text1k",
            sampled: false,
            capture: full,
            measured: false,
            span: text_1k,
            by_hand: None,
        },
    ]
}

fn measure(case: &Case, rounds: usize) {
    let bare_tracer = tracer(case.sampled);
    let bare = Dispatch::new(
        Registry::default().with(tracing_opentelemetry::layer().with_tracer(bare_tracer)),
    );
    let layer = tracing_genai::layer(tracer(case.sampled)).content_capture(case.capture);
    let layer = if case.measured { measured(layer) } else { layer };
    let ours = Dispatch::new(Registry::default().with(layer.finish_on_export(true)));
    let by_hand = tracer(case.sampled);

    let mut least = [Duration::MAX; 3];
    for _ in 0..rounds {
        let run =
            |dispatch: &Dispatch| tracing::dispatcher::with_default(dispatch, || time(case.span));
        least[0] = least[0].min(run(&bare));
        least[1] = least[1].min(run(&ours));
        if let Some(span) = case.by_hand {
            least[2] = least[2].min(time(|| span(&by_hand)));
        }
    }
    let bare_allocations = tracing::dispatcher::with_default(&bare, || allocations(case.span));
    let our_allocations = tracing::dispatcher::with_default(&ours, || allocations(case.span));
    let cell = |time: Duration, allocations: u64| {
        format!("{:.0} ns / {allocations}", time.as_nanos() as f64 / f64::from(SPANS_PER_ROUND))
    };
    let third = case
        .by_hand
        .map_or_else(String::new, |span| cell(least[2], allocations(|| span(&by_hand))));
    println!(
        "{:<22} {:>18} {:>18} {third:>18}",
        case.name,
        cell(least[0], bare_allocations),
        cell(least[1], our_allocations),
    );
    println!("ratio {} {:.3}", case.name, least[1].as_secs_f64() / least[0].as_secs_f64());
}

#[cfg(feature = "metrics")]
fn measured<S>(layer: GenAiLayer<S, SdkTracer>) -> GenAiLayer<S, SdkTracer>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    layer.metrics(SpanMetrics::with_version(Version::V1_41))
}

#[cfg(not(feature = "metrics"))]
fn measured<L>(layer: L) -> L {
    layer
}

fn time(mut span: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..SPANS_PER_ROUND {
        span();
    }
    start.elapsed()
}

/// Allocations of one span once everything is warm.
fn allocations(mut span: impl FnMut()) -> u64 {
    for _ in 0..8 {
        span();
    }
    allocation_counter::measure(|| {
        for _ in 0..100 {
            span();
        }
    })
    .count_total
        / 100
}

fn plain() {
    let span = info_span!("GET /chat", http.request.method = "GET", http.route = "/chat");
    let _entered = span.enter();
}

fn plain_by_hand(tracer: &SdkTracer) {
    let attributes = [
        KeyValue::new("http.request.method", "GET"),
        KeyValue::new("http.route", String::from("/chat")),
    ];
    end(tracer.span_builder("GET /chat").with_attributes(attributes), tracer);
}

macro_rules! chat_span {
    ($($content:tt)*) => {
        info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-4o-mini",
            server.address = "api.openai.com",
            server.port = 443,
            gen_ai.request.temperature = 0.2,
            gen_ai.request.max_tokens = 512,
            gen_ai.conversation.id = "conv_5j66UpCpwteGg4YSxUnt7lPY",
            gen_ai.response.id = Empty,
            gen_ai.response.model = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.usage.cache_read.input_tokens = Empty,
            $($content)*
        )
    };
}

fn respond(span: &tracing::Span) {
    span.record("gen_ai.response.id", "chatcmpl-123");
    span.record("gen_ai.response.model", "gpt-4o-mini-2024-07-18");
    span.record("gen_ai.response.finish_reasons", "stop");
    span.record("gen_ai.usage.input_tokens", 1200_i64);
    span.record("gen_ai.usage.output_tokens", 80_i64);
    span.record("gen_ai.usage.cache_read.input_tokens", 1000_i64);
}

fn gen_ai() {
    let span = chat_span!();
    let _entered = span.enter();
    respond(&span);
}

fn gen_ai_by_hand(tracer: &SdkTracer) {
    let attributes = [
        KeyValue::new("gen_ai.operation.name", "chat"),
        KeyValue::new("gen_ai.provider.name", "openai"),
        KeyValue::new("gen_ai.request.model", String::from("gpt-4o-mini")),
        KeyValue::new("server.address", String::from("api.openai.com")),
        KeyValue::new("server.port", 443),
        KeyValue::new("gen_ai.request.temperature", 0.2),
        KeyValue::new("gen_ai.request.max_tokens", 512),
        KeyValue::new("gen_ai.conversation.id", String::from("conv_5j66UpCpwteGg4YSxUnt7lPY")),
    ];
    let builder = tracer
        .span_builder("chat gpt-4o-mini")
        .with_kind(SpanKind::Client)
        .with_attributes(attributes);
    let mut span = builder.start_with_context(tracer, &Context::new());
    span.set_attribute(KeyValue::new("gen_ai.response.id", String::from("chatcmpl-123")));
    span.set_attribute(KeyValue::new(
        "gen_ai.response.model",
        String::from("gpt-4o-mini-2024-07-18"),
    ));
    let reasons = Value::Array(Array::String(vec!["stop".into()]));
    span.set_attribute(KeyValue::new("gen_ai.response.finish_reasons", reasons));
    span.set_attribute(KeyValue::new("gen_ai.usage.input_tokens", 1200));
    span.set_attribute(KeyValue::new("gen_ai.usage.output_tokens", 80));
    span.set_attribute(KeyValue::new("gen_ai.usage.cache_read.input_tokens", 1000));
    span.end();
}

fn text_1k() {
    thread_local!(static TEXT: String = "a prompt of a kilobyte ".repeat(45)[..1024].to_owned());
    TEXT.with(|text| {
        let span = chat_span!(gen_ai.input.messages = text.as_str());
        let _entered = span.enter();
        respond(&span);
    });
}

fn vec_24k() {
    thread_local!(static TEXTS: Vec<String> = vec!["a part of a prompt ".repeat(54)[..1024].to_owned(); 24]);
    TEXTS.with(|texts| {
        let span = chat_span!(gen_ai.input.messages = ?black_box(texts));
        let _entered = span.enter();
        respond(&span);
    });
}

fn end(builder: opentelemetry::trace::SpanBuilder, tracer: &SdkTracer) {
    builder.start_with_context(tracer, &Context::new()).end();
}

fn tracer(sampled: bool) -> SdkTracer {
    let sampler = if sampled { Sampler::AlwaysOn } else { Sampler::AlwaysOff };
    SdkTracerProvider::builder()
        .with_sampler(sampler)
        .with_span_processor(Discard)
        .build()
        .tracer("overhead")
}

/// Takes spans and does nothing with them, so that only their making is measured.
#[derive(Debug)]
struct Discard;

impl SpanProcessor for Discard {
    fn on_start(&self, _span: &mut Span, _cx: &Context) {}

    fn on_end(&self, span: SpanData) {
        black_box(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        Ok(())
    }
}
