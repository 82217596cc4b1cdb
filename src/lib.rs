//! A `tracing` layer for the OpenTelemetry GenAI semantic conventions.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "init")]
pub mod config;
#[cfg(feature = "init")]
mod error;
#[cfg(feature = "init")]
pub mod format;
pub mod gateway;
mod health;
mod layer;
mod span_ext;
pub mod stream;

#[cfg(feature = "init")]
pub use error::{Error, ErrorKind};
pub use layer::lint::{self, Finding, Problem};
pub use layer::{GenAiLayer, layer};
pub use span_ext::{GenAiSpanExt, Outcome, RequestParameters, Response, ToolCall, Usage};
#[cfg(feature = "init")]
pub use telemetry::{Builder, Telemetry, builder, init_telemetry};
#[cfg(feature = "init")]
pub mod pipeline;
pub mod policy;
pub mod record;
pub mod semconv;
#[cfg(feature = "init")]
pub mod telemetry;
pub mod tracer;

/// What the macros expand to; not for use by hand.
#[doc(hidden)]
pub mod __private {
    pub use tracing::field::Empty;
    pub use tracing::info_span;
}

#[cfg(all(doctest, feature = "init"))]
#[doc = include_str!("../README.md")]
struct Readme;
