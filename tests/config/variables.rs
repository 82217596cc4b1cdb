//! The variables of OpenTelemetry by its rules, and one of ours for every key.
#![cfg(feature = "yaml")]

use super::{explain, value};

#[test]
fn standard_variables_say_what_the_specification_says() {
    let rows: &[(&str, &str, &str, &str)] = &[
        ("OTEL_SDK_DISABLED", "TRUE", "enabled", "false"),
        ("OTEL_SERVICE_NAME", "a", "service_name", "a"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "GRPC", "protocol", "grpc"),
        ("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL", "http/json", "traces.protocol", "http/json"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "0", "timeout", "0"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip", "compression", "gzip"),
        ("OTEL_EXPORTER_OTLP_INSECURE", "true", "insecure", "true"),
        ("OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca.pem", "tls_ca_cert", "/ca.pem"),
        ("OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", "/k.pem", "logs.tls.key_file", "/k.pem"),
        ("OTEL_EXPORTER_OTLP_CLIENT_CERTIFICATE", "/c.pem", "tls.cert_file", "/c.pem"),
        ("OTEL_TRACES_SAMPLER", "Always_Off", "sampler", "always_off"),
        ("OTEL_TRACES_SAMPLER_ARG", "0.25", "sampler_arg", "0.25"),
        ("OTEL_PROPAGATORS", "baggage,baggage", "propagators", "baggage"),
        ("OTEL_PROPAGATORS", "b3,tracecontext", "propagators", "tracecontext"),
        ("OTEL_LOG_LEVEL", "DEBUG", "log_level", "debug"),
        ("OTEL_BSP_SCHEDULE_DELAY", "100", "traces.batch.flush_ms", "100"),
        ("OTEL_BSP_EXPORT_TIMEOUT", "1", "traces.batch.export_timeout", "1"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "10", "traces.batch.max_queue_size", "10"),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10", "traces.batch.max_export_batch_size", "10"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "200", "logs.batch.flush_ms", "200"),
        ("OTEL_BLRP_EXPORT_TIMEOUT", "2", "logs.batch.export_timeout", "2"),
        ("OTEL_BLRP_MAX_QUEUE_SIZE", "20", "logs.batch.max_queue_size", "20"),
        ("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE", "20", "logs.batch.max_export_batch_size", "20"),
        ("OTEL_TRACES_EXPORTER", "console", "traces.exporter", "console"),
        ("OTEL_TRACES_EXPORTER", "zipkin,otlp", "traces.exporter", "otlp"),
        ("OTEL_METRICS_EXPORTER", "none", "metrics.exporter", "none"),
        ("OTEL_LOGS_EXPORTER", "otlp", "logs.exporter", "otlp"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "1000", "metrics.export_interval_ms", "1000"),
        ("OTEL_METRIC_EXPORT_TIMEOUT", "5", "metrics.export_timeout", "5"),
        (
            "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE",
            "LowMemory",
            "metrics.temporality",
            "lowmemory",
        ),
        (
            "OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION",
            "base2_exponential_bucket_histogram",
            "metrics.histogram_aggregation",
            "base2_exponential_bucket_histogram",
        ),
        ("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT", "1", "limits.attribute_count_limit", "1"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "2", "limits.attribute_count_limit", "2"),
        ("OTEL_ATTRIBUTE_COUNT_LIMIT", "2", "logs.attribute_count_limit", "2"),
        ("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "3", "limits.attribute_value_length_limit", "3"),
        ("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "4", "limits.attribute_value_length_limit", "4"),
        ("OTEL_SPAN_EVENT_COUNT_LIMIT", "5", "limits.event_count_limit", "5"),
        ("OTEL_SPAN_LINK_COUNT_LIMIT", "6", "limits.link_count_limit", "6"),
        ("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "7", "limits.event_attribute_count_limit", "7"),
        ("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "8", "limits.link_attribute_count_limit", "8"),
        ("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "9", "logs.attribute_count_limit", "9"),
        (
            "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT",
            "10",
            "logs.attribute_value_length_limit",
            "10",
        ),
        (
            "OTEL_SEMCONV_STABILITY_OPT_IN",
            "http,gen_ai_latest_experimental",
            "semconv_stability_opt_in",
            "http,gen_ai_latest_experimental",
        ),
        (
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
            "Span_And_Event",
            "content_capture",
            "full",
        ),
        ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true", "content_capture", "full"),
        (
            "OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT",
            "NO_CONTENT",
            "content_capture",
            "off",
        ),
        ("RUST_LOG", "warn,chat=debug", "log_filter", "warn,chat=debug"),
    ];
    for (variable, text, key, expected) in rows {
        let explanation = explain("", &[(variable, text)]);
        assert_eq!(value(&explanation, key), *expected, "{variable}={text}");
    }
}

#[test]
fn a_value_that_cannot_be_read_is_told_and_counts_as_unset() {
    for (variable, text) in [
        ("OTEL_SDK_DISABLED", "1"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/xml"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "10s"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "-5"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd"),
        ("OTEL_BSP_SCHEDULE_DELAY", "0"),
        ("OTEL_BSP_SCHEDULE_DELAY", "1e3"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "2147483647"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "18446744073709551615"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0"),
        ("OTEL_BLRP_SCHEDULE_DELAY", "0"),
        ("OTEL_METRIC_EXPORT_INTERVAL", "0"),
        ("OTEL_TRACES_SAMPLER", "jaeger_remote"),
        ("OTEL_TRACES_SAMPLER_ARG", "inf"),
        ("OTEL_TRACES_SAMPLER_ARG", "-0.1"),
        ("OTEL_TRACES_SAMPLER_ARG", "1.01"),
        ("OTEL_LOG_LEVEL", "loud"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=1,b"),
        ("OTEL_RESOURCE_ATTRIBUTES", "a=%ZZ"),
        ("OTEL_TRACES_EXPORTER", "zipkin"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "novalue"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "x=a%0d%0ab"),
        ("OTEL_EXPORTER_OTLP_HEADERS", "bad name=v"),
        ("TRACING_GENAI_SEMCONV", "1.99"),
        ("TRACING_GENAI_SPAN_TLL", "5m"),
    ] {
        let explanation = explain("", &[(variable, text)]);
        let [warning, ..] = explanation.warnings() else { panic!("no warning: {variable}={text}") };
        assert!(warning.starts_with(variable), "{warning}");
        for key in ["sampler", "protocol", "traces.batch.flush_ms", "semconv", "enabled"] {
            let (_, origin) = explanation.get(key).expect("has a default");
            assert_eq!(origin, "default", "{key} with {variable}={text}");
        }
    }
    let off = [("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "yes please")];
    assert_eq!(value(&explain("content_capture: full\n", &off), "content_capture"), "off");
}

#[test]
fn empty_is_unset() {
    let explanation = explain(
        "endpoint: http://c:4318\nsampler: always_off\n",
        &[
            ("OTEL_EXPORTER_OTLP_HEADERS", "x=1"),
            ("OTEL_EXPORTER_OTLP_TRACES_HEADERS", ""),
            ("OTEL_TRACES_SAMPLER", "  "),
        ],
    );
    assert_eq!(value(&explanation, "destinations.default.headers"), "x");
    assert_eq!(value(&explanation, "sampler"), "always_off");
    assert!(explanation.warnings().is_empty(), "{:?}", explanation.warnings());
}

#[test]
fn the_general_endpoint_is_a_base_and_a_signals_is_not() {
    let url = |variable, text| {
        value(&explain("", &[(variable, text)]), "destinations.default.traces").to_owned()
    };
    let general = "OTEL_EXPORTER_OTLP_ENDPOINT";
    assert_eq!(url(general, "http://c:4318/base/"), "http://c:4318/base/v1/traces");
    assert_eq!(url(general, "http://c:4318/v1/traces"), "http://c:4318/v1/traces/v1/traces");
    let traces = "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT";
    assert_eq!(url(traces, "http://c:4318"), "http://c:4318/");
    assert_eq!(url(traces, "http://c:4318/x"), "http://c:4318/x");
}
