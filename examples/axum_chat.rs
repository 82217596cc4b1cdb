//! A chat service with traced handlers.
//!
//! ```text
//! cargo run --example axum_chat -- 127.0.0.1:3000
//! curl -d 'Do I need an umbrella?' http://127.0.0.1:3000/chat
//! curl http://127.0.0.1:3000/debug/telemetry
//! ```
//!
//! Without an address it takes a free port. With `--once` it calls itself and ends, which is how
//! the checks of this repository run it.
#![expect(clippy::print_stdout, reason = "an example talks to the one who runs it")]

use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Json, Router};
use opentelemetry::propagation::Extractor;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tracing::{Instrument, Span, field::Empty, info, info_span, instrument};
use tracing_genai::telemetry::{Console, Status, Telemetry};
use tracing_opentelemetry::OpenTelemetrySpanExt;

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let argument = std::env::args().nth(1);
    let once = argument.as_deref() == Some("--once");
    let address = argument.filter(|_| !once).unwrap_or_else(|| String::from("127.0.0.1:0"));

    let telemetry =
        tracing_genai::builder().service_name("axum-chat").console(Console::Always).init()?;

    // The handle is cheap to clone, so that handlers may have one.
    let service = Router::new()
        .route("/chat", post(chat))
        .layer(from_fn(traced))
        .route("/debug/telemetry", get(debug_telemetry))
        .with_state(telemetry.clone());
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    info!("listening on http://{address}");

    let server = axum::serve(listener, service);
    if once {
        tokio::select! {
            ended = server => ended?,
            result = call(address) => result?,
        }
    } else {
        server.with_graceful_shutdown(stopped()).await?;
    }

    telemetry.shutdown()?;
    Ok(())
}

/// One inbound request, as a SERVER span. A parent must be set before the span is entered first,
/// which is why this is a middleware and no attribute on the handler.
async fn traced(request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let span = info_span!(
        "request",
        otel.name = format!("{method} {path}"),
        otel.kind = "server",
        http.request.method = method.as_str(),
        http.route = path,
        http.response.status_code = Empty,
    );
    let caller = opentelemetry::global::get_text_map_propagator(|propagator| {
        propagator.extract(&Headers(request.headers()))
    });
    // Fails only for a span that no layer listens to.
    let _ = span.set_parent(caller);

    let response = next.run(request).instrument(span.clone()).await;
    span.record("http.response.status_code", response.status().as_u16());
    response
}

async fn chat(question: String) -> Result<String, StatusCode> {
    ask_model(&question).await.map_err(|RateLimited| StatusCode::TOO_MANY_REQUESTS)
}

#[instrument(skip_all, fields(
    gen_ai.operation.name = "chat",
    gen_ai.provider.name = "openai",
    gen_ai.request.model = "gpt-4o-mini",
    gen_ai.input.messages = question,
    gen_ai.output.messages = Empty,
    gen_ai.response.finish_reasons = Empty,
    gen_ai.usage.input_tokens = Empty,
    gen_ai.usage.output_tokens = Empty,
    error.type = Empty,
))]
async fn ask_model(question: &str) -> Result<String, RateLimited> {
    let span = Span::current();
    tokio::time::sleep(Duration::from_millis(30)).await;
    if question.contains("everything") {
        span.record("error.type", "rate_limit_exceeded");
        return Err(RateLimited);
    }
    let answer = String::from("Take an umbrella.");
    span.record("gen_ai.output.messages", answer.as_str());
    span.record("gen_ai.response.finish_reasons", "stop");
    span.record("gen_ai.usage.input_tokens", 14);
    span.record("gen_ai.usage.output_tokens", 5);
    Ok(answer)
}

/// What has been delivered, what has not, and why.
async fn debug_telemetry(State(telemetry): State<Telemetry>) -> Json<Status> {
    Json(telemetry.status())
}

struct RateLimited;

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

async fn stopped() {
    // Without a signal handler the service runs until it is killed.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Calls the service as its clients do, with and without luck, and looks at its status.
async fn call(address: std::net::SocketAddr) -> Result<(), Failure> {
    let traceparent = "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n";
    let answer = http(address, "POST /chat", traceparent, "Do I need an umbrella?").await?;
    assert!(answer.ends_with("Take an umbrella."), "{answer}");
    let answer = http(address, "POST /chat", "", "Tell me everything.").await?;
    assert!(answer.starts_with("HTTP/1.1 429"), "{answer}");
    let answer = http(address, "GET /debug/telemetry", "", "").await?;
    let status: serde_json::Value =
        serde_json::from_str(answer.split_once("\r\n\r\n").map_or("", |(_, body)| body))?;
    println!("{status:#}");
    assert!(status["state"].is_string(), "{status}");
    Ok(())
}

async fn http(
    address: std::net::SocketAddr,
    request: &str,
    headers: &str,
    body: &str,
) -> Result<String, Failure> {
    let mut stream = TcpStream::connect(address).await?;
    let length = body.len();
    let request = format!(
        "{request} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         content-type: text/plain\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
    );
    stream.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await?;
    Ok(answer)
}
