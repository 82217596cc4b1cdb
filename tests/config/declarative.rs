//! OpenTelemetry's own configuration files.
#![cfg(feature = "yaml")]

use super::{explain, origin, value};

#[test]
fn the_shape_of_the_specification_lands_on_our_keys() {
    let file = r#"
file_format: "1.2"
disabled: false
resource:
  attributes: [{name: service.name, value: my-app}, {name: n, value: 3, type: int}, {name: v, value: "1.0"}]
  attributes_list: ${OTEL_RESOURCE_ATTRIBUTES}
propagator: {composite: [{tracecontext: }], composite_list: "baggage"}
attribute_limits: {attribute_count_limit: 64}
tracer_provider:
  processors: [{batch: {schedule_delay: 2000, export_timeout: 3000, max_queue_size: 1024, max_export_batch_size: 256,
      exporter: {otlp_http: {endpoint: "http://c:4318/v1/traces", headers: [{name: k, value: "${K}"}], headers_list: "a=b",
                 compression: gzip, timeout: 9000}}}}]
  sampler: {parent_based: {root: {trace_id_ratio_based: {ratio: 0.1}}}}
  limits: {event_count_limit: 7}
meter_provider:
  readers: [{periodic: {interval: 30000, timeout: 4000, exporter: {otlp_http: {endpoint: "http://m:4318/v1/metrics", temporality_preference: delta}}}}]
logger_provider: {processors: [{batch: {exporter: {otlp_grpc: {endpoint: "http://l:4317"}}}}]}
instrumentation/development:
  general:
    gen_ai: {semconv: {version: 1, experimental: true, dual_emit: true}}
  rust: {tracing_genai: {content_capture: full, span_ttl: 5m}}
  python: {whatever: 1}
distribution: {someone: {x: 1}}
"#;
    let explanation = explain(
        file,
        &[
            ("K", "secret"),
            ("OTEL_RESOURCE_ATTRIBUTES", "n=4,from.list=x"),
            // All of this is ignored, by the specification.
            ("OTEL_SERVICE_NAME", "ignored"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://ignored"),
            ("OTEL_SDK_DISABLED", "true"),
        ],
    );
    for (key, expected) in [
        ("resource_attributes.service.name", "my-app"),
        ("resource_attributes.n", "3"),
        ("resource_attributes.from.list", "x"),
        ("propagators", "tracecontext,baggage"),
        ("destinations.default.traces", "http://c:4318/v1/traces"),
        ("destinations.default.headers", "a, k"),
        ("destinations.default/metrics.metrics", "http://m:4318/v1/metrics"),
        ("destinations.default/logs.logs", "http://l:4317"),
        ("destinations.default/logs.protocol", "grpc"),
        ("traces.compression", "gzip"),
        ("traces.timeout", "9000"),
        ("traces.batch.flush_ms", "2000"),
        ("traces.batch.max_queue_size", "1024"),
        ("sampler", "parentbased_traceidratio"),
        ("sampler_arg", "0.1"),
        ("limits.attribute_count_limit", "64"),
        ("limits.event_count_limit", "7"),
        ("metrics.export_interval_ms", "30000"),
        ("metrics.temporality", "delta"),
        ("semconv", "dual"),
        ("content_capture", "full"),
        ("span_ttl", "300000"),
    ] {
        assert_eq!(value(&explanation, key), expected, "{key}\n{explanation}");
    }
    assert_eq!(origin(&explanation, "content_capture"), "configuration:21:43");
}

#[test]
fn a_provider_that_is_not_there_is_off() {
    let explanation = explain("file_format: 1.0\n", &[]);
    for (key, expected) in [
        ("traces.enabled", "false"),
        ("metrics.enabled", "false"),
        ("logs.enabled", "false"),
        ("propagators", "none"),
    ] {
        assert_eq!(value(&explanation, key), expected, "{key}");
    }
}

/// The usual file for those who move from variables, with every reference unset.
#[test]
fn references_to_nothing_leave_defaults() {
    let file = r#"
file_format: "1.0-rc.2"
disabled: ${OTEL_SDK_DISABLED:-false}
resource:
  attributes: [{name: service.name, value: "${OTEL_SERVICE_NAME:-unknown_service}"}]
  attributes_list: ${OTEL_RESOURCE_ATTRIBUTES}
attribute_limits:
  attribute_value_length_limit: ${OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT}
  attribute_count_limit: ${OTEL_ATTRIBUTE_COUNT_LIMIT:-64}
tracer_provider:
  processors:
    - batch:
        exporter:
          otlp_http:
            endpoint: ${OTEL_EXPORTER_OTLP_ENDPOINT:-http://localhost:4318}/v1/traces
            tls: {ca_file: "${CERT}", key_file: "${KEY}", cert_file: "${CERT}"}
            headers: [{name: api-key, value: "${API_KEY}"}]
            headers_list: ${HEADERS}
  limits: {attribute_count_limit: "${SPAN_LIMIT}"}
"#;
    let explanation = explain(file, &[]);
    for (key, expected) in [
        ("destinations.default.traces", "http://localhost:4318/v1/traces"),
        ("destinations.default.headers", ""),
        ("limits.attribute_value_length_limit", ""),
        ("resource_attributes.service.name", "unknown_service"),
    ] {
        assert_eq!(value(&explanation, key), expected, "{key}");
    }
    assert!(
        explanation
            .warnings()
            .iter()
            .any(|warning| warning.contains("API_KEY is not set; left out")),
        "{:?}",
        explanation.warnings()
    );
}

#[test]
fn several_exporters_of_a_signal_are_several_destinations() {
    let file = "
file_format: '1.0'
tracer_provider:
  processors:
    - batch: {exporter: {otlp_http: {endpoint: 'http://a:4318/v1/traces', headers: [{name: x, value: '1'}]}}}
    - batch: {exporter: {otlp_grpc: {endpoint: 'http://b:4317'}}}
";
    let explanation = explain(file, &[]);
    for (key, expected) in [
        ("destinations.traces-0.traces", "http://a:4318/v1/traces"),
        ("destinations.traces-0.headers", "x"),
        ("destinations.traces-1.traces", "http://b:4317"),
        ("destinations.traces-1.headers", ""),
    ] {
        assert_eq!(value(&explanation, key), expected, "{key}\n{explanation}");
    }
}
