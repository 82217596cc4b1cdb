//! Trace formats: finished spans, told in the words of the backend that receives them.
//!
//! What sits on a span inside this process is canonical: the names of the OpenTelemetry GenAI
//! conventions, already cleared by the content policy. A [`Format`] turns one finished span into
//! the shape a destination understands. It runs on the export thread, sees one destination's
//! copy of the span, and knows no other destination.
//!
//! | `format` / `trace_type` | Type | For |
//! |---|---|---|
//! | `gen_ai` (`genai_extension`) | [`GenAi`] | every backend that reads the conventions |
//! | `open_inference` | [`OpenInference`] | Phoenix, Arize, MLflow, Langfuse |
//! | `gen_ai+open_inference` | [`OpenInference::supplement`] | the conventions, plus what Phoenix and MLflow miss in them |
//! | `vercel` | [`Vercel`] | backends that know the AI SDK (version 6) |
//! | `openllmetry` | [`OpenLlmetry::current`] | Traceloop since its move to the conventions |
//! | `openllmetry_legacy` | [`OpenLlmetry::legacy`] | backends that read `gen_ai.prompt.{n}.*` |
//! | `langfuse` | [`Langfuse`] | Langfuse's own attributes |
//!
//! All formats keep four promises:
//! * An attribute of the target format that the application set itself wins over a derived one.
//! * A fact the format has no name for leaves unchanged. Nothing is dropped for being unknown.
//! * Messages that are not valid JSON never fail a span: the text leaves as it is, and
//!   [`Counts::malformed`] grows.
//! * Spans that carry nothing of GenAI pass untouched.
//!
//! `backend: phoenix` (or `langfuse`, `datadog`, …) chooses the format that the receiver reads best,
//! with the headers and names of keys it wants; an explicit `format` wins. How often a format had
//! no words for something stands in [`status()`](crate::Telemetry::status) of its destination.
//!
//! One's own format is an implementation of the trait, installed with
//! [`Builder::format`](crate::Builder::format):
//!
//! ```
//! use opentelemetry_sdk::trace::SpanData;
//! use tracing_genai::format::Format;
//!
//! #[derive(Debug)]
//! struct Shouting;
//!
//! impl Format for Shouting {
//!     fn name(&self) -> &'static str {
//!         "shouting"
//!     }
//!
//!     fn format(&self, mut span: SpanData) -> SpanData {
//!         span.name = span.name.to_uppercase().into();
//!         span
//!     }
//! }
//! ```

mod chat_ml;
mod choices;
mod exception;
mod facts;
mod gen_ai;
mod index;
mod json;
mod keys;
mod langfuse;
mod open_inference;
mod openllmetry;
mod parameters;
mod time;
mod vercel;

use std::fmt;
use std::sync::Arc;

use opentelemetry::InstrumentationScope;
use opentelemetry_sdk::trace::SpanData;

pub(crate) use choices::{FORMATS, FormatChoice};
pub use gen_ai::GenAi;
pub(crate) use keys::{KeyRule, with_keys};
pub use langfuse::Langfuse;
pub use open_inference::{Hide, OpenInference};
pub use openllmetry::OpenLlmetry;
pub use vercel::Vercel;

use crate::health::Counter;

/// Turns a finished span into the shape one destination understands.
///
/// Called on the export thread, once per span and destination. It must not block, and it must
/// not panic: a span it cannot make sense of is returned as it came.
pub trait Format: fmt::Debug + Send + Sync + 'static {
    /// The name by which configuration and `status()` speak of the format.
    fn name(&self) -> &'static str;

    /// The span as it leaves. Name, kind, attributes, events, status and scope may change; the
    /// identifiers, the times and the links should not.
    fn format(&self, span: SpanData) -> SpanData;
}

/// What a format could not say in its own words.
///
/// Shared by all spans of a destination; the numbers only grow.
#[derive(Debug, Default)]
pub struct Counts {
    malformed: Counter,
    unflattened: Counter,
}

impl Counts {
    /// Attributes that were to hold messages, documents or definitions as JSON and did not. Their
    /// text left as it was.
    #[must_use]
    pub fn malformed(&self) -> u64 {
        self.malformed.get()
    }

    /// What was read, counting what could not be.
    pub(crate) fn of<T>(&self, read: Option<T>) -> Option<T> {
        if read.is_none() {
            self.malformed.increment();
        }
        read
    }

    /// Lists of messages, documents or definitions that would have become more attributes than
    /// the format may write, and left as one JSON attribute instead.
    #[must_use]
    pub fn unflattened(&self) -> u64 {
        self.unflattened.get()
    }
}

/// The settings of a destination that its format asks for.
#[derive(Clone, Debug)]
pub(crate) struct FormatOptions {
    /// `OPENINFERENCE_HIDE_*`, used by the two OpenInference formats.
    pub(crate) hide: Hide,
    /// Attributes one span may have after flattening. Defaults to 4096.
    pub(crate) attribute_limit: usize,
    pub(crate) counts: Arc<Counts>,
}

impl Default for FormatOptions {
    fn default() -> Self {
        Self {
            hide: Hide::default(),
            attribute_limit: DEFAULT_ATTRIBUTE_LIMIT,
            counts: Arc::default(),
        }
    }
}

/// The same scope without a schema URL: the attributes of the span no longer follow that schema.
fn without_schema(scope: &InstrumentationScope) -> InstrumentationScope {
    let mut builder = InstrumentationScope::builder(scope.name().to_owned())
        .with_attributes(scope.attributes().cloned());
    if let Some(version) = scope.version() {
        builder = builder.with_version(version.to_owned());
    }
    builder.build()
}

/// Enough for several hundred messages; a bound for what one hostile span may cost.
const DEFAULT_ATTRIBUTE_LIMIT: usize = 4096;

#[cfg(test)]
pub(crate) mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::*;
    use opentelemetry::KeyValue;
    use opentelemetry::trace::{SpanContext, SpanId, SpanKind, Status};

    pub(crate) fn span(attributes: Vec<KeyValue>) -> SpanData {
        SpanData {
            span_context: SpanContext::empty_context(),
            parent_span_id: SpanId::INVALID,
            parent_span_is_remote: false,
            span_kind: SpanKind::Client,
            name: "chat m".into(),
            start_time: UNIX_EPOCH,
            end_time: UNIX_EPOCH + Duration::from_secs(1),
            attributes,
            dropped_attributes_count: 0,
            events: Default::default(),
            links: Default::default(),
            status: Status::Unset,
            instrumentation_scope: InstrumentationScope::builder("app").build(),
        }
    }
}
