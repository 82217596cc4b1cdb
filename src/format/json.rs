//! JSON at the edge of a span attribute: read without copying, written in a fixed order.

use std::borrow::Cow;

use opentelemetry::{Array, Value};
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::RawValue;

/// An object whose members keep the order in which they were given.
#[derive(Debug, Default)]
pub(super) struct Object<'a>(Vec<(Cow<'a, str>, Member<'a>)>);

#[derive(Debug)]
enum Member<'a> {
    Value(Cow<'a, Value>),
    Raw(&'a RawValue),
    Text(Cow<'a, str>),
    Int(i64),
    Nested(Object<'a>),
}

impl<'a> Object<'a> {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn value(&mut self, key: impl Into<Cow<'a, str>>, value: Option<&'a Value>) {
        if let Some(value) = value {
            self.0.push((key.into(), Member::Value(Cow::Borrowed(value))));
        }
    }

    pub(super) fn owned(&mut self, key: impl Into<Cow<'a, str>>, value: Value) {
        self.0.push((key.into(), Member::Value(Cow::Owned(value))));
    }

    pub(super) fn raw(&mut self, key: impl Into<Cow<'a, str>>, value: Option<&'a RawValue>) {
        if let Some(value) = value {
            self.0.push((key.into(), Member::Raw(value)));
        }
    }

    pub(super) fn text(&mut self, key: impl Into<Cow<'a, str>>, value: Option<Cow<'a, str>>) {
        if let Some(value) = value {
            self.0.push((key.into(), Member::Text(value)));
        }
    }

    pub(super) fn int(&mut self, key: impl Into<Cow<'a, str>>, value: Option<i64>) {
        if let Some(value) = value {
            self.0.push((key.into(), Member::Int(value)));
        }
    }

    pub(super) fn nested(&mut self, key: impl Into<Cow<'a, str>>, value: Self) {
        self.0.push((key.into(), Member::Nested(value)));
    }
}

impl Serialize for Object<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (key, member) in &self.0 {
            match member {
                Member::Value(value) => map.serialize_entry(key, &Plain(value))?,
                Member::Raw(raw) => map.serialize_entry(key, raw)?,
                Member::Text(text) => map.serialize_entry(key, text)?,
                Member::Int(number) => map.serialize_entry(key, number)?,
                Member::Nested(object) => map.serialize_entry(key, object)?,
            }
        }
        map.end()
    }
}

/// An attribute value as JSON; a number that JSON cannot say is `null`.
struct Plain<'a>(&'a Value);

impl Serialize for Plain<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0 {
            Value::Bool(value) => value.serialize(serializer),
            Value::I64(value) => value.serialize(serializer),
            Value::F64(value) => value.serialize(serializer),
            Value::String(value) => value.as_str().serialize(serializer),
            Value::Array(Array::Bool(values)) => values.serialize(serializer),
            Value::Array(Array::I64(values)) => values.serialize(serializer),
            Value::Array(Array::F64(values)) => values.serialize(serializer),
            Value::Array(Array::String(values)) => {
                serializer.collect_seq(values.iter().map(|value| value.as_str()))
            }
            other => serializer.collect_str(other),
        }
    }
}

/// JSON text of what cannot fail to serialize.
pub(super) fn write(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// The text a JSON value stands for: a string's content, any other value's JSON, nothing for
/// `null`.
pub(super) fn text_of(raw: &RawValue) -> Option<Cow<'_, str>> {
    let json = raw.get();
    match json.as_bytes().first()? {
        b'"' => Some(unquote(json)),
        b'n' => None,
        _ => Some(Cow::Borrowed(json)),
    }
}

/// Text that is a JSON object or array, at any depth, without keeping any of it.
pub(super) fn is_structured(text: &str) -> bool {
    matches!(text.trim_start().as_bytes().first(), Some(b'{' | b'['))
        && serde_json::from_str::<serde::de::IgnoredAny>(text).is_ok()
}

/// Text that is JSON, for embedding into JSON.
pub(super) fn parsed(text: &str) -> Option<&RawValue> {
    serde_json::from_str(text).ok()
}

/// The content of a JSON string, copied only if it has an escape.
fn unquote(json: &str) -> Cow<'_, str> {
    let inner = json.get(1..json.len().saturating_sub(1)).unwrap_or_default();
    let Some(first) = memchr::memchr(b'\\', inner.as_bytes()) else { return Cow::Borrowed(inner) };
    // Most escapes are one letter, so this is most often the exact size, and nothing is given back
    // to the allocator when the text becomes an attribute.
    let escapes = backslashes(inner.as_bytes());
    let mut text = String::with_capacity(inner.len() - escapes);
    let (mut rest, mut escape) = (inner, first);
    loop {
        let (before, from) = rest.split_at(escape);
        text.push_str(before);
        let letter = from.as_bytes().get(1).copied().unwrap_or_default();
        let plain = PLAIN[usize::from(letter)];
        if plain == 0 {
            // Numeric escapes may come in pairs; a lone surrogate is legal JSON and no text, and
            // what was sent is then kept as it was.
            return serde_json::from_str::<String>(json).map_or(Cow::Borrowed(inner), Cow::Owned);
        }
        text.push(char::from(plain));
        rest = from.get(2..).unwrap_or_default();
        match next_backslash(rest.as_bytes()) {
            Some(next) => escape = next,
            None => break,
        }
    }
    text.push_str(rest);
    Cow::Owned(text)
}

/// Counts in lanes of one byte, which is many times as fast as stopping at each.
fn backslashes(bytes: &[u8]) -> usize {
    let few = |bytes: &[u8]| bytes.iter().map(|byte| u8::from(*byte == b'\\')).sum::<u8>();
    bytes.chunks(usize::from(u8::MAX)).map(|bytes| usize::from(few(bytes))).sum()
}

/// Escapes come in crowds: the first bytes are looked at eight at a time before a search for a
/// far one is worth its start.
fn next_backslash(bytes: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    let (near, _) = bytes.as_chunks::<8>();
    for (at, word) in near.iter().take(NEAR).enumerate() {
        // The lowest byte that was a backslash, and nothing below it, gets its high bit.
        let differs = u64::from_le_bytes(*word) ^ (ONES * u64::from(b'\\'));
        let found = differs.wrapping_sub(ONES) & !differs & (ONES << 7);
        if found != 0 {
            return Some(at * 8 + found.trailing_zeros() as usize / 8);
        }
    }
    let start = near.len().min(NEAR) * 8;
    memchr::memchr(b'\\', &bytes[start..]).map(|at| start + at)
}

/// What a letter after a backslash stands for; 0 for none. A table, because in code or prose which
/// escape comes next is nothing a processor can guess.
static PLAIN: [u8; 256] = {
    let mut plain = [0; 256];
    let letters = b"\"\"\\\\//b\x08f\x0cn\nr\rt\t";
    let mut at = 0;
    while at < letters.len() {
        plain[letters[at] as usize] = letters[at + 1];
        at += 2;
    }
    plain
};

/// Words of eight bytes.
const NEAR: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(json: &str) -> &RawValue {
        parsed(json).expect("valid JSON")
    }

    #[test]
    fn text_is_borrowed_until_it_has_an_escape() {
        assert!(matches!(text_of(raw(r#""plain""#)), Some(Cow::Borrowed("plain"))));
        assert_eq!(text_of(raw(r#""a\n\u00e9""#)).as_deref(), Some("a\né"));
        assert_eq!(
            text_of(raw(r#""\"q\" \\ \/ \b\f\r\t end""#)).as_deref(),
            Some("\"q\" \\ / \u{8}\u{c}\r\t end")
        );
        assert_eq!(text_of(raw(r#""\ud83e\udd8a\n""#)).as_deref(), Some("🦊\n"));
        assert_eq!(text_of(raw(r#""\ud800""#)).as_deref(), Some(r"\ud800"));
        assert_eq!(text_of(raw(r#"{"a":1}"#)).as_deref(), Some(r#"{"a":1}"#));
        assert_eq!(text_of(raw("null")), None);
    }

    #[test]
    fn backslashes_are_found_and_counted_wherever_they_are() {
        for length in [0, 1, 7, 8, 47, 48, 49, 300] {
            let plain = vec![0xDC; length];
            assert_eq!((next_backslash(&plain), backslashes(&plain)), (None, 0));
            for at in 0..length {
                let mut bytes = plain.clone();
                bytes[at] = b'\\';
                assert_eq!(
                    (next_backslash(&bytes), backslashes(&bytes)),
                    (Some(at), 1),
                    "{length}"
                );
                bytes[at..].fill(b'\\');
                assert_eq!(next_backslash(&bytes), Some(at));
                assert_eq!(backslashes(&bytes), length - at);
            }
        }
    }

    #[test]
    fn depth_costs_no_stack() {
        let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
        assert!(is_structured(&deep));
        assert!(parsed(&deep).is_some());
    }

    #[test]
    fn members_keep_their_order() {
        let mut object = Object::default();
        object.int("z", Some(1));
        object.text("a", Some(Cow::Borrowed("\"")));
        object.owned("list", Value::Array(vec![1.5f64].into()));
        object.owned("nan", Value::F64(f64::NAN));
        assert_eq!(write(&object), r#"{"z":1,"a":"\"","list":[1.5],"nan":null}"#);
    }
}
