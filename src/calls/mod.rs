//! What programs write around a call of a model: typed recording, streams, gateways.

pub mod gateway;
mod open_call;
pub(crate) mod span_ext;
pub mod stream;
