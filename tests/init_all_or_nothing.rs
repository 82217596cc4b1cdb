//! A refused `init` leaves no trace. One test: globals are set once in a process.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;

use opentelemetry::trace::{Span as _, Tracer as _};
use tracing_genai::telemetry::Console;
use tracing_genai::{ErrorKind, builder};
use tracing_genai_test_support::OtlpReceiver;

#[test]
fn a_refused_init_changes_no_global_and_leaves_no_thread() {
    let receiver = OtlpReceiver::start();
    tracing::subscriber::set_global_default(tracing_subscriber::registry()).unwrap();

    let error = builder()
        .env([("OTEL_EXPORTER_OTLP_ENDPOINT", receiver.endpoint())])
        .console(Console::Always)
        .console_writer(Vec::new())
        .init()
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyInitialized);
    assert!(error.to_string().contains("builder().build()"), "{error}");

    let span = opentelemetry::global::tracer("test").start("nobody listens");
    assert!(!span.is_recording(), "no global tracer provider");
    let mut headers = HashMap::new();
    opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.inject(&mut headers);
        assert_eq!(propagator.fields().count(), 0, "no global propagator");
    });
    assert_eq!(export_threads(), Vec::<String>::new());
}

/// The names of our threads, where the system tells.
fn export_threads() -> Vec<String> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok())
        .filter(|name| name.starts_with("genai-"))
        .collect()
}
