//! OTLP over HTTP: one request, and what its answer means.
//!
//! [`Http`] is the HTTP client of the exporters of `opentelemetry-otlp`. They make the body of a
//! request; everything else that they would decide, and read the environment for, is decided here:
//! where it goes, with which headers, how it is compressed, how long it may take, whether it is
//! sent again. So an exporter hears of success whatever happened: what came of the request is kept
//! for the transport, and the exporter has no reason to repeat it or to log a line of its own.

use std::io;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::{Request, Response};
use opentelemetry_http::{HttpClient, HttpError};

use super::answer::{delivered, is_page, redactor, retry_after, server_message};
use super::connection::Connection;
use super::encoding::Encoding;
use super::remedy::{Remedy, no_answer};
use crate::config::settings::Route;
use crate::pipeline::delivery::{Attempted, Deadline, Failure, FailureKind, StartError, tidy};
use crate::policy::Redactor;

/// Sends requests along one route.
#[derive(Debug)]
pub(crate) struct Http {
    connection: Connection,
    pub(crate) encoding: Encoding,
    redactor: Redactor,
    attempt: Mutex<Attempt>,
}

/// The request that an exporter is about to make, or has made.
#[derive(Debug, Default)]
struct Attempt {
    /// Until when it may take. `None` sends nothing.
    deadline: Option<Deadline>,
    /// The body, and what came of it.
    sent: Option<(Bytes, Attempted)>,
    /// The exporter has compressed it.
    coded: bool,
}

impl Http {
    pub(crate) fn new(name: &str, route: &Route) -> Result<Self, StartError> {
        let encoding = Encoding::new(name, route)?;
        let connection = Connection::new(name, route)?;
        let redactor = redactor(route);
        Ok(Self { connection, encoding, redactor, attempt: Mutex::default() })
    }

    /// Sends a body.
    pub(crate) fn send(&self, body: &Bytes, deadline: Deadline) -> Attempted {
        let body = self.encoding.compress(body);
        let (kind, coding) = (self.encoding.content_type(), self.encoding.content_encoding());
        match self.connection.post(&body, kind, coding, deadline.left()) {
            Ok(answer) => self.understand(&answer),
            Err(error) => {
                let mut failure = failure(&error, deadline, &self.redactor);
                if body.len() > LARGE_BYTES && is_cut_off(&error) {
                    failure.message.push_str(&format!(
                        ", with a request of {} KiB; if the receiver takes no such size, lower \
                         traces.batch.max_export_batch_size",
                        body.len() / 1024
                    ));
                }
                no_answer(failure)
            }
        }
    }

    /// Lets an exporter send: gives the body that it made, to be sent again, and what came of it.
    pub(crate) fn through(
        &self,
        deadline: Deadline,
        export: impl FnOnce(),
    ) -> Option<(Bytes, Attempted)> {
        *self.attempt() = Attempt { deadline: Some(deadline), ..Attempt::default() };
        export();
        self.attempt().sent.take()
    }

    /// Whether the exporter compresses, as it does where another package switched that on in
    /// `opentelemetry-otlp` and a variable asks for it; no setter keeps it from that. Found out by
    /// an export of which nothing is sent.
    pub(crate) fn is_compressed(&self, export: impl FnOnce()) -> bool {
        *self.attempt() = Attempt::default();
        export();
        self.attempt().coded
    }

    fn attempt(&self) -> MutexGuard<'_, Attempt> {
        self.attempt.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn understand(&self, answer: &Response<Vec<u8>>) -> Attempted {
        let (status, headers, body) = (answer.status(), answer.headers(), answer.body());
        if status.is_success() && is_page(headers, body) {
            let failure = Failure::new(FailureKind::Status, "a web page, which keeps nothing");
            return Attempted::Permanent(failure.with_code(status.as_u16()));
        }
        if status.is_success() {
            return delivered(headers, body, &self.redactor);
        }
        let message = server_message(headers, body, &self.redactor);
        let failure = Failure::new(FailureKind::Status, message).with_code(status.as_u16());
        Remedy::of_status(status.as_u16()).of(failure, retry_after(headers))
    }
}

#[async_trait::async_trait]
impl HttpClient for Http {
    /// Of the request that the exporter has made, only the body counts. Blocks.
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let deadline = {
            let mut attempt = self.attempt();
            attempt.coded = request.headers().contains_key(CONTENT_ENCODING);
            attempt.deadline.take()
        };
        if let Some(deadline) = deadline {
            let body = request.into_body();
            let outcome = self.send(&body, deadline);
            self.attempt().sent = Some((body, outcome));
        }
        Ok(Response::default())
    }
}

/// An attempt without an answer.
fn failure(error: &ureq::Error, deadline: Deadline, redactor: &Redactor) -> Failure {
    let (kind, message) = match error {
        ureq::Error::HostNotFound => (FailureKind::Dns, error.to_string()),
        ureq::Error::Timeout(_) => {
            (FailureKind::Timeout, format!("no answer within {:?}", deadline.limit()))
        }
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
