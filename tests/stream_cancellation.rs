//! However a streamed call ends, it leaves one span, closed before its parent.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::{Duration, Instant};

use futures_util::{Stream, StreamExt, stream};
use opentelemetry::trace::TracerProvider as _;
use serde_json::{Value as Json, json};
use tokio::sync::oneshot;
use tracing::instrument::WithSubscriber;
use tracing::{Instrument, info_span};
use tracing_genai::inference_span;
use tracing_genai::stream::{GenAiStreamExt, OpenAiChat};
use tracing_genai_test_support::{ReceivedSpan, SpanSink};
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
