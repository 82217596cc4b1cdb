//! From a value as it was recorded to the type the conventions give its attribute.
//!
//! `tracing` knows no unsigned attribute, no optional and no list: they arrive as text of many
//! shapes. What cannot be understood is kept as text, never guessed.

use std::borrow::Cow;

use super::value::{Text, Value};
use crate::semconv::{Attr, Type, ValueMap, is_sentinel, known_finish_reason, known_provider};
use crate::semconv::{KnownOperation, Version};

/// A value on its way in.
#[derive(Clone, Debug)]
pub(crate) enum Raw<'a> {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    /// Text that somebody wrote as text.
    Str(Cow<'a, str>),
    /// What `Debug` or `Display` printed.
    Debug(Cow<'a, str>),
    List(Vec<String>),
}

/// What became of it.
#[derive(Debug, PartialEq)]
pub(crate) enum Coerced {
    Value(Value),
    /// Empty, `None`, or a number that stands for "not known".
    Nothing,
    /// Not of the attribute's type: kept as text.
    Text(String),
}

/// Brings `raw` to the type of `attr`.
pub(crate) fn coerce(attr: Attr, map: ValueMap, raw: Raw<'_>) -> Coerced {
    let raw = unwrap_debug(raw);
    let Some(raw) = raw else { return Coerced::Nothing };
    match attr.value_type() {
        Type::Bool => to_bool(raw),
        Type::Int => to_int(attr, raw),
        Type::Double => to_double(attr, raw),
        Type::Str => to_text(attr, map, raw),
        Type::StrList => to_list(attr, raw),
        Type::Json => match raw {
            Raw::List(list) => match serde_json::to_string(&list) {
                Ok(json) => Coerced::Value(Value::Text(json.into())),
                Err(_) => Coerced::Nothing,
            },
            raw => non_empty(text_of(raw)),
        },
    }
}

/// A value of a key that no table has: as it is.
pub(crate) fn foreign(raw: Raw<'_>) -> Value {
    match raw {
        Raw::Bool(value) => Value::Bool(value),
        Raw::I64(value) => Value::I64(value),
        Raw::F64(value) => Value::F64(value),
        Raw::U64(value) => match i64::try_from(value) {
            Ok(value) => Value::I64(value),
            Err(_) => Value::Text(value.to_string().into()),
        },
        Raw::List(list) => Value::List(list.into_iter().map(Text::Owned).collect()),
        raw @ (Raw::Str(_) | Raw::Debug(_)) => Value::Text(text_of(raw).into_owned().into()),
    }
}

/// Takes `Some(…)` and the quotes of a `Debug` string off; `None` for `None`, `()` and nothing.
fn unwrap_debug(raw: Raw<'_>) -> Option<Raw<'_>> {
    let text = match raw {
        Raw::Debug(text) => text,
        Raw::Str(text) if text.is_empty() => return None,
        raw => return Some(raw),
    };
    let mut inner: &str = text.trim();
    let before = inner.len();
    while let Some(rest) = inner.strip_prefix("Some(").and_then(|rest| rest.strip_suffix(')')) {
        inner = rest;
    }
    if inner.is_empty() || inner == "None" || inner == "()" {
        return None;
    }
    if let Some(unquoted) = unquote(inner) {
        return (!unquoted.is_empty()).then_some(Raw::Str(Cow::Owned(unquoted)));
    }
    if inner.len() == before && inner.len() == text.len() {
        return Some(Raw::Debug(text));
    }
    Some(Raw::Debug(Cow::Owned(inner.to_owned())))
}

/// The text between the quotes of a whole `Debug` string.
fn unquote(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let mut out = String::with_capacity(inner.len());
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        match c {
            // A quote in the middle: several strings, not one.
            '"' => return None,
            '\\' => match chars.next()? {
                'n' => out.push('\n'),
                'r' => out.push('\r'),
                't' => out.push('\t'),
                '0' => out.push('\0'),
                'u' => out.push(unicode_escape(&mut chars)?),
                other => out.push(other),
            },
            other => out.push(other),
        }
    }
    Some(out)
}

fn unicode_escape(chars: &mut std::str::Chars<'_>) -> Option<char> {
    if chars.next()? != '{' {
        return None;
    }
    let mut code = 0_u32;
    loop {
        match chars.next()? {
            '}' => return char::from_u32(code),
            digit => code = code.checked_mul(16)?.checked_add(digit.to_digit(16)?)?,
        }
    }
}

fn text_of(raw: Raw<'_>) -> Cow<'_, str> {
    match raw {
        Raw::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
        Raw::I64(value) => Cow::Owned(value.to_string()),
        Raw::U64(value) => Cow::Owned(value.to_string()),
        Raw::F64(value) => Cow::Owned(value.to_string()),
        Raw::Str(text) | Raw::Debug(text) => text,
        Raw::List(list) => Cow::Owned(list.join(",")),
    }
}

fn non_empty(text: Cow<'_, str>) -> Coerced {
    if text.is_empty() {
        Coerced::Nothing
    } else {
        Coerced::Value(Value::Text(text.into_owned().into()))
    }
}

fn kept_as_text(raw: Raw<'_>) -> Coerced {
    let text = text_of(raw);
    if text.is_empty() { Coerced::Nothing } else { Coerced::Text(text.into_owned()) }
}

fn to_bool(raw: Raw<'_>) -> Coerced {
    let value = match &raw {
        Raw::Bool(value) => Some(*value),
        Raw::I64(0) | Raw::U64(0) => Some(false),
        Raw::I64(1) | Raw::U64(1) => Some(true),
        Raw::Str(text) | Raw::Debug(text) => match text.trim() {
            "1" => Some(true),
            "0" => Some(false),
            word if word.eq_ignore_ascii_case("true") => Some(true),
            word if word.eq_ignore_ascii_case("false") => Some(false),
            "" => return Coerced::Nothing,
            _ => None,
        },
        _ => None,
    };
    value.map_or_else(|| kept_as_text(raw), |value| Coerced::Value(Value::Bool(value)))
}

fn to_int(attr: Attr, raw: Raw<'_>) -> Coerced {
    let value = match &raw {
        Raw::I64(value) => Some(*value),
        Raw::U64(value) => i64::try_from(*value).ok(),
        Raw::F64(value) => whole(*value),
        Raw::Str(text) | Raw::Debug(text) => match text.trim() {
            "" => return Coerced::Nothing,
            text => text.parse().ok().or_else(|| text.parse().ok().and_then(whole)),
        },
        Raw::Bool(_) | Raw::List(_) => None,
    };
    match value {
        Some(NEVER_MEANT) => Coerced::Nothing,
        Some(value) if value < 0 && !SIGNED.contains(&attr) => {
            if is_sentinel(value) {
                Coerced::Nothing
            } else {
                Coerced::Text(value.to_string())
            }
        }
        Some(value) => Coerced::Value(Value::I64(value)),
        None => kept_as_text(raw),
    }
}

/// The integer a float stands for exactly.
fn whole(value: f64) -> Option<i64> {
    // 2^53: beyond it a float no longer names one integer.
    (value.fract() == 0.0 && value.abs() <= 9_007_199_254_740_992.0).then_some(value as i64)
}

fn to_double(attr: Attr, raw: Raw<'_>) -> Coerced {
    let value = match &raw {
        Raw::F64(value) => Some(widen(*value)),
        Raw::I64(value) => Some(*value as f64),
        Raw::U64(value) => Some(*value as f64),
        Raw::Str(text) | Raw::Debug(text) => match text.trim() {
            "" => return Coerced::Nothing,
            text => text.parse().ok(),
        },
        Raw::Bool(_) | Raw::List(_) => None,
    };
    match value {
        Some(value) if !value.is_finite() => Coerced::Text(value.to_string()),
        Some(value) if value < 0.0 && whole(value).is_some_and(is_sentinel) => {
            if SIGNED.contains(&attr) && value > -999.0 {
                Coerced::Value(Value::F64(value))
            } else {
                Coerced::Nothing
            }
        }
        Some(value) if value < 0.0 && !SIGNED.contains(&attr) => Coerced::Text(value.to_string()),
        Some(value) => Coerced::Value(Value::F64(value)),
        None => kept_as_text(raw),
    }
}

/// `0.7_f32` reaches us as `0.699999988079071`: what was meant is the shortest decimal that reads
/// back as the same `f32`.
fn widen(value: f64) -> f64 {
    let narrow = value as f32;
    if f64::from(narrow) != value || (value * 1024.0).fract() == 0.0 {
        return value;
    }
    narrow.to_string().parse().unwrap_or(value)
}

fn to_text(attr: Attr, map: ValueMap, raw: Raw<'_>) -> Coerced {
    let text = text_of(raw);
    if text.trim().is_empty() {
        return Coerced::Nothing;
    }
    let text = match map {
        ValueMap::Same => text,
        ValueMap::Words(words) => {
            match words.iter().find(|(word, _)| word.eq_ignore_ascii_case(text.trim())) {
                Some((_, word)) => return Coerced::Value(Value::Text(Text::Static(word))),
                None => text,
            }
        }
    };
    let word = match attr {
        Attr::OperationName => KnownOperation::parse(text.trim()).map(KnownOperation::as_str),
        Attr::ProviderName => known_provider(text.trim()),
        Attr::OutputType => OUTPUT_TYPES
            .iter()
            .find(|(word, _)| word.eq_ignore_ascii_case(text.trim()))
            .map(|(_, word)| *word),
        _ => None,
    };
    if let Some(word) = word {
        return Coerced::Value(Value::Text(Text::Static(word)));
    }
    Coerced::Value(Value::Text(keep(attr, &text)))
}

/// Text as the record keeps it: what a span is started with is needed again when it ends.
#[inline]
pub(super) fn keep(attr: Attr, text: &str) -> Text {
    if attr.is_sampling_relevant() {
        Text::Shared(text.into())
    } else {
        Text::Owned(text.to_owned())
    }
}

fn to_list(attr: Attr, raw: Raw<'_>) -> Coerced {
    let items = match raw {
        Raw::List(list) => list,
        raw => split_list(&text_of(raw), attr != Attr::RequestStopSequences),
    };
    let items: Vec<Text> = items
        .into_iter()
        .filter(|item| !item.is_empty())
        // What rig writes where the provider said nothing.
        .filter(|item| attr != Attr::ResponseFinishReasons || !item.eq_ignore_ascii_case("unknown"))
        .map(|item| match known_finish_reason(&item) {
            Some(word) if attr == Attr::ResponseFinishReasons => Text::Static(word),
            _ => Text::Owned(item),
        })
        .collect();
    if items.is_empty() { Coerced::Nothing } else { Coerced::Value(Value::List(items)) }
}

/// Reads a list of strings from any of the shapes it is written in: a JSON array, the `Debug` of a
/// `Vec` of strings or of enum variants, words between commas or spaces, one word.
fn split_list(whole: &str, words: bool) -> Vec<String> {
    let text = whole.trim();
    if text.starts_with('[')
        && let Ok(items) = serde_json::from_str::<Vec<serde_json::Value>>(text)
    {
        return items
            .into_iter()
            .filter_map(|item| match item {
                serde_json::Value::String(item) => Some(item),
                serde_json::Value::Null => None,
                other => Some(other.to_string()),
            })
            .collect();
    }
    if let Some(inner) = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return split_debug_items(inner);
    }
    if !words {
        return vec![whole.to_owned()];
    }
    text.split([',', ' ', '\t', '\n'])
        .map(|item| item.trim().trim_matches('"').to_owned())
        .filter(|item| !item.is_empty())
        .collect()
}

/// Splits the inside of a `Debug` list at commas outside of quotes and parentheses.
fn split_debug_items(inner: &str) -> Vec<String> {
    let (mut items, mut start, mut depth, mut quoted, mut escaped) =
        (Vec::new(), 0, 0_u32, false, false);
    for (at, c) in inner.char_indices() {
        match c {
            _ if escaped => escaped = false,
            '\\' if quoted => escaped = true,
            '"' => quoted = !quoted,
            _ if quoted => {}
            '(' | '[' | '{' => depth += 1,
            ')' | ']' | '}' => depth = depth.saturating_sub(1),
            ',' if depth == 0 => {
                items.push(&inner[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    items.push(&inner[start..]);
    items
        .into_iter()
        .filter_map(|item| match unwrap_debug(Raw::Debug(Cow::Borrowed(item.trim())))? {
            Raw::Str(text) | Raw::Debug(text) => Some(text.into_owned()),
            _ => None,
        })
        .collect()
}

/// The sentinel that no attribute has as a value, not even one that may be negative.
const NEVER_MEANT: i64 = -999;

/// Attributes that may be negative.
static SIGNED: &[Attr] = &[
    Attr::RequestSeed,
    Attr::RequestFrequencyPenalty,
    Attr::RequestPresencePenalty,
    Attr::EvaluationScoreValue,
    Attr::ProcessExitCode,
];

/// What APIs call the requested modality → what the conventions call it.
static OUTPUT_TYPES: &[(&str, &str)] = &[
    ("text", "text"),
    ("json", "json"),
    ("json_object", "json"),
    ("json_schema", "json"),
    ("image", "image"),
    ("speech", "speech"),
    ("audio", "speech"),
];

/// `gen_ai.request.top_k` was a double and is an integer in the latest conventions.
pub(crate) fn to_version(top_k: &mut Value, version: Version) {
    if let (Value::F64(number), Version::Latest) = (&*top_k, version)
        && let Some(number) = whole(*number)
    {
        *top_k = Value::I64(number);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn debug(attr: Attr, text: &str) -> Coerced {
        coerce(attr, ValueMap::Same, Raw::Debug(Cow::Borrowed(text)))
    }

    fn list(items: &[&str]) -> Coerced {
        Coerced::Value(Value::List(
            items.iter().map(|item| Text::Owned((*item).to_owned())).collect(),
        ))
    }

    #[test]
    fn integers_in_any_dress() {
        let int = Attr::UsageInputTokens;
        for text in ["12", "Some(12)", "\"12\"", "12.0", " 12 ", "Some(\"12\")"] {
            assert_eq!(debug(int, text), Coerced::Value(Value::I64(12)), "{text}");
        }
        for text in ["", "None", "-1", "Some(-999)", "()", "\"\""] {
            assert_eq!(debug(int, text), Coerced::Nothing, "{text}");
        }
        assert_eq!(debug(int, "12.5"), Coerced::Text("12.5".into()));
        assert_eq!(
            debug(int, "18446744073709551615"),
            Coerced::Text("18446744073709551615".into())
        );
        assert_eq!(debug(int, "-7"), Coerced::Text("-7".into()));
        assert_eq!(debug(Attr::RequestSeed, "-1"), Coerced::Value(Value::I64(-1)));
    }

    #[test]
    fn doubles_as_they_were_meant() {
        let double = |value| coerce(Attr::RequestTemperature, ValueMap::Same, Raw::F64(value));
        assert_eq!(double(f64::from(0.7_f32)), Coerced::Value(Value::F64(0.7)));
        assert_eq!(double(0.1), Coerced::Value(Value::F64(0.1)));
        assert_eq!(double(0.5), Coerced::Value(Value::F64(0.5)));
        assert_eq!(double(f64::NAN), Coerced::Text("NaN".into()));
        assert_eq!(debug(Attr::RequestTemperature, "Some(0.7)"), Coerced::Value(Value::F64(0.7)));
        assert_eq!(debug(Attr::RequestPresencePenalty, "-1"), Coerced::Value(Value::F64(-1.0)));
    }

    #[test]
    fn lists_in_any_dress() {
        let reasons = Attr::ResponseFinishReasons;
        for text in [
            "[\"stop\",\"length\"]",
            "[\"stop\", \"length\"]",
            "[Stop, Length]",
            "stop,length",
            "stop length",
            "Some([\"stop\", \"max_tokens\"])",
            "[Some(\"stop\"), None, Some(\"length\")]",
        ] {
            assert_eq!(debug(reasons, text), list(&["stop", "length"]), "{text}");
        }
        assert_eq!(debug(reasons, "end_turn"), list(&["stop"]));
        assert_eq!(debug(reasons, "[]"), Coerced::Nothing);
        assert_eq!(debug(Attr::RequestStopSequences, "\n\nHuman: x"), list(&["Human: x"]));
        assert_eq!(debug(Attr::RequestStopSequences, "[\"a, b\", \"c\"]"), list(&["a, b", "c"]));
    }

    #[test]
    fn words_are_those_of_the_conventions() {
        let word = |attr, text| coerce(attr, ValueMap::Same, Raw::Str(Cow::Borrowed(text)));
        let is = |word| Coerced::Value(Value::Text(Text::Static(word)));
        assert_eq!(word(Attr::ProviderName, "aws_bedrock"), is("aws.bedrock"));
        assert_eq!(word(Attr::ProviderName, "Mistral"), is("mistral_ai"));
        assert_eq!(word(Attr::OperationName, "chat_streaming"), is("chat"));
        assert_eq!(word(Attr::OutputType, "json_schema"), is("json"));
        assert_eq!(word(Attr::ResponseId, ""), Coerced::Nothing);
        assert_eq!(debug(Attr::ResponseId, "Some(\"a\\\"b\")"), is("a\"b"));
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_taken_without_panic_and_twice_is_once(text in ".{0,64}", row in 0..Attr::ALL.len()) {
            let attr = Attr::ALL[row];
            let once = coerce(attr, ValueMap::Same, Raw::Str(Cow::Borrowed(&text)));
            if let Coerced::Value(value) = &once {
                let again = match value.clone() {
                    Value::Bool(value) => Raw::Bool(value),
                    Value::I64(value) => Raw::I64(value),
                    Value::F64(value) => Raw::F64(value),
                    Value::Text(text) => Raw::Str(Cow::Owned(text.as_str().to_owned())),
                    Value::List(list) => Raw::List(list.iter().map(|text| text.as_str().to_owned()).collect()),
                };
                proptest::prop_assert_eq!(&coerce(attr, ValueMap::Same, again), &once);
            }
        }
    }
}
