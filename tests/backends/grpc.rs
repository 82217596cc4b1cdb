//! The same recipes over gRPC, by two variables.

use super::*;

#[test]
fn recipes_go_over_grpc_where_the_backend_takes_it() {
    for recipe in RECIPES {
        let Some((endpoint, target)) = recipe.grpc else { continue };
        let world = World::new();
        let variables =
            [("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc"), ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)];
        let telemetry = world.run(recipe, &variables, chat);
        telemetry.force_flush().unwrap_or_else(|error| panic!("{}: {error}", recipe.file));
        let tunnels = world.proxy.tunnels();
        assert!(!tunnels.is_empty());
        for tunnel in tunnels {
            assert_eq!((tunnel.target.as_str(), tunnel.tls), (target, recipe.to.1));
            assert!(tunnel.http2, "{}", recipe.file);
        }
        let requests = world.grpc.requests();
        let (traces, metrics): (Vec<_>, Vec<_>) =
            requests.into_iter().partition(|request| request.traces.is_some());
        let [traces] = traces.as_slice() else { panic!("{}: {}", recipe.file, traces.len()) };
        let path = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        assert_eq!(traces.path, path);
        assert_eq!(own(&traces.metadata), recipe.headers, "{}", recipe.file);
        assert_eq!(world.grpc.spans().len(), 1);
        for (name, value) in recipe.resource {
            let spans = world.grpc.spans();
            assert_eq!(spans[0].resource_attr(name).unwrap().as_str(), Some(*value));
        }
        let takes_metrics = !matches!(recipe.metrics, Metrics::None);
        assert_eq!(metrics.len(), usize::from(takes_metrics), "{}", recipe.file);
        for request in &metrics {
            let headers = recipe.metrics_headers.unwrap_or(recipe.headers);
            assert_eq!(own(&request.metadata), headers, "{}", recipe.file);
            assert_temporality(recipe, request.metrics.as_ref().unwrap());
        }
        assert_eq!(world.http.requests().len(), 0);
    }
}

/// The headers that are not gRPC's own.
fn own(metadata: &http::HeaderMap) -> Vec<(&str, &str)> {
    let of_grpc = ["content-type", "grpc-timeout", "te", "user-agent"];
    let all = metadata.iter().map(|(name, value)| (name.as_str(), value.to_str().unwrap()));
    let mut own: Vec<_> = all.filter(|(name, _)| !of_grpc.contains(name)).collect();
    own.sort_unstable();
    own
}

#[test]
fn grpc_is_refused_where_the_backend_has_none() {
    for recipe in RECIPES.iter().filter(|recipe| recipe.grpc.is_none()) {
        // It has, in other places than this recipe's.
        if ["openobserve", "phoenix-cloud"].contains(&recipe.file) {
            continue;
        }
        let world = World::new();
        let refused = world.try_run(recipe, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")], chat);
        let report = refused.map(drop).unwrap_err().to_string();
        assert!(report.contains("has no gRPC endpoint"), "{}: {report}", recipe.file);
    }
}
