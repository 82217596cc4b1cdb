//! A partial configuration: what one source says, as it said it.

use std::collections::BTreeMap;
use std::fmt;

use super::keys::{Field, Key, Reads};
use crate::config::read::node::Scalar;
use crate::config::read::node::{Content, Name, Node, Style};
use crate::config::read::problem::{Origin, Position};

/// What a file, the environment or code sets. A key that is absent was not set.
#[derive(Clone, Default)]
pub(crate) struct Layer {
    pub(crate) entries: BTreeMap<Key, Entry>,
    /// Entries of `exporters`; `None` where there is no such list.
    pub(crate) exporters: Option<Vec<Self>>,
    /// Settings for entries of `exporters` that another layer has, by their number from 0.
    pub(crate) exporter_overrides: BTreeMap<usize, Self>,
    /// What an entry of `exporters` is called.
    pub(crate) name: Option<String>,
    /// Uses `collector_url`, which brings Bifrost's defaults along.
    pub(crate) bifrost: bool,
}

/// One setting as written.
#[derive(Clone)]
pub(crate) struct Entry {
    pub(crate) node: Node,
    pub(crate) origin: Origin,
    pub(crate) reads: Reads,
    /// Written under an alias.
    pub(crate) foreign: bool,
    /// The path in the file; empty where it is the key's own.
    pub(crate) path: String,
}

impl Entry {
    pub(crate) fn new(node: Node, origin: Origin) -> Self {
        Self { node, origin, reads: Reads::Same, foreign: false, path: String::new() }
    }
}

impl Layer {
    /// Whether it says anything about a field, for whatever signal.
    pub(crate) fn sets(&self, field: Field) -> bool {
        self.entries.iter().any(|(key, entry)| key.field == field && !entry.node.is_null())
    }
}

/// What code says. Setters never fail: a value is checked when the configuration is resolved.
impl Layer {
    /// Sets a key to the text that a file would have.
    pub(crate) fn set(&mut self, key: Key, text: impl Into<String>) {
        self.insert(key, Node::verbatim(text));
    }

    pub(crate) fn set_number(&mut self, key: Key, value: f64) {
        // `NaN` and `inf` become what YAML calls them, so that the message can show them.
        let text = match value {
            value if value.is_nan() => String::from(".nan"),
            value if value.is_infinite() && value < 0.0 => String::from("-.inf"),
            value if value.is_infinite() => String::from(".inf"),
            value => format!("{value:?}"),
        };
        self.set(key, text);
    }

    /// Adds a header for all signals; `None` removes one that another layer sets.
    pub(crate) fn header(&mut self, name: impl Into<String>, value: Option<String>) {
        let value = value.map_or_else(null, Node::verbatim);
        self.push(Field::Headers.general(), name.into(), value);
    }

    /// Adds an attribute to the resource.
    pub(crate) fn resource_attribute(&mut self, name: impl Into<String>, value: Scalar) {
        // Text of code stays text whatever it looks like.
        let text = |text: String| Node::scalar(text, Style::Literal, Position::default());
        let value = match value {
            Scalar::Bool(value) => Node::verbatim(value.to_string()),
            Scalar::I64(value) => Node::verbatim(value.to_string()),
            Scalar::F64(value) => Node::verbatim(format!("{value:?}")),
            Scalar::Str(value) => text(value),
            Scalar::List(values) => Node {
                at: Position::default(),
                content: Content::List(values.into_iter().map(text).collect()),
            },
        };
        self.push(Field::ResourceAttributes.general(), name.into(), value);
    }

    fn insert(&mut self, key: Key, node: Node) {
        self.entries.insert(key, Entry::new(node, Origin::Code));
    }

    fn push(&mut self, key: Key, name: String, value: Node) {
        let entry = self.entries.entry(key).or_insert_with(|| {
            let map = Node { at: Position::default(), content: Content::Map(Vec::new()) };
            Entry::new(map, Origin::Code)
        });
        if let Content::Map(entries) = &mut entry.node.content {
            // Said again in code is said anew, unlike in a file.
            entries.retain(|(other, _)| !other.text.eq_ignore_ascii_case(&name));
            entries.push((Name { text: name, at: Position::default() }, value));
        }
    }
}

fn null() -> Node {
    Node::scalar("", Style::Plain, Position::default())
}

/// Names of the keys only: values may be secrets.
impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Layer")
            .field("keys", &self.entries.keys().map(|key| key.path()).collect::<Vec<_>>())
            .field("exporters", &self.exporters)
            .finish_non_exhaustive()
    }
}
