//! What is made from the table of keys for people and their editors: the JSON schema and the
//! table in the documentation. Both are committed; the tests here keep them equal.

use serde_json::{Map, Value, json};

use super::keys::{Key, Kind, ROWS, Reads, Reload, Row, Signal, Zero};
use super::words::Choice;

/// The JSON schema of a configuration file.
fn schema() -> Value {
    let mut exporter = block(|row| row.per_exporter);
    insert(
        &mut exporter,
        "name",
        json!({"type": "string", "description": "Shown in status; a number by default."}),
    );
    insert(&mut exporter, "enabled", json!({"type": "boolean"}));
    let mut top = block(|_| true);
    let exporters = json!({"type": ["array", "null"], "maxItems": 16, "items": {"$ref": "#/$defs/exporter"},
        "description": "Several destinations. They take protocol, compression, timeout and format from above, never endpoint, headers or certificates."});
    insert(&mut top, "exporters", exporters.clone());
    insert(&mut top, "profiles", exporters);
    let otel = json!({"anyOf": [{"$ref": "#/$defs/block"}, {"type": "null"}]});
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "tracing-genai configuration",
        "description": "The keys stand at the top level, under `otel`, under `plugins.<name>.otel`, or in the `config` of a `plugins` entry named `otel`. A file with `file_format` is an OpenTelemetry declarative configuration and has a schema of its own.",
        "anyOf": [
            {"required": ["file_format"]},
            {"required": ["otel"], "properties": {"otel": otel}},
            {"required": ["plugins"], "properties": {"plugins": {"anyOf": [
                {"type": "object", "additionalProperties": {"properties": {"otel": otel}}},
                {"type": "array", "items": {
                    "if": {"properties": {"name": {"const": "otel"}}},
                    "then": {"properties": {"config": otel, "enabled": {"type": "boolean"}}}
                }}
            ]}}},
            {"$ref": "#/$defs/block"}
        ],
        "$defs": {
            "block": top,
            "exporter": exporter,
            "reference": {"type": "string", "pattern": "\\$\\{[^}]+\\}", "description": "${NAME} or ${NAME:-default}"}
        }
    })
}

fn block(wanted: fn(&Row) -> bool) -> Value {
    let mut block = object();
    for (path, key, reads) in Key::spellings().filter(|(_, key, _)| wanted(key.row())) {
        insert(&mut block, path, property(key, reads));
    }
    block
}

fn object() -> Value {
    json!({"type": "object", "additionalProperties": false, "properties": {}})
}

/// Puts a property at a path with dots. A branch that is also a key (`content_capture`) may be
/// either.
fn insert(block: &mut Value, path: &str, property: Value) {
    let properties = block["properties"].as_object_mut().expect("a block");
    match path.split_once('.') {
        None => {
            properties.insert(path.to_owned(), property);
        }
        Some((branch, rest)) => {
            let inner = properties.entry(branch).or_insert_with(object);
            if inner.get("properties").is_none() && inner.get("anyOf").is_none() {
                *inner = json!({"anyOf": [inner.take()]});
            }
            if inner.get("anyOf").is_none() {
                return insert(inner, rest, property);
            }
            let either = inner["anyOf"].as_array_mut().expect("a list");
            let at = either.iter().position(|one| one.get("properties").is_some());
            let at = at.unwrap_or_else(|| {
                either.push(object());
                either.len() - 1
            });
            insert(&mut either[at], rest, property);
        }
    }
}

fn property(key: Key, reads: Reads) -> Value {
    let row = key.row();
    let mut property = match reads {
        Reads::DisablesContent | Reads::Inverted => kind(Kind::Bool),
        Reads::Seconds => kind(Kind::Int { min: 1, max: 300 }),
        Reads::Same | Reads::Deprecated => kind(row.kind),
    };
    let fields = property.as_object_mut().expect("an object");
    fields.insert(String::from("description"), json!(row.doc));
    if reads == Reads::Deprecated || matches!(row.kind, Kind::NoEffect) {
        fields.insert(String::from("deprecated"), json!(true));
    }
    property
}

fn kind(kind: Kind) -> Value {
    let reference = json!({"$ref": "#/$defs/reference"});
    let or = |value: Value| json!({"anyOf": [value, reference, {"type": "null"}]});
    let words = |choices: &[Choice]| {
        let words: Vec<&str> = choices
            .iter()
            .flat_map(|choice| std::iter::once(&choice.name).chain(choice.aliases))
            .copied()
            .collect();
        json!({"enum": words})
    };
    match kind {
        Kind::Bool => or(json!({"type": "boolean"})),
        Kind::Int { min, max } => or(json!({"type": "integer", "minimum": min, "maximum": max})),
        Kind::Number { min, max } => or(json!({"type": "number", "minimum": min, "maximum": max})),
        Kind::Duration { min, max, zero } => {
            let least = if zero == Zero::Refused { min } else { 0 };
            json!({"anyOf": [
                {"type": "integer", "minimum": least, "maximum": max},
                {"type": "string", "pattern": "^[0-9]+ ?(ms|s|m|min|h)$"},
                reference, {"type": "null"}
            ]})
        }
        Kind::Choice(choices) => match words(choices) {
            // Off and on may be booleans too.
            words
                if words["enum"]
                    .as_array()
                    .is_some_and(|words| words.contains(&json!("false"))) =>
            {
                json!({"anyOf": [words, {"type": "boolean"}, reference, {"type": "null"}]})
            }
            words => or(words),
        },
        Kind::Choices(choices) => {
            json!({"anyOf": [{"type": "array", "items": words(choices)}, {"type": "string"}, {"type": "null"}]})
        }
        Kind::Text { max } => {
            json!({"type": ["string", "number", "boolean", "null"], "maxLength": max})
        }
        Kind::Url | Kind::Path | Kind::Secret | Kind::HeadersList => {
            json!({"type": ["string", "null"]})
        }
        Kind::Headers => json!({"type": ["object", "null"],
            "additionalProperties": {"type": ["string", "number", "boolean", "null"]}}),
        Kind::Attributes => json!({"type": ["object", "null"], "additionalProperties":
            {"type": ["string", "number", "boolean", "array", "null"], "items": {"type": ["string", "number", "boolean"]}}}),
        Kind::Names => json!({"type": ["array", "string", "null"], "items": {"type": "string"}}),
        Kind::Counts => json!({"type": ["object", "null"],
            "additionalProperties": {"type": "integer", "minimum": 1, "maximum": 100_000}}),
        Kind::Json | Kind::NoEffect => Value::Object(Map::new()),
    }
}

/// The table of all keys for the documentation, in Markdown.
fn table() -> String {
    let mut table = String::from(
        "| Key | Values | Default | Variables | Reload | |\n|---|---|---|---|---|---|\n",
    );
    for row in ROWS {
        let key = row.field.general();
        let aliases: Vec<String> = row
            .aliases
            .iter()
            .map(|alias| match alias.signal {
                Signal::General => format!("`{}`", alias.name),
                signal => format!("`{}` for `{}.{}`", alias.name, signal.name(), row.path),
            })
            .collect();
        let aliases =
            if aliases.is_empty() { String::new() } else { format!(" ({})", aliases.join(", ")) };
        let marks = match (row.per_signal, row.per_exporter) {
            (true, _) => " ¹ ²",
            (false, true) => " ²",
            _ => "",
        };
        let variables: Vec<String> = key
            .variables()
            .into_iter()
            .map(|(name, reads)| match reads {
                Reads::Inverted => format!("`{name}` (inverted)"),
                _ => format!("`{name}`"),
            })
            .collect();
        let default =
            if row.default.is_empty() { String::new() } else { format!("`{}`", row.default) };
        let values = values(row.kind);
        let path = row.path;
        let doc = row.doc;
        table += &format!(
            "| `{path}`{aliases}{marks} | {values} | {default} | {} | {} | {doc} |\n",
            variables.join(" "),
            reload(row)
        );
    }
    table
}

fn reload(row: &Row) -> String {
    match row.reload {
        _ if matches!(row.kind, Kind::NoEffect) => String::new(),
        Reload::Live => String::from("at once"),
        Reload::Restart => String::from("restart"),
        Reload::RestartFor(word) => format!("at once; restart for `{word}`"),
        Reload::RestartForNames => String::from("at once; restart for other names"),
    }
}

fn values(kind: Kind) -> String {
    match kind {
        Kind::Bool => String::from("true, false"),
        Kind::Int { min, max } => format!("{min} to {max}"),
        Kind::Number { min, max } => format!("{min} to {max}"),
        Kind::Duration { min, max, zero } => {
            let zero = if zero == Zero::Refused { "" } else { "0, " };
            format!("{zero}{min} to {max} ms, or with a unit")
        }
        Kind::Choice(choices) | Kind::Choices(choices) => {
            let words: Vec<String> =
                choices.iter().map(|choice| format!("`{}`", choice.name)).collect();
            words.join(", ")
        }
        Kind::Text { .. } => String::from("text"),
        Kind::Url => String::from("URL"),
        Kind::Path => String::from("path"),
        Kind::Secret => String::from("secret"),
        Kind::Headers => String::from("mapping of names to secrets"),
        Kind::HeadersList => String::from("`name=value,…`"),
        Kind::Attributes => String::from("mapping"),
        Kind::Names => String::from("list"),
        Kind::Counts => String::from("mapping of names to numbers"),
        Kind::Json => String::from("mapping"),
        Kind::NoEffect => String::from("ignored with a warning"),
    }
}

/// Compares a committed file with what it is made from, and writes what it should be.
#[expect(clippy::print_stderr, reason = "tells where the new text is")]
fn is_current(path: &str, expected: &str) {
    let committed = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    if std::fs::read_to_string(&committed).is_ok_and(|text| text == expected) {
        return;
    }
    let new = std::env::temp_dir().join(path.replace('/', "_"));
    std::fs::write(&new, expected).expect("a temporary file");
    eprintln!("the new text is in {}", new.display());
    panic!("{path} is not what the table of keys says");
}

#[test]
fn the_schema_is_what_the_table_says() {
    let mut schema = schema();
    // Another crate in the same build may make serde_json keep the order of insertion.
    schema.sort_all_objects();
    let text = serde_json::to_string_pretty(&schema).expect("a schema");
    is_current("telemetry.schema.json", &format!("{text}\n"));
}

#[test]
fn the_documentation_is_what_the_table_says() {
    is_current("src/config/keys.md", &table());
}

#[test]
fn every_key_has_a_variable_that_works() {
    use super::examples::{as_variable, examples};
    use super::variables;
    use crate::config::read::env::Env;

    for key in Key::all().filter(|key| !matches!(key.row().kind, Kind::NoEffect)) {
        let example = examples(key).pop().unwrap_or_else(|| json!("text"));
        let text = as_variable(key, &example);
        let variable = key.own_variable();
        let env: Env = [(variable.clone(), text)].into_iter().collect();
        let (layer, warnings) = variables::layer(&env);
        assert!(layer.entries.contains_key(&key), "{variable}");
        assert_eq!(warnings, Vec::<String>::new(), "{variable}");
    }
}
