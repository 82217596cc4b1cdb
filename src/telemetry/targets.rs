//! Which callsites are for whom, by their target, level and fields.

use tracing_core::{Level, LevelFilter, Metadata, Subscriber, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter};

use crate::semconv::lookup;

/// The filter of our own layer.
///
/// Lets through every span and event that declares a GenAI field, spans of level `DEBUG` and
/// above, and events of level `INFO` and above. Never what transports say about the export
/// itself, and never events that carry whole payloads. Decided once per callsite.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Relevant;

impl Relevant {
    fn lets_through(metadata: &Metadata<'_>) -> bool {
        if is_under(metadata.target(), TRANSPORTS) || logs_payloads(metadata) {
            return false;
        }
        let level = if metadata.is_span() { Level::DEBUG } else { Level::INFO };
        *metadata.level() <= level
            || metadata.fields().iter().any(|field| lookup(field.name()).concerns_gen_ai())
    }
}

impl<S: Subscriber> Filter<S> for Relevant {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::lets_through(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::lets_through(metadata) { Interest::always() } else { Interest::never() }
    }
}

/// The filter of the log layer beside the user's directives: no whole payloads.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NoPayloads;

impl<S: Subscriber> Filter<S> for NoPayloads {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        !logs_payloads(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if logs_payloads(metadata) { Interest::never() } else { Interest::always() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }
}

/// Whether an event has prompts, answers or whole responses in its message, where no field name
/// tells them apart.
pub(crate) fn logs_payloads(metadata: &Metadata<'_>) -> bool {
    metadata.is_event()
        && (PAYLOADS.iter().any(|(target, level)| {
            *metadata.level() >= *level && is_under(metadata.target(), &[target])
        }) || is_content_event(metadata))
}

/// An event whose name says what its `content` is: the field's own name does not.
fn is_content_event(metadata: &Metadata<'_>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| metadata.fields().field(name).is_some());
    has(&["content", "body"]) && has(&["event_name", "event.name"])
}

/// Whether `target` is one of `modules` or below it.
fn is_under(target: &str, modules: &[&str]) -> bool {
    modules.iter().any(|module| {
        target.strip_prefix(module).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
    })
}

/// Crates that carry telemetry away, this one included: their spans would tell about the export
/// of spans. `opentelemetry-*` with a dash is how these crates spell their targets.
const TRANSPORTS: &[&str] = &[
    "h2",
    "hyper",
    "hyper_util",
    "opentelemetry",
    "opentelemetry-http",
    "opentelemetry-otlp",
    "opentelemetry_http",
    "opentelemetry_otlp",
    "opentelemetry_sdk",
    "reqwest",
    "rustls",
    "tonic",
    "tower",
    "tracing_genai",
    "ureq",
    "ureq_proto",
];

/// Targets whose events have payloads in their messages, at this level and the more verbose ones.
/// Read in the sources of the releases named; other releases may have more.
const PAYLOADS: &[(&str, Level)] = &[
    // rig-core and rig-agent 0.44: requests and responses as JSON (`rig::completions`,
    // `rig::streaming`, `rig::embedding`, `rig::transcription`), arguments of tool calls (`rig`).
    ("rig", Level::DEBUG),
    // rig-agent 0.44: the prompt of the command line chatbot.
    ("rig_agent::integrations::cli_chatbot", Level::INFO),
    // rig up to 0.40: "executed tool … with args … result …".
    ("rig::agent", Level::INFO),
    // rig-core 0.44: a provider's error event as it came.
    ("rig_core::providers::internal::openai_chat_completions_compatible", Level::ERROR),
    // genai 0.7.2: events of a stream that could not be read, as they came.
    ("genai::adapter::adapters", Level::ERROR),
];

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_core::Event;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;

    #[test]
    fn what_our_layer_hears() {
        let heard = heard(Relevant, || {
            tracing::info!(target: "chat_service", "1");
            tracing::debug!(target: "chat_service", "-");
            tracing::trace!(target: "chat_service", { gen_ai.usage.input_tokens = 1 }, "2");
            tracing::info!(target: "hyper", "-");
            tracing::info!(target: "hyper::client", "-");
            tracing::info!(target: "hypermedia", "3");
            tracing::info!(target: "tower_http::trace", "4");
            tracing::error!(target: "opentelemetry-otlp", "-");
            tracing::warn!(target: "tracing_genai", "-");
            tracing::trace!(target: "rig::completions", { gen_ai.usage.input_tokens = 1 }, "-");
        });
        assert_eq!(heard, ["1", "2", "3", "4"]);
    }

    #[test]
    fn what_the_log_never_shows() {
        let heard = heard(NoPayloads, || {
            tracing::trace!(target: "rig::completions", "OpenAI request: canary");
            tracing::trace!(target: "rig::streaming", "canary");
            tracing::debug!(target: "rig", tool_name = "t", "calling tool with args:\ncanary");
            tracing::warn!(target: "genai::adapter::adapters::gemini_ix::streamer", "canary");
            tracing::info!(event_name = "gen_ai.content.prompt", content = "canary", "canary");
            tracing::info!(target: "rig", "1");
            tracing::warn!(target: "rig_core::driver", "2");
            tracing::info!(content = "of a user's own", "3");
        });
        assert_eq!(heard, ["1", "2", "3"]);
    }

    #[test]
    fn spans_that_log_payloads_are_not_events() {
        let callsite = tracing::trace_span!(target: "rig::completions", "chat");
        assert!(callsite.metadata().is_none_or(|metadata| !logs_payloads(metadata)));
    }

    fn heard(
        filter: impl Filter<tracing_subscriber::Registry> + Send + Sync + 'static,
        emit: impl FnOnce(),
    ) -> Vec<String> {
        let heard = Heard::default();
        let layer = heard.clone().with_filter(filter);
        let subscriber = tracing_subscriber::registry().with(layer);
        tracing::subscriber::with_default(subscriber, emit);
        heard.0.lock().map(|heard| heard.clone()).unwrap_or_default()
    }

    #[derive(Clone, Default)]
    struct Heard(Arc<Mutex<Vec<String>>>);

    impl<S: Subscriber> Layer<S> for Heard {
        fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
            let mut message = Message(String::new());
            event.record(&mut message);
            if let Ok(mut heard) = self.0.lock() {
                heard.push(message.0);
            }
        }
    }

    struct Message(String);

    impl tracing_core::field::Visit for Message {
        fn record_debug(&mut self, field: &tracing_core::Field, value: &dyn std::fmt::Debug) {
            if field.name() == "message" {
                self.0 = format!("{value:?}");
            }
        }
    }
}
