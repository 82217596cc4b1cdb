//! JSON as it was written.
//!
//! Messages are mostly read, checked and passed on, so a value borrows from its text: strings stay
//! escaped, numbers keep their digits and members keep their order. That is what `serde_json::Value`
//! cannot give without features (`preserve_order`, `arbitrary_precision`) that would change it for
//! every other crate of the application. Tests compare the reader with `serde_json`.

use std::borrow::Cow;

/// A JSON value that borrows from the text it was read from.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Node<'a> {
    Null,
    Bool(bool),
    /// The digits as written.
    Number(Cow<'a, str>),
    String(Text<'a>),
    Array(Vec<Node<'a>>),
    /// Members in their order; of a repeated key the last one counts.
    Object(Vec<(Text<'a>, Node<'a>)>),
}

/// A string as it stands between the quotes of JSON text, escapes included.
#[derive(Clone, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) struct Text<'a>(Cow<'a, str>);

/// Levels of nesting that are read; the limit `serde_json` has, too.
const MAX_DEPTH: usize = 128;

impl<'a> Node<'a> {
    /// Reads one JSON value with nothing but white space around it.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        let mut reader = Reader { text, at: 0 };
        let node = reader.value(0)?;
        reader.skip_space();
        (reader.at == text.len()).then_some(node)
    }

    pub(crate) fn text(plain: impl Into<Cow<'a, str>>) -> Self {
        Self::String(Text::plain(plain))
    }

    pub(crate) fn object<const N: usize>(members: [(&'static str, Node<'a>); N]) -> Self {
        Self::Object(members.into_iter().map(|(key, node)| (Text::word(key), node)).collect())
    }

    /// An object of the members that are there.
    pub(crate) fn some_of<const N: usize>(members: [(&'static str, Option<Node<'a>>); N]) -> Self {
        let there = members.into_iter().filter_map(|(key, node)| Some((Text::word(key), node?)));
        Self::Object(there.collect())
    }

    /// A number; `null` for one that JSON cannot write.
    pub(crate) fn float(number: f64) -> Self {
        serde_json::Number::from_f64(number)
            .map_or(Self::Null, |number| Self::Number(Cow::Owned(number.to_string())))
    }

    pub(crate) fn int(number: i64) -> Self {
        Self::Number(Cow::Owned(number.to_string()))
    }

    /// The text the value stands for: what a string says, any other value's JSON, nothing for
    /// `null`.
    pub(crate) fn plain(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::Null => None,
            Self::String(text) => Some(text.decode()),
            other => Some(Cow::Owned(other.to_json())),
        }
    }

    /// As [`plain`](Self::plain), to become a part of other JSON.
    pub(crate) fn into_text(self) -> Option<Text<'a>> {
        match self {
            Self::Null => None,
            Self::String(text) => Some(text),
            other => Some(Text::plain(other.to_json())),
        }
    }

    /// The member `key` as the text it stands for.
    pub(crate) fn text_at(&self, key: &str) -> Option<Text<'a>> {
        self.get(key)?.clone().into_text()
    }

    /// The member `key` unless it is absent or null.
    pub(crate) fn get(&self, key: &str) -> Option<&Self> {
        let Self::Object(members) = self else { return None };
        let (_, node) = members.iter().rev().find(|(name, _)| name.is(key))?;
        (*node != Self::Null).then_some(node)
    }

    /// The first of `keys` that is there and not null.
    pub(crate) fn first(&self, keys: &[&str]) -> Option<&Self> {
        keys.iter().find_map(|key| self.get(key))
    }

    pub(crate) fn as_text(&self) -> Option<&Text<'a>> {
        match self {
            Self::String(text) => Some(text),
            _ => None,
        }
    }

    /// The member `key` if it is a string.
    pub(crate) fn text_of(&self, key: &str) -> Option<&Text<'a>> {
        self.get(key)?.as_text()
    }

    /// The first of `keys` that is a string.
    pub(crate) fn first_text(&self, keys: &[&str]) -> Option<&Text<'a>> {
        keys.iter().find_map(|key| self.text_of(key))
    }

    pub(crate) fn as_array(&self) -> Option<&[Self]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    pub(crate) fn array_of(&self, key: &str) -> Option<&[Self]> {
        self.get(key)?.as_array()
    }

    pub(crate) fn members(&self) -> &[(Text<'a>, Self)] {
        match self {
            Self::Object(members) => members,
            _ => &[],
        }
    }

    pub(crate) fn is_container(&self) -> bool {
        matches!(self, Self::Array(_) | Self::Object(_))
    }

    pub(crate) fn is_object(&self) -> bool {
        matches!(self, Self::Object(_))
    }

    /// Whether both say the same, whatever the order of members.
    pub(crate) fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Array(a), Self::Array(b)) => {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.same(b))
            }
            (Self::Object(a), Self::Object(b)) => {
                let in_order =
                    || a.iter().zip(b).all(|((ka, va), (kb, vb))| ka == kb && va.same(vb));
                // Looking members up one by one is quadratic: only for objects of usual size.
                let any_order = || {
                    a.len() <= 32
                        && a.iter().all(|(key, value)| {
                            let mut found = b.iter().filter(|(name, _)| name == key);
                            matches!((found.next(), found.next()), (Some((_, v)), None) if value.same(v))
                        })
                };
                a.len() == b.len() && (in_order() || any_order())
            }
            (a, b) => a == b,
        }
    }

    pub(crate) fn into_owned(self) -> Node<'static> {
        match self {
            Self::Null => Node::Null,
            Self::Bool(value) => Node::Bool(value),
            Self::Number(digits) => Node::Number(Cow::Owned(digits.into_owned())),
            Self::String(text) => Node::String(text.into_owned()),
            Self::Array(items) => Node::Array(items.into_iter().map(Self::into_owned).collect()),
            Self::Object(members) => Node::Object(
                members.into_iter().map(|(k, v)| (k.into_owned(), v.into_owned())).collect(),
            ),
        }
    }

    /// Writes compact JSON.
    pub(crate) fn write(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::Bool(value) => out.push_str(if *value { "true" } else { "false" }),
            Self::Number(digits) => out.push_str(digits),
            Self::String(text) => text.write(out),
            Self::Array(items) => {
                out.push('[');
                for (i, item) in items.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    item.write(out);
                }
                out.push(']');
            }
            Self::Object(members) => {
                out.push('{');
                for (i, (key, value)) in members.iter().enumerate() {
                    if i > 0 {
                        out.push(',');
                    }
                    key.write(out);
                    out.push(':');
                    value.write(out);
                }
                out.push('}');
            }
        }
    }

    /// Bytes of its compact JSON.
    pub(crate) fn size(&self) -> usize {
        match self {
            Self::Null => 4,
            Self::Bool(value) => 5 - usize::from(*value),
            Self::Number(digits) => digits.len(),
            Self::String(text) => text.0.len() + 2,
            Self::Array(items) => {
                2 + items.len().saturating_sub(1) + items.iter().map(Self::size).sum::<usize>()
            }
            Self::Object(members) => {
                let members_size: usize =
                    members.iter().map(|(key, value)| key.0.len() + 3 + value.size()).sum();
                2 + members.len().saturating_sub(1) + members_size
            }
        }
    }

    pub(crate) fn to_json(&self) -> String {
        let mut out = String::with_capacity(self.size());
        self.write(&mut out);
        out
    }
}

impl<'a> Text<'a> {
    /// A string that is not escaped yet.
    pub(crate) fn plain(text: impl Into<Cow<'a, str>>) -> Self {
        let text = text.into();
        if !text.as_bytes().iter().fold(false, |any, byte| any | needs_escape(*byte)) {
            return Self(text);
        }
        let mut out = String::with_capacity(text.len() + 16);
        escape(&text, &mut out);
        Self(Cow::Owned(out))
    }

    /// A word that needs no escapes.
    pub(crate) const fn word(word: &'static str) -> Self {
        Self(Cow::Borrowed(word))
    }

    /// The escaped text.
    pub(crate) fn raw(&self) -> &str {
        &self.0
    }

    /// What the string says.
    pub(crate) fn decode(&self) -> Cow<'_, str> {
        match memchr::memchr(b'\\', self.0.as_bytes()) {
            None => Cow::Borrowed(&self.0),
            Some(first) => Cow::Owned(unescape(&self.0, first)),
        }
    }

    /// As [`decode`](Self::decode), for as long as the text lives that was read.
    pub(crate) fn into_plain(self) -> Cow<'a, str> {
        match memchr::memchr(b'\\', self.0.as_bytes()) {
            None => self.0,
            Some(first) => Cow::Owned(unescape(&self.0, first)),
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Several strings as one.
    pub(crate) fn joined(texts: impl IntoIterator<Item = Self>) -> Option<Self> {
        let mut texts = texts.into_iter();
        let mut all = texts.next()?;
        texts.for_each(|text| all.0.to_mut().push_str(&text.0));
        Some(all)
    }

    pub(crate) fn is(&self, word: &str) -> bool {
        // Escaped, a word is at most six times as long.
        self.0 == word
            || (self.0.len() > word.len()
                && self.0.len() <= 6 * word.len()
                && self.0.contains('\\')
                && self.decode() == word)
    }

    pub(crate) fn into_owned(self) -> Text<'static> {
        Text(Cow::Owned(self.0.into_owned()))
    }

    fn write(&self, out: &mut String) {
        out.push('"');
        out.push_str(&self.0);
        out.push('"');
    }
}

impl From<Text<'_>> for String {
    fn from(text: Text<'_>) -> Self {
        text.into_plain().into_owned()
    }
}

/// `text` as a JSON string.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    out.push('"');
    escape(text, &mut out);
    out.push('"');
    out
}

const fn needs_escape(byte: u8) -> bool {
    byte < 0x20 || byte == b'"' || byte == b'\\'
}

fn escape(text: &str, out: &mut String) {
    let mut done = 0;
    for (at, byte) in text.bytes().enumerate().filter(|(_, byte)| needs_escape(*byte)) {
        out.push_str(&text[done..at]);
        done = at + 1;
        match byte {
            b'"' => out.push_str("\\\""),
            b'\\' => out.push_str("\\\\"),
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            0x08 => out.push_str("\\b"),
            0x0c => out.push_str("\\f"),
            _ => {
                out.push_str("\\u00");
                out.push(if byte < 0x10 { '0' } else { '1' });
                out.push(char::from(b"0123456789abcdef"[usize::from(byte & 0xf)]));
            }
        }
    }
    out.push_str(&text[done..]);
}

/// Undoes the escapes, of which `escape` is the first, of a string that the reader has accepted.
fn unescape(raw: &str, mut escape: usize) -> String {
    // Most escapes are one letter, so this is most often the exact size, and nothing is given back
    // to the allocator when the text becomes an attribute.
    let mut out = String::with_capacity(raw.len() - backslashes(raw.as_bytes()));
    let mut rest = raw;
    loop {
        let (before, from) = rest.split_at(escape);
        out.push_str(before);
        let letter = from.as_bytes().get(1).copied().unwrap_or_default();
        let used = match PLAIN[usize::from(letter)] {
            0 => {
                let digits = from.get(2..).and_then(unicode_escape);
                let (decoded, used) = digits.unwrap_or(('\u{fffd}', 0));
                out.push(decoded);
                2 + used
            }
            plain => {
                out.push(char::from(plain));
                2
            }
        };
        rest = from.get(used..).unwrap_or_default();
        match next_backslash(rest.as_bytes()) {
            Some(next) => escape = next,
            None => break,
        }
    }
    out.push_str(rest);
    out
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

/// Reads what follows `\u`: four digits, or a surrogate pair. Gives the bytes used, too.
fn unicode_escape(digits: &str) -> Option<(char, usize)> {
    let unit = |at: usize| {
        let hex = digits.get(at..at + 4)?;
        if !hex.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        u32::from_str_radix(hex, 16).ok()
    };
    let first = unit(0)?;
    if !(0xd800..0xdc00).contains(&first) {
        return char::from_u32(first).map(|decoded| (decoded, 4));
    }
    if digits.get(4..6) != Some("\\u") {
        return None;
    }
    let second = unit(6)?;
    if !(0xdc00..0xe000).contains(&second) {
        return None;
    }
    char::from_u32(0x10000 + ((first - 0xd800) << 10) + (second - 0xdc00)).map(|c| (c, 10))
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn word(&mut self, word: &str, node: Node<'a>) -> Option<Node<'a>> {
        self.text[self.at..].starts_with(word).then(|| {
            self.at += word.len();
            node
        })
    }

    fn value(&mut self, depth: usize) -> Option<Node<'a>> {
        self.skip_space();
        match self.peek()? {
            b'"' => self.string().map(Node::String),
            b'[' | b'{' if depth >= MAX_DEPTH => None,
            b'[' => self.array(depth),
            b'{' => self.object(depth),
            b't' => self.word("true", Node::Bool(true)),
            b'f' => self.word("false", Node::Bool(false)),
            b'n' => self.word("null", Node::Null),
            _ => self.number(),
        }
    }

    fn array(&mut self, depth: usize) -> Option<Node<'a>> {
        self.at += 1;
        let mut items = Vec::new();
        self.skip_space();
        if self.take(b']').is_some() {
            return Some(Node::Array(items));
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.skip_space();
            if self.take(b',').is_none() {
                self.take(b']')?;
                return Some(Node::Array(items));
            }
        }
    }

    fn object(&mut self, depth: usize) -> Option<Node<'a>> {
        self.at += 1;
        let mut members = Vec::new();
        self.skip_space();
        if self.take(b'}').is_some() {
            return Some(Node::Object(members));
        }
        loop {
            self.skip_space();
            let key = self.string()?;
            self.skip_space();
            self.take(b':')?;
            members.push((key, self.value(depth + 1)?));
            self.skip_space();
            if self.take(b',').is_none() {
                self.take(b'}')?;
                return Some(Node::Object(members));
            }
        }
    }

    fn string(&mut self) -> Option<Text<'a>> {
        self.take(b'"')?;
        let start = self.at;
        let bytes = self.text.as_bytes();
        loop {
            let found = self.at + memchr::memchr2(b'"', b'\\', &bytes[self.at..])?;
            // Without a way out in the middle, so that it is done in blocks.
            if bytes[self.at..found].iter().fold(false, |any, byte| any | (*byte < 0x20)) {
                return None;
            }
            self.at = found + 1;
            if bytes[found] == b'"' {
                return Some(Text(Cow::Borrowed(&self.text[start..found])));
            }
            match self.peek()? {
                b'u' => self.at += 1 + unicode_escape(self.text.get(self.at + 1..)?)?.1,
                b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => self.at += 1,
                _ => return None,
            }
        }
    }

    fn number(&mut self) -> Option<Node<'a>> {
        let start = self.at;
        let _ = self.take(b'-');
        if self.take(b'0').is_none() {
            self.digits()?;
        }
        if self.take(b'.').is_some() {
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Some(Node::Number(Cow::Borrowed(&self.text[start..self.at])))
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;

    use super::*;

    /// Text that is JSON, nearly JSON, or neither.
    fn nearly_json() -> impl Strategy<Value = String> {
        let token = prop::sample::select(vec![
            "{",
            "}",
            "[",
            "]",
            ",",
            ":",
            "\"a\"",
            "\"\\u00e9\"",
            "\"\\ud83d\\ude00\"",
            "\"\\ud800\"",
            "\"\\x\"",
            "\"\u{1}\"",
            "0",
            "01",
            "-1.5e3",
            "1e",
            "null",
            "true",
            "nul",
            " ",
            "\"é😀\"",
        ]);
        prop_oneof![prop::collection::vec(token, 0..12).prop_map(|t| t.concat()), ".{0,40}"]
    }

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            any::<Option<bool>>().prop_map(serde_json::Value::from),
            any::<f64>().prop_map(serde_json::Value::from),
            any::<i64>().prop_map(serde_json::Value::from),
            any::<String>().prop_map(serde_json::Value::from),
        ];
        leaf.prop_recursive(6, 64, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::from),
                prop::collection::vec((any::<String>(), inner), 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn what_is_read_is_written_as_it_was(json in any_json()) {
            let text = json.to_string();
            prop_assert_eq!(Node::parse(&text).unwrap().to_json(), text);
        }

        #[test]
        fn reads_what_serde_json_reads(text in nearly_json()) {
            let theirs = serde_json::from_str::<serde_json::Value>(&text).ok();
            let ours = Node::parse(&text);
            prop_assert_eq!(theirs.is_some(), ours.is_some(), "{}", text);
            if let (Some(theirs), Some(ours)) = (theirs, ours) {
                let back: serde_json::Value = serde_json::from_str(&ours.to_json()).unwrap();
                prop_assert_eq!(theirs, back);
            }
        }

        #[test]
        fn strings_survive(text in any::<String>()) {
            let quoted = quote(&text);
            prop_assert_eq!(&serde_json::from_str::<String>(&quoted).unwrap(), &text);
            let node = Node::parse(&quoted).unwrap();
            let decoded = node.as_text().unwrap().decode();
            prop_assert_eq!(decoded.as_ref(), text.as_str());
        }
    }

    #[test]
    fn text_is_borrowed_until_it_has_an_escape() {
        let text = |json| Node::parse(json).unwrap().into_text();
        assert!(matches!(text(r#""plain""#).unwrap().decode(), Cow::Borrowed("plain")));
        assert_eq!(text(r#""a\n\u00e9""#).unwrap().into_plain(), "a\né");
        assert_eq!(
            text(r#""\"q\" \\ \/ \b\f\r\t end""#).unwrap().into_plain(),
            "\"q\" \\ / \u{8}\u{c}\r\t end"
        );
        assert_eq!(text(r#""\ud83e\udd8a\n""#).unwrap().into_plain(), "🦊\n");
        assert_eq!(text(r#"{"a": 1}"#).unwrap().into_plain(), r#"{"a":1}"#);
        assert_eq!(text("null"), None);
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
    fn members_keep_their_order() {
        let object = Node::some_of([
            ("z", Some(Node::int(1))),
            ("a", Some(Node::text("\""))),
            ("none", None),
            ("list", Some(Node::Array(vec![Node::float(1.5)]))),
            ("nan", Some(Node::float(f64::NAN))),
        ]);
        assert_eq!(object.to_json(), r#"{"z":1,"a":"\"","list":[1.5],"nan":null}"#);
    }

    #[test]
    fn keeps_order_and_digits() {
        let text = r#"{"z":1.10,"a":123456789012345678901234567890,"z2":1e999}"#;
        assert_eq!(Node::parse(text).unwrap().to_json(), text);
    }

    #[test]
    fn deep_nesting_is_refused() {
        assert!(Node::parse(&format!("{}{}", "[".repeat(128), "]".repeat(128))).is_some());
        assert!(Node::parse(&"[".repeat(10_000_000)).is_none());
    }
}
