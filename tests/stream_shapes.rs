//! What providers really send: odd chunks, errors in the middle, several choices, and what counts
//! as a token.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use opentelemetry::trace::TracerProvider as _;
use serde_json::{Value as Json, json};
use tracing_genai::inference_span;
use tracing_genai::policy::{ContentCapture, Policy};
use tracing_genai::stream::{
    Accumulate, Anthropic, Bedrock, EventStream, Gemini, OpenAiChat, OpenAiResponses, Recorder,
    ServerSentEvents,
};
use tracing_genai_test_support::{ReceivedSpan, SpanSink, SpanStatus};
use tracing_subscriber::prelude::*;

/// The span of a stream of these chunks, ended or dropped.
fn span_of<A: Accumulate<Json>>(
    provider: &'static str,
    accumulator: A,
    chunks: &[Json],
    end: bool,
) -> ReceivedSpan {
    let sink = SpanSink::default();
    let layer = tracing_genai::layer(sink.provider().tracer("test"))
        .policy(Policy::new(ContentCapture::Full));
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    let mut recorder = Recorder::new(inference_span!("chat", provider, "m"), accumulator);
    for chunk in chunks {
        recorder.chunk(chunk);
    }
    if end {
        recorder.end();
    }
    drop(recorder);
    let mut spans = sink.take();
    assert_eq!(spans.len(), 1);
    spans.remove(0)
}

fn openai(chunks: &[Json]) -> ReceivedSpan {
    span_of("openai", OpenAiChat::new(), chunks, true)
}

fn text(span: &ReceivedSpan, choice: usize) -> Json {
    span.json("gen_ai.output.messages").unwrap()[choice]["parts"][0]["content"].clone()
}

#[test]
fn nulls_and_wrong_shapes_say_nothing() {
    let span = openai(&[
        json!(null),
        json!([]),
        json!("[DONE]"),
        json!({"choices": null, "usage": null, "id": null, "model": 7, "error": null}),
        json!({"choices": [null, 7, {}, {"index": null, "delta": null, "finish_reason": null}]}),
        json!({"choices": [{"index": -1, "delta": {"content": null, "tool_calls": null}}]}),
        json!({"choices": [{"delta": {"content": "a", "tool_calls": [null, {}, {"function": 7}]}}]}),
        json!({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {"prompt_tokens": -3,
               "completion_tokens": "many", "prompt_tokens_details": null}}),
    ]);
    assert_eq!(text(&span, 0), "a");
    assert!(!span.has("tracing_genai.outcome"), "{span}");
    assert!(!span.has("gen_ai.usage.input_tokens") && !span.has("gen_ai.usage.output_tokens"));

    for chunk in [
        json!(null),
        json!({"type": null}),
        json!({"type": "content_block_start",
        "content_block": null}),
        json!({"type": "content_block_delta", "delta": 7}),
        json!({"type": "message_start", "message": null}),
        json!({"type": "message_delta",
        "delta": null, "usage": null}),
        json!({"type": "surprise"}),
        json!({"type": "ping"}),
        json!({"candidates": null}),
        json!({"candidates": [{"content": {"parts": [null]}}]}),
        json!({"usageMetadata": null, "promptFeedback": null}),
        json!({"contentBlockDelta": null}),
        json!({"metadata": null}),
        json!({"messageStop": null}),
        json!({"response": null}),
    ] {
        let chunk = &[chunk];
        for span in [
            span_of("anthropic", Anthropic::new(), chunk, false),
            span_of("gcp.gemini", Gemini::new(), chunk, false),
            span_of("aws.bedrock", Bedrock::new(), chunk, false),
            span_of("openai", OpenAiResponses::new(), chunk, false),
        ] {
            assert!(!span.has("error.type") && !span.has("gen_ai.usage.input_tokens"), "{span}");
        }
    }
}

#[test]
fn choices_that_come_interleaved_are_kept_apart_and_must_all_finish() {
    let say =
        |index: u64, word: &str| json!({"choices": [{"index": index, "delta": {"content": word}}]});
    let stop = |index: u64, why: &str| json!({"choices": [{"index": index, "delta": {}, "finish_reason": why}]});
    let chunks = [say(1, "b"), say(0, "a"), stop(0, "stop"), say(1, "B"), stop(1, "length")];
    let span = openai(&chunks);
    assert_eq!((text(&span, 0), text(&span, 1)), (json!("a"), json!("bB")));
    assert_eq!(span.strings("gen_ai.response.finish_reasons"), Some(vec!["stop", "length"]));
    assert!(!span.has("tracing_genai.outcome"));

    // One of two has finished: the answer has not.
    for capture in [ContentCapture::Off, ContentCapture::Full] {
        let sink = SpanSink::default();
        let layer = tracing_genai::layer(sink.provider().tracer("test")).content_capture(capture);
        let _guard = tracing_subscriber::registry().with(layer).set_default();
        let mut recorder = Recorder::new(inference_span!("chat", "openai", "m"), OpenAiChat::new());
        chunks[..4].iter().for_each(|chunk| recorder.chunk(chunk));
        drop(recorder);
        assert_eq!(sink.take()[0].str("tracing_genai.outcome"), Some("cancelled"));
    }

    // A choice need not be the first.
    let span = openai(&[say(3, "only"), stop(3, "stop")]);
    assert_eq!(text(&span, 0), "only");
    assert!(!span.has("tracing_genai.outcome"), "{span}");
}

#[test]
fn indexes_decide_nothing_about_memory() {
    let huge = u64::MAX;
    let info = allocation_counter::measure(|| {
        let mut chunks: Vec<Json> = (0..1000)
            .map(|at| {
                json!({"choices": [{"index": huge - at, "delta": {"tool_calls":
                [{"index": huge - at, "id": "c", "function": {"name": "f", "arguments": "{}"}}]}}]})
            })
            .collect();
        chunks.push(json!({"choices": [{"index": huge, "delta": {}, "finish_reason": "stop"}]}));
        let span = openai(&chunks);
        assert!(span.str("gen_ai.output.messages").unwrap().len() < 64 << 10);
    });
    assert!(info.bytes_max < 16 << 20, "{} bytes", info.bytes_max);
}

#[test]
fn tool_calls_in_any_order_are_put_together_by_their_index() {
    let call = |index: u64, id: &str, name: &str, more: &str| {
        json!({"choices": [{"index": 0, "delta": {"tool_calls": [
            {"index": index, "id": id, "function": {"name": name, "arguments": more}}]}}]})
    };
    let span = openai(&[
        call(1, "c1", "second", "{\"b\":"),
        call(0, "c0", "first", "{\"a\""),
        call(1, "", "", "2}"),
        call(0, "", "", ":1}"),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "tool_calls"}]}),
    ]);
    let parts = span.json("gen_ai.output.messages").unwrap()[0]["parts"].clone();
    assert_eq!(
        parts,
        json!([
            {"type": "tool_call", "id": "c1", "name": "second", "arguments": {"b": 2}},
            {"type": "tool_call", "id": "c0", "name": "first", "arguments": {"a": 1}},
        ])
    );
}

#[test]
fn azure_chunks_about_filters_and_refusals_are_read() {
    let span = openai(&[
        json!({"id": "", "model": "", "object": "", "choices": [], "prompt_filter_results": [
            {"prompt_index": 0, "content_filter_results": {"hate": {"filtered": false}}}]}),
        json!({"id": "c-1", "model": "gpt-4o", "choices": [{"index": 0,
            "delta": {"role": "assistant", "content": null, "refusal": "I cannot"}}]}),
        json!({"id": "c-1", "choices": [{"index": 0, "delta": {"refusal": " help."}}]}),
        json!({"choices": [{"index": 0, "finish_reason": null,
            "content_filter_results": {"hate": {"filtered": true}},
            "content_filter_offsets": {"check_offset": 44}}]}),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "content_filter"}]}),
    ]);
    assert_eq!(text(&span, 0), "I cannot help.");
    assert_eq!(span.str("gen_ai.response.id"), Some("c-1"));
    assert_eq!(span.strings("gen_ai.response.finish_reasons"), Some(vec!["content_filter"]));
    assert_eq!(span.status, SpanStatus::Unset);
}

#[test]
fn an_error_in_the_middle_fails_what_was_begun() {
    let begun = json!({"choices": [{"index": 0, "delta": {"content": "Hel"}}]});
    let error = json!({"error": {"message": "The server had an error", "type": "server_error"}});
    let span = openai(&[begun, error]);
    assert_eq!(span.str("error.type"), Some("server_error"));
    assert_eq!(span.strings("gen_ai.response.finish_reasons"), Some(vec!["error"]));
    assert_eq!(text(&span, 0), "Hel");

    let gemini =
        [json!({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}})];
    let span = span_of("gcp.gemini", Gemini::new(), &gemini, true);
    assert_eq!(span.str("error.type"), Some("UNAVAILABLE"));

    for (exception, ends) in [("throttlingException", true), ("modelStreamErrorException", false)] {
        let chunks = [
            json!({"messageStart": {"role": "assistant"}}),
            json!({exception: {"message": "Too many requests"}}),
        ];
        let span = span_of("aws.bedrock", Bedrock::new(), &chunks, ends);
        assert_eq!(span.str("error.type"), Some(exception));
        assert_eq!(span.str("tracing_genai.outcome"), Some("error"));
        assert_eq!(span.status, SpanStatus::Error("Too many requests".into()));
    }
}

/// A frame of an event stream; checksums are not looked at.
fn frame(headers: &[(&str, &str)], payload: &str) -> Vec<u8> {
    let mut head = Vec::new();
    for (name, value) in headers {
        head.push(u8::try_from(name.len()).unwrap());
        head.extend_from_slice(name.as_bytes());
        head.push(7);
        head.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        head.extend_from_slice(value.as_bytes());
    }
    let length = u32::try_from(12 + head.len() + payload.len() + 4).unwrap();
    let mut frame = length.to_be_bytes().to_vec();
    frame.extend_from_slice(&u32::try_from(head.len()).unwrap().to_be_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame.extend_from_slice(&head);
    frame.extend_from_slice(payload.as_bytes());
    frame.extend_from_slice(&[0; 4]);
    frame
}

#[test]
fn frames_of_errors_and_exceptions_fail_the_span() {
    let exception = frame(
        &[(":exception-type", "throttlingException"), (":message-type", "exception")],
        r#"{"message":"slow down"}"#,
    );
    let error = frame(
        &[
            (":error-code", "InternalError"),
            (":message-type", "error"),
            (":error-message", "An internal server error occurred"),
        ],
        "",
    );
    for (frame, kind, message) in [
        (exception, "throttlingException", "slow down"),
        (error, "InternalError", "An internal server error occurred"),
    ] {
        let sink = SpanSink::default();
        let layer = tracing_genai::layer(sink.provider().tracer("test"));
        let _guard = tracing_subscriber::registry().with(layer).set_default();
        let events = EventStream::new(Bedrock::new());
        let mut recorder = Recorder::new(inference_span!("chat", "aws.bedrock", "m"), events);
        frame.chunks(7).for_each(|piece| recorder.chunk(piece));
        recorder.end();
        let span = &sink.take()[0];
        assert_eq!(span.str("error.type"), Some(kind));
        assert_eq!(span.status, SpanStatus::Error(message.into()));
    }
}

#[test]
fn server_sent_events_with_everything_around_the_data() {
    let sink = SpanSink::default();
    let layer =
        tracing_genai::layer(sink.provider().tracer("test")).content_capture(ContentCapture::Full);
    let _guard = tracing_subscriber::registry().with(layer).set_default();
    let body = "\u{feff}: a comment\r\nretry: 10\r\n\r\nevent: message\r\nid: 1\r\n\
        data:{\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\r\n\r\n\
        data: {\"choices\":[{\"delta\":{\"content\":\r\ndata: \"b\"},\"finish_reason\":\"stop\"}]}\r\n\r\n\
        data: not json\n\ndata\n\ndata:\n\ndata: [DONE]\r\n\r\n";
    for size in [1, 7, body.len()] {
        let events = ServerSentEvents::new(OpenAiChat::new());
        let mut recorder = Recorder::new(inference_span!("chat", "openai", "m"), events);
        body.as_bytes().chunks(size).for_each(|piece| recorder.chunk(piece));
        recorder.end();
        let span = &sink.take()[0];
        assert_eq!(text(span, 0), "ab", "{size}: {span}");
        assert!(!span.has("tracing_genai.outcome"), "{size}: {span}");
    }
}

/// Input, output, cache read, cache write, reasoning.
fn tokens(span: &ReceivedSpan) -> [Option<i64>; 5] {
    [
        "gen_ai.usage.input_tokens",
        "gen_ai.usage.output_tokens",
        "gen_ai.usage.cache_read.input_tokens",
        "gen_ai.usage.cache_creation.input_tokens",
        "gen_ai.usage.reasoning.output_tokens",
    ]
    .map(|key| span.int(key))
}

#[test]
fn cached_input_of_anthropic_and_bedrock_is_counted_in_and_only_once() {
    // Less input than cache, more input than cache, and nothing but cache.
    for (uncached, read, write) in [(10, 100, 7), (500, 100, 0), (0, 100, 0), (3, 0, 900)] {
        let usage = json!({"input_tokens": uncached, "cache_read_input_tokens": read,
                           "cache_creation_input_tokens": write, "output_tokens": 1});
        let stop = |usage: Json| {
            json!({"type": "message_delta", "usage": usage,
                                        "delta": {"stop_reason": "end_turn"}})
        };
        let all = uncached + read + write;
        // The last event repeats all counts, or only the output's.
        for last in [
            json!({"output_tokens": 20}),
            json!({"input_tokens": uncached,
            "cache_read_input_tokens": read, "cache_creation_input_tokens": write,
            "output_tokens": 20}),
            json!({"input_tokens": null, "output_tokens": 20}),
        ] {
            let chunks = [
                json!({"type": "message_start", "message": {"id": "m", "usage": usage}}),
                json!({"type": "ping"}),
                stop(last),
                json!({"type": "message_stop"}),
            ];
            let span = span_of("anthropic", Anthropic::new(), &chunks, true);
            assert_eq!(tokens(&span), [Some(all), Some(20), Some(read), Some(write), None]);
        }
        let chunks = [
            json!({"messageStop": {"stopReason": "end_turn"}}),
            json!({"metadata":
            {"usage": {"inputTokens": uncached, "outputTokens": 20, "totalTokens": all + 20,
             "cacheReadInputTokens": read, "cacheWriteInputTokens": write}}}),
        ];
        let span = span_of("aws.bedrock", Bedrock::new(), &chunks, true);
        assert_eq!(tokens(&span), [Some(all), Some(20), Some(read), Some(write), None]);
    }
}

#[test]
fn thoughts_of_gemini_are_output_and_what_tools_returned_is_input() {
    let of = |usage: Json| {
        let last = json!({"candidates": [{"finishReason": "STOP"}], "usageMetadata": usage});
        tokens(&span_of("gcp.gemini", Gemini::new(), &[last], true))
    };
    let all = json!({"promptTokenCount": 25, "candidatesTokenCount": 12, "thoughtsTokenCount": 3,
                     "toolUsePromptTokenCount": 8, "cachedContentTokenCount": 20,
                     "totalTokenCount": 48});
    assert_eq!(of(all), [Some(33), Some(15), Some(20), None, Some(3)]);
    // Everything was spent on thinking.
    let thought = json!({"promptTokenCount": 5, "thoughtsTokenCount": 90});
    assert_eq!(of(thought), [Some(5), Some(90), None, None, Some(90)]);
    // Counts grow from chunk to chunk.
    let chunk = |usage: Json| {
        json!({"candidates": [{"content": {"parts": [{"text": "a"}]}}],
                                     "usageMetadata": usage})
    };
    let chunks = [
        chunk(json!({"promptTokenCount": 5, "thoughtsTokenCount": 7})),
        chunk(json!({"promptTokenCount": 5, "candidatesTokenCount": 2})),
        json!({"candidates": [{"finishReason": "STOP"}],
               "usageMetadata": {"promptTokenCount": 5, "candidatesTokenCount": 4,
                                 "thoughtsTokenCount": 7}}),
    ];
    let whole = span_of("gcp.gemini", Gemini::new(), &chunks, true);
    assert_eq!(tokens(&whole), [Some(5), Some(11), None, None, Some(7)]);
    let cut = span_of("gcp.gemini", Gemini::new(), &chunks[..2], false);
    assert_eq!(tokens(&cut), [Some(5), Some(9), None, None, Some(7)]);
    assert_eq!(cut.bool("tracing_genai.usage.partial"), Some(true));
}

#[test]
fn what_openai_details_is_part_of_its_counts() {
    let chat = json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}], "usage":
        {"prompt_tokens": 100, "completion_tokens": 30,
         "prompt_tokens_details": {"cached_tokens": 64},
         "completion_tokens_details": {"reasoning_tokens": 25}}});
    assert_eq!(tokens(&openai(&[chat])), [Some(100), Some(30), Some(64), None, Some(25)]);
    let responses = json!({"type": "response.completed", "response": {"id": "r", "usage":
        {"input_tokens": 100, "output_tokens": 30, "input_tokens_details": {"cached_tokens": 64},
         "output_tokens_details": {"reasoning_tokens": 25}}}});
    let span = span_of("openai", OpenAiResponses::new(), &[responses], true);
    assert_eq!(tokens(&span), [Some(100), Some(30), Some(64), None, Some(25)]);
}

#[test]
fn usage_in_several_chunks_is_the_last_one_said() {
    let chunk = |word: &str, output: u64| {
        json!({"choices": [{"index": 0, "delta": {"content": word}}],
               "usage": {"prompt_tokens": 9, "completion_tokens": output}})
    };
    let chunks = [
        chunk("a", 1),
        chunk("b", 2),
        json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}),
        json!({"choices": [], "usage": {"prompt_tokens": 9, "completion_tokens": 3}}),
    ];
    let whole = openai(&chunks);
    assert_eq!(tokens(&whole)[..2], [Some(9), Some(3)]);
    assert!(!whole.has("tracing_genai.usage.partial"));
    let cut = span_of("openai", OpenAiChat::new(), &chunks[..2], false);
    assert_eq!(tokens(&cut)[..2], [Some(9), Some(2)]);
    assert_eq!(cut.bool("tracing_genai.usage.partial"), Some(true));
}
