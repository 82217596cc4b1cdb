//! References to variables inside a scalar: `${NAME}`, `${env:NAME}`, `${NAME:-default}`.
//!
//! They are found after the file was parsed, so the value of a variable can never become
//! structure, and they are not looked for again in what a variable holds.

use super::env::{Env, NotUtf8};

/// A scalar with its references taken apart.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Template(Vec<Part>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Part {
    Text(String),
    Variable { name: String, default: Option<String> },
}

/// Whose rules a reference follows.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) enum Dialect {
    /// An unset variable without a default is an error. `$${` stands for `${`.
    #[default]
    Own,
    /// OpenTelemetry's declarative format: an unset variable is empty. `$$` stands for `$`.
    Declarative,
}

/// A variable that cannot be used.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Unresolved {
    Unset(String),
    NotUtf8(String),
}

impl Template {
    /// Takes `text` apart.
    ///
    /// # Errors
    ///
    /// What is wrong with a reference, without the text around it.
    pub(crate) fn parse(text: &str, dialect: Dialect) -> Result<Self, &'static str> {
        let mut parts = Vec::new();
        let escape = match dialect {
            Dialect::Own => "$${",
            Dialect::Declarative => "$$",
        };
        let mut pieces = text.split(escape);
        if let Some(first) = pieces.next() {
            scan(first, dialect, &mut parts)?;
        }
        for piece in pieces {
            literal(&mut parts, &escape[1..]);
            scan(piece, dialect, &mut parts)?;
        }
        Ok(Self(parts))
    }

    /// A reference to one variable and nothing else.
    pub(crate) fn variable(name: &str) -> Self {
        Self(vec![Part::Variable { name: name.to_owned(), default: None }])
    }

    /// The variables it names.
    pub(crate) fn variables(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|part| match part {
            Part::Variable { name, .. } => Some(name.as_str()),
            Part::Text(_) => None,
        })
    }

    /// The text with every variable's value in its place.
    pub(crate) fn expand(&self, env: &Env, dialect: Dialect) -> Result<String, Unresolved> {
        let mut text = String::new();
        for part in &self.0 {
            match part {
                Part::Text(part) => text.push_str(part),
                Part::Variable { name, default } => {
                    let value =
                        env.text(name).map_err(|NotUtf8| Unresolved::NotUtf8(name.clone()))?;
                    match (value, default) {
                        (Some(value), _) => text.push_str(without_line_end(value)),
                        (None, Some(default)) => text.push_str(default),
                        (None, None) if dialect == Dialect::Declarative => {}
                        (None, None) => return Err(Unresolved::Unset(name.clone())),
                    }
                }
            }
        }
        Ok(text)
    }
}

/// The variable that a whole value of the form `env.NAME` names.
pub(crate) fn whole_env(text: &str) -> Option<&str> {
    text.strip_prefix("env.").filter(|name| is_name(name))
}

/// Without the line end that `$(cat file)` and editors leave behind.
pub(crate) fn without_line_end(text: &str) -> &str {
    let text = text.strip_suffix('\n').unwrap_or(text);
    text.strip_suffix('\r').unwrap_or(text)
}

fn scan(mut text: &str, dialect: Dialect, parts: &mut Vec<Part>) -> Result<(), &'static str> {
    while let Some(start) = text.find("${") {
        let Some(length) = text[start..].find('}') else {
            if dialect == Dialect::Own {
                return Err("`${` without a closing `}`; write `$${` for the two characters");
            }
            break;
        };
        literal(parts, &text[..start]);
        parts.push(reference(&text[start + 2..start + length])?);
        text = &text[start + length + 1..];
    }
    literal(parts, text);
    Ok(())
}

/// What stands between `${` and `}`.
fn reference(inner: &str) -> Result<Part, &'static str> {
    let (name, default) = match inner.split_once(":-") {
        Some((name, default)) => (name, Some(default.to_owned())),
        None => (inner, None),
    };
    let name = match name.split_once(':') {
        None => name,
        Some(("env", name)) => name,
        Some((prefix, _)) if is_name(prefix) && !inner.contains(":?") && !inner.contains(":+") => {
            return Err("a reference with a prefix other than `env:`");
        }
        Some(_) => return Err(FORM),
    };
    if !is_name(name) || default.as_ref().is_some_and(|default| default.contains('\n')) {
        return Err(FORM);
    }
    Ok(Part::Variable { name: name.to_owned(), default })
}

const FORM: &str = "a reference that is not of the form ${NAME} or ${NAME:-default}";

fn literal(parts: &mut Vec<Part>, text: &str) {
    if text.is_empty() {
        return;
    }
    match parts.last_mut() {
        Some(Part::Text(last)) => last.push_str(text),
        _ => parts.push(Part::Text(text.to_owned())),
    }
}

fn is_name(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}
