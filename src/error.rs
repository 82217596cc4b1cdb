//! The one error of the crate.

use std::error::Error as StdError;
use std::fmt;

/// What went wrong, see [`Error::kind`].
///
/// The error is one pointer wide. Its message is a lower-case fragment, or for
/// [`ErrorKind::Config`] a report of one line per problem; an underlying cause is in
/// [`source()`](StdError::source). Neither holds a secret.
pub struct Error {
    repr: Box<Repr>,
}

/// The kind of an [`Error`].
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Telemetry, or a `tracing` subscriber, is installed already.
    AlreadyInitialized,
    /// The configuration is wrong; the message lists every problem.
    Config,
    /// A receiver did not take what was sent.
    Export,
    /// Something that the configuration asks for is not compiled in; the message names the Cargo
    /// feature.
    MissingFeature,
    /// Telemetry was shut down before.
    ShutDown,
    /// A thread or another resource of the operating system could not be had.
    System,
    /// A flush or a shutdown did not end in time.
    Timeout,
    /// Certificates or keys could not be read or do not fit together.
    Tls,
    /// A receiver could not be reached, or its client could not be built.
    Transport,
}

struct Repr {
    kind: ErrorKind,
    message: String,
    source: Option<Box<dyn StdError + Send + Sync + 'static>>,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { repr: Box::new(Repr { kind, message: message.into(), source: None }) }
    }

    #[must_use]
    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn StdError + Send + Sync + 'static>>,
    ) -> Self {
        self.repr.source = Some(source.into());
        self
    }

    /// What went wrong, for a program to decide on.
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        self.repr.kind
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr.message)
    }
}

/// Readable as it is, because `fn main() -> Result<(), Error>` prints this and not `Display`.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.repr.message)?;
        let mut cause = self.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.repr.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_is_one_pointer_and_may_cross_threads() {
        fn crosses_threads<T: Send + Sync + 'static>() {}
        crosses_threads::<Error>();
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }

    #[test]
    fn the_cause_is_in_the_source_and_in_debug_but_not_in_display() {
        let error = Error::new(ErrorKind::Transport, "cannot reach collector:4318")
            .with_source(std::io::Error::other("connection refused"));
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert_eq!(error.to_string(), "cannot reach collector:4318");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("connection refused"));
        assert_eq!(format!("{error:?}"), "cannot reach collector:4318: connection refused");
    }
}
