//! The environment as a layer.
//!
//! A value that cannot be understood is told and treated as unset, with two exceptions: an
//! endpoint is kept, so that it fails loudly instead of sending elsewhere, and a setting of the
//! content policy becomes the strictest one.

use super::keys::{Field, Key, OWN_PREFIX, Reads, variable_part};
use super::layer::{Entry, Layer};
use super::value::Reader;
use super::words::{Choice, ExporterChoice, Words};
use crate::config::read::env::{Env, NotUtf8};
use crate::config::read::file::CONFIG;
use crate::config::read::node::Node;
use crate::config::read::problem::Origin;
use crate::config::read::reference::Dialect;
use crate::config::read::suggest;

/// Names of the crate's own variables that are no keys.
pub(crate) const PLUGIN: &str = "TRACING_GENAI_PLUGIN";

const EXPORTERS: &str = "TRACING_GENAI_EXPORTERS_";

/// What the variables set, and what is to be said about them.
pub(crate) fn layer(env: &Env) -> (Layer, Vec<String>) {
    let mut layer = Layer::default();
    let mut warnings = Vec::new();
    for key in Key::all() {
        set(&mut layer, key, env, &key.variables(), &mut warnings);
    }
    exporters(&mut layer, env, &mut warnings);
    unknown(env, &mut warnings);
    (layer, warnings)
}

fn set(
    layer: &mut Layer,
    key: Key,
    env: &Env,
    variables: &[(String, Reads)],
    warnings: &mut Vec<String>,
) {
    for (variable, reads) in variables {
        let text = match env.text(variable) {
            Ok(None) => continue,
            Ok(Some(text)) => readable(key, variable, text.trim(), warnings),
            Err(NotUtf8) => {
                warnings.push(format!("{variable}: its value is not valid UTF-8; ignored"));
                None
            }
        };
        let origin = Origin::Env(variable.clone());
        let entry = text.map(|text| Entry {
            reads: *reads,
            ..Entry::new(Node::verbatim(text), origin.clone())
        });
        if let Some(entry) = entry.filter(|entry| understood(key, entry, env, warnings)) {
            layer.entries.entry(key).or_insert(entry);
        } else if !key.row().unreadable.is_empty() {
            // For what may leave, the strictest.
            let strictest = Node::verbatim(key.row().unreadable);
            layer.entries.insert(key, Entry::new(strictest, origin));
            return;
        }
    }
}

/// Whether the value can be read. What is wrong with it becomes a warning.
fn understood(key: Key, entry: &Entry, env: &Env, warnings: &mut Vec<String>) -> bool {
    let mut reader = Reader::new(env, Dialect::Own);
    let value = reader.value(key, entry);
    warnings.append(&mut reader.warnings);
    let outcome = match (&value, key.row().unreadable) {
        (Some(_), _) => String::new(),
        (None, "") => String::from("; ignored"),
        (None, strictest) => format!("; taken for {strictest}"),
    };
    warnings.extend(reader.problems.iter().map(|problem| format!("{problem}{outcome}")));
    value.is_some()
}

/// Brings the words of a standard variable into those of the key.
fn readable(key: Key, variable: &str, text: &str, warnings: &mut Vec<String>) -> Option<String> {
    let list =
        matches!(key.field, Field::TracesExporter | Field::MetricsExporter | Field::LogsExporter);
    if !list || !variable.starts_with("OTEL_") {
        return Some(text.to_owned());
    }
    // A list by the specification; one of it is what this crate can do.
    let words = crate::config::read::lists::words(text);
    let known = |word: &&&str| Choice::find(ExporterChoice::WORDS, word).is_some();
    let none = words.iter().find(|word| word.eq_ignore_ascii_case("none"));
    let chosen = none.or_else(|| words.iter().find(known)).copied();
    for word in &words {
        if Some(*word) != chosen {
            warnings.push(format!(
                "{variable}: {} is not supported; ignored",
                crate::config::read::problem::quote(word)
            ));
        }
    }
    chosen.map(str::to_owned)
}

/// `TRACING_GENAI_EXPORTERS_<number from 0>_<key>` for the entries of `exporters`.
fn exporters(layer: &mut Layer, env: &Env, warnings: &mut Vec<String>) {
    let mut numbers: Vec<usize> = env
        .names()
        .filter_map(|name| name.strip_prefix(EXPORTERS)?.split_once('_')?.0.parse().ok())
        .filter(|number| *number < MAX_EXPORTERS)
        .collect();
    numbers.dedup();
    for number in numbers {
        let mut exporter = Layer::default();
        for key in Key::all().filter(|key| key.row().per_exporter) {
            let variable = format!("{EXPORTERS}{number}_{}", variable_part(&key.path()));
            set(&mut exporter, key, env, &[(variable, Reads::Same)], warnings);
        }
        if !exporter.entries.is_empty() {
            layer.exporter_overrides.insert(number, exporter);
        }
    }
}

/// A variable that looks like ours and is not.
fn unknown(env: &Env, warnings: &mut Vec<String>) {
    let own: Vec<String> =
        Key::all().map(Key::own_variable).chain([CONFIG.to_owned(), PLUGIN.to_owned()]).collect();
    let mut told = 0;
    for name in env.names().filter(|name| name.starts_with(OWN_PREFIX)) {
        let known = own.iter().any(|own| own == name)
            || name.strip_prefix(EXPORTERS).is_some_and(|rest| {
                rest.split_once('_').is_some_and(|(number, part)| {
                    number.parse().is_ok_and(|number: usize| number < MAX_EXPORTERS)
                        && Key::all()
                            .any(|key| key.row().per_exporter && variable_part(&key.path()) == part)
                })
            });
        if !known && told == MAX_UNKNOWN {
            warnings.push(format!("{OWN_PREFIX}*: more unknown variables than the {told} above"));
            return;
        }
        if !known {
            told += 1;
            let help = suggest::nearest(name, own.iter().map(String::as_str))
                .map(|near| format!("; did you mean {near}?"))
                .unwrap_or_default();
            warnings.push(format!("{name}: unknown variable{help}"));
        }
    }
}

/// After so many the rest is not looked at.
const MAX_UNKNOWN: usize = 20;

/// Destinations of one configuration.
pub(crate) const MAX_EXPORTERS: usize = 16;
