//! The provider table: `gen_ai.provider.name` and what LLM libraries write instead.

use once_cell::sync::Lazy;

use super::values::Spellings;

/// Name → other spellings. The first sixteen are the members of the conventions' enumeration; the
/// rest are providers outside of it, listed for their other spellings.
static PROVIDERS: &[(&str, &[&str])] = &[
    (
        "openai",
        &["open_ai", "openai-responses", "openai_responses", "openai_compatible", "openai-chat"],
    ),
    ("gcp.gen_ai", &["google", "google_genai", "google-genai", "google.generativeai"]),
    ("gcp.vertex_ai", &["vertex_ai", "vertexai", "vertex", "google_vertexai", "vertex-ai"]),
    ("gcp.gemini", &["gemini", "google_gemini", "google-gemini"]),
    ("anthropic", &["claude"]),
    ("cohere", &["cohere_v2"]),
    ("azure.ai.inference", &["az.ai.inference", "azure_ai_inference", "azure_ai"]),
    (
        "azure.ai.openai",
        &["az.ai.openai", "azure.openai", "azure", "azure_openai", "azureopenai", "azure-openai"],
    ),
    ("ibm.watsonx.ai", &["watsonx", "ibm", "watsonx.ai"]),
    (
        "aws.bedrock",
        &[
            "bedrock",
            "aws_bedrock",
            "aws-bedrock",
            "amazon_bedrock",
            "amazon-bedrock",
            "bedrock_converse",
        ],
    ),
    ("perplexity", &["pplx"]),
    ("x_ai", &["xai", "x.ai", "grok", "x-ai"]),
    ("deepseek", &["deep_seek"]),
    ("groq", &[]),
    ("mistral_ai", &["mistral", "mistralai", "mistral-ai"]),
    ("moonshot_ai", &["moonshot", "moonshotai", "kimi"]),
    ("ollama", &[]),
    ("openrouter", &["open_router"]),
    ("huggingface", &["hugging_face", "hugging-face"]),
    ("together_ai", &["together", "togetherai"]),
    ("fireworks_ai", &["fireworks", "fireworksai"]),
];

/// The provider of the table that `text` names, in any letter case.
pub(crate) fn known_provider(text: &str) -> Option<&'static str> {
    static SPELLINGS: Lazy<Spellings<&'static str>> = Lazy::new(|| {
        Spellings::new(PROVIDERS.iter().flat_map(|(name, aliases)| {
            aliases.iter().chain([name]).map(|spelling| (*spelling, *name))
        }))
    });
    SPELLINGS.find(text)
}

/// Splits `openai/gpt-4` into a known provider and its model. `None` when what stands before the
/// slash is no provider: many model ids have a slash of their own.
pub(crate) fn split_model_prefix(model: &str) -> Option<(&'static str, &str)> {
    let (prefix, rest) = model.split_once('/')?;
    if rest.is_empty() {
        return None;
    }
    Some((known_provider(prefix)?, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_means_two_providers() {
        let mut seen = std::collections::HashSet::new();
        for (name, aliases) in PROVIDERS {
            assert!(seen.insert(*name), "{name}");
            for alias in *aliases {
                assert!(seen.insert(*alias), "{alias}");
                assert_eq!(known_provider(alias), Some(*name));
            }
        }
    }

    #[test]
    fn only_a_provider_is_taken_off_a_model() {
        assert_eq!(split_model_prefix("openai/gpt-4"), Some(("openai", "gpt-4")));
        assert_eq!(split_model_prefix("bedrock/a/b"), Some(("aws.bedrock", "a/b")));
        assert_eq!(split_model_prefix("meta-llama/Llama-3"), None);
        assert_eq!(split_model_prefix("openai/"), None);
        assert_eq!(split_model_prefix("gpt-4"), None);
    }
}
