//! What a record has in it.

use std::io;

use opentelemetry::trace::TraceContextExt;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tracing::{debug, error, info, info_span, trace, warn};
use tracing_genai::telemetry::Sampler;
use tracing_opentelemetry::OpenTelemetrySpanExt;

use super::*;

#[test]
fn an_event_has_its_place_its_time_and_its_typed_fields() {
    let receiver = OtlpReceiver::start();
    let before = std::time::SystemTime::now();
    let telemetry = run(builder(&receiver), || {
        info!(
            target: "shop::cart",
            items = 3_u64,
            total = 9.5,
            gift = true,
            delta = -2,
            large = u64::MAX,
            user = "u-1",
            codes = ?[1, 2],
            "cart {}", "paid",
        );
        warn!(name: "shop.stock.low", sku = %7, "low");
        error!(event.name = "shop.stock.out", "out");
    });
    telemetry.force_flush().unwrap();

    let records = records(&receiver);
    let [(cart_scope, cart), (scope, low), (_, out)] = &records[..] else {
        panic!("{records:?}");
    };
    assert_eq!((cart_scope.as_str(), scope.as_str()), ("shop::cart", module_path!()));
    assert_eq!(body(cart), "cart paid");
    assert_eq!((cart.severity_number, cart.severity_text.as_str()), (9, "INFO"));
    assert_eq!((low.severity_number, out.severity_number), (13, 17));
    assert_eq!(attribute(cart, "items"), Some(&Value::IntValue(3)));
    assert_eq!(attribute(cart, "total"), Some(&Value::DoubleValue(9.5)));
    assert_eq!(attribute(cart, "gift"), Some(&Value::BoolValue(true)));
    assert_eq!(attribute(cart, "delta"), Some(&Value::IntValue(-2)));
    assert_eq!(text(cart, "large"), Some("18446744073709551615"));
    assert_eq!(text(cart, "user"), Some("u-1"));
    assert_eq!(text(cart, "codes"), Some("[1, 2]"));
    assert_eq!(text(cart, "code.file.path"), Some(file!()));
    assert!(matches!(attribute(cart, "code.line.number"), Some(Value::IntValue(_))));
    assert_eq!(attribute(cart, "message"), None);
    let nanos = before.duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos();
    assert!(u128::from(cart.time_unix_nano) >= nanos);
    assert_eq!(cart.time_unix_nano, cart.observed_time_unix_nano);

    assert_eq!(cart.event_name, "");
    assert_eq!(low.event_name, "shop.stock.low");
    assert_eq!(out.event_name, "shop.stock.out");
    assert_eq!(attribute(out, "event.name"), None);

    let resource = resources(&receiver)[0].resource.clone().unwrap();
    let name = resource.attributes.iter().find(|it| it.key == "service.name").unwrap();
    assert_eq!(name.value.as_ref().unwrap().value, Some(Value::StringValue("test".into())));
}

#[test]
fn a_record_belongs_to_the_span_that_its_event_is_in() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder(&receiver), || {
        let outer = info_span!("outer");
        let inner = info_span!(parent: &outer, "inner", gen_ai.operation.name = "chat");
        info!("outside");
        inner.in_scope(|| {
            info!("inside");
            info!(parent: &outer, "explicit");
            info!(parent: None, "root");
        });
    });
    telemetry.force_flush().unwrap();

    let spans = receiver.spans();
    let span = |name: &str| spans.iter().find(|span| span.name == name).unwrap();
    let (outer, chat) = (span("outer"), span("chat"));
    let records = records(&receiver);
    let record = |message: &str| &records.iter().find(|(_, it)| body(it) == message).unwrap().1;
    for (message, of) in [("inside", chat), ("explicit", outer)] {
        let record = record(message);
        assert_eq!(hex(&record.trace_id), of.trace_id, "{message}");
        assert_eq!(hex(&record.span_id), of.span_id, "{message}");
        assert_eq!(record.flags, 1, "{message}");
    }
    for message in ["outside", "root"] {
        let record = record(message);
        assert!(record.trace_id.is_empty() && record.span_id.is_empty() && record.flags == 0);
    }
    // The span keeps its events.
    assert_eq!(chat.events.len(), 1);
}

#[test]
fn a_record_of_an_unsampled_span_has_its_ids_and_says_so() {
    let receiver = OtlpReceiver::start();
    let mut ids = (String::new(), String::new());
    let telemetry = run(builder(&receiver).sampler(Sampler::AlwaysOff), || {
        let span = info_span!("handler", gen_ai.operation.name = "chat");
        let context = span.context();
        let of = context.span().span_context().clone();
        ids = (of.trace_id().to_string(), of.span_id().to_string());
        span.in_scope(|| info!("inside"));
    });
    telemetry.force_flush().unwrap();
    let (_, record) = &records(&receiver)[0];
    assert_eq!((hex(&record.trace_id), hex(&record.span_id)), ids);
    assert_eq!(record.flags, 0);
    assert_eq!(receiver.span_count(), 0);
}

#[test]
fn an_error_stands_where_the_conventions_want_it() {
    let receiver = OtlpReceiver::start();
    let env = [("TRACING_GENAI_ERROR_TEXT", "full")];
    let telemetry = run(with_env(&receiver, &env), || {
        let cause = io::Error::other(io::Error::other("the cable is out"));
        error!(error = &cause as &dyn std::error::Error, "failed");
    });
    telemetry.force_flush().unwrap();
    let (_, record) = &records(&receiver)[0];
    assert_eq!(text(record, "error"), Some("the cable is out"));
    assert_eq!(text(record, "exception.message"), Some("the cable is out"));
}

#[test]
fn levels_and_limits_hold() {
    let receiver = OtlpReceiver::start();
    let env = [
        ("TRACING_GENAI_LOGS_LEVEL", "debug"),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "2"),
        ("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT", "5"),
    ];
    let telemetry = run(with_env(&receiver, &env), || {
        trace!("too fine");
        debug!(a = "grün und blau", b = 2, c = 3, "fine");
    });
    telemetry.force_flush().unwrap();
    let records = records(&receiver);
    assert_eq!(records.len(), 1);
    let (_, record) = &records[0];
    assert_eq!((body(record), record.severity_number), ("fine", 5));
    assert_eq!(text(record, "a"), Some("grün"));
    assert_eq!(attribute(record, "b"), Some(&Value::IntValue(2)));
    // `c`, and where it was written.
    assert_eq!((record.attributes.len(), record.dropped_attributes_count), (2, 3));
}

#[test]
fn what_carries_telemetry_away_is_not_told_about() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder(&receiver), || {
        for_each_transport();
        let _export = opentelemetry::Context::enter_telemetry_suppressed_scope();
        error!("from an export thread");
    });
    telemetry.force_flush().unwrap();
    assert_eq!(counts(&telemetry).received(), 0);
    assert!(receiver.requests_at("/v1/logs").is_empty());
}

fn for_each_transport() {
    error!(target: "hyper_util::client", "-");
    error!(target: "h2", "-");
    error!(target: "tonic::transport", "-");
    error!(target: "ureq", "-");
    error!(target: "rustls::conn", "-");
    error!(target: "opentelemetry_sdk", "-");
    error!(target: "tracing_genai", "-");
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
