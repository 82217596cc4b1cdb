//! To come.

pub mod console;
