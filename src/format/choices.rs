//! What the formats are called in a configuration: `format`, `trace_type`.

use crate::config::keys::Choice;
use crate::config::settings::FormatChoice;

/// Every format with its name and its other spellings. Case does not count, and `-` is `_`.
static CHOICES: &[(FormatChoice, Choice)] = &[
    row(FormatChoice::GenAi, "gen_ai", &["genai", "genai_extension", "otel"]),
    row(FormatChoice::OpenInference, "open_inference", &["openinference"]),
    row(
        FormatChoice::GenAiAndOpenInference,
        "gen_ai+open_inference",
        &["genai+openinference", "genai_extension+open_inference"],
    ),
    row(FormatChoice::Vercel, "vercel", &["ai_sdk"]),
    row(FormatChoice::OpenLlmetry, "openllmetry", &["traceloop"]),
    row(FormatChoice::OpenLlmetryLegacy, "openllmetry_legacy", &["traceloop_legacy"]),
    row(FormatChoice::Langfuse, "langfuse", &[]),
];

/// The same as the words that a configuration key takes.
pub(crate) static WORDS: [Choice; CHOICES.len()] = {
    let mut words = [CHOICES[0].1; CHOICES.len()];
    let mut at = 0;
    while at < words.len() {
        words[at] = CHOICES[at].1;
        at += 1;
    }
    words
};

/// Reads a configured format; `None` for one that does not exist.
pub(crate) fn choice_named(text: &str) -> Option<FormatChoice> {
    let name = Choice::find(&WORDS, text.trim())?;
    CHOICES.iter().find(|(_, words)| words.name == name).map(|(choice, _)| *choice)
}

/// What `status()` and `explain()` call it.
pub(crate) fn name_of(choice: FormatChoice) -> &'static str {
    CHOICES.iter().find(|(row, _)| *row == choice).map_or("", |(_, words)| words.name)
}

const fn row(
    choice: FormatChoice,
    name: &'static str,
    aliases: &'static [&'static str],
) -> (FormatChoice, Choice) {
    (choice, Choice { name, aliases })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::format::{FormatOptions, format_of};

    #[test]
    fn every_choice_has_a_name_and_makes_a_format_of_that_name() {
        for (choice, words) in CHOICES {
            for name in std::iter::once(&words.name).chain(words.aliases) {
                assert_eq!(choice_named(name), Some(*choice), "{name}");
            }
            let format = format_of(*choice, FormatOptions::default());
            assert_eq!((choice.as_str(), format.name()), (words.name, words.name));
        }
        assert_eq!(choice_named(" Open-Inference "), Some(FormatChoice::OpenInference));
        assert_eq!(choice_named("zipkin"), None);
    }

    #[test]
    fn no_spelling_is_taken_twice() {
        let mut all: Vec<_> = WORDS
            .iter()
            .flat_map(|words| std::iter::once(&words.name).chain(words.aliases))
            .collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }
}
