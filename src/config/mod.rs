//! What the user wrote: file, environment and code, merged into one resolved configuration.

mod block;
mod certificates;
mod check;
mod compose;
pub(crate) mod content;
mod declarative;
pub(crate) mod destinations;
pub(crate) mod env;
mod explain;
mod file;
mod header;
mod json;
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
#[cfg(feature = "yaml")]
mod yaml;

pub use check::Config;
pub use explain::Explanation;
pub(crate) use load::{FileSource, Resolved, Sources, load};
