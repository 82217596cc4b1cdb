//! Shortening to a size in bytes.
//!
//! A content attribute may be cut, but never into text that is no JSON any more. [`shorten`] first
//! shortens the longest strings inside, so that roles, part types, names and ids survive; only when
//! that is not enough it drops elements from the middle of lists, then members of objects. Every
//! cut says how many bytes it took: `…[1234 bytes cut]`, or an element of the list's own kind that
//! says so.

use std::borrow::Cow;

use crate::content::json::{Node, Text, quote};

/// JSON of at most `max_bytes` bytes (at least 2). Text that is short enough is returned as it is;
/// longer text that is no JSON becomes a JSON string.
///
/// Shortening again to the same size or more changes nothing.
pub(crate) fn shorten(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return Cow::Borrowed(text);
    }
    let Some(mut node) = Node::parse(text) else {
        return Cow::Owned(shorten_to_string(text, max_bytes));
    };
    if node.size() > max_bytes {
        shorten_strings(&mut node, max_bytes);
    }
    let mut sized = Sized::of(node);
    if sized.size > max_bytes {
        sized = Sized::of(fit(sized, max_bytes));
    }
    Cow::Owned(sized.into_node().to_json())
}

/// Plain text of at most `max_bytes` bytes.
pub(crate) fn shorten_text(text: &str, max_bytes: usize) -> Cow<'_, str> {
    if text.len() <= max_bytes {
        return Cow::Borrowed(text);
    }
    Cow::Owned(cut(text, max_bytes, str::len))
}

/// Plain text as a JSON string of at most `max_bytes` bytes, quotes included (at least 2).
pub(crate) fn shorten_to_string(text: &str, max_bytes: usize) -> String {
    let room = max_bytes.saturating_sub(2);
    // Escapes make text longer, never shorter: what does not fit plain need not be escaped.
    let head = &text[..boundary(text, room.saturating_add(1))];
    if head.len() == text.len() {
        let quoted = quote(text);
        if quoted.len() <= max_bytes {
            return quoted;
        }
    }
    quote(&cut(text, room, escaped_len))
}

/// The last character boundary of `text` that is not behind `at`.
pub(super) fn boundary(text: &str, at: usize) -> usize {
    if at >= text.len() {
        return text.len();
    }
    (0..=at).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// Strings are shortened to no less than this, mark included, before structure is dropped.
const MIN_STRING: usize = 64;
/// Bytes up to which the strings of telling members are left alone.
const MAX_NAME: usize = 256;
/// Members whose strings tell what a thing is.
const NAMES: &[&str] = &["type", "role", "name", "id", "finish_reason", "mime_type", "modality"];
const MARK_START: &str = "…[";
const MARK_END: &str = " bytes cut]";

fn mark(bytes: usize) -> String {
    format!("{MARK_START}{bytes}{MARK_END}")
}

fn escaped_len(text: &str) -> usize {
    text.bytes()
        .map(|byte| match byte {
            b'"' | b'\\' | b'\n' | b'\r' | b'\t' | 0x08 | 0x0c => 2,
            0..0x20 => 6,
            _ => 1,
        })
        .sum()
}

/// The beginning of `text` and a mark, together at most `room` long as `measure` counts.
fn cut(text: &str, room: usize, measure: fn(&str) -> usize) -> String {
    // What an earlier cut took counts, too.
    let (body, before) = split_mark(text);
    let longest_mark = mark(text.len().saturating_add(before)).len();
    if room < longest_mark {
        let kept = prefix(body, room, measure);
        return if kept.is_empty() && room >= '…'.len_utf8() {
            "…".into()
        } else {
            kept.into()
        };
    }
    let kept = prefix(body, room - longest_mark, measure);
    let mut out = String::with_capacity(room);
    out.push_str(kept);
    out.push_str(&mark(body.len() - kept.len() + before));
    out
}

/// The longest beginning that measures at most `room`.
fn prefix(text: &str, room: usize, measure: fn(&str) -> usize) -> &str {
    let text = &text[..boundary(text, room)];
    if measure(text) <= room {
        return text;
    }
    let mut used = 0;
    let mut buffer = [0; 4];
    let end = text.char_indices().find(|(_, c)| {
        used += measure(c.encode_utf8(&mut buffer));
        used > room
    });
    end.map_or(text, |(at, _)| &text[..at])
}

/// Text without the mark of an earlier cut, and what that cut took.
fn split_mark(text: &str) -> (&str, usize) {
    let found = text.strip_suffix(MARK_END).and_then(|head| {
        let (body, digits) = head.rsplit_once(MARK_START)?;
        Some((body, digits.parse().ok().filter(|bytes| *bytes < usize::MAX / 4)?))
    });
    found.unwrap_or((text, 0))
}

/// Shortens the longest strings to one common length that makes the whole fit, or to the least.
fn shorten_strings(node: &mut Node<'_>, max_bytes: usize) {
    let mut lengths = Vec::new();
    visit_strings(node, &mut |text| lengths.push(text.raw().len()));
    lengths.sort_unstable_by(|a, b| b.cmp(a));
    let mut excess = node.size().saturating_sub(max_bytes);
    let mut common = MIN_STRING;
    for (i, length) in lengths.iter().enumerate() {
        let next = lengths.get(i + 1).copied().unwrap_or(0).max(MIN_STRING);
        // The first `i + 1` strings come down from `length` to `next` together.
        let gain = length.saturating_sub(next) * (i + 1);
        if gain >= excess {
            common = (length - excess.div_ceil(i + 1)).max(MIN_STRING);
            break;
        }
        excess -= gain;
        if next == MIN_STRING {
            break;
        }
    }
    visit_strings(node, &mut |text| {
        if text.raw().len() > common {
            let shorter = cut(&text.decode(), common, escaped_len);
            *text = Text::plain(shorter);
        }
    });
}

fn visit_strings<'a>(node: &mut Node<'a>, visit: &mut impl FnMut(&mut Text<'a>)) {
    match node {
        Node::String(text) => visit(text),
        Node::Array(items) => items.iter_mut().for_each(|item| visit_strings(item, visit)),
        Node::Object(members) => {
            for (key, value) in members {
                let names = matches!(value, Node::String(text) if text.raw().len() <= MAX_NAME)
                    && NAMES.iter().any(|name| key.is(name));
                if !names {
                    visit_strings(value, visit);
                }
            }
        }
        Node::Null | Node::Bool(_) | Node::Number(_) => {}
    }
}

/// A value with its size and those of what it holds, counted once.
struct Sized<'a> {
    size: usize,
    value: Value<'a>,
}

enum Value<'a> {
    Leaf(Node<'a>),
    Array(Vec<Sized<'a>>),
    Object(Vec<(Text<'a>, Sized<'a>)>),
}

impl<'a> Sized<'a> {
    fn of(node: Node<'a>) -> Self {
        match node {
            Node::Array(items) => {
                let items: Vec<_> = items.into_iter().map(Self::of).collect();
                let size =
                    2 + items.len().saturating_sub(1) + items.iter().map(|i| i.size).sum::<usize>();
                Self { size, value: Value::Array(items) }
            }
            Node::Object(members) => {
                let members: Vec<_> = members.into_iter().map(|(k, v)| (k, Self::of(v))).collect();
                let inner: usize = members.iter().map(|(k, v)| k.raw().len() + 3 + v.size).sum();
                Self {
                    size: 2 + members.len().saturating_sub(1) + inner,
                    value: Value::Object(members),
                }
            }
            leaf => Self { size: leaf.size(), value: Value::Leaf(leaf) },
        }
    }

    fn into_node(self) -> Node<'a> {
        match self.value {
            Value::Leaf(node) => node,
            Value::Array(items) => Node::Array(items.into_iter().map(Self::into_node).collect()),
            Value::Object(members) => {
                Node::Object(members.into_iter().map(|(k, v)| (k, v.into_node())).collect())
            }
        }
    }

    fn member(&self, key: &str) -> Option<&Node<'a>> {
        let Value::Object(members) = &self.value else { return None };
        members.iter().find(|(name, _)| name.is(key)).and_then(|(_, value)| match &value.value {
            Value::Leaf(node) => Some(node),
            _ => None,
        })
    }
}

/// `sized` in at most `room` bytes, which are at least 2.
fn fit<'a>(sized: Sized<'a>, room: usize) -> Node<'a> {
    if sized.size <= room {
        return sized.into_node();
    }
    match sized.value {
        Value::Leaf(Node::String(text)) => {
            Node::text(cut(&text.decode(), room.saturating_sub(2), escaped_len))
        }
        Value::Leaf(_) => smallest(room),
        Value::Array(items) => fit_array(items, room),
        Value::Object(members) => fit_object(members, sized.size, room),
    }
}

/// What stands for a value that cannot be shortened.
fn smallest<'a>(room: usize) -> Node<'a> {
    Node::text(if room >= 5 { "…" } else { "" })
}

/// Keeps the first and the last elements: instructions stand at the beginning of a conversation,
/// what it is about at the end.
fn fit_array<'a>(items: Vec<Sized<'a>>, room: usize) -> Node<'a> {
    if items.is_empty() {
        return Node::Array(Vec::new());
    }
    if items.len() == 1 {
        let only = items.into_iter().next().map(|item| fit(item, room.saturating_sub(2)));
        return match only {
            Some(item) if item.size() + 2 <= room => Node::Array(vec![item]),
            _ => Node::Array(Vec::new()),
        };
    }
    let sample = items.len() / 2;
    let cut_bytes: usize = items.iter().map(|item| item.size).sum();
    let marker_size = marker(&items[sample], cut_bytes).size();
    if marker_size + 2 > room {
        return Node::Array(Vec::new());
    }
    let mut left = room - 2 - marker_size;
    let (mut front, mut back) = (0, 0);
    while front + back < items.len() {
        // The last elements first, the very first one right after the last.
        let from_back = back == 0 || front > 0 && back <= 2 * front;
        let index = if from_back { items.len() - 1 - back } else { front };
        if items[index].size + 1 > left {
            break;
        }
        left -= items[index].size + 1;
        if from_back { back += 1 } else { front += 1 }
    }
    if back == 0 && left > 2 * MIN_STRING {
        // Not even the last one fits whole: it gets what room there is.
        let dropped = &items[..items.len() - 1];
        let bytes = dropped.iter().map(|item| item.size).sum();
        let mark = marker(&items[sample], bytes);
        let mut items = items;
        let last = items.pop().map(|last| fit(last, left - 1));
        return Node::Array(std::iter::once(mark).chain(last).collect());
    }
    let end = items.len() - back;
    let bytes = items[front..end].iter().map(|item| item.size).sum();
    let mark = marker(&items[sample], bytes);
    let mut kept = Vec::with_capacity(front + back + 1);
    let mut mark = Some(mark);
    for (i, item) in items.into_iter().enumerate() {
        if i == front {
            kept.extend(mark.take());
        }
        if i < front || i >= end {
            kept.push(item.into_node());
        }
    }
    Node::Array(kept)
}

/// An element that stands for dropped ones and is of their kind, so that the list stays valid.
fn marker<'a>(sample: &Sized<'a>, bytes: usize) -> Node<'a> {
    let said = || Node::text(mark(bytes));
    let short = |node: Option<&Node<'a>>| match node {
        Some(Node::String(text)) if text.raw().len() <= 32 => Some(Node::String(text.clone())),
        _ => None,
    };
    let part = || Node::object([("type", Node::text("text")), ("content", said())]);
    if sample.member("role").is_some() {
        let role = short(sample.member("role")).unwrap_or_else(|| Node::text("user"));
        let parts = Node::Array(vec![part()]);
        let Some(reason) = sample.member("finish_reason") else {
            return Node::object([("role", role), ("parts", parts)]);
        };
        let reason = short(Some(reason)).unwrap_or_else(|| Node::text("stop"));
        return Node::object([("role", role), ("parts", parts), ("finish_reason", reason)]);
    }
    let kind = sample.member("type");
    match (&sample.value, kind) {
        (Value::Object(_), Some(kind)) if sample.member("name").is_some() => {
            let is_tool = matches!(kind, Node::String(kind) if !kind.is("tool_call"));
            if is_tool {
                Node::object([
                    ("type", Node::text("text")),
                    ("name", Node::text("…")),
                    ("content", said()),
                ])
            } else {
                part()
            }
        }
        (Value::Object(_), Some(_)) => part(),
        (Value::Object(_), None) => Node::object([("content", said())]),
        _ => said(),
    }
}

/// Gives every member an equal share of the room that small ones leave; drops the last members if
/// the keys alone are too much.
fn fit_object<'a>(members: Vec<(Text<'a>, Sized<'a>)>, whole: usize, room: usize) -> Node<'a> {
    /// Room for the member that says what was dropped.
    const NOTE: usize = 44;
    let least = |value: &Sized<'_>| value.size.min(MIN_STRING);
    let mut inner = room.saturating_sub(2);
    let minimum: usize = members.iter().map(|(k, v)| k.raw().len() + 4 + least(v)).sum();
    let mut kept = members;
    let mut dropped = false;
    if minimum > inner {
        inner = inner.saturating_sub(NOTE);
        let mut used = 0;
        let fitting = kept
            .iter()
            .take_while(|(key, value)| {
                used += key.raw().len() + 4 + least(value);
                used <= inner
            })
            .count();
        dropped = fitting < kept.len();
        kept.truncate(fitting);
    }
    let keys: usize = kept.iter().map(|(key, _)| key.raw().len() + 4).sum();
    let mut sizes: Vec<_> = kept.iter().map(|(_, value)| value.size).collect();
    sizes.sort_unstable();
    let mut left = inner.saturating_sub(keys);
    let mut share = left;
    for (i, size) in sizes.iter().enumerate() {
        share = left / (sizes.len() - i);
        if *size > share {
            break;
        }
        left -= size;
    }
    let mut fitted: Vec<_> = kept
        .into_iter()
        .map(|(key, value)| {
            let value =
                if value.size > share { fit(value, share.max(2)) } else { value.into_node() };
            (key, value)
        })
        .collect();
    if dropped {
        let rest: usize =
            fitted.iter().map(|(key, value)| key.raw().len() + 4 + value.size()).sum();
        let note = (Text::word("…"), Node::text(mark(whole.saturating_sub(rest))));
        if rest + note.0.raw().len() + 4 + note.1.size() + 2 <= room + 1 {
            fitted.push(note);
        }
    }
    Node::Object(fitted)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use proptest::prelude::*;
    use serde_json::{Value as Json, json};

    use super::*;

    fn short(text: &str, max: usize) -> String {
        let once = shorten(text, max).into_owned();
        assert!(once.len() <= max.max(2), "{max}: {once}");
        serde_json::from_str::<Json>(&once).unwrap_or_else(|e| panic!("{e}: {once}"));
        assert_eq!(shorten(&once, max), once);
        once
    }

    #[test]
    fn the_longest_strings_are_cut_first() {
        let text = json!([
            {"role": "system", "parts": [{"type": "text", "content": "short"}]},
            {"role": "user", "parts": [{"type": "text", "content": "x".repeat(5000)}]},
            {"role": "user", "parts": [{"type": "text", "content": "é\n".repeat(500)}]},
        ])
        .to_string();
        let json: Json = serde_json::from_str(&short(&text, 3000)).unwrap();
        assert_eq!(json.as_array().unwrap().len(), 3);
        assert_eq!(json[0]["parts"][0]["content"], "short");
        let long = json[1]["parts"][0]["content"].as_str().unwrap();
        assert!(long.starts_with("xxxx") && long.ends_with(" bytes cut]"), "{long}");
        let kept = long.find('…').unwrap();
        assert!(long.ends_with(&format!("…[{} bytes cut]", 5000 - kept)));
        assert!(json.to_string().len() > 2500, "no more is cut than must be");
    }

    #[test]
    fn the_middle_of_long_lists_goes() {
        let message = |i: usize| json!({"role": "user", "parts": [{"type": "text", "content": format!("m{i}")}], "finish_reason": "stop"});
        let text = Json::from((0..1000).map(message).collect::<Vec<_>>()).to_string();
        let json: Json = serde_json::from_str(&short(&text, 2000)).unwrap();
        let all = json.as_array().unwrap();
        assert_eq!(all[0]["parts"][0]["content"], "m0");
        assert_eq!(all[all.len() - 1]["parts"][0]["content"], "m999");
        assert!(all.iter().all(|m| m["role"].is_string()
            && m["parts"][0]["type"] == "text"
            && m["finish_reason"].is_string()));
        assert_eq!(all.iter().filter(|m| m.to_string().contains("bytes cut]")).count(), 1);
    }

    #[test]
    fn every_size_is_kept() {
        let text = json!({"messages": [{"role": "user", "content": "\u{1}\"é".repeat(300)}, [1, 2, 3], {"a": {"b": [null, true]}}], "k": "v"}).to_string();
        for max in 2..text.len() {
            short(&text, max);
        }
        for max in 0..40 {
            assert!(shorten_text("日本語日本語日本語日本語", max).len() <= max);
        }
    }

    #[test]
    fn text_that_is_no_json_becomes_a_string() {
        let json: Json = serde_json::from_str(&short(&"[{oops\n".repeat(100), 100)).unwrap();
        assert!(json.as_str().unwrap().starts_with("[{oops\n[{oops"));
        assert_eq!(shorten("[{oops", 100), "[{oops");
        assert_eq!(shorten_to_string("a\"b", 100), r#""a\"b""#);
    }

    #[test]
    fn a_second_cut_counts_the_first() {
        let once = shorten_text(&"x".repeat(1000), 500).into_owned();
        let twice = shorten_text(&once, 100).into_owned();
        let kept = twice.find('…').unwrap();
        assert_eq!(twice, format!("{}…[{} bytes cut]", "x".repeat(kept), 1000 - kept));
    }

    #[test]
    fn ten_megabytes_are_no_problem() {
        for text in [
            format!("\"{}\"", "\\n".repeat(5_000_000)),
            format!("[{}1]", "[],".repeat(3_000_000)),
            format!("{}{}{}", "[".repeat(100), vec!["1"; 3_000_000].join(","), "]".repeat(100)),
            format!("{{{}\"z\":1}}", "\"k\":\"v\",".repeat(1_000_000)),
            "[".repeat(10_000_000),
        ] {
            short(&text, 131_072);
        }
    }

    fn any_json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just(Json::Null),
            any::<bool>().prop_map(Json::from),
            any::<f64>().prop_map(Json::from),
            ".{0,200}".prop_map(Json::from),
        ];
        leaf.prop_recursive(5, 48, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(Json::from),
                prop::collection::vec(("(role|type|name|.{0,20})", inner), 0..6)
                    .prop_map(|members| Json::Object(members.into_iter().collect())),
            ]
        })
        .prop_map(|json| json.to_string())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(600))]

        #[test]
        fn valid_and_small_enough(text in prop_oneof![any_json(), any::<String>()], max in 2_usize..600) {
            let once = shorten(&text, max).into_owned();
            prop_assert!(once.len() <= max, "{} > {max}: {once}", once.len());
            if text.len() > max {
                prop_assert!(serde_json::from_str::<Json>(&once).is_ok(), "{once}");
            }
            prop_assert_eq!(shorten(&once, max), once.as_str());
            prop_assert!(shorten_text(&text, max).len() <= max);
            let string = shorten_to_string(&text, max);
            prop_assert!(string.len() <= max && serde_json::from_str::<String>(&string).is_ok());
        }
    }
}
