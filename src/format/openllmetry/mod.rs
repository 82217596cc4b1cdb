//! `openllmetry`: what Traceloop's OpenLLMetry writes, today and before its move to the GenAI
//! conventions.
//!
//! Source of names: `opentelemetry-semantic-conventions-ai` 0.5 (current) and 0.4 (legacy), and
//! the decorators of the Traceloop SDK. Current is the GenAI span with `traceloop.*` beside it.
//! Legacy is for backends that only know messages as `gen_ai.prompt.{n}.*`.

mod legacy;

use std::sync::Arc;

use opentelemetry_sdk::trace::SpanData;

use super::facts::Facts;
use super::json::is_structured;
use super::{Counts, DEFAULT_ATTRIBUTE_LIMIT, Format};
use crate::content::json::quote;
use crate::semconv::Attr;

/// OpenLLMetry, current or legacy.
#[derive(Clone, Debug)]
pub struct OpenLlmetry {
    legacy: bool,
    attribute_limit: usize,
    counts: Arc<Counts>,
}

impl OpenLlmetry {
    /// The GenAI attributes, and `traceloop.*` beside them.
    #[must_use]
    pub fn current() -> Self {
        Self { legacy: false, attribute_limit: DEFAULT_ATTRIBUTE_LIMIT, counts: Arc::default() }
    }

    /// Indexed messages (`gen_ai.prompt.{n}.content`), `gen_ai.system`, `llm.*`.
    #[must_use]
    pub fn legacy() -> Self {
        Self { legacy: true, ..Self::current() }
    }

    /// How many attributes a legacy span may have after flattening. A list that would go beyond
    /// it leaves as one JSON attribute and is counted. Defaults to 4096.
    #[must_use]
    pub fn with_attribute_limit(mut self, limit: usize) -> Self {
        self.attribute_limit = limit;
        self
    }

    /// Where to count what could not be flattened.
    #[must_use]
    pub fn with_counts(mut self, counts: Arc<Counts>) -> Self {
        self.counts = counts;
        self
    }
}

impl Format for OpenLlmetry {
    fn name(&self) -> &'static str {
        if self.legacy { "openllmetry_legacy" } else { "openllmetry" }
    }

    fn format(&self, span: SpanData) -> SpanData {
        Facts::retold(span, |facts, span| {
            entity(facts);
            facts.repeat(ASSOCIATED);
            if self.legacy {
                self.rewrite(facts, span);
            } else {
                facts.put_some(Attr::UsageTotalTokens.key(), facts.total_tokens());
                facts.repeat(&[(Attr::RequestStream, "gen_ai.is_streaming")]);
            }
        })
    }
}

/// Operation, `traceloop.span.kind`, and the attribute that names the entity.
static ENTITIES: &[(&str, &str, Attr)] = &[
    ("invoke_workflow", "workflow", Attr::WorkflowName),
    ("plan", "task", Attr::AgentName),
    ("invoke_agent", "agent", Attr::AgentName),
    ("create_agent", "task", Attr::AgentName),
    ("execute_tool", "tool", Attr::ToolName),
];

/// Association properties: what ties spans to a conversation and a user.
static ASSOCIATED: &[(Attr, &str)] = &[
    (Attr::ConversationId, "traceloop.association.properties.session_id"),
    (Attr::UserId, "traceloop.association.properties.user_id"),
    (Attr::PromptName, "traceloop.prompt.key"),
    (Attr::PromptVersion, "traceloop.prompt.version"),
    (Attr::WorkflowName, "traceloop.workflow.name"),
];

/// `traceloop.span.kind` and the entity's name, input and output, for spans that are not a call
/// of a model.
fn entity(facts: &mut Facts) {
    let Some(&(operation, kind, name)) =
        ENTITIES.iter().find(|(operation, ..)| facts.text(Attr::OperationName) == Some(operation))
    else {
        return;
    };
    let name = facts.text(name).unwrap_or(operation).to_owned();
    facts.put("traceloop.span.kind", kind);
    facts.put("traceloop.entity.path", name.clone());
    facts.put("traceloop.entity.name", name);
    if let Some(version) = facts.get(Attr::AgentVersion).cloned() {
        facts.put("traceloop.entity.version", version);
    }
    for (key, attrs) in [
        ("traceloop.entity.input", [Attr::ToolCallArguments, Attr::InputMessages]),
        ("traceloop.entity.output", [Attr::ToolCallResult, Attr::OutputMessages]),
    ] {
        if let Some(text) = attrs.into_iter().find_map(|attr| facts.text(attr)) {
            let json = if is_structured(text) { text.to_owned() } else { quote(text) };
            facts.put(key, json);
        }
    }
}
