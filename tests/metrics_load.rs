//! A million calls from eight threads with ten thousand models: sums are exact, series bounded.
#![cfg(all(feature = "metrics", feature = "otel-http", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use tracing::info_span;
use tracing_genai::telemetry::{Console, Sampler};
use tracing_genai_test_support::OtlpReceiver;
use tracing_subscriber::prelude::*;

const THREADS: u64 = 8;
const CALLS: u64 = 125_000;
const MODELS: u64 = 10_000;
const ROUNDS: u64 = 5;
const LIMIT: usize = 400;

#[test]
fn a_million_calls_are_counted_to_the_token() {
    let receiver = OtlpReceiver::start();
    let config = format!(
        "semconv: dual
metrics: {{cardinality_limit: {LIMIT}}}
pricing: {{models: {{'model-*': {{input: 0.15, output: 0.6}}}}}}"
    );
    let (layer, telemetry) = tracing_genai::builder()
        .env([("", ""); 0])
        .console(Console::Never)
        .sampler(Sampler::AlwaysOff)
        .endpoint(receiver.endpoint())
        .config_str(config)
        .build()
        .unwrap();
    let dispatch = tracing::Dispatch::new(tracing_subscriber::registry().with(layer));

    let mut latest = Latest::default();
    let mut memory = Vec::new();
    for round in 0..ROUNDS {
        std::thread::scope(|scope| {
            for thread in 0..THREADS {
                let dispatch = dispatch.clone();
                scope.spawn(move || {
                    tracing::dispatcher::with_default(&dispatch, || {
                        for call in 0..CALLS / ROUNDS {
                            // Another part of the models is at work in every round.
                            one_call((thread * CALLS + call * 7 + round * 1000) % MODELS, call);
                        }
                    });
                });
            }
        });
        telemetry.force_flush().unwrap();
        // One, or more where a round takes longer than the interval.
        let _ = receiver.wait_for_metrics(1, Duration::from_secs(10));
        for request in receiver.take_requests().into_iter().filter_map(|it| it.metrics) {
            latest.take(&request);
        }
        memory.extend(resident());
    }
    telemetry.shutdown().unwrap();
    for request in receiver.requests().into_iter().filter_map(|request| request.metrics) {
        latest.take(&request);
    }

    let calls = THREADS * (CALLS / ROUNDS) * ROUNDS;
    let input: u64 = calls_of().map(|(input, _)| input).sum();
    let output: u64 = calls_of().map(|(_, output)| output).sum();
    let sum = |name| latest.sum(name);
    assert_eq!(sum("tracing_genai.client.requests"), calls as f64);
    assert_eq!(sum("gen_ai.client.inference.usage.input_tokens"), input as f64);
    assert_eq!(sum("gen_ai.client.inference.usage.output_tokens"), output as f64);
    assert_eq!(sum("gen_ai.client.token.usage"), (input + output) as f64);
    let cost = (input * 15 + output * 60) as f64 / 1e8;
    let difference = (sum("tracing_genai.client.cost") - cost).abs();
    assert!(difference < 1e-9, "{difference}");
    // Every point of every metric in every export was within the limit.
    assert!(latest.most <= LIMIT, "{} points", latest.most);
    let status = telemetry.status();
    let labels = status.metrics().unwrap().labels();
    assert!(labels["gen_ai.request.model"].other() > 0, "{status}");
    assert!(labels["gen_ai.request.model"].recycled() > 0, "{status}");
    // The first rounds fill what there is room for; after that nothing grows.
    if let [_, second, .., last] = memory[..] {
        assert!(last < second + (16 << 20), "resident bytes: {memory:?}");
    }
}

fn calls_of() -> impl Iterator<Item = (u64, u64)> {
    (0..ROUNDS * THREADS).flat_map(|_| (0..CALLS / ROUNDS).map(usage))
}

fn usage(call: u64) -> (u64, u64) {
    (call % 4000, call % 97)
}

fn one_call(model: u64, call: u64) {
    let (input, output) = usage(call);
    info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = format!("model-{model}"),
        gen_ai.usage.input_tokens = input,
        gen_ai.usage.output_tokens = output,
    );
}

/// The last value of every series there ever was.
#[derive(Default)]
struct Latest {
    values: BTreeMap<(String, String, u64), f64>,
    most: usize,
}

impl Latest {
    fn take(&mut self, request: &ExportMetricsServiceRequest) {
        let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &scope.metrics) {
            let points: Vec<_> = match metric.data.as_ref().unwrap() {
                Data::Sum(sum) => sum
                    .data_points
                    .iter()
                    .map(|point| {
                        let value = match point.value {
                            Some(Number::AsInt(value)) => value as f64,
                            Some(Number::AsDouble(value)) => value,
                            None => 0.0,
                        };
                        (format!("{:?}", point.attributes), point.start_time_unix_nano, value)
                    })
                    .collect(),
                Data::Histogram(histogram) => histogram
                    .data_points
                    .iter()
                    .map(|point| {
                        let labels = format!("{:?}", point.attributes);
                        (labels, point.start_time_unix_nano, point.sum())
                    })
                    .collect(),
                other => panic!("{other:?}"),
            };
            let distinct: BTreeSet<_> = points.iter().map(|(labels, ..)| labels).collect();
            assert_eq!(distinct.len(), points.len(), "{} has a point twice", metric.name);
            self.most = self.most.max(points.len());
            for (labels, start, value) in points {
                let before = self.values.insert((metric.name.clone(), labels, start), value);
                assert!(before.is_none_or(|before| before <= value), "{} fell", metric.name);
            }
        }
    }

    fn sum(&self, name: &str) -> f64 {
        self.values.iter().filter(|((metric, ..), _)| metric == name).map(|(_, value)| value).sum()
    }
}

/// Bytes of memory in use; nothing where the system does not say.
fn resident() -> Option<u64> {
    let statm = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = statm.split(' ').nth(1)?.parse().ok()?;
    Some(pages * 4096)
}
