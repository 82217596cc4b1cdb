//! Finish reasons: many spellings, one vocabulary.

use std::borrow::Cow;

/// What providers say, and the word of the message schema for it.
const FINISH_REASONS: &[(&str, &str)] = &[
    ("stop", "stop"),
    ("stop_sequence", "stop"),
    ("end_turn", "stop"),
    ("endturn", "stop"),
    ("end", "stop"),
    ("eos", "stop"),
    ("eos_token", "stop"),
    ("complete", "stop"),
    ("completed", "stop"),
    ("finish_reason_stop", "stop"),
    ("length", "length"),
    ("max_tokens", "length"),
    ("maxtokens", "length"),
    ("max_output_tokens", "length"),
    ("max_length", "length"),
    ("model_length", "length"),
    ("model_context_window_exceeded", "length"),
    ("finish_reason_max_tokens", "length"),
    ("content_filter", "content_filter"),
    ("content_filtered", "content_filter"),
    ("contentfilter", "content_filter"),
    ("content-filter", "content_filter"),
    ("guardrail_intervened", "content_filter"),
    ("refusal", "content_filter"),
    ("safety", "content_filter"),
    ("recitation", "content_filter"),
    ("blocklist", "content_filter"),
    ("prohibited_content", "content_filter"),
    ("spii", "content_filter"),
    ("image_safety", "content_filter"),
    ("error_toxic", "content_filter"),
    ("tool_call", "tool_call"),
    ("tool_calls", "tool_call"),
    ("tool-calls", "tool_call"),
    ("toolcalls", "tool_call"),
    ("toolcall", "tool_call"),
    ("tool_use", "tool_call"),
    ("tooluse", "tool_call"),
    ("function_call", "tool_call"),
    ("compaction", "compaction"),
    ("error", "error"),
    ("failed", "error"),
    ("cancelled", "error"),
    ("malformed_function_call", "error"),
];

/// The schema's word for a finish reason; unknown ones pass unchanged.
///
/// `None` for what says nothing: an empty word and the placeholder `unknown`.
pub(super) fn finish_reason(reason: &str) -> Option<Cow<'_, str>> {
    let reason = reason.trim();
    if reason.is_empty() || reason.eq_ignore_ascii_case("unknown") {
        return None;
    }
    let known = FINISH_REASONS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(reason));
    Some(known.map_or(Cow::Borrowed(reason), |(_, word)| Cow::Borrowed(*word)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_schema_stays() {
        for (_, word) in FINISH_REASONS {
            assert_eq!(finish_reason(word).as_deref(), Some(*word));
        }
        assert_eq!(finish_reason("END_TURN").as_deref(), Some("stop"));
        assert_eq!(finish_reason("MAX_TOKENS").as_deref(), Some("length"));
        assert_eq!(finish_reason("pause_turn").as_deref(), Some("pause_turn"));
        assert_eq!(finish_reason("unknown"), None);
    }
}
