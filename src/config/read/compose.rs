//! Limits and checks that both file formats share.

use super::node::{Content, Name, Node};
use super::problem::Position;

/// What is wrong with the form of a file, before anyone looks at its meaning. Never with text of
/// the file: any of it may be a secret.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Malformed {
    pub(crate) at: Position,
    pub(crate) message: String,
    pub(crate) help: Option<&'static str>,
}

impl Malformed {
    pub(crate) fn new(at: Position, message: impl Into<String>) -> Self {
        Self { at, message: message.into(), help: None }
    }
}

/// Counts nodes while a tree grows.
#[derive(Debug, Default)]
pub(crate) struct Budget {
    nodes: usize,
}

impl Budget {
    pub(crate) fn take(&mut self, nodes: usize, at: Position) -> Result<(), Malformed> {
        self.nodes = self.nodes.saturating_add(nodes);
        if self.nodes > MAX_NODES {
            return Err(Malformed::new(at, format!("more than {MAX_NODES} values")));
        }
        Ok(())
    }

    pub(crate) fn depth(depth: usize, at: Position) -> Result<(), Malformed> {
        if depth > MAX_DEPTH {
            return Err(Malformed::new(at, format!("nested more than {MAX_DEPTH} levels deep")));
        }
        Ok(())
    }
}

/// A mapping of `entries`. A key that stands there twice is noted with both its lines.
pub(crate) fn mapping(
    at: Position,
    entries: Vec<(Name, Node)>,
    malformed: &mut Vec<Malformed>,
) -> Node {
    let mut first = std::collections::HashMap::with_capacity(entries.len());
    for (name, _) in &entries {
        match first.entry(name.text.as_str()) {
            std::collections::hash_map::Entry::Vacant(vacant) => {
                vacant.insert(name.at);
            }
            std::collections::hash_map::Entry::Occupied(occupied) => {
                let line = occupied.get().line;
                let message = format!(
                    "{} is given twice (first at line {line})",
                    super::problem::quote(&name.text)
                );
                malformed.push(Malformed::new(name.at, message));
            }
        }
    }
    Node { at, content: Content::Map(entries) }
}

pub(crate) const MAX_DEPTH: usize = 32;
const MAX_NODES: usize = 20_000;
