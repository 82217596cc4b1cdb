//! What the OpenTelemetry GenAI conventions say about one exported span.
