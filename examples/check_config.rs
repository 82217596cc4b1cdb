//! Checks a configuration file without starting anything:
//! `cargo run --example check_config -- telemetry.yaml`
//!
//! Prints the effective settings, or every problem and exits with 1.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::process::ExitCode;

use tracing_genai::config::Config;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: check_config FILE");
        return ExitCode::from(2);
    };
    // Only what is UTF-8: the library warns about the values that are not.
    let variables =
        std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    match Config::from_file(path).and_then(|config| config.resolve(variables)) {
        Ok(explanation) => {
            print!("{explanation}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
