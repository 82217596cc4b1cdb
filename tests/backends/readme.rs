//! The table of `examples/backends/README.md` is that of the files.

use super::*;

#[test]
fn the_readme_names_every_file_and_every_variable_in_it() {
    let readme = std::fs::read_to_string(folder().join("README.md")).unwrap();
    for recipe in RECIPES {
        let file = recipe.file;
        let row = readme.lines().find(|line| line.starts_with(&format!("| [`{file}.yaml`]")));
        let row = row.unwrap_or_else(|| panic!("no row for {file}"));
        let cells: Vec<_> = row.split('|').map(str::trim).collect();
        let [_, _, variables, protocol, signals, ..] = cells.as_slice() else { panic!("{row}") };
        let (needed, optional) = variables.split_once("optional ").unwrap_or((variables, ""));

        let text = std::fs::read_to_string(folder().join(format!("{file}.yaml"))).unwrap();
        let mut named = BTreeSet::new();
        for reference in text.split("${").skip(1) {
            let (reference, _) = reference.split_once('}').unwrap();
            let (name, place) = match reference.split_once(":-") {
                Some((name, _)) => (name, optional),
                None => (reference, needed),
            };
            assert!(place.contains(&format!("`{name}`")), "{file}: {name} in {row}");
            named.insert(name);
        }
        assert_eq!(variables.matches('`').count(), 2 * named.len(), "{row}");
        assert_eq!(protocol.contains("gRPC"), recipe.grpc.is_some(), "{row}");
        assert_eq!(signals.contains("metrics"), !matches!(recipe.metrics, Metrics::None), "{row}");
    }
}
