//! `format` and `backend`: spellings, what comes along, what does not go together.
#![cfg(feature = "yaml")]

use super::{explain, report, value};

const FORMAT: &str = "destinations.default.format";
const METRICS: &str = "destinations.default.metrics";

fn warnings(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    explain(text, variables).warnings().to_vec()
}

#[test]
fn every_spelling_of_a_format_is_understood() {
    for (written, format) in [
        ("genai_extension", "gen_ai"),
        ("GenAI", "gen_ai"),
        ("open-inference", "open_inference"),
        ("openinference", "open_inference"),
        ("gen_ai+open_inference", "gen_ai+open_inference"),
        ("vercel", "vercel"),
        ("openllmetry", "openllmetry"),
        ("openllmetry_legacy", "openllmetry_legacy"),
        ("traceloop", "openllmetry"),
        ("langfuse", "langfuse"),
    ] {
        for key in ["format", "trace_type"] {
            let text = format!("endpoint: http://c:4318\n{key}: {written}\n");
            assert_eq!(value(&explain(&text, &[]), FORMAT), format, "{key}: {written}");
        }
        let explanation =
            explain("endpoint: http://c:4318\n", &[("TRACING_GENAI_FORMAT", written)]);
        assert_eq!(value(&explanation, FORMAT), format, "TRACING_GENAI_FORMAT={written}");
    }
    let report = report("endpoint: http://c:4318\nformat: zipkin\n", &[]);
    assert!(report.contains(":2:9: format: expected one of gen_ai, open_inference"), "{report}");
}

#[test]
fn a_backend_decides_what_nothing_else_does() {
    let text = "endpoint: https://cloud.langfuse.com/api/public/otel\nbackend: langfuse\n";
    let explanation = explain(text, &[]);
    assert_eq!(value(&explanation, FORMAT), "langfuse");
    assert_eq!(value(&explanation, "destinations.default.backend"), "langfuse");
    assert_eq!(value(&explanation, "destinations.default.headers"), "x-langfuse-ingestion-version");
    // It takes none.
    assert_eq!(value(&explanation, METRICS), "");
    assert_eq!(explanation.warnings(), [""; 0]);

    // The variable is stronger than the file, and a format is stronger than any backend.
    let environment = [("TRACING_GENAI_BACKEND", "New Relic")];
    let explanation = explain(text, &environment);
    assert_eq!(value(&explanation, FORMAT), "gen_ai");
    assert_ne!(value(&explanation, METRICS), "");
    let explanation = explain(&format!("{text}format: vercel\n"), &[]);
    assert_eq!(value(&explanation, FORMAT), "vercel");

    // A header can be taken away like one of a weaker layer.
    let explanation =
        explain(&format!("{text}headers: {{x-langfuse-ingestion-version: null}}\n"), &[]);
    assert_eq!(value(&explanation, "destinations.default.headers"), "");
}

#[test]
fn each_exporter_has_a_backend_of_its_own() {
    let text = "
format: gen_ai+open_inference
exporters:
  - {name: a, endpoint: 'http://a:6006', backend: phoenix}
  - {name: b, endpoint: 'http://b:4318'}
  - {name: c, endpoint: 'http://c:4318', backend: langsmith, format: openllmetry_legacy}
";
    let explanation = explain(text, &[("TRACING_GENAI_EXPORTERS_1_BACKEND", "mlflow")]);
    let format =
        |name: &str| value(&explanation, &format!("destinations.{name}.format")).to_owned();
    assert_eq!(format("a"), "open_inference");
    assert_eq!(format("b"), "gen_ai+open_inference");
    assert_eq!(format("c"), "openllmetry_legacy");
    assert_eq!(value(&explanation, "destinations.b.backend"), "mlflow");

    let text = "backend: phoenix\nexporters: [{name: a, endpoint: 'http://a:6006'}]\n";
    let explanation = explain(text, &[]);
    assert_eq!(value(&explanation, "destinations.a.format"), "gen_ai");
    assert!(explanation.warnings()[0].starts_with("backend: has no effect on the entries"));
}

#[test]
fn no_grpc_where_the_backend_has_none() {
    let text = "endpoint: https://cloud.langfuse.com\nbackend: langfuse\nprotocol: grpc\n";
    let first = report(text, &[]);
    assert!(
        first.contains(":3:11: protocol: langfuse has no gRPC endpoint, and the protocol is grpc"),
        "{first}"
    );
    assert!(first.contains("help: set `protocol: http/protobuf`"), "{first}");
    assert!(first.contains("1 problem"), "{first}");
    let text = "endpoint: https://api.smith.langchain.com/otel\nbackend: langsmith\n";
    let second = report(text, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
    assert!(second.contains("OTEL_EXPORTER_OTLP_PROTOCOL: langsmith has no gRPC"), "{second}");
    let text = "protocol: grpc\nexporters: [{name: a, endpoint: 'https://a', backend: langfuse}]\n";
    let third = report(text, &[]);
    assert!(third.contains("backend: langfuse has no gRPC endpoint"), "{third}");
    // A receiver of metrics of their own is another receiver.
    let text = "
endpoint: https://cloud.langfuse.com/api/public/otel
backend: langfuse
metrics: {endpoint: 'http://collector:4317', protocol: grpc}
";
    let explanation = explain(text, &[]);
    assert_eq!(value(&explanation, "destinations.default/metrics.protocol"), "grpc");
    assert_eq!(value(&explanation, "destinations.default/metrics.headers"), "");
}

#[test]
fn metrics_that_a_backend_does_not_take_are_told() {
    let text = "endpoint: http://phoenix:6006\nbackend: phoenix\nmetrics: {enabled: true}\n";
    assert_eq!(
        warnings(text, &[]),
        ["backend: phoenix takes no metrics; none are sent to `default`"]
    );
    let text = "endpoint: https://otlp.datadoghq.com\nbackend: datadog\n";
    assert_eq!(warnings(text, &[]), [""; 0]);
    let cumulative = format!("{text}metrics: {{temporality: cumulative}}\n");
    let told = warnings(&cumulative, &[]);
    assert!(told[0].contains("`metrics.temporality: delta`"), "{told:?}");
}

#[test]
fn an_unknown_backend_or_a_misspelt_key_is_a_mistake() {
    let report = report("endpoint: http://c:4318\nbackend: statsd\nbackned: otlp\n", &[]);
    assert!(report.contains(":2:10: backend: expected one of otlp, arize"), "{report}");
    assert!(report.contains("did you mean `backend`?"), "{report}");
}
