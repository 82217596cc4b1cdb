//! What a builder was given, kept for a reload.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::exporters::Exporters;
use crate::config::env::Env;
use crate::config::layer::Layer;
use crate::config::{FileSource, Sources};
use crate::format::Format;

/// Where the configuration comes from; kept for a reload.
#[derive(Clone, Debug, Default)]
pub(super) struct Given {
    pub(super) file: FileSource,
    pub(super) code: Layer,
    /// `None` is that of the process.
    pub(super) env: Option<Env>,
    pub(super) formats: OwnFormats,
    pub(super) exporters: Exporters,
}

/// Formats of one's own by the name of their destination.
pub(super) type OwnFormats = BTreeMap<String, Arc<dyn Format>>;

impl Given {
    /// Everything a configuration is made of, with the environment as it is now.
    pub(super) fn sources(&self) -> Sources {
        Sources {
            file: self.file.clone(),
            env: self.env.clone().unwrap_or_else(Env::process),
            code: self.code.clone(),
            ..Sources::default()
        }
    }
}
