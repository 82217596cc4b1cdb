//! A gateway: one span for each request, one CLIENT span for each attempt to have it answered.
//!
//! ```text
//! cargo run --example gateway
//! ```
//!
//! A request comes in. The first provider says 429, the second streams its answer, which the
//! gateway passes on byte by byte while it reads usage and finish reason from it. Everything talks
//! over sockets on loopback; both providers are part of this example, and it tells which
//! `traceparent` each of them was called with.
#![expect(clippy::print_stdout, reason = "an example talks to the one who runs it")]

use std::error::Error;
use std::future::IntoFuture;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use axum::{Json, Router};
use futures_util::StreamExt;
use futures_util::stream::poll_fn;
use opentelemetry::propagation::Extractor;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;
use tracing::{Instrument, Span, field::Empty, info_span};
use tracing_genai::gateway::{Request, Upstream};
use tracing_genai::stream::{Anthropic, ServerSentEvents};
use tracing_genai::telemetry::Console;
use tracing_genai::{GenAiSpanExt, RequestParameters};
use tracing_opentelemetry::OpenTelemetrySpanExt;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry =
        tracing_genai::builder().service_name("gateway").console(Console::Always).init()?;

    let Exchange { answer, calls } = exchange("Do I need an umbrella?").await?;
    println!("{answer}");
    for (provider, traceparent) in calls {
        println!("{provider} was called with traceparent {traceparent}");
    }

    telemetry.shutdown()?;
    Ok(())
}

/// What came and went.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchange {
    /// The body that the client got.
    pub answer: String,
    /// Who was called, and with which `traceparent`.
    pub calls: Vec<(&'static str, String)>,
}

/// Two providers, the gateway and a client of it, each on a socket of its own.
///
/// # Errors
///
/// What the gateway, its body or a socket failed with.
pub async fn exchange(question: &str) -> Result<Exchange, Box<dyn Error>> {
    let calls = Calls::default();
    let openai = serve(Router::new().route("/", post(busy)).with_state(calls.clone())).await?;
    let anthropic =
        serve(Router::new().route("/", post(streaming)).with_state(calls.clone())).await?;
    let gateway = serve(gateway(vec![
        Provider::new("openai", "gpt-4o-mini", openai.address),
        Provider::new("anthropic", "claude-sonnet-4", anthropic.address),
    ])?)
    .await?;

    let answer = ask(gateway.address, question).await?;
    for server in [gateway, openai, anthropic] {
        server.stop().await?;
    }
    Ok(Exchange { answer, calls: calls.take() })
}

/// Asks as a client does that is traced itself.
async fn ask(gateway: SocketAddr, question: &str) -> Result<String, reqwest::Error> {
    let body = json!({"model": "best", "temperature": 0.2, "stream": true,
                      "messages": [{"role": "user", "content": question}]});
    client()?
        .post(format!("http://{gateway}/v1/chat/completions"))
        .header("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .json(&body)
        .send()
        .await?
        .text()
        .await
}

/// The gateway: providers in the order in which they are asked.
fn gateway(providers: Vec<Provider>) -> Result<Router, reqwest::Error> {
    let gateway = Gateway { client: client()?, providers };
    Ok(Router::new().route("/v1/chat/completions", post(chat)).with_state(gateway))
}

#[derive(Clone)]
struct Gateway {
    client: reqwest::Client,
    providers: Vec<Provider>,
}

#[derive(Clone)]
struct Provider {
    upstream: Upstream,
    url: String,
}

impl Provider {
    fn new(name: &str, model: &str, address: SocketAddr) -> Self {
        let upstream = Upstream::new(name, model).server(address.ip().to_string(), address.port());
        Self { upstream, url: format!("http://{address}/") }
    }
}

/// The span of the HTTP request is the parent of all, and ends with the body.
async fn chat(
    State(gateway): State<Gateway>,
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

    let response = answer(gateway, body, server.clone()).instrument(server.clone()).await;
    server.record("http.response.status_code", response.status().as_u16());
    response
}

async fn answer(gateway: Gateway, mut body: Value, server: Span) -> Response {
    let mut request = Request::new("chat", body["model"].as_str().unwrap_or_default());
    request
        .span()
        .record_request(RequestParameters::new().temperature(body["temperature"].as_f64()))
        .record_input_messages(&body["messages"]);

    for provider in gateway.providers {
        let attempt = request.attempt(&provider.upstream);
        body["model"] = provider.upstream.model().into();
        let mut headers = HeaderMap::new();
        attempt.inject(&mut headers);
        let call = gateway.client.post(provider.url).headers(headers).json(&body);
        let response = match attempt.run(call.send()).await {
            Ok(response) if response.status().is_success() => response,
            Ok(response) => {
                attempt.end_with_status(response.status().as_u16());
                continue;
            }
            Err(error) => {
                attempt.fail("connection_error", error);
                continue;
            }
        };
        attempt.status(response.status().as_u16());
        let bytes = response.bytes_stream();
        // From here on the stream decides how request and attempt end.
        let answer = request.try_stream(attempt, bytes, ServerSentEvents::new(Anthropic::new()));
        let mut answer = Box::pin(answer);
        // The HTTP span lives as long as its body and is left last.
        let body = poll_fn(move |cx| server.in_scope(|| answer.poll_next_unpin(cx)));
        return ([(header::CONTENT_TYPE, "text/event-stream")], Body::from_stream(body))
            .into_response();
    }
    request.fail("no_upstream", "every provider refused");
    StatusCode::BAD_GATEWAY.into_response()
}

/// The first provider.
async fn busy(State(calls): State<Calls>, headers: HeaderMap) -> StatusCode {
    calls.note("openai", &headers);
    StatusCode::TOO_MANY_REQUESTS
}

/// The second one.
async fn streaming(State(calls): State<Calls>, headers: HeaderMap) -> Response {
    calls.note("anthropic", &headers);
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

/// Who was called, and with which `traceparent`.
#[derive(Clone, Default)]
struct Calls(Arc<Mutex<Vec<(&'static str, String)>>>);

impl Calls {
    fn note(&self, provider: &'static str, headers: &HeaderMap) {
        let parent = headers.get("traceparent").and_then(|value| value.to_str().ok());
        let call = (provider, parent.unwrap_or("none").to_owned());
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(call);
    }

    fn take(&self) -> Vec<(&'static str, String)> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// A server on loopback.
struct Server {
    address: SocketAddr,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

async fn serve(router: Router) -> std::io::Result<Server> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let (stop, stopped) = oneshot::channel::<()>();
    let stopped = async { drop(stopped.await) };
    let server = axum::serve(listener, router).with_graceful_shutdown(stopped);
    Ok(Server { address, stop, task: tokio::spawn(server.into_future()) })
}

impl Server {
    /// Returns once every answer has been sent to its end.
    async fn stop(self) -> Result<(), Box<dyn Error>> {
        let _ = self.stop.send(());
        Ok(self.task.await??)
    }
}

fn client() -> Result<reqwest::Client, reqwest::Error> {
    reqwest::Client::builder().no_proxy().build()
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
