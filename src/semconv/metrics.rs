//! The metric table: name by version, unit, buckets, and which measurement of which family of
//! spans it shows. Sources: the registry of v1.41 and `semantic-conventions-genai`; rows named
//! `tracing_genai.*` are this crate's own, for what the conventions have no metric.

use super::{Family, Version};

/// One metric.
#[derive(Debug)]
pub(crate) struct MetricDef {
    pub(crate) name: &'static str,
    pub(crate) unit: &'static str,
    pub(crate) description: &'static str,
    pub(crate) since: Since,
    pub(crate) families: &'static [Family],
    pub(crate) measure: Measure,
}

/// The versions that have the metric.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Since {
    Only141,
    Latest,
    Always,
}

/// What a metric shows of the measurements of a series.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Measure {
    Duration,
    Gauge(Distribution),
    /// Input and output in one histogram, told apart by `gen_ai.token.type`.
    TokensByType,
    /// A counter of tokens, told apart by `gen_ai.token.modality`.
    Tokens(Tokens),
    Requests,
    Successes,
    Errors,
    CacheHits,
    Cost,
    /// About our own delivery, of which no span tells.
    Own(Own, Items),
}

/// What the core conventions measure of the delivery of one kind of items.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Own {
    Started,
    Live,
    QueueSize,
    QueueCapacity,
    Processed,
    Inflight,
    Exported,
    /// How long exports took.
    Operation,
}

/// The items that are delivered.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Items {
    Spans,
    Logs,
    Points,
}

/// A histogram of a series beside its durations.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Distribution {
    FirstChunk,
    OutputChunk,
    InputTokens,
    OutputTokens,
    /// Of failed calls: 1.41 has no other instrument for what they cost.
    FailedInputTokens,
    FailedOutputTokens,
    InferenceCalls,
    ToolCalls,
}

/// Kinds of tokens; cache and reasoning are parts of input and output.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Tokens {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    Reasoning,
}

impl MetricDef {
    pub(crate) fn is_in(&self, version: Version) -> bool {
        match version {
            Version::V1_41 => self.since != Latest,
            Version::Latest => self.since != Only141,
            Version::Dual => true,
        }
    }
}

impl Own {
    /// Whether it goes up and down, as an UpDownCounter does.
    pub(crate) fn is_level(self) -> bool {
        matches!(self, Self::Live | Self::QueueSize | Self::QueueCapacity | Self::Inflight)
    }
}

impl Distribution {
    pub(crate) const COUNT: usize = 8;

    pub(crate) fn bounds(self) -> &'static [f64] {
        match self {
            Self::FirstChunk | Self::OutputChunk => SECONDS,
            Self::InferenceCalls | Self::ToolCalls => CALLS,
            _ => TOKEN_BOUNDS,
        }
    }
}

pub(crate) fn duration_bounds(family: Family) -> &'static [f64] {
    match family {
        Family::Agent => AGENT_SECONDS,
        Family::Workflow => WORKFLOW_SECONDS,
        Family::McpClient | Family::McpServer => MCP_SECONDS,
        Family::Http => HTTP_SECONDS,
        _ => SECONDS,
    }
}

const fn row(
    name: &'static str,
    unit: &'static str,
    since: Since,
    families: &'static [Family],
    measure: Measure,
    description: &'static str,
) -> MetricDef {
    MetricDef { name, unit, description, since, families, measure }
}

const CALL: &[Family] = &[Family::Inference];
const EMBED: &[Family] = &[Family::Embeddings];
const MODEL: &[Family] = &[Family::Inference, Family::Embeddings];
const CLIENT: &[Family] = &[Family::Inference, Family::Embeddings, Family::Operation];
const OTHER: &[Family] = &[Family::Operation];
const NONE: &[Family] = &[];

use Distribution as D;
use Measure as M;
use Since::{Always, Latest, Only141};

#[rustfmt::skip]
pub(crate) static METRICS: &[MetricDef] = &[
    row("gen_ai.client.token.usage", "{token}", Only141, MODEL, M::TokensByType, "Input and output tokens used."),
    row("gen_ai.client.operation.duration", "s", Only141, MODEL, M::Duration, "Duration of a GenAI operation."),
    row("gen_ai.client.operation.duration", "s", Always, OTHER, M::Duration, "Duration of a GenAI operation."),
    row("gen_ai.client.operation.time_to_first_chunk", "s", Only141, CALL, M::Gauge(D::FirstChunk), "Time to the first chunk of a streamed response."),
    row("gen_ai.client.operation.time_per_output_chunk", "s", Only141, CALL, M::Gauge(D::OutputChunk), "Time between chunks of a streamed response."),

    row("gen_ai.client.inference.duration", "s", Latest, CALL, M::Duration, "Duration of an inference."),
    row("gen_ai.client.embeddings.duration", "s", Latest, EMBED, M::Duration, "Duration of an embeddings call."),
    row("gen_ai.client.inference.time_to_first_chunk", "s", Latest, CALL, M::Gauge(D::FirstChunk), "Time to the first chunk of a streamed response."),
    row("gen_ai.client.inference.time_per_output_chunk", "s", Latest, CALL, M::Gauge(D::OutputChunk), "Time between chunks of a streamed response."),
    row("gen_ai.client.inference.usage.input_tokens", "{token}", Latest, CALL, M::Tokens(Tokens::Input), "Input tokens billed, cached ones included."),
    row("gen_ai.client.inference.usage.output_tokens", "{token}", Latest, CALL, M::Tokens(Tokens::Output), "Output tokens billed, reasoning included."),
    row("gen_ai.client.inference.usage.cache_read.input_tokens", "{token}", Latest, CALL, M::Tokens(Tokens::CacheRead), "Input tokens read from a cache of the provider."),
    row("gen_ai.client.inference.usage.cache_write.input_tokens", "{token}", Latest, CALL, M::Tokens(Tokens::CacheWrite), "Input tokens written to a cache of the provider."),
    row("gen_ai.client.inference.usage.reasoning.output_tokens", "{token}", Latest, CALL, M::Tokens(Tokens::Reasoning), "Output tokens of reasoning."),
    row("gen_ai.client.inference.operation.input_tokens", "{token}", Latest, CALL, M::Gauge(D::InputTokens), "Input tokens of one inference."),
    row("gen_ai.client.inference.operation.output_tokens", "{token}", Latest, CALL, M::Gauge(D::OutputTokens), "Output tokens of one inference."),
    row("gen_ai.client.embeddings.operation.input_tokens", "{token}", Latest, EMBED, M::Gauge(D::InputTokens), "Input tokens of one embeddings call."),

    row("gen_ai.invoke_agent.duration", "s", Latest, &[Family::Agent], M::Duration, "Duration of an agent's run."),
    row("gen_ai.invoke_agent.inference_calls", "{inference_call}", Latest, &[Family::Agent], M::Gauge(D::InferenceCalls), "Inferences of an agent's run, those of its sub-agents excluded."),
    row("gen_ai.invoke_agent.tool_calls", "{tool_call}", Latest, &[Family::Agent], M::Gauge(D::ToolCalls), "Tool calls of an agent's run, those of its sub-agents excluded."),
    row("gen_ai.invoke_workflow.duration", "s", Latest, &[Family::Workflow], M::Duration, "Duration of a workflow."),
    row("gen_ai.execute_tool.duration", "s", Latest, &[Family::Tool], M::Duration, "Duration of a tool call."),
    row("mcp.client.operation.duration", "s", Always, &[Family::McpClient], M::Duration, "Duration of an MCP request as its sender sees it."),
    row("mcp.server.operation.duration", "s", Always, &[Family::McpServer], M::Duration, "Duration of an MCP request as its receiver sees it."),
    row("http.server.request.duration", "s", Always, &[Family::Http], M::Duration, "Duration of an inbound HTTP request."),

    row("tracing_genai.client.requests", "{request}", Always, CLIENT, M::Requests, "Calls to providers."),
    row("tracing_genai.client.successes", "{request}", Always, CLIENT, M::Successes, "Calls to providers that succeeded."),
    row("tracing_genai.client.errors", "{request}", Always, CLIENT, M::Errors, "Calls to providers that failed."),
    row("tracing_genai.client.cache_hits", "{request}", Always, MODEL, M::CacheHits, "Calls that read input from a cache of the provider."),
    row("tracing_genai.client.cost", "{USD}", Always, MODEL, M::Cost, "Cost in US dollars."),

    row("otel.sdk.span.started", "{span}", Always, NONE, M::Own(Own::Started, Items::Spans), "The number of created spans."),
    row("otel.sdk.span.live", "{span}", Always, NONE, M::Own(Own::Live, Items::Spans), "The number of created spans with `recording=true` for which the end operation has not been called yet."),
    row("otel.sdk.log.created", "{log_record}", Always, NONE, M::Own(Own::Started, Items::Logs), "The number of logs submitted to enabled SDK Loggers."),
    row("otel.sdk.processor.span.queue.size", "{span}", Always, NONE, M::Own(Own::QueueSize, Items::Spans), "The number of spans in the queue of a given instance of an SDK span processor."),
    row("otel.sdk.processor.span.queue.capacity", "{span}", Always, NONE, M::Own(Own::QueueCapacity, Items::Spans), "The maximum number of spans the queue of a given instance of an SDK span processor can hold."),
    row("otel.sdk.processor.span.processed", "{span}", Always, NONE, M::Own(Own::Processed, Items::Spans), "The number of spans for which the processing has finished, either successful or failed."),
    row("otel.sdk.processor.log.queue.size", "{log_record}", Always, NONE, M::Own(Own::QueueSize, Items::Logs), "The number of log records in the queue of a given instance of an SDK log processor."),
    row("otel.sdk.processor.log.queue.capacity", "{log_record}", Always, NONE, M::Own(Own::QueueCapacity, Items::Logs), "The maximum number of log records the queue of a given instance of an SDK Log Record processor can hold."),
    row("otel.sdk.processor.log.processed", "{log_record}", Always, NONE, M::Own(Own::Processed, Items::Logs), "The number of log records for which the processing has finished, either successful or failed."),
    row("otel.sdk.exporter.span.inflight", "{span}", Always, NONE, M::Own(Own::Inflight, Items::Spans), "The number of spans which were passed to the exporter, but that have not been exported yet (neither successful, nor failed)."),
    row("otel.sdk.exporter.span.exported", "{span}", Always, NONE, M::Own(Own::Exported, Items::Spans), "The number of spans for which the export has finished, either successful or failed."),
    row("otel.sdk.exporter.log.inflight", "{log_record}", Always, NONE, M::Own(Own::Inflight, Items::Logs), "The number of log records which were passed to the exporter, but that have not been exported yet (neither successful, nor failed)."),
    row("otel.sdk.exporter.log.exported", "{log_record}", Always, NONE, M::Own(Own::Exported, Items::Logs), "The number of log records for which the export has finished, either successful or failed."),
    row("otel.sdk.exporter.metric_data_point.inflight", "{data_point}", Always, NONE, M::Own(Own::Inflight, Items::Points), "The number of metric data points which were passed to the exporter, but that have not been exported yet (neither successful, nor failed)."),
    row("otel.sdk.exporter.metric_data_point.exported", "{data_point}", Always, NONE, M::Own(Own::Exported, Items::Points), "The number of metric data points for which the export has finished, either successful or failed."),
    row("otel.sdk.exporter.operation.duration", "s", Always, NONE, M::Own(Own::Operation, Items::Spans), "The duration of exporting a batch of telemetry records."),
    row("otel.sdk.exporter.operation.duration", "s", Always, NONE, M::Own(Own::Operation, Items::Logs), "The duration of exporting a batch of telemetry records."),
    row("otel.sdk.exporter.operation.duration", "s", Always, NONE, M::Own(Own::Operation, Items::Points), "The duration of exporting a batch of telemetry records."),
];

/// What the metrics of Bifrost's page are called here. Its token counters are sums of the 1.41
/// histogram, and counters of their own in the latest version.
#[cfg(test)]
#[rustfmt::skip]
static BIFROST: &[(&str, &str)] = &[
    ("bifrost_upstream_requests_total", "tracing_genai.client.requests"),
    ("bifrost_success_requests_total", "tracing_genai.client.successes"),
    ("bifrost_error_requests_total", "tracing_genai.client.errors"),
    ("bifrost_input_tokens_total", "gen_ai.client.token.usage"),
    ("bifrost_output_tokens_total", "gen_ai.client.token.usage"),
    ("bifrost_cache_hits_total", "tracing_genai.client.cache_hits"),
    ("bifrost_cost_total", "tracing_genai.client.cost"),
    ("bifrost_upstream_latency_seconds", "gen_ai.client.operation.duration"),
    ("bifrost_stream_first_token_latency_seconds", "gen_ai.client.operation.time_to_first_chunk"),
    ("bifrost_stream_inter_token_latency_seconds", "gen_ai.client.operation.time_per_output_chunk"),
    ("http_requests_total", "http.server.request.duration"),
    ("http_request_duration_seconds", "http.server.request.duration"),
];

const SECONDS: &[f64] =
    &[0.01, 0.02, 0.04, 0.08, 0.16, 0.32, 0.64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92];
const TOKEN_BOUNDS: &[f64] = &[
    1.0,
    4.0,
    16.0,
    64.0,
    256.0,
    1024.0,
    4096.0,
    16384.0,
    65536.0,
    262_144.0,
    1_048_576.0,
    4_194_304.0,
    16_777_216.0,
    67_108_864.0,
];
const CALLS: &[f64] = &[1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];
const AGENT_SECONDS: &[f64] =
    &[0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 51.2, 102.4, 204.8, 409.6];
const WORKFLOW_SECONDS: &[f64] =
    &[1.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0, 7200.0];
const MCP_SECONDS: &[f64] =
    &[0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0];
/// Of the HTTP conventions.
const HTTP_SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_metric_of_the_bifrost_page_has_one_here() {
        assert_eq!(BIFROST.len(), 12);
        for (theirs, ours) in BIFROST {
            assert!(METRICS.iter().any(|metric| metric.name == *ours), "{theirs}: {ours}");
        }
    }

    #[test]
    fn a_name_shows_one_thing_per_family() {
        for version in [Version::V1_41, Version::Latest, Version::Dual] {
            let mut seen = std::collections::BTreeSet::new();
            for metric in METRICS.iter().filter(|metric| metric.is_in(version)) {
                for family in metric.families {
                    assert!(seen.insert((metric.name, *family as u8)), "{}", metric.name);
                }
            }
        }
    }

    #[test]
    fn metrics_about_delivery_have_the_names_of_the_core_conventions() {
        use opentelemetry_semantic_conventions::metric as core;

        let own = METRICS.iter().filter(|def| matches!(def.measure, Measure::Own(..)));
        let names: std::collections::BTreeSet<_> = own.map(|def| def.name).collect();
        let expected = [
            core::OTEL_SDK_EXPORTER_LOG_EXPORTED,
            core::OTEL_SDK_EXPORTER_LOG_INFLIGHT,
            core::OTEL_SDK_EXPORTER_METRIC_DATA_POINT_EXPORTED,
            core::OTEL_SDK_EXPORTER_METRIC_DATA_POINT_INFLIGHT,
            core::OTEL_SDK_EXPORTER_OPERATION_DURATION,
            core::OTEL_SDK_EXPORTER_SPAN_EXPORTED,
            core::OTEL_SDK_EXPORTER_SPAN_INFLIGHT,
            core::OTEL_SDK_LOG_CREATED,
            core::OTEL_SDK_PROCESSOR_LOG_PROCESSED,
            core::OTEL_SDK_PROCESSOR_LOG_QUEUE_CAPACITY,
            core::OTEL_SDK_PROCESSOR_LOG_QUEUE_SIZE,
            core::OTEL_SDK_PROCESSOR_SPAN_PROCESSED,
            core::OTEL_SDK_PROCESSOR_SPAN_QUEUE_CAPACITY,
            core::OTEL_SDK_PROCESSOR_SPAN_QUEUE_SIZE,
            core::OTEL_SDK_SPAN_LIVE,
            core::OTEL_SDK_SPAN_STARTED,
        ];
        assert_eq!(names.into_iter().collect::<Vec<_>>(), expected);
    }

    /// As Prometheus writes it: seconds are named, what stands in braces is not.
    fn in_prometheus(metric: &MetricDef) -> String {
        let unit = if metric.unit == "s" { "_seconds" } else { "" };
        let total = match metric.measure {
            Measure::Duration | Measure::Gauge(_) | Measure::TokensByType => "",
            _ => "_total",
        };
        metric.name.replace('.', "_") + unit + total
    }

    #[test]
    fn dashboards_and_alerts_ask_for_metrics_that_there_are() {
        const PREFIXES: [&str; 5] = [
            "gen_ai_client_",
            "gen_ai_invoke_",
            "gen_ai_execute_",
            "tracing_genai_client_",
            "http_",
        ];
        macro_rules! stack {
            ($file:literal) => {
                include_str!(concat!("../../examples/stack/", $file))
            };
        }
        for (version, queries) in [
            (Version::V1_41, stack!("grafana/dashboards/genai-1.41.json")),
            (Version::Latest, stack!("grafana/dashboards/genai-latest.json")),
            (Version::Dual, stack!("prometheus/genai.rules.yml")),
        ] {
            let metrics = METRICS.iter().filter(|metric| metric.is_in(version));
            let exported: std::collections::BTreeSet<_> = metrics.map(in_prometheus).collect();
            let mut asked_for = 0;
            for word in queries.split(|it: char| !it.is_ascii_alphanumeric() && it != '_') {
                let labels = ["http_route", "http_response_status_code"];
                if PREFIXES.iter().any(|it| word.starts_with(it)) && !labels.contains(&word) {
                    let mut parts = ["_bucket", "_sum", "_count"].iter();
                    let name = parts.find_map(|part| word.strip_suffix(part)).unwrap_or(word);
                    assert!(exported.contains(name), "{version:?}: there is no {word}");
                    asked_for += 1;
                }
            }
            assert!(asked_for > 10, "{version:?}");
        }
    }
}
