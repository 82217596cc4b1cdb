//! When records are sent, where to, and how they are counted.

use tracing::{debug, info, info_span};
use tracing_genai::telemetry::State;
use tracing_genai_test_support::Answer;

use super::*;

fn numbered(n: usize) {
    for number in 0..n {
        info!(number, "event");
    }
}

#[test]
fn without_being_asked_for_nothing_is_sent() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(bare().endpoint(receiver.endpoint()), || {
        info_span!("handler").in_scope(|| numbered(3));
    });
    telemetry.shutdown().unwrap();
    assert_eq!(receiver.span_count(), 1);
    assert!(receiver.requests_at("/v1/logs").is_empty());
    let status = telemetry.status();
    assert!(status.logs().is_none());
    assert!(!status.to_string().contains("logs"), "{status}");
}

#[test]
fn shutdown_delivers_and_the_status_adds_up() {
    let receiver = OtlpReceiver::start();
    let (layer, telemetry) = builder(&receiver).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let _default = tracing::subscriber::set_default(subscriber);
    numbered(1500);
    telemetry.shutdown().unwrap();
    numbered(2);

    assert_eq!(records(&receiver).len(), 1500);
    let logs = counts(&telemetry);
    assert_eq!((logs.received(), logs.exported()), (1502, 1500));
    assert_eq!(logs.dropped().get("after_shutdown"), Some(&2));
    let status = telemetry.status();
    let url = format!("{}/v1/logs", receiver.endpoint());
    assert!(status.to_string().contains(&format!("{url} (http/protobuf)")), "{status}");
    let json = serde_json::to_value(&status).unwrap();
    assert_eq!(json["logs"]["exported"], 1500);
    assert_eq!(json["logs"]["destinations"][0]["url"], url.as_str());
    assert_eq!(json["spans"]["started"], 0);
}

#[test]
fn a_signal_has_its_own_endpoint_headers_and_protocol() {
    let (traces, logs) = (OtlpReceiver::start(), OtlpReceiver::start());
    let own = format!("{}/intake/logs", logs.endpoint());
    logs.answer_at("/intake/logs", Answer::accept());
    let env = [
        ("OTEL_EXPORTER_OTLP_HEADERS", "x-key=of-the-traces"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", own.as_str()),
        ("OTEL_EXPORTER_OTLP_LOGS_HEADERS", "x-key=of-the-logs"),
    ];
    let telemetry = run(with_env(&traces, &env), || {
        info_span!("handler").in_scope(|| numbered(1));
    });
    telemetry.force_flush().unwrap();
    assert_eq!(traces.span_count(), 1);
    assert!(!traces.contains_bytes("of-the-logs"));
    let requests = logs.requests_at("/intake/logs");
    assert_eq!(requests.len(), 1);
    assert_eq!(requests[0].header("x-key"), Some("of-the-logs"));
    assert_eq!(requests[0].header("content-type"), Some("application/x-protobuf"));
    assert_eq!(records(&logs).len(), 1);
}

#[cfg(all(feature = "gzip", feature = "http-json"))]
#[test]
fn json_and_gzip_travel_too() {
    let receiver = OtlpReceiver::start();
    let env =
        [("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"), ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")];
    let telemetry = run(with_env(&receiver, &env), || numbered(3));
    telemetry.force_flush().unwrap();
    let requests = receiver.requests_at("/v1/logs");
    assert_eq!(requests[0].header("content-type"), Some("application/json"));
    assert_eq!(requests[0].header("content-encoding"), Some("gzip"));
    assert_eq!(records(&receiver).len(), 3);
}

#[test]
fn records_leave_without_spans_too() {
    let receiver = OtlpReceiver::start();
    let endpoint = format!("{}/v1/logs", receiver.endpoint());
    let env = [
        ("OTEL_LOGS_EXPORTER", "otlp"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", endpoint.as_str()),
    ];
    let telemetry = run(bare().env(env), || {
        info_span!("handler").in_scope(|| numbered(1));
    });
    telemetry.force_flush().unwrap();
    assert_eq!((records(&receiver).len(), receiver.requests().len()), (1, 1));
    let status = telemetry.status();
    assert_eq!(status.reason(), Some("`traces.exporter` is none"), "{status}");
}

#[test]
fn a_destination_decides_for_itself() {
    let (with, without) = (OtlpReceiver::start(), OtlpReceiver::start());
    for general in ["logs: {enabled: true}\n", "logs: {enabled: false}\n", ""] {
        let config = format!(
            "{general}metrics: {{enabled: false}}\nexporters:\n\
             - {{endpoint: '{}', logs: {{enabled: true}}}}\n\
             - {{endpoint: '{}', logs: {{enabled: false}}}}\n",
            with.endpoint(),
            without.endpoint(),
        );
        let telemetry = run(bare().config_str(config), || {
            info_span!("handler").in_scope(|| numbered(2));
        });
        telemetry.shutdown().unwrap();
        assert_eq!((records(&with).len(), records(&without).len()), (2, 0), "{general}");
        assert_eq!((with.span_count(), without.span_count()), (1, 1));
        with.clear();
        without.clear();
    }
}

#[test]
fn a_declarative_file_switches_records_on() {
    let receiver = OtlpReceiver::start();
    let config = format!(
        "file_format: '1.0'\nlogger_provider:\n  processors:\n    - batch:\n        \
         schedule_delay: 200\n        exporter:\n          otlp_http:\n            \
         endpoint: '{}/v1/logs'\n",
        receiver.endpoint(),
    );
    let telemetry = run(bare().config_str(config), || numbered(2));
    telemetry.force_flush().unwrap();
    assert_eq!(records(&receiver).len(), 2);
    assert_eq!(receiver.requests().len(), 1);
}

#[test]
fn the_doctor_asks_for_log_records_too() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder(&receiver), || {});
    assert!(telemetry.doctor().is_healthy());
    assert_eq!(receiver.requests_at("/v1/logs").len(), 1);

    receiver.answer_at("/v1/logs", Answer::status(404));
    let diagnosis = telemetry.doctor();
    let found = diagnosis.to_string();
    assert!(found.contains("but no log records (answered 404"), "{diagnosis}");
    assert!(found.contains("logs.enabled"), "{diagnosis}");
}

#[test]
fn a_flood_is_bounded_and_counted() {
    let receiver = OtlpReceiver::start();
    receiver.answer_at("/v1/logs", Answer::never());
    let env = [
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "100"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "200"),
    ];
    let telemetry = run(with_env(&receiver, &env), || {
        info_span!("handler").in_scope(|| numbered(10_000));
    });
    let logs = counts(&telemetry);
    assert_eq!(logs.received(), 10_000);
    assert!(logs.queued() <= 100, "{logs}");
    // Spans have their own way.
    let _ = receiver.wait_for_spans(1, PATIENCE);
    let error = telemetry.shutdown().unwrap_err();
    assert!(error.to_string().contains("spans or log records"), "{error}");
    let logs = counts(&telemetry);
    assert_eq!(logs.queued(), 0);
    assert!(logs.dropped().contains_key("queue_full"), "{logs}");
}

#[test]
fn a_busy_receiver_is_asked_again_and_a_rejection_is_counted() {
    let receiver = OtlpReceiver::start();
    receiver.answer_next(Answer::status(503));
    receiver.answer_next(Answer::partial_success(2, "too old"));
    let builder = bare().endpoint(receiver.endpoint()).export_logs(true);
    let telemetry = run(builder, || numbered(5));
    let error = telemetry.force_flush().unwrap_err();
    assert!(error.to_string().contains("2 log records rejected: too old"), "{error}");
    let logs = counts(&telemetry);
    assert_eq!((logs.exported(), logs.rejected()), (3, 2));
    assert_eq!(receiver.requests_at("/v1/logs").len(), 2);
}

#[test]
fn a_receiver_without_logs_is_left_alone_and_named() {
    let receiver = OtlpReceiver::start();
    receiver.answer_at("/v1/logs", Answer::status(404));
    let (layer, telemetry) = builder(&receiver).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let _default = tracing::subscriber::set_default(subscriber);
    for _ in 0..5 {
        info_span!("handler").in_scope(|| numbered(2));
        let _ = telemetry.force_flush();
    }
    assert_eq!(receiver.requests_at("/v1/logs").len(), 1);
    assert_eq!(receiver.span_count(), 5);
    assert_eq!(counts(&telemetry).failed(), 10);
    let status = telemetry.status();
    let shown = status.to_string();
    assert!(shown.contains("the receiver does not accept logs (answered 404"), "{shown}");
    assert!(shown.contains("logs.enabled"), "{shown}");
    assert_eq!(status.state(), State::Running);
    assert_eq!(status.spans().exported(), 5);
}

#[test]
fn a_reload_switches_records_on_elsewhere_and_off() {
    let (first, second) = (OtlpReceiver::start(), OtlpReceiver::start());
    let file = std::env::temp_dir().join(format!("tracing-genai-logs-{}.yaml", std::process::id()));
    let write = |endpoint: &str, logs: &str| {
        std::fs::write(
            &file,
            format!("endpoint: {endpoint}\nmetrics: {{enabled: false}}\nlogs: {logs}\n"),
        )
        .unwrap();
    };
    write(&first.endpoint(), "{enabled: false}");
    let (layer, telemetry) = bare().config_file(&file).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let _default = tracing::subscriber::set_default(subscriber);
    let emit = || {
        info!("info");
        debug!("debug");
        let _ = telemetry.force_flush();
    };
    emit();
    assert_eq!(records(&first).len(), 0);

    for (receiver, logs, expected) in [
        (&first, "{enabled: true}", (1, 0)),
        (&first, "{enabled: true, level: debug}", (3, 0)),
        (&second, "{enabled: true, level: debug}", (3, 2)),
        (&second, "{enabled: true, level: warn}", (3, 2)),
        (&second, "{enabled: false}", (3, 2)),
    ] {
        write(&receiver.endpoint(), logs);
        let reloaded = telemetry.reload().unwrap();
        assert!(reloaded.changed().contains(&String::from("logs")), "{reloaded}");
        assert!(reloaded.needs_restart().is_empty(), "{reloaded}");
        emit();
        assert_eq!((records(&first).len(), records(&second).len()), expected, "{logs}");
    }
    let reloaded = telemetry.reload().unwrap();
    assert!(!reloaded.changed().contains(&String::from("logs")), "{reloaded}");
    let logs = counts(&telemetry);
    assert_eq!((logs.received(), logs.exported()), (5, 5));
    std::fs::remove_file(&file).unwrap();
}
