//! Chunks of Gemini's `streamGenerateContent`, on its own endpoint and on Vertex AI.

use serde_json::Value;

use super::read::{error, index, items, member, text, tokens};
use super::{Accumulate, Answer};
use crate::semconv::Attr;

/// Reads `GenerateContentResponse` objects.
#[derive(Clone, Debug, Default)]
pub struct Gemini {
    calls: u64,
    prompt: Option<u64>,
    tool_prompt: u64,
    candidates: Option<u64>,
    thoughts: Option<u64>,
}

impl Gemini {
    /// For one answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Thoughts are counted beside the candidates, and are output by the conventions; what tools
    /// returned is counted beside the prompt, and is input.
    fn usage(&mut self, usage: &Value, answer: &mut Answer) {
        let count = |key| usage.get(key).and_then(Value::as_u64);
        self.prompt = count("promptTokenCount").or(self.prompt);
        self.tool_prompt = count("toolUsePromptTokenCount").unwrap_or(self.tool_prompt);
        self.candidates = count("candidatesTokenCount").or(self.candidates);
        self.thoughts = count("thoughtsTokenCount").or(self.thoughts);
        tokens(usage, USAGE, answer);
        if let Some(prompt) = self.prompt {
            answer.tokens(Attr::UsageInputTokens, prompt.saturating_add(self.tool_prompt));
        }
        if self.candidates.is_some() || self.thoughts.is_some() {
            let thoughts = self.thoughts.unwrap_or_default();
            let output = self.candidates.unwrap_or_default().saturating_add(thoughts);
            answer.tokens(Attr::UsageOutputTokens, output);
        }
    }

    fn read_part(&mut self, at: usize, part: &Value, answer: &mut Answer) {
        if let Some(call) = part.get("functionCall") {
            self.calls += 1;
            // Arguments come whole; writing them down is only worth it where they are kept.
            let arguments = match call.get("args") {
                Some(arguments) if answer.keeps_content() => arguments.to_string(),
                _ => String::new(),
            };
            answer.tool_call(at, self.calls, text(call, "id"), text(call, "name"), &arguments);
        } else if part.get("thought").and_then(Value::as_bool) == Some(true) {
            answer.reasoning(at, text(part, "text"));
        } else {
            answer.text(at, text(part, "text"));
        }
    }
}

impl Accumulate<Value> for Gemini {
    fn observe(&mut self, chunk: &Value, answer: &mut Answer) {
        for candidate in items(chunk, "candidates") {
            answer.expect_end();
            let at = index(candidate, "index");
            if let Some(content) = candidate.get("content") {
                items(content, "parts").iter().for_each(|part| self.read_part(at, part, answer));
            }
            if let Some(reason) = member(candidate, "finishReason").and_then(Value::as_str) {
                answer.finish(at, reason);
            }
        }
        if let Some(feedback) = chunk.get("promptFeedback")
            && let Some(reason) = member(feedback, "blockReason").and_then(Value::as_str)
        {
            answer.finish(0, reason);
        }
        answer.id(text(chunk, "responseId"));
        answer.model(text(chunk, "modelVersion"));
        if let Some(usage) = member(chunk, "usageMetadata") {
            self.usage(usage, answer);
            if answer.is_complete() {
                answer.usage_is_final();
            }
        }
        if let Some(failure) = member(chunk, "error") {
            error(failure, answer);
        }
    }
}

const USAGE: &[(&[&str], Attr)] = &[
    (&["cachedContentTokenCount"], Attr::UsageCacheReadInputTokens),
    (&["thoughtsTokenCount"], Attr::UsageReasoningOutputTokens),
];
