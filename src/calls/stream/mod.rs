//! Streamed answers: one complete span, however the stream ends.
//!
//! [`GenAiStreamExt::traced`] wraps a stream of chunks around a span and hands every chunk on as
//! it is. The span is entered whenever the stream is polled, and ends with the stream:
//!
//! | the stream | `tracing_genai.outcome` | `error.type` |
//! |---|---|---|
//! | came to its end, or was dropped after the provider's last word | not set | |
//! | yielded an error | `error` | the type of the error |
//! | ended before the provider's last word | `error` | `incomplete_stream` |
//! | was dropped before its end | `cancelled` | |
//! | was not over at its [`deadline`](Traced::deadline), polled or not | `deadline` | `timeout` |
//! | was open for longer than a span may be | `expired` | |
//! | was dropped by a panic | `error` | `panic` |
//!
//! On the way it records `gen_ai.request.stream`, the time to the first chunk, the number of
//! chunks (`tracing_genai.stream.chunks`), the response's id and model, finish reasons and usage.
//! Usage that a provider reported before the answer was complete is marked with
//! `tracing_genai.usage.partial = true`; usage it never reported is left out. Where the policy
//! captures output, text, reasoning and tool calls are put together, up to the size of one content
//! attribute; where it does not, no text is copied.
//!
//! What a chunk means is known to an [`Accumulate`]: one for each of the larger providers is here
//! ([`OpenAiChat`], [`OpenAiResponses`], [`Anthropic`], [`Gemini`], [`Bedrock`]), for chunks that
//! are [`serde_json::Value`]s. [`ServerSentEvents`] and [`EventStream`] bring them to streams of
//! bytes, for a proxy that passes bytes on. [`Chunks`] understands nothing and counts.
//!
//! For an API that calls back or is pulled there is [`Recorder`].
//!
//! ```
//! use futures_util::StreamExt;
//! use serde_json::json;
//! use tracing_genai::inference_span;
//! use tracing_genai::stream::{GenAiStreamExt, OpenAiChat};
//!
//! # futures_executor::block_on(async {
//! let chunks = futures_util::stream::iter([
//!     json!({"choices": [{"index": 0, "delta": {"content": "Hello"}}]}),
//!     json!({"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}],
//!            "usage": {"prompt_tokens": 9, "completion_tokens": 1}}),
//! ]);
//! let span = inference_span!("chat", "openai", "gpt-4o");
//! let mut answer = chunks.traced(span, OpenAiChat::new());
//! while let Some(chunk) = answer.next().await {
//!     // as if nothing were around the stream
//! }
//! # });
//! ```

mod accumulate;
mod answer;
mod anthropic;
mod bedrock;
mod clock;
mod event_stream;
mod gemini;
mod openai_chat;
mod openai_responses;
mod progress;
mod read;
mod recorder;
mod sse;

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Instant, SystemTime};

use futures_core::Stream;
use tracing::Span;

pub use accumulate::{Accumulate, Chunks, Fallible};
pub use answer::Answer;
pub use anthropic::Anthropic;
pub use bedrock::Bedrock;
pub use event_stream::EventStream;
pub use gemini::Gemini;
pub use openai_chat::OpenAiChat;
pub use openai_responses::OpenAiResponses;
pub use recorder::Recorder;
pub use sse::ServerSentEvents;

/// Wraps a stream around its span.
pub trait GenAiStreamExt: Stream + Sized {
    /// A stream of chunks.
    fn traced<A: Accumulate<Self::Item>>(self, span: Span, accumulator: A) -> Traced<Self, A> {
        Traced { inner: Some(self), recorder: Recorder::new(span, accumulator) }
    }

    /// A stream of results: chunks until an error.
    fn try_traced<A, T, E>(self, span: Span, accumulator: A) -> Traced<Self, Fallible<A>>
    where
        Self: Stream<Item = Result<T, E>>,
        A: Accumulate<T>,
        E: fmt::Display,
    {
        self.traced(span, Fallible::new(accumulator))
    }
}

impl<S: Stream> GenAiStreamExt for S {}

pin_project_lite::pin_project! {
    /// A stream around which a span is open. See the [module](self).
    #[must_use = "a stream does nothing unless it is polled"]
    pub struct Traced<S, A> {
        // Dropped inside of the span, before it ends.
        #[pin]
        inner: Option<S>,
        recorder: Recorder<A>,
    }

    impl<S, A> PinnedDrop for Traced<S, A> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            {
                let _entered = this.recorder.scope().enter();
                this.inner.set(None);
            }
            this.recorder.abandon();
        }
    }
}

impl<S, A> Traced<S, A> {
    pub(crate) fn around(stream: S, recorder: Recorder<A>) -> Self {
        Self { inner: Some(stream), recorder }
    }

    /// When the caller gives up. The span ends then, unless it has ended before, also when nobody
    /// polls or drops the stream. The stream itself goes on as it is.
    pub fn deadline(mut self, at: Instant) -> Self {
        self.recorder.set_deadline(at);
        self
    }

    /// When the request was made. Defaults to the start of the span.
    pub fn issued_at(mut self, at: SystemTime) -> Self {
        self.recorder.set_issued_at(at);
        self
    }

    /// The span around the stream; a disabled one after the end.
    #[must_use]
    pub fn span(&self) -> &Span {
        self.recorder.span()
    }
}

impl<S, A> Stream for Traced<S, A>
where
    S: Stream,
    A: Accumulate<S::Item>,
{
    type Item = S::Item;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<S::Item>> {
        let mut this = self.project();
        let Some(inner) = this.inner.as_mut().as_pin_mut() else { return Poll::Ready(None) };
        let polled = {
            let _entered = this.recorder.scope().enter();
            let polled = inner.poll_next(cx);
            if let Poll::Ready(None) = polled {
                this.inner.set(None);
            }
            polled
        };
        match &polled {
            Poll::Ready(Some(chunk)) => this.recorder.chunk(chunk),
            Poll::Ready(None) => this.recorder.end(),
            Poll::Pending => {}
        }
        polled
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.as_ref().map_or((0, Some(0)), Stream::size_hint)
    }
}

impl<S, A> fmt::Debug for Traced<S, A> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Traced").field("recorder", &self.recorder).finish_non_exhaustive()
    }
}
