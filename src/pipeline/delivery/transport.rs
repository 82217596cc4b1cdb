//! What a destination must be able to do.

#[cfg(feature = "metrics")]
use std::borrow::Cow;
use std::time::Duration;

use super::signal::Signal;

/// Sends spans or log records to one destination. Lives on the destination's own thread and may block there.
pub(crate) trait Transport: Send + 'static {
    /// What it sends.
    type Item: Signal;
    /// What is sent at once.
    type Parcel: Send;

    /// Divides items into parcels, in order.
    fn pack(&mut self, items: Vec<Self::Item>) -> Vec<Packed<Self::Parcel>>;

    /// Sends a parcel, waiting for the answer no longer than `timeout`.
    /// The parcel is as before when the outcome says that it is to be sent again.
    fn send(&mut self, parcel: &mut Self::Parcel, timeout: Duration) -> Outcome;

    /// Divides a parcel that the destination found too large. `None` if it cannot be divided.
    fn split(&mut self, parcel: Self::Parcel) -> Option<[Packed<Self::Parcel>; 2]>;

    /// Lets go of what the transport itself holds back, at flush and at the end.
    fn flush(&mut self) {}

    /// The process ends: nothing is sent any more.
    fn shutdown(&mut self, _timeout: Duration) {}
}

/// A part of a batch.
#[derive(Debug)]
pub(crate) enum Packed<P> {
    /// A parcel and how many items are in it.
    Parcel(P, usize),
    /// An item that is too large to be sent at all.
    OverLimit,
}

/// What came of an attempt.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// The destination answered with success, but may have rejected some of the items.
    Delivered { rejected: u64, message: Option<String> },
    /// Worth another attempt, not before the time given.
    Transient { failure: Failure, retry_after: Option<Duration> },
    /// The same request would fail again.
    Permanent(Failure),
    /// The request is larger than the destination takes.
    TooLarge(Failure),
}

/// Why an attempt failed, in words for people.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    /// The HTTP status or the gRPC status code.
    pub(crate) code: Option<u16>,
    /// The server's message or the system's, shortened, without secrets.
    pub(crate) message: String,
}

/// Where an attempt failed.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FailureKind {
    /// The host name has no address.
    Dns,
    /// No connection, or it broke.
    Connection,
    /// The proxy made no tunnel.
    Proxy,
    /// TLS, certificates included.
    Tls,
    /// No complete answer in time.
    Timeout,
    /// An answer that is not of the protocol.
    Protocol,
    /// An answer that says no.
    Status,
    /// The exporting code panicked.
    Panic,
}

impl Failure {
    pub(crate) fn new(kind: FailureKind, message: impl Into<String>) -> Self {
        Self { kind, code: None, message: message.into() }
    }

    /// The `error.type` of it: the code, where there is one, else where it failed.
    #[cfg(feature = "metrics")]
    pub(crate) fn error_type(&self) -> Cow<'static, str> {
        let word = match self.kind {
            FailureKind::Dns => "dns",
            FailureKind::Connection => "connection",
            FailureKind::Proxy => "proxy",
            FailureKind::Tls => "tls",
            FailureKind::Timeout => "timeout",
            FailureKind::Protocol => "protocol",
            FailureKind::Status => "status",
            FailureKind::Panic => "panic",
        };
        self.code.map_or(Cow::Borrowed(word), |code| Cow::Owned(code.to_string()))
    }

    /// The code, where there is one, and the message.
    pub(crate) fn said(&self) -> String {
        match self.code {
            Some(code) => format!("answered {code}: {}", self.message),
            None => self.message.clone(),
        }
    }

    pub(crate) fn with_code(mut self, code: u16) -> Self {
        self.code = Some(code);
        self
    }
}
