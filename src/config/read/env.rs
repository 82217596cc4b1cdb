//! The variables of the process, read once and passed on, so that tests bring their own.

use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::fmt;

/// A set of variables. Prints their names only.
#[derive(Clone, Default)]
pub(crate) struct Env(BTreeMap<String, OsString>);

impl Env {
    /// The variables of this process. A name that is not UTF-8 is none of ours.
    pub(crate) fn process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| Some((name.into_string().ok()?, value)))
                .collect(),
        )
    }

    /// The variable's text; `None` when it is unset or, as OpenTelemetry has it, empty.
    ///
    /// # Errors
    ///
    /// [`NotUtf8`] for a value that is no text.
    pub(crate) fn text(&self, name: &str) -> Result<Option<&str>, NotUtf8> {
        match self.0.get(name).map(|value| OsStr::to_str(value)) {
            None => Ok(None),
            Some(None) => Err(NotUtf8),
            Some(Some(text)) if text.trim().is_empty() => Ok(None),
            Some(Some(text)) => Ok(Some(text)),
        }
    }

    /// The names of all variables.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

/// A variable whose value is not UTF-8.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct NotUtf8;

impl<N: Into<String>, V: Into<OsString>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}
