//! Any text as a configuration file: a report or an explanation, never a panic.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracing_genai::config::Config;

fuzz_target!(|text: &str| {
    let config: Config = text.parse().expect("is read when it is resolved");
    let none: [(&str, &str); 0] = [];
    match config.resolve(none) {
        Ok(explanation) => drop(explanation.to_string()),
        Err(error) => assert!(!error.to_string().is_empty()),
    }
});
