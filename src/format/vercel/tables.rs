//! The rows of the AI SDK: operations, names, providers, finish reasons.

use super::super::facts::Facts;
use crate::semconv::{Attr, known_finish_reason};

/// Which span of the SDK a GenAI span becomes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) struct Operation {
    /// `ai.operationId`, and the span's name.
    pub(super) id: &'static str,
    pub(super) shape: Shape,
    pub(super) stream: bool,
    /// An answer in JSON: the SDK has operations of their own for it.
    pub(super) object: bool,
}

/// What kind of attributes the span carries.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Shape {
    /// One request to a model.
    Inner,
    /// A call of the SDK that may make several.
    Outer,
    Tool,
    Embed,
    Rerank,
}

/// Operation, shape.
static SHAPES: &[(&str, Shape)] = &[
    ("chat", Shape::Inner),
    ("generate_content", Shape::Inner),
    ("text_completion", Shape::Inner),
    ("responses", Shape::Inner),
    ("invoke_agent", Shape::Outer),
    ("invoke_workflow", Shape::Outer),
    ("plan", Shape::Outer),
    ("execute_tool", Shape::Tool),
    ("embeddings", Shape::Embed),
    ("rerank", Shape::Rerank),
];

/// Shape, streamed, object, operation id.
static IDS: &[(Shape, bool, bool, &str)] = &[
    (Shape::Inner, false, false, "ai.generateText.doGenerate"),
    (Shape::Inner, false, true, "ai.generateObject.doGenerate"),
    (Shape::Inner, true, false, "ai.streamText.doStream"),
    (Shape::Inner, true, true, "ai.streamObject.doStream"),
    (Shape::Outer, false, false, "ai.generateText"),
    (Shape::Outer, false, true, "ai.generateObject"),
    (Shape::Outer, true, false, "ai.streamText"),
    (Shape::Outer, true, true, "ai.streamObject"),
];

impl Operation {
    /// `None` for what the SDK has no span for.
    pub(super) fn of(facts: &Facts) -> Option<Self> {
        let operation = facts.text(Attr::OperationName)?;
        let shape = SHAPES.iter().find(|(row, _)| *row == operation)?.1;
        let stream = facts.is_true(Attr::RequestStream);
        let object = facts.text(Attr::OutputType) == Some("json");
        let id = match shape {
            Shape::Tool => "ai.toolCall",
            Shape::Embed => "ai.embed.doEmbed",
            Shape::Rerank => "ai.rerank.doRerank",
            Shape::Inner | Shape::Outer => {
                IDS.iter().find(|row| (row.0, row.1, row.2) == (shape, stream, object))?.3
            }
        };
        Some(Self { id, shape, stream, object })
    }
}

/// `ai.operationId` where several texts were embedded.
pub(super) const EMBED_SEVERAL: &str = "ai.embedMany.doEmbed";

/// GenAI attribute, setting, and whether the inner span repeats it under its GenAI name.
pub(super) static SETTINGS: &[(Attr, &str, bool)] = &[
    (Attr::RequestMaxTokens, "ai.settings.maxOutputTokens", true),
    (Attr::RequestTemperature, "ai.settings.temperature", true),
    (Attr::RequestTopP, "ai.settings.topP", true),
    (Attr::RequestTopK, "ai.settings.topK", true),
    (Attr::RequestFrequencyPenalty, "ai.settings.frequencyPenalty", true),
    (Attr::RequestPresencePenalty, "ai.settings.presencePenalty", true),
    (Attr::RequestStopSequences, "ai.settings.stopSequences", true),
    (Attr::RequestSeed, "ai.settings.seed", false),
];

pub(super) static TELEMETRY: &[(Attr, &str)] = &[
    (Attr::UserId, "ai.telemetry.metadata.userId"),
    (Attr::ConversationId, "ai.telemetry.metadata.sessionId"),
];

pub(super) static TOOL_CALL: &[(Attr, &str)] = &[
    (Attr::ToolName, "ai.toolCall.name"),
    (Attr::ToolCallId, "ai.toolCall.id"),
    (Attr::ToolCallArguments, "ai.toolCall.args"),
    (Attr::ToolCallResult, "ai.toolCall.result"),
];

/// Repeated beside their GenAI names.
pub(super) static RESPONSE: &[(Attr, &str)] =
    &[(Attr::ResponseId, "ai.response.id"), (Attr::ResponseModel, "ai.response.model")];

/// Told as `ai.usage.*`.
pub(super) static USAGE: &[Attr] = &[
    Attr::UsageCacheReadInputTokens,
    Attr::UsageCacheWriteInputTokens,
    Attr::UsageReasoningOutputTokens,
    Attr::UsageTotalTokens,
];

/// GenAI provider, the SDK's id for its language models, for its embedding models.
static PROVIDERS: &[(&str, &str, &str)] = &[
    ("openai", "openai.chat", "openai.embedding"),
    ("anthropic", "anthropic.messages", "anthropic.messages"),
    ("gcp.gemini", "google.generative-ai", "google.generative-ai"),
    ("gcp.gen_ai", "google.generative-ai", "google.generative-ai"),
    ("gcp.vertex_ai", "google.vertex.chat", "google.vertex.embedding"),
    ("aws.bedrock", "amazon-bedrock", "amazon-bedrock"),
    ("azure.ai.openai", "azure.chat", "azure.embedding"),
    ("azure.ai.inference", "azure.chat", "azure.embedding"),
    ("mistral_ai", "mistral.chat", "mistral.embedding"),
    ("cohere", "cohere.chat", "cohere.textEmbedding"),
    ("x_ai", "xai.chat", "xai.embedding"),
];

/// The SDK's provider id; one without a row follows the pattern of the others.
pub(super) fn provider(name: &str, shape: Shape) -> String {
    let row = PROVIDERS.iter().find(|(row, ..)| *row == name);
    match shape {
        Shape::Rerank => format!("{name}.reranking"),
        Shape::Embed => row.map_or_else(|| format!("{name}.embedding"), |row| row.2.to_owned()),
        _ => row.map_or_else(|| format!("{name}.chat"), |row| row.1.to_owned()),
    }
}

/// A finish reason in the SDK's spelling.
pub(super) fn finish_reason(reason: &str) -> &'static str {
    match known_finish_reason(reason) {
        Some("content_filter") => "content-filter",
        Some("tool_call") => "tool-calls",
        Some(same @ ("stop" | "length" | "error")) => same,
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finish_reasons_of_any_provider_are_told() {
        for (reason, told) in [
            ("stop", "stop"),
            ("end_turn", "stop"),
            ("MAX_TOKENS", "length"),
            ("content_filter", "content-filter"),
            ("tool_calls", "tool-calls"),
            ("error", "error"),
            ("compaction", "other"),
            ("acme", "other"),
        ] {
            assert_eq!(finish_reason(reason), told, "{reason}");
        }
    }
}
