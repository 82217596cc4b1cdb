//! The seeds of the fuzz targets, and arbitrary text, in the normal tests.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use super::resolve;

fn seeds(target: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let files = fs::read_dir(folder).expect("a corpus");
    files.map(|file| fs::read_to_string(file.expect("an entry").path()).expect("text")).collect()
}

#[test]
fn the_readers_seeds_are_read() {
    let seeds = seeds("reader");
    assert!(seeds.len() > 30);
    for text in seeds {
        let _ = resolve(&text, &[]);
        // Cut anywhere it is still read or refused.
        for (at, _) in text.char_indices().step_by(7) {
            let _ = resolve(&text[..at], &[]);
        }
    }
}

#[test]
fn the_resolvers_seeds_are_resolved() {
    for text in seeds("resolver") {
        let (variables, file) = text.split_once("---\n").expect("variables and a file");
        let variables: Vec<_> = variables.lines().filter_map(|line| line.split_once('=')).collect();
        let _ = resolve(file, &variables);
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused(text in ".{0,200}") {
        let _ = resolve(&text, &[]);
    }

    #[test]
    fn any_value_of_any_key_is_read_or_refused(
        key in prop::sample::select(vec![
            "endpoint", "headers", "sampler_arg", "timeout", "resource_attributes", "propagators",
            "content_capture", "traces", "exporters", "service_name", "file_format",
        ]),
        value in "[ -~]{0,40}|[\\[\\]{}:,'\"$a0.\\-]{0,40}",
    ) {
        let _ = resolve(&format!("{key}: {value}\n"), &[]);
        let variable = format!("TRACING_GENAI_{}", key.to_uppercase());
        let _ = resolve("", &[(&variable, &value)]);
    }
}
