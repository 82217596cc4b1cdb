//! Every recipe of `examples/backends` as it is, with nothing but variables set: what leaves the
//! process, and that nothing else does.
//!
//! The addresses of the vendors are real and are not changed. The way there is a proxy, by
//! `HTTPS_PROXY` and `HTTP_PROXY`, that ends at receivers on loopback, with a certificate for
//! whatever host was asked for; `OTEL_EXPORTER_OTLP_CERTIFICATE` names its authority.
#![cfg(all(feature = "otel-http", feature = "yaml", feature = "metrics"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

mod classes;
#[cfg(feature = "otel-grpc")]
mod grpc;
mod readme;
mod recipes;
mod together;
mod world;

use std::collections::BTreeSet;
use std::path::PathBuf;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::metrics::v1::{AggregationTemporality, metric::Data};
use tracing_genai::config::Config;

use recipes::{Metrics, RECIPES, Recipe};
use world::{World, chat};

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("examples/backends")
}

/// The names of the files, without `.yaml`.
fn files() -> BTreeSet<String> {
    let names = std::fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    names.filter_map(|name| name.strip_suffix(".yaml").map(str::to_owned)).collect()
}

#[test]
fn every_file_has_a_row_and_every_row_a_file() {
    let rows: Vec<_> = RECIPES.iter().map(|recipe| recipe.file).collect();
    assert_eq!(rows.iter().map(|file| (*file).to_owned()).collect::<BTreeSet<_>>(), files());
    assert!(rows.is_sorted_by(|a, b| a < b), "in order, and each once");
}

#[test]
fn what_leaves_is_what_the_backend_wants() {
    for recipe in RECIPES {
        let world = World::new();
        let telemetry = world.run(recipe, &[], chat);
        telemetry.force_flush().unwrap_or_else(|error| panic!("{}: {error}", recipe.file));
        let status = telemetry.status();
        assert_eq!(status.warnings(), [""; 0], "{}", recipe.file);
        assert_eq!(status.destinations()[0].format(), Some(recipe.format), "{}", recipe.file);

        let tunnels = world.proxy.tunnels();
        assert!(!tunnels.is_empty());
        for tunnel in tunnels {
            assert_eq!((tunnel.target.as_str(), tunnel.tls), recipe.to, "{}", recipe.file);
        }
        let requests = world.http.requests();
        let (traces, metrics): (Vec<_>, Vec<_>) =
            requests.iter().partition(|request| request.metrics.is_none());
        let [traces] = traces.as_slice() else { panic!("{}: {}", recipe.file, traces.len()) };
        assert_eq!(traces.spans.len(), 1);
        assert_request(recipe, traces, recipe.traces, recipe.headers);
        let span = &traces.spans[0];
        assert_eq!(span.resource_attr("service.name").unwrap().as_str(), Some("chat-api"));
        for (name, value) in recipe.resource {
            assert_eq!(span.resource_attr(name).unwrap().as_str(), Some(*value), "{}", recipe.file);
        }

        match recipe.metrics {
            Metrics::None => assert_eq!(metrics.len(), 0, "{} takes none", recipe.file),
            Metrics::Cumulative(path) | Metrics::Delta(path) => {
                let [request] = metrics.as_slice() else {
                    panic!("{}: {} requests with metrics", recipe.file, metrics.len())
                };
                let headers = recipe.metrics_headers.unwrap_or(recipe.headers);
                assert_request(recipe, request, path, headers);
                assert_temporality(recipe, request.metrics.as_ref().unwrap());
            }
        }
    }
}

fn assert_request(
    recipe: &Recipe,
    request: &tracing_genai_test_support::Request,
    path: &str,
    headers: &[(&str, &str)],
) {
    let file = recipe.file;
    assert_eq!((request.method.as_str(), request.path.as_str()), ("POST", path), "{file}");
    assert_eq!(request.header("content-type"), Some("application/x-protobuf"), "{file}");
    let (host, _) = recipe.to.0.rsplit_once(':').unwrap();
    assert!(request.header("host").unwrap().starts_with(host), "{file}: {request:?}");
    let mut own = request.headers.clone();
    own.retain(|(name, _)| {
        !["content-length", "content-type", "host", "user-agent"].contains(&name.as_str())
    });
    own.sort();
    let own: Vec<_> = own.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    assert_eq!(own, headers, "{file}: these headers and no other");
}

fn assert_temporality(recipe: &Recipe, request: &ExportMetricsServiceRequest) {
    let expected = match recipe.metrics {
        Metrics::Delta(_) => AggregationTemporality::Delta,
        _ => AggregationTemporality::Cumulative,
    };
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let metrics: Vec<_> = scopes.flat_map(|scope| &scope.metrics).collect();
    assert!(metrics.iter().any(|metric| metric.name == "gen_ai.client.token.usage"));
    for metric in metrics {
        let temporality = match metric.data.as_ref().unwrap() {
            Data::Sum(sum) => sum.aggregation_temporality,
            Data::Histogram(histogram) => histogram.aggregation_temporality,
            Data::ExponentialHistogram(histogram) => histogram.aggregation_temporality,
            _ => continue,
        };
        assert_eq!(temporality, expected as i32, "{}: {}", recipe.file, metric.name);
    }
}

#[test]
fn a_variable_that_is_missing_is_named_and_no_secret_is_shown() {
    for recipe in RECIPES {
        let config = || Config::from_file(folder().join(format!("{}.yaml", recipe.file))).unwrap();
        let explanation = config().resolve(recipe.variables.iter().copied()).unwrap();
        for (name, value) in recipe.variables {
            let shown = format!("{explanation} {explanation:?}");
            let is_key = value.contains("key");
            assert!(!is_key || !shown.contains(value), "{}: {name}", recipe.file);
            let rest = recipe.variables.iter().filter(|(other, _)| other != name);
            match config().resolve(rest.copied()) {
                Ok(_) => assert!(!is_key, "{}: {name} has no default", recipe.file),
                Err(error) => {
                    let report = error.to_string();
                    assert!(report.contains(&format!("${{{name}}}")), "{}: {report}", recipe.file);
                }
            }
        }
    }
}

#[test]
fn what_runs_on_this_machine_needs_no_variable() {
    for (file, url) in [
        ("phoenix", "http://localhost:6006/v1/traces"),
        ("mlflow", "http://localhost:5000/v1/traces"),
    ] {
        let config = Config::from_file(folder().join(format!("{file}.yaml"))).unwrap();
        let explanation = config.resolve([("", ""); 0]).unwrap();
        assert_eq!(explanation.get("destinations.default.traces").unwrap().0, url);
    }
}
