//! What counts: layers on top of each other, every field decided, and who decided it.

mod certificates;
pub(crate) mod content;
mod destinations;
pub(crate) mod explain;
pub(crate) mod load;
pub(crate) mod own;
pub(crate) mod proxy;
mod resolve;
pub(crate) mod settings;
mod settle;
mod url;
pub(crate) mod values;
