//! One OTLP request over HTTP, and what its answer means.

use std::io;
use std::time::Duration;

use http::{Response, StatusCode};

use super::answer::{delivered, is_page, redactor, retry_after, server_message, tidy};
use super::connection::Connection;
use super::encoding::Encoding;
use super::request::Export;
use crate::config::settings::Route;
use crate::pipeline::delivery::start_error::StartError;
use crate::pipeline::delivery::transport::{Failure, FailureKind, Outcome};
use crate::policy::Redactor;

/// Sends requests along one route.
#[derive(Debug)]
pub(crate) struct Http {
    connection: Connection,
    encoding: Encoding,
    redactor: Redactor,
}

impl Http {
    pub(crate) fn new(name: &str, route: &Route) -> Result<Self, StartError> {
        let encoding = Encoding::new(name, route)?;
        let connection = Connection::new(name, route)?;
        Ok(Self { connection, encoding, redactor: redactor(route) })
    }

    pub(crate) fn send(&self, parcel: &impl Export, timeout: Duration) -> Outcome {
        let (body, encoding) = (self.encoding.encode(parcel), self.encoding);
        let (kind, coding) = (encoding.content_type(), encoding.content_encoding());
        match self.connection.post(&body, kind, coding, timeout) {
            Ok(answer) => self.understand(&answer),
            Err(error) => {
                let mut failure = failure(&error, timeout, &self.redactor);
                if body.len() > LARGE_BYTES && is_cut_off(&error) {
                    failure.message.push_str(&format!(
                        ", with a request of {} KiB; if the receiver takes no such size, lower \
                         traces.batch.max_export_batch_size",
                        body.len() / 1024
                    ));
                }
                Outcome::Transient { failure, retry_after: None }
            }
        }
    }

    fn understand(&self, answer: &Response<Vec<u8>>) -> Outcome {
        let (status, headers, body) = (answer.status(), answer.headers(), answer.body());
        if status.is_success() && is_page(headers, body) {
            let failure = Failure::new(FailureKind::Status, "a web page, which keeps nothing");
            return Outcome::Permanent(failure.with_code(status.as_u16()));
        }
        if status.is_success() {
            return delivered(headers, body, &self.redactor);
        }
        let message = server_message(headers, body, &self.redactor);
        let failure = Failure::new(FailureKind::Status, message).with_code(status.as_u16());
        match status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Outcome::Transient { failure, retry_after: retry_after(headers) }
            }
            StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge(failure),
            _ => Outcome::Permanent(failure),
        }
    }
}

/// An attempt without an answer.
fn failure(error: &ureq::Error, timeout: Duration, redactor: &Redactor) -> Failure {
    let (kind, message) = match error {
        ureq::Error::HostNotFound => (FailureKind::Dns, error.to_string()),
        ureq::Error::Timeout(_) => (FailureKind::Timeout, format!("no answer within {timeout:?}")),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => {
            (FailureKind::Tls, error.to_string())
        }
        ureq::Error::ConnectProxyFailed(reason) => {
            // It says the status twice.
            let reason = reason.split('/').next().unwrap_or_default();
            (FailureKind::Proxy, reason.to_owned())
        }
        ureq::Error::Protocol(_) => (FailureKind::Protocol, error.to_string()),
        ureq::Error::Io(error) => (kind_of_io(error), error.to_string()),
        _ => (FailureKind::Connection, error.to_string()),
    };
    Failure::new(kind, tidy(&message, redactor))
}

fn kind_of_io(error: &io::Error) -> FailureKind {
    match error.kind() {
        io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => FailureKind::Timeout,
        // rustls reports what goes wrong while it shakes hands this way.
        io::ErrorKind::InvalidData => FailureKind::Tls,
        // The standard library has no kind for it.
        _ if error.to_string().contains("lookup address") => FailureKind::Dns,
        _ => FailureKind::Connection,
    }
}

/// The connection was there and went away: an outage, or a receiver that does not say 413.
fn is_cut_off(error: &ureq::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error, ureq::Error::Io(error)
        if matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset))
}

/// The smallest limit that receivers and what stands before them usually have.
const LARGE_BYTES: usize = 1 << 20;
