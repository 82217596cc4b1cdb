//! Every case in every format, as it stands in `golden/{case}.json`.
//!
//! `UPDATE=1 cargo test --test format golden` writes the files; the diff is what to review.

use std::fs;
use std::path::PathBuf;

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
        let file = folder.join(format!("{name}.json"));
        if update {
            fs::write(&file, format!("{:#}\n", Value::Object(all))).unwrap();
            continue;
        }
        let expected = fs::read_to_string(&file)
            .ok()
            .and_then(|text| serde_json::from_str::<Value>(&text).ok());
        if expected != Some(Value::Object(all)) {
            wrong.push(name);
        }
    }
    assert!(wrong.is_empty(), "differ from golden/, see UPDATE=1: {wrong:?}");
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
