//! Which callsites are for whom, by their target, level and fields.

use std::sync::Arc;

use tracing_core::{Level, LevelFilter, Metadata, Subscriber, subscriber::Interest};
use tracing_subscriber::layer::{Context, Filter};

use crate::capture::layer::targets::{is_transport, logs_payloads, names_its_content};
use crate::capture::tracer::Core;
use crate::semconv::is_ours;

/// The filter of our own layer.
///
/// Lets through every span and event that declares a GenAI field, spans of level `DEBUG` and
/// above, and events of level `INFO` and above, or of whatever level log records are wanted. Never
/// what transports say about the export itself, and never events that carry whole payloads.
/// Decided once per callsite.
#[derive(Clone, Debug)]
pub(crate) struct Relevant(pub(crate) Arc<Core>);

impl Relevant {
    fn lets_through(&self, metadata: &Metadata<'_>) -> bool {
        if is_transport(metadata.target()) || logs_payloads(metadata) {
            return false;
        }
        let level = if metadata.is_span() { Level::DEBUG } else { Level::INFO };
        *metadata.level() <= level
            || (metadata.is_event() && self.0.wants_record(*metadata.level()))
            || names_its_content(metadata)
            || metadata.fields().iter().any(|field| is_ours(field.name()))
    }
}

impl<S: Subscriber> Filter<S> for Relevant {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        self.lets_through(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.lets_through(metadata) { Interest::always() } else { Interest::never() }
    }
}

/// The filter of the log layer beside the user's directives: no whole payloads, no messages of
/// the conventions.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct NoPayloads;

impl NoPayloads {
    fn lets_through(metadata: &Metadata<'_>) -> bool {
        !logs_payloads(metadata) && !names_its_content(metadata)
    }
}

impl<S: Subscriber> Filter<S> for NoPayloads {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        Self::lets_through(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if Self::lets_through(metadata) { Interest::always() } else { Interest::never() }
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        None
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use tracing_core::Event;
    use tracing_subscriber::Layer;
    use tracing_subscriber::layer::SubscriberExt;

    use super::*;
    use crate::policy::Policy;
    use crate::semconv::Version;

    #[test]
    fn what_our_layer_hears() {
        let core = Arc::new(Core::new(Policy::default(), Version::default()));
        let heard = heard(Relevant(core), || {
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
            tracing::info!(name: "gen_ai.user.message", content = "canary", "canary");
            tracing::info!(name: "gen_ai.choice", "canary");
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
