//! The configuration file: which one, and its text as a tree.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::compose::Malformed;
use super::env::Env;
use super::node::Node;
use super::problem::{Origin, Position, Problem};
use super::source::{self, NotText};

/// A file as text, read once.
#[derive(Clone)]
pub(crate) struct File {
    pub(crate) name: String,
    pub(crate) text: Vec<u8>,
    /// What relative paths in it are relative to.
    pub(crate) directory: Option<PathBuf>,
    /// Named by `OTEL_CONFIG_FILE`, so it has to be declarative.
    pub(crate) standard: bool,
}

impl File {
    /// The file at `path`.
    ///
    /// # Errors
    ///
    /// Why it cannot be read.
    pub(crate) fn open(path: &Path) -> Result<Self, Problem> {
        let name = path.display().to_string();
        let origin = Origin::File { name: Arc::from(name.as_str()), at: Position::default() };
        match source::read_bounded(path, MAX_BYTES) {
            Ok(text) => {
                let directory = path.parent().map(Path::to_path_buf);
                Ok(Self { name, text, directory, standard: false })
            }
            Err(reason) => Err(Problem::new(origin, "", format!("cannot be read: {reason}"))),
        }
    }

    /// The file that the environment names, or the usual one in the working directory.
    pub(crate) fn search(env: &Env, warnings: &mut Vec<String>) -> Result<Option<Self>, Problem> {
        for (variable, standard) in [(CONFIG, false), (STANDARD, true), (EXPERIMENTAL, true)] {
            let path = match env.text(variable) {
                Ok(None) => continue,
                Ok(Some(path)) => path.trim(),
                Err(_) => {
                    let origin = Origin::Env(variable.to_owned());
                    return Err(Problem::new(origin, "", "its value is not valid UTF-8"));
                }
            };
            if variable == EXPERIMENTAL {
                warnings.push(format!("{EXPERIMENTAL}: deprecated, use {STANDARD}"));
            }
            return Self::open(Path::new(path)).map(|file| Some(Self { standard, ..file }));
        }
        let usual = Path::new(USUAL);
        if usual.is_file() { Self::open(usual).map(Some) } else { Ok(None) }
    }

    /// What is written in it, before anyone looks at its meaning.
    pub(crate) fn root(&self, origin: &Origin) -> Result<Option<Node>, Vec<Problem>> {
        if self.text.len() as u64 > MAX_BYTES {
            return Err(vec![Problem::new(origin.clone(), "", source::too_large(MAX_BYTES))]);
        }
        let text = match source::text(&self.text) {
            Ok(text) => text,
            Err(NotText { byte, line }) => {
                let message = format!("not valid UTF-8 (byte {byte}, line {line})");
                return Err(vec![Problem::new(origin.clone(), "", message)]);
            }
        };
        parse(text, self.name.ends_with(".json")).map_err(|malformed| {
            let problem = |Malformed { at, message, help }| Problem {
                origin: origin.at(at),
                path: String::new(),
                message,
                help: help.map(str::to_owned),
            };
            malformed.into_iter().map(problem).collect()
        })
    }
}

/// YAML, of which JSON is nearly a part; where it is not (tabs, long keys), JSON is tried first.
#[cfg(feature = "yaml")]
fn parse(text: &str, json: bool) -> Result<Option<Node>, Vec<Malformed>> {
    if json || text.trim_start().starts_with('{') {
        match super::json::parse(text) {
            Err(malformed) if json => return Err(malformed),
            Err(_) => {}
            read => return read,
        }
    }
    super::yaml::parse(text)
}

#[cfg(not(feature = "yaml"))]
fn parse(text: &str, _: bool) -> Result<Option<Node>, Vec<Malformed>> {
    if !text.trim_start().is_empty() && !text.trim_start().starts_with('{') {
        let message = "expected JSON; reading YAML needs the Cargo feature `yaml`";
        return Err(vec![Malformed::new(Position { line: 1, column: 1 }, message)]);
    }
    super::json::parse(text)
}

/// Names and sizes only: the text may hold secrets.
impl std::fmt::Debug for File {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("File")
            .field("name", &self.name)
            .field("bytes", &self.text.len())
            .finish_non_exhaustive()
    }
}

/// The variable of this crate that names it.
pub(crate) const CONFIG: &str = "TRACING_GENAI_CONFIG";
pub(crate) const MAX_BYTES: u64 = 1024 * 1024;
pub(crate) const STANDARD: &str = "OTEL_CONFIG_FILE";
const EXPERIMENTAL: &str = "OTEL_EXPERIMENTAL_CONFIG_FILE";
const USUAL: &str = "telemetry.yaml";
