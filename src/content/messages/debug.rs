//! Values that were recorded with `?value`: Rust's `Debug` text read back.
//!
//! `Some(x)` is `x`, `"text"` and `["a", "b"]` are a string and a list, `Name { field: value }` is
//! an object. The name of a struct or variant survives as `type` (or as `role`, where it is one),
//! because that is what serialising it would have given. Text that is not wholly such a value,
//! ordinary prose above all, is not touched.

use crate::content::json::Node;

/// Reads `Debug` text of a string, a list, a struct or an `Option` of these.
pub(super) fn parse(text: &str) -> Option<Node<'static>> {
    let text = text.trim();
    // Prose seldom ends like this, so that most of it costs nothing here.
    if !text.ends_with(['"', ']', '}', ')']) {
        return None;
    }
    let mut reader = Reader { text, at: 0 };
    let node = reader.value(0, false)?;
    reader.skip_space();
    (reader.at == text.len()).then_some(node)
}

const MAX_DEPTH: usize = 128;

/// Wrappers that say nothing about the value in them.
const TRANSPARENT: &[&str] = &["Some", "Ok", "String", "Cow", "Borrowed", "Owned", "Box", "Arc"];
const ROLES: &[&str] = &["system", "user", "assistant", "tool", "developer"];

struct Reader<'t> {
    text: &'t str,
    at: usize,
}

impl Reader<'_> {
    fn rest(&self) -> &str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn skip_space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        self.skip_space();
        (self.peek()? == byte).then(|| self.at += 1)
    }

    /// A value; a bare name counts only as the value of a field.
    fn value(&mut self, depth: usize, in_field: bool) -> Option<Node<'static>> {
        if depth > MAX_DEPTH {
            return None;
        }
        self.skip_space();
        match self.peek()? {
            b'"' => self.string().map(Node::text),
            b'[' => self.list(depth, b']'),
            b'(' if in_field => self.list(depth, b')'),
            b'{' => self.map(depth),
            b'-' | b'0'..=b'9' => self.number(),
            byte if byte.is_ascii_alphabetic() || byte == b'_' => self.named(depth, in_field),
            _ => None,
        }
    }

    fn list(&mut self, depth: usize, end: u8) -> Option<Node<'static>> {
        self.at += 1;
        let mut items = Vec::new();
        while self.take(end).is_none() {
            items.push(self.value(depth + 1, false)?);
            if self.take(b',').is_none() {
                self.take(end)?;
                break;
            }
        }
        Some(Node::Array(items))
    }

    fn map(&mut self, depth: usize) -> Option<Node<'static>> {
        self.at += 1;
        let mut members = Vec::new();
        while self.take(b'}').is_none() {
            self.skip_space();
            let key = self.string()?;
            self.take(b':')?;
            members.push((crate::content::json::Text::plain(key), self.value(depth + 1, true)?));
            if self.take(b',').is_none() {
                self.take(b'}')?;
                break;
            }
        }
        Some(Node::Object(members))
    }

    fn number(&mut self) -> Option<Node<'static>> {
        let length = self
            .rest()
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte))
            .count();
        let node = Node::parse(&self.rest()[..length])?.into_owned();
        self.at += length;
        Some(node)
    }

    fn name(&mut self) -> String {
        let length = self
            .rest()
            .bytes()
            .take_while(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
            .count();
        let name = self.rest()[..length].to_owned();
        self.at += length;
        name
    }

    fn named(&mut self, depth: usize, in_field: bool) -> Option<Node<'static>> {
        let name = self.name();
        self.skip_space();
        match self.peek() {
            Some(b'(') => self.tuple(name, depth),
            Some(b'{') => self.fields(&name, depth),
            _ => match name.as_str() {
                "None" if in_field => Some(Node::Null),
                "true" => Some(Node::Bool(true)),
                "false" => Some(Node::Bool(false)),
                _ => in_field.then(|| Node::text(name)),
            },
        }
    }

    fn tuple(&mut self, name: String, depth: usize) -> Option<Node<'static>> {
        let Node::Array(mut items) = self.list(depth, b')')? else { return None };
        if items.len() != 1 {
            return None;
        }
        let inner = items.remove(0);
        Some(match inner {
            inner if TRANSPARENT.contains(&name.as_str()) => inner,
            // `Text(Text { text: "hi" })`: the inner name says the same again.
            Node::Object(mut members) => {
                members.retain(|(key, _)| !key.is("type"));
                members.insert(0, tag(&name));
                Node::Object(members)
            }
            inner => {
                let (key, value) = tag(&name);
                Node::Object(vec![
                    (key, value),
                    (crate::content::json::Text::word("content"), inner),
                ])
            }
        })
    }

    fn fields(&mut self, name: &str, depth: usize) -> Option<Node<'static>> {
        self.at += 1;
        let mut members = vec![tag(name)];
        while self.take(b'}').is_none() {
            self.skip_space();
            if self.rest().starts_with("..") {
                self.at += 2;
                self.take(b'}')?;
                break;
            }
            let field = self.name();
            if field.is_empty() {
                return None;
            }
            self.take(b':')?;
            let value = self.value(depth + 1, true)?;
            members.push((
                crate::content::json::Text::plain(field.trim_start_matches("r#").to_owned()),
                value,
            ));
            if self.take(b',').is_none() {
                self.take(b'}')?;
                break;
            }
        }
        Some(one_or_many(Node::Object(members)))
    }

    /// A string literal with Rust's escapes.
    fn string(&mut self) -> Option<String> {
        self.take(b'"')?;
        let mut out = String::new();
        loop {
            let stop = memchr::memchr2(b'"', b'\\', self.rest().as_bytes())?;
            out.push_str(&self.rest()[..stop]);
            self.at += stop + 1;
            if self.text.as_bytes()[self.at - 1] == b'"' {
                return Some(out);
            }
            let kind = self.peek()?;
            self.at += 1;
            out.push(match kind {
                b'n' => '\n',
                b'r' => '\r',
                b't' => '\t',
                b'0' => '\0',
                b'"' | b'\\' | b'\'' => char::from(kind),
                b'u' => {
                    let digits = self.rest().strip_prefix('{')?;
                    let end = digits.bytes().take(7).position(|byte| byte == b'}')?;
                    let code = u32::from_str_radix(&digits[..end], 16).ok()?;
                    self.at += end + 2;
                    char::from_u32(code)?
                }
                _ => return None,
            });
        }
    }
}

/// How serialising would have named a variant.
fn tag(name: &str) -> (crate::content::json::Text<'static>, Node<'static>) {
    let mut word = String::with_capacity(name.len() + 4);
    for (i, c) in name.char_indices() {
        if c.is_ascii_uppercase() && i > 0 {
            word.push('_');
        }
        word.push(c.to_ascii_lowercase());
    }
    let key = if ROLES.contains(&word.as_str()) { "role" } else { "type" };
    (crate::content::json::Text::word(key), Node::text(word))
}

/// rig's `OneOrMany { first, rest }` is a list.
fn one_or_many(node: Node<'static>) -> Node<'static> {
    if node.members().len() == 3
        && let (Some(first), Some(rest)) = (node.get("first"), node.array_of("rest"))
    {
        return Node::Array(std::iter::once(first.clone()).chain(rest.iter().cloned()).collect());
    }
    node
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn reads_debug_text() {
        let cases = [
            (r#"["a", "it's \u{e9}\n"]"#, r#"["a","it's é\n"]"#),
            (r#"Some("x")"#, r#""x""#),
            (r#""[\"a\"]""#, r#""[\"a\"]""#),
            (
                r#"[Message { role: User, content: "hi", name: None, n: 3, .. }]"#,
                r#"[{"type":"message","role":"User","content":"hi","name":null,"n":3}]"#,
            ),
            (
                r#"User { content: OneOrMany { first: Text(Text { text: "a" }), rest: [] } }"#,
                r#"{"role":"user","content":[{"type":"text","text":"a"}]}"#,
            ),
        ];
        for (text, expected) in cases {
            assert_eq!(parse(text).unwrap().to_json(), expected, "{text}");
        }
    }

    #[test]
    fn leaves_prose_alone() {
        for text in
            ["Hello (world)", "say \"x\"", "[a, b]", "foo(bar)", "x {y}", "Note: {}", "(\"a\")"]
        {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
