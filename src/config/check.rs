//! A configuration file on its own.

use std::ffi::OsString;
use std::path::Path;
use std::str::FromStr;

use super::decide::explain::Explanation;
use super::decide::load::{FileSource, Sources, resolve};
use super::read::file::File;
use super::read::problem::report;
use crate::error::Error;

/// A configuration file, to check or explain it without starting anything.
///
/// ```
/// use tracing_genai::config::Config;
///
/// let config: Config = r#"{"endpoint": "http://collector:4318", "service_name": "chat"}"#.parse()?;
/// let explanation = config.resolve([("OTEL_SERVICE_NAME", "chat-canary")])?;
/// assert_eq!(explanation.get("service_name"), Some(("chat-canary", "env OTEL_SERVICE_NAME")));
///
/// let wrong: Config = r#"{"endpont": "http://collector:4318", "sampler_arg": 2}"#.parse()?;
/// let problems = wrong.resolve([("HOME", "/")]).unwrap_err().to_string();
/// assert!(problems.contains("did you mean `endpoint`?"));
/// # Ok::<(), tracing_genai::Error>(())
/// ```
#[derive(Clone, Debug)]
#[must_use]
pub struct Config {
    file: File,
    plugin: Option<String>,
}

impl Config {
    /// Reads the file at `path`, YAML or JSON, of at most 1 MiB.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) if it cannot be read.
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self, Error> {
        let file = File::open(path.as_ref()).map_err(|problem| report(vec![problem]))?;
        Ok(Self { file, plugin: None })
    }

    /// Chooses among several `plugins.<name>.otel` blocks. Defaults to the only one.
    pub fn plugin(self, name: impl Into<String>) -> Self {
        Self { plugin: Some(name.into()), ..self }
    }

    /// What is in effect with these variables. Files that the configuration names, such as
    /// certificates, are not opened, except for secrets (`file:/path`).
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Config`](crate::ErrorKind::Config) with a line for each problem:
    /// `file:line:column: key: expected …, got …`.
    pub fn resolve<N, V>(
        &self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Result<Explanation, Error>
    where
        N: Into<String>,
        V: Into<OsString>,
    {
        let sources = Sources {
            file: FileSource::None,
            env: variables.into_iter().collect(),
            plugin: self.plugin.clone(),
            ..Sources::default()
        };
        resolve(Some(&self.file), &sources, Vec::new()).map(|resolved| resolved.explanation)
    }
}

impl FromStr for Config {
    type Err = Error;

    /// Takes YAML or JSON text. It is read when it is resolved, so this does not fail.
    fn from_str(text: &str) -> Result<Self, Error> {
        let file = File {
            name: String::from("configuration"),
            text: text.as_bytes().to_vec(),
            directory: None,
            standard: false,
        };
        Ok(Self { file, plugin: None })
    }
}
