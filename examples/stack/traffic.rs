//! A service with something to look at: an assistant with a tool, a search over documents and a
//! plain chat, asked by callers inside of this example. No network but the receiver, no key.
//!
//! ```text
//! cargo run --features tower --example stack_traffic          until it is stopped
//! cargo run --features tower --example stack_traffic -- 30    for 30 seconds
//! ```
//!
//! It reads `telemetry.yaml` beside this file, which sends to the stack of this folder. Models
//! answer, stream, refuse and time out by turns, so that no panel stays empty.
#![expect(clippy::print_stdout, reason = "an example talks to the one who runs it")]

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::MatchedPath;
use axum::http::{Request, StatusCode};
use axum::routing::post;
use futures_util::{Stream, StreamExt, stream};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep, sleep_until};
use tower::ServiceExt;
use tracing::{Instrument, Span};
use tracing_genai::stream::{GenAiStreamExt, OpenAiChat};
use tracing_genai::telemetry::Console;
use tracing_genai::tower::HttpLayer;
use tracing_genai::{
    GenAiSpanExt, RequestParameters, Response, Usage, agent_span, embeddings_span, inference_span,
    retrieval_span, tool_span, workflow_span,
};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let seconds = std::env::args().nth(1).map(|seconds| seconds.parse()).transpose()?;
    let telemetry = tracing_genai::builder()
        .config_file(concat!(env!("CARGO_MANIFEST_DIR"), "/examples/stack/telemetry.yaml"))
        .console(Console::Never)
        .init()?;

    let service = Router::new()
        .route("/assistant", post(assistant))
        .route("/search", post(search))
        .route("/chat", post(chat))
        .layer(HttpLayer::new(&telemetry).route(|extensions| {
            extensions.get::<MatchedPath>().map(|path| path.as_str().to_owned())
        }));
    for _ in 0..CALLERS {
        tokio::spawn(call_forever(service.clone()));
    }
    match seconds {
        Some(seconds) => sleep(Duration::from_secs(seconds)).await,
        None => tokio::signal::ctrl_c().await?,
    }

    let delivered = telemetry.shutdown();
    println!("{}", telemetry.status());
    Ok(delivered?)
}

const CALLERS: usize = 4;

async fn call_forever(service: Router) {
    loop {
        let path = ["/assistant", "/search", "/chat", "/chat"][turn(4)];
        let request = Request::post(path).body(Body::empty()).unwrap_or_default();
        // The router answers whatever comes.
        let Ok(_response) = service.clone().oneshot(request).await;
        sleep(Duration::from_millis(50)).await;
    }
}

/// An agent: the model asks for a tool, the tool answers, the model streams.
async fn assistant() -> StatusCode {
    let agent = agent_span!("travel-assistant");
    async {
        let asked = ask(OPENAI[0], Usage::new().input_tokens(180).output_tokens(19)).await;
        sleep(Duration::from_millis(40)).instrument(tool_span!("get_weather")).await;
        asked.and(answer_in_chunks(OPENAI[turn(2)]).await)
    }
    .instrument(agent)
    .await
    .err()
    .unwrap_or(StatusCode::OK)
}

/// A workflow: embed the question, search with it, have the model read what was found.
async fn search() -> StatusCode {
    async {
        let embeddings = embeddings_span!("openai", "text-embedding-3-small");
        embeddings.record_usage(Usage::new().input_tokens(12));
        sleep(Duration::from_millis(30)).instrument(embeddings).await;
        sleep(Duration::from_millis(20)).instrument(retrieval_span!("handbook")).await;
        let read = Usage::new()
            .input_tokens(2_400)
            .cache_read_input_tokens(2_000)
            .cache_write_input_tokens(300)
            .output_tokens(120);
        ask(("anthropic", "claude-sonnet-4"), read).await
    }
    .instrument(workflow_span!("handbook-search"))
    .await
    .err()
    .unwrap_or(StatusCode::OK)
}

/// One call, of a model that thinks first or of one that streams.
async fn chat() -> StatusCode {
    let answered = match turn(3) {
        0 => {
            let thought =
                Usage::new().input_tokens(640).output_tokens(900).reasoning_output_tokens(700);
            ask(("gcp.gemini", "gemini-2.5-flash"), thought).await
        }
        _ => answer_in_chunks(OPENAI[turn(2)]).await,
    };
    answered.err().unwrap_or(StatusCode::OK)
}

type Model = (&'static str, &'static str);

const OPENAI: [Model; 2] = [("openai", "gpt-4o-mini"), ("openai", "gpt-4o")];

/// A call that is answered at once. Every tenth is refused or times out.
async fn ask((provider, model): Model, usage: Usage) -> Result<(), StatusCode> {
    let span = inference_span!("chat", provider, model);
    span.record_request(RequestParameters::new().temperature(0.2).max_tokens(1024));
    span.record_conversation(&format!("conversation-{}", turn(50)));
    async {
        sleep(Duration::from_millis(120 + 90 * turn(8) as u64)).await;
        match turn(20) {
            0 => {
                Span::current().record_http_status(429);
                Err(StatusCode::TOO_MANY_REQUESTS)
            }
            1 => {
                Span::current().record_failure("timeout", "no answer in time");
                Err(StatusCode::GATEWAY_TIMEOUT)
            }
            _ => {
                Span::current()
                    .record_response(Response::new().model(model).finish_reasons(["stop"]))
                    .record_usage(usage);
                Ok(())
            }
        }
    }
    .instrument(span.clone())
    .await
}

/// A streamed call. One reader in twelve leaves before the end.
async fn answer_in_chunks((provider, model): Model) -> Result<(), StatusCode> {
    let span = inference_span!("chat", provider, model);
    let mut answer = Box::pin(chunks(model)).traced(span, OpenAiChat::new());
    let patience = if turn(12) == 0 { 3 } else { usize::MAX };
    let mut read = 0;
    while answer.next().await.is_some() {
        read += 1;
        if read == patience {
            break;
        }
    }
    Ok(())
}

/// What a provider sends: words, then the usage.
fn chunks(model: &'static str) -> impl Stream<Item = Value> {
    let first = Instant::now() + Duration::from_millis(150 + 60 * turn(6) as u64);
    stream::iter(0..10_u32).then(move |at| async move {
        sleep_until(first + Duration::from_millis(35) * at).await;
        match at {
            9 => json!({"model": model, "choices": [{"index": 0, "delta": {},
                        "finish_reason": "stop"}],
                        "usage": {"prompt_tokens": 231, "completion_tokens": 64}}),
            _ => json!({"model": model, "choices": [{"index": 0,
                        "delta": {"content": "word "}}]}),
        }
    })
}

/// A number below `n`, another one at each call, the same ones in each run.
fn turn(n: u64) -> usize {
    static CALLS: AtomicU64 = AtomicU64::new(1);
    let mixed = CALLS.fetch_add(1, Ordering::Relaxed).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    ((mixed >> 33) % n) as usize
}
