//! From bytes to a tree, without knowledge of any key: files, YAML and JSON, references, lists,
//! secrets, variables, and how a problem with any of them is shown.

pub(crate) mod compose;
pub(crate) mod env;
pub(crate) mod file;
pub(crate) mod header;
mod json;
pub(crate) mod lists;
pub(crate) mod node;
pub(crate) mod problem;
pub(crate) mod reference;
pub(crate) mod secret;
pub(crate) mod source;
pub(crate) mod suggest;
#[cfg(feature = "yaml")]
pub(crate) mod yaml;
