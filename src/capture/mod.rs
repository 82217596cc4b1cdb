//! How telemetry comes in: from spans and events of `tracing`, and from the OpenTelemetry API.

pub(crate) mod layer;
pub mod lint;
#[cfg(feature = "logs")]
pub mod logs;
pub mod tracer;
