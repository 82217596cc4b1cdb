//! Events of the OpenAI responses API.

use serde_json::Value;

use super::read::{error, index, member, text, tokens};
use super::{Accumulate, Answer};
use crate::semconv::Attr;

/// Reads `response.*` events.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct OpenAiResponses;

impl OpenAiResponses {
    /// For one answer.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl Accumulate<Value> for OpenAiResponses {
    fn observe(&mut self, event: &Value, answer: &mut Answer) {
        let key = index(event, "output_index") as u64;
        match text(event, "type") {
            "response.output_text.delta" | "response.refusal.delta" => {
                answer.text(0, text(event, "delta"));
            }
            "response.reasoning_text.delta" | "response.reasoning_summary_text.delta" => {
                answer.reasoning(0, text(event, "delta"));
            }
            "response.output_item.added" => {
                let item = event.get("item").unwrap_or(&Value::Null);
                if text(item, "type") == "function_call" {
                    let name = text(item, "name");
                    answer.tool_call(0, key, text(item, "call_id"), name, text(item, "arguments"));
                }
            }
            "response.function_call_arguments.delta" => {
                answer.tool_call(0, key, "", "", text(event, "delta"));
            }
            "response.created" | "response.in_progress" | "response.queued" => {
                answer.expect_end();
                response(event, answer);
            }
            "response.completed" => {
                let reason = if has_tool_call(event) { "tool_call" } else { "stop" };
                last(event, reason, answer);
            }
            "response.incomplete" => {
                let details = event.pointer("/response/incomplete_details");
                let reason = details.map_or("", |details| text(details, "reason"));
                last(event, if reason.is_empty() { "length" } else { reason }, answer);
            }
            "response.cancelled" => last(event, "error", answer),
            "response.failed" => {
                if let Some(failure) = event.pointer("/response/error") {
                    error(failure, answer);
                } else {
                    answer.fail("_OTHER", "the response failed");
                }
                last(event, "error", answer);
            }
            "error" => error(event.get("error").unwrap_or(event), answer),
            _ => {}
        }
    }
}

fn last(event: &Value, reason: &str, answer: &mut Answer) {
    response(event, answer);
    answer.finish(0, reason);
    answer.usage_is_final();
}

/// The response object that the first and the last events carry.
fn response(event: &Value, answer: &mut Answer) {
    let Some(response) = event.get("response") else { return };
    answer.id(text(response, "id"));
    answer.model(text(response, "model"));
    for (key, attr) in
        [("service_tier", Attr::OpenAiResponseServiceTier), ("status", Attr::ResponseStatus)]
    {
        if let Some(text) = member(response, key).and_then(Value::as_str) {
            answer.fact(attr, text);
        }
    }
    if let Some(usage) = member(response, "usage") {
        tokens(usage, USAGE, answer);
    }
}

fn has_tool_call(event: &Value) -> bool {
    let output = event.pointer("/response/output").and_then(Value::as_array);
    output.is_some_and(|items| items.iter().any(|item| text(item, "type") == "function_call"))
}

const USAGE: &[(&[&str], Attr)] = &[
    (&["input_tokens"], Attr::UsageInputTokens),
    (&["output_tokens"], Attr::UsageOutputTokens),
    (&["input_tokens_details", "cached_tokens"], Attr::UsageCacheReadInputTokens),
    (&["input_tokens_details", "cache_write_tokens"], Attr::UsageCacheWriteInputTokens),
    (&["output_tokens_details", "reasoning_tokens"], Attr::UsageReasoningOutputTokens),
];
