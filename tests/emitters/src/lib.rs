//! What the tests of this crate start from: the crate under test between an emitter and a
//! collector on loopback.

use opentelemetry::trace::TracerProvider;
use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;
use tracing_genai::policy::ContentCapture;
use tracing_genai_test_support::{ReceivedSpan, SpanSink, Value, conformance};
use tracing_subscriber::layer::SubscriberExt;

/// One telemetry pipeline of its own. Nothing process-wide is touched, so tests run side by side.
#[derive(Debug)]
pub struct Session {
    sink: SpanSink,
    dispatch: Dispatch,
    captures: bool,
    leaks: std::cell::RefCell<String>,
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
        let capture = if captures { ContentCapture::Full } else { ContentCapture::Off };
        let layer = tracing_genai::layer(provider.tracer("t")).content_capture(capture);
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        Self { sink, dispatch, captures, leaks: Default::default() }
    }
    /// Whether content may leave.
    pub fn captures(&self) -> bool {
        self.captures
    }
    /// Makes this pipeline the thread's until the guard is dropped.
    pub fn enter(&self) -> DefaultGuard {
        tracing::dispatcher::set_default(&self.dispatch)
    }
    /// Runs an emitter under this pipeline.
    pub fn run(&self, emit: impl FnOnce()) {
        let _current = self.enter();
        emit();
    }
    /// Like [`Self::conforming_spans`] for emitters that name their spans themselves.
    #[track_caller]
    pub fn explicitly_named_spans(&self, count: usize) -> Vec<ReceivedSpan> {
        self.check(self.spans(count), conformance::Rules::default().any_name())
    }
    /// Everything that left, in the order of its end, after the conventions had nothing to say.
    #[track_caller]
    pub fn conforming_spans(&self, count: usize) -> Vec<ReceivedSpan> {
        self.check(self.spans(count), conformance::Rules::default())
    }
    #[track_caller]
    fn check(&self, spans: Vec<ReceivedSpan>, rules: conformance::Rules) -> Vec<ReceivedSpan> {
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
        *self.leaks.borrow_mut() = format!("{:?}", self.sink);
        let spans = self.sink.take();
        assert_eq!(spans.len(), count, "{spans:#?}");
        spans
    }
    /// Whether the bytes left.
    pub fn leaked(&self, needle: &str) -> bool {
        self.leaks.borrow().contains(needle)
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

/// The span has exactly these attributes; those of resources and other crates' own keys aside
/// there is nothing more and nothing less.
#[track_caller]
pub fn assert_attrs(span: &ReceivedSpan, expected: &[(&str, Value)]) {
    let mut found = span.attrs.clone();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected: Vec<_> =
        expected.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    assert_eq!(found, expected, "{span}");
}
