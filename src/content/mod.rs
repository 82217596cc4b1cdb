//! Work on text that is content: the JSON tree, messages in any shape, media, size, error text.
//!
//! All of it is pure. Nothing here knows a policy, a span, `tracing` or the SDK: it is told how
//! many bytes a value may have and what to do with media, and others decide that.

pub(crate) mod error_text;
#[cfg_attr(not(feature = "init"), expect(dead_code, reason = "formats write with it"))]
pub(crate) mod json;
pub(crate) mod limit;
pub(crate) mod media;
pub(crate) mod messages;
