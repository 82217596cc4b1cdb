//! From what was written to what it means: one reader for all sources, driven by the key's kind.

mod collections;
mod scalar;

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use super::backends::Backend;
use super::keys::{Field, Key, Kind, ROWS, Reads, Row, Zero};
use super::layer::Entry;
use super::words::{Choice, Words};
use crate::config::read::env::Env;
use crate::config::read::node::{self, Node};
use crate::config::read::problem::{Origin, Problem};
use crate::config::read::reference::Dialect;
use crate::config::read::{node::Scalar, secret::Secret};
use crate::format::FormatChoice;

/// A value of the kind that its key has.
#[derive(Clone, Debug, PartialEq)]
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
    /// Of one attribute.
    Scalar(Scalar),
}

/// One entry of a mapping whose layers merge.
#[derive(Clone, Debug)]
pub(crate) struct Item<V> {
    pub(crate) name: String,
    pub(crate) value: V,
    pub(crate) origin: Origin,
}

/// Two are the same whoever said them.
impl<V: PartialEq> PartialEq for Item<V> {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && self.value == other.value
    }
}

/// What code has for the values of a key.
pub(crate) trait Setting: Sized {
    /// `None` for a value of another kind.
    fn from_value(value: &Value) -> Option<Self>;
}

/// What a key is where nobody says anything: the default of its row. `None` where it has none.
pub(crate) fn preset(field: Field) -> Option<&'static Value> {
    static PRESETS: OnceLock<Vec<Option<Value>>> = OnceLock::new();
    let presets = PRESETS.get_or_init(|| ROWS.iter().map(default_of).collect());
    presets.get(field as usize)?.as_ref()
}

fn default_of(row: &Row) -> Option<Value> {
    let entry = Entry::new(Node::verbatim(row.default), Origin::Default);
    let env = Env::default();
    let read = || Reader::new(&env, Dialect::Own).value(row.field.general(), &entry);
    if row.default.is_empty() { None } else { read() }
}

/// The same in the type that code has for it.
pub(crate) fn preset_as<T: Setting>(field: Field) -> T {
    let preset = preset(field).and_then(T::from_value);
    preset.unwrap_or_else(|| unreachable!("{} has no default of this type", field.row().path))
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
        // In a variable the known ones count; see [`crate::config::read::env`] for its rules.
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

macro_rules! settings {
    ($($type:ty: $pattern:pat => $read:expr;)+) => {
        $(impl Setting for $type {
            fn from_value(value: &Value) -> Option<Self> {
                match value {
                    $pattern => $read,
                    _ => None,
                }
            }
        })+
    };
}

settings! {
    bool: Value::Bool(value) => Some(*value);
    u32: Value::Int(value) => (*value).try_into().ok();
    usize: Value::Int(value) => (*value).try_into().ok();
    f64: Value::Number(value) => Some(*value);
    String: Value::Text(value) => Some(value.clone());
    // Zero is no limit.
    Duration: Value::Millis(value) => Some(match value {
        0 => Duration::MAX,
        millis => Duration::from_millis(*millis),
    });
    FormatChoice: Value::Choice(word) => Self::named(word);
    &'static Backend: Value::Choice(word) => Backend::named(word);
    serde_json::Value: Value::Json(value) => Some(value.clone());
    Vec<(String, usize)>: Value::Counts(counts) => counts
        .iter()
        .map(|(name, count)| Some((name.clone(), usize::try_from(*count).ok()?)))
        .collect();
}

impl<T: Words> Setting for T {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Choice(word) => Self::named(word),
            _ => None,
        }
    }
}

impl<T: Words> Setting for Vec<T> {
    fn from_value(value: &Value) -> Option<Self> {
        match value {
            Value::Choices(words) => words.iter().map(|word| T::named(word)).collect(),
            _ => None,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_is_a_value_of_its_key() {
        for row in ROWS {
            assert_eq!(default_of(row).is_some(), !row.default.is_empty(), "{}", row.path);
        }
    }
}
