//! `OPENINFERENCE_HIDE_*`: what OpenInference lets a user withhold, on top of the content policy.

use opentelemetry::{KeyValue, Value};

/// What stands where something was withheld, so that hidden is not mistaken for missing.
pub(super) const REDACTED: &str = "__REDACTED__";

/// The privacy settings of OpenInference.
///
/// They come after the content policy, which has already decided what a span may hold. Source of
/// names and effects: `configuration.md` of the OpenInference specification.
///
/// Two of them go further here than there. A value made of messages (`input.value`,
/// `output.value`) is withheld as a whole when messages, their text or their pictures are hidden.
/// And what repeats a hidden attribute under a GenAI name (in the supplement mode, or when a list
/// was too long to flatten) is dropped with it.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Hide {
    flags: u16,
    base64_image_max_length: usize,
}

impl Default for Hide {
    fn default() -> Self {
        Self { flags: 0, base64_image_max_length: 32_000 }
    }
}

impl Hide {
    /// Reads the `OPENINFERENCE_*` variables among `vars`; the rest is ignored. A value that is
    /// neither `true` nor `false` hides, as content settings that cannot be read do, and is
    /// described in the list that comes back; so is a length that is no number, which leaves the
    /// default.
    ///
    /// | Variable (`OPENINFERENCE_…`) | Effect |
    /// |---|---|
    /// | `HIDE_INPUTS`, `HIDE_OUTPUTS` | value redacted; messages, tools, prompts, choices of that direction withheld |
    /// | `HIDE_INPUT_MESSAGES`, `HIDE_OUTPUT_MESSAGES` | messages dropped |
    /// | `HIDE_INPUT_TEXT`, `HIDE_OUTPUT_TEXT` | text of messages redacted |
    /// | `HIDE_INPUT_IMAGES` | pictures dropped |
    /// | `HIDE_LLM_TOOLS`, `HIDE_LLM_INVOCATION_PARAMETERS` | dropped |
    /// | `HIDE_PROMPTS`, `HIDE_CHOICES` | redacted |
    /// | `HIDE_EMBEDDINGS_VECTORS`, `HIDE_EMBEDDINGS_TEXT` | redacted |
    /// | `BASE64_IMAGE_MAX_LENGTH` | longer `data:` pictures redacted. Defaults to 32000 characters |
    pub fn from_env<K, V>(vars: impl IntoIterator<Item = (K, V)>) -> (Self, Vec<String>)
    where
        K: AsRef<str>,
        V: AsRef<str>,
    {
        let mut hide = Self::default();
        let mut problems = Vec::new();
        for (key, value) in vars {
            let Some(name) = key.as_ref().strip_prefix("OPENINFERENCE_") else { continue };
            let value = value.as_ref().trim();
            if value.is_empty() {
                continue;
            }
            if name == "BASE64_IMAGE_MAX_LENGTH" {
                match value.parse() {
                    Ok(length) => hide.base64_image_max_length = length,
                    Err(_) => problems.push(format!(
                        "OPENINFERENCE_{name}: expected a number of characters; ignored"
                    )),
                }
            } else if let Some(&(_, flag)) = VARIABLES.iter().find(|(row, _)| *row == name) {
                match value.to_ascii_lowercase().as_str() {
                    "true" => hide.flags |= flag,
                    "false" => hide.flags &= !flag,
                    _ => {
                        hide.flags |= flag;
                        problems.push(format!(
                            "OPENINFERENCE_{name}: expected true or false; taken for true"
                        ));
                    }
                }
            }
        }
        (hide, problems)
    }

    /// Whether `input.value`, made of messages, must be withheld.
    pub(super) fn hides_input_messages(&self) -> bool {
        self.any(INPUT_MESSAGES | INPUT_TEXT | INPUT_IMAGES)
    }

    /// Whether `output.value`, made of messages, must be withheld.
    pub(super) fn hides_output_messages(&self) -> bool {
        self.any(OUTPUT_MESSAGES | OUTPUT_TEXT)
    }

    /// Withholds what the settings name, whoever set it.
    pub(super) fn apply(&self, attributes: &mut Vec<KeyValue>) {
        attributes.retain_mut(|attribute| {
            let key = attribute.key.as_str();
            if key.ends_with(".image.url") && self.is_oversized(&attribute.value) {
                attribute.value = Value::from(REDACTED);
                return true;
            }
            if self.flags == 0 {
                return true;
            }
            match RULES.iter().find(|rule| self.any(rule.flags) && rule.covers(key)) {
                Some(Rule { effect: Effect::Drop, .. }) => false,
                Some(Rule { effect: Effect::Redact, .. }) => {
                    attribute.value = Value::from(REDACTED);
                    true
                }
                None => true,
            }
        });
    }

    fn any(&self, flags: u16) -> bool {
        self.flags & flags != 0
    }

    fn is_oversized(&self, value: &Value) -> bool {
        matches!(value, Value::String(url)
            if url.as_str().starts_with("data:") && url.as_str().len() > self.base64_image_max_length)
    }
}

#[derive(Clone, Copy)]
enum Effect {
    Drop,
    Redact,
}

struct Rule {
    flags: u16,
    /// The key begins with this …
    prefix: &'static str,
    /// … and this comes later in it.
    rest: Rest,
    effect: Effect,
}

enum Rest {
    Any,
    Contains(&'static str),
    Ends(&'static str),
}

impl Rule {
    fn covers(&self, key: &str) -> bool {
        key.strip_prefix(self.prefix).is_some_and(|rest| match self.rest {
            Rest::Any => true,
            Rest::Contains(text) => rest.contains(text),
            Rest::Ends(text) => rest.ends_with(text),
        })
    }
}

const fn rule(flags: u16, prefix: &'static str, rest: Rest, effect: Effect) -> Rule {
    Rule { flags, prefix, rest, effect }
}

const INPUTS: u16 = 1;
const OUTPUTS: u16 = 1 << 1;
const INPUT_MESSAGES: u16 = 1 << 2;
const OUTPUT_MESSAGES: u16 = 1 << 3;
const INPUT_TEXT: u16 = 1 << 4;
const OUTPUT_TEXT: u16 = 1 << 5;
const INPUT_IMAGES: u16 = 1 << 6;
const LLM_TOOLS: u16 = 1 << 7;
const INVOCATION_PARAMETERS: u16 = 1 << 8;
const PROMPTS: u16 = 1 << 9;
const CHOICES: u16 = 1 << 10;
const EMBEDDINGS_VECTORS: u16 = 1 << 11;
const EMBEDDINGS_TEXT: u16 = 1 << 12;

static VARIABLES: &[(&str, u16)] = &[
    ("HIDE_INPUTS", INPUTS),
    ("HIDE_OUTPUTS", OUTPUTS),
    ("HIDE_INPUT_MESSAGES", INPUT_MESSAGES),
    ("HIDE_OUTPUT_MESSAGES", OUTPUT_MESSAGES),
    ("HIDE_INPUT_TEXT", INPUT_TEXT),
    ("HIDE_OUTPUT_TEXT", OUTPUT_TEXT),
    ("HIDE_INPUT_IMAGES", INPUT_IMAGES),
    ("HIDE_LLM_TOOLS", LLM_TOOLS),
    ("HIDE_LLM_INVOCATION_PARAMETERS", INVOCATION_PARAMETERS),
    ("HIDE_PROMPTS", PROMPTS),
    ("HIDE_CHOICES", CHOICES),
    ("HIDE_EMBEDDINGS_VECTORS", EMBEDDINGS_VECTORS),
    ("HIDE_EMBEDDING_VECTORS", EMBEDDINGS_VECTORS),
    ("HIDE_EMBEDDINGS_TEXT", EMBEDDINGS_TEXT),
];

/// The first rule that holds and covers a key decides.
static RULES: &[Rule] = &[
    rule(INVOCATION_PARAMETERS, "llm.invocation_parameters", Rest::Any, Effect::Drop),
    rule(INVOCATION_PARAMETERS, "embedding.invocation_parameters", Rest::Any, Effect::Drop),
    rule(INPUTS | LLM_TOOLS, "llm.tools.", Rest::Any, Effect::Drop),
    rule(INPUTS | PROMPTS, "llm.prompts.", Rest::Any, Effect::Redact),
    rule(OUTPUTS | CHOICES, "llm.choices.", Rest::Any, Effect::Redact),
    rule(INPUTS, "input.value", Rest::Any, Effect::Redact),
    rule(INPUTS, "input.mime_type", Rest::Any, Effect::Drop),
    rule(OUTPUTS, "output.value", Rest::Any, Effect::Redact),
    rule(OUTPUTS, "output.mime_type", Rest::Any, Effect::Drop),
    rule(INPUTS | INPUT_MESSAGES, "llm.input_messages.", Rest::Any, Effect::Drop),
    rule(OUTPUTS | OUTPUT_MESSAGES, "llm.output_messages.", Rest::Any, Effect::Drop),
    rule(
        INPUT_IMAGES,
        "llm.input_messages.",
        Rest::Contains(".message_content.image"),
        Effect::Drop,
    ),
    rule(INPUT_TEXT, "llm.input_messages.", Rest::Ends(".message_content.text"), Effect::Redact),
    rule(OUTPUT_TEXT, "llm.output_messages.", Rest::Ends(".message_content.text"), Effect::Redact),
    rule(INPUT_TEXT, "llm.input_messages.", Rest::Ends(".message.content"), Effect::Redact),
    rule(OUTPUT_TEXT, "llm.output_messages.", Rest::Ends(".message.content"), Effect::Redact),
    rule(
        EMBEDDINGS_VECTORS,
        "embedding.embeddings.",
        Rest::Ends(".embedding.vector"),
        Effect::Redact,
    ),
    rule(EMBEDDINGS_TEXT, "embedding.embeddings.", Rest::Ends(".embedding.text"), Effect::Redact),
    // The same content under its GenAI names.
    rule(
        INPUTS | INPUT_MESSAGES | INPUT_TEXT | INPUT_IMAGES | PROMPTS,
        "gen_ai.input.messages",
        Rest::Any,
        Effect::Drop,
    ),
    rule(
        INPUTS | INPUT_MESSAGES | INPUT_TEXT,
        "gen_ai.system_instructions",
        Rest::Any,
        Effect::Drop,
    ),
    rule(
        OUTPUTS | OUTPUT_MESSAGES | OUTPUT_TEXT | CHOICES,
        "gen_ai.output.messages",
        Rest::Any,
        Effect::Drop,
    ),
    rule(INPUTS | LLM_TOOLS, "gen_ai.tool.definitions", Rest::Any, Effect::Drop),
    rule(INPUTS, "gen_ai.tool.call.arguments", Rest::Any, Effect::Drop),
    rule(INPUTS, "gen_ai.retrieval.query.text", Rest::Any, Effect::Drop),
    rule(OUTPUTS, "gen_ai.tool.call.result", Rest::Any, Effect::Drop),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_read_as_the_specification_says() {
        let (hide, problems) = Hide::from_env([
            ("OPENINFERENCE_HIDE_INPUTS", "TRUE"),
            ("OPENINFERENCE_HIDE_OUTPUTS", "yes"),
            ("OPENINFERENCE_HIDE_EMBEDDING_VECTORS", "true"),
            ("OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH", "10"),
            ("HIDE_OUTPUT_TEXT", "true"),
        ]);
        assert_eq!(hide.flags, INPUTS | OUTPUTS | EMBEDDINGS_VECTORS);
        assert_eq!(hide.base64_image_max_length, 10);
        assert_eq!(
            problems,
            ["OPENINFERENCE_HIDE_OUTPUTS: expected true or false; taken for true"]
        );
    }
}
