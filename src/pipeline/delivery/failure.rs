//! Why an attempt failed, in words for people.

#[cfg(feature = "metrics")]
use std::borrow::Cow;

use crate::policy::Redactor;

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

/// On one line, without secrets and control characters, shortened.
pub(crate) fn tidy(text: &str, redactor: &Redactor) -> String {
    let text = redactor.redact(text);
    let words = text.split(|c: char| c.is_whitespace() || c.is_control());
    let mut tidy = String::new();
    for word in words.filter(|word| !word.is_empty()) {
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        // Counted from the end of what is there, so that a megabyte is not looked at.
        for c in word.chars() {
            if tidy.len() >= MAX_MESSAGE_BYTES {
                tidy.push('…');
                return tidy;
            }
            tidy.push(c);
        }
    }
    tidy
}

const MAX_MESSAGE_BYTES: usize = 256;
