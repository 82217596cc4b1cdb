//! Callsites that are known by their target or name: transports, whose spans would be telemetry
//! about telemetry, and events that hold content where no field name tells it.

use tracing_core::{Level, Metadata};

#[cfg(feature = "init")]
use crate::semconv::is_our_event;

/// Whether a target is a crate that carries telemetry away, this one included.
pub(crate) fn is_transport(target: &str) -> bool {
    is_under(target, TRANSPORTS)
}

/// Whether a target is this crate.
pub(super) fn is_this_crate(target: &str) -> bool {
    is_under(target, &["tracing_genai"])
}

/// Whether an event has prompts, answers or whole responses in its message.
pub(crate) fn logs_payloads(metadata: &Metadata<'_>) -> bool {
    metadata.is_event()
        && PAYLOADS.iter().any(|(target, level)| {
            *metadata.level() >= *level && is_under(metadata.target(), &[target])
        })
}

/// Whether an event says by its name what its fields hold: their own names do not.
#[cfg(feature = "init")]
pub(crate) fn names_its_content(metadata: &Metadata<'_>) -> bool {
    let has = |names: &[&str]| names.iter().any(|name| metadata.fields().field(name).is_some());
    metadata.is_event()
        && ((is_our_event(metadata.name()) && has(MESSAGE_FIELDS))
            || (has(EVENT_NAME_FIELDS) && has(&["content", "body"])))
}

/// Whether a field of an event of the conventions holds what was said.
pub(crate) fn is_message_field(name: &str) -> bool {
    MESSAGE_FIELDS.contains(&name)
}

/// Fields under which an event tells its name where the callsite does not.
pub(super) const EVENT_NAME_FIELDS: &[&str] = &["event.name", "event_name"];

/// Fields of the retired message events and of their `body`.
const MESSAGE_FIELDS: &[&str] =
    &["arguments", "body", "content", "message", "parts", "text", "tool_calls"];

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
