//! JSON into nodes: with positions, which `serde_json` does not tell for what it has read.

use super::compose::{Budget, Malformed, mapping};
use super::node::{Content, Name, Node, Style};
use super::problem::Position;

/// The value in `text`; `None` where there is none.
///
/// # Errors
///
/// Everything that is wrong with its form, as far as it could be read.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Vec<Malformed>> {
    let mut reader = Reader {
        text,
        offset: 0,
        at: Position { line: 1, column: 1 },
        at_offset: 0,
        budget: Budget::default(),
        malformed: Vec::new(),
    };
    match reader.document() {
        Ok(node) if reader.malformed.is_empty() => Ok(node),
        Ok(_) => Err(reader.malformed),
        Err(last) => {
            reader.malformed.push(last);
            Err(reader.malformed)
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    offset: usize,
    /// The position of the byte at `at_offset`, from which later ones are counted.
    at: Position,
    at_offset: usize,
    budget: Budget,
    malformed: Vec<Malformed>,
}

impl<'t> Reader<'t> {
    fn document(&mut self) -> Result<Option<Node>, Malformed> {
        self.space();
        if self.rest().is_empty() {
            return Ok(None);
        }
        let node = self.value(1)?;
        self.space();
        if self.rest().is_empty() {
            Ok(Some(node))
        } else {
            Err(self.bad("expected the end of the file"))
        }
    }

    fn value(&mut self, depth: usize) -> Result<Node, Malformed> {
        self.space();
        let at = self.position();
        self.budget.take(1, at)?;
        Budget::depth(depth, at)?;
        match self.peek() {
            Some('{') => self.object(at, depth),
            Some('[') => self.array(at, depth),
            Some('"') => Ok(Node::scalar(self.string()?, Style::Quoted, at)),
            _ => self.word(at),
        }
    }

    fn object(&mut self, at: Position, depth: usize) -> Result<Node, Malformed> {
        self.offset += 1;
        let mut entries = Vec::new();
        self.space();
        if self.take('}') {
            return Ok(Node { at, content: Content::Map(entries) });
        }
        loop {
            self.space();
            let key_at = self.position();
            if self.peek() != Some('"') {
                return Err(self.bad("expected a key in double quotes"));
            }
            let text = self.string()?;
            self.space();
            if !self.take(':') {
                return Err(self.bad("expected `:`"));
            }
            entries.push((Name { text, at: key_at }, self.value(depth + 1)?));
            self.space();
            if self.take('}') {
                return Ok(mapping(at, entries, &mut self.malformed));
            }
            if !self.take(',') {
                return Err(self.bad("expected `,` or `}`"));
            }
        }
    }

    fn array(&mut self, at: Position, depth: usize) -> Result<Node, Malformed> {
        self.offset += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(']') {
            return Ok(Node { at, content: Content::List(items) });
        }
        loop {
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(']') {
                return Ok(Node { at, content: Content::List(items) });
            }
            if !self.take(',') {
                return Err(self.bad("expected `,` or `]`"));
            }
        }
    }

    fn string(&mut self) -> Result<String, Malformed> {
        let bytes = self.rest().as_bytes();
        let mut end = 1;
        loop {
            match bytes.get(end) {
                Some(b'"') => break,
                Some(b'\\') => end += 2,
                Some(b'\n') | None => return Err(self.bad("a string that is not closed")),
                Some(_) => end += 1,
            }
        }
        let raw = self.rest().get(..=end);
        let text = raw.and_then(|raw| serde_json::from_str(raw).ok());
        let Some(text) = text else { return Err(self.bad("a string that is not valid JSON")) };
        self.offset += end + 1;
        Ok(text)
    }

    /// A number, a boolean or null, kept as written.
    fn word(&mut self, at: Position) -> Result<Node, Malformed> {
        let rest = self.rest();
        let end = rest
            .find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.')))
            .unwrap_or(rest.len());
        let word = &rest[..end];
        if serde_json::from_str::<serde::de::IgnoredAny>(word).is_err() {
            return Err(self.bad("expected a value"));
        }
        self.offset += end;
        Ok(Node::scalar(word, Style::Plain, at))
    }

    fn space(&mut self) {
        while let Some(c) = self.peek().filter(|c| matches!(c, ' ' | '\t' | '\r' | '\n')) {
            self.offset += 1;
            if c == '\n' {
                self.at = Position { line: self.at.line.saturating_add(1), column: 1 };
                self.at_offset = self.offset;
            }
        }
    }

    fn take(&mut self, c: char) -> bool {
        let there = self.peek() == Some(c);
        if there {
            self.offset += c.len_utf8();
        }
        there
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn rest(&self) -> &'t str {
        &self.text[self.offset..]
    }

    fn position(&mut self) -> Position {
        let further = self.text[self.at_offset..self.offset].chars().count();
        let further = u32::try_from(further).unwrap_or(u32::MAX);
        self.at.column = self.at.column.saturating_add(further);
        self.at_offset = self.offset;
        self.at
    }

    fn bad(&mut self, message: &str) -> Malformed {
        Malformed::new(self.position(), format!("not valid JSON: {message}"))
    }
}
