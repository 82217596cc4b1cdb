//! For tests of your own: the spans that a piece of code leaves, and what the lint says about it.
//!
//! Needs the feature `testing`, which belongs into `[dev-dependencies]`:
//!
//! ```toml
//! [dev-dependencies]
//! tracing-genai = { version = "0.1", features = ["testing"] }
//! ```
//!
//! [`capture`] listens on the current thread until [`Capture::finish`], in memory and without
//! sockets, so tests run side by side. Spans arrive as an exporter would see them: named, typed,
//! and with what the content policy took out gone.
//!
//! ```
//! use tracing::{Span, field::Empty, instrument};
//! use tracing_genai::testing;
//!
//! #[instrument(skip_all, fields(
//!     gen_ai.operation.name = "chat",
//!     gen_ai.provider.name = "openai",
//!     gen_ai.request.model = "gpt-4o-mini",
//!     gen_ai.usage.input_tokens = Empty,
//! ))]
//! fn my_handler(question: &str) {
//!     Span::current().record("gen_ai.usage.input_tokens", 182);
//! }
//!
//! # /*
//! #[test]
//! # */
//! fn my_handler_is_traced() {
//!     let traces = testing::capture();
//!     my_handler("Do I need an umbrella?");
//!     let spans = traces.finish();
//!
//!     let chat = spans.one("chat gpt-4o-mini");
//!     assert_eq!(chat.int("gen_ai.usage.input_tokens"), Some(182));
//!     assert!(!spans.contains("umbrella"), "no content leaves: {spans}");
//! }
//! # my_handler_is_traced();
//! ```
//!
//! `finish` panics where the [lint] has found something at a callsite that was used,
//! and tells file and line: a misspelt field, a value of the wrong type. What libraries of others
//! do may be excused with [`Setup::ignore`].
//!
//! Under `#[tokio::test]` all of it works as it is, tasks that the test spawns included. Work on
//! other threads needs to be told: see [`Capture::dispatch`].

mod spans;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{
    Sampler, SdkTracerProvider, Span, SpanData, SpanLimits, SpanProcessor,
};
use rustc_hash::FxHashSet;
use tracing::dispatcher::{self, DefaultGuard, Dispatch};
use tracing::span::{Attributes, Id};
use tracing::{Metadata, Subscriber};
use tracing_core::callsite::Identifier;
use tracing_subscriber::layer::{Context as LayerContext, SubscriberExt};
use tracing_subscriber::{Layer, Registry};

pub use spans::{CapturedSpan, CapturedSpans};

use crate::GenAiLayer;
use crate::capture::layer::makes_gen_ai;
use crate::capture::lint::{self, Finding, Found, lock};
use crate::capture::tracer::{Core, Finisher, finish};
use crate::policy::{ContentCapture, Policy};
use crate::semconv::Version;

/// Captures the spans of this thread from here on, without message content.
pub fn capture() -> Capture {
    Setup::new().start()
}

type Excuse = Arc<dyn Fn(&Finding) -> bool + Send + Sync>;

/// How to capture.
#[derive(Clone, Default)]
#[must_use]
pub struct Setup {
    policy: Policy,
    semconv: Version,
    ignore: Vec<Excuse>,
}

impl Setup {
    /// As a service without configuration does it: no content, the default conventions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets whether message content is captured. Defaults to [`ContentCapture::Off`].
    pub fn content_capture(self, capture: ContentCapture) -> Self {
        self.policy(Policy::new(capture))
    }

    /// Sets the whole content policy. Defaults to [`Policy::default`].
    pub fn policy(self, policy: Policy) -> Self {
        Self { policy, ..self }
    }

    /// Sets the version of the conventions. Defaults to [`Version::V1_41`].
    pub fn semconv(self, semconv: Version) -> Self {
        Self { semconv, ..self }
    }

    /// Leaves out findings for which `excused` holds, such as those in a library that is not
    /// yours:
    ///
    /// ```
    /// use tracing_genai::testing::Setup;
    ///
    /// let traces = Setup::new().ignore(|finding| finding.target.starts_with("rig")).start();
    /// ```
    pub fn ignore(mut self, excused: impl Fn(&Finding) -> bool + Send + Sync + 'static) -> Self {
        self.ignore.push(Arc::new(excused));
        self
    }

    /// Captures the spans of this thread from here on.
    pub fn start(self) -> Capture {
        let seen = Arc::<Seen>::default();
        let provider = SdkTracerProvider::builder()
            .with_span_processor(Keep { seen: Arc::clone(&seen), policy: self.policy })
            // Whatever the environment of the test says.
            .with_sampler(Sampler::AlwaysOn)
            .with_span_limits(SpanLimits::default())
            .build();
        let findings = Arc::<Mutex<Found>>::default();
        let mut core = Core::new(self.policy, self.semconv);
        core.findings = Some(Arc::clone(&findings));
        core.finisher = Finisher::OnExport;
        let layer = GenAiLayer::with_core(provider.tracer("test"), core);
        let watch = Watch {
            findings: Arc::clone(&findings),
            seen: Arc::clone(&seen),
            callsites: Mutex::default(),
        };
        let dispatch = Dispatch::new(Registry::default().with(layer).with(watch));
        let _guard = dispatcher::set_default(&dispatch);
        Capture { seen, findings, ignore: self.ignore, dispatch, _guard }
    }
}

impl fmt::Debug for Setup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Setup")
            .field("policy", &self.policy)
            .field("semconv", &self.semconv)
            .finish_non_exhaustive()
    }
}

/// The spans of a thread, from [`capture`] on.
#[must_use = "spans are captured until it is dropped"]
pub struct Capture {
    seen: Arc<Seen>,
    findings: Arc<Mutex<Found>>,
    ignore: Vec<Excuse>,
    dispatch: Dispatch,
    _guard: DefaultGuard,
}

/// What was seen of spans.
#[derive(Debug, Default)]
struct Seen {
    ended: Mutex<Vec<SpanData>>,
    /// Names by id in the registry.
    open: Mutex<BTreeMap<u64, &'static str>>,
}

impl Capture {
    /// Ends the capture and hands out the spans that have ended, in the order in which they did.
    ///
    /// # Panics
    ///
    /// Where [`assert_clean`](Self::assert_clean) does.
    #[track_caller]
    pub fn finish(self) -> CapturedSpans {
        self.assert_clean();
        self.spans()
    }

    /// The spans that have ended by now, in the order in which they did.
    pub fn spans(&self) -> CapturedSpans {
        let ended = lock(&self.seen.ended).iter().cloned().map(CapturedSpan::new).collect();
        CapturedSpans::new(ended, lock(&self.seen.open).values().copied().collect())
    }

    /// What the lint has found at the callsites that were used, each once.
    #[must_use]
    pub fn findings(&self) -> Vec<Finding> {
        let mut findings = lock(&self.findings).list.clone();
        findings.retain(|finding| !self.ignore.iter().any(|excused| excused(finding)));
        findings
    }

    /// Nothing was found.
    ///
    /// # Panics
    ///
    /// With all that was found, one line each with file and line of the callsite.
    #[track_caller]
    pub fn assert_clean(&self) {
        let findings = self.findings();
        let lines: String = findings.iter().map(|finding| format!("\n  {finding}")).collect();
        assert!(findings.is_empty(), "GenAI spans could be better:{lines}");
    }

    /// What captures, for work that other threads do:
    ///
    /// ```
    /// use tracing::dispatcher::with_default;
    ///
    /// let traces = tracing_genai::testing::capture();
    /// let dispatch = traces.dispatch();
    /// std::thread::spawn(move || {
    ///     with_default(&dispatch, || drop(tracing_genai::tool_span!("get_weather")));
    /// })
    /// .join()
    /// .unwrap();
    /// traces.finish().one("execute_tool get_weather");
    /// ```
    ///
    /// For a future there is `tracing::instrument::WithSubscriber`.
    #[must_use]
    pub fn dispatch(&self) -> Dispatch {
        self.dispatch.clone()
    }
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Capture").field("findings", &self.findings()).finish_non_exhaustive()
    }
}

/// Keeps spans as an exporter of the pipeline would send them.
#[derive(Debug)]
struct Keep {
    seen: Arc<Seen>,
    policy: Policy,
}

impl SpanProcessor for Keep {
    fn on_start(&self, _: &mut Span, _: &Context) {}

    fn on_end(&self, mut span: SpanData) {
        finish(&mut span, self.policy);
        lock(&self.seen.ended).push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// Lints every callsite that is used, whether or not the process has seen it before.
struct Watch {
    findings: Arc<Mutex<Found>>,
    callsites: Mutex<FxHashSet<Identifier>>,
    seen: Arc<Seen>,
}

impl Watch {
    fn look_at(&self, metadata: &'static Metadata<'static>) {
        if lock(&self.callsites).insert(metadata.callsite()) && makes_gen_ai(metadata) {
            let mut findings = lock(&self.findings);
            for problem in lint::problems(metadata) {
                findings.add(lint::at(metadata, problem));
            }
        }
    }
}

impl<S: Subscriber> Layer<S> for Watch {
    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, _: LayerContext<'_, S>) {
        self.look_at(attrs.metadata());
        lock(&self.seen.open).insert(id.into_u64(), attrs.metadata().name());
    }

    fn on_close(&self, id: Id, _: LayerContext<'_, S>) {
        lock(&self.seen.open).remove(&id.into_u64());
    }
}
