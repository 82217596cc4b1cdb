//! From what was written to what it means: one reader for all sources, driven by the key's kind.

use std::path::PathBuf;

use super::env::Env;
use super::header;
use super::keys::{Choice, Key, Kind, Reads, Zero};
use super::layer::Entry;
use super::lists;
use super::node::{self, Content, Node, Style};
use super::problem::{Origin, Problem};
use super::reference::{self, Dialect, Template, Unresolved};
use super::secret_file;
use super::settings::{Scalar, Secret};

/// A value of the kind that its key has.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Bool(bool),
    Int(u64),
    Number(f64),
    Millis(u64),
    Choice(&'static str),
    Choices(Vec<&'static str>),
    /// Also URLs, which only mean something together with the protocol.
    Text(String),
    Path(PathBuf),
    Secret(Secret),
    /// `None` removes what a lower layer set.
    Headers(Vec<Item<Option<Secret>>>),
    Attributes(Vec<Item<Option<Scalar>>>),
    Names(Vec<String>),
    Counts(Vec<(String, u64)>),
    Json(serde_json::Value),
}

/// One entry of a mapping whose layers merge.
#[derive(Clone, Debug)]
pub(crate) struct Item<V> {
    pub(crate) name: String,
    pub(crate) value: V,
    pub(crate) origin: Origin,
}

/// Reads values and collects what is wrong with them.
#[derive(Debug)]
pub(crate) struct Reader<'a> {
    pub(crate) env: &'a Env,
    pub(crate) dialect: Dialect,
    /// What references stand for is not looked at: only what is written is checked.
    pub(crate) written_only: bool,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

/// A scalar with its references resolved.
struct Text {
    text: String,
    /// Quoted, so a string whatever it looks like.
    quoted: bool,
    /// The variables it came from.
    via: Vec<String>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(env: &'a Env, dialect: Dialect) -> Self {
        Self { env, dialect, written_only: false, problems: Vec::new(), warnings: Vec::new() }
    }

    /// The value of `entry`; `None` for nothing, and for a problem, which is noted.
    pub(crate) fn value(&mut self, key: Key, entry: &Entry) -> Option<Value> {
        let own = key.path();
        let path = if entry.path.is_empty() { &own } else { &entry.path };
        let at = Site { path, origin: entry.origin.at(entry.node.at) };
        let kind = key.row().kind;
        if entry.node.is_null() {
            return None;
        }
        match (kind, entry.reads) {
            (Kind::Choice(_), Reads::DisablesContent) => {
                let disabled = self.bool(&at, &entry.node)?;
                return Some(Value::Choice(if disabled { "off" } else { "full" }));
            }
            (Kind::Duration { .. }, Reads::Seconds) => {
                let seconds = self.int(&at, &entry.node, 1, 300, "seconds")?;
                return Some(Value::Millis(seconds * 1000));
            }
            (Kind::Bool, Reads::Inverted) => {
                return self.bool(&at, &entry.node).map(|value| Value::Bool(!value));
            }
            _ => {}
        }
        self.kind(kind, &at, &entry.node, &entry.origin)
    }

    fn kind(&mut self, kind: Kind, at: &Site<'_>, node: &Node, origin: &Origin) -> Option<Value> {
        match kind {
            Kind::Bool => self.bool(at, node).map(Value::Bool),
            Kind::Int { min, max } => self.int(at, node, min, max, "").map(Value::Int),
            Kind::Number { min, max } => self.number(at, node, min, max).map(Value::Number),
            Kind::Duration { min, max, zero } => {
                self.duration(at, node, min, max, zero).map(Value::Millis)
            }
            Kind::Choice(choices) => self.choice(at, node, choices).map(Value::Choice),
            Kind::Choices(choices) => self.choices(at, node, choices, origin).map(Value::Choices),
            Kind::Text { max } => self.plain_text(at, node, max).map(Value::Text),
            Kind::Url => self.scalar(at, node, "a URL", true).map(|text| Value::Text(text.text)),
            Kind::Path => {
                let text = self.scalar(at, node, "a path", false)?;
                Some(Value::Path(PathBuf::from(text.text)))
            }
            Kind::Secret => self.secret(at, node).map(Value::Secret),
            Kind::Headers => self.headers(at, node, origin).map(Value::Headers),
            Kind::HeadersList => {
                let text = self.scalar(at, node, "text", false)?;
                Some(Value::Headers(self.headers_list(at, &text.text)))
            }
            Kind::Attributes => self.attributes(at, node, origin).map(Value::Attributes),
            Kind::Names => self.names(at, node, origin).map(Value::Names),
            Kind::Counts => self.counts(at, node, origin).map(Value::Counts),
            Kind::Json => self.json(at, node).map(Value::Json),
            Kind::NoEffect => None,
        }
    }

    pub(crate) fn bool(&mut self, at: &Site<'_>, node: &Node) -> Option<bool> {
        let text = self.scalar(at, node, "true or false", false)?;
        let value = match node::bool(&text.text) {
            None if matches!(at.origin, Origin::Env(_)) => {
                node::bool(&text.text.trim().to_ascii_lowercase())
            }
            value => value,
        };
        if value.is_none() {
            self.expected(at, "true or false", &text);
        }
        value
    }

    fn int(&mut self, at: &Site<'_>, node: &Node, min: u64, max: u64, unit: &str) -> Option<u64> {
        let what = if unit.is_empty() {
            format!("a whole number from {min} to {max}")
        } else {
            format!("{unit} from {min} to {max}")
        };
        let text = self.scalar(at, node, &what, false)?;
        let value = node::int(text.text.trim())
            .and_then(|value| u64::try_from(value).ok())
            .filter(|value| (min..=max).contains(value));
        if value.is_none() {
            self.expected(at, &what, &text);
        }
        value
    }

    fn number(&mut self, at: &Site<'_>, node: &Node, min: f64, max: f64) -> Option<f64> {
        let what = format!("a number from {min} to {max}");
        let text = self.scalar(at, node, &what, false)?;
        let value = node::float(text.text.trim()).filter(|value| (min..=max).contains(value));
        if value.is_none() {
            self.expected(at, &what, &text);
        }
        value
    }

    fn duration(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        min: u64,
        max: u64,
        zero: Zero,
    ) -> Option<u64> {
        let what = match zero {
            Zero::Refused => format!("milliseconds from {min} to {max}"),
            Zero::NoLimit => format!("0 (no limit) or milliseconds from {min} to {max}"),
            Zero::Off => format!("0 (off) or milliseconds from {min} to {max}"),
        };
        let text = self.scalar(at, node, &what, false)?;
        let value = milliseconds(text.text.trim())
            .filter(|value| (min..=max).contains(value) || (*value == 0 && zero != Zero::Refused));
        // The standard variables know milliseconds only.
        let standard = matches!(&at.origin, Origin::Env(name) if name.starts_with("OTEL_"));
        let value = value.filter(|_| !standard || node::int(text.text.trim()).is_some());
        if value.is_none() {
            self.expected(at, &what, &text);
        }
        value
    }

    fn choice(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        choices: &'static [Choice],
    ) -> Option<&'static str> {
        let what = one_of(choices);
        let text = self.scalar(at, node, &what, false)?;
        let value = Choice::find(choices, text.text.trim());
        if value.is_none() {
            self.expected(at, &what, &text);
        }
        value
    }

    fn choices(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        choices: &'static [Choice],
        origin: &Origin,
    ) -> Option<Vec<&'static str>> {
        let mut found = Vec::new();
        let problems = self.problems.len();
        for (site, word) in self.words(at, node, origin)? {
            match Choice::find(choices, &word.text) {
                Some(choice) if !found.contains(&choice) => found.push(choice),
                Some(_) => {}
                None => self.expected(&site, &one_of(choices), &word),
            }
        }
        if found.contains(&"none") && found.len() > 1 {
            self.warnings.push(format!("{}: `none` stands beside others and wins", at.path));
            found = vec!["none"];
        }
        // In a variable the known ones count; see [`super::env`] for its rules.
        let env = matches!(at.origin, Origin::Env(_)) && !found.is_empty();
        (problems == self.problems.len() || env).then_some(found)
    }

    fn plain_text(&mut self, at: &Site<'_>, node: &Node, max: usize) -> Option<String> {
        let text = self.scalar(at, node, "text", false)?;
        if text.text.len() > max || text.text.contains(char::is_control) {
            let what = format!("text of at most {max} bytes without control characters");
            self.expected(at, &what, &text);
            return None;
        }
        Some(text.text)
    }

    fn secret(&mut self, at: &Site<'_>, node: &Node) -> Option<Secret> {
        let text = self.scalar(at, node, "text", true)?;
        self.header_value(at, &text).map(Secret::new)
    }

    fn header_value(&mut self, at: &Site<'_>, text: &Text) -> Option<String> {
        match header::value(&text.text) {
            Ok("") => None,
            Ok(value) => Some(value.to_owned()),
            Err(reason) => {
                let source = match text.via.first() {
                    Some(variable) => format!("value of ${{{variable}}}"),
                    None => String::from("the value"),
                };
                self.problem(at, format!("{source} contains {reason}"));
                None
            }
        }
    }

    fn headers(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<Item<Option<Secret>>>> {
        if let (Origin::Env(_), Content::Scalar { text, .. }) = (origin, &node.content) {
            return Some(self.headers_list(at, text));
        }
        let Some(entries) = node.entries() else {
            self.problem(at, format!("expected a mapping of names to values, got {}", node.kind()));
            return None;
        };
        if entries.len() > header::MAX_HEADERS {
            self.problem(at, format!("expected at most {} headers", header::MAX_HEADERS));
            return None;
        }
        let mut headers: Vec<Item<Option<Secret>>> = Vec::new();
        let mut total = 0;
        for (key, value) in entries {
            let key_site = Site { path: at.path, origin: origin.at(key.at) };
            let name = match header::name(&key.text) {
                Ok(name) => name,
                Err(message) => {
                    self.problem(&key_site, message);
                    continue;
                }
            };
            if let Some(first) = headers.iter().find(|item| item.name == name) {
                let message = match &first.origin {
                    Origin::File { at, .. } => {
                        format!(
                            "header {} is given twice (first at line {})",
                            key.text.trim(),
                            at.line
                        )
                    }
                    _ => format!("header {} is given twice", key.text.trim()),
                };
                self.problem(&key_site, message);
                continue;
            }
            let path = format!("{}.{name}", at.path);
            let site = Site { path: &path, origin: origin.at(value.at) };
            let value = if value.is_null() {
                None
            } else {
                let Some(text) = self.scalar(&site, value, "text", true) else { continue };
                let Some(value) = self.header_value(&site, &text) else { continue };
                Some(value)
            };
            if name == header::CONTENT_TYPE {
                self.warnings.push(format!("{path}: ignored, the protocol decides it"));
                continue;
            }
            total += name.len() + value.as_ref().map_or(0, String::len);
            headers.push(Item { name, value: value.map(Secret::new), origin: key_site.origin });
        }
        if total > header::MAX_TOTAL {
            self.problem(at, format!("expected at most {} bytes of headers", header::MAX_TOTAL));
            return None;
        }
        Some(headers)
    }

    /// Headers as `name=value,name=value`. What cannot be used is left out with a warning.
    fn headers_list(&mut self, at: &Site<'_>, text: &str) -> Vec<Item<Option<Secret>>> {
        let place = at.place();
        let (pairs, bad) = lists::headers(text);
        for bad in bad {
            self.warnings.push(format!("{place}: entry {} {}", bad.number, bad.message));
        }
        let mut headers = Vec::new();
        for (index, (name, value)) in pairs.into_iter().enumerate() {
            let name = match header::name(&name) {
                Ok(name) if name == header::CONTENT_TYPE => {
                    self.warnings.push(format!("{place}: {name} ignored, the protocol decides it"));
                    continue;
                }
                Ok(name) => name,
                Err(reason) => {
                    self.warnings.push(format!("{place}: header {} ignored: {reason}", index + 1));
                    continue;
                }
            };
            match header::value(&value) {
                Ok(value) => headers.push(Item {
                    name,
                    value: Some(Secret::new(value)),
                    origin: at.origin.clone(),
                }),
                Err(reason) => self
                    .warnings
                    .push(format!("{place}: header {name} ignored: its value contains {reason}")),
            }
        }
        headers
    }

    fn attributes(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<Item<Option<Scalar>>>> {
        if let (Origin::Env(_), Content::Scalar { text, .. }) = (origin, &node.content) {
            return self.attributes_list(at, text);
        }
        let Some(entries) = node.entries() else {
            self.problem(at, format!("expected a mapping of names to values, got {}", node.kind()));
            return None;
        };
        if entries.len() > MAX_ATTRIBUTES {
            self.problem(at, format!("expected at most {MAX_ATTRIBUTES} attributes"));
            return None;
        }
        let mut attributes = Vec::new();
        for (key, value) in entries {
            if key.text.is_empty() {
                let site = Site { path: at.path, origin: origin.at(key.at) };
                self.problem(&site, "an attribute with an empty name");
                continue;
            }
            let path = format!("{}.{}", at.path, key.text);
            let site = Site { path: &path, origin: origin.at(value.at) };
            let scalar = if value.is_null() {
                None
            } else {
                let Some(scalar) = self.attribute(&site, value) else { continue };
                Some(scalar)
            };
            attributes.push(Item {
                name: key.text.clone(),
                value: scalar,
                origin: site.origin.clone(),
            });
        }
        Some(attributes)
    }

    /// Attributes as `name=value,name=value`.
    pub(crate) fn attributes_list(
        &mut self,
        at: &Site<'_>,
        text: &str,
    ) -> Option<Vec<Item<Option<Scalar>>>> {
        let (pairs, twice) = match lists::attributes(text) {
            Ok(read) => read,
            Err(reason) => {
                self.problem(at, format!("expected name=value,name=value, got {reason}"));
                return None;
            }
        };
        for name in twice {
            self.warnings
                .push(format!("{}: {name} is given twice, the last one counts", at.place()));
        }
        let item = |(name, value)| Item {
            name,
            value: Some(Scalar::Str(value)),
            origin: at.origin.clone(),
        };
        Some(pairs.into_iter().map(item).collect())
    }

    fn attribute(&mut self, at: &Site<'_>, node: &Node) -> Option<Scalar> {
        if let Some(items) = node.items() {
            let mut texts = Vec::new();
            for item in items {
                let site = Site { path: at.path, origin: at.origin.at(item.at) };
                texts.push(self.scalar(&site, item, "text", false)?.text);
            }
            return Some(Scalar::List(texts));
        }
        let text = self.scalar(at, node, "text, a number, true, false or a list", false)?;
        if text.quoted {
            return Some(Scalar::Str(text.text));
        }
        if let Some(value) = node::bool(&text.text) {
            return Some(Scalar::Bool(value));
        }
        if let Some(value) = node::int(&text.text).and_then(|value| i64::try_from(value).ok()) {
            return Some(Scalar::I64(value));
        }
        match node::float(&text.text) {
            Some(value) if value.is_finite() => Some(Scalar::F64(value)),
            Some(_) => {
                self.expected(at, "a finite number", &text);
                None
            }
            None => Some(Scalar::Str(text.text)),
        }
    }

    fn names(&mut self, at: &Site<'_>, node: &Node, origin: &Origin) -> Option<Vec<String>> {
        let words = self.words(at, node, origin)?;
        Some(words.into_iter().map(|(_, word)| word.text).collect())
    }

    /// The items of a list, or of text with commas.
    fn words<'s>(
        &mut self,
        at: &Site<'s>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<(Site<'s>, Text)>> {
        let mut words = Vec::new();
        match &node.content {
            Content::List(items) => {
                for item in items {
                    let site = Site { path: at.path, origin: origin.at(item.at) };
                    let text = self.scalar(&site, item, "text", false)?;
                    words.push((site, text));
                }
            }
            Content::Scalar { .. } => {
                let list = self.scalar(at, node, "a list", false)?;
                for word in lists::words(&list.text) {
                    let text = Text { text: word.to_owned(), quoted: true, via: list.via.clone() };
                    words.push((at.clone(), text));
                }
            }
            Content::Map(_) => {
                self.problem(at, "expected a list, got a mapping");
                return None;
            }
        }
        Some(words)
    }

    fn counts(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<(String, u64)>> {
        if let (Origin::Env(_), Content::Scalar { text, .. }) = (origin, &node.content) {
            let mut counts = Vec::new();
            for word in lists::words(text) {
                let (name, count) = word.split_once('=').unwrap_or((word, ""));
                let node = Node::verbatim(count.trim());
                counts.push((name.trim().to_owned(), self.int(at, &node, 1, MAX_COUNT, "")?));
            }
            return Some(counts);
        }
        let Some(entries) = node.entries() else {
            self.problem(
                at,
                format!("expected a mapping of names to numbers, got {}", node.kind()),
            );
            return None;
        };
        let mut counts = Vec::new();
        for (key, value) in entries {
            let path = format!("{}.{}", at.path, key.text);
            let site = Site { path: &path, origin: origin.at(value.at) };
            if let Some(count) = self.int(&site, value, 1, MAX_COUNT, "") {
                counts.push((key.text.clone(), count));
            }
        }
        Some(counts)
    }

    fn json(&mut self, at: &Site<'_>, node: &Node) -> Option<serde_json::Value> {
        use serde_json::Value as Json;
        if let (Origin::Env(_), Content::Scalar { text, .. }) = (&at.origin, &node.content) {
            let read = serde_json::from_str(text).ok();
            if read.is_none() {
                self.problem(at, "expected JSON");
            }
            return read;
        }
        Some(match &node.content {
            Content::List(items) => {
                Json::Array(items.iter().map(|item| self.json(at, item)).collect::<Option<_>>()?)
            }
            Content::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, value)| Some((key.text.clone(), self.json(at, value)?)))
                    .collect::<Option<_>>()?,
            ),
            Content::Scalar { .. } if node.is_null() => Json::Null,
            Content::Scalar { .. } => {
                let text = self.scalar(at, node, "text", false)?;
                match (text.quoted, node::bool(&text.text), node::float(&text.text)) {
                    (false, Some(value), _) => Json::Bool(value),
                    (false, _, Some(value)) => match node::int(&text.text).map(i64::try_from) {
                        Some(Ok(value)) => Json::from(value),
                        _ => Json::from(value),
                    },
                    _ => Json::String(text.text),
                }
            }
        })
    }

    /// The text of a scalar. `None` for a problem, for nothing, and for a reference that is not
    /// looked at yet. With `secret`, `env.NAME` and `file:/path` as a whole value count too.
    fn scalar(&mut self, at: &Site<'_>, node: &Node, what: &str, secret: bool) -> Option<Text> {
        let Content::Scalar { text, style } = &node.content else {
            self.problem(at, format!("expected {what}, got {}", node.kind()));
            return None;
        };
        if matches!(style, Style::Verbatim | Style::Literal) {
            return Some(Text {
                text: text.clone(),
                quoted: *style == Style::Literal,
                via: Vec::new(),
            });
        }
        let quoted = *style == Style::Quoted;
        if secret && self.dialect == Dialect::Own {
            if let Some(name) = reference::whole_env(text) {
                return self.resolve(at, &Template::variable(name), text, quoted, secret);
            }
            if let Some(path) = text.strip_prefix("file:") {
                return self.file(at, path);
            }
        }
        let template = match Template::parse(text, self.dialect) {
            Ok(template) => template,
            Err(message) => {
                self.problem(at, message);
                return None;
            }
        };
        self.resolve(at, &template, text, quoted, secret)
    }

    fn resolve(
        &mut self,
        at: &Site<'_>,
        template: &Template,
        written: &str,
        quoted: bool,
        secret: bool,
    ) -> Option<Text> {
        let via: Vec<String> = template.variables().map(str::to_owned).collect();
        if self.written_only && !via.is_empty() {
            return None;
        }
        match template.expand(self.env, self.dialect) {
            Ok(text) if text.is_empty() && !via.is_empty() => {
                if secret && self.dialect == Dialect::Declarative {
                    self.warnings.push(format!(
                        "{}: environment variable {} is not set; left out",
                        at.path,
                        via.join(", ")
                    ));
                }
                None
            }
            Ok(text) => Some(Text { text, quoted, via }),
            Err(Unresolved::Unset(name)) => {
                let form = if reference::whole_env(written).is_some() {
                    format!("env.{name}")
                } else {
                    format!("${{{name}}}")
                };
                self.problems.push(
                    Problem::new(
                        at.origin.clone(),
                        at.path,
                        format!("environment variable {name} is not set (referenced as {form})"),
                    )
                    .help(format!("set it, or give a default with ${{{name}:-…}}")),
                );
                None
            }
            Err(Unresolved::NotUtf8(name)) => {
                self.problem(
                    at,
                    format!("value of environment variable {name} is not valid UTF-8"),
                );
                None
            }
        }
    }

    fn file(&mut self, at: &Site<'_>, path: &str) -> Option<Text> {
        if self.written_only {
            return None;
        }
        match secret_file::read(path) {
            Ok(text) => Some(Text { text, quoted: true, via: Vec::new() }),
            Err(reason) => {
                self.problem(at, format!("cannot read {path}: {reason}"));
                None
            }
        }
    }

    fn expected(&mut self, at: &Site<'_>, what: &str, text: &Text) {
        let got = match text.via.first() {
            Some(variable) => format!("(value of ${{{variable}}})"),
            None if !text.quoted
                && (node::is_number(&text.text) || node::bool(&text.text).is_some()) =>
            {
                text.text.clone()
            }
            None => quote(&text.text),
        };
        self.problem(at, format!("expected {what}, got {got}"));
    }

    pub(crate) fn problem(&mut self, at: &Site<'_>, message: impl Into<String>) {
        self.problems.push(Problem::new(at.origin.clone(), at.path, message));
    }
}

/// The key a value belongs to and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct Site<'a> {
    pub(crate) path: &'a str,
    pub(crate) origin: Origin,
}

impl Site<'_> {
    fn place(&self) -> String {
        match &self.origin {
            Origin::Env(variable) => variable.clone(),
            _ => self.path.to_owned(),
        }
    }
}

/// Milliseconds, or a number with `ms`, `s`, `m` or `h`.
fn milliseconds(text: &str) -> Option<u64> {
    if let Some(value) = node::int(text) {
        return u64::try_from(value).ok();
    }
    let end = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at(end);
    let factor = match unit.trim() {
        "ms" => 1,
        "s" => 1000,
        "m" | "min" => 60_000,
        "h" => 3_600_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}

fn one_of(choices: &[Choice]) -> String {
    let names: Vec<&str> = choices.iter().map(|choice| choice.name).collect();
    match names.as_slice() {
        [first, second] => format!("{first} or {second}"),
        names => format!("one of {}", names.join(", ")),
    }
}

/// Text for a message: at most 64 characters, control characters escaped.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(MAX_QUOTE).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", short.escape_debug())
}

const MAX_QUOTE: usize = 64;
const MAX_ATTRIBUTES: usize = 128;
const MAX_COUNT: u64 = 100_000;
