//! Chunks of OpenAI chat completions, and of the many that speak their dialect.

use serde_json::Value;

use super::read::{error, index, text, tokens};
use super::{Accumulate, Answer};
use crate::semconv::Attr;

/// Reads `chat.completion.chunk` objects: OpenAI, Azure, Mistral, Groq, DeepSeek, vLLM, …
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenAiChat;

impl OpenAiChat {
    /// For one answer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Accumulate<Value> for OpenAiChat {
    fn observe(&mut self, chunk: &Value, answer: &mut Answer) {
        let Some(members) = chunk.as_object() else { return };
        let mut usage = None;
        // One walk over the few members is cheaper than a search for each.
        for (key, value) in members {
            match (key.as_str(), value) {
                ("choices", Value::Array(choices)) => {
                    answer.expect_end();
                    choices.iter().for_each(|choice| read_choice(choice, answer));
                }
                ("id", Value::String(id)) => answer.id(id),
                ("model", Value::String(model)) => answer.model(model),
                ("usage", Value::Object(_)) => usage = Some(value),
                ("service_tier", Value::String(tier)) => {
                    answer.fact(Attr::OpenAiResponseServiceTier, tier);
                }
                ("system_fingerprint", Value::String(print)) => {
                    answer.fact(Attr::OpenAiResponseSystemFingerprint, print);
                }
                ("error", Value::Object(_) | Value::String(_)) => error(value, answer),
                _ => {}
            }
        }
        if let Some(usage) = usage {
            tokens(usage, USAGE, answer);
            // Some report what was used so far with every chunk.
            if answer.is_complete() {
                answer.usage_is_final();
            }
        }
    }
}

fn read_choice(choice: &Value, answer: &mut Answer) {
    let at = index(choice, "index");
    for (key, value) in choice.as_object().into_iter().flatten() {
        match (key.as_str(), value) {
            ("delta" | "message", Value::Object(delta)) => {
                delta.iter().for_each(|(key, value)| read_delta(at, key, value, answer));
            }
            // The older completions have their text here.
            ("text", Value::String(more)) => answer.text(at, more),
            ("finish_reason", Value::String(reason)) => answer.finish(at, reason),
            _ => {}
        }
    }
}

fn read_delta(at: usize, key: &str, value: &Value, answer: &mut Answer) {
    match (key, value) {
        ("content" | "refusal", Value::String(more)) => answer.text(at, more),
        ("reasoning" | "reasoning_content", Value::String(more)) => answer.reasoning(at, more),
        ("tool_calls", Value::Array(calls)) => {
            for (position, call) in calls.iter().enumerate() {
                let key = call.get("index").and_then(Value::as_u64).unwrap_or(position as u64);
                let function = call.get("function").unwrap_or(&Value::Null);
                let (name, arguments) = (text(function, "name"), text(function, "arguments"));
                answer.tool_call(at, key, text(call, "id"), name, arguments);
            }
        }
        ("function_call", Value::Object(_)) => {
            answer.tool_call(at, u64::MAX, "", text(value, "name"), text(value, "arguments"));
        }
        _ => {}
    }
}

const USAGE: &[(&[&str], Attr)] = &[
    (&["prompt_tokens"], Attr::UsageInputTokens),
    (&["completion_tokens"], Attr::UsageOutputTokens),
    (&["prompt_tokens_details", "cached_tokens"], Attr::UsageCacheReadInputTokens),
    (&["prompt_tokens_details", "cache_write_tokens"], Attr::UsageCacheWriteInputTokens),
    (&["prompt_tokens_details", "audio_tokens"], Attr::UsageAudioInputTokens),
    (&["completion_tokens_details", "reasoning_tokens"], Attr::UsageReasoningOutputTokens),
    (&["completion_tokens_details", "audio_tokens"], Attr::UsageAudioOutputTokens),
];
