//! `openinference.span.kind`, the attribute that every OpenInference span must have.

use super::super::facts::Facts;
use crate::semconv::Attr;

/// The kinds of the specification; `Completion` is an `LLM` that tells prompts, not messages.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Kind {
    Llm,
    Completion,
    Embedding,
    Retriever,
    Reranker,
    Tool,
    Agent,
    Chain,
    Guardrail,
    Evaluator,
    Prompt,
}

/// Operation, kind, and whether the kind says it: where it does not, the operation is kept in
/// `metadata`.
static OPERATIONS: &[(&str, Kind, bool)] = &[
    ("chat", Kind::Llm, true),
    ("generate_content", Kind::Llm, false),
    ("text_completion", Kind::Completion, true),
    ("responses", Kind::Llm, false),
    ("embeddings", Kind::Embedding, true),
    ("retrieval", Kind::Retriever, true),
    ("rerank", Kind::Reranker, true),
    ("execute_tool", Kind::Tool, true),
    ("invoke_agent", Kind::Agent, true),
    ("create_agent", Kind::Agent, false),
    ("plan", Kind::Agent, false),
    ("invoke_workflow", Kind::Chain, true),
    ("moderation", Kind::Guardrail, false),
    ("speech", Kind::Llm, false),
    ("transcription", Kind::Llm, false),
    ("image_generation", Kind::Llm, false),
];

static NAMES: &[(Kind, &str)] = &[
    (Kind::Llm, "LLM"),
    (Kind::Completion, "LLM"),
    (Kind::Embedding, "EMBEDDING"),
    (Kind::Retriever, "RETRIEVER"),
    (Kind::Reranker, "RERANKER"),
    (Kind::Tool, "TOOL"),
    (Kind::Agent, "AGENT"),
    (Kind::Chain, "CHAIN"),
    (Kind::Guardrail, "GUARDRAIL"),
    (Kind::Evaluator, "EVALUATOR"),
    (Kind::Prompt, "PROMPT"),
];

/// Without an operation: the first attribute a span has decides.
static SIGNS: &[(Attr, Kind)] = &[
    (Attr::ToolName, Kind::Tool),
    (Attr::ToolCallId, Kind::Tool),
    (Attr::ToolCallArguments, Kind::Tool),
    (Attr::McpMethodName, Kind::Chain),
    (Attr::RetrievalQueryText, Kind::Retriever),
    (Attr::RetrievalDocuments, Kind::Retriever),
    (Attr::EmbeddingsDimensionCount, Kind::Embedding),
    (Attr::AgentName, Kind::Agent),
    (Attr::AgentId, Kind::Agent),
    (Attr::WorkflowName, Kind::Chain),
    (Attr::EvaluationName, Kind::Evaluator),
    (Attr::RequestModel, Kind::Llm),
    (Attr::ResponseModel, Kind::Llm),
    (Attr::InputMessages, Kind::Llm),
    (Attr::OutputMessages, Kind::Llm),
];

impl Kind {
    /// What the application said, else what the operation is, else what the attributes hint at.
    /// `None` for a span that only carries a conversation or the like.
    pub(super) fn of(facts: &Facts) -> Option<Self> {
        if let Some(explicit) = facts.foreign_text("openinference.span.kind") {
            let kind = NAMES.iter().find(|(_, name)| explicit.eq_ignore_ascii_case(name));
            return Some(kind.map_or(Self::Chain, |(kind, _)| *kind));
        }
        match facts.text(Attr::OperationName) {
            // Memory operations and whatever comes next: a step, never a model call.
            Some(operation) => Some(row(operation).map_or(Self::Chain, |(_, kind, _)| *kind)),
            None => SIGNS.iter().find(|(attr, _)| facts.has(*attr)).map(|(_, kind)| *kind),
        }
    }

    pub(super) fn as_str(self) -> &'static str {
        NAMES.iter().find(|(kind, _)| *kind == self).map_or("CHAIN", |(_, name)| name)
    }

    /// Whether the kind says everything the operation said.
    pub(super) fn is_plain(self, operation: &str) -> bool {
        row(operation).is_some_and(|&(_, kind, plain)| plain && kind == self)
    }

    /// Whether tokens on this span are its own and not a sum over its children.
    pub(super) fn counts_tokens(self) -> bool {
        matches!(
            self,
            Self::Llm
                | Self::Completion
                | Self::Embedding
                | Self::Reranker
                | Self::Guardrail
                | Self::Evaluator
        )
    }

    /// The name OpenInference's own instrumentations would give the span.
    pub(super) fn span_name(self, facts: &Facts) -> Option<String> {
        let name = match self {
            Self::Llm => Some("ChatCompletion"),
            Self::Completion => Some("Completion"),
            Self::Embedding => Some("CreateEmbeddings"),
            Self::Retriever => facts.text(Attr::DataSourceId),
            Self::Tool => facts.text(Attr::ToolName),
            Self::Agent => facts.text(Attr::AgentName),
            Self::Chain => facts.text(Attr::WorkflowName),
            _ => None,
        };
        name.map(str::to_owned)
    }
}

fn row(operation: &str) -> Option<&'static (&'static str, Kind, bool)> {
    OPERATIONS.iter().find(|(name, ..)| *name == operation)
}
