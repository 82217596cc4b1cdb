//! Configuration as its owner meets it: files, variables, reports.
#![cfg(feature = "init")]
#![expect(clippy::print_stderr, reason = "says what is skipped")]
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod backends;
mod corpus;
mod declarative;
mod hostile;
mod precedence;
mod reference_documents;
mod reports;
mod secrets;
mod variables;

use tracing_genai::config::{Config, Explanation};

/// The explanation of a configuration that is right.
fn explain(text: &str, variables: &[(&str, &str)]) -> Explanation {
    resolve(text, variables).unwrap_or_else(|report| panic!("{report}\n---\n{text}"))
}

/// The report on a configuration that is wrong.
fn report(text: &str, variables: &[(&str, &str)]) -> String {
    match resolve(text, variables) {
        Ok(explanation) => panic!("expected a report, got\n{explanation}\n---\n{text}"),
        Err(report) => report,
    }
}

fn resolve(text: &str, variables: &[(&str, &str)]) -> Result<Explanation, String> {
    let config: Config = text.parse().unwrap();
    config.resolve(variables.iter().copied()).map_err(|error| error.to_string())
}

fn value<'e>(explanation: &'e Explanation, key: &str) -> &'e str {
    explanation.get(key).map_or("", |(value, _)| value)
}

fn origin<'e>(explanation: &'e Explanation, key: &str) -> &'e str {
    explanation.get(key).map_or("", |(_, origin)| origin)
}
