//! Which part of a file is ours, and what it sets.

use super::keys::{Field, Key, Kind, Reads, Signal};
use super::layer::{Entry, Layer};
use super::variables::MAX_EXPORTERS;
use crate::config::read::node::{Content, Name, Node, Style};
use crate::config::read::problem::{Origin, Position, Problem};
use crate::config::read::suggest;

/// What a file turned out to be.
#[derive(Debug)]
pub(crate) enum Found<'n> {
    /// OpenTelemetry's own format, the whole file.
    Declarative,
    Block(Block<'n>),
    Nothing,
}

/// The mapping with our keys.
#[derive(Debug)]
pub(crate) struct Block<'n> {
    /// Where it stands, for messages; empty for the whole file.
    pub(crate) path: String,
    pub(crate) node: &'n Node,
    /// Switched off from outside, by the `enabled` of a plugin.
    pub(crate) disabled: bool,
}

/// Finds the block. Everything outside of it belongs to someone else.
///
/// # Errors
///
/// Where nothing is found, or more than one.
pub(crate) fn find<'n>(
    root: &'n Node,
    plugin: Option<&str>,
    origin: &Origin,
) -> Result<Found<'n>, Problem> {
    let problem = |at, message: String| Problem::new(origin.at(at), "", message);
    if root.is_null() {
        return Ok(Found::Nothing);
    }
    let Some(entries) = root.entries() else {
        return Err(problem(root.at, format!("expected a mapping, got {}", root.kind())));
    };
    let own: Vec<&Name> =
        entries.iter().map(|(name, _)| name).filter(|name| is_top_level(&name.text)).collect();
    if let Some((declared, _)) = entries.iter().find(|(name, _)| name.text == "file_format") {
        let beside =
            entries.iter().find(|(name, _)| matches!(name.text.as_str(), "otel" | "plugins"));
        return match beside {
            Some((name, _)) => Err(problem(
                name.at,
                format!(
                    "both `file_format` (line {}) and `{}`: which one counts?",
                    declared.at.line, name.text
                ),
            )),
            None => Ok(Found::Declarative),
        };
    }
    if let Some(node) = root.get("otel") {
        if let Some(name) = own.first() {
            return Err(problem(
                name.at,
                format!("both `otel` and `{}` beside it: which one counts?", name.text),
            ));
        }
        let path = String::from("otel");
        return Ok(Found::Block(Block { path, node, disabled: false }));
    }
    if let Some(plugins) = root.get("plugins") {
        let found = match &plugins.content {
            Content::Map(entries) => named_plugins(entries),
            Content::List(items) => listed_plugins(items),
            Content::Scalar { .. } => Vec::new(),
        };
        let mut chosen: Vec<_> = found
            .into_iter()
            .filter(|(name, _)| plugin.is_none_or(|plugin| plugin == name))
            .collect();
        if chosen.len() > 1 {
            let names: Vec<_> = chosen.iter().map(|(name, _)| name.as_str()).collect();
            return Err(Problem::new(
                origin.at(plugins.at),
                "plugins",
                format!("several have an otel configuration: {}", names.join(", ")),
            )
            .help("choose one with `.plugin(\"name\")` or TRACING_GENAI_PLUGIN"));
        }
        if let Some((_, block)) = chosen.pop() {
            return Ok(Found::Block(block));
        }
    }
    if !own.is_empty() {
        return Ok(Found::Block(Block { path: String::new(), node: root, disabled: false }));
    }
    // Perhaps the only key is misspelt.
    let names: Vec<String> = entries
        .iter()
        .take(10)
        .map(|(name, _)| crate::config::read::problem::quote(&name.text))
        .collect();
    let help = entries.iter().take(MAX_PROBLEMS).find_map(|(name, _)| {
        let near = suggest::nearest(
            &name.text,
            TOP_LEVEL.iter().copied().chain(Key::all().map(|key| key.row().path)),
        );
        near.map(|near| format!("did you mean `{near}`?"))
    });
    let mut missing = problem(
        root.at,
        format!(
            "no otel configuration found (looked for file_format, otel, plugins.*.otel, \
             plugins[name=otel].config, or top-level keys such as endpoint); the file has: {}",
            names.join(", ")
        ),
    );
    missing.help = help;
    Err(missing)
}

fn is_top_level(name: &str) -> bool {
    TOP_LEVEL.contains(&name)
        || Key::spellings().any(|(path, ..)| {
            path == name || path.strip_prefix(name).is_some_and(|rest| rest.starts_with('.'))
        })
}

/// `plugins: {<name>: {otel: {…}}}`, and the flat `otlp_endpoint` of older BitRouter files.
fn named_plugins(entries: &[(Name, Node)]) -> Vec<(String, Block<'_>)> {
    entries
        .iter()
        .filter_map(|(name, plugin)| {
            let path = format!("plugins.{}", name.text);
            let block = match (plugin.get("otel"), plugin.get("otlp_endpoint")) {
                (Some(node), _) => Block { path: format!("{path}.otel"), node, disabled: false },
                (None, Some(_)) => Block { path, node: plugin, disabled: false },
                (None, None) => return None,
            };
            Some((name.text.clone(), block))
        })
        .collect()
}

/// `plugins: [{name: otel, enabled: true, config: {…}}]`
fn listed_plugins(items: &[Node]) -> Vec<(String, Block<'_>)> {
    items
        .iter()
        .enumerate()
        .filter_map(|(number, item)| {
            let Content::Scalar { text, .. } = &item.get("name")?.content else { return None };
            let node = item.get("config").filter(|_| text == "otel")?;
            let disabled = matches!(
                item.get("enabled").map(|enabled| &enabled.content),
                Some(Content::Scalar { text, style: Style::Plain }) if crate::config::read::node::bool(text) == Some(false)
            );
            Some((text.clone(), Block { path: format!("plugins[{number}].config"), node, disabled }))
        })
        .collect()
}

/// What a block sets.
pub(crate) fn layer(block: &Block<'_>, origin: &Origin) -> (Layer, Vec<Problem>, Vec<String>) {
    let mut reader = BlockReader {
        origin,
        layer: Layer::default(),
        in_exporter: false,
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    if !block.node.is_null() {
        match block.node.entries() {
            Some(entries) => reader.entries(entries, &block.path, ""),
            None => reader.problem(
                block.node.at,
                &block.path,
                format!("expected a mapping, got {}", block.node.kind()),
            ),
        }
    }
    if block.disabled {
        let off = Entry::new(Node::verbatim("false"), origin.at(block.node.at));
        reader.layer.entries.insert(Field::Enabled.general(), off);
    }
    (reader.layer, reader.problems, reader.warnings)
}

struct BlockReader<'a> {
    origin: &'a Origin,
    layer: Layer,
    /// In an entry of `exporters`.
    in_exporter: bool,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl BlockReader<'_> {
    /// `place` is the path in the file, `path` the one among the keys.
    fn entries(&mut self, entries: &[(Name, Node)], place: &str, path: &str) {
        for (name, node) in entries {
            if self.problems.len() >= MAX_PROBLEMS {
                return;
            }
            let inside = |path: &str| {
                if path.is_empty() { name.text.clone() } else { format!("{path}.{}", name.text) }
            };
            self.entry(name, node, &inside(place), &inside(path));
        }
    }

    fn entry(&mut self, name: &Name, node: &Node, place: &str, path: &str) {
        if matches!(path, "exporters" | "profiles") && !self.in_exporter {
            self.exporters(name, node, place);
            return;
        }
        if path == "name" && self.in_exporter {
            if let Content::Scalar { text, .. } = &node.content {
                self.layer.name = Some(text.clone());
            }
            return;
        }
        let spelling = Key::spellings().find(|(spelling, ..)| *spelling == path);
        let takes_map = |key: Key| {
            matches!(
                key.row().kind,
                Kind::Headers | Kind::Attributes | Kind::Counts | Kind::Json | Kind::NoEffect
            )
        };
        let is_branch = || {
            Key::spellings().any(|(spelling, ..)| {
                spelling.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'))
            })
        };
        match spelling {
            Some((_, key, reads)) if takes_map(key) || node.entries().is_none() || !is_branch() => {
                self.set(key, reads, name, node, place, path);
            }
            _ if is_branch() => match node.entries() {
                Some(entries) => self.entries(entries, place, path),
                None if node.is_null() => {}
                None => {
                    self.problem(node.at, place, format!("expected a mapping, got {}", node.kind()))
                }
            },
            _ => self.unknown(name, place, path),
        }
    }

    fn set(&mut self, key: Key, reads: Reads, name: &Name, node: &Node, place: &str, path: &str) {
        if node.is_null() {
            return;
        }
        if self.in_exporter && !key.row().per_exporter && key.field != Field::Enabled {
            let message = "belongs at the top level, not to one exporter";
            self.problem(name.at, place, message);
            return;
        }
        if matches!(key.row().kind, Kind::NoEffect) {
            self.warnings.push(format!("{place}: has no effect. {}", key.row().doc));
            return;
        }
        if reads == Reads::Deprecated {
            self.warnings.push(format!("{place}: deprecated, write `{}`", key.path()));
        }
        if let Some(first) = self.layer.entries.get(&key) {
            let at = match &first.origin {
                Origin::File { at, .. } => at.line,
                _ => 0,
            };
            let message = format!("says the same as `{}` at line {at}; keep one", first.path);
            self.problem(name.at, place, message);
            return;
        }
        self.layer.bifrost |= path == "collector_url";
        let entry = Entry {
            node: node.clone(),
            origin: self.origin.at(node.at),
            reads,
            foreign: path != key.path(),
            path: place.to_owned(),
        };
        self.layer.entries.insert(key, entry);
    }

    fn exporters(&mut self, name: &Name, node: &Node, place: &str) {
        if node.is_null() {
            return;
        }
        if self.layer.exporters.is_some() {
            self.problem(name.at, place, "`profiles` is another name of `exporters`; keep one");
            return;
        }
        let Some(items) = node.items() else {
            self.problem(node.at, place, format!("expected a list, got {}", node.kind()));
            return;
        };
        if items.len() > MAX_EXPORTERS {
            self.problem(node.at, place, format!("expected at most {MAX_EXPORTERS} entries"));
            return;
        }
        let mut exporters = Vec::new();
        for (number, item) in items.iter().enumerate() {
            let place = format!("{place}[{number}]");
            let Some(entries) = item.entries() else {
                self.problem(item.at, &place, format!("expected a mapping, got {}", item.kind()));
                continue;
            };
            let mut reader = BlockReader {
                origin: self.origin,
                layer: Layer::default(),
                in_exporter: true,
                problems: Vec::new(),
                warnings: Vec::new(),
            };
            reader.entries(entries, &place, "");
            self.problems.append(&mut reader.problems);
            self.warnings.append(&mut reader.warnings);
            exporters.push(reader.layer);
        }
        self.layer.exporters = Some(exporters);
    }

    fn unknown(&mut self, name: &Name, place: &str, path: &str) {
        let problem = Problem::new(self.origin.at(name.at), place, "unknown key");
        let problem = match suggestion(name, path) {
            Some(help) => problem.help(help),
            None => problem,
        };
        self.problems.push(problem);
    }

    fn problem(&mut self, at: Position, place: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(self.origin.at(at), place, message));
    }
}

/// A key of the same level that is spelt alike, else one that other tools call so, else the same
/// word at another level.
fn suggestion(name: &Name, path: &str) -> Option<String> {
    let parent = path.strip_suffix(&name.text).unwrap_or_default();
    let mut siblings: Vec<&str> = Key::spellings()
        .filter_map(|(spelling, ..)| {
            let rest = spelling.strip_prefix(parent)?;
            Some(rest.split('.').next().unwrap_or(rest))
        })
        .collect();
    if parent.is_empty() {
        siblings.extend(TOP_LEVEL);
    }
    if let Some(near) = suggest::nearest(&name.text, siblings.iter().copied()) {
        return Some(format!("did you mean `{near}`?"));
    }
    if let Some(ours) = suggest::foreign(&name.text) {
        return Some(format!("did you mean `{ours}`?"));
    }
    let elsewhere: Vec<(&str, &str)> = Key::spellings()
        .filter(|(_, key, _)| key.signal == Signal::General)
        .filter_map(|(spelling, ..)| Some((spelling.rsplit('.').next()?, spelling)))
        .collect();
    let near = suggest::nearest(&name.text, elsewhere.iter().map(|(last, _)| *last))?;
    let (_, full) = elsewhere.iter().find(|(last, _)| *last == near)?;
    Some(match full.rsplit_once('.') {
        Some((branch, last)) => format!("did you mean `{last}`? it belongs under `{branch}`"),
        None => format!("did you mean `{near}`? it belongs at the top level"),
    })
}

/// After so many the rest of a block is not looked at.
const MAX_PROBLEMS: usize = 100;
const TOP_LEVEL: [&str; 2] = ["exporters", "profiles"];
