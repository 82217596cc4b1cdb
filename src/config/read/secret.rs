//! `file:/path` instead of a secret, as Kubernetes and Docker mount them.

use super::reference::without_line_end;
use super::source;

/// The file's text without the line end at its end.
pub(crate) fn read(path: &str) -> Result<String, String> {
    if !path.starts_with('/') {
        return Err(String::from("expected an absolute path"));
    }
    let bytes = source::read_bounded(path.as_ref(), MAX_BYTES)?;
    let text = String::from_utf8(bytes).map_err(|_| String::from("not valid UTF-8"))?;
    Ok(without_line_end(&text).to_owned())
}

const MAX_BYTES: u64 = 64 * 1024;

/// Text that is never printed.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}
