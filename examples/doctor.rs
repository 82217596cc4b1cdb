//! Asks every destination of a configuration file whether it would take spans:
//! `cargo run --example doctor -- telemetry.yaml`
//!
//! Sends an empty export to each, prints a line for each with what to change, and exits with 1
//! when one is broken.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::process::ExitCode;

use tracing_genai::telemetry::{Console, Verdict};
use tracing_subscriber::Registry;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: doctor FILE");
        return ExitCode::from(2);
    };
    // Nothing is installed: the layer is dropped, the handle knows the destinations.
    let builder = tracing_genai::builder().config_file(path).console(Console::Never);
    let telemetry = match builder.build::<Registry>() {
        Ok((_, telemetry)) => telemetry,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::FAILURE;
        }
    };
    for warning in telemetry.status().warnings() {
        println!("note    {warning}");
    }
    let diagnosis = telemetry.doctor();
    for probe in diagnosis.findings() {
        let verdict = match probe.verdict() {
            Verdict::Works => "works",
            Verdict::Slow => "slow",
            _ => "broken",
        };
        println!("{verdict:<7} {probe}");
    }
    if diagnosis.findings().is_empty() {
        println!("{diagnosis}");
    }
    if diagnosis.is_healthy() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
