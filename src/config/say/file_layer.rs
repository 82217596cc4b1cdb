//! What a configuration file sets.

use std::sync::Arc;

use super::block::{self, Found};
use super::declarative;
use super::layer::Layer;
use super::value::Reader;
use crate::config::read::env::Env;
use crate::config::read::file::{CONFIG, File, STANDARD};
use crate::config::read::problem::{Origin, Position, Problem};
use crate::config::read::reference::Dialect;

/// What a file sets.
#[derive(Debug)]
pub(crate) struct FileLayer {
    pub(crate) layer: Layer,
    pub(crate) dialect: Dialect,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

impl FileLayer {
    /// Reads `file`; `plugin` chooses among several blocks.
    pub(crate) fn read(file: &File, env: &Env, plugin: Option<&str>) -> Self {
        let name: Arc<str> = Arc::from(file.name.as_str());
        let origin = Origin::File { name, at: Position::default() };
        let mut read = Self {
            layer: Layer::default(),
            dialect: Dialect::Own,
            problems: Vec::new(),
            warnings: Vec::new(),
        };
        let root = match file.root(&origin) {
            Ok(Some(root)) => root,
            Ok(None) => return read,
            Err(problems) => return Self { problems, ..read },
        };
        let found = match block::find(&root, plugin, &origin) {
            Ok(found) => found,
            Err(problem) => return Self { problems: vec![problem], ..read },
        };
        let (layer, problems, warnings) = match found {
            Found::Nothing => return read,
            Found::Declarative => {
                read.dialect = Dialect::Declarative;
                declarative::layer(&root, &origin, env)
            }
            Found::Block(_) if file.standard => {
                let message = format!("not a declarative configuration file; use {CONFIG}");
                read.problems.push(Problem::new(Origin::Env(STANDARD.to_owned()), "", message));
                return read;
            }
            Found::Block(block) => block::layer(&block, &origin),
        };
        read.problems = problems;
        read.warnings = warnings;
        read.check(&layer, env);
        for exporter in layer.exporters.iter().flatten() {
            read.check(exporter, env);
        }
        read.layer = layer;
        read
    }

    /// Checks what is written, also where it will not count; references are left alone.
    fn check(&mut self, layer: &Layer, env: &Env) {
        for (key, entry) in &layer.entries {
            let mut reader = Reader::new(env, self.dialect);
            reader.written_only = true;
            reader.value(*key, entry);
            self.problems.append(&mut reader.problems);
        }
    }
}
