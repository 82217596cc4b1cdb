//! What a file says before anyone knows what it means: scalars as text, lists, mappings, each with
//! its position. YAML, JSON, variables and code all become this.

use super::problem::Position;

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Node {
    pub(crate) at: Position,
    pub(crate) content: Content,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Content {
    Scalar { text: String, style: Style },
    List(Vec<Node>),
    Map(Vec<(Name, Node)>),
}

/// The key of an entry.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Name {
    pub(crate) text: String,
    pub(crate) at: Position,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Style {
    /// Its type is what it looks like.
    Plain,
    /// A string.
    Quoted,
    /// From a variable or from code: its type is what it looks like, and it holds no references.
    Verbatim,
    /// A string from code: it holds no references.
    Literal,
}

/// A value of a resource attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Bool(bool),
    I64(i64),
    F64(f64),
    Str(String),
    List(Vec<String>),
}

impl Node {
    pub(crate) fn scalar(text: impl Into<String>, style: Style, at: Position) -> Self {
        Self { at, content: Content::Scalar { text: text.into(), style } }
    }

    pub(crate) fn verbatim(text: impl Into<String>) -> Self {
        Self::scalar(text, Style::Verbatim, Position::default())
    }

    pub(crate) fn is_null(&self) -> bool {
        matches!(&self.content, Content::Scalar { text, style: Style::Plain } if is_null(text))
    }

    /// What it is, for a message: `a mapping`, `a list`, `a string`, …
    pub(crate) fn kind(&self) -> &'static str {
        match &self.content {
            Content::Map(_) => "a mapping",
            Content::List(_) => "a list",
            Content::Scalar { text, style: Style::Plain } if is_null(text) => "nothing",
            Content::Scalar { text, style: Style::Plain } if is_number(text) => "a number",
            Content::Scalar { text, style: Style::Plain } if bool(text).is_some() => "a boolean",
            Content::Scalar { .. } => "a string",
        }
    }

    pub(crate) fn entries(&self) -> Option<&[(Name, Self)]> {
        match &self.content {
            Content::Map(entries) => Some(entries),
            _ => None,
        }
    }

    pub(crate) fn items(&self) -> Option<&[Self]> {
        match &self.content {
            Content::List(items) => Some(items),
            _ => None,
        }
    }

    /// The value of `name` in a mapping.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        self.entries()?.iter().find(|(key, _)| key.text == name).map(|(_, value)| value)
    }
}

/// Null by the core schema of YAML 1.2.
pub(crate) fn is_null(text: &str) -> bool {
    matches!(text, "" | "~" | "null" | "Null" | "NULL")
}

/// A boolean by the core schema of YAML 1.2.
pub(crate) fn bool(text: &str) -> Option<bool> {
    match text {
        "true" | "True" | "TRUE" => Some(true),
        "false" | "False" | "FALSE" => Some(false),
        _ => None,
    }
}

/// An integer by the core schema of YAML 1.2: decimal, `0o` or `0x`. `None` for other text and
/// for numbers that do not fit.
pub(crate) fn int(text: &str) -> Option<i128> {
    if let Some(digits) = text.strip_prefix("0x") {
        return digits_only(digits, 16).then(|| i128::from_str_radix(digits, 16).ok())?;
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return digits_only(digits, 8).then(|| i128::from_str_radix(digits, 8).ok())?;
    }
    let digits = text.strip_prefix(['-', '+']).unwrap_or(text);
    digits_only(digits, 10).then(|| text.parse().ok())?
}

/// A number by the core schema of YAML 1.2, with its infinities and `.nan`.
pub(crate) fn float(text: &str) -> Option<f64> {
    let (negative, digits) = match text.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let magnitude = match digits {
        ".inf" | ".Inf" | ".INF" => f64::INFINITY,
        ".nan" | ".NaN" | ".NAN" if digits.len() == text.len() => f64::NAN,
        _ if !digits.starts_with(|c: char| c.is_ascii_digit() || c == '.') => return None,
        _ => match int(digits) {
            Some(int) => int as f64,
            None => digits.parse().ok()?,
        },
    };
    Some(if negative { -magnitude } else { magnitude })
}

pub(crate) fn is_number(text: &str) -> bool {
    float(text).is_some()
}

fn digits_only(digits: &str, radix: u32) -> bool {
    !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix))
}
