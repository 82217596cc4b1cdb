//! The rows of OpenInference: GenAI attribute, OpenInference key.

use crate::semconv::Attr;

type Row = (Attr, &'static str);

const AGENT_NAME: Row = (Attr::AgentName, "agent.name");
const SESSION: Row = (Attr::ConversationId, "session.id");
const REASONING: Row =
    (Attr::UsageReasoningOutputTokens, "llm.token_count.completion_details.reasoning");
const COST: Row = (Attr::UsageCost, "llm.cost.total");

/// Same value, another name, whatever the span is.
pub(super) static ANY_KIND: &[Row] = &[
    (Attr::ToolName, "tool.name"),
    (Attr::ToolDescription, "tool.description"),
    AGENT_NAME,
    SESSION,
    (Attr::PromptName, "prompt.id"),
    (Attr::PromptVersion, "llm.prompt_template.version"),
];

/// What a GenAI span gains in the supplement mode, beside kind and values.
pub(super) static SUPPLEMENT: &[Row] = &[AGENT_NAME, SESSION];

/// The same, on spans whose tokens are their own.
pub(super) static SUPPLEMENT_TOKENS: &[Row] = &[REASONING, COST];

/// Tokens of one model call. Both conventions count cached and reasoning tokens in the totals.
pub(super) static TOKENS: &[(Attr, &str)] = &[
    (Attr::UsageInputTokens, "llm.token_count.prompt"),
    (Attr::UsageOutputTokens, "llm.token_count.completion"),
    (Attr::UsageCacheReadInputTokens, "llm.token_count.prompt_details.cache_read"),
    (Attr::UsageCacheWriteInputTokens, "llm.token_count.prompt_details.cache_write"),
    (Attr::UsageAudioInputTokens, "llm.token_count.prompt_details.audio"),
    REASONING,
    (Attr::UsageAudioOutputTokens, "llm.token_count.completion_details.audio"),
    COST,
];

/// Parts of what the prompt costs, in USD.
pub(super) static PROMPT_COST: &[(Attr, &str)] = &[
    (Attr::CostInput, "llm.cost.prompt_details.input"),
    (Attr::CostCacheRead, "llm.cost.prompt_details.cache_read"),
    (Attr::CostCacheWrite, "llm.cost.prompt_details.cache_write"),
];

/// Parts of what the completion costs. Audio and a price of the request belong to neither; the
/// whole is [`Attr::UsageCost`].
pub(super) static COMPLETION_COST: &[(Attr, &str)] = &[
    (Attr::CostOutput, "llm.cost.completion_details.output"),
    (Attr::CostReasoning, "llm.cost.completion_details.reasoning"),
];

/// Tokens that sum up a subtree: never a count of the span itself.
pub(super) static TOKENS_OF_A_TREE: &[Attr] = &[
    Attr::UsageInputTokens,
    Attr::UsageOutputTokens,
    Attr::UsageCacheReadInputTokens,
    Attr::UsageCacheWriteInputTokens,
    Attr::UsageReasoningOutputTokens,
    Attr::UsageTotalTokens,
    Attr::UsageCost,
];

/// Facts without a key in OpenInference.
pub(super) static METADATA: &[Attr] = &[
    Attr::ResponseId,
    Attr::ResponseStatus,
    Attr::AgentId,
    Attr::AgentDescription,
    Attr::AgentVersion,
    Attr::WorkflowName,
    Attr::DataSourceId,
    Attr::ToolType,
];

/// An evaluation result, under `evaluations.{i}.evaluation.`.
pub(super) static EVALUATION: &[(Attr, &str)] = &[
    (Attr::EvaluationName, "name"),
    (Attr::EvaluationScoreValue, "score"),
    (Attr::EvaluationScoreLabel, "label"),
    (Attr::EvaluationExplanation, "explanation"),
];

/// GenAI provider, `llm.provider` (who serves), `llm.system` (whose model). Where OpenInference
/// names no system of its own, the provider stands for it: the key is required.
static PROVIDERS: &[(&str, &str, &str)] = &[
    ("openai", "openai", "openai"),
    ("anthropic", "anthropic", "anthropic"),
    ("cohere", "cohere", "cohere"),
    ("mistral_ai", "mistralai", "mistralai"),
    ("deepseek", "deepseek", "deepseek"),
    ("groq", "groq", "groq"),
    ("perplexity", "perplexity", "perplexity"),
    ("x_ai", "xai", "xai"),
    ("azure.ai.openai", "azure", "openai"),
    ("azure.ai.inference", "azure", "azure"),
    ("aws.bedrock", "aws", "amazon"),
    ("gcp.vertex_ai", "google", "vertexai"),
    ("gcp.gen_ai", "google", "google"),
    ("gcp.gemini", "google", "google"),
];

/// Vendors as Bedrock writes them in model ids, `llm.system`.
static BEDROCK_VENDORS: &[(&str, &str)] = &[
    ("anthropic", "anthropic"),
    ("meta", "meta"),
    ("mistral", "mistralai"),
    ("cohere", "cohere"),
    ("ai21", "ai21"),
    ("deepseek", "deepseek"),
    ("openai", "openai"),
];

/// `llm.provider` and `llm.system`. A provider without a row is told as it is, in lower case.
pub(super) fn provider(name: &str, model: Option<&str>) -> (String, String) {
    let Some(&(_, provider, system)) = PROVIDERS.iter().find(|(row, ..)| *row == name) else {
        let name = name.to_ascii_lowercase();
        return (name.clone(), name);
    };
    let vendor = model.filter(|_| name == "aws.bedrock").and_then(|model| {
        let vendor = BEDROCK_VENDORS
            .iter()
            .find(|(vendor, _)| model.split('.').any(|word| word == *vendor))?;
        Some(vendor.1)
    });
    (provider.to_owned(), vendor.unwrap_or(system).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_have_a_server_and_a_system() {
        for (name, model, expected) in [
            ("openai", None, ("openai", "openai")),
            ("azure.ai.openai", Some("gpt-4o"), ("azure", "openai")),
            ("aws.bedrock", Some("us.anthropic.claude-sonnet-4"), ("aws", "anthropic")),
            ("aws.bedrock", Some("amazon.nova-pro-v1:0"), ("aws", "amazon")),
            ("Ollama", Some("llama3"), ("ollama", "ollama")),
        ] {
            let (provider, system) = provider(name, model);
            assert_eq!((provider.as_str(), system.as_str()), expected, "{name}");
        }
    }

    #[test]
    fn no_key_is_written_twice() {
        let mut keys: Vec<_> = ANY_KIND.iter().chain(TOKENS).map(|row| row.1).collect();
        keys.extend(PROMPT_COST.iter().chain(COMPLETION_COST).map(|row| row.1));
        let rows = keys.len();
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), rows);
    }
}
