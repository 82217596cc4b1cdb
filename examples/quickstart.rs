//! A small agent, traced. No network, no key, nothing to set up:
//!
//! ```text
//! cargo run --example quickstart
//! ```
//!
//! The agent is asked about the weather. It asks the model, calls the tool the model wants, and
//! streams the model's answer. Each step is a function with `#[instrument]`; the fields begin
//! with `gen_ai.` and are named by the OpenTelemetry GenAI conventions. When the agent is done,
//! its trace is printed as a tree.
//!
//! To see the same trace in a backend:
//!
//! ```text
//! OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318 cargo run --example quickstart
//! ```
#![expect(clippy::print_stdout, reason = "an example talks to the one who runs it")]

use std::time::{Duration, Instant};

use tracing::field::{Empty, debug};
use tracing::{Span, instrument};
use tracing_genai::telemetry::Console;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // One line is all a service needs: `let _telemetry = tracing_genai::init_telemetry()?;`
    // This example always prints its trees, to a file or a pipe as well.
    let telemetry =
        tracing_genai::builder().service_name("quickstart").console(Console::Always).init()?;

    println!("You:   Do I need an umbrella in Lisbon?\n");
    let answer = weather_assistant("Do I need an umbrella in Lisbon?").await;
    println!("Agent: {answer}\n");

    // Waits, within a time limit, until everything is delivered. Dropping does the same.
    telemetry.shutdown()?;
    Ok(())
}

/// The agent. Its span is the parent of what it does, and what a backend's list of traces shows.
#[instrument(skip_all, fields(
    gen_ai.operation.name = "invoke_agent",
    gen_ai.agent.name = "weather-assistant",
    gen_ai.input.messages = question,
    gen_ai.output.messages = Empty,
))]
async fn weather_assistant(question: &str) -> String {
    let mut history = vec![Message::user(question)];
    if let Reply::ToolCall { name: "get_weather", arguments } = chat(&history).await {
        let weather = get_weather(arguments).await;
        history.push(Message::tool(weather));
    }
    let answer = stream_answer(&history).await;
    Span::current().record("gen_ai.output.messages", &answer);
    answer
}

/// A model call. What is known beforehand stands in the attribute, what the response says is
/// recorded later: for that a field is declared `Empty`.
///
/// The messages are recorded too. They do not leave the process, are not even formatted, unless
/// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true`.
#[instrument(skip_all, fields(
    gen_ai.operation.name = "chat",
    gen_ai.provider.name = "openai",
    gen_ai.request.model = model::NAME,
    gen_ai.input.messages = ?history,
    gen_ai.output.messages = Empty,
    gen_ai.response.finish_reasons = Empty,
    gen_ai.usage.input_tokens = Empty,
    gen_ai.usage.output_tokens = Empty,
    gen_ai.usage.cost = Empty,
))]
async fn chat(history: &[Message]) -> Reply {
    let response = model::complete(history).await;
    let span = Span::current();
    span.record("gen_ai.output.messages", debug(&response.reply));
    span.record("gen_ai.response.finish_reasons", response.finish_reason);
    span.record("gen_ai.usage.input_tokens", response.input_tokens);
    span.record("gen_ai.usage.output_tokens", response.output_tokens);
    span.record("gen_ai.usage.cost", model::price(response.input_tokens, response.output_tokens));
    response.reply
}

/// A streamed model call: the time to the first chunk is worth knowing.
#[instrument(skip_all, fields(
    gen_ai.operation.name = "chat",
    gen_ai.provider.name = "openai",
    gen_ai.request.model = model::NAME,
    gen_ai.request.stream = true,
    gen_ai.input.messages = ?history,
    gen_ai.output.messages = Empty,
    gen_ai.response.time_to_first_chunk = Empty,
    gen_ai.response.finish_reasons = Empty,
    gen_ai.usage.input_tokens = Empty,
    gen_ai.usage.output_tokens = Empty,
    gen_ai.usage.cost = Empty,
))]
async fn stream_answer(history: &[Message]) -> String {
    let span = Span::current();
    let asked = Instant::now();
    let mut stream = model::stream(history);
    let mut answer = String::new();
    while let Some(chunk) = stream.next().await {
        if answer.is_empty() {
            let waited = asked.elapsed().as_secs_f64();
            span.record("gen_ai.response.time_to_first_chunk", waited);
        }
        answer.push_str(chunk);
    }
    span.record("gen_ai.output.messages", &answer);
    span.record("gen_ai.response.finish_reasons", "stop");
    span.record("gen_ai.usage.input_tokens", 231);
    span.record("gen_ai.usage.output_tokens", 24);
    span.record("gen_ai.usage.cost", model::price(231, 24));
    answer
}

/// A tool. The argument is content and is treated like a message.
#[instrument(skip_all, fields(
    gen_ai.operation.name = "execute_tool",
    gen_ai.tool.name = "get_weather",
    gen_ai.tool.type = "function",
    gen_ai.tool.call.arguments = city,
))]
async fn get_weather(city: &str) -> String {
    tokio::time::sleep(Duration::from_millis(45)).await;
    format!("{city}: light rain, 17 °C")
}

/// What is said in a conversation.
#[derive(Debug)]
#[expect(dead_code, reason = "the mock model does not read")]
struct Message {
    role: &'static str,
    text: String,
}

impl Message {
    fn user(text: &str) -> Self {
        Self { role: "user", text: text.to_owned() }
    }

    fn tool(text: String) -> Self {
        Self { role: "tool", text }
    }
}

/// What the model wants next.
#[derive(Debug)]
enum Reply {
    ToolCall {
        name: &'static str,
        arguments: &'static str,
    },
    #[expect(dead_code, reason = "this model always wants to know the weather")]
    Text(String),
}

/// A model that lives in this file and always says the same.
mod model {
    use super::{Duration, Message, Reply};

    pub(super) const NAME: &str = "gpt-4o-mini";

    pub(super) struct Response {
        pub(super) reply: Reply,
        pub(super) finish_reason: &'static str,
        pub(super) input_tokens: u32,
        pub(super) output_tokens: u32,
    }

    pub(super) async fn complete(_history: &[Message]) -> Response {
        tokio::time::sleep(Duration::from_millis(180)).await;
        let reply = Reply::ToolCall { name: "get_weather", arguments: "Lisbon" };
        Response { reply, finish_reason: "tool_calls", input_tokens: 182, output_tokens: 19 }
    }

    pub(super) fn stream(_history: &[Message]) -> Stream {
        Stream { chunks: ["Yes, take one: ", "light rain ", "is expected ", "in Lisbon."].iter() }
    }

    pub(super) struct Stream {
        chunks: std::slice::Iter<'static, &'static str>,
    }

    impl Stream {
        pub(super) async fn next(&mut self) -> Option<&'static str> {
            let wait = if self.chunks.len() == 4 { 140 } else { 60 };
            tokio::time::sleep(Duration::from_millis(wait)).await;
            self.chunks.next().copied()
        }
    }

    /// USD, at 0.15 and 0.60 a million tokens.
    pub(super) fn price(input_tokens: u32, output_tokens: u32) -> f64 {
        (f64::from(input_tokens) * 0.15 + f64::from(output_tokens) * 0.60) / 1e6
    }
}
