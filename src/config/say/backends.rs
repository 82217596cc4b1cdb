//! `backend: langfuse | phoenix | …`: what is known about a receiver besides its address.
//!
//! A row decides the format, adds headers that are no secrets, gives keys the names the backend
//! looks for, and says which protocol and signals it takes. Everything in a row can be overridden
//! by the destination's own settings. Address and credentials are always the user's.
//!
//! Source of the rows: the vendors' documentation and, for Langfuse, Phoenix and MLflow, their
//! ingestion code, as of November 2026.

use std::sync::Arc;

use crate::format::{Format, FormatChoice, FormatOptions, KeyRule, with_keys};

/// What a receiver of traces reads and takes.
#[derive(Debug)]
pub(crate) struct Backend {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
    /// How the names of the vendor's receivers end. Known where there is no OTLP/gRPC, to tell.
    hosts: &'static [&'static str],
    pub(crate) format: FormatChoice,
    /// Sent with every request unless the user set the same header. Lower case, never secret.
    pub(crate) headers: &'static [(&'static str, &'static str)],
    /// Applied after the format.
    pub(crate) keys: &'static [KeyRule],
    /// Whether the backend has an OTLP/gRPC endpoint.
    pub(crate) grpc: bool,
    pub(crate) metrics: Metrics,
}

/// Whether a backend takes OTLP metrics.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Metrics {
    /// Refused, or accepted and thrown away.
    None,
    Any,
    /// Only with delta temporality.
    Delta,
}

use KeyRule::{Gather, Rename, Repeat};

/// Langfuse takes every key that begins with `gen_ai.prompt` for the input of the span, and knows
/// only the older spelling of the cache write count.
const LANGFUSE_KEYS: &[KeyRule] = &[
    Rename("gen_ai.prompt.name", "langfuse.observation.prompt.name"),
    Rename("gen_ai.prompt.version", "langfuse.observation.prompt.version"),
    Rename("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens"),
];

/// LangSmith lists neither the provider nor the token details of the conventions.
const LANGSMITH_KEYS: &[KeyRule] = &[
    Repeat("gen_ai.provider.name", "gen_ai.system"),
    Repeat("gen_ai.usage.reasoning.output_tokens", "gen_ai.usage.details.reasoning_tokens"),
    Repeat("gen_ai.conversation.id", "langsmith.metadata.session_id"),
];

const CACHE_WRITE: &[KeyRule] =
    &[Repeat("gen_ai.usage.cache_write.input_tokens", "gen_ai.usage.cache_creation.input_tokens")];

const PROVIDER_AS_SYSTEM: &[KeyRule] = &[Repeat("gen_ai.provider.name", "gen_ai.system")];

/// MLflow prices by a table of its own, unless a span says what it cost. Its pages show a cost
/// that has all three members.
const MLFLOW_KEYS: &[KeyRule] = &[Gather(
    "mlflow.llm.cost",
    &[
        ("input_cost", "llm.cost.prompt"),
        ("output_cost", "llm.cost.completion"),
        ("total_cost", "llm.cost.total"),
    ],
)];

const SIGNOZ_KEYS: &[KeyRule] =
    &[Repeat("gen_ai.response.time_to_first_chunk", "gen_ai.server.ttft")];

const GEN_AI: Backend = Backend {
    name: "otlp",
    aliases: &["collector", "otel_collector", "otel"],
    hosts: &[],
    format: FormatChoice::known("gen_ai"),
    headers: &[],
    keys: &[],
    grpc: true,
    metrics: Metrics::Any,
};

/// Every known backend; the first row stands for any other one.
pub(super) static BACKENDS: &[Backend] = &[
    GEN_AI,
    Backend {
        name: "arize",
        aliases: &["arize_ax"],
        format: FormatChoice::known("open_inference"),
        metrics: Metrics::None,
        ..GEN_AI
    },
    Backend {
        name: "braintrust",
        aliases: &[],
        hosts: &[".braintrust.dev"],
        grpc: false,
        metrics: Metrics::None,
        ..GEN_AI
    },
    Backend { name: "dash0", aliases: &[], ..GEN_AI },
    Backend {
        name: "datadog",
        aliases: &["datadog_intake"],
        hosts: &[".datadoghq.com", ".datadoghq.eu", ".ddog-gov.com"],
        headers: &[("dd-otlp-source", "datadog")],
        grpc: false,
        metrics: Metrics::Delta,
        ..GEN_AI
    },
    Backend { name: "datadog_agent", aliases: &[], ..GEN_AI },
    Backend {
        name: "dynatrace",
        aliases: &[],
        hosts: &[".dynatrace.com"],
        format: FormatChoice::known("openllmetry"),
        grpc: false,
        metrics: Metrics::Delta,
        ..GEN_AI
    },
    Backend {
        name: "grafana",
        aliases: &["grafana_cloud"],
        hosts: &[".grafana.net"],
        grpc: false,
        ..GEN_AI
    },
    Backend { name: "honeycomb", aliases: &[], ..GEN_AI },
    Backend { name: "jaeger", aliases: &[], metrics: Metrics::None, ..GEN_AI },
    Backend {
        name: "langfuse",
        aliases: &[],
        hosts: &[".langfuse.com"],
        format: FormatChoice::known("langfuse"),
        headers: &[("x-langfuse-ingestion-version", "4")],
        keys: LANGFUSE_KEYS,
        grpc: false,
        metrics: Metrics::None,
    },
    Backend {
        name: "langsmith",
        aliases: &[],
        hosts: &[".smith.langchain.com"],
        keys: LANGSMITH_KEYS,
        grpc: false,
        metrics: Metrics::None,
        ..GEN_AI
    },
    Backend {
        name: "logfire",
        aliases: &[],
        hosts: &[".pydantic.dev"],
        keys: PROVIDER_AS_SYSTEM,
        grpc: false,
        ..GEN_AI
    },
    Backend {
        name: "mlflow",
        aliases: &[],
        format: FormatChoice::known("gen_ai+open_inference"),
        keys: MLFLOW_KEYS,
        grpc: false,
        metrics: Metrics::None,
        ..GEN_AI
    },
    Backend { name: "newrelic", aliases: &["new_relic"], ..GEN_AI },
    Backend { name: "observe", aliases: &[], hosts: &[".observeinc.com"], grpc: false, ..GEN_AI },
    Backend { name: "openobserve", aliases: &[], ..GEN_AI },
    Backend {
        name: "phoenix",
        aliases: &["arize_phoenix"],
        format: FormatChoice::known("open_inference"),
        keys: CACHE_WRITE,
        metrics: Metrics::None,
        ..GEN_AI
    },
    Backend { name: "signoz", aliases: &[], keys: SIGNOZ_KEYS, ..GEN_AI },
    Backend { name: "tempo", aliases: &[], metrics: Metrics::None, ..GEN_AI },
];

impl Backend {
    /// The row of a receiver about which nothing is known.
    pub(crate) fn any() -> &'static Self {
        &BACKENDS[0]
    }

    /// The row of this name, without its other spellings.
    pub(crate) fn named(name: &str) -> Option<&'static Self> {
        BACKENDS.iter().find(|row| row.name == name)
    }

    /// The row of the vendor whose host this is, where it is known not to speak gRPC.
    pub(crate) fn without_grpc_at(host: &str) -> Option<&'static Self> {
        let ends = |row: &&Self| row.hosts.iter().any(|end| host.ends_with(end));
        BACKENDS.iter().find(|row| !row.grpc && ends(row))
    }

    /// The format to use, with the backend's own names for keys. The destination's own choice wins
    /// over the row's.
    pub(crate) fn format(&self, choice: FormatChoice, options: FormatOptions) -> Arc<dyn Format> {
        with_keys(choice.make(options), self.keys)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::say::keys;
    use crate::config::say::words::Choice;
    use opentelemetry::{KeyValue, Value};
    use serde_json::json;

    fn backend_named(text: &str) -> Option<&'static Backend> {
        Choice::find(&keys::BACKENDS, text).and_then(Backend::named)
    }

    #[test]
    fn names_are_unique_and_sorted() {
        let names: Vec<_> = BACKENDS.iter().map(|row| row.name).collect();
        assert!(names[1..].is_sorted(), "{names:?}");
        let mut all: Vec<_> = BACKENDS.iter().flat_map(|row| row.aliases).chain(&names).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn rows_of_the_backends_people_name_first() {
        for (name, format, grpc, metrics) in [
            ("Langfuse", "langfuse", false, Metrics::None),
            ("phoenix", "open_inference", true, Metrics::None),
            ("langsmith", "gen_ai", false, Metrics::None),
            ("datadog", "gen_ai", false, Metrics::Delta),
            ("honeycomb", "gen_ai", true, Metrics::Any),
            ("grafana-cloud", "gen_ai", false, Metrics::Any),
            ("New Relic", "gen_ai", true, Metrics::Any),
            ("mlflow", "gen_ai+open_inference", false, Metrics::None),
            ("signoz", "gen_ai", true, Metrics::Any),
        ] {
            let row = backend_named(name).expect(name);
            assert_eq!((row.format.name, row.grpc, row.metrics), (format, grpc, metrics), "{name}");
        }
        assert!(backend_named("statsd").is_none());
    }

    #[test]
    fn headers_are_lower_case_and_no_credentials() {
        for (name, _) in BACKENDS.iter().flat_map(|row| row.headers) {
            assert_eq!(*name, name.to_ascii_lowercase());
            assert!(!["authorization", "api-key", "token"].iter().any(|word| name.contains(word)));
        }
    }

    #[test]
    fn keys_get_the_names_the_backend_looks_for() {
        let renamed = |backend: &str, from: &'static str| {
            let row = backend_named(backend).expect(backend);
            let format = row.format(FormatChoice::default(), FormatOptions::default());
            let span = crate::format::tests::span(vec![KeyValue::new(from, "v")]);
            let keys: Vec<_> =
                format.format(span).attributes.into_iter().map(|a| a.key.to_string()).collect();
            keys
        };
        assert_eq!(renamed("langfuse", "gen_ai.prompt.name"), ["langfuse.observation.prompt.name"]);
        assert_eq!(
            renamed("langsmith", "gen_ai.provider.name"),
            ["gen_ai.provider.name", "gen_ai.system"]
        );
        assert_eq!(
            renamed("signoz", "gen_ai.response.time_to_first_chunk"),
            ["gen_ai.response.time_to_first_chunk", "gen_ai.server.ttft"]
        );
        assert_eq!(renamed("honeycomb", "gen_ai.prompt.name"), ["gen_ai.prompt.name"]);
    }

    #[test]
    fn mlflow_is_told_what_a_call_cost() {
        let row = backend_named("mlflow").expect("a row");
        let told = |attributes: Vec<KeyValue>| {
            let format = row.format(row.format, FormatOptions::default());
            let span = format.format(crate::format::tests::span(attributes));
            let cost = span.attributes.iter().find(|kv| kv.key.as_str() == "mlflow.llm.cost")?;
            serde_json::from_str::<serde_json::Value>(&cost.value.as_str()).ok()
        };
        let call = KeyValue::new("gen_ai.operation.name", "chat");
        let cost = KeyValue::new("gen_ai.usage.cost", 0.75);
        let parts = [("input", 0.25), ("cache_read", 0.25), ("output", 0.25)]
            .map(|(part, usd)| KeyValue::new(format!("tracing_genai.cost.{part}"), usd));
        let whole = vec![call.clone(), cost.clone()];
        let cost_of = |input: f64, output: f64| json!({"input_cost": input, "output_cost": output, "total_cost": 0.75});
        assert_eq!(told(whole.clone()), Some(cost_of(0.0, 0.0)));
        assert_eq!(told([whole, parts.into()].concat()), Some(cost_of(0.5, 0.25)));
        assert_eq!(told(vec![call]), None);
        let agent = KeyValue::new("gen_ai.operation.name", "invoke_agent");
        assert_eq!(told(vec![agent, cost]), None, "a sum over calls would be counted twice");
    }

    #[test]
    fn a_name_that_is_taken_is_left_alone() {
        let row = backend_named("langsmith").expect("a row");
        let format = row.format(row.format, FormatOptions::default());
        let span = crate::format::tests::span(vec![
            KeyValue::new("gen_ai.provider.name", "openai"),
            KeyValue::new("gen_ai.system", "mine"),
        ]);
        let systems: Vec<_> = format
            .format(span)
            .attributes
            .into_iter()
            .filter(|attribute| attribute.key.as_str() == "gen_ai.system")
            .map(|attribute| attribute.value)
            .collect();
        assert_eq!(systems, [Value::from("mine")]);
    }

    #[test]
    fn every_row_makes_the_format_it_names() {
        for row in BACKENDS {
            let format = row.format(row.format, FormatOptions::default());
            assert_eq!(format.name(), row.format.name, "{}", row.name);
        }
    }
}
