//! A gateway: one span for each request, one CLIENT span for each attempt to have it answered.
//!
//! ```text
//! cargo run --example gateway
//! ```
//!
//! A request comes in. The first provider says 429, the second streams its answer, which the
//! gateway passes on byte by byte while it reads usage and finish reason from it. Both providers
//! are inside of this example; they print the `traceparent` they were called with.
#![expect(clippy::print_stdout, reason = "an example talks to the one who runs it")]

use axum::body::{Body, Bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::StreamExt;
use opentelemetry::propagation::Extractor;
use serde_json::{Value, json};
use tower::ServiceExt;
use tracing::{Instrument, Span, field::Empty, info_span};
use tracing_genai::gateway::{Request, Upstream};
use tracing_genai::stream::{Anthropic, ServerSentEvents};
use tracing_genai::telemetry::Console;
use tracing_genai::{GenAiSpanExt, RequestParameters};
use tracing_opentelemetry::OpenTelemetrySpanExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let telemetry =
        tracing_genai::builder().service_name("gateway").console(Console::Always).init()?;

    let answer = ask(gateway(), "Do I need an umbrella?").await?;
    println!("{answer}");

    telemetry.shutdown()?;
    Ok(())
}

/// The gateway as a service. `axum::serve` puts it on a socket.
pub fn gateway() -> Router {
    let providers = vec![
        Provider {
            upstream: Upstream::new("openai", "gpt-4o-mini").server("api.openai.com", 443),
            service: Router::new().route("/", post(busy)),
        },
        Provider {
            upstream: Upstream::new("anthropic", "claude-sonnet-4")
                .server("api.anthropic.com", 443),
            service: Router::new().route("/", post(streaming)),
        },
    ];
    Router::new().route("/v1/chat/completions", post(chat)).with_state(providers)
}

#[derive(Clone)]
struct Provider {
    upstream: Upstream,
    service: Router,
}

/// The span of the HTTP request is the parent of all, and ends with the body.
async fn chat(
    State(providers): State<Vec<Provider>>,
    headers: HeaderMap,
    Json(body): Json<Value>,
) -> Response {
    let server = info_span!(
        "http",
        otel.name = "POST /v1/chat/completions",
        otel.kind = "server",
        http.request.method = "POST",
        http.route = "/v1/chat/completions",
        http.response.status_code = Empty,
    );
    let caller = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract(&Headers(&headers))
    });
    // Fails only for a span that no layer listens to.
    let _ = server.set_parent(caller);

    let response = answer(providers, body, server.clone()).instrument(server.clone()).await;
    server.record("http.response.status_code", response.status().as_u16());
    response
}

async fn answer(providers: Vec<Provider>, body: Value, server: Span) -> Response {
    let model = body["model"].as_str().unwrap_or_default();
    let mut request = Request::new("chat", model);
    request
        .span()
        .record_request(RequestParameters::new().temperature(body["temperature"].as_f64()))
        .record_input_messages(&body["messages"]);

    for provider in providers {
        let attempt = request.attempt(&provider.upstream);
        let mut call = HttpRequest::post("/").body(Body::empty()).unwrap_or_default();
        attempt.inject(call.headers_mut());
        let Ok(response) = attempt.run(provider.service.oneshot(call)).await;
        if !response.status().is_success() {
            attempt.end_with_status(response.status().as_u16());
            continue;
        }
        attempt.status(response.status().as_u16());
        let bytes = response.into_body().into_data_stream();
        // From here on the stream decides how request and attempt end.
        let answer = request.try_stream(attempt, bytes, ServerSentEvents::new(Anthropic::new()));
        let answer = answer.inspect(move |_| {
            // The HTTP span lives as long as its body.
            let _ = &server;
        });
        return ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(answer))
            .into_response();
    }
    request.fail("no_upstream", "every provider refused");
    StatusCode::BAD_GATEWAY.into_response()
}

/// The first provider.
async fn busy(headers: HeaderMap) -> StatusCode {
    print_traceparent("openai", &headers);
    StatusCode::TOO_MANY_REQUESTS
}

/// The second one.
async fn streaming(headers: HeaderMap) -> Response {
    print_traceparent("anthropic", &headers);
    let events = [
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "claude-sonnet-4",
               "usage": {"input_tokens": 14, "output_tokens": 1}}}),
        json!({"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}}),
        json!({"type": "content_block_delta", "index": 0,
               "delta": {"type": "text_delta", "text": "Take "}}),
        json!({"type": "content_block_delta", "index": 0,
               "delta": {"type": "text_delta", "text": "one."}}),
        json!({"type": "message_delta", "delta": {"stop_reason": "end_turn"},
               "usage": {"output_tokens": 4}}),
        json!({"type": "message_stop"}),
    ];
    let lines =
        events.map(|event| Ok::<_, std::io::Error>(Bytes::from(format!("data: {event}\n\n"))));
    Body::from_stream(futures_util::stream::iter(lines)).into_response()
}

fn print_traceparent(provider: &str, headers: &HeaderMap) {
    let parent = headers.get("traceparent").and_then(|value| value.to_str().ok());
    println!("{provider} was called with traceparent {}", parent.unwrap_or("none"));
}

/// Asks as a client does that is traced itself.
///
/// # Errors
///
/// What the gateway or its body failed with.
pub async fn ask(gateway: Router, question: &str) -> Result<String, Box<dyn std::error::Error>> {
    let body = json!({"model": "best", "temperature": 0.2,
                      "messages": [{"role": "user", "content": question}]});
    let request = HttpRequest::post("/v1/chat/completions")
        .header("content-type", "application/json")
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .body(Body::from(body.to_string()))?;
    let response = gateway.oneshot(request).await?;
    let bytes = axum::body::to_bytes(response.into_body(), 1 << 20).await?;
    Ok(String::from_utf8(bytes.into())?)
}

/// Request headers, for the propagator.
struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key)?.to_str().ok()
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(|name| name.as_str()).collect()
    }
}
