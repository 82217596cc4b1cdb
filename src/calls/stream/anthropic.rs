//! Events of Anthropic's messages API.

use serde_json::Value;

use super::read::{error, index, member, text, tokens};
use super::{Accumulate, Answer};
use crate::semconv::Attr;

/// Reads `message_*` and `content_block_*` events.
///
/// Anthropic counts cached input beside the input tokens; the conventions count it among them, and
/// so does what is recorded.
#[derive(Clone, Debug, Default)]
pub struct Anthropic {
    uncached: Option<u64>,
    cache_read: u64,
    cache_write: u64,
}

impl Anthropic {
    /// For one answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn usage(&mut self, usage: &Value, answer: &mut Answer) {
        let count = |key| usage.get(key).and_then(Value::as_u64);
        self.uncached = count("input_tokens").or(self.uncached);
        self.cache_read = count("cache_read_input_tokens").unwrap_or(self.cache_read);
        self.cache_write = count("cache_creation_input_tokens").unwrap_or(self.cache_write);
        tokens(usage, USAGE, answer);
        if let Some(uncached) = self.uncached {
            let cached = self.cache_read.saturating_add(self.cache_write);
            answer.tokens(Attr::UsageInputTokens, uncached.saturating_add(cached));
        }
    }
}

impl Accumulate<Value> for Anthropic {
    fn observe(&mut self, event: &Value, answer: &mut Answer) {
        let key = index(event, "index") as u64;
        match text(event, "type") {
            "content_block_delta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                match text(delta, "type") {
                    "text_delta" => answer.text(0, text(delta, "text")),
                    "thinking_delta" => answer.reasoning(0, text(delta, "thinking")),
                    "input_json_delta" => {
                        answer.tool_call(0, key, "", "", text(delta, "partial_json"));
                    }
                    _ => {}
                }
            }
            "content_block_start" => {
                let block = event.get("content_block").unwrap_or(&Value::Null);
                match text(block, "type") {
                    "text" => answer.text(0, text(block, "text")),
                    "thinking" => answer.reasoning(0, text(block, "thinking")),
                    "tool_use" | "server_tool_use" | "mcp_tool_use" => {
                        answer.tool_call(0, key, text(block, "id"), text(block, "name"), "");
                    }
                    _ => {}
                }
            }
            "message_start" => {
                answer.expect_end();
                let message = event.get("message").unwrap_or(&Value::Null);
                answer.id(text(message, "id"));
                answer.model(text(message, "model"));
                if let Some(usage) = member(message, "usage") {
                    self.usage(usage, answer);
                }
            }
            "message_delta" => {
                if let Some(usage) = member(event, "usage") {
                    self.usage(usage, answer);
                }
                let reason = event.get("delta").map_or("", |delta| text(delta, "stop_reason"));
                if !reason.is_empty() {
                    answer.finish(0, reason);
                    answer.usage_is_final();
                }
            }
            "message_stop" => answer.complete(),
            "error" => error(event.get("error").unwrap_or(event), answer),
            _ => {}
        }
    }
}

const USAGE: &[(&[&str], Attr)] = &[
    (&["output_tokens"], Attr::UsageOutputTokens),
    (&["cache_read_input_tokens"], Attr::UsageCacheReadInputTokens),
    (&["cache_creation_input_tokens"], Attr::UsageCacheWriteInputTokens),
];
