//! What is wrong with a configuration, told to its owner.

use std::fmt;
use std::sync::Arc;

use serde::Serialize;

use crate::error::{Error, ErrorKind};

/// A line and a column, both counted from 1. Columns are characters.
#[derive(Clone, Copy, Debug, Default, Eq, Ord, PartialEq, PartialOrd, Serialize)]
pub(crate) struct Position {
    pub(crate) line: u32,
    pub(crate) column: u32,
}

/// Where a value came from.
#[derive(Clone, Debug, Default, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum Origin {
    #[default]
    Default,
    File {
        name: Arc<str>,
        at: Position,
    },
    /// The name of the variable.
    Env(String),
    /// Set by a method of the builder.
    Code,
}

impl Origin {
    /// The same place, for a value further inside.
    pub(crate) fn at(&self, at: Position) -> Self {
        match self {
            Self::File { name, .. } => Self::File { name: name.clone(), at },
            other => other.clone(),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::File { name, at } if *at == Position::default() => f.write_str(name),
            Self::File { name, at } => write!(f, "{name}:{}:{}", at.line, at.column),
            Self::Env(variable) => write!(f, "env {variable}"),
            Self::Code => f.write_str("code"),
        }
    }
}

/// One thing that is wrong: where, which key, what was expected, and perhaps what would be right.
#[derive(Clone, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) struct Problem {
    pub(crate) origin: Origin,
    /// The key's path; empty for the file as a whole.
    pub(crate) path: String,
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Problem {
    pub(crate) fn new(origin: Origin, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self { origin, path: path.into(), message: message.into(), help: None }
    }

    #[must_use]
    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Origin::File { .. } => write!(f, "{}: ", self.origin)?,
            Origin::Env(variable) => write!(f, "{variable}: ")?,
            Origin::Code => f.write_str("builder: ")?,
            Origin::Default => {}
        }
        if !self.path.is_empty() && !matches!(self.origin, Origin::Env(_)) {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)?;
        match &self.help {
            Some(help) => write!(f, "\n    help: {help}"),
            None => Ok(()),
        }
    }
}

/// All problems as one error, in the order of their positions, each once.
pub(crate) fn report(mut problems: Vec<Problem>) -> Error {
    problems.sort();
    problems.dedup();
    let mut text = String::new();
    for problem in &problems {
        text.push_str(&problem.to_string());
        text.push('\n');
    }
    let count = problems.len();
    let file = problems.iter().find_map(|problem| match &problem.origin {
        Origin::File { name, .. } => Some(format!(" in {name}")),
        _ => None,
    });
    let plural = if count == 1 { "problem" } else { "problems" };
    text.push_str(&format!(
        "configuration error: {count} {plural}{}; telemetry was not started",
        file.unwrap_or_default()
    ));
    Error::new(ErrorKind::Config, text)
}

/// Text for a message: at most 64 characters, control characters escaped.
pub(crate) fn quote(text: &str) -> String {
    let short: String = text.chars().take(MAX_QUOTE).collect();
    let more = if short.len() < text.len() { "…" } else { "" };
    format!("\"{}{more}\"", short.escape_debug())
}

const MAX_QUOTE: usize = 64;
