//! Beside a subscriber that is already there.
//!
//! `build` makes the layer and the handle and touches no global: the registry, the log layer, the
//! filters and their order stay yours.
//!
//! ```text
//! cargo run --example existing_subscriber
//! ```

use tracing::{info, info_span};
use tracing_genai::telemetry::{Console, WithoutContent};
use tracing_subscriber::filter::LevelFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let (genai, telemetry) = tracing_genai::builder()
        .service_name("existing-subscriber")
        .console(Console::Always)
        .build()?;

    tracing_subscriber::registry()
        // A filter of one layer says nothing about the others: logs may be terse and traces full.
        .with(genai.with_filter(LevelFilter::DEBUG))
        .with(
            fmt::layer()
                .compact()
                .with_target(false)
                // Prompts in span fields would stand in every log line of the span.
                .fmt_fields(WithoutContent::default())
                .with_filter(LevelFilter::INFO),
        )
        .init();

    info_span!("handle request").in_scope(|| {
        let chat = info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "anthropic",
            gen_ai.request.model = "claude-sonnet-4-5",
            gen_ai.input.messages = r#"[{"role":"user","content":"Hello"}]"#,
            gen_ai.usage.input_tokens = 9,
            gen_ai.usage.output_tokens = 12,
        );
        chat.in_scope(|| info!("the model has answered"));
    });

    telemetry.shutdown()?;
    Ok(())
}
