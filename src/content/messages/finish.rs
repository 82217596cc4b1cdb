//! Finish reasons: many spellings, one vocabulary.

use std::borrow::Cow;

use crate::semconv::known_finish_reason;

/// The schema's word for a finish reason; unknown ones pass unchanged.
///
/// `None` for what says nothing: an empty word and the placeholder `unknown`.
pub(super) fn finish_reason(reason: &str) -> Option<Cow<'_, str>> {
    let reason = reason.trim();
    if reason.is_empty() || reason.eq_ignore_ascii_case("unknown") {
        return None;
    }
    Some(known_finish_reason(reason).map_or(Cow::Borrowed(reason), Cow::Borrowed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_schema_stays() {
        for word in ["stop", "length", "content_filter", "tool_call", "compaction", "error"] {
            assert_eq!(finish_reason(word).as_deref(), Some(word));
        }
        assert_eq!(finish_reason("END_TURN").as_deref(), Some("stop"));
        assert_eq!(finish_reason("MAX_TOKENS").as_deref(), Some("length"));
        assert_eq!(finish_reason("pause_turn").as_deref(), Some("pause_turn"));
        assert_eq!(finish_reason("unknown"), None);
    }
}
