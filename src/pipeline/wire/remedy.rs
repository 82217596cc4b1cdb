//! What a failure means for the items of the request: the one table, for each protocol and signal.
//! When a retry comes is the law of `delivery`.

use std::time::Duration;

use crate::pipeline::delivery::{Attempted, Failure};

/// What helps after a failure.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Remedy {
    /// The same request later.
    Retry,
    /// Smaller requests.
    Split,
    /// Nothing.
    None,
}

impl Remedy {
    /// After an HTTP status that is no success, by the OTLP specification.
    pub(crate) fn of_status(status: u16) -> Self {
        match status {
            429 | 502 | 503 | 504 => Self::Retry,
            413 => Self::Split,
            _ => Self::None,
        }
    }

    /// After a gRPC status, by the table of the OTLP specification. `asked`: it says when to retry.
    #[cfg(feature = "otel-grpc")]
    pub(crate) fn of_code(code: tonic::Code, message: &str, asked: bool) -> Self {
        use tonic::Code;

        match code {
            Code::ResourceExhausted | Code::OutOfRange if is_about_size(message) => Self::Split,
            Code::Cancelled
            | Code::DeadlineExceeded
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unavailable
            | Code::DataLoss => Self::Retry,
            Code::ResourceExhausted if asked => Self::Retry,
            _ => Self::None,
        }
    }

    /// What the attempt came to.
    pub(crate) fn of(self, failure: Failure, retry_after: Option<Duration>) -> Attempted {
        match self {
            Self::Retry => Attempted::Transient { failure, retry_after },
            Self::Split => Attempted::TooLarge(failure),
            Self::None => Attempted::Permanent(failure),
        }
    }
}

/// An attempt without an answer: whatever the reason, another one may get there.
pub(crate) fn no_answer(failure: Failure) -> Attempted {
    Remedy::Retry.of(failure, None)
}

/// The Go and the Rust server's words for a message over their limit.
#[cfg(feature = "otel-grpc")]
fn is_about_size(message: &str) -> bool {
    message.contains("larger than max") || message.contains("too large")
}
