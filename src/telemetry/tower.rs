//! A `tower` layer for inbound HTTP requests: each is a span of kind server in the caller's trace,
//! and is measured by `http.server.request.duration`.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use http::{Extensions, HeaderMap, Request, Response};
use opentelemetry::propagation::Extractor;
use pin_project_lite::pin_project;
use tower_layer::Layer;
use tower_service::Service;
use tracing::{Span, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;

use crate::Telemetry;
use crate::metrics::{HttpRequest, SpanMetrics};

/// Wraps a service of HTTP requests.
///
/// The span is named by method and route. What the route is, only a router knows: tell it with
/// [`HttpLayer::route`]. The raw path is never a name or a label, because it may hold anything.
///
/// ```
/// # fn app(telemetry: &tracing_genai::Telemetry) {
/// use tracing_genai::tower::HttpLayer;
///
/// #[derive(Clone)]
/// struct Route(String);
///
/// let layer = HttpLayer::new(telemetry)
///     .route(|extensions| extensions.get::<Route>().map(|route| route.0.clone()));
/// # drop(layer);
/// # }
/// ```
#[derive(Clone)]
#[must_use]
pub struct HttpLayer {
    shared: Arc<Shared>,
}

/// The service that [`HttpLayer`] makes.
#[derive(Clone, Debug)]
pub struct HttpService<S> {
    inner: S,
    shared: Arc<Shared>,
}

type Route = Box<dyn Fn(&Extensions) -> Option<String> + Send + Sync>;

struct Shared {
    metrics: Option<Arc<SpanMetrics>>,
    route: Option<Route>,
}

impl HttpLayer {
    /// A layer whose requests are measured by this telemetry.
    pub fn new(telemetry: &Telemetry) -> Self {
        Self { shared: Arc::new(Shared { metrics: telemetry.span_metrics(), route: None }) }
    }

    /// Sets how the route is found, such as axum's `MatchedPath`. Defaults to no route: spans are
    /// named by the method alone.
    pub fn route(
        self,
        route: impl Fn(&Extensions) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        let metrics = self.shared.metrics.clone();
        Self { shared: Arc::new(Shared { metrics, route: Some(Box::new(route)) }) }
    }
}

impl<S> Layer<S> for HttpLayer {
    type Service = HttpService<S>;

    fn layer(&self, inner: S) -> HttpService<S> {
        HttpService { inner, shared: Arc::clone(&self.shared) }
    }
}

impl<S, B, R> Service<Request<B>> for HttpService<S>
where
    S: Service<Request<B>, Response = Response<R>>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Answering<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Answering<S::Future> {
        let method = method(request.method());
        let route = self.shared.route.as_ref().and_then(|route| route(request.extensions()));
        let name = match &route {
            Some(route) => format!("{method} {route}"),
            None => method.to_owned(),
        };
        let span = info_span!(
            // Spans of this crate's own targets would be telemetry about telemetry.
            target: "http.server",
            "HTTP",
            otel.name = name,
            otel.kind = "server",
            http.request.method = method,
            http.route = route,
            url.scheme = request.uri().scheme_str(),
            url.path = request.uri().path(),
            http.response.status_code = tracing::field::Empty,
            error.type = tracing::field::Empty,
            otel.status_code = tracing::field::Empty,
        );
        let parent = opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.extract(&Headers(request.headers()))
        });
        // Refused only where the span is disabled or has begun: it then has no parent.
        let _ = span.set_parent(parent);
        let inner = span.in_scope(|| self.inner.call(request));
        let shared = Arc::clone(&self.shared);
        Answering { inner, call: Call { span, shared, method, route, start: Instant::now() } }
    }
}

pin_project! {
    /// The answer of an [`HttpService`].
    #[derive(Debug)]
    pub struct Answering<F> {
        #[pin]
        inner: F,
        call: Call,
    }
}

#[derive(Debug)]
struct Call {
    span: Span,
    shared: Arc<Shared>,
    method: &'static str,
    route: Option<String>,
    start: Instant,
}

impl<F, R, E> Future for Answering<F>
where
    F: Future<Output = Result<Response<R>, E>>,
{
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let entered = this.call.span.enter();
        let answer = ready!(this.inner.poll(context));
        drop(entered);
        this.call.answered(answer.as_ref().ok().map(|answer| answer.status().as_u16()));
        Poll::Ready(answer)
    }
}

impl Call {
    /// A server's own failures are errors, a client's are not.
    fn answered(&self, status: Option<u16>) {
        let mut digits = [0; 5];
        let error = match status {
            Some(status) if status >= 500 => Some(decimal(status, &mut digits)),
            Some(_) => None,
            None => Some("_OTHER"),
        };
        if let Some(status) = status {
            self.span.record("http.response.status_code", status);
        }
        if let Some(error) = error {
            self.span.record("error.type", error);
            self.span.record("otel.status_code", "ERROR");
        }
        if let Some(metrics) = &self.shared.metrics {
            let route = self.route.as_deref();
            let seconds = self.start.elapsed().as_secs_f64();
            let method = self.method;
            metrics.http_request(&HttpRequest { method, route, status, error, seconds });
        }
    }
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(http::HeaderName::as_str).collect()
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("route", &self.route.is_some()).finish_non_exhaustive()
    }
}

impl fmt::Debug for HttpLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HttpLayer").finish_non_exhaustive()
    }
}

/// The method, or `_OTHER` for one that HTTP does not know: callers may send anything.
fn method(method: &http::Method) -> &'static str {
    METHODS.into_iter().find(|known| *known == method.as_str()).unwrap_or("_OTHER")
}

fn decimal(status: u16, digits: &mut [u8; 5]) -> &str {
    let mut at = digits.len();
    let mut rest = status;
    while rest > 0 {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
    }
    std::str::from_utf8(&digits[at..]).unwrap_or_default()
}

const METHODS: [&str; 10] =
    ["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "CONNECT", "TRACE", "QUERY"];
