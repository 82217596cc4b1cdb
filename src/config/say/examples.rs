//! Right values of every key, for tests that walk the rows.

use serde_json::{Value, json};

use super::keys::{Key, Kind};

/// Values that differ from each other, as they stand in a file. Empty where they cannot be made up:
/// for files.
pub(crate) fn examples(key: Key) -> Vec<Value> {
    match key.row().kind {
        Kind::Bool => vec![json!(true), json!(false)],
        Kind::Int { min, .. } => vec![json!(min.max(1)), json!(min.max(1) + 1)],
        Kind::Number { min, max } => vec![json!(min + (max - min) / 4.0), json!(max)],
        Kind::Duration { min, .. } => vec![json!(min), json!(min + 1)],
        Kind::Choice(words) | Kind::Choices(words) => {
            words.iter().map(|word| json!(word.name)).collect()
        }
        Kind::Text { .. } => vec![json!("warn"), json!("debug")],
        Kind::Url => vec![json!("http://127.0.0.1:1"), json!("http://127.0.0.1:2")],
        Kind::Path => Vec::new(),
        Kind::Secret => vec![json!("one"), json!("two")],
        Kind::Headers | Kind::Attributes => vec![json!({"a": "1"}), json!({"a": "2"})],
        Kind::HeadersList => vec![json!("a=1"), json!("a=2")],
        Kind::Names => vec![json!(["a"]), json!(["b"])],
        Kind::Counts => vec![json!({"a": 5}), json!({"a": 6}), json!({"b": 6})],
        Kind::Json => [1, 2].map(|dollars| json!({"m": {"input": dollars, "output": 0}})).to_vec(),
        Kind::NoEffect => vec![json!(1), json!(2)],
    }
}

/// The same as the text of a variable.
pub(crate) fn as_variable(key: Key, example: &Value) -> String {
    match (key.row().kind, example) {
        (Kind::Json, example) => example.to_string(),
        (_, Value::String(text)) => text.clone(),
        (_, Value::Object(map)) => {
            let pairs = map.iter().map(|(name, value)| match value {
                Value::String(text) => format!("{name}={text}"),
                value => format!("{name}={value}"),
            });
            pairs.collect::<Vec<_>>().join(",")
        }
        (_, Value::Array(items)) => items.iter().filter_map(Value::as_str).collect(),
        (_, value) => value.to_string(),
    }
}
