//! However a streamed call ends, it leaves one span, closed before its parent.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt, stream};
use opentelemetry::trace::{TraceContextExt, TracerProvider as _};
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;
use tracing::instrument::WithSubscriber;
use tracing::{Instrument, info_span};
use tracing_genai::gateway::{Request, Upstream};
use tracing_genai::inference_span;
use tracing_genai::stream::{Accumulate, Answer, Chunks, GenAiStreamExt, OpenAiChat, Recorder};
use tracing_genai_test_support::{ReceivedSpan, SpanSink, SpanStatus};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::prelude::*;

fn watched() -> (SpanSink, tracing::Dispatch) {
    let sink = SpanSink::default();
    let layer = tracing_genai::layer(sink.provider().tracer("test"));
    (sink.clone(), tracing::Dispatch::new(tracing_subscriber::registry().with(layer)))
}

/// Two chunks at once, then silence.
fn stalling() -> impl Stream<Item = Json> {
    let word = |word: &str| json!({"choices": [{"index": 0, "delta": {"content": word}}]});
    stream::iter([word("one"), word("two")]).chain(stream::pending())
}

/// A handler that reads `chunks` of the stream, says so and then goes on reading for ever.
async fn handler(chunks: usize, reached: Option<oneshot::Sender<()>>, deadline: Option<Instant>) {
    async move {
        let mut answer =
            stalling().traced(inference_span!("chat", "openai", "m"), OpenAiChat::new());
        if let Some(deadline) = deadline {
            answer = answer.deadline(deadline);
        }
        let mut answer = std::pin::pin!(answer);
        for _ in 0..chunks {
            answer.next().await;
        }
        if let Some(reached) = reached {
            reached.send(()).unwrap();
        }
        answer.next().await;
        std::future::pending::<()>().await;
    }
    .instrument(info_span!("handler"))
    .await;
}

#[track_caller]
fn check(sink: &SpanSink, outcome: Option<&str>, chunks: Option<i64>) {
    let spans = sink.take();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["chat m", "handler"]);
    let [chat, handler]: &[ReceivedSpan; 2] = spans.as_slice().try_into().unwrap();
    assert_eq!(chat.parent.as_ref(), Some(&handler.span_id));
    assert!(chat.end_ns <= handler.end_ns && chat.start_ns >= handler.start_ns);
    assert_eq!(chat.str("tracing_genai.outcome"), outcome, "{chat}");
    assert_eq!(chat.int("tracing_genai.stream.chunks"), chunks, "{chat}");
    assert!(!chat.has("gen_ai.usage.output_tokens"));
}

#[tokio::test]
async fn dropped_before_the_first_poll() {
    let (sink, dispatch) = watched();
    tracing::dispatcher::with_default(&dispatch, || {
        let handler = info_span!("handler").entered();
        drop(stalling().traced(inference_span!("chat", "openai", "m"), OpenAiChat::new()));
        drop(handler);
    });
    check(&sink, Some("cancelled"), None);
}

#[tokio::test]
async fn select_lost_after_the_first_chunk_and_in_the_middle() {
    for chunks in [1, 2] {
        let (sink, dispatch) = watched();
        let (sender, reached) = oneshot::channel();
        tokio::select! {
            () = handler(chunks, Some(sender), None).with_subscriber(dispatch) => unreachable!(),
            _ = reached => {}
        }
        // The poll in which the signal was sent went on to the chunk after.
        check(&sink, Some("cancelled"), Some(2));
    }
}

#[tokio::test]
async fn timeout_is_a_deadline_where_the_stream_knows_it() {
    let limit = Duration::from_millis(20);
    for (deadline, outcome) in [(true, "deadline"), (false, "cancelled")] {
        let (sink, dispatch) = watched();
        let deadline = deadline.then(|| Instant::now() + limit);
        let call = handler(2, None, deadline).with_subscriber(dispatch);
        assert!(tokio::time::timeout(limit, call).await.is_err());
        check(&sink, Some(outcome), Some(2));
    }
}

#[tokio::test]
async fn panic_in_the_consumer() {
    let (sink, dispatch) = watched();
    let task = async {
        let mut answer =
            stalling().traced(inference_span!("chat", "openai", "m"), OpenAiChat::new());
        answer.next().await;
        panic!("the consumer stumbles");
    };
    let task =
        task.instrument(tracing::dispatcher::with_default(&dispatch, || info_span!("handler")));
    assert!(tokio::spawn(task.with_subscriber(dispatch)).await.unwrap_err().is_panic());
    check(&sink, Some("error"), Some(1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn task_aborted() {
    let (sink, dispatch) = watched();
    let (sender, reached) = oneshot::channel();
    let task = tokio::spawn(handler(2, Some(sender), None).with_subscriber(dispatch));
    reached.await.unwrap();
    task.abort();
    assert!(task.await.unwrap_err().is_cancelled());
    check(&sink, Some("cancelled"), Some(2));
}

#[test]
fn runtime_shut_down() {
    let (sink, dispatch) = watched();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (sender, reached) = oneshot::channel();
    runtime.spawn(handler(2, Some(sender), None).with_subscriber(dispatch));
    runtime.block_on(reached).unwrap();
    drop(runtime);
    check(&sink, Some("cancelled"), Some(2));
}

#[track_caller]
fn wait_for(sink: &SpanSink, spans: usize) {
    let patience = Instant::now() + Duration::from_secs(60);
    while sink.len() < spans {
        assert!(Instant::now() < patience, "{} of {spans} spans", sink.len());
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn word(word: &str) -> Json {
    json!({"choices": [{"index": 0, "delta": {"content": word}}]})
}

#[test]
fn a_stream_that_nobody_touches_any_more_ends_at_its_deadline() {
    let (sink, dispatch) = watched();
    let _guard = dispatch.set_default();
    let handler = info_span!("handler").entered();
    let mut answer = Box::pin(
        stalling()
            .traced(inference_span!("chat", "openai", "m"), OpenAiChat::new())
            .deadline(Instant::now() + Duration::from_millis(50)),
    );
    let mut cx = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
    assert!(answer.as_mut().poll_next(&mut cx).is_ready());
    wait_for(&sink, 1);
    let span = &sink.take()[0];
    assert_eq!(span.name, "chat m");
    assert_eq!(span.str("tracing_genai.outcome"), Some("deadline"));
    assert_eq!(span.str("error.type"), Some("timeout"));
    assert_eq!(span.int("tracing_genai.stream.chunks"), Some(1));
    assert!(matches!(span.status, SpanStatus::Error(_)));

    // The stream itself goes on, and leaves nothing more.
    assert!(answer.as_mut().poll_next(&mut cx).is_ready());
    drop(answer);
    drop(handler);
    let late: Vec<_> = sink.take().into_iter().map(|span| span.name).collect();
    assert_eq!(late, ["handler"]);
}

#[test]
fn at_the_deadline_of_a_gateway_attempt_and_request_end_in_order() {
    let (sink, dispatch) = watched();
    let _guard = dispatch.set_default();
    let mut request = Request::new("chat", "best");
    let attempt = request.attempt(&Upstream::new("openai", "m"));
    let answer = request
        .stream(attempt, stalling(), OpenAiChat::new())
        .deadline(Instant::now() + Duration::from_millis(20));
    wait_for(&sink, 2);
    let spans = sink.take();
    assert_eq!([&*spans[0].name, &*spans[1].name], ["chat m", "chat best"]);
    for span in &spans {
        assert_eq!(span.str("tracing_genai.outcome"), Some("deadline"), "{span}");
        assert_eq!(span.str("error.type"), Some("timeout"), "{span}");
    }
    assert_eq!(spans[0].parent.as_ref(), Some(&spans[1].span_id));
    drop(answer);
    assert!(sink.is_empty());
}

#[test]
fn a_forgotten_stream_expires_with_what_it_has_said() {
    let sink = SpanSink::default();
    let layer =
        tracing_genai::layer(sink.provider().tracer("test")).span_ttl(Duration::from_millis(160));
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));
    let _guard = dispatch.set_default();
    let mut recorder = Recorder::new(inference_span!("chat", "openai", "m"), OpenAiChat::new());
    recorder.chunk(&json!({"id": "c-1", "choices": [{"delta": {"content": "a"}}],
                           "usage": {"prompt_tokens": 5, "completion_tokens": 1}}));
    wait_for(&sink, 1);
    let span = &sink.take()[0];
    assert_eq!(span.str("tracing_genai.outcome"), Some("expired"));
    assert_eq!(span.str("gen_ai.response.id"), Some("c-1"));
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(5));
    assert_eq!(span.bool("tracing_genai.usage.partial"), Some(true));
    recorder.chunk(&word("b"));
    recorder.end();
    assert!(sink.is_empty());
}

#[test]
fn an_answer_that_was_complete_in_time_is_no_timeout() {
    let (sink, dispatch) = watched();
    let _guard = dispatch.set_default();
    let mut recorder = Recorder::new(inference_span!("chat", "openai", "m"), OpenAiChat::new())
        .deadline(Instant::now() + Duration::from_millis(50));
    recorder.chunk(&json!({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}));
    wait_for(&sink, 1);
    let span = &sink.take()[0];
    assert!(!span.has("tracing_genai.outcome") && !span.has("error.type"), "{span}");
}

#[test]
fn misuse_of_a_recorder_is_harmless() {
    let (sink, dispatch) = watched();
    let _guard = dispatch.set_default();
    let recorder = || Recorder::new(inference_span!("chat", "openai", "m"), OpenAiChat::new());

    let mut twice = recorder();
    twice.end();
    twice.chunk(&word("late"));
    twice.fail("late", "too late");
    twice.end();
    drop(twice);
    let span = &sink.take()[0];
    assert!(!span.has("error.type") && !span.has("tracing_genai.stream.chunks"), "{span}");

    let unwound = std::panic::catch_unwind(|| {
        let mut recorder = recorder();
        recorder.chunk(&json!({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}]}));
        recorder.end();
        panic!("for another reason");
    });
    assert!(unwound.is_err());
    let span = &sink.take()[0];
    assert!(!span.has("error.type") && !span.has("tracing_genai.outcome"), "{span}");

    // An accumulator that panics has the panic, and still one span.
    struct Stumbles;
    impl Accumulate<Json> for Stumbles {
        fn observe(&mut self, _: &Json, _: &mut Answer) {
            panic!("cannot read this");
        }
    }
    let unwound = std::panic::catch_unwind(|| {
        Recorder::new(inference_span!("chat", "openai", "m"), Stumbles).chunk(&word("a"));
    });
    assert!(unwound.is_err());
    let spans = sink.take();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].str("error.type"), Some("panic"));
}

#[test]
fn two_wrappers_over_one_span_and_a_span_that_was_ended_before_leave_one_span() {
    let (sink, dispatch) = watched();
    let _guard = dispatch.set_default();
    let span = inference_span!("chat", "openai", "m");
    let mut outer = Recorder::new(span.clone(), OpenAiChat::new());
    let mut inner = Recorder::new(span, OpenAiChat::new());
    for recorder in [&mut inner, &mut outer] {
        recorder.chunk(&json!({"choices": [{"delta": {"content": "a"}, "finish_reason": "stop"}],
                               "usage": {"prompt_tokens": 5, "completion_tokens": 1}}));
        recorder.end();
    }
    let spans = sink.take();
    assert_eq!(spans.len(), 1);
    assert_eq!(spans[0].int("gen_ai.usage.output_tokens"), Some(1));
    assert_eq!(spans[0].duplicate_keys(), Vec::<&str>::new());

    let span = inference_span!("chat", "openai", "m");
    span.context().span().end();
    let mut late = Recorder::new(span, OpenAiChat::new());
    late.chunk(&word("a"));
    drop(late);
    assert_eq!(sink.take().len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn instrumented_nested_and_moved_across_threads_each_stream_is_one_span() {
    let (sink, dispatch) = watched();
    let outer = async {
        let inner = stalling().take(2).traced(inference_span!("chat", "a", "inner"), Chunks::new());
        let mut outer =
            Box::pin(inner.traced(inference_span!("chat", "b", "outer"), Chunks::new()));
        outer.next().await;
        // The rest on another thread, whose default subscriber knows nothing of it.
        let rest = move || {
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            runtime.block_on(outer.collect::<Vec<_>>()).len()
        };
        assert_eq!(std::thread::spawn(rest).join().unwrap(), 1);
    };
    outer
        .instrument(tracing::dispatcher::with_default(&dispatch, || info_span!("handler")))
        .with_subscriber(dispatch)
        .await;
    let spans = sink.take();
    let names: Vec<_> = spans.iter().map(|span| span.name.as_str()).collect();
    assert_eq!(names, ["chat inner", "chat outer", "handler"]);
    for chat in &spans[..2] {
        assert_eq!(chat.parent.as_ref(), Some(&spans[2].span_id));
        assert_eq!(chat.int("tracing_genai.stream.chunks"), Some(2), "{chat}");
        assert!(!chat.has("tracing_genai.outcome"), "{chat}");
    }
}

#[tokio::test]
async fn a_child_of_the_stream_closes_before_it() {
    let (sink, dispatch) = watched();
    tracing::dispatcher::with_default(&dispatch, || {
        let handler = info_span!("handler").entered();
        let held = stream::unfold(None, |_| async {
            // A span that lives in the stream.
            Some((json!({}), Some(info_span!("inner").entered().exit())))
        });
        let mut answer =
            Box::pin(held.traced(inference_span!("chat", "openai", "m"), OpenAiChat::new()));
        let mut cx = std::task::Context::from_waker(futures_util::task::noop_waker_ref());
        assert!(answer.as_mut().poll_next(&mut cx).is_ready());
        drop(answer);
        drop(handler);
    });
    let names: Vec<_> = sink.take().into_iter().map(|span| span.name).collect();
    assert_eq!(names, ["inner", "chat m", "handler"]);
}
