//! The folders of `src` are floors: each uses only those below it, and inside of a folder no two
//! files need each other.
//!
//! Paths are read from the tokens of every file, so that comments, strings and tests do not count.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

/// What is listed first is the ground. `guide` is documentation and links to everything.
const FLOORS: &[&str] = &[
    "error",
    "semconv",
    "health",
    "content",
    "record",
    "policy",
    "capture",
    "calls",
    "format",
    "config",
    "metrics",
    "pipeline",
    "console",
    "telemetry",
    "testing",
];

/// Files that may need each other, and why.
const CIRCLES: &[(&[&str], &str)] = &[
    (
        &["capture::tracer::observe", "capture::tracer::state"],
        "an open span knows the spans around it, which are open spans",
    ),
    (
        &["content::messages::message", "content::messages::system"],
        "a request holds instructions, and instructions may be a list of messages",
    ),
];

#[test]
fn a_folder_uses_only_the_folders_below_it() {
    let house = House::read();
    let floor = |module: &str| {
        let room = module.split("::").next().unwrap();
        FLOORS.iter().position(|name| *name == room)
    };
    let mut wrong = BTreeSet::new();
    for room in house.modules().filter(|module| !module.is_empty() && *module != "guide") {
        assert!(floor(room).is_some(), "{room} has no floor: add its folder to FLOORS");
    }
    for (from, to) in &house.uses {
        if floor(from) < floor(to) {
            wrong.insert(format!("{from} uses {to}"));
        }
    }
    assert!(wrong.is_empty(), "these go up:\n{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn no_two_files_of_a_folder_need_each_other() {
    let house = House::read();
    let mut found = Vec::new();
    for folder in house.folders() {
        let rooms = house.uses_within(&folder);
        for circle in circles(&rooms) {
            let names: Vec<String> = circle.into_iter().map(|room| join(&folder, &room)).collect();
            let excused = CIRCLES.iter().any(|(files, _)| names.iter().eq(files.iter()));
            if !excused {
                found.push(names.join(", "));
            }
        }
    }
    assert!(found.is_empty(), "these need each other:\n{}", found.join("\n"));
}

/// The modules of the library and which of them uses which.
struct House {
    files: BTreeMap<String, Module>,
    /// From a module to a module, by paths such as `capture::tracer::span`. The root is empty.
    uses: BTreeSet<(String, String)>,
}

#[derive(Default)]
struct Module {
    /// Paths in the code, private imports included.
    paths: Vec<Vec<String>>,
    /// What it passes on with `pub use`: the path by the name under which it is known here.
    passed_on: Vec<(String, Vec<String>)>,
    /// Whether it is the face of a folder.
    is_folder: bool,
}

impl House {
    fn read() -> Self {
        let mut files = BTreeMap::new();
        read_folder(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src"), "", &mut files);
        assert!(files.len() > 100, "{} modules", files.len());
        let mut house = Self { files, uses: BTreeSet::new() };
        let mut uses = BTreeSet::new();
        for (module, file) in &house.files {
            if module.is_empty() || module == "guide" {
                continue;
            }
            for path in &file.paths {
                match house.home_of(module, path, 0) {
                    Some(to) if to != *module && !to.is_empty() => {
                        uses.insert((module.clone(), to));
                    }
                    _ => {}
                }
            }
        }
        assert!(uses.len() > 300, "{} uses", uses.len());
        house.uses = uses;
        house
    }

    fn modules(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    fn folders(&self) -> Vec<String> {
        self.files.iter().filter(|(_, file)| file.is_folder).map(|(name, _)| name.clone()).collect()
    }

    /// The module in which a path ends that is written in `module`; `None` where it ends in no
    /// module of ours.
    fn home_of(&self, module: &str, path: &[String], passed: usize) -> Option<String> {
        if passed > 8 {
            return None;
        }
        let mut at = module.to_owned();
        let mut rest = path;
        loop {
            match rest.first().map(String::as_str) {
                Some("crate") => at.clear(),
                Some("self") => {}
                Some("super") => at = parent(&at)?.to_owned(),
                _ => break,
            }
            rest = &rest[1..];
        }
        while let Some(name) = rest.first() {
            let child = join(&at, name);
            if !self.files.contains_key(&child) {
                break;
            }
            at = child;
            rest = &rest[1..];
        }
        let Some(name) = rest.first() else { return Some(at) };
        let file = &self.files[&at];
        match file.passed_on.iter().find(|(known_as, _)| known_as == name) {
            Some((_, path)) => self.home_of(&at, path, passed + 1),
            None => Some(at),
        }
    }

    /// Which file or folder directly in `folder` uses which.
    fn uses_within(&self, folder: &str) -> BTreeMap<String, BTreeSet<String>> {
        let mut rooms = BTreeMap::<String, BTreeSet<String>>::new();
        for (from, to) in &self.uses {
            if let (Some(from), Some(to)) = (room_in(folder, from), room_in(folder, to))
                && from != to
            {
                rooms.entry(from.to_owned()).or_default().insert(to.to_owned());
            }
        }
        rooms
    }
}

/// The part of `module` that lies directly in `folder`; the folder's own file is `mod`.
fn room_in<'a>(folder: &str, module: &'a str) -> Option<&'a str> {
    if module == folder {
        return Some("mod");
    }
    let rest = match folder {
        "" => module,
        folder => module.strip_prefix(folder)?.strip_prefix("::")?,
    };
    rest.split("::").next()
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

fn parent(module: &str) -> Option<&str> {
    match module.rsplit_once("::") {
        Some((parent, _)) => Some(parent),
        None => (!module.is_empty()).then_some(""),
    }
}

fn read_folder(folder: &Path, module: &str, files: &mut BTreeMap<String, Module>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_stem().unwrap().to_str().unwrap();
        let is_test = name == "tests";
        if path.is_dir() {
            if !is_test {
                read_folder(&path, &join(module, name), files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") && !is_test {
            let is_folder = matches!(name, "mod" | "lib");
            let module = if is_folder { module.to_owned() } else { join(module, name) };
            let tokens: TokenStream = fs::read_to_string(&path).unwrap().parse().unwrap();
            let mut found = Module { is_folder, ..Module::default() };
            let mut children = BTreeSet::new();
            found.read(tokens, &mut children);
            // A path that begins with the name of a child is one into the child.
            found.paths.retain(|path| {
                path.len() > 1
                    && (matches!(path[0].as_str(), "crate" | "super" | "self")
                        || children.contains(&path[0]))
            });
            files.insert(module, found);
        }
    }
}

impl Module {
    fn read(&mut self, tokens: TokenStream, children: &mut BTreeSet<String>) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut at = 0;
        while at < tokens.len() {
            if is_test_only(&tokens[at..]) {
                at += length_of_item(&tokens[at..]);
                continue;
            }
            match &tokens[at] {
                TokenTree::Ident(word) if *word == "mod" => {
                    if let Some(TokenTree::Ident(name)) = tokens.get(at + 1) {
                        children.insert(name.to_string());
                    }
                    at += 2;
                }
                TokenTree::Ident(word) if *word == "pub" => {
                    let visibility = matches!(tokens.get(at + 1), Some(TokenTree::Group(_)));
                    let next = at + 1 + usize::from(visibility);
                    if matches!(tokens.get(next), Some(TokenTree::Ident(word)) if *word == "use") {
                        let mut tree = Vec::new();
                        at = next + 1 + paths_of(&tokens[next + 1..], &[], &mut tree);
                        self.passed_on.extend(tree.into_iter().map(|(path, known_as)| {
                            (known_as.unwrap_or_else(|| path.last().unwrap().clone()), path)
                        }));
                    } else {
                        at = next;
                    }
                }
                TokenTree::Ident(_) if !follows_colons(&tokens, at) => {
                    let mut tree = Vec::new();
                    let length = paths_of(&tokens[at..], &[], &mut tree);
                    self.paths.extend(tree.into_iter().map(|(path, _)| path));
                    at += length.max(1);
                }
                TokenTree::Group(group) => {
                    self.read(group.stream(), children);
                    at += 1;
                }
                _ => at += 1,
            }
        }
    }
}

fn follows_colons(tokens: &[TokenTree], at: usize) -> bool {
    at >= 2 && is_punct(&tokens[at - 1], ':') && is_punct(&tokens[at - 2], ':')
}

fn is_punct(token: &TokenTree, mark: char) -> bool {
    matches!(token, TokenTree::Punct(punct) if punct.as_char() == mark)
}

/// Whether an attribute says that the next item is for tests.
fn is_test_only(tokens: &[TokenTree]) -> bool {
    let [hash, TokenTree::Group(group), ..] = tokens else { return false };
    let text = group.stream().to_string();
    is_punct(hash, '#') && text.starts_with("cfg") && !text.contains("not") && {
        let words: Vec<&str> = text.split(|c: char| !c.is_alphanumeric()).collect();
        words.contains(&"test") && !words.contains(&"any")
    }
}

/// From its attributes to the end of its block or its semicolon.
fn length_of_item(tokens: &[TokenTree]) -> usize {
    let end = tokens.iter().position(|token| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        token => is_punct(token, ';'),
    });
    end.map_or(tokens.len(), |end| end + 1)
}

/// Collects the paths that a tree of paths stands for, with their `as` names, and returns how many
/// tokens it has.
fn paths_of(
    tokens: &[TokenTree],
    before: &[String],
    found: &mut Vec<(Vec<String>, Option<String>)>,
) -> usize {
    let mut path = before.to_vec();
    let mut at = 0;
    loop {
        match tokens.get(at) {
            Some(TokenTree::Ident(name)) => path.push(name.to_string()),
            Some(TokenTree::Group(group))
                if group.delimiter() == Delimiter::Brace && path.len() > before.len() =>
            {
                let inner: Vec<TokenTree> = group.stream().into_iter().collect();
                for tree in inner.split(|token| is_punct(token, ',')) {
                    paths_of(tree, &path, found);
                }
                return at + 1;
            }
            Some(TokenTree::Punct(star)) if star.as_char() == '*' && path.len() > 1 => {
                found.push((path, None));
                return at + 1;
            }
            _ => {
                if path.len() > before.len().max(usize::from(before.is_empty())) {
                    found.push((path, None));
                }
                return at;
            }
        }
        at += 1;
        let colons =
            tokens.get(at..at + 2).is_some_and(|two| two.iter().all(|it| is_punct(it, ':')));
        if !colons {
            break;
        }
        at += 2;
    }
    let mut known_as = None;
    if let [TokenTree::Ident(word), TokenTree::Ident(name), ..] = &tokens[at..]
        && *word == "as"
    {
        known_as = Some(name.to_string());
        at += 2;
    }
    if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
        path.pop();
    }
    if !path.is_empty() {
        found.push((path, known_as));
    }
    at
}

/// Sets of rooms of which each reaches each other.
fn circles(uses: &BTreeMap<String, BTreeSet<String>>) -> Vec<BTreeSet<String>> {
    let reach = |from: &String| {
        let mut seen = BTreeSet::new();
        let mut open = vec![from.clone()];
        while let Some(room) = open.pop() {
            for next in uses.get(&room).into_iter().flatten() {
                if seen.insert(next.clone()) {
                    open.push(next.clone());
                }
            }
        }
        seen
    };
    let reached: BTreeMap<&String, BTreeSet<String>> =
        uses.keys().map(|room| (room, reach(room))).collect();
    let mut found = Vec::new();
    for (room, there) in &reached {
        let circle: BTreeSet<String> = there
            .iter()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(*room)))
            .cloned()
            .collect();
        if circle.len() > 1 && !found.contains(&circle) {
            found.push(circle);
        }
    }
    found
}

#[test]
fn a_house_of_three_files_shows_that_both_laws_are_read() {
    let read = |text: &str| {
        let mut module = Module::default();
        let mut children = BTreeSet::new();
        module.read(text.parse().unwrap(), &mut children);
        module
    };
    let mut files = BTreeMap::new();
    files.insert(String::new(), read("pub use upper::Thing; mod upper; mod lower;"));
    let mut upper = read("mod part; pub use part::{Thing, Other as Known}; use part::Thing as T;");
    upper.is_folder = true;
    files.insert("upper".to_owned(), upper);
    files.insert(
        "upper::part".to_owned(),
        read("use super::Known; fn f() { vec![crate::lower::a()]; } #[cfg(test)] mod tests { use crate::Thing; }"),
    );
    files.insert(
        "lower".to_owned(),
        read("// crate::upper\nfn f() -> crate::Thing { \"crate::upper\" }"),
    );
    let house = House { files, uses: BTreeSet::new() };
    let home = |module: &str, path: &str| {
        let path: Vec<String> = path.split("::").map(str::to_owned).collect();
        house.home_of(module, &path, 0).unwrap()
    };
    assert_eq!(home("lower", "crate::Thing"), "upper::part");
    assert_eq!(home("upper::part", "super::Known"), "upper::part");
    assert_eq!(home("upper", "part::Thing"), "upper::part");
    let paths = |module: &str| {
        house.files[module].paths.iter().map(|path| path.join("::")).collect::<Vec<_>>()
    };
    assert!(paths("lower").contains(&"crate::Thing".to_owned()), "{:?}", paths("lower"));
    assert!(
        paths("upper::part").contains(&"crate::lower::a".to_owned()),
        "{:?}",
        paths("upper::part")
    );
    assert!(
        !paths("upper::part").iter().any(|path| path.contains("Thing")),
        "{:?}",
        paths("upper::part")
    );
}
