//! A file and variables: lines before `---` are `NAME=value`, the rest is the file. What the
//! variable SECRET holds stands in nothing that is printed.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tracing_genai::config::Config;

const CANARY: &str = "sk-CANARY-4711";

fuzz_target!(|text: &str| {
    let (variables, file) = text.split_once("---\n").unwrap_or((text, ""));
    let variables: Vec<(&str, &str)> = variables
        .lines()
        .filter_map(|line| line.split_once('='))
        .filter(|(name, _)| !name.is_empty())
        .chain([("SECRET", CANARY)])
        .collect();
    let config: Config = format!("headers: {{x: '${{SECRET}}'}}\n{file}")
        .parse()
        .expect("is read when it is resolved");
    let said = match config.resolve(variables) {
        Ok(explanation) => explanation.to_string(),
        Err(error) => format!("{error:?}"),
    };
    // References elsewhere in the file may bring it to keys that are no secrets.
    assert!(file.contains("SECRET") || !said.contains(CANARY));
});
