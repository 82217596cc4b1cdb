//! Price tables: ours, in US dollars for a million tokens, and LiteLLM's, in US dollars a token.

use super::{Price, Prices};
use crate::config::compose::Malformed;
use crate::config::node::{self, Content, Name, Node, Style};
use crate::config::problem::Position;
#[cfg(feature = "yaml")]
use crate::config::yaml;

impl Prices {
    /// Reads a table in JSON or YAML. What is wrong with a row is kept in `problems`.
    pub(super) fn read_text(&mut self, text: &str, source: &str) {
        let parsed = match text.trim_start().starts_with('{') {
            true => match serde_json::from_str(text) {
                Ok(json) => Ok(Some(node_of(json))),
                Err(error) => {
                    self.problems.push(format!("{source}: {error}"));
                    return;
                }
            },
            #[cfg(feature = "yaml")]
            false => yaml::parse(text),
            #[cfg(not(feature = "yaml"))]
            false => {
                let problem = format!("{source}: is not JSON, and YAML needs the feature `yaml`");
                self.problems.push(problem);
                return;
            }
        };
        let parsed: Result<_, Vec<Malformed>> = parsed;
        let table =
            match parsed {
                Ok(table) => table,
                Err(malformed) => {
                    self.problems.extend(malformed.iter().map(|problem| {
                        format!("{source}:{}: {}", problem.at.line, problem.message)
                    }));
                    return;
                }
            };
        let Some(table) = table else { return };
        let models = table.get("models").unwrap_or(&table);
        let Some(rows) = models.entries() else {
            self.problems
                .push(format!("{source}: expected prices by model, got {}", models.kind()));
            return;
        };
        for (name, row) in rows {
            // A description of the format that LiteLLM's file begins with.
            if name.text == "sample_spec" {
                continue;
            }
            match price(row) {
                Ok(Some(price)) => self.insert_row(&name.text, row, price),
                // Not priced by tokens, such as images by size.
                Ok(None) => {}
                Err(reason) => {
                    let line = match name.at.line {
                        0 => String::new(),
                        line => format!(":{line}"),
                    };
                    self.problems.push(format!("{source}{line}: {}: {reason}", name.text));
                }
            }
        }
    }

    fn insert_row(&mut self, name: &str, row: &Node, price: Price) {
        let provider = row.get("litellm_provider").or_else(|| row.get("provider")).and_then(text);
        match provider {
            // LiteLLM has the main models without a prefix; the provider tells them apart.
            Some(provider) if !name.contains('/') => {
                self.insert(&format!("{provider}/{name}"), price.clone());
                let bare = name.trim().to_ascii_lowercase();
                if !self.exact.contains_key(bare.as_str()) {
                    self.insert(name, price);
                }
            }
            _ => self.insert(name, price),
        }
    }
}

/// JSON as the reader of settings has it. LiteLLM's table is larger than any file of settings may
/// be, so that reader does not take it.
fn node_of(json: serde_json::Value) -> Node {
    use serde_json::Value as Json;
    let at = Position::default();
    let content = match json {
        Json::Array(items) => Content::List(items.into_iter().map(node_of).collect()),
        Json::Object(entries) => {
            let entries = entries.into_iter();
            Content::Map(entries.map(|(text, json)| (Name { text, at }, node_of(json))).collect())
        }
        Json::String(text) => Content::Scalar { text, style: Style::Quoted },
        other => Content::Scalar { text: other.to_string(), style: Style::Plain },
    };
    Node { at, content }
}

/// The price of a row; `None` for a LiteLLM row that has none by tokens or requests.
fn price(row: &Node) -> Result<Option<Price>, String> {
    let Some(entries) = row.entries() else {
        return Err(format!("expected a mapping of prices, got {}", row.kind()));
    };
    let is_litellm = entries.iter().any(|(name, _)| {
        name.text == "litellm_provider" || name.text.ends_with("_per_token") || name.text == "mode"
    });
    let mut price = Price::default();
    let mut priced = false;
    for (name, value) in entries {
        let fields = if is_litellm { LITELLM } else { OURS };
        let Some((_, field, unit)) = fields.iter().find(|(key, ..)| *key == name.text) else {
            if !is_litellm && name.text != "provider" {
                return Err(format!("`{}` is no price; known are {}", name.text, known()));
            }
            continue;
        };
        if value.is_null() {
            continue;
        }
        let amount = text(value)
            .and_then(node::float)
            .filter(|amount| amount.is_finite() && *amount >= 0.0 && *amount * unit < MAX_UNITS)
            .ok_or_else(|| format!("`{}`: expected US dollars, got {}", name.text, shown(value)))?;
        priced = true;
        field.set(&mut price, (amount * unit).round() as u64);
    }
    match (priced, is_litellm) {
        (true, _) => Ok(Some(price)),
        (false, true) => Ok(None),
        (false, false) => Err(String::from("has no price")),
    }
}

fn text(node: &Node) -> Option<&str> {
    match &node.content {
        Content::Scalar { text, .. } => Some(text),
        _ => None,
    }
}

fn shown(node: &Node) -> String {
    text(node).map_or_else(|| node.kind().to_owned(), |text| format!("`{text}`"))
}

fn known() -> String {
    OURS.iter().map(|(key, ..)| *key).collect::<Vec<_>>().join(", ")
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Input,
    Output,
    CacheRead,
    CacheWrite,
    Reasoning,
    AudioInput,
    AudioOutput,
    Request,
}

impl Part {
    fn set(self, price: &mut Price, amount: u64) {
        match self {
            Self::Input => price.input = amount,
            Self::Output => price.output = amount,
            Self::CacheRead => price.cache_read = Some(amount),
            Self::CacheWrite => price.cache_write = Some(amount),
            Self::Reasoning => price.reasoning = Some(amount),
            Self::AudioInput => price.audio_input = Some(amount),
            Self::AudioOutput => price.audio_output = Some(amount),
            Self::Request => price.request = amount,
        }
    }
}

type Column = (&'static str, Part, f64);

const PER_MILLION: f64 = 1e9;
const PER_ONE: f64 = 1e15;
/// A million dollars a token is no price.
const MAX_UNITS: f64 = 1e19;

static OURS: &[Column] = &[
    ("input", Part::Input, PER_MILLION),
    ("output", Part::Output, PER_MILLION),
    ("cache_read", Part::CacheRead, PER_MILLION),
    ("cache_write", Part::CacheWrite, PER_MILLION),
    ("reasoning", Part::Reasoning, PER_MILLION),
    ("audio_input", Part::AudioInput, PER_MILLION),
    ("audio_output", Part::AudioOutput, PER_MILLION),
    ("request", Part::Request, PER_ONE),
];

static LITELLM: &[Column] = &[
    ("input_cost_per_token", Part::Input, PER_ONE),
    ("output_cost_per_token", Part::Output, PER_ONE),
    ("cache_read_input_token_cost", Part::CacheRead, PER_ONE),
    ("cache_creation_input_token_cost", Part::CacheWrite, PER_ONE),
    ("output_cost_per_reasoning_token", Part::Reasoning, PER_ONE),
    ("input_cost_per_audio_token", Part::AudioInput, PER_ONE),
    ("output_cost_per_audio_token", Part::AudioOutput, PER_ONE),
    ("input_cost_per_request", Part::Request, PER_ONE),
];
