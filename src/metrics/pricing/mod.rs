//! What calls cost.
//!
//! Prices come from `pricing.models` and from `pricing.file`; a price given inline wins. A call is
//! priced by its response model, else by its request model; see [`Prices::find`].

mod read;
mod spelling;

use std::path::Path;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::call::{AUDIO, Call, Usage};
use super::finite::Finite;
use crate::config::settings::Pricing;
use crate::config::source::{self, read_bounded};
use crate::semconv::metrics::Tokens;

/// What one model costs, in 10⁻¹⁵ US dollars per token: whole numbers add up exactly.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Price {
    pub(super) input: u64,
    pub(super) output: u64,
    /// Defaults to the price of input.
    pub(super) cache_read: Option<u64>,
    /// Defaults to the price of input.
    pub(super) cache_write: Option<u64>,
    /// Defaults to the price of output.
    pub(super) reasoning: Option<u64>,
    /// Defaults to the price of input.
    pub(super) audio_input: Option<u64>,
    /// Defaults to the price of output.
    pub(super) audio_output: Option<u64>,
    /// For each request.
    pub(super) request: u64,
}

/// What is known of a model's price.
#[derive(Clone, Debug, Default)]
pub(super) enum Priced {
    /// Nobody has looked yet.
    #[default]
    Unasked,
    /// The list does not have the model.
    Unknown,
    Known(Arc<Price>),
}

/// A cost with its parts, in 10⁻¹⁵ US dollars. The parts add up to the whole.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(super) struct Cost {
    pub(super) input: u128,
    pub(super) output: u128,
    pub(super) cache_read: u128,
    pub(super) cache_write: u128,
    pub(super) reasoning: u128,
    pub(super) audio: u128,
    pub(super) request: u128,
}

impl Price {
    /// Audio is taken to be fresh input: providers do not say how much of it was cached.
    pub(super) fn cost(&self, usage: &Usage) -> Cost {
        let tokens = |kind| usage.of(kind).unwrap_or(0);
        let (read, write) = (tokens(Tokens::CacheRead), tokens(Tokens::CacheWrite));
        let reasoning = tokens(Tokens::Reasoning);
        let audio_in = self.audio_input.map_or(0, |_| usage.by_modality[0][AUDIO]);
        let audio_out = self.audio_output.map_or(0, |_| usage.by_modality[1][AUDIO]);
        let special = self.reasoning.map_or(0, |_| reasoning);
        let fresh = tokens(Tokens::Input)
            .saturating_sub(read.saturating_add(write))
            .saturating_sub(audio_in);
        let plain = tokens(Tokens::Output).saturating_sub(special).saturating_sub(audio_out);
        let cost = |tokens: u64, price: u64| u128::from(tokens) * u128::from(price);
        Cost {
            input: cost(fresh, self.input),
            output: cost(plain, self.output),
            cache_read: cost(read, self.cache_read.unwrap_or(self.input)),
            cache_write: cost(write, self.cache_write.unwrap_or(self.input)),
            reasoning: cost(special, self.reasoning.unwrap_or(self.output)),
            audio: cost(audio_in, self.audio_input.unwrap_or(self.input))
                + cost(audio_out, self.audio_output.unwrap_or(self.output)),
            request: u128::from(self.request),
        }
    }
}

impl Cost {
    pub(super) fn total(&self) -> u128 {
        self.input
            + self.output
            + self.cache_read
            + self.cache_write
            + self.reasoning
            + self.audio
            + self.request
    }
}

/// US dollars of a number of 10⁻¹⁵ US dollars.
pub(super) fn dollars(amount: u128) -> f64 {
    amount as f64 / UNITS
}

/// A sum of US dollars in 10⁻¹⁵.
pub(super) fn units(dollars: Finite) -> u128 {
    (dollars.get() * UNITS).round() as u128
}

const UNITS: f64 = 1e15;

/// A table's text. A pipe or a device would never end, and is not opened.
fn read(path: &Path) -> Result<String, String> {
    let bytes = read_bounded(path, MAX_TABLE_BYTES)?;
    let text = source::text(&bytes).map_err(|at| format!("line {} is not UTF-8", at.line))?;
    Ok(text.to_owned())
}

/// LiteLLM's table has about one MiB.
const MAX_TABLE_BYTES: u64 = 64 << 20;

/// The prices of all models.
#[derive(Debug, Default)]
pub(super) struct Prices {
    /// By `provider/model`, or by model where the provider does not matter; in lower case.
    exact: FxHashMap<Box<str>, Arc<Price>>,
    /// What stands before and behind the `*`, the longest first.
    wildcards: Vec<(Box<str>, Box<str>, Arc<Price>)>,
    /// Rows that could not be read.
    pub(super) problems: Vec<String>,
}

impl Prices {
    pub(super) fn load(pricing: &Pricing) -> Self {
        let mut prices = Self::default();
        if let Some(path) = &pricing.file {
            match read(path) {
                Ok(text) => prices.read_text(&text, &path.display().to_string()),
                Err(error) => {
                    prices.problems.push(format!("{}: cannot be read: {error}", path.display()));
                }
            }
        }
        if let Some(models) = &pricing.models {
            // Inline rows come last, so that they win.
            prices.read_text(&serde_json::json!({ "models": models }).to_string(), "pricing");
        }
        prices.sort();
        prices
    }

    /// Whether every model costs the same.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        self.exact == other.exact && self.wildcards == other.wildcards
    }

    fn sort(&mut self) {
        // The stable sort keeps inline rows, which were read last, in front of their equals.
        self.wildcards.reverse();
        self.wildcards.sort_by_key(|(head, tail, _)| std::cmp::Reverse(head.len() + tail.len()));
    }

    pub(super) fn is_empty(&self) -> bool {
        self.exact.is_empty() && self.wildcards.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.exact.len() + self.wildcards.len()
    }

    /// The price of the model that answered a call, else of the one that was asked for.
    pub(super) fn of(&self, call: &Call<'_>) -> Priced {
        let models = [call.response_model, call.request_model];
        let found = models.into_iter().flatten().find_map(|model| self.find(call.provider, model));
        found.map_or(Priced::Unknown, |price| Priced::Known(Arc::clone(price)))
    }

    /// The price of a model of a provider. Tried in this order: the spelling as it is, then with
    /// less and less around the name: paths, regions, vendors, revisions, dates. Each with
    /// the provider before without it. Wildcards come last, the longest first.
    pub(super) fn find(&self, provider: Option<&str>, model: &str) -> Option<&Arc<Price>> {
        let spellings = spelling::of(model);
        let providers = [provider.map(spelling::provider), spelling::provider_in(model)];
        let full: Vec<_> = spellings
            .iter()
            .flat_map(|model| {
                let with = providers.iter().flatten().map(move |it| format!("{it}/{model}"));
                with.chain([model.clone()])
            })
            .collect();
        full.iter().find_map(|name| self.exact.get(name.as_str())).or_else(|| {
            let matches = |name: &str, head: &str, tail: &str| {
                name.len() >= head.len() + tail.len()
                    && name.starts_with(head)
                    && name.ends_with(tail)
            };
            let wildcard = self
                .wildcards
                .iter()
                .find(|(head, tail, _)| full.iter().any(|name| matches(name, head, tail)));
            wildcard.map(|(.., price)| price)
        })
    }

    fn insert(&mut self, name: &str, price: Price) {
        let name = spelling::entry(name);
        match name.split_once('*') {
            Some((head, tail)) => {
                self.wildcards.push((head.into(), tail.into(), Arc::new(price)));
            }
            None => {
                self.exact.insert(name.into(), Arc::new(price));
            }
        }
    }
}

#[cfg(test)]
mod tests;
