//! Every configuration block of the two documents that people come with. One row a block, in
//! the order of the documents, with the settings that its text promises.

use std::fs;
use std::path::Path;

use super::{explain, resolve, value};

/// Settings as `explain` has them; an empty value is none.
type Promises = &'static [(&'static str, &'static str)];

struct Row {
    block: &'static str,
    variables: &'static [(&'static str, &'static str)],
    promises: Promises,
}

const TRACES: &str = "destinations.default.traces";
const METRICS: &str = "destinations.default.metrics";

const YAML: &[Row] = &[
    Row {
        block: "plugins:\n  bitrouter-observe:\n    otel:\n      endpoint: \"http://localhost:4318\"\n      service_name: \"bitrouter\"\n",
        variables: &[],
        promises: &[
            (TRACES, "http://localhost:4318/v1/traces"),
            (METRICS, "http://localhost:4318/v1/metrics"),
            ("service_name", "bitrouter"),
            ("sampler", "parentbased_always_on"),
            ("content_capture", "off"),
        ],
    },
    Row {
        block: "plugins:\n  bitrouter-observe:\n    otel:\n      endpoint: \"https://api.honeycomb.io\"\n      headers:\n        x-honeycomb-team: \"${HONEYCOMB_API_KEY}\"\n",
        variables: &[("HONEYCOMB_API_KEY", "key")],
        promises: &[
            (TRACES, "https://api.honeycomb.io/v1/traces"),
            ("headers.x-honeycomb-team", "[redacted]"),
            ("destinations.default.headers", "x-honeycomb-team"),
        ],
    },
    // The shell block stands for "no file": an empty one.
    Row {
        block: "",
        variables: &[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://collector:4318"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "x-honeycomb-team=key"),
            ("OTEL_SERVICE_NAME", "bitrouter"),
        ],
        promises: &[
            (TRACES, "http://collector:4318/v1/traces"),
            ("destinations.default.headers", "x-honeycomb-team"),
            ("service_name", "bitrouter"),
        ],
    },
    Row {
        block: "otel:\n  endpoint: \"http://otel-collector:4318\"\n  service_name: \"bitrouter\"\n  resource_attributes:\n    deployment.environment: \"prod\"\n",
        variables: &[],
        promises: &[
            (TRACES, "http://otel-collector:4318/v1/traces"),
            ("resource_attributes.deployment.environment", "prod"),
        ],
    },
    Row {
        block: "otel:\n  endpoint: \"https://api.honeycomb.io\"\n  service_name: \"bitrouter\"\n  headers:\n    x-honeycomb-team: \"${HONEYCOMB_API_KEY}\"\n",
        variables: &[("HONEYCOMB_API_KEY", "key")],
        promises: &[(TRACES, "https://api.honeycomb.io/v1/traces"), ("service_name", "bitrouter")],
    },
    Row {
        block: "otel:\n  endpoint: \"https://otlp-gateway-<region>.grafana.net/otlp\"\n  service_name: \"bitrouter\"\n  headers:\n    Authorization: \"Basic ${GRAFANA_OTLP_TOKEN}\"\n",
        variables: &[("GRAFANA_OTLP_TOKEN", "dG9rZW4=")],
        promises: &[
            (TRACES, "https://otlp-gateway-<region>.grafana.net/otlp/v1/traces"),
            ("headers.authorization", "[redacted]"),
        ],
    },
    Row {
        block: "otel:\n  endpoint: \"http://datadog-agent:4318\"\n  service_name: \"bitrouter\"\n  resource_attributes:\n    deployment.environment: \"prod\"\n",
        variables: &[],
        promises: &[(TRACES, "http://datadog-agent:4318/v1/traces")],
    },
    Row {
        block: "otel:\n  endpoint: \"http://otel-collector:4318\"\n  sampler: \"parentbased_traceidratio\"\n  sampler_arg: 0.1                       # keep 10% of root traces\n",
        variables: &[],
        promises: &[("sampler", "parentbased_traceidratio"), ("sampler_arg", "0.1")],
    },
    Row {
        block: "otel:\n  content_capture: \"full\"   # off (default) | full\n",
        variables: &[],
        promises: &[("content_capture", "full"), (TRACES, "")],
    },
];

const JSON: &[Row] = &[
    Row {
        block: r#"{"headers": {"Authorization": "env.OTEL_API_KEY", "X-Custom-Header": "env.CUSTOM_VALUE"}}"#,
        variables: &[("OTEL_API_KEY", "key"), ("CUSTOM_VALUE", "value")],
        promises: &[
            ("headers.authorization", "[redacted]"),
            ("headers.x-custom-header", "[redacted]"),
        ],
    },
    Row {
        block: "",
        variables: &[(
            "OTEL_RESOURCE_ATTRIBUTES",
            "deployment.environment=production,service.version=1.2.3,team.name=platform",
        )],
        promises: &[
            ("resource_attributes.deployment.environment", "production"),
            ("resource_attributes.service.version", "1.2.3"),
            ("resource_attributes.team.name", "platform"),
        ],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "http://localhost:4318", "trace_type": "genai_extension", "protocol": "http", "headers": {"Authorization": "env.OTEL_API_KEY"}}}]}"#,
        variables: &[("OTEL_API_KEY", "key")],
        promises: &[
            (TRACES, "http://localhost:4318/v1/traces"),
            (METRICS, ""),
            ("format", "gen_ai"),
            ("protocol", "http/protobuf"),
            ("headers.authorization", "[redacted]"),
        ],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "localhost:4317", "trace_type": "genai_extension", "protocol": "grpc", "tls_ca_cert": "/path/to/your/ca.cert", "headers": {"Authorization": "env.OTEL_API_KEY"}}}]}"#,
        variables: &[("OTEL_API_KEY", "key")],
        promises: &[
            (TRACES, "https://localhost:4317"),
            ("protocol", "grpc"),
            ("tls_ca_cert", "/path/to/your/ca.cert"),
        ],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "https://otlp-gateway-prod-us-central-0.grafana.net/otlp", "trace_type": "genai_extension", "protocol": "http", "headers": {"Authorization": "env.GRAFANA_CLOUD_API_KEY"}}}]}"#,
        variables: &[("GRAFANA_CLOUD_API_KEY", "Basic abc")],
        promises: &[(TRACES, "https://otlp-gateway-prod-us-central-0.grafana.net/otlp/v1/traces")],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "https://trace.agent.datadoghq.com", "trace_type": "genai_extension", "protocol": "http", "headers": {"DD-API-KEY": "env.DATADOG_API_KEY"}}}]}"#,
        variables: &[("DATADOG_API_KEY", "key")],
        promises: &[
            (TRACES, "https://trace.agent.datadoghq.com/v1/traces"),
            ("headers.dd-api-key", "[redacted]"),
        ],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "https://otlp.nr-data.net:4318", "trace_type": "genai_extension", "protocol": "http", "headers": {"api-key": "env.NEW_RELIC_LICENSE_KEY"}}}]}"#,
        variables: &[("NEW_RELIC_LICENSE_KEY", "key")],
        promises: &[(TRACES, "https://otlp.nr-data.net:4318/v1/traces")],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "https://api.honeycomb.io", "trace_type": "genai_extension", "protocol": "http", "headers": {"x-honeycomb-team": "env.HONEYCOMB_API_KEY", "x-honeycomb-dataset": "bifrost-traces"}}}]}"#,
        variables: &[("HONEYCOMB_API_KEY", "key")],
        promises: &[("destinations.default.headers", "x-honeycomb-dataset, x-honeycomb-team")],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "https://cloud.langfuse.com/api/public/otel", "trace_type": "genai_extension", "protocol": "http", "headers": {"Authorization": "env.LANGFUSE_AUTH"}}}]}"#,
        variables: &[("LANGFUSE_AUTH", "Basic abc=")],
        promises: &[(TRACES, "https://cloud.langfuse.com/api/public/otel/v1/traces")],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "http://your-collector:4318", "trace_type": "genai_extension", "protocol": "http"}}]}"#,
        variables: &[],
        promises: &[(TRACES, "http://your-collector:4318/v1/traces")],
    },
    Row {
        block: r#"{"collector_url": "http://localhost:4318", "protocol": "http"}"#,
        variables: &[],
        promises: &[(TRACES, "http://localhost:4318/v1/traces"), ("protocol", "http/protobuf")],
    },
    Row {
        block: r#"{"collector_url": "localhost:4317", "protocol": "grpc"}"#,
        variables: &[],
        promises: &[(TRACES, "http://localhost:4317"), ("protocol", "grpc")],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "http://otel-collector:4318/v1/traces", "trace_type": "genai_extension", "protocol": "http", "metrics_enabled": true, "metrics_endpoint": "http://otel-collector:4318/v1/metrics", "metrics_push_interval": 15}}]}"#,
        variables: &[],
        promises: &[
            (TRACES, "http://otel-collector:4318/v1/traces"),
            (METRICS, "http://otel-collector:4318/v1/metrics"),
            ("metrics.export_interval_ms", "15000"),
        ],
    },
    Row {
        block: r#"{"plugins": [{"enabled": true, "name": "otel", "config": {"service_name": "bifrost", "collector_url": "otel-collector:4317", "trace_type": "genai_extension", "protocol": "grpc", "metrics_enabled": true, "metrics_endpoint": "otel-collector:4317", "metrics_push_interval": 15}}]}"#,
        variables: &[],
        promises: &[
            (TRACES, "http://otel-collector:4317"),
            (METRICS, "http://otel-collector:4317"),
            ("metrics.export_interval_ms", "15000"),
        ],
    },
    Row {
        block: r#"{"headers": {"Authorization": "env.OTEL_API_KEY"}}"#,
        variables: &[("OTEL_API_KEY", "key")],
        promises: &[("headers.authorization", "[redacted]")],
    },
];

#[test]
fn each_block_means_what_its_document_says() {
    for row in YAML.iter().chain(JSON) {
        if !cfg!(feature = "yaml") && !row.block.starts_with('{') {
            continue;
        }
        let explanation = explain(row.block, row.variables);
        for (key, expected) in row.promises {
            assert_eq!(value(&explanation, key), *expected, "{key} of\n{}", row.block);
        }
    }
}

/// The documents themselves, where they are: each JSON block of theirs that is a configuration
/// loads as it stands there.
#[test]
fn the_documents_load_where_they_are_at_hand() {
    let path =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/reference/bifrost-otel-plugin.txt");
    let Ok(text) = fs::read_to_string(path) else {
        eprintln!("skipped: the reference documents are not at hand");
        return;
    };
    let variables: Vec<(&str, &str)> = JSON.iter().flat_map(|row| row.variables).copied().collect();
    let mut loaded = 0;
    for block in text.split("```json\n").skip(1).filter_map(|rest| rest.split("```").next()) {
        // Two blocks show what leaves, not what is configured.
        if block.contains("\"resource\"") || block.contains("\"attributes\"") {
            continue;
        }
        if let Err(report) = resolve(block, &variables) {
            panic!("{report}\n---\n{block}");
        }
        loaded += 1;
    }
    assert_eq!(loaded, JSON.len() - 1);
}
