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

/// How a call ended; absent where it came to its end.
pub(crate) const OUTCOME: &str = "tracing_genai.outcome";

/// `true` where the token counts are those of a part of the answer.
pub(crate) const USAGE_PARTIAL: &str = "tracing_genai.usage.partial";

/// The name of an error's type as `error.type` wants it: without its parameters, and `_OTHER` for
/// an error behind a `dyn`, whose type nobody knows.
pub(crate) fn error_type_of<E: ?Sized>() -> String {
    let name = std::any::type_name::<E>();
    let name = name.split('<').next().unwrap_or(name);
    if name.is_empty() || name.starts_with("dyn ") || name.starts_with("alloc::boxed::Box") {
        "_OTHER".to_owned()
    } else {
        name.to_owned()
    }
}
