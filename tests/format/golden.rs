//! Every case in every format, as it stands in `golden/{case}.json`.
//!
//! `UPDATE=1 cargo test -p tracing-genai --test format golden` writes the files; the diff is what to
//! review. The order of the members of an object does not count, in JSON text inside of strings
//! neither: it is serde_json's, and another crate in the same build may change it there. That of
//! lists does, and so does every other byte of a string.

use std::fmt;
use std::fs;
use std::path::PathBuf;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::cases::{cases, formats, to_json};

#[test]
fn golden() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/format/golden");
    let update = std::env::var_os("UPDATE").is_some();
    let mut wrong = Vec::new();
    for (name, span) in cases() {
        let all: Map<String, Value> = formats()
            .iter()
            .map(|format| (format.name().to_owned(), to_json(&format.format(span.clone()))))
            .collect();
        let mut all = Value::Object(all);
        let file = folder.join(format!("{name}.json"));
        if update {
            all.sort_all_objects();
            fs::write(&file, format!("{all:#}\n")).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&file)
            .ok()
            .and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if expected.map(sorted) != Some(sorted(all)) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "differ from golden/, see UPDATE=1: {wrong:?}");
}

/// The same with the members of objects in strings by name.
fn sorted(value: Value) -> Value {
    match value {
        Value::String(text) => Value::String(by_name(&text)),
        Value::Array(items) => items.into_iter().map(sorted).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, member)| (name, sorted(member))).collect()
        }
        other => other,
    }
}

/// JSON text with the members of its objects by name and every other byte as it was; any other
/// text unchanged. Text with spaces or needless escapes in it is any other text.
fn by_name(json: &str) -> String {
    let list = |items: &mut dyn Iterator<Item = String>| items.collect::<Vec<_>>().join(",");
    let pair = |name: &str, value: &str| format!("{}:{value}", Value::from(name));
    match json.as_bytes().first() {
        Some(b'{') => {
            let Ok(Members(mut members)) = serde_json::from_str(json) else {
                return json.to_owned();
            };
            let again = list(&mut members.iter().map(|(name, raw)| pair(name, raw.get())));
            if format!("{{{again}}}") != json {
                return json.to_owned();
            }
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            let members = members.iter().map(|(name, raw)| pair(name, &by_name(raw.get())));
            format!("{{{}}}", list(&mut members.into_iter()))
        }
        Some(b'[') => {
            let Ok(items) = serde_json::from_str::<Vec<&RawValue>>(json) else {
                return json.to_owned();
            };
            let again = list(&mut items.iter().map(|raw| raw.get().to_owned()));
            if format!("[{again}]") != json {
                return json.to_owned();
            }
            format!("[{}]", list(&mut items.iter().map(|raw| by_name(raw.get()))))
        }
        // JSON in a string of JSON.
        Some(b'"') => match serde_json::from_str::<String>(json) {
            Ok(text) if serde_json::to_string(&text).is_ok_and(|again| again == json) => {
                Value::String(by_name(&text)).to_string()
            }
            _ => json.to_owned(),
        },
        _ => json.to_owned(),
    }
}

/// The members of an object in their order, each as often as it is there.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

#[test]
fn order_of_members_is_all_that_does_not_count() {
    let same = |a: &str, b: &str| sorted(Value::from(a)) == sorted(Value::from(b));
    assert!(same(r#"[{"b":1,"a":"{\"d\":1,\"c\":2}"}]"#, r#"[{"a":"{\"c\":2,\"d\":1}","b":1}]"#));
    assert!(!same("[1,2]", "[2,1]"));
    assert!(!same(r#"{"a":1}"#, r#"{"a": 1}"#));
    assert!(!same(r#"{"a":1}"#, r#"{"a":1.0}"#));
    assert!(!same(r#"{"a":1,"a":1}"#, r#"{"a":1}"#));
    assert!(!same(r#"{"a":1,"b":2} "#, r#"{"b":2,"a":1} "#));
}

#[test]
fn no_golden_file_is_left_over() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/format/golden");
    let names: Vec<_> = cases().into_iter().map(|(name, _)| name).collect();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let stem = path.file_stem().unwrap().to_string_lossy().into_owned();
        assert!(names.contains(&stem), "{stem} has no case");
    }
}

#[test]
fn formatting_twice_adds_nothing() {
    // A span that already is in a format, as a relaying process would hand it over.
    for (name, span) in cases() {
        for format in formats() {
            let once = format.format(span.clone());
            let keys = |span: &opentelemetry_sdk::trace::SpanData| {
                to_json(span)["attributes"].as_object().unwrap().keys().cloned().collect::<Vec<_>>()
            };
            let twice = format.format(once.clone());
            for key in keys(&once) {
                if !key.starts_with("gen_ai.") {
                    assert!(keys(&twice).contains(&key), "{name} {} lost {key}", format.name());
                }
            }
        }
    }
}
