//! Compares the public API with the list of it that is checked in.
//!
//! ```text
//! cargo run --package tracing-genai-public-api              # compares; a difference is an error
//! cargo run --package tracing-genai-public-api -- --write   # writes the list anew
//! ```
//!
//! The list, `api.txt` beside this package's manifest, has a line for every public item with all
//! features on: what a release adds, changes and removes is the difference of two of them. It is
//! made from rustdoc's JSON, whose form is not stable: with a compiler that writes another form
//! than `public-api` reads, nothing is compared and the program says so.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool")]

use std::error::Error;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use public_api::Builder;

fn main() -> ExitCode {
    let write = std::env::args().nth(1).as_deref() == Some("--write");
    match run(write) {
        Ok(outcome) => {
            println!("{outcome}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(write: bool) -> Result<String, Box<dyn Error>> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let list = package.join("api.txt");
    let api = match Builder::from_rustdoc_json(rustdoc_json(package)?)
        .omit_blanket_impls(true)
        .omit_auto_trait_impls(true)
        .sorted(true)
        .build()
    {
        Ok(api) => api,
        Err(error) if !write => {
            return Ok(format!("skipped: public-api does not read this compiler's JSON: {error}"));
        }
        Err(error) => return Err(error.into()),
    };
    let mut now = String::new();
    for item in api.items().map(ToString::to_string) {
        // These are there in the documentation only.
        if !item.starts_with("pub mod tracing_genai::guide") {
            writeln!(now, "{item}")?;
        }
    }
    if write {
        std::fs::write(&list, &now)?;
        return Ok(format!("{} public items written to {}", now.lines().count(), list.display()));
    }
    let before = std::fs::read_to_string(&list)?;
    match differences(&before, &now) {
        None => Ok(format!("{} public items, as in {}", now.lines().count(), list.display())),
        Some(differences) => Err(format!(
            "the public API is not the one of {}:\n{differences}\
             If that is meant, write it anew: cargo run --package tracing-genai-public-api -- --write",
            list.display()
        )
        .into()),
    }
}

/// Lines that went and lines that came; `None` where there are none.
fn differences(before: &str, now: &str) -> Option<String> {
    let mut out = String::new();
    for (mark, from, other) in [('-', before, now), ('+', now, before)] {
        let other: std::collections::BTreeSet<_> = other.lines().collect();
        for line in from.lines().filter(|line| !other.contains(line)) {
            out.push_str(&format!("{mark}{line}\n"));
        }
    }
    (!out.is_empty()).then_some(out)
}

/// Has rustdoc write its JSON and says where it is.
///
/// Only rustdoc is told that it may use what is not stable: the variable is seen by build scripts,
/// and set for all it would build the dependencies anew, there and back.
fn rustdoc_json(package: &Path) -> Result<PathBuf, Box<dyn Error>> {
    let metadata = Command::new(env!("CARGO"))
        .current_dir(package)
        .args(["metadata", "--no-deps", "--format-version=1"])
        .output()?;
    let metadata = String::from_utf8(metadata.stdout)?;
    let target = metadata
        .split_once("\"target_directory\":\"")
        .and_then(|(_, rest)| rest.split('"').next())
        .ok_or("cargo metadata names no target directory")?;
    let target = PathBuf::from(target);

    let rustdoc = target.join("rustdoc-with-json");
    std::fs::write(&rustdoc, "#!/bin/sh\nRUSTC_BOOTSTRAP=1 exec rustdoc \"$@\"\n")?;
    #[cfg(unix)]
    std::fs::set_permissions(&rustdoc, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;

    let status = Command::new(env!("CARGO"))
        .current_dir(package)
        .args(["rustdoc", "--quiet", "--package=tracing-genai", "--lib", "--all-features", "--"])
        .args(["-Zunstable-options", "--output-format=json", "--cap-lints=allow"])
        .env("RUSTDOC", &rustdoc)
        .status()?;
    if !status.success() {
        return Err("rustdoc failed".into());
    }
    Ok(target.join("doc/tracing_genai.json"))
}
