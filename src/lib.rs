//! A `tracing` layer for the OpenTelemetry GenAI semantic conventions.
//!
//! Spans with `gen_ai.*` fields, made by `#[instrument]`, by hand or by LLM libraries such as rig
//! and genai, leave the process as OpenTelemetry spans with the name, the kind, the types and the
//! spelling of the conventions. Prompts and answers leave only when somebody decided so.
//!
//! ```no_run
//! use tracing::{Span, field::Empty, instrument};
//!
//! #[instrument(skip_all, fields(
//!     gen_ai.operation.name = "chat",
//!     gen_ai.provider.name = "openai",
//!     gen_ai.request.model = "gpt-4o-mini",
//!     gen_ai.usage.input_tokens = Empty,
//! ))]
//! fn ask(question: &str) -> String {
//!     let answer = format!("{question} Take one."); // … where the model is called …
//!     Span::current().record("gen_ai.usage.input_tokens", 182);
//!     answer
//! }
//!
//! # #[cfg(feature = "init")]
//! fn main() -> Result<(), tracing_genai::Error> {
//!     let _telemetry = tracing_genai::init_telemetry()?;
//!     ask("Do I need an umbrella in Lisbon?");
//!     Ok(())
//! }
//! # #[cfg(not(feature = "init"))]
//! # fn main() {}
//! ```
//!
//! # The ways in
//!
//! * `init_telemetry()`: one line. Reads a configuration file and the environment, installs a
//!   global subscriber with a log layer and this crate's layer.
//! * `builder()`: the same with settings in code, or composed with a registry of your own through
//!   `Builder::build`.
//! * [`layer`]: over a tracer of your own, with your provider and exporter. All that is left
//!   without default features.
//!
#![cfg_attr(
    all(doc, feature = "logs", feature = "testing", feature = "tower", feature = "yaml"),
    doc = "
# Guides

In reading order: [your first trace](guide::handlers), [streams](guide::streams), [agents and tools](guide::agents),
[gateways](guide::gateways), [content and privacy](guide::content), [metrics and cost](guide::metrics), [log records](guide::logs), [sampling](guide::sampling),
[backends](guide::backends), [beyond one process](guide::replicas), [troubleshooting](guide::troubleshooting),
[from spans written by hand](guide::migrating), [beside what is there already](guide::existing).
"
)]
//! # The way of the data
//!
//! ```text
//! #[instrument], info_span! ── tracing ──▶ layer     takes the fields, withholds content unformatted
//!                                           │
//!                                           ▼
//! the OpenTelemetry API ────────────────▶ tracer     one record for each GenAI span
//!                                           │
//! semconv (tables) ─────────────────────▶ record     one spelling, one type, one value
//!                                           ▼
//!                                         policy     what may leave
//!                                           ▼
//!                                        SDK span    name, kind and attributes of the conventions
//!                                           ▼
//!                                       pipeline     queue, batch, retry for each destination
//!                                           ▼
//!                                         format     what the destination reads
//! ```
//!
//! # Special fields
//!
//! | Field | Meaning | Late? |
//! |---|---|---|
//! | `gen_ai.*`, `mcp.*`, `openai.*` | attributes of the conventions, in any spelling of [`semconv`] | yes |
//! | `otel.name` | the span's name, instead of the one of the conventions | yes |
//! | `otel.kind` | `client`, `server`, `internal`, `producer` or `consumer`, instead of the derived one | before the first enter |
//! | `otel.status_code`, `otel.status_description` | an error; a success leaves the status unset | yes |
//! | `error.type` | what kind of error: fails the span | yes |
//!
//! A field that is recorded later must be declared, as [`tracing::field::Empty`] where it has no
//! value yet: `tracing` drops a value for a field that the span does not have before any layer
//! sees it.
//!
//! # What is out of reach
//!
//! A log layer of yours prints what is in the fields, and a second `tracing-opentelemetry` layer
//! exports them: this crate decides only about what passes through it. Give such a log layer the
//! field formatter `telemetry::WithoutContent`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod calls;
mod capture;
#[cfg(feature = "init")]
pub mod config;
#[cfg(feature = "init")]
mod console;
mod content;
#[cfg(feature = "init")]
mod error;
#[cfg(feature = "init")]
pub mod format;
// The guides are documentation: they cost a build nothing.
#[cfg(all(
    any(doc, doctest),
    feature = "logs",
    feature = "testing",
    feature = "tower",
    feature = "yaml"
))]
pub mod guide;
mod health;
#[cfg(feature = "metrics")]
pub mod metrics;
#[cfg(feature = "init")]
mod pipeline;
pub mod policy;
mod record;
pub mod semconv;
#[cfg(feature = "init")]
pub mod telemetry;
#[cfg(feature = "testing")]
pub mod testing;

pub use calls::span_ext::{GenAiSpanExt, RequestParameters, Response, ToolCall, Usage};
pub use calls::{gateway, stream};
pub use capture::layer::{GenAiLayer, layer};
pub use capture::lint::{self, Finding, Problem};
#[cfg(feature = "logs")]
pub use capture::logs;
pub use capture::tracer;
#[cfg(feature = "init")]
pub use error::{Error, ErrorKind};
pub use semconv::Outcome;
#[cfg(feature = "tower")]
pub use telemetry::tower;
#[cfg(feature = "init")]
pub use telemetry::{Builder, Telemetry, builder, init_telemetry};

/// What the macros expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use tracing::field::Empty;
    pub use tracing::info_span;
}

#[cfg(all(doctest, feature = "init"))]
#[doc = include_str!("../README.md")]
struct Readme;
