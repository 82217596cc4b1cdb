//! The `tracing` side.
