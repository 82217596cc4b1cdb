//! What the user wrote: file, environment and code, merged into one resolved configuration.

pub(crate) mod content;
pub(crate) mod destinations;
pub(crate) mod env;
mod explain;
mod header;
pub(crate) mod keys;
pub(crate) mod layer;
mod lists;
mod load;
mod node;
mod problem;
mod reference;
mod resolve;
mod secret_file;
pub(crate) mod settings;
mod settle;
mod source;
mod suggest;
mod url;
mod value;
mod variables;

pub use explain::Explanation;
pub(crate) use load::{FileSource, Resolved, Sources, load};
