//! What the tests of this crate start from: the crate under test between an emitter and a
//! collector on loopback.

use std::time::Duration;

use tracing::Dispatch;
use tracing::dispatcher::DefaultGuard;
use tracing_genai::policy::ContentCapture;
use tracing_genai::telemetry::Console;
use tracing_genai::{Telemetry, builder};
use tracing_genai_test_support::{OtlpReceiver, ReceivedSpan, Value, conformance};
use tracing_subscriber::layer::SubscriberExt;

/// Long enough for a machine that does other things too; nothing waits so long that succeeds.
const PATIENCE: Duration = Duration::from_secs(30);

/// One telemetry pipeline of its own. Nothing process-wide is touched, so tests run side by side.
#[derive(Debug)]
pub struct Session {
    receiver: OtlpReceiver,
    telemetry: Telemetry,
    dispatch: Dispatch,
    captures: bool,
}

impl Session {
    /// Content capture as it is by default.
    #[must_use]
    pub fn off() -> Self {
        Self::start(false)
    }

    /// Content capture on.
    #[must_use]
    pub fn full() -> Self {
        Self::start(true)
    }

    fn start(captures: bool) -> Self {
        let receiver = OtlpReceiver::start();
        let mut telemetry = builder()
            .env([("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint())])
            .service_name("emitters")
            .console(Console::Never);
        if captures {
            telemetry = telemetry.content_capture(ContentCapture::Full);
        }
        let (layer, telemetry) = telemetry.build().expect("a pipeline to loopback");
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        Self { receiver, telemetry, dispatch, captures }
    }

    /// Whether content may leave.
    #[must_use]
    pub fn captures(&self) -> bool {
        self.captures
    }

    /// Makes this pipeline the thread's until the guard is dropped.
    #[must_use]
    pub fn enter(&self) -> DefaultGuard {
        tracing::dispatcher::set_default(&self.dispatch)
    }

    /// Runs an emitter under this pipeline.
    pub fn run(&self, emit: impl FnOnce()) {
        let _current = self.enter();
        emit();
    }

    /// Everything that left, in the order of its end; the conventions have nothing to say.
    #[must_use]
    #[track_caller]
    pub fn conforming_spans(&self, count: usize) -> Vec<ReceivedSpan> {
        self.check(self.spans(count), conformance::Rules::default())
    }

    /// Like [`Self::conforming_spans`] for emitters that name their spans themselves.
    #[must_use]
    #[track_caller]
    pub fn explicitly_named_spans(&self, count: usize) -> Vec<ReceivedSpan> {
        self.check(self.spans(count), conformance::Rules::default().any_name())
    }

    /// Everything that left, whatever the conventions say: exactly so many spans.
    #[must_use]
    #[track_caller]
    pub fn spans(&self, count: usize) -> Vec<ReceivedSpan> {
        self.telemetry.force_flush().expect("a flush to loopback");
        let mut spans = self.receiver.wait_for_spans(count, PATIENCE);
        let names: Vec<_> = spans.iter().map(|span| &span.name).collect();
        assert_eq!(spans.len(), count, "{names:?}");
        spans.sort_by_key(|span| span.end_ns);
        spans
    }

    /// Whether the bytes left the process.
    #[must_use]
    pub fn leaked(&self, needle: &str) -> bool {
        self.receiver.contains_bytes(needle)
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
}

/// The span of that name.
///
/// # Panics
///
/// When there is none.
#[must_use]
#[track_caller]
pub fn named<'a>(spans: &'a [ReceivedSpan], name: &str) -> &'a ReceivedSpan {
    let found = spans.iter().find(|span| span.name == name);
    found.unwrap_or_else(|| {
        panic!("no {name:?} in {:?}", spans.iter().map(|span| &span.name).collect::<Vec<_>>())
    })
}

/// The span has these attributes, in the order of their keys, and no other.
///
/// # Panics
///
/// When it has others.
#[track_caller]
pub fn assert_attrs(span: &ReceivedSpan, expected: &[(&str, Value)]) {
    let mut found = span.attrs.clone();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    let expected: Vec<_> =
        expected.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    assert_eq!(found, expected, "{span}");
}
