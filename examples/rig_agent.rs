//! A rig agent with a tool, traced without a line of instrumentation of its own.
//!
//! ```text
//! cargo run -p tracing-genai-emitters --example rig_agent
//! ```
//!
//! The model is a mock on loopback, so there is no key and no network. rig's spans come out as the
//! conventions want them: the agent, its two chats and the tool call as one tree on the terminal.
//! With `OTEL_EXPORTER_OTLP_ENDPOINT=http://localhost:4318` they go to a collector, too.

use std::convert::Infallible;
use std::error::Error;

use rig_agent::AgentBuilder;
use rig_core::providers::openai::OpenAIConfig;
use rig_core::tool::PortableTool;
use serde_json::{Value, json};
use tracing_genai::telemetry::Console;
use tracing_genai_test_support::{MockProvider, Turn};

/// A tool as rig has them: nothing here knows of telemetry.
struct Weather;

impl PortableTool for Weather {
    const NAME: &'static str = "weather";
    type Args = Value;
    type Output = Value;
    type Error = Infallible;

    fn description(&self) -> String {
        "The weather in a city".to_owned()
    }

    fn parameters(&self) -> Value {
        json!({"type": "object", "properties": {"city": {"type": "string"}}})
    }

    async fn call(&self, arguments: Value) -> Result<Value, Infallible> {
        Ok(json!({"city": arguments["city"], "sky": "clear", "celsius": 21}))
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let telemetry = tracing_genai::builder()
        .service_name("rig-agent-example")
        .console(Console::Always)
        .init()?;

    // The model first asks for the tool, then answers. A real one: `OpenAIConfig::from_env()?`.
    let model = MockProvider::with_script([
        Turn::tool_call("call_1", "weather", json!({"city": "Rome"})).usage(180, 14),
        Turn::text("Clear skies over Rome, and 21 degrees.").usage(215, 11),
    ]);
    let openai = OpenAIConfig::new("no-key").with_base_url(format!("{}/v1", model.url())).client();

    let agent = AgentBuilder::new(openai.chat("gpt-4o-mini"))
        .name("weather-guide")
        .preamble("You answer in one sentence.")
        .tool(Weather)
        .default_max_turns(3)
        // rig keeps content to itself unless asked. Whether it leaves is then for the content
        // policy, which withholds it unless
        // `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT=true`.
        .record_content_telemetry(true)
        .build();
    let answer = agent.prompt("What is the weather in Rome?").await?;
    tracing::info!(bytes = answer.output().len(), "the agent has answered");

    telemetry.shutdown()?;
    Ok(())
}
