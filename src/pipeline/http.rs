//! OTLP over HTTP: one blocking request, and what its answer means.

use std::io;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use ureq::{Agent, Body, Proxy};

use super::answer::{delivered, retry_after, server_message, tidy};
use super::encoding::Encoding;
use super::otlp::traces_url;
use super::snapshot::without_secrets;
use super::start_error::StartError;
use super::tls::tls_config;
use super::transport::{Failure, FailureKind, Outcome};
use crate::config::settings::Destination;

/// A connection to one destination. Blocking, on the destination's own thread.
pub(super) struct HttpTransport {
    agent: Agent,
    url: Uri,
    encoding: Encoding,
    /// All headers of a request, and no others: the environment has no say here.
    headers: HeaderMap,
}

impl HttpTransport {
    pub(super) fn new(destination: &Destination) -> Result<Self, StartError> {
        let url = url(destination)?;
        let encoding = Encoding::new(destination)?;
        let headers = headers(destination, encoding)?;
        let proxy = if is_loopback(&url) { None } else { Proxy::try_from_env() };
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_response_header_size(MAX_HEADER_BYTES)
            .proxy(proxy)
            .tls_config(tls_config(destination)?)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .build()
            .new_agent();
        Ok(Self { agent, url, encoding, headers })
    }

    pub(super) fn send(&self, parcel: &ExportTraceServiceRequest, timeout: Duration) -> Outcome {
        let body = self.encoding.encode(parcel);
        let mut request = http::Request::new(&body[..]);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        // Over everything, the reading of the answer's last byte included.
        let request = self.agent.configure_request(request).timeout_global(Some(timeout)).build();
        match self.agent.run(request) {
            Ok(response) => self.understand(response),
            Err(error) => {
                Outcome::Transient { failure: failure(&error, timeout), retry_after: None }
            }
        }
    }

    fn understand(&self, response: Response<Body>) -> Outcome {
        let (head, mut body) = response.into_parts();
        // The status has been received, so a body that breaks off changes nothing.
        let body = body.with_config().limit(MAX_BODY_BYTES).read_to_vec().unwrap_or_default();
        if head.status.is_success() {
            return delivered(&head.headers, &body);
        }
        let secrets = self.headers.values().filter(|value| value.is_sensitive());
        let secrets = secrets.filter_map(|value| value.to_str().ok());
        let message = hide_secrets(server_message(&head.headers, &body), secrets);
        let failure = Failure::new(FailureKind::Status, message).with_code(head.status.as_u16());
        match head.status {
            StatusCode::TOO_MANY_REQUESTS
            | StatusCode::BAD_GATEWAY
            | StatusCode::SERVICE_UNAVAILABLE
            | StatusCode::GATEWAY_TIMEOUT => {
                Outcome::Transient { failure, retry_after: retry_after(&head.headers) }
            }
            StatusCode::PAYLOAD_TOO_LARGE => Outcome::TooLarge(failure),
            _ => Outcome::Permanent(failure),
        }
    }
}

/// Some servers repeat the credentials they did not like.
pub(super) fn hide_secrets<'a>(
    mut message: String,
    secrets: impl Iterator<Item = &'a str>,
) -> String {
    for secret in secrets {
        for part in std::iter::once(secret).chain(secret.split_ascii_whitespace()) {
            if part.len() >= MIN_SECRET_BYTES && message.contains(part) {
                message = message.replace(part, "[redacted]");
            }
        }
    }
    message
}

impl std::fmt::Debug for HttpTransport {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HttpTransport")
            .field("url", &without_secrets(&self.url.to_string()))
            .finish_non_exhaustive()
    }
}

fn url(destination: &Destination) -> Result<Uri, StartError> {
    let problem = |reason| StartError::Url {
        destination: destination.name.clone(),
        url: without_secrets(traces_url(destination)),
        reason,
    };
    let url: Uri = traces_url(destination).parse().map_err(|_| problem("not a URL"))?;
    match url.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(problem("the scheme is not http or https")),
    }
    match url.host() {
        None | Some("") => Err(problem("no host")),
        Some(_) => Ok(url),
    }
}

fn headers(destination: &Destination, encoding: Encoding) -> Result<HeaderMap, StartError> {
    let mut headers = HeaderMap::new();
    let mut user_agent = String::from(USER_AGENT_PRODUCT);
    for (name, secret) in &destination.headers {
        let problem =
            || StartError::Header { destination: destination.name.clone(), name: name.clone() };
        let key: HeaderName = name.parse().map_err(|_| problem())?;
        if key == USER_AGENT {
            user_agent = format!("{} {user_agent}", secret.expose());
            continue;
        }
        let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| problem())?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    let user_agent = HeaderValue::from_str(&user_agent).map_err(|_| StartError::Header {
        destination: destination.name.clone(),
        name: USER_AGENT.as_str().to_owned(),
    })?;
    headers.insert(USER_AGENT, user_agent);
    headers.insert(CONTENT_TYPE, encoding.content_type());
    headers.extend(encoding.content_encoding().map(|value| (CONTENT_ENCODING, value)));
    Ok(headers)
}

fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// An attempt without an answer.
fn failure(error: &ureq::Error, timeout: Duration) -> Failure {
    let (kind, message) = match error {
        ureq::Error::HostNotFound => (FailureKind::Dns, error.to_string()),
        ureq::Error::Timeout(_) => (FailureKind::Timeout, format!("no answer within {timeout:?}")),
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => {
            (FailureKind::Tls, error.to_string())
        }
        ureq::Error::Protocol(_) => (FailureKind::Protocol, error.to_string()),
        ureq::Error::Io(error) => (kind_of_io(error), error.to_string()),
        _ => (FailureKind::Connection, error.to_string()),
    };
    Failure::new(kind, tidy(&message))
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

/// By the specification, the exporter; by our own wish, who made it.
pub(super) const USER_AGENT_PRODUCT: &str =
    concat!("OTel-OTLP-Exporter-Rust/0.33.1 tracing-genai/", env!("CARGO_PKG_VERSION"));
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_BODY_BYTES: u64 = 1 << 20;
/// Shorter words are no secrets, and would make holes in every message.
const MIN_SECRET_BYTES: usize = 8;
