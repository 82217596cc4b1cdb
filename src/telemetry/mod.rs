//! To come.

mod fields;
mod targets;

pub use fields::WithoutContent;
