//! How a call ended.

use std::fmt;

/// How a call ended, as `tracing_genai.outcome` says it.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Outcome {
    /// It came to its end. The attribute is not set.
    Completed,
    /// It failed, or its answer broke off.
    Error,
    /// The caller went away.
    Cancelled,
    /// The caller's time was over.
    Deadline,
    /// Nobody ended it: the span was open for longer than the limit.
    Expired,
}

impl Outcome {
    /// The value of the attribute.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Completed => "completed",
            Self::Error => "error",
            Self::Cancelled => "cancelled",
            Self::Deadline => "deadline",
            Self::Expired => "expired",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
