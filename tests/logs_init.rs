//! Log records under the subscriber that `init` installs. One test: globals are set once in a
//! process.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use tracing::{debug, info, info_span};
use tracing_genai::telemetry::{Console, Log};
use tracing_genai_test_support::OtlpReceiver;

#[test]
fn events_of_the_whole_process_arrive_without_content_and_without_loops() {
    let receiver = OtlpReceiver::start();
    let endpoint = receiver.endpoint();
    let telemetry = tracing_genai::builder()
        .env([
            ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint.as_str()),
            ("OTEL_LOGS_EXPORTER", "otlp"),
            ("TRACING_GENAI_LOGS_LEVEL", "trace"),
        ])
        .service_name("chat-api")
        .console(Console::Never)
        .log(Log::Off)
        .init()
        .unwrap();
    tracing_log::LogTracer::init().unwrap();

    info_span!("handler", gen_ai.operation.name = "chat", gen_ai.input.messages = "canary")
        .in_scope(|| {
            info!(gen_ai.input.messages = "canary", "traced");
            debug!("fine");
            log::warn!(target: "old_library", "logged {}", 1);
            log::error!(target: "ureq::pool", "of a transport");
        });
    // What the first flush says about itself must not be what the second one sends.
    for _ in 0..3 {
        telemetry.force_flush().unwrap();
    }
    telemetry.shutdown().unwrap();

    let requests = receiver.requests();
    let logs: Vec<_> = requests.iter().filter_map(|request| request.logs.as_ref()).collect();
    let scopes = logs.iter().flat_map(|logs| &logs.resource_logs).flat_map(|it| &it.scope_logs);
    let mut seen: Vec<_> = scopes
        .flat_map(|scope| {
            let name = scope.scope.as_ref().unwrap().name.as_str();
            scope.log_records.iter().map(move |record| (name, record))
        })
        .collect();
    seen.sort_by_key(|(_, record)| record.time_unix_nano);
    let targets: Vec<_> = seen.iter().map(|(target, _)| *target).collect();
    assert_eq!(targets, [module_path!(), module_path!(), "old_library"], "{seen:#?}");
    let logged = seen[2].1;
    assert_eq!(logged.severity_text, "WARN");
    let keys: Vec<_> = logged.attributes.iter().map(|attribute| attribute.key.as_str()).collect();
    assert_eq!(keys, ["code.file.path", "code.line.number"]);
    assert!(!logged.trace_id.is_empty() && logged.trace_id == seen[0].1.trace_id);
    assert!(!receiver.contains_bytes("canary"));
}
