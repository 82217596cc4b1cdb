//! Words with a fixed vocabulary: finish reasons, and what stands for "nothing".

use std::borrow::Cow;

/// The finish reason of the message schema that `text` means; another word passes as it is.
///
/// The schema's words are `stop`, `length`, `content_filter`, `tool_call`, `compaction`, `error`.
pub(crate) fn finish_reason(text: &str) -> Cow<'_, str> {
    let word = text.trim();
    FINISH_REASONS
        .iter()
        .find(|(spelling, _)| spelling.eq_ignore_ascii_case(word))
        .map_or(Cow::Borrowed(word), |(_, reason)| Cow::Borrowed(*reason))
}

/// Spelling of a provider or a library → word of the message schema.
pub(crate) static FINISH_REASONS: &[(&str, &str)] = &[
    ("stop", "stop"),
    ("end_turn", "stop"),
    ("EndTurn", "stop"),
    ("stop_sequence", "stop"),
    ("StopSequence", "stop"),
    ("eos", "stop"),
    ("eos_token", "stop"),
    ("complete", "stop"),
    ("completed", "stop"),
    ("FinishReasonStop", "stop"),
    ("length", "length"),
    ("max_tokens", "length"),
    ("MaxTokens", "length"),
    ("max_output_tokens", "length"),
    ("model_length", "length"),
    ("model_context_window_exceeded", "length"),
    ("content_filter", "content_filter"),
    ("ContentFilter", "content_filter"),
    ("content_filtered", "content_filter"),
    ("guardrail_intervened", "content_filter"),
    ("refusal", "content_filter"),
    ("safety", "content_filter"),
    ("recitation", "content_filter"),
    ("blocklist", "content_filter"),
    ("prohibited_content", "content_filter"),
    ("spii", "content_filter"),
    ("image_safety", "content_filter"),
    ("tool_call", "tool_call"),
    ("tool_calls", "tool_call"),
    ("ToolCall", "tool_call"),
    ("ToolCalls", "tool_call"),
    ("tool_use", "tool_call"),
    ("ToolUse", "tool_call"),
    ("function_call", "tool_call"),
    ("compaction", "compaction"),
    ("error", "error"),
    ("failed", "error"),
    ("cancelled", "error"),
    ("malformed_function_call", "error"),
];

/// Numbers that some libraries write for "not known" into counts and parameters.
pub(crate) fn is_sentinel(number: i64) -> bool {
    matches!(number, -1 | -999)
}
