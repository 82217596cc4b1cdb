//! Whatever is recorded, a span leaves, and what it carries stays within the size that is set.

use std::fmt;

use opentelemetry::trace::TracerProvider;
use tracing::field::{Empty, debug};
use tracing::{Span, info_span};
use tracing_genai::policy::{ContentCapture, Policy};
use tracing_genai_test_support::{ReceivedSpan, SpanSink, Value};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::prelude::*;

const MEGABYTES_10: usize = 10 * 1024 * 1024;

/// A chat span on which `record` records, under a policy.
fn span_under(policy: Policy, record: impl FnOnce(&Span)) -> ReceivedSpan {
    let sink = SpanSink::default();
    let provider = sink.provider();
    let layer = tracing_genai::layer(provider.tracer("bad")).policy(policy);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        let span = info_span!(
            "handler",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = "gpt-4o",
            gen_ai.request.temperature = Empty,
            gen_ai.request.max_tokens = Empty,
            gen_ai.request.seed = Empty,
            gen_ai.request.stop_sequences = Empty,
            gen_ai.request.stream = Empty,
            gen_ai.response.id = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.response.time_to_first_chunk = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.system_instructions = Empty,
            gen_ai.input.messages = Empty,
            gen_ai.output.messages = Empty,
            gen_ai.tool.definitions = Empty,
            gen_ai.tool.call.arguments = Empty,
            gen_ai.retrieval.documents = Empty,
            gen_ai.nobody.knows = Empty,
            error.type = Empty,
            exception.message = Empty,
            mine = Empty,
        );
        let _entered = span.enter();
        record(&span);
    });
    let mut spans = sink.take();
    assert_eq!(spans.len(), 1, "exactly one span leaves");
    spans.remove(0)
}

fn full() -> Policy {
    Policy::new(ContentCapture::Full)
}

/// Both with capture off and with capture on.
fn each_policy(record: impl Fn(&Span)) -> [ReceivedSpan; 2] {
    [Policy::default(), full()].map(|policy| span_under(policy, &record))
}

/// Every key whose values are JSON in the conventions.
const CONTENT: [&str; 6] = [
    "gen_ai.system_instructions",
    "gen_ai.input.messages",
    "gen_ai.output.messages",
    "gen_ai.tool.definitions",
    "gen_ai.tool.call.arguments",
    "gen_ai.retrieval.documents",
];

#[track_caller]
fn assert_capped(span: &ReceivedSpan, cap: usize) {
    for (key, value) in &span.attrs {
        if let Value::Str(text) = value {
            assert!(text.len() <= cap, "{key} has {} bytes, the cap is {cap}", text.len());
        }
    }
}

/// What the crate itself puts around content is always JSON.
#[track_caller]
fn assert_json(span: &ReceivedSpan) {
    for key in ["gen_ai.input.messages", "gen_ai.output.messages", "gen_ai.system_instructions"] {
        if let Some(text) = span.str(key) {
            let parsed: Result<serde_json::Value, _> = serde_json::from_str(text);
            assert!(parsed.is_ok(), "{key}: {}…", text.chars().take(200).collect::<String>());
        }
    }
}

#[test]
fn numbers_that_are_none() {
    for span in each_policy(|span| {
        span.record("gen_ai.request.temperature", f64::NAN);
        span.record("gen_ai.response.time_to_first_chunk", f64::INFINITY);
        span.record("gen_ai.usage.input_tokens", f64::NEG_INFINITY);
        span.record("gen_ai.usage.output_tokens", "NaN");
        span.record("gen_ai.request.max_tokens", "a few");
    }) {
        assert_eq!(span.name, "chat gpt-4o");
        for key in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
            assert_eq!(span.int(key), None, "no count is made up: {span}");
        }
    }
}

#[test]
fn counts_beyond_any_count() {
    for span in each_policy(|span| {
        span.record("gen_ai.usage.input_tokens", -12_i64);
        span.record("gen_ai.usage.output_tokens", u64::MAX);
        span.record("gen_ai.request.max_tokens", i128::MAX);
        span.record("gen_ai.request.seed", i128::MIN);
    }) {
        assert_eq!(span.name, "chat gpt-4o");
        assert!(span.int("gen_ai.usage.input_tokens").is_none_or(|it| it >= 0), "{span}");
        let output = span.int("gen_ai.usage.output_tokens");
        assert!(output.is_none_or(|it| it >= 0), "u64::MAX does not become negative: {span}");
        assert!(span.int("gen_ai.request.seed").is_none_or(|it| it < 0), "{span}");
    }
}

#[test]
fn ten_megabytes_in_every_field() {
    let text = "prompt \u{1f339} ".repeat(MEGABYTES_10 / 12);
    for span in each_policy(|span| {
        for key in CONTENT {
            span.record(key, text.as_str());
        }
        span.record("gen_ai.response.id", text.as_str());
        span.record("gen_ai.nobody.knows", text.as_str());
        span.record("exception.message", text.as_str());
        span.record("error.type", text.as_str());
    }) {
        assert_capped(&span, Policy::DEFAULT_MAX_BYTES as usize);
        assert_json(&span);
    }
}

#[test]
fn ten_megabytes_of_json() {
    let part = r#"{"role":"user","parts":[{"type":"text","content":"all of it "}]},"#;
    let messages = format!("[{}]", part.repeat(MEGABYTES_10 / part.len()).trim_end_matches(','));
    let one = format!(
        r#"[{{"role":"user","parts":[{{"type":"text","content":"{}"}}]}}]"#,
        "x".repeat(MEGABYTES_10)
    );
    for json in [messages, one] {
        let span = span_under(full(), |span| {
            span.record("gen_ai.input.messages", json.as_str());
        });
        assert_capped(&span, Policy::DEFAULT_MAX_BYTES as usize);
        assert_json(&span);
        assert!(span.has("gen_ai.input.messages"), "shortened, not lost");
    }
}

#[test]
fn a_small_cap_is_kept() {
    let json = r#"[{"role":"user","parts":[{"type":"text","content":"one two three four"}]}]"#;
    for cap in [0, 1, 16, 64, 200] {
        let span = span_under(full().with_max_bytes(cap), |span| {
            for key in CONTENT {
                span.record(key, json.repeat(10).as_str());
            }
            span.record("gen_ai.input.messages", json.replace("two", &"two ".repeat(100)).as_str());
        });
        assert_eq!(span.name, "chat gpt-4o");
        assert_json(&span);
        for key in CONTENT {
            let length = span.str(key).map_or(0, str::len);
            // Two bytes are the least that is JSON at all.
            assert!(length <= cap.max(2) as usize, "{key} has {length} bytes, the cap is {cap}");
        }
    }
}

#[test]
fn json_that_is_none() {
    let texts = [
        "",
        "[",
        "]",
        "{",
        "[{]",
        r#"[{"role":"user""#,
        r#"{"role":"user","parts":{}}"#,
        r#"[{"role":7,"parts":[7,null,[],{"type":[]}]}]"#,
        r#"[null,1,"text",[[]]]"#,
        r#""\ud800""#,
        "[1e999999]",
        "nul\u{0}l",
        "{\"a\":1}{\"a\":1}",
        "\u{feff}[]",
    ];
    for text in texts {
        let span = span_under(full(), |span| {
            for key in CONTENT {
                span.record(key, text);
            }
            span.record("gen_ai.response.finish_reasons", text);
            span.record("gen_ai.request.stop_sequences", text);
            span.record("gen_ai.request.stream", text);
        });
        assert_eq!(span.name, "chat gpt-4o", "{text}");
        assert_json(&span);
        for key in ["gen_ai.response.finish_reasons", "gen_ai.request.stop_sequences"] {
            let items = span.attr(key).map_or("string[]", Value::type_name);
            assert_eq!(items, "string[]", "{text}: {span}");
        }
    }
}

#[test]
fn ten_thousand_levels() {
    let arrays = format!("{}{}", "[".repeat(10_000), "]".repeat(10_000));
    let objects = format!("{}1{}", r#"{"parts":"#.repeat(10_000), "}".repeat(10_000));
    let nested = format!(
        r#"[{{"role":"assistant","parts":[{{"type":"tool_call","name":"f","arguments":{arrays}}}]}}]"#
    );
    let debugged = format!("{}{}", "Some(".repeat(10_000), ")".repeat(10_000));
    let unclosed = "[{".repeat(10_000);
    for text in [arrays, objects, nested, debugged, unclosed] {
        for span in each_policy(|span| {
            for key in CONTENT {
                span.record(key, text.as_str());
            }
            span.record("gen_ai.response.finish_reasons", text.as_str());
            span.record("gen_ai.usage.input_tokens", text.as_str());
        }) {
            assert_eq!(span.name, "chat gpt-4o");
            assert_json(&span);
        }
    }
}

#[test]
fn control_characters() {
    let text: String = (0..0xA0_u8).map(char::from).chain("\u{202e}\u{2028}".chars()).collect();
    let span = span_under(full(), |span| {
        for key in CONTENT {
            span.record(key, text.as_str());
        }
        span.record("gen_ai.response.id", text.as_str());
        span.record("mine", text.as_str());
    });
    assert_eq!(span.name, "chat gpt-4o");
    assert_json(&span);
    assert_eq!(span.str("gen_ai.response.id"), Some(text.as_str()));
}

/// Prints bytes that are no text, as careless `Debug` implementations do.
struct Bytes(&'static [u8]);

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", String::from_utf8_lossy(self.0))
    }
}

/// Fails while it is printed.
struct Failing;

impl fmt::Debug for Failing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("half")?;
        Err(fmt::Error)
    }
}

#[test]
fn bytes_that_are_no_text() {
    let bytes: &[u8] = &[0x66, 0xff, 0xfe, 0x00, 0xc3, 0x28];
    for span in each_policy(|span| {
        span.record("gen_ai.input.messages", bytes);
        span.record("gen_ai.output.messages", debug(Bytes(&[0x66, 0xff, 0xc3])));
        span.record("gen_ai.system_instructions", debug(bytes));
        span.record("gen_ai.response.id", bytes);
        span.record("mine", bytes);
    }) {
        assert_eq!(span.name, "chat gpt-4o");
        assert_json(&span);
    }
}

#[test]
fn a_debug_that_fails() {
    for span in each_policy(|span| {
        span.record("gen_ai.input.messages", debug(Failing));
        span.record("gen_ai.response.id", debug(Failing));
        span.record("gen_ai.response.finish_reasons", debug(Failing));
    }) {
        assert_eq!(span.name, "chat gpt-4o");
        assert_json(&span);
    }
}

#[test]
fn bad_values_through_the_opentelemetry_api() {
    let text = "x".repeat(MEGABYTES_10);
    for span in each_policy(|span| {
        span.set_attribute("gen_ai.input.messages", text.clone());
        span.set_attribute("gen_ai.usage.input_tokens", f64::NAN);
        span.set_attribute("gen_ai.usage.output_tokens", -1_i64);
        span.set_attribute("gen_ai.response.finish_reasons", true);
        span.set_attribute("", "no key");
    }) {
        assert_eq!(span.name, "chat gpt-4o");
        assert_capped(&span, Policy::DEFAULT_MAX_BYTES as usize);
        assert_eq!(span.int("gen_ai.usage.input_tokens"), None, "{span}");
        assert_json(&span);
    }
}
