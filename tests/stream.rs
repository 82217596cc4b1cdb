//! What a streamed answer leaves on its span.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
#![expect(clippy::print_stderr, reason = "a skipped test says so")]

use std::path::Path;
use std::time::{Duration, Instant};

use futures_util::StreamExt;
use futures_util::stream;
use opentelemetry::trace::TracerProvider as _;
use serde_json::{Value as Json, json};
use tracing::instrument::WithSubscriber;
use tracing_genai::inference_span;
use tracing_genai::policy::{ContentCapture, Policy};
use tracing_genai::stream::{
    Accumulate, Answer, Anthropic, Bedrock, Chunks, EventStream, Gemini, GenAiStreamExt,
    OpenAiChat, OpenAiResponses, Recorder, ServerSentEvents,
};
use tracing_genai_test_support::{ReceivedSpan, SpanSink, SpanStatus};
use tracing_subscriber::prelude::*;

fn spans_under(policy: Policy, work: impl Future<Output = ()>) -> Vec<ReceivedSpan> {
    let sink = SpanSink::default();
    let layer = tracing_genai::layer(sink.provider().tracer("test")).policy(policy);
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap()
        .block_on(work.with_subscriber(dispatch));
    sink.take()
}

fn full() -> Policy {
    Policy::new(ContentCapture::Full)
}

/// One stream, read to its end.
fn read<A>(policy: Policy, chunks: Vec<Json>, accumulator: A) -> ReceivedSpan
where
    A: Accumulate<Json>,
{
    let mut spans = spans_under(policy, async {
        let span = inference_span!("chat", "openai", "gpt-4o");
        let answer = stream::iter(chunks).traced(span, accumulator);
        answer.collect::<Vec<_>>().await;
    });
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

fn openai_chat() -> Vec<Json> {
    vec![
        json!({"id": "c-1", "model": "gpt-4o-2024-08-06", "service_tier": "default", "choices": [
            {"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        json!({"id": "c-1", "model": "gpt-4o-2024-08-06", "choices": [
            {"index": 0, "delta": {"reasoning_content": "Hm."}}]}),
        json!({"choices": [{"index": 0, "delta": {"content": "Look"}}]}),
        json!({"choices": [{"index": 0, "delta": {"content": "ing."}}]}),
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "id": "call_1", "function": {"name": "weather", "arguments": "{\"ci"}}]}}]}),
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": 0, "function": {"arguments": "ty\":\"Oslo\"}"}}]}}]}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
        json!({"choices": [], "usage": {"prompt_tokens": 25, "completion_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 5},
            "completion_tokens_details": {"reasoning_tokens": 3}}}),
    ]
}

#[test]
fn a_stream_read_to_its_end_is_one_complete_span() {
    let span = read(full(), openai_chat(), OpenAiChat::new());
    assert_eq!(span.name, "chat gpt-4o");
    assert_eq!(span.status, SpanStatus::Unset);
    assert_eq!(span.bool("gen_ai.request.stream"), Some(true));
    assert_eq!(span.str("gen_ai.response.id"), Some("c-1"));
    assert_eq!(span.str("gen_ai.response.model"), Some("gpt-4o-2024-08-06"));
    assert_eq!(span.str("openai.response.service_tier"), Some("default"));
    assert_eq!(span.strings("gen_ai.response.finish_reasons"), Some(vec!["tool_call"]));
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(25));
    assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(9));
    assert_eq!(span.int("gen_ai.usage.cache_read.input_tokens"), Some(5));
    assert_eq!(span.int("gen_ai.usage.reasoning.output_tokens"), Some(3));
    assert!(span.double("gen_ai.response.time_to_first_chunk").unwrap() >= 0.0);
    assert_eq!(span.int("tracing_genai.stream.chunks"), Some(5));
    assert!(!span.has("tracing_genai.outcome") && !span.has("tracing_genai.usage.partial"));
    assert_eq!(
        span.json("gen_ai.output.messages").unwrap(),
        json!([{"role": "assistant", "finish_reason": "tool_call", "parts": [
            {"type": "reasoning", "content": "Hm."},
            {"type": "text", "content": "Looking."},
            {"type": "tool_call", "id": "call_1", "name": "weather", "arguments": {"city": "Oslo"}},
        ]}])
    );
    assert_eq!(span.duplicate_keys(), Vec::<&str>::new());
}

#[test]
fn with_capture_off_no_text_is_kept() {
    let span = read(Policy::default(), openai_chat(), OpenAiChat::new());
    assert!(!span.has("gen_ai.output.messages"));
    assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(9));
    assert_eq!(span.int("tracing_genai.stream.chunks"), Some(5));
}

#[test]
fn content_is_bounded_and_says_so() {
    let chunk = json!({"choices": [{"delta": {"content": "x".repeat(1000)}}]});
    let span = read(full().with_max_bytes(4096), vec![chunk; 1000], OpenAiChat::new());
    let messages = span.str("gen_ai.output.messages").unwrap();
    assert!(messages.len() <= 4096, "{}", messages.len());
    assert!(span.json("gen_ai.output.messages").is_some());
}

#[test]
fn anthropic_counts_cached_input_in_and_knows_partial_usage() {
    let chunks = vec![
        json!({"type": "message_start", "message": {"id": "m", "model": "claude-x", "usage":
            {"input_tokens": 10, "cache_read_input_tokens": 100, "cache_creation_input_tokens": 7,
             "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "thinking", "thinking": ""}}),
        json!({"type": "content_block_delta", "index": 0, "delta": {"type": "thinking_delta", "thinking": "Hm"}}),
        json!({"type": "content_block_start", "index": 1, "content_block": {"type": "tool_use", "id": "t1", "name": "f", "input": {}}}),
        json!({"type": "content_block_delta", "index": 1, "delta": {"type": "input_json_delta", "partial_json": "{}"}}),
    ];
    let span = read(full(), chunks.clone(), Anthropic::new());
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(117));
    assert_eq!(span.bool("tracing_genai.usage.partial"), Some(true));
    assert_eq!(span.str("tracing_genai.outcome"), Some("error"));
    assert_eq!(span.str("error.type"), Some("incomplete_stream"));
    assert_eq!(span.strings("gen_ai.response.finish_reasons"), Some(vec!["error"]));

    let mut whole = chunks;
    whole.push(json!({"type": "message_delta", "delta": {"stop_reason": "tool_use"}, "usage": {"output_tokens": 33}}));
    whole.push(json!({"type": "message_stop"}));
    let span = read(full(), whole, Anthropic::new());
    assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(33));
    assert_eq!(span.int("gen_ai.usage.cache_creation.input_tokens"), Some(7));
    assert!(!span.has("tracing_genai.usage.partial") && !span.has("tracing_genai.outcome"));
    assert_eq!(span.strings("gen_ai.response.finish_reasons"), Some(vec!["tool_call"]));
}

#[test]
fn a_provider_error_in_the_stream_fails_the_span() {
    let chunks = vec![
        json!({"type": "message_start", "message": {"id": "m"}}),
        json!({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}),
    ];
    let span = read(full(), chunks, Anthropic::new());
    assert_eq!(span.str("error.type"), Some("overloaded_error"));
    assert_eq!(span.status, SpanStatus::Error("Overloaded".into()));
    assert_eq!(span.str("tracing_genai.outcome"), Some("error"));
}

#[test]
fn an_error_item_fails_the_span() {
    let spans = spans_under(Policy::default(), async {
        let chunks = stream::iter([
            Ok(json!({"choices": [{"delta": {"content": "a"}}]})),
            Err(std::io::Error::other("connection reset by `peer`")),
        ]);
        let span = inference_span!("chat", "openai", "gpt-4o");
        chunks.try_traced(span, OpenAiChat::new()).collect::<Vec<_>>().await;
    });
    assert_eq!(spans[0].str("error.type"), Some("std::io::error::Error"));
    assert_eq!(spans[0].status, SpanStatus::Error("connection reset by …".into()));
    assert_eq!(spans[0].str("tracing_genai.outcome"), Some("error"));
}

#[test]
fn a_drop_is_cancelled_unless_the_last_word_was_said() {
    let outcome = |take: usize, deadline: Option<Instant>| {
        let spans = spans_under(Policy::default(), async move {
            let span = inference_span!("chat", "openai", "gpt-4o");
            let mut answer = stream::iter(openai_chat()).traced(span, OpenAiChat::new());
            if let Some(deadline) = deadline {
                answer = answer.deadline(deadline);
            }
            for _ in 0..take {
                answer.next().await;
            }
        });
        assert_eq!(spans.len(), 1);
        (
            spans[0].str("tracing_genai.outcome").map(str::to_owned),
            spans[0].strings("gen_ai.response.finish_reasons").map(|list| list.join(",")),
        )
    };
    let said = |outcome: &str, reason: &str| (Some(outcome.to_owned()), Some(reason.to_owned()));
    assert_eq!(outcome(0, None), (Some("cancelled".to_owned()), None));
    assert_eq!(outcome(3, None), said("cancelled", "error"));
    assert_eq!(outcome(7, None), (None, Some("tool_call".to_owned())));
    assert_eq!(outcome(8, None), (None, Some("tool_call".to_owned())));
    let later = Instant::now() + Duration::from_secs(600);
    assert_eq!(outcome(3, Some(later)), said("cancelled", "error"));
}

#[test]
fn the_stream_runs_inside_of_its_span() {
    let spans = spans_under(Policy::default(), async {
        let span = inference_span!("chat", "openai", "gpt-4o");
        let chunks = stream::iter(0..2).map(|_| tracing::info_span!("inner").in_scope(|| "word"));
        chunks.traced(span, Chunks::new()).collect::<Vec<_>>().await;
    });
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["inner", "inner", "chat gpt-4o"]);
    assert!(spans[..2].iter().all(|inner| inner.parent.as_ref() == Some(&spans[2].span_id)));
    assert_eq!(spans[2].int("tracing_genai.stream.chunks"), Some(2));
    assert!(spans[2].end_ns >= spans[1].end_ns);
}

#[test]
fn a_plain_span_works_too() {
    let spans = spans_under(full(), async {
        let span = tracing::info_span!("mine");
        stream::iter(openai_chat()).traced(span, OpenAiChat::new()).collect::<Vec<_>>().await;
    });
    assert_eq!(spans[0].int("gen_ai.usage.output_tokens"), Some(9));
    assert!(spans[0].json("gen_ai.output.messages").is_some());
}

/// What must hold wherever a stream was cut.
fn check_cut(span: &ReceivedSpan, whole: &ReceivedSpan, at: &str) {
    if span.has("gen_ai.output.messages") {
        let messages = span.json("gen_ai.output.messages");
        assert!(messages.is_some_and(|it| it[0]["parts"].is_array()), "{at}: {span}");
    }
    assert_eq!(span.duplicate_keys(), Vec::<&str>::new(), "{at}");
    for key in ["gen_ai.usage.input_tokens", "gen_ai.usage.output_tokens"] {
        let (cut, all) = (span.int(key), whole.int(key));
        assert!(cut.is_none() || cut <= all, "{at}: {key} {cut:?} of {all:?}");
        if cut.is_some() && cut != all {
            assert_eq!(span.bool("tracing_genai.usage.partial"), Some(true), "{at}: {span}");
        }
    }
    match span.str("tracing_genai.outcome") {
        None => {
            let reasons = "gen_ai.response.finish_reasons";
            assert_eq!(span.strings(reasons), whole.strings(reasons), "{at}: {span}");
            assert_eq!(span.status, SpanStatus::Unset, "{at}");
        }
        Some(outcome) => assert_eq!(outcome, "cancelled", "{at}: {span}"),
    }
}

fn cut_everywhere<A>(name: &str, body: &[u8], accumulator: impl Fn() -> A)
where
    A: Accumulate<[u8]>,
{
    let sink = SpanSink::default();
    let layer = tracing_genai::layer(sink.provider().tracer("test")).policy(full());
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    let deliver = |pieces: &[&[u8]], end: bool| {
        let span = inference_span!("chat", "openai", "gpt-4o");
        let mut recorder = Recorder::new(span, accumulator());
        for piece in pieces {
            recorder.chunk(piece);
        }
        if end {
            recorder.end();
        }
        drop(recorder);
        let mut spans = sink.take();
        assert_eq!(spans.len(), 1, "{name}");
        spans.remove(0)
    };
    let whole = deliver(&[body], true);
    assert!(!whole.has("tracing_genai.outcome"), "{name}: {whole}");
    assert!(whole.has("gen_ai.usage.output_tokens"), "{name}: {whole}");
    for cut in 0..body.len() {
        let (before, after) = body.split_at(cut);
        check_cut(&deliver(&[before], false), &whole, &format!("{name} cut at {cut}"));
        let joined = deliver(&[before, after], true);
        let facts = |span: &ReceivedSpan| {
            let mut attrs = span.attrs.clone();
            attrs.retain(|(key, _)| {
                !key.ends_with("time_to_first_chunk") && !key.ends_with("stream.chunks")
            });
            attrs
        };
        assert_eq!(facts(&joined), facts(&whole), "{name} in two pieces at {cut}");
    }
}

fn lines(events: Vec<Json>, done: bool) -> Vec<u8> {
    let mut body: String = events.iter().map(|event| format!("data: {event}\n\n")).collect();
    if done {
        body.push_str("data: [DONE]\n\n");
    }
    body.into_bytes()
}

#[test]
fn a_stream_cut_at_every_byte_is_one_truthful_span() {
    cut_everywhere("openai chat", &lines(openai_chat(), true), || {
        ServerSentEvents::new(OpenAiChat::new())
    });
    let gemini = vec![
        json!({"candidates": [{"index": 0, "content": {"parts": [{"text": "é "}]}}],
               "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 1}}),
        json!({"candidates": [{"index": 0, "content": {"parts": [{"functionCall":
               {"name": "f", "args": {"a": [1]}}}]}, "finishReason": "STOP"}],
               "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 5,
                                 "thoughtsTokenCount": 2}}),
    ];
    cut_everywhere(
        "gemini",
        &lines(gemini.clone(), false),
        || ServerSentEvents::new(Gemini::new()),
    );
    let array = format!("[{}\n,\n{}\n]", gemini[0], gemini[1]);
    cut_everywhere("gemini array", array.as_bytes(), || ServerSentEvents::new(Gemini::new()));
}

#[test]
fn recorded_streams_cut_at_every_byte() {
    let folder =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/fixtures/provider-responses");
    if !folder.is_dir() {
        eprintln!("skipped: no recorded provider responses here");
        return;
    }
    let body = |file: &str| std::fs::read(folder.join(file)).unwrap();
    for file in ["openai-chat-stream.sse", "openai-chat-tools-stream.sse"] {
        cut_everywhere(file, &body(file), || ServerSentEvents::new(OpenAiChat::new()));
    }
    let file = "openai-responses-stream.sse";
    cut_everywhere(file, &body(file), || ServerSentEvents::new(OpenAiResponses::new()));
    for file in ["anthropic-messages-stream.sse", "anthropic-messages-tools-stream.sse"] {
        cut_everywhere(file, &body(file), || ServerSentEvents::new(Anthropic::new()));
    }
    for file in ["gemini-stream.json", "gemini-stream-alt-sse.json", "vertex-stream-sse.sse"] {
        cut_everywhere(file, &body(file), || ServerSentEvents::new(Gemini::new()));
    }
    let file = "vertex-stream-array.json";
    cut_everywhere(file, &body(file), || ServerSentEvents::new(Gemini::new()));
    let file = "bedrock-converse-stream.bin";
    cut_everywhere(file, &body(file), || EventStream::new(Bedrock::new()));
}

#[test]
fn hostile_bytes_are_harmless() {
    let sink = SpanSink::default();
    let layer = tracing_genai::layer(sink.provider().tracer("test")).policy(full());
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    let long = vec![b'x'; 3 << 20];
    for piece in
        [&[0xff_u8; 64][..], b"data: {\"choices\": 7}\n", b"\0\0\0\x01\0\0\0\0", &long, b"}\n{}\n"]
    {
        let mut sse = Recorder::new(
            inference_span!("chat", "a", "b"),
            ServerSentEvents::new(OpenAiChat::new()),
        );
        let mut frames =
            Recorder::new(inference_span!("chat", "a", "b"), EventStream::new(Bedrock::new()));
        for _ in 0..3 {
            sse.chunk(piece);
            frames.chunk(piece);
        }
    }
    assert_eq!(sink.take().len(), 10);
}

#[test]
fn an_accumulator_of_ones_own() {
    struct Words;
    impl Accumulate<&'static str> for Words {
        fn observe(&mut self, word: &&'static str, answer: &mut Answer) {
            if *word == "." { answer.finish(0, "stop") } else { answer.text(0, word) }
        }
    }
    let spans = spans_under(full(), async {
        let span = inference_span!("chat", "own", "words");
        stream::iter(["one ", "two", "."]).traced(span, Words).collect::<Vec<_>>().await;
    });
    assert_eq!(
        spans[0].json("gen_ai.output.messages").unwrap()[0]["parts"],
        json!([{"type": "text", "content": "one two"}])
    );
}
