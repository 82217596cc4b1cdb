//! What can be said, and what one source says: the keys, the values of their kinds, and the layer
//! that a file, the environment or code makes of them.

pub(crate) mod backends;
mod block;
mod declarative;
#[cfg(test)]
pub(crate) mod examples;
pub(crate) mod file_layer;
pub(crate) mod keys;
pub(crate) mod layer;
#[cfg(test)]
mod schema;
pub(crate) mod value;
pub(crate) mod variables;
pub(crate) mod words;
