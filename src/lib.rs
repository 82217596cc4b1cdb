//! A `tracing` layer for the OpenTelemetry GenAI semantic conventions.
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(feature = "init")]
pub mod config;
mod error;
#[cfg(feature = "init")]
pub mod format;
mod health;
mod layer;
#[cfg(feature = "metrics")]
pub mod metrics;

pub use error::{Error, ErrorKind};
pub use layer::{GenAiLayer, layer};
#[cfg(feature = "init")]
pub use telemetry::{Builder, Telemetry, builder, init_telemetry};
#[cfg(feature = "init")]
pub mod pipeline;
pub mod policy;
pub mod record;
pub mod semconv;
#[cfg(feature = "init")]
pub mod telemetry;
#[cfg(feature = "tower")]
pub mod tower;
pub mod tracer;

#[cfg(all(doctest, feature = "init"))]
#[doc = include_str!("../README.md")]
struct Readme;
