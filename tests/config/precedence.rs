//! Code over environment over file over default, key by key.
#![cfg(feature = "yaml")]

use super::{explain, origin, value};

const TRACES: &str = "destinations.default.traces";
const METRICS: &str = "destinations.default.metrics";

#[test]
fn the_layer_comes_before_the_signal() {
    let file = "endpoint: http://file:4318\nmetrics:\n  endpoint: http://file:4318/v1/metrics\n";
    let explanation = explain(file, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:4318")]);
    assert_eq!(value(&explanation, TRACES), "http://env:4318/v1/traces");
    assert_eq!(value(&explanation, METRICS), "http://env:4318/v1/metrics");

    let explanation = explain(file, &[("OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", "http://env:1/x")]);
    assert_eq!(value(&explanation, TRACES), "http://file:4318/v1/traces");
    assert_eq!(value(&explanation, METRICS), "http://env:1/x");
}

#[test]
fn maps_merge_by_name_and_null_removes() {
    let file = "endpoint: http://c:4318\nheaders:\n  X-A: file\n  x-b: file\n\
                traces:\n  headers:\n    x-c: file\nresource_attributes: {a: file, b: file}\n";
    let explanation = explain(
        file,
        &[("OTEL_EXPORTER_OTLP_HEADERS", "x-a=env"), ("OTEL_RESOURCE_ATTRIBUTES", "a=env")],
    );
    assert_eq!(origin(&explanation, "headers.x-a"), "env OTEL_EXPORTER_OTLP_HEADERS");
    assert_eq!(origin(&explanation, "headers.x-b"), "configuration:4:3");
    assert_eq!(value(&explanation, "resource_attributes.a"), "env");
    assert_eq!(value(&explanation, "resource_attributes.b"), "file");
    // Within a layer those of the signal replace the general ones.
    assert_eq!(value(&explanation, "destinations.default.headers"), "x-a, x-c");
    assert_eq!(value(&explanation, "destinations.default/metrics.headers"), "x-a, x-b");
}

#[test]
fn sampler_and_ratio_travel_together() {
    let file = "sampler: traceidratio\nsampler_arg: 0.25\n";
    let alone = explain(file, &[("OTEL_TRACES_SAMPLER_ARG", "0.5")]);
    assert_eq!(value(&alone, "sampler_arg"), "0.5");
    let other = explain(
        "sampler: always_on\n",
        &[("OTEL_TRACES_SAMPLER", "ALWAYS_OFF"), ("OTEL_TRACES_SAMPLER_ARG", "0.5")],
    );
    assert_eq!(value(&other, "sampler"), "always_off");
    assert!(other.warnings()[0].contains("has no effect on always_off"), "{:?}", other.warnings());
    // The variable's sampler does not take the ratio of the file.
    let own = explain(file, &[("OTEL_TRACES_SAMPLER", "parentbased_traceidratio")]);
    assert_eq!(value(&own, "sampler"), "parentbased_traceidratio");
    assert_eq!((value(&own, "sampler_arg"), origin(&own, "sampler_arg")), ("1.0", "default"));
}

#[test]
fn the_name_of_the_service_by_the_specification() {
    let file = "service_name: file\nresource_attributes: {service.name: file-attribute}\n";
    let name = |variables: &[(&str, &str)]| {
        let explanation = explain(file, variables);
        value(&explanation, "resource_attributes.service.name").to_owned()
    };
    assert_eq!(name(&[]), "file");
    assert_eq!(name(&[("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute")]), "attribute");
    let both =
        [("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute"), ("OTEL_SERVICE_NAME", "env")];
    assert_eq!(name(&both), "env");
}

#[test]
fn an_endpoint_alone_turns_export_on_and_nothing_else_does() {
    let quiet = explain("service_name: a\nheaders: {x: y}\nprotocol: grpc\n", &[]);
    assert_eq!(value(&quiet, TRACES), "");
    let localhost = explain("service_name: a\n", &[("OTEL_TRACES_EXPORTER", "otlp")]);
    assert_eq!(value(&localhost, TRACES), "http://localhost:4318/v1/traces");
    assert_eq!(value(&localhost, METRICS), "");
    let off = explain("endpoint: http://c:4318\n", &[("OTEL_METRICS_EXPORTER", "none")]);
    assert_eq!(value(&off, TRACES), "http://c:4318/v1/traces");
    assert_eq!(value(&off, METRICS), "");
}

#[test]
fn exporters_have_their_own_headers_and_a_stricter_policy() {
    let file = "content_capture: full\nprotocol: http/json\nexporters:\n\
                - {name: a, endpoint: 'http://a:4318', headers: {x-a: '1'}, content_capture: off}\n\
                - {endpoint: 'https://b/otlp', bearer_token: t, format: open_inference}\n";
    let explanation = explain(file, &[("TRACING_GENAI_EXPORTERS_0_ENDPOINT", "http://z:4318")]);
    for (key, expected) in [
        ("destinations.a.traces", "http://z:4318/v1/traces"),
        ("destinations.a.protocol", "http/json"),
        ("destinations.a.headers", "x-a"),
        ("destinations.a.content_capture", "off"),
        ("destinations.1.traces", "https://b/otlp/v1/traces"),
        ("destinations.1.headers", "authorization"),
        ("destinations.1.format", "open_inference"),
        ("destinations.1.content_capture", "full"),
        (TRACES, ""),
    ] {
        assert_eq!(value(&explanation, key), expected, "{key}");
    }
    let redirected = explain(file, &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://env:4318")]);
    assert_eq!(value(&redirected, TRACES), "http://env:4318/v1/traces");
    assert_eq!(value(&redirected, "destinations.a.traces"), "");
    assert_eq!(value(&redirected, "destinations.default.headers"), "");
}

#[test]
fn what_is_switched_off_is_not_looked_at() {
    let off = explain("enabled: false\nendpoint: ${UNSET}\nheaders: {x: '${UNSET}'}\n", &[]);
    assert_eq!(value(&off, "enabled"), "false");
    explain("endpoint: http://c\nheaders: {x: '${UNSET}'}\n", &[("OTEL_SDK_DISABLED", "TRUE")]);
    explain("endpoint: ${UNSET}\n", &[("OTEL_EXPORTER_OTLP_ENDPOINT", "http://c:4318")]);
}
