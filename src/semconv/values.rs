//! Words with a fixed vocabulary: finish reasons, and what stands for "nothing".

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;
/// Finds the meaning of a word in any letter case, without a copy for the usual one.
pub(super) struct Spellings<T>(FxHashMap<String, T>);

impl<T: Copy> Spellings<T> {
    pub(super) fn new(words: impl IntoIterator<Item = (&'static str, T)>) -> Self {
        Self(
            words.into_iter().map(|(word, meaning)| (word.to_ascii_lowercase(), meaning)).collect(),
        )
    }

    pub(super) fn find(&self, word: &str) -> Option<T> {
        if word.len() > LONGEST_WORD {
            None
        } else if word.bytes().any(|byte| byte.is_ascii_uppercase()) {
            self.0.get(&word.to_ascii_lowercase()).copied()
        } else {
            self.0.get(word).copied()
        }
    }
}

/// No word of any table is longer; longer text is not worth hashing.
const LONGEST_WORD: usize = 64;

/// The finish reason of the message schema that `text` means, in any letter case.
///
/// The schema's words are `stop`, `length`, `content_filter`, `tool_call`, `compaction`, `error`.
pub(crate) fn known_finish_reason(text: &str) -> Option<&'static str> {
    static SPELLINGS: Lazy<Spellings<&'static str>> =
        Lazy::new(|| Spellings::new(FINISH_REASONS.iter().copied()));
    SPELLINGS.find(text.trim())
}

/// Spelling of a provider or a library → word of the message schema.
static FINISH_REASONS: &[(&str, &str)] = &[
    ("stop", "stop"),
    ("end_turn", "stop"),
    ("endturn", "stop"),
    ("stop_sequence", "stop"),
    ("stopsequence", "stop"),
    ("eos", "stop"),
    ("eos_token", "stop"),
    ("complete", "stop"),
    ("completed", "stop"),
    ("finishreasonstop", "stop"),
    ("end", "stop"),
    ("finish_reason_stop", "stop"),
    ("length", "length"),
    ("max_tokens", "length"),
    ("maxtokens", "length"),
    ("max_output_tokens", "length"),
    ("model_length", "length"),
    ("model_context_window_exceeded", "length"),
    ("max_length", "length"),
    ("finish_reason_max_tokens", "length"),
    ("content_filter", "content_filter"),
    ("contentfilter", "content_filter"),
    ("content_filtered", "content_filter"),
    ("guardrail_intervened", "content_filter"),
    ("refusal", "content_filter"),
    ("safety", "content_filter"),
    ("recitation", "content_filter"),
    ("blocklist", "content_filter"),
    ("prohibited_content", "content_filter"),
    ("spii", "content_filter"),
    ("image_safety", "content_filter"),
    ("content-filter", "content_filter"),
    ("error_toxic", "content_filter"),
    ("tool_call", "tool_call"),
    ("tool_calls", "tool_call"),
    ("toolcall", "tool_call"),
    ("toolcalls", "tool_call"),
    ("tool_use", "tool_call"),
    ("tooluse", "tool_call"),
    ("function_call", "tool_call"),
    ("tool-calls", "tool_call"),
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
