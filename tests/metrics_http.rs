//! Inbound HTTP requests through the tower layer: a span of the caller's trace, and a metric.
#![cfg(all(feature = "tower", feature = "otel-http"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "metrics/dump.rs"]
mod dump;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};
use std::time::Duration;

use dump::{dump, sums};
use http::{Request, Response};
use opentelemetry_sdk::propagation::TraceContextPropagator;
use tower_layer::Layer;
use tower_service::Service;
use tracing_genai::telemetry::Console;
use tracing_genai::tower::HttpLayer;
use tracing_genai_test_support::OtlpReceiver;
use tracing_subscriber::prelude::*;

#[derive(Clone)]
struct Route(&'static str);

/// Answers with the status that the path says.
struct App;

impl Service<Request<()>> for App {
    type Response = Response<()>;
    type Error = Infallible;
    type Future = Ready<Result<Response<()>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<()>) -> Self::Future {
        let status: u16 = request.uri().path().rsplit('/').next().unwrap().parse().unwrap();
        ready(Ok(Response::builder().status(status).body(()).unwrap()))
    }
}

#[test]
fn requests_are_spans_of_the_callers_trace_and_measured_by_route() {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let receiver = OtlpReceiver::start();
    let (layer, telemetry) = tracing_genai::builder()
        .env([("", ""); 0])
        .console(Console::Never)
        .endpoint(receiver.endpoint())
        .build()
        .unwrap();
    let http = HttpLayer::new(&telemetry)
        .route(|extensions| extensions.get::<Route>().map(|route| String::from(route.0)));
    let mut app = http.layer(App);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for path in ["/chat/200", "/chat/404", "/chat/500"] {
            let request = Request::builder()
                .uri(path)
                .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
                .extension(Route("/chat/{status}"))
                .body(())
                .unwrap();
            futures_executor::block_on(app.call(request)).unwrap();
        }
    });
    telemetry.shutdown().unwrap();

    let spans = receiver.wait_for_spans(3, Duration::from_secs(10));
    for span in &spans {
        assert_eq!(span.name, "GET /chat/{status}");
        assert_eq!(span.trace_id, "0af7651916cd43dd8448eb211c80319c");
        assert_eq!(span.str("http.route"), Some("/chat/{status}"));
    }
    let metrics = receiver.wait_for_metrics(1, Duration::from_secs(10)).remove(0);
    assert_eq!(sums(&metrics, "tracing_genai.client.requests"), 0.0);
    let bounds =
        "[0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0]";
    let labels = "http.request.method=GET, http.route=/chat/{status}, http.response.status_code";
    assert_eq!(
        dump(&metrics),
        format!(
            "http.server.request.duration s histogram {bounds} cumulative
  {labels}=200 = 1 times
  {labels}=404 = 1 times
  {labels}=500, error.type=500 = 1 times
"
        )
    );
}
