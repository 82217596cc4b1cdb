//! Chunks of Gemini's `streamGenerateContent`, on its own endpoint and on Vertex AI.

use serde_json::Value;

use super::read::{error, index, items, member, text, tokens};
use super::{Accumulate, Answer};
use crate::semconv::Attr;

/// Reads `GenerateContentResponse` objects.
#[derive(Clone, Debug, Default)]
pub struct Gemini {
    calls: u64,
}

impl Gemini {
    /// For one answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
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
            tokens(usage, USAGE, answer);
            // Thoughts are counted beside the candidates, and are output by the conventions.
            let count = |key| usage.get(key).and_then(Value::as_u64);
            if let (Some(output), Some(thoughts)) =
                (count("candidatesTokenCount"), count("thoughtsTokenCount"))
            {
                answer.tokens(Attr::UsageOutputTokens, output.saturating_add(thoughts));
            }
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
    (&["promptTokenCount"], Attr::UsageInputTokens),
    (&["candidatesTokenCount"], Attr::UsageOutputTokens),
    (&["cachedContentTokenCount"], Attr::UsageCacheReadInputTokens),
    (&["thoughtsTokenCount"], Attr::UsageReasoningOutputTokens),
];
