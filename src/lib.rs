//! A `tracing` layer for the OpenTelemetry GenAI semantic conventions.
