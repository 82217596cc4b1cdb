//! Events of Amazon Bedrock's `ConverseStream`.

use serde_json::Value;

use super::read::{index, text, tokens};
use super::{Accumulate, Answer};
use crate::semconv::Attr;

/// Reads events that are objects of one member, the event's type: `{"contentBlockDelta": {…}}`.
#[derive(Clone, Debug, Default)]
pub struct Bedrock {
    uncached: u64,
}

impl Bedrock {
    /// For one answer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }
}

impl Accumulate<Value> for Bedrock {
    fn observe(&mut self, event: &Value, answer: &mut Answer) {
        let Some((kind, event)) = event.as_object().and_then(|event| event.iter().next()) else {
            return;
        };
        let key = index(event, "contentBlockIndex") as u64;
        match kind.as_str() {
            "contentBlockDelta" => {
                let delta = event.get("delta").unwrap_or(&Value::Null);
                if let Some(call) = delta.get("toolUse") {
                    answer.tool_call(0, key, "", "", text(call, "input"));
                } else if let Some(reasoning) = delta.get("reasoningContent") {
                    answer.reasoning(0, text(reasoning, "text"));
                } else {
                    answer.text(0, text(delta, "text"));
                }
            }
            "contentBlockStart" => {
                if let Some(call) = event.pointer("/start/toolUse") {
                    answer.tool_call(0, key, text(call, "toolUseId"), text(call, "name"), "");
                }
            }
            "messageStart" => answer.expect_end(),
            "messageStop" => answer.finish(0, text(event, "stopReason")),
            "metadata" => {
                if let Some(usage) = event.get("usage") {
                    let count = |key| usage.get(key).and_then(Value::as_u64);
                    self.uncached = count("inputTokens").unwrap_or(self.uncached);
                    let cached = count("cacheReadInputTokens")
                        .unwrap_or(0)
                        .saturating_add(count("cacheWriteInputTokens").unwrap_or(0));
                    tokens(usage, USAGE, answer);
                    answer.tokens(Attr::UsageInputTokens, self.uncached.saturating_add(cached));
                    answer.usage_is_final();
                }
            }
            exception if exception.ends_with("Exception") => {
                answer.fail(exception, text(event, "message"));
            }
            _ => {}
        }
    }
}

const USAGE: &[(&[&str], Attr)] = &[
    (&["outputTokens"], Attr::UsageOutputTokens),
    (&["cacheReadInputTokens"], Attr::UsageCacheReadInputTokens),
    (&["cacheWriteInputTokens"], Attr::UsageCacheWriteInputTokens),
];
