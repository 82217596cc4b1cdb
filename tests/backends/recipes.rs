//! What each recipe makes leave: one row a file of `examples/backends`.

use Metrics::{Cumulative, Delta, None as NoMetrics};

pub(crate) struct Recipe {
    /// Without `.yaml`.
    pub(crate) file: &'static str,
    /// All that the file names, but for those whose default is right.
    pub(crate) variables: &'static [(&'static str, &'static str)],
    /// Host and port, and whether they are spoken to by TLS.
    pub(crate) to: (&'static str, bool),
    /// The path of spans.
    pub(crate) traces: &'static str,
    /// In order of their names; besides them there are only those of HTTP itself.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    pub(crate) format: &'static str,
    pub(crate) metrics: Metrics,
    /// Where they differ.
    pub(crate) metrics_headers: Option<&'static [(&'static str, &'static str)]>,
    pub(crate) resource: &'static [(&'static str, &'static str)],
    /// The endpoint over gRPC, host and port of which spans arrive at. `None` where there is none.
    pub(crate) grpc: Option<(&'static str, &'static str)>,
}

/// Whether metrics leave, and to which path.
#[derive(Clone, Copy)]
pub(crate) enum Metrics {
    None,
    Cumulative(&'static str),
    Delta(&'static str),
}

const PLAIN: Recipe = Recipe {
    file: "",
    variables: &[],
    to: ("", true),
    traces: "/v1/traces",
    headers: &[],
    format: "gen_ai",
    metrics: NoMetrics,
    metrics_headers: None,
    resource: &[],
    grpc: None,
};

const METRICS: &str = "/v1/metrics";

pub(crate) const RECIPES: &[Recipe] = &[
    Recipe {
        file: "arize",
        variables: &[("ARIZE_SPACE_ID", "space-1"), ("ARIZE_API_KEY", "key-of-arize")],
        to: ("otlp.arize.com:443", true),
        headers: &[("arize-api-key", "key-of-arize"), ("arize-space-id", "space-1")],
        format: "open_inference",
        resource: &[("openinference.project.name", "chat-api")],
        grpc: Some(("https://otlp.arize.com", "otlp.arize.com:443")),
        ..PLAIN
    },
    Recipe {
        file: "braintrust",
        variables: &[
            ("BRAINTRUST_API_KEY", "key-of-braintrust"),
            ("BRAINTRUST_PARENT", "project_id:7f=3 %41"),
        ],
        to: ("api.braintrust.dev:443", true),
        traces: "/otel/v1/traces",
        headers: &[
            ("authorization", "Bearer key-of-braintrust"),
            ("x-bt-parent", "project_id:7f=3 %41"),
        ],
        ..PLAIN
    },
    Recipe {
        file: "collector",
        to: ("otel-collector:4318", false),
        metrics: Cumulative(METRICS),
        resource: &[("deployment.environment.name", "prod")],
        grpc: Some(("http://otel-collector:4317", "otel-collector:4317")),
        ..PLAIN
    },
    Recipe {
        file: "dash0",
        variables: &[("DASH0_AUTH_TOKEN", "key-of-dash0")],
        to: ("ingress.eu-west-1.aws.dash0.com:443", true),
        headers: &[("authorization", "Bearer key-of-dash0"), ("dash0-dataset", "default")],
        metrics: Cumulative(METRICS),
        grpc: Some((
            "https://ingress.eu-west-1.aws.dash0.com:4317",
            "ingress.eu-west-1.aws.dash0.com:4317",
        )),
        ..PLAIN
    },
    Recipe {
        file: "datadog",
        variables: &[("DD_API_KEY", "key-of-datadog"), ("DD_SITE", "datadoghq.eu")],
        to: ("otlp.datadoghq.eu:443", true),
        headers: &[("dd-api-key", "key-of-datadog"), ("dd-otlp-source", "datadog")],
        metrics: Delta(METRICS),
        ..PLAIN
    },
    Recipe {
        file: "datadog-agent",
        to: ("datadog-agent:4318", false),
        metrics: Cumulative(METRICS),
        resource: &[("deployment.environment.name", "prod")],
        grpc: Some(("http://datadog-agent:4317", "datadog-agent:4317")),
        ..PLAIN
    },
    Recipe {
        file: "dynatrace",
        variables: &[("DT_ENVIRONMENT", "abc12345"), ("DT_API_TOKEN", "key-of-dynatrace")],
        to: ("abc12345.live.dynatrace.com:443", true),
        traces: "/api/v2/otlp/v1/traces",
        headers: &[("authorization", "Api-Token key-of-dynatrace")],
        format: "openllmetry",
        metrics: Delta("/api/v2/otlp/v1/metrics"),
        ..PLAIN
    },
    Recipe {
        file: "grafana-cloud",
        variables: &[("GRAFANA_OTLP_TOKEN", "key-of-grafana==")],
        to: ("otlp-gateway-prod-us-central-0.grafana.net:443", true),
        traces: "/otlp/v1/traces",
        headers: &[("authorization", "Basic key-of-grafana==")],
        metrics: Cumulative("/otlp/v1/metrics"),
        ..PLAIN
    },
    Recipe {
        file: "honeycomb",
        variables: &[("HONEYCOMB_API_KEY", "key-of-honeycomb")],
        to: ("api.honeycomb.io:443", true),
        headers: &[("x-honeycomb-team", "key-of-honeycomb")],
        metrics: Cumulative(METRICS),
        metrics_headers: Some(&[
            ("x-honeycomb-dataset", "chat-api-metrics"),
            ("x-honeycomb-team", "key-of-honeycomb"),
        ]),
        grpc: Some(("https://api.honeycomb.io", "api.honeycomb.io:443")),
        ..PLAIN
    },
    Recipe {
        file: "jaeger",
        to: ("jaeger:4318", false),
        grpc: Some(("http://jaeger:4317", "jaeger:4317")),
        ..PLAIN
    },
    Recipe {
        file: "langfuse",
        variables: &[("LANGFUSE_AUTH", "key-of-langfuse==")],
        to: ("cloud.langfuse.com:443", true),
        traces: "/api/public/otel/v1/traces",
        headers: &[
            ("authorization", "Basic key-of-langfuse=="),
            ("x-langfuse-ingestion-version", "4"),
        ],
        format: "langfuse",
        ..PLAIN
    },
    Recipe {
        file: "langsmith",
        variables: &[("LANGSMITH_API_KEY", "key-of-langsmith")],
        to: ("api.smith.langchain.com:443", true),
        traces: "/otel/v1/traces",
        headers: &[("langsmith-project", "default"), ("x-api-key", "key-of-langsmith")],
        ..PLAIN
    },
    Recipe {
        file: "logfire",
        variables: &[("LOGFIRE_TOKEN", "key-of-logfire")],
        to: ("logfire-us.pydantic.dev:443", true),
        headers: &[("authorization", "key-of-logfire")],
        metrics: Cumulative(METRICS),
        ..PLAIN
    },
    Recipe {
        file: "mlflow",
        variables: &[("MLFLOW_TRACKING_URI", "http://mlflow:5000")],
        to: ("mlflow:5000", false),
        headers: &[("x-mlflow-experiment-id", "0")],
        format: "gen_ai+open_inference",
        ..PLAIN
    },
    Recipe {
        file: "newrelic",
        variables: &[("NEW_RELIC_LICENSE_KEY", "key-of-newrelic")],
        to: ("otlp.nr-data.net:443", true),
        headers: &[("api-key", "key-of-newrelic")],
        metrics: Cumulative(METRICS),
        grpc: Some(("https://otlp.nr-data.net:4317", "otlp.nr-data.net:4317")),
        ..PLAIN
    },
    Recipe {
        file: "observe",
        variables: &[("OBSERVE_CUSTOMER_ID", "123456789"), ("OBSERVE_TOKEN", "key-of-observe:x")],
        to: ("123456789.collect.observeinc.com:443", true),
        traces: "/v2/otel/v1/traces",
        headers: &[("authorization", "Bearer key-of-observe:x")],
        metrics: Cumulative("/v2/otel/v1/metrics"),
        ..PLAIN
    },
    Recipe {
        file: "openobserve",
        variables: &[("OPENOBSERVE_AUTH", "key-of-openobserve")],
        to: ("api.openobserve.ai:443", true),
        traces: "/api/default/v1/traces",
        headers: &[("authorization", "Basic key-of-openobserve")],
        metrics: Cumulative("/api/default/v1/metrics"),
        ..PLAIN
    },
    Recipe {
        file: "phoenix",
        variables: &[("PHOENIX_COLLECTOR_ENDPOINT", "http://phoenix:6006")],
        to: ("phoenix:6006", false),
        format: "open_inference",
        resource: &[("openinference.project.name", "default")],
        grpc: Some(("http://phoenix:4317", "phoenix:4317")),
        ..PLAIN
    },
    Recipe {
        file: "phoenix-cloud",
        variables: &[("PHOENIX_SPACE", "my-space"), ("PHOENIX_API_KEY", "key-of-phoenix")],
        to: ("app.phoenix.arize.com:443", true),
        traces: "/s/my-space/v1/traces",
        headers: &[("authorization", "Bearer key-of-phoenix")],
        format: "open_inference",
        resource: &[("openinference.project.name", "default")],
        ..PLAIN
    },
    Recipe {
        file: "signoz",
        variables: &[("SIGNOZ_INGESTION_KEY", "key-of-signoz"), ("SIGNOZ_REGION", "eu")],
        to: ("ingest.eu.signoz.cloud:443", true),
        headers: &[("signoz-ingestion-key", "key-of-signoz")],
        metrics: Cumulative(METRICS),
        grpc: Some(("https://ingest.eu.signoz.cloud:443", "ingest.eu.signoz.cloud:443")),
        ..PLAIN
    },
    Recipe {
        file: "tempo",
        to: ("tempo:4318", false),
        grpc: Some(("http://tempo:4317", "tempo:4317")),
        ..PLAIN
    },
];
