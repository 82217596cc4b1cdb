//! Events of `tracing` as OpenTelemetry log records, with the trace they belong to.
//!
//! Off until `logs.enabled: true` or `OTEL_LOGS_EXPORTER=otlp`; then every event of level
//! `logs.level` (by default `info`) and above that reaches the layer leaves by OTLP too, over the
//! same queues, transports and counts as spans (`logs.*`, `OTEL_EXPORTER_OTLP_LOGS_*`,
//! `OTEL_BLRP_*`, `OTEL_LOGRECORD_*`). While it is off, an event costs one look at a number.
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
//! its class is captured; error texts leave as far as `error_text` says, and so does the message of
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
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::SystemTime;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanContext;
use tracing_core::{Level, LevelFilter};

use crate::layer::targets::is_message_field;
use crate::policy::{ErrorText, Policy};
use crate::record::{Text, Value};
use crate::semconv::Class;
use crate::tracer::Core;
use crate::tracer::event::clear;

/// One event, as far as it may leave.
#[derive(Clone, Debug)]
pub(crate) struct LogRecord {
    pub(crate) time: SystemTime,
    pub(crate) level: Level,
    pub(crate) event_name: Option<Cow<'static, str>>,
    pub(crate) target: Cow<'static, str>,
    pub(crate) body: Option<String>,
    pub(crate) attributes: Vec<KeyValue>,
    /// Attributes over the limit.
    pub(crate) dropped: u32,
    pub(crate) span: SpanContext,
    /// What the message and fields of its kind are; empty unless the event is of the conventions.
    pub(crate) said: &'static [Class],
}

impl LogRecord {
    /// Takes out what a policy withholds.
    pub(crate) fn restrict(&mut self, policy: Policy, core: &Core) {
        let said = self.said;
        self.body = self.body.take().and_then(|body| {
            let body = clear_said(policy, said, body, core)?;
            Some(clear_message(policy, self.level, body))
        });
        self.attributes.retain_mut(|kv| clear_attribute(policy, said, kv, core));
    }
}

/// What the message of an event may say.
pub(crate) fn clear_message(policy: Policy, level: Level, message: String) -> String {
    if level > Level::WARN {
        return message;
    }
    match policy.error_text() {
        ErrorText::TypeOnly => WITHHELD.to_owned(),
        _ => policy.clear_error_text(&message).unwrap_or(message),
    }
}

/// An attribute as far as it may leave, and whether it may.
pub(crate) fn clear_attribute(
    policy: Policy,
    said: &[Class],
    kv: &mut KeyValue,
    core: &Core,
) -> bool {
    if said.is_empty() || !is_message_field(kv.key.as_str()) {
        return clear(policy, kv, core);
    }
    let opentelemetry::Value::String(text) = &kv.value else { return says(policy, said, core) };
    match clear_said(policy, said, text.as_str().to_owned(), core) {
        Some(text) => {
            kv.value = opentelemetry::Value::String(text.into());
            true
        }
        None => false,
    }
}

/// Text of an event of the conventions; any other text is no affair of ours.
pub(crate) fn clear_said(
    policy: Policy,
    said: &[Class],
    text: String,
    core: &Core,
) -> Option<String> {
    if said.is_empty() {
        return Some(text);
    }
    says(policy, said, core).then(|| {
        let mut value = Value::Text(Text::Owned(text));
        policy.fit(&mut value, true, false, &core.health);
        match value {
            Value::Text(text) => text.as_str().to_owned(),
            _ => String::new(),
        }
    })
}

/// Whether what an event of the conventions says may leave.
pub(crate) fn says(policy: Policy, said: &[Class], core: &Core) -> bool {
    let allowed = said.iter().all(|class| policy.allows(*class));
    if !allowed {
        core.health.withheld.increment();
    }
    allowed
}

/// Whether log records are wanted, and by whom.
#[derive(Debug, Default)]
pub(crate) struct LogGate {
    /// 0 is off, 1 `ERROR`, 5 `TRACE`.
    verbosity: AtomicU8,
    limits: OnceLock<LogLimits>,
    taker: OnceLock<Box<dyn TakeLogs>>,
}

/// How much one record may have.
#[derive(Clone, Copy, Debug)]
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
    /// Sets once who takes records, and how large they may be.
    pub(crate) fn lead_to(&self, taker: impl TakeLogs + 'static, limits: LogLimits) {
        let _ = self.limits.set(limits);
        let _ = self.taker.set(Box::new(taker));
    }

    /// Sets how verbose an event may be to become a record.
    pub(crate) fn open(&self, level: LevelFilter) {
        self.verbosity.store(level.into_level().map_or(0, verbosity), Ordering::Relaxed);
    }

    #[inline]
    pub(crate) fn wants(&self, level: Level) -> bool {
        verbosity(level) <= self.verbosity.load(Ordering::Relaxed)
    }

    pub(crate) fn limits(&self) -> LogLimits {
        self.limits.get().copied().unwrap_or_default()
    }

    pub(crate) fn take(&self, record: LogRecord) {
        if let Some(taker) = self.taker.get() {
            taker.take(record);
        }
    }
}

impl Default for LogLimits {
    fn default() -> Self {
        Self { attributes: 128, value_length: usize::MAX }
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
