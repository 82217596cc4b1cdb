//! What the documents say about the repository is so: links, paths, examples, folders, files that
//! they show.
#![cfg(feature = "yaml")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use tracing_genai::config::Config;

#[test]
fn no_link_is_dead_inside_of_the_repository() {
    let mut dead = Vec::new();
    for document in documents() {
        let text = without_code(&read(&document));
        for link in links(&text) {
            let (path, anchor) = link.split_once('#').unwrap_or((link, ""));
            let target = match path {
                "" => document.clone(),
                path => document.parent().unwrap().join(path),
            };
            let found =
                target.exists() && (anchor.is_empty() || headings(&read(&target)).contains(anchor));
            if !found {
                dead.push(format!("{}: {link}", document.display()));
            }
        }
    }
    assert!(dead.is_empty(), "{}", dead.join("\n"));
}

#[test]
fn every_path_that_is_named_exists() {
    let mut missing = Vec::new();
    for document in documents() {
        let text = read(&document);
        for path in text.split(|c: char| c.is_whitespace() || "`()|,;:\"'".contains(c)) {
            let path = path.split('#').next().unwrap().trim_end_matches(['.', '/']);
            let named = PLACES.iter().any(|place| path.starts_with(place));
            // `examples/backends/*.yaml`, `tests/<name>.rs` are no names.
            if named && !path.contains(['*', '<', '{', '…', '$']) {
                let beside = document.parent().unwrap().join(path);
                if !root().join(path).exists() && !beside.exists() {
                    missing.push(format!("{}: {path}", document.display()));
                }
            }
        }
    }
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

#[test]
fn every_example_is_named_in_the_readme_and_every_named_one_is_there() {
    let readme = read(&root().join("README.md"));
    let manifests =
        ["Cargo.toml", "tests/emitters/Cargo.toml"].map(|path| read(&root().join(path)));
    let examples: BTreeSet<&str> = manifests
        .iter()
        .flat_map(|manifest| manifest.split("[[example]]\nname = \"").skip(1))
        .filter_map(|rest| rest.split('"').next())
        .collect();
    for path in files_in(&root().join("examples"), "rs") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(examples.contains(name), "no [[example]] is named {name}");
    }
    for example in &examples {
        let named =
            readme.split(|c: char| !(c.is_alphanumeric() || c == '_')).any(|word| word == *example);
        assert!(named, "the README does not name {example}");
    }
    for document in documents() {
        for rest in read(&document).split("--example ").skip(1) {
            let name = rest.split(|c: char| !(c.is_alphanumeric() || c == '_')).next().unwrap();
            // A name in capitals stands for any.
            if !name.is_empty() && name.to_uppercase() != name {
                assert!(examples.contains(name), "{}: no example `{name}`", document.display());
            }
        }
    }
}

#[test]
fn the_architecture_names_every_folder_and_every_module() {
    let text = read(&root().join("src/ARCHITECTURE.md"));
    for entry in fs::read_dir(root().join("src")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        // A folder `x` goes with a file `x.rs` or has a `mod.rs`: one name for both.
        let name = name.trim_end_matches(".rs");
        if !name.ends_with(".md") {
            assert!(
                text.contains(&format!("`{name}`")),
                "src/ARCHITECTURE.md does not name {name}"
            );
        }
    }
}

#[test]
fn every_guide_is_a_module_and_has_its_place_in_the_order() {
    let modules = read(&root().join("src/guide/mod.rs"));
    let front = read(&root().join("src/lib.rs"));
    for path in files_in(&root().join("src/guide"), "md") {
        let name = path.file_stem().unwrap().to_str().unwrap();
        assert!(modules.contains(&format!("[`{name}`]")), "src/guide/mod.rs does not list {name}");
        assert!(
            modules.contains(&format!("\n    {name}\n")),
            "{name} is no module of src/guide/mod.rs"
        );
        assert!(front.contains(&format!("guide::{name}")), "src/lib.rs does not link {name}");
    }
}

/// Those of other programs begin with a comment that says whose they are.
#[test]
fn every_configuration_that_is_shown_resolves() {
    let variables = [
        ("GRAFANA_OTLP_TOKEN", "t"),
        ("HOSTNAME", "chat-api-7d9f"),
        ("HONEYCOMB_API_KEY", "t"),
        ("LANGFUSE_AUTH", "t"),
        ("OTLP_TOKEN", "t"),
    ];
    let mut shown = 0;
    for document in documents() {
        for yaml in blocks(&read(&document), "yaml") {
            if yaml.starts_with("# collector") || !is_about_us(&document) {
                continue;
            }
            let config: Config = yaml.parse().unwrap_or_else(|error| {
                panic!("{}: {error}\n{yaml}", document.display());
            });
            let explanation = config.resolve(variables).unwrap_or_else(|error| {
                panic!("{}: {error}\n{yaml}", document.display());
            });
            let warnings = explanation.warnings();
            assert!(warnings.is_empty(), "{}: {warnings:?}\n{yaml}", document.display());
            shown += 1;
        }
    }
    assert!(shown >= 10, "{shown}");
}

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// Every Markdown file of the repository, and the front page of the documentation.
fn documents() -> Vec<PathBuf> {
    let mut found = vec![root().join("src/lib.rs"), root().join("src/guide/mod.rs")];
    let mut folders = vec![root()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() && !name.starts_with('.') && !NOT_OURS.contains(&name) {
                folders.push(path);
            } else if name.ends_with(".md") {
                found.push(path);
            }
        }
    }
    found
}

fn is_about_us(document: &Path) -> bool {
    document.ends_with("README.md") && document.parent() == Some(&root())
        || document.parent() == Some(&root().join("src/guide"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}

fn files_in(folder: &Path, extension: &'static str) -> impl Iterator<Item = PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(move |path| path.extension().is_some_and(|found| found == extension))
}

/// The targets of links that point into the repository.
fn links(text: &str) -> impl Iterator<Item = &str> {
    text.split("](").skip(1).filter_map(|rest| {
        let link = rest.split(')').next()?;
        // What rustdoc resolves, it checks.
        let elsewhere =
            link.contains("://") || link.contains("::") || link.contains(char::is_whitespace);
        (!elsewhere && (link.contains(['.', '/']) || link.starts_with('#'))).then_some(link)
    })
}

/// The anchors that GitHub gives to headings.
fn headings(text: &str) -> BTreeSet<String> {
    let lines = text.lines().filter(|line| line.starts_with('#'));
    lines
        .map(|line| {
            let words = line.trim_start_matches('#').trim().to_lowercase();
            let kept = words.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
            kept.map(|c| if c == ' ' { '-' } else { c }).collect()
        })
        .collect()
}

fn without_code(text: &str) -> String {
    text.split("```").step_by(2).collect()
}

/// The fenced blocks of a language.
fn blocks(text: &str, language: &str) -> Vec<String> {
    let fence = format!("```{language}\n");
    let found = text.split(&fence).skip(1).filter_map(|rest| rest.split("```").next());
    found.map(str::to_owned).collect()
}

const PLACES: [&str; 6] = [".ci/", "benches/", "examples/", "fuzz/", "src/", "tests/"];
const NOT_OURS: [&str; 3] = ["node_modules", "shared", "target"];
