//! To come.

pub(crate) mod messages;
