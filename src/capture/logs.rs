//! Events of `tracing` as OpenTelemetry log records, with the trace they belong to.
//!
//! Off until `logs.enabled: true` or `OTEL_LOGS_EXPORTER=otlp`; then every event of level
//! `logs.level` (by default `info`) and above that reaches the layer leaves by OTLP too, over the
//! same queues, transports and counts as spans (`logs.*`, `OTEL_EXPORTER_OTLP_LOGS_*`,
//! `OTEL_BLRP_*`, `OTEL_LOGRECORD_*`). While it is off, an event costs one look at a number.
//!
//! A receiver that has no place for log records (404, 405, or UNIMPLEMENTED over gRPC) is named in the
//! status and by one warning, and asked again every five minutes; spans go on as they were.
//!
//! # What a record has
//!
//! | Field | What it is |
//! |---|---|
//! | time, observed time | when the event was emitted |
//! | severity | `TRACE` 1, `DEBUG` 5, `INFO` 9, `WARN` 13, `ERROR` 17, with the word as text |
//! | body | the message |
//! | event name | the name that the callsite was given (`name: "…"`), or the value of its field `event.name` or `event_name`, which is then no attribute |
//! | attributes | the other fields, typed as they were recorded; `code.file.path` and `code.line.number` |
//! | trace id, span id, flags | those of the span the event is in, also when that span is not sampled: the flags tell |
//! | scope | the event's target, which is the module path unless it was given another |
//! | resource | the one of the spans |
//!
//! An error that was recorded as one (`error = &e as &dyn Error`) is under its own key and under
//! `exception.message`, where the conventions for exceptions want it; its sources are under
//! `exception.stacktrace` where `error_text: full` lets them out. Records of the `log` crate, which
//! arrive through `tracing-log`, have their own target, file and line.
//!
//! # What is withheld
//!
//! The content policy decides while the event is emitted, before anything is queued, and again for
//! a destination that has a stricter one. It is the policy of spans: a value under a key of
//! [`semconv`](crate::semconv) that holds content, in any spelling, is not even formatted unless
//! its class is captured, nor is an argument called `prompt` or `messages`; error texts leave as far as `error_text` says, and so does the message of
//! a `WARN` or `ERROR`, which as often as not is somebody's error; long text under an unknown
//! `gen_ai.` key counts as input. In an event that is called `gen_ai.…` the message, `content`,
//! `body` and the like are what its name says they are: input of `gen_ai.user.message`, output of
//! `gen_ai.choice`. Where the name is unknown they leave when both input and output do.
//!
//! What the message of any other event holds is the affair of who wrote it, as in any log; the
//! events of LLM libraries that are known to log whole requests never leave.
//!
//! # Events of the conventions
//!
//! The GenAI conventions speak of events that are log records: `gen_ai.evaluation.result`,
//! `gen_ai.client.inference.operation.details`, `gen_ai.client.operation.exception`. Whoever emits
//! one (`info!(name: "gen_ai.evaluation.result", …)`) gets it as that: its name in the field that
//! OTLP has for it, and messages as structured values, which the conventions demand of events and
//! only allow on spans.
//!
//! Spans stay as they are. A feature adds and changes nothing, so what is an event on a span, or was
//! taken into one (the retired message events, the details), still is: a trace must not lose its
//! facts because somebody switched logs on for another reason. And no
//! `gen_ai.client.inference.operation.details` is made up from a span: it would repeat all of it,
//! content included, to a second receiver that nobody named for it.
//!
//! # No loops
//!
//! What the export itself has to say does not become a record: nothing that happens on its threads,
//! and no event of the crates that carry telemetry away (`hyper`, `h2`, `tonic`, `tower`, `ureq`,
//! `rustls`, `reqwest`, `opentelemetry*`, this one), whoever uses them.

use std::borrow::Cow;
use std::fmt::Debug;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use tracing_core::{Level, LevelFilter};

use crate::health::Health;
use crate::policy::{Comes, Holds, Policy, otel};
#[cfg(feature = "logs")]
use crate::semconv::{Match, Type, lookup};

/// One event, as far as it may leave.
#[derive(Clone, Debug)]
pub(crate) struct LogRecord {
    pub(crate) time: SystemTime,
    pub(crate) level: Level,
    pub(crate) event_name: Option<Cow<'static, str>>,
    pub(crate) target: Cow<'static, str>,
    pub(crate) body: Option<String>,
    pub(crate) attributes: Vec<LogAttribute>,
    /// Attributes over the limit.
    pub(crate) dropped: u32,
    pub(crate) span: SpanContext,
    /// Whose data the body is.
    pub(crate) holds: Holds,
}

/// One field of an event.
#[derive(Clone, Debug)]
pub(crate) struct LogAttribute {
    pub(crate) kv: KeyValue,
    /// Whose data it is, which its key alone may not tell.
    pub(crate) holds: Holds,
}

impl LogRecord {
    /// Takes out what a policy withholds.
    pub(crate) fn restrict(&mut self, policy: Policy, health: &Health) {
        self.body = self.body.take().and_then(|body| clear_body(policy, self.holds, body, health));
        self.attributes.retain_mut(|attribute| attribute.clear(policy, health));
    }

    /// A copy but for what somebody said.
    pub(crate) fn without_content(&self) -> Self {
        let kept = self.attributes.iter().filter(|it| !it.holds.is_content(&it.kv.value));
        Self {
            event_name: self.event_name.clone(),
            target: self.target.clone(),
            body: self.body.clone().filter(|_| !matches!(self.holds, Holds::Said(_))),
            attributes: kept.cloned().collect(),
            span: self.span.clone(),
            ..*self
        }
    }
}

impl LogAttribute {
    /// What JSON text says where the conventions want structure; `None` for anything else.
    #[cfg(feature = "logs")]
    pub(crate) fn structured(&self) -> Option<serde_json::Value> {
        let opentelemetry::Value::String(text) = &self.kv.value else { return None };
        match lookup(self.kv.key.as_str()) {
            Match::Known(attr, _) if attr.value_type() == Type::Json => {}
            _ => return None,
        }
        let json: serde_json::Value = serde_json::from_str(text.as_str()).ok()?;
        (json.is_array() || json.is_object()).then_some(json)
    }

    /// Leaves of it what may leave, and tells whether anything may.
    pub(crate) fn clear(&mut self, policy: Policy, health: &Health) -> bool {
        otel::value(policy, self.holds, &mut self.kv.value, health)
    }
}

/// The message of an event as far as it may leave. A record says that an error was there even
/// where none of its text may leave.
pub(crate) fn clear_body(
    policy: Policy,
    holds: Holds,
    body: String,
    health: &Health,
) -> Option<String> {
    let decision = policy.decide(holds, Comes::Text(body.len()));
    match policy.text(decision, &body, health) {
        Some(text) if text.len() == body.len() && matches!(text, Cow::Borrowed(_)) => Some(body),
        Some(text) => Some(text.into_owned()),
        None => (holds == Holds::ERROR).then(|| WITHHELD.to_owned()),
    }
}

/// Whether log records are wanted, and by whom. Everything but that may change at any time.
#[derive(Debug)]
pub(crate) struct LogGate {
    /// 0 is off, 1 `ERROR`, 5 `TRACE`.
    verbosity: AtomicU8,
    max_attributes: AtomicUsize,
    max_value_length: AtomicUsize,
    taker: OnceLock<Box<dyn TakeLogs>>,
}

/// How much one record may have.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct LogLimits {
    pub(crate) attributes: usize,
    /// Bytes of one text value.
    pub(crate) value_length: usize,
}

/// Who takes log records; the layer knows this and not who implements it.
pub(crate) trait TakeLogs: Debug + Send + Sync {
    /// Does bounded work, on the application's thread.
    fn take(&self, record: LogRecord);
}

impl LogGate {
    /// Sets once who takes records.
    pub(crate) fn lead_to(&self, taker: impl TakeLogs + 'static) {
        let _ = self.taker.set(Box::new(taker));
    }

    /// Sets how verbose an event may be to become a record.
    pub(crate) fn open(&self, level: LevelFilter) {
        self.verbosity.store(level.into_level().map_or(0, verbosity), Ordering::Relaxed);
    }

    pub(crate) fn limit(&self, limits: LogLimits) {
        self.max_attributes.store(limits.attributes, Ordering::Relaxed);
        self.max_value_length.store(limits.value_length, Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn wants(&self, level: Level) -> bool {
        verbosity(level) <= self.verbosity.load(Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> LogLimits {
        LogLimits {
            attributes: self.max_attributes.load(Ordering::Relaxed),
            value_length: self.max_value_length.load(Ordering::Relaxed),
        }
    }

    pub(crate) fn take(&self, record: LogRecord) {
        if let Some(taker) = self.taker.get() {
            taker.take(record);
        }
    }
}

impl Default for LogGate {
    /// Closed.
    fn default() -> Self {
        Self {
            verbosity: AtomicU8::new(0),
            max_attributes: AtomicUsize::new(0),
            max_value_length: AtomicUsize::new(0),
            taker: OnceLock::new(),
        }
    }
}

const fn verbosity(level: Level) -> u8 {
    match level {
        Level::ERROR => 1,
        Level::WARN => 2,
        Level::INFO => 3,
        Level::DEBUG => 4,
        Level::TRACE => 5,
    }
}

const WITHHELD: &str = "[withheld]";
