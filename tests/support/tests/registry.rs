//! The checker's own attribute list is the registry's.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "a failing step is a failing test")]

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tracing_genai_test_support::conformance::{Version, attributes};

fn registry(folder: &str) -> Option<BTreeMap<String, String>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/semconv-genai");
    let mut found = BTreeMap::new();
    for part in std::fs::read_dir(root.join(folder).join("model")).ok()? {
        let Ok(text) = std::fs::read_to_string(part.unwrap().path().join("registry.yaml")) else {
            continue;
        };
        let file: Value = serde_saphyr::from_str(&text).unwrap();
        let groups = file["groups"].as_array().cloned().unwrap_or_else(|| vec![file]);
        for attribute in groups.iter().filter_map(|it| it["attributes"].as_array()).flatten() {
            let key = attribute["id"].as_str().or(attribute["key"].as_str());
            let (Some(key), Some(ty)) = (key, attribute.get("type")) else { continue };
            // An enumeration is a mapping of its members; all of them are strings here.
            found.insert(key.to_owned(), ty.as_str().unwrap_or("string").to_owned());
        }
    }
    Some(found)
}

fn compare(folder: &str, version: Version) {
    let Some(registry) = registry(folder) else {
        eprintln!("skipped: ../shared/semconv-genai/{folder} is not there");
        return;
    };
    let mine: BTreeMap<_, _> = attributes(version).into_iter().collect();
    let prefixes = ["gen_ai.", "mcp.", "openai.", "aws.bedrock."];
    let ours = |key: &&str| prefixes.iter().any(|prefix| key.starts_with(prefix));
    for (key, ty) in &registry {
        if ty.starts_with("template") {
            continue;
        }
        assert_eq!(mine.get(key.as_str()), Some(&ty.as_str()), "{key} of {folder}");
    }
    for key in mine.keys().copied().filter(|key| ours(key)) {
        assert!(registry.contains_key(key), "{key} is not in {folder}");
    }
}

#[test]
fn the_attribute_list_is_the_registry_of_1_41() {
    compare("core-v1.41.0", Version::V1_41);
}

#[test]
fn the_attribute_list_is_the_newest_registry() {
    compare("newest-partial", Version::Latest);
}
