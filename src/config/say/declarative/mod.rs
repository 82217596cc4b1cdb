//! OpenTelemetry's declarative format, brought onto the crate's own keys.
//!
//! Only what can be kept is taken: anything else is an error where the format is closed, and a
//! warning where it is open. A provider that is not there is off, as the data model has it.

mod otlp;
mod own;
mod providers;
mod resource;
mod sampler;

use super::keys::{Field, Key, Reads, Signal};
use super::layer::{Entry, Layer};
use crate::config::read::env::Env;
use crate::config::read::node::{Content, Name, Node, Style};
use crate::config::read::problem::{Origin, Problem};
use crate::config::read::reference::{Dialect, Template};
use crate::config::read::suggest;

/// What a declarative file sets.
pub(crate) fn layer(root: &Node, origin: &Origin, env: &Env) -> (Layer, Vec<Problem>, Vec<String>) {
    let mut lowering = Lowering {
        origin,
        env,
        layer: Layer::default(),
        exporters: Vec::new(),
        problems: Vec::new(),
        warnings: Vec::new(),
    };
    lowering.root(root);
    lowering.place_exporters();
    (lowering.layer, lowering.problems, lowering.warnings)
}

struct Lowering<'a> {
    origin: &'a Origin,
    env: &'a Env,
    layer: Layer,
    /// OTLP exporters in the order of the file.
    exporters: Vec<(Signal, Layer)>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Lowering<'_> {
    fn root(&mut self, root: &Node) {
        self.version(root);
        let present = |name: &str| root.get(name).is_some();
        self.decide(Field::TracesEnabled, present("tracer_provider"));
        self.decide(Field::MetricsEnabled, present("meter_provider"));
        self.decide(Field::LogsEnabled, present("logger_provider"));
        if root.get("propagator").is_none_or(Node::is_null) {
            self.say(Field::Propagators, "none");
        }
        let limits = root.get("attribute_limits");
        if let Some(limits) = limits {
            // First, so that those of a signal win.
            self.limits(limits, "attribute_limits", GENERAL_LIMITS);
        }
        for (name, node) in root.entries().unwrap_or_default() {
            let path = name.text.as_str();
            match path {
                "file_format" | "attribute_limits" => {}
                "disabled" => self.put(Field::Enabled.general(), path, node, Reads::Inverted),
                "log_level" => self.put(Field::LogLevel.general(), path, node, Reads::Same),
                "resource" => self.resource(node),
                "propagator" => self.propagator(node),
                "tracer_provider" => self.tracer_provider(node),
                "meter_provider" => self.meter_provider(node),
                "logger_provider" => self.logger_provider(node),
                "instrumentation/development" => self.instrumentation(node),
                "distribution" => self.own(node.get(OWN), "distribution"),
                _ => self.warnings.push(format!("{path}: not known here, ignored")),
            }
        }
    }

    fn version(&mut self, root: &Node) {
        let Some(Node { at, content: Content::Scalar { text, .. } }) = root.get("file_format")
        else {
            self.problem(root, "file_format", "expected a version such as \"1.0\"");
            return;
        };
        let plain = text.split('-').next().unwrap_or_default();
        let number = plain.split_once('.').and_then(|(major, minor)| {
            Some((major.parse::<u32>().ok()?, minor.parse::<u32>().ok()?))
        });
        match number {
            Some((1, minor)) if minor <= NEWEST_MINOR => {}
            Some((1, minor)) => self.warnings.push(format!(
                "file_format: 1.{minor} is newer than 1.{NEWEST_MINOR}, which is known here"
            )),
            _ => self.problems.push(Problem::new(
                self.origin.at(*at),
                "file_format",
                format!(
                    "expected \"1.0\" to \"1.{NEWEST_MINOR}\", got {}",
                    crate::config::read::problem::quote(text)
                ),
            )),
        }
    }

    /// The entries of a mapping that knows only `known` keys; others are noted.
    fn closed(&mut self, node: &Node, path: &str, known: &[&str]) -> Vec<(Name, Node)> {
        if node.is_null() {
            return Vec::new();
        }
        let Some(entries) = node.entries() else {
            self.problem(node, path, format!("expected a mapping, got {}", node.kind()));
            return Vec::new();
        };
        let mut found = Vec::new();
        for (name, node) in entries {
            if known.contains(&name.text.as_str()) {
                found.push((name.clone(), node.clone()));
                continue;
            }
            let near = suggest::nearest(&name.text, known.iter().copied());
            let message = if near.is_some() { "unknown key" } else { NOT_SUPPORTED };
            let mut problem =
                Problem::new(self.origin.at(name.at), format!("{path}.{}", name.text), message);
            problem.help = near.map(|near| format!("did you mean `{near}`?"));
            self.problems.push(problem);
        }
        found
    }

    fn list(&mut self, node: &Node, path: &str) -> Vec<Node> {
        if node.is_null() {
            return Vec::new();
        }
        match node.items() {
            Some(items) => items.to_vec(),
            None => {
                self.problem(node, path, format!("expected a list, got {}", node.kind()));
                Vec::new()
            }
        }
    }

    /// The text of a scalar with its references resolved; `None` for nothing.
    fn text(&mut self, node: &Node, path: &str) -> Option<String> {
        let Content::Scalar { text, .. } = &node.content else {
            self.problem(node, path, format!("expected text, got {}", node.kind()));
            return None;
        };
        if node.is_null() {
            return None;
        }
        let expanded = Template::parse(text, Dialect::Declarative)
            .map(|template| template.expand(self.env, Dialect::Declarative));
        match expanded {
            Ok(Ok(text)) => Some(text).filter(|text| !text.is_empty()),
            Ok(Err(_)) => {
                self.problem(node, path, "value of an environment variable is not valid UTF-8");
                None
            }
            Err(message) => {
                self.problem(node, path, message);
                None
            }
        }
    }

    fn put(&mut self, key: Key, path: &str, node: &Node, reads: Reads) {
        // A reference to nothing says nothing, so it takes nothing back either.
        let empty = matches!(&node.content, Content::Scalar { text, style: Style::Plain } if {
            let expanded = Template::parse(text, Dialect::Declarative)
                .ok()
                .and_then(|template| template.expand(self.env, Dialect::Declarative).ok());
            expanded.is_some_and(|text| crate::config::read::node::is_null(&text))
        });
        if !empty {
            let entry = self.entry(path, node, reads);
            self.layer.entries.insert(key, entry);
        }
    }

    /// Sets what follows from the form of the file, unless something of it was said already.
    fn say(&mut self, field: Field, text: &str) {
        let entry = self.entry("", &Node::verbatim(text), Reads::Same);
        self.layer.entries.entry(field.general()).or_insert(entry);
    }

    fn say_over(&mut self, field: Field, text: &str) {
        self.layer.entries.remove(&field.general());
        self.say(field, text);
    }

    fn decide(&mut self, field: Field, on: bool) {
        self.say(field, if on { "true" } else { "false" });
    }

    fn entry(&self, path: &str, node: &Node, reads: Reads) -> Entry {
        Entry { reads, path: path.to_owned(), ..Entry::new(node.clone(), self.origin.at(node.at)) }
    }

    fn unsupported(&mut self, name: &Name, path: &str) {
        self.problems.push(Problem::new(self.origin.at(name.at), path, NOT_SUPPORTED));
    }

    fn problem(&mut self, node: &Node, path: &str, message: impl Into<String>) {
        self.problems.push(Problem::new(self.origin.at(node.at), path, message));
    }
}

const NEWEST_MINOR: u32 = 2;
const GENERAL_LIMITS: &[(&str, &[Field])] = &[
    ("attribute_count_limit", &[Field::AttributeCount, Field::LogsAttributeCount]),
    ("attribute_value_length_limit", &[Field::AttributeLength, Field::LogsAttributeLength]),
];
const NOT_SUPPORTED: &str = "not supported by this build";

#[cfg(all(test, feature = "yaml"))]
mod tests;

/// Our name at the places for own keys.
const OWN: &str = "tracing_genai";
