//! What could be better at the place where a span is made, said once for each callsite.

use std::fmt;
use std::sync::{Mutex, PoisonError};

use once_cell::sync::Lazy;
use rustc_hash::FxHashSet;
use tracing_core::Metadata;

use crate::semconv::{Attr, Match, ValueMap, lookup};

/// What is wrong with a callsite that makes GenAI spans.
///
/// Spans of it leave all the same, repaired as far as possible.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// Name of the span or event.
    pub span: &'static str,
    /// `file:line`, or the module where that is not known.
    pub place: String,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a callsite.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// A `gen_ai.` field that the conventions do not know; it leaves under its own name.
    UnknownKey(&'static str),
    /// A retired or foreign spelling; it leaves under the second name.
    RetiredKey(&'static str, &'static str),
    /// The field never leaves.
    NeverLeaves(&'static str),
    /// GenAI fields and none that names the operation, which backends look for first.
    NoOperation,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { span, place, problem } = self;
        write!(f, "{place}: `{span}` ")?;
        match problem {
            Problem::UnknownKey(key) => {
                write!(f, "has a field `{key}`, which the GenAI conventions do not know")
            }
            Problem::RetiredKey(key, now) => write!(f, "has a field `{key}`, now `{now}`"),
            Problem::NeverLeaves(key) => write!(f, "has a field `{key}`, which never leaves"),
            Problem::NoOperation => write!(f, "does not declare `gen_ai.operation.name`"),
        }
    }
}

/// What was found so far, in this process, in the order in which callsites were first used. At
/// most 256 findings are kept.
#[must_use]
pub fn findings() -> Vec<Finding> {
    found().list.clone()
}

#[derive(Default)]
struct Found {
    list: Vec<Finding>,
    known: FxHashSet<Finding>,
}

const MOST: usize = 256;

fn found() -> std::sync::MutexGuard<'static, Found> {
    static FOUND: Lazy<Mutex<Found>> = Lazy::new(Mutex::default);
    FOUND.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Looks at the declared fields of a callsite that makes GenAI spans.
pub(super) fn check(metadata: &'static Metadata<'static>) {
    let mut problems: Vec<Problem> =
        metadata.fields().iter().filter_map(|field| problem(field.name())).collect();
    let names_operation = metadata.fields().iter().any(|field| {
        matches!(lookup(field.name()), Match::Known(Attr::OperationName | Attr::McpMethodName, _))
    });
    if !names_operation {
        problems.push(Problem::NoOperation);
    }
    for problem in problems {
        let place = match (metadata.file(), metadata.line()) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            _ => metadata.target().to_owned(),
        };
        let finding = Finding { span: metadata.name(), place, problem };
        let new = {
            let mut found = found();
            let new = found.list.len() < MOST && found.known.insert(finding.clone());
            if new {
                found.list.push(finding.clone());
            }
            new
        };
        if new {
            tracing::debug!(target: "tracing_genai::self", "{finding}");
        }
    }
}

fn problem(key: &'static str) -> Option<Problem> {
    match lookup(key) {
        Match::UnknownGenAi => Some(Problem::UnknownKey(key)),
        Match::Drop => Some(Problem::NeverLeaves(key)),
        Match::Known(attr, map) => {
            let current = [attr.key(), attr.def().latest.unwrap_or(attr.key())];
            let retired = !current.contains(&key) || map != ValueMap::Same;
            retired.then(|| Problem::RetiredKey(key, attr.key()))
        }
        Match::Content(_) | Match::Foreign => None,
    }
}
