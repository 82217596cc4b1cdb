//! What could be better at the place where a span is made, said once for each callsite.
//!
//! One thing cannot be seen from here: `Span::record` of a field that the callsite did not declare.
//! `tracing` drops the value before any layer hears of it. [`GenAiSpanExt`](crate::GenAiSpanExt)
//! records such values all the same.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use once_cell::sync::Lazy;
use rustc_hash::{FxHashMap, FxHashSet};
use tracing::field::Field;
use tracing_core::Metadata;
use tracing_core::callsite::Identifier;

use crate::semconv::{Attr, Class, Match, Scope, Type, ValueMap, is_ours, lookup};

/// What is wrong with a callsite that makes GenAI spans.
///
/// Spans of it leave all the same, repaired as far as possible.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub struct Finding {
    /// Name of the span.
    pub span: Cow<'static, str>,
    /// `file:line`, or the module where that is not known.
    pub place: Cow<'static, str>,
    /// The callsite's target, which is its module unless it says otherwise; empty for a span made
    /// with the OpenTelemetry API.
    pub target: &'static str,
    /// What is wrong.
    pub problem: Problem,
}

/// What can be wrong with a callsite.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Problem {
    /// A `gen_ai.` field that the conventions do not know; it leaves under its own name.
    UnknownKey(&'static str),
    /// A retired or foreign spelling; it leaves under the second name.
    RetiredKey(&'static str, &'static str),
    /// The field never leaves.
    NeverLeaves(&'static str),
    /// A bare name, mostly of an argument that `#[instrument]` records, under which text is taken
    /// for content.
    TakenForContent(&'static str),
    /// GenAI fields and none that names the operation, which backends look for first.
    NoOperation,
    /// A value that cannot become what the conventions want there; it leaves as text.
    WrongType(&'static str, Type),
    /// A value that came after the span had ended, which is recorded nowhere.
    TooLate(&'static str),
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { span, place, problem, .. } = self;
        match &**span {
            "" => write!(f, "{place}: a span {problem}"),
            span => write!(f, "{place}: `{span}` {problem}"),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownKey(key) => {
                write!(f, "has a field `{key}`, which the GenAI conventions do not know")
            }
            Self::RetiredKey(key, now) => write!(f, "has a field `{key}`, now `{now}`"),
            Self::NeverLeaves(key) => write!(f, "has a field `{key}`, which never leaves"),
            Self::TakenForContent(key) => {
                write!(f, "has a field `{key}`, whose text is taken for content; `skip({key})` it")
            }
            Self::NoOperation => write!(f, "does not declare `gen_ai.operation.name`"),
            Self::WrongType(key, wanted) => {
                write!(f, "was given a `{key}` that is no {}", word(*wanted))
            }
            Self::TooLate(key) => {
                write!(f, "was given `{key}` after it had ended, which is recorded nowhere")
            }
        }
    }
}

/// A type as the conventions write it.
const fn word(wanted: Type) -> &'static str {
    match wanted {
        Type::Bool => "boolean",
        Type::Int => "int",
        Type::Double => "double",
        Type::Str => "string",
        Type::StrList => "list of strings",
        Type::Json => "JSON",
    }
}

/// What was found so far, in this process, in the order in which callsites were first used. At
/// most 256 findings are kept.
#[must_use]
pub fn findings() -> Vec<Finding> {
    lock(&FOUND).list.clone()
}

/// Findings, each once.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) list: Vec<Finding>,
    known: FxHashSet<Finding>,
}

/// Those of the process.
static FOUND: Lazy<Mutex<Found>> = Lazy::new(Mutex::default);

const MOST: usize = 256;

impl Found {
    /// Tells whether it is new.
    pub(crate) fn add(&mut self, finding: Finding) -> bool {
        let new = self.list.len() < MOST && self.known.insert(finding.clone());
        if new {
            self.list.push(finding);
        }
        new
    }
}

/// What is wrong with the declared fields of a callsite.
pub(crate) fn problems(metadata: &Metadata<'static>) -> Vec<Problem> {
    let keys = || metadata.fields().iter().map(|field| field.name());
    let gen_ai = keys().any(is_ours);
    let mut problems: Vec<Problem> = keys().filter_map(|key| problem(key, gen_ai)).collect();
    let names_operation = keys().any(|key| {
        matches!(lookup(key), Match::Known(Attr::OperationName | Attr::McpMethodName, _))
    });
    if gen_ai && !names_operation {
        problems.push(Problem::NoOperation);
    }
    problems
}

fn problem(key: &'static str, gen_ai: bool) -> Option<Problem> {
    match lookup(key) {
        Match::UnknownGenAi => Some(Problem::UnknownKey(key)),
        Match::Drop | Match::Named(Class::Secret, _) => Some(Problem::NeverLeaves(key)),
        Match::Named(_, scope) => {
            (gen_ai || scope == Scope::Anywhere).then_some(Problem::TakenForContent(key))
        }
        Match::Known(attr, map) => {
            let current = [attr.key(), attr.def().latest.unwrap_or(attr.key())];
            let retired = !current.contains(&key) || map != ValueMap::Same;
            retired.then(|| Problem::RetiredKey(key, attr.key()))
        }
        Match::Content(_) | Match::Bare | Match::Foreign => None,
    }
}

/// A problem at a callsite.
pub(crate) fn at(metadata: &Metadata<'static>, problem: Problem) -> Finding {
    let place = match (metadata.file(), metadata.line()) {
        (Some(file), Some(line)) => format!("{file}:{line}").into(),
        _ => metadata.target().into(),
    };
    Finding { span: metadata.name().into(), place, target: metadata.target(), problem }
}

/// Callsites that were looked at, for what is found when they are used.
static CALLSITES: Lazy<Mutex<FxHashMap<Identifier, &'static Metadata<'static>>>> =
    Lazy::new(Mutex::default);

/// Looks at the declared fields of a callsite.
pub(crate) fn check(metadata: &'static Metadata<'static>) {
    lock(&CALLSITES).insert(metadata.callsite(), metadata);
    for problem in problems(metadata) {
        say(at(metadata, problem));
    }
}

/// Notes what was wrong with a value of a span. Call it without a lock: it may log.
/// `local` wants to hear of it too.
#[cold]
pub(crate) fn note(local: Option<&Mutex<Found>>, field: &Field, problem: Problem) {
    // A callsite that errs does so with every span; a thread says it once and is quick thereafter.
    thread_local!(static SAID: RefCell<FxHashSet<(Identifier, Problem)>> = RefCell::default());
    let callsite = field.callsite();
    let said = SAID.try_with(|said| said.borrow().contains(&(callsite.clone(), problem)));
    if said == Ok(true) && local.is_none() {
        return;
    }
    let Some(metadata) = lock(&CALLSITES).get(&callsite).copied() else { return };
    let finding = at(metadata, problem);
    if let Some(local) = local {
        lock(local).add(finding.clone());
    }
    let _ = SAID.try_with(|said| said.borrow_mut().insert((callsite, problem)));
    say(finding);
}

/// Notes what was wrong with a value that came through the OpenTelemetry API, which does not tell
/// from where. Does not log: the caller holds locks.
#[cold]
pub(crate) fn note_unplaced(local: Option<&Mutex<Found>>, span: &str, problem: Problem) {
    let place = "through the OpenTelemetry API".into();
    let finding = Finding { span: span.to_owned().into(), place, target: "", problem };
    if let Some(local) = local {
        lock(local).add(finding.clone());
    }
    // Nobody waits for another thread to find fault.
    if let Ok(mut found) = FOUND.try_lock() {
        found.add(finding);
    }
}

fn say(finding: Finding) {
    let text = finding.to_string();
    if lock(&FOUND).add(finding) {
        tracing::debug!(target: "tracing_genai::self", "{text}");
    }
}

pub(crate) fn lock<T>(found: &Mutex<T>) -> MutexGuard<'_, T> {
    // Nothing under these locks runs code of others, so a poisoned one holds sound data.
    found.lock().unwrap_or_else(PoisonError::into_inner)
}
