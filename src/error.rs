//! The one error of the crate.
