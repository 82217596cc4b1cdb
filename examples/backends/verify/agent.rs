//! What `examples/backends/verify/run` sends: an agent that does everything a backend has a word
//! for, in one conversation of three turns. Its content is made up. Where the spans go, and in which
//! format, is said by the configuration file in `TRACING_GENAI_CONFIG`.
//!
//! The one argument is the id of the conversation. Prints the status as JSON.
#![expect(clippy::print_stdout, reason = "an example talks to the one who runs it")]

use std::time::Duration;

use futures_util::StreamExt;
use opentelemetry::Context;
use serde_json::{Value, json};
use tracing::{Instrument, info_span};
use tracing_genai::gateway::Identity;
use tracing_genai::stream::{GenAiStreamExt, OpenAiChat};
use tracing_genai::telemetry::Console;
use tracing_genai::{
    GenAiSpanExt, RequestParameters, Response, ToolCall, Usage, agent_span, embeddings_span,
    inference_span, retrieval_span, tool_span, workflow_span,
};
use tracing_opentelemetry::OpenTelemetrySpanExt;

const MODEL: &str = "gpt-4o-mini";
const ANSWERED: &str = "gpt-4o-mini-2024-07-18";
const QUESTION: &str = "Do I need an umbrella in Lisbon?";
const INSTRUCTIONS: &str = "You answer in one sentence.";
const NOTE: &str = "In November it rains on half of the days.";
const THANKS: &str = "Thank you, umbrella man.";
const WELCOME: &str = "You are welcome.";
const ANSWER: [&str; 3] = ["Yes, take one: ", "light rain ", "is expected in Lisbon."];

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let conversation = std::env::args().nth(1).ok_or("usage: verify CONVERSATION")?;
    let telemetry = tracing_genai::builder()
        .service_name("verify")
        .console(Console::Never)
        // A backend that has just started takes seconds for its first request.
        .shutdown_timeout(Duration::from_secs(30))
        .init()?;

    // Whose conversation it is goes with the context to every GenAI span below.
    let whose = Identity::new().conversation(conversation).user("user-42");
    let whose = whose.context(&Context::current());
    first_turn(&whose).await;
    second_turn(&whose);
    third_turn(&whose);

    let delivered = telemetry.shutdown();
    println!("{}", serde_json::to_string(&telemetry.status())?);
    Ok(delivered?)
}

/// The agent is the root: it looks a note up, calls two tools, one of which fails, and streams
/// its answer.
async fn first_turn(whose: &Context) {
    let span = agent_span!("weather-assistant", gen_ai.agent.id = "agent-1");
    let _ = span.set_parent(whose.clone());
    span.record_input_messages(&json!([{"role": "user", "content": QUESTION}]));
    async {
        embed();
        retrieve();
        let calls = choose_tools();
        weather();
        tides();
        stream(calls).await;
    }
    .instrument(span.clone())
    .await;
    span.record_output_messages(&json!([{"role": "assistant", "content": ANSWER.concat()}]));
}

/// A web request is the root, which is no GenAI span. The first model is busy.
fn second_turn(whose: &Context) {
    let span = info_span!("http", otel.name = "POST /chat", otel.kind = "server");
    let _ = span.set_parent(whose.clone());
    let _entered = span.enter();
    let workflow = workflow_span!("answer-again");
    workflow.record_input_messages(&json!([{"role": "user", "content": "And tomorrow?"}]));
    workflow.in_scope(|| {
        refused();
        answered();
    });
    workflow.record_output_messages(&json!([{"role": "assistant", "content": "Tomorrow is dry."}]));
}

/// A web request again, whose span says that it is a step of the conversation, too.
fn third_turn(whose: &Context) {
    let span = workflow_span!("chat", otel.name = "POST /chat", otel.kind = "server");
    let _ = span.set_parent(whose.clone());
    span.record_input_messages(&json!([{"role": "user", "content": THANKS}]))
        .record_output_messages(&json!([{"role": "assistant", "content": WELCOME}]));
}

fn embed() {
    let span = embeddings_span!("openai", "text-embedding-3-small");
    span.record_input_messages(&json!([{"role": "user", "content": QUESTION}]))
        .record_response(Response::new().model("text-embedding-3-small"))
        .record_usage(Usage::new().input_tokens(8));
}

fn retrieve() {
    let span = retrieval_span!(
        "climate-notes",
        gen_ai.retrieval.query.text = QUESTION,
        gen_ai.retrieval.documents =
            json!([{"id": "note-3", "score": 0.83, "content": NOTE}]).to_string()
    );
    span.in_scope(|| {});
}

fn tool_calls() -> Value {
    let call = |id, name, arguments: Value| {
        json!({"id": id, "type": "function",
               "function": {"name": name, "arguments": arguments.to_string()}})
    };
    json!([
        call("call_1", "get_weather", json!({"city": "Lisbon"})),
        call("call_2", "get_tides", json!({"port": "Lisbon"})),
    ])
}

/// A model call in full: parameters, tools, cached tokens, a cost that a price list makes.
fn choose_tools() -> Value {
    let calls = tool_calls();
    let span = inference_span!("chat", "openai", MODEL, server.address = "api.openai.com");
    span.record_request(RequestParameters::new().temperature(0.2).max_tokens(256))
        .record_system_instructions(&json!([{"type": "text", "content": INSTRUCTIONS}]))
        .record_tool_definitions(&json!([
            {"type": "function", "name": "get_weather", "description": "The weather in a city",
             "parameters": {"type": "object", "properties": {"city": {"type": "string"}}}},
            {"type": "function", "name": "get_tides", "description": "The tides at a port",
             "parameters": {"type": "object", "properties": {"port": {"type": "string"}}}},
        ]))
        .record_input_messages(&json!([{"role": "user", "content": QUESTION}]))
        .record_output_messages(&json!([
            {"role": "assistant", "tool_calls": calls, "finish_reason": "tool_calls"},
        ]))
        .record_response(
            Response::new().id("chatcmpl-1").model(ANSWERED).finish_reasons(["tool_calls"]),
        )
        .record_usage(Usage::new().input_tokens(182).output_tokens(19).cache_read_input_tokens(64));
    calls
}

fn weather() {
    let span = tool_span!("get_weather", gen_ai.tool.type = "function");
    span.record_tool_call(
        ToolCall::new("get_weather").id("call_1").arguments(&json!({"city": "Lisbon"})),
    )
    .record_tool_result(&json!({"sky": "light rain", "celsius": 17}));
}

fn tides() {
    let span = tool_span!("get_tides", gen_ai.tool.type = "function");
    span.record_tool_call(
        ToolCall::new("get_tides").id("call_2").arguments(&json!({"port": "Lisbon"})),
    )
    .record_failure("timeout", "the tide service did not answer");
}

/// The answer, as OpenAI streams it.
async fn stream(calls: Value) {
    let span = inference_span!("chat", "openai", MODEL);
    span.record_input_messages(&json!([
        {"role": "system", "content": INSTRUCTIONS},
        {"role": "user", "content": QUESTION},
        {"role": "assistant", "tool_calls": calls},
        {"role": "tool", "tool_call_id": "call_1", "content": "{\"sky\":\"light rain\",\"celsius\":17}"},
        {"role": "tool", "tool_call_id": "call_2", "content": "timeout"},
    ]));
    let chunk = |choice: Value| json!({"id": "chatcmpl-2", "model": ANSWERED, "choices": [choice]});
    let mut chunks: Vec<_> =
        ANSWER.map(|text| chunk(json!({"index": 0, "delta": {"content": text}}))).into();
    chunks.push(chunk(json!({"index": 0, "delta": {}, "finish_reason": "stop"})));
    chunks.push(json!({"choices": [], "usage": {
        "prompt_tokens": 231, "completion_tokens": 24,
        "completion_tokens_details": {"reasoning_tokens": 10}}}));
    let answer = futures_util::stream::iter(chunks).traced(span, OpenAiChat::new());
    answer.for_each(|_| std::future::ready(())).await;
}

fn refused() {
    let span = inference_span!("chat", "anthropic", "claude-sonnet-4-5");
    span.record_input_messages(&json!([{"role": "user", "content": "And tomorrow?"}]))
        .record_http_status(429);
}

fn answered() {
    let span = inference_span!("chat", "openai", MODEL);
    span.record_input_messages(&json!([{"role": "user", "content": "And tomorrow?"}]))
        .record_output_messages(&json!([{"role": "assistant", "content": "Tomorrow is dry."}]))
        .record_response(Response::new().id("chatcmpl-3").model(MODEL).finish_reasons(["stop"]))
        .record_usage(Usage::new().input_tokens(12).output_tokens(5));
}
