//! What the user wrote: file, environment and code, merged into one resolved configuration.

pub(crate) mod settings;
