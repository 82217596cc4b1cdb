//! OTLP over HTTP: one blocking request, and what its answer means.

use std::io;
use std::time::{Duration, SystemTime};

use http::header::{CONTENT_TYPE, RETRY_AFTER, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, Uri};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use ureq::{Agent, Body, Proxy};

use super::snapshot::without_secrets;
use super::start_error::StartError;
use super::tls::tls_config;
use super::transport::{Failure, FailureKind, Outcome};
use crate::config::settings::Destination;

/// A connection to one destination. Blocking, on the destination's own thread.
pub(super) struct HttpTransport {
    agent: Agent,
    url: Uri,
    /// All headers of a request, and no others: the environment has no say here.
    headers: HeaderMap,
}

impl HttpTransport {
    pub(super) fn new(destination: &Destination) -> Result<Self, StartError> {
        let url = url(destination)?;
        let headers = headers(destination)?;
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
        Ok(Self { agent, url, headers })
    }

    pub(super) fn send(&self, body: Vec<u8>, timeout: Duration) -> Outcome {
        let mut request = http::Request::new(&body[..]);
        *request.method_mut() = http::Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        // Over everything, the reading of the answer's last byte included.
        let request = self.agent.configure_request(request).timeout_global(Some(timeout)).build();
        match self.agent.run(request) {
            Ok(response) => self.understand(response),
            Err(error) => Outcome::Transient { failure: failure(&error), retry_after: None },
        }
    }

    fn understand(&self, response: Response<Body>) -> Outcome {
        let (head, mut body) = response.into_parts();
        // The status has been received, so a body that breaks off changes nothing.
        let body = body.with_config().limit(MAX_BODY_BYTES).read_to_vec().unwrap_or_default();
        if head.status.is_success() {
            return delivered(&head.headers, &body);
        }
        let message = self.hide_secrets(server_message(&head.headers, &body));
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

    /// Some servers repeat the credentials they did not like.
    fn hide_secrets(&self, mut message: String) -> String {
        for value in self.headers.values().filter(|value| value.is_sensitive()) {
            let Ok(text) = value.to_str() else { continue };
            for part in std::iter::once(text).chain(text.split_ascii_whitespace()) {
                if part.len() >= MIN_SECRET_BYTES && message.contains(part) {
                    message = message.replace(part, "[redacted]");
                }
            }
        }
        message
    }
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
        url: without_secrets(&destination.traces_url),
        reason,
    };
    let url: Uri = destination.traces_url.parse().map_err(|_| problem("not a URL"))?;
    match url.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(problem("the scheme is not http or https")),
    }
    match url.host() {
        None | Some("") => Err(problem("no host")),
        Some(_) => Ok(url),
    }
}

fn headers(destination: &Destination) -> Result<HeaderMap, StartError> {
    let mut headers = HeaderMap::new();
    let mut user_agent = String::from(concat!(
        "OTel-OTLP-Exporter-Rust/0.33.1 tracing-genai/",
        env!("CARGO_PKG_VERSION")
    ));
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
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/x-protobuf"));
    Ok(headers)
}

fn is_loopback(url: &Uri) -> bool {
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost")
        || host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A success, with what the server says about single spans.
fn delivered(headers: &HeaderMap, body: &[u8]) -> Outcome {
    let answer = match is_protobuf(headers) {
        true => ExportTraceServiceResponse::decode(body).ok(),
        false => None,
    };
    let partial = answer.and_then(|answer| answer.partial_success).unwrap_or_default();
    Outcome::Delivered {
        rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
        message: (!partial.error_message.is_empty()).then(|| tidy(&partial.error_message)),
    }
}

/// What the server says about a failure: a `google.rpc.Status`, or text.
fn server_message(headers: &HeaderMap, body: &[u8]) -> String {
    if is_protobuf(headers)
        && let Ok(status) = RpcStatus::decode(body)
        && !status.message.is_empty()
    {
        return tidy(&status.message);
    }
    match std::str::from_utf8(body) {
        Ok(text) if !text.trim().is_empty() => tidy(text),
        _ => String::from("no message"),
    }
}

fn is_protobuf(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.starts_with("application/x-protobuf"))
}

/// On one line, without control characters, shortened.
fn tidy(text: &str) -> String {
    let mut tidy = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if word.is_empty() {
            continue;
        }
        if !tidy.is_empty() {
            tidy.push(' ');
        }
        tidy.extend(word.chars().take(MAX_MESSAGE_CHARS));
        if tidy.chars().count() >= MAX_MESSAGE_CHARS {
            return tidy.chars().take(MAX_MESSAGE_CHARS).chain(['…']).collect();
        }
    }
    tidy
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

fn failure(error: &ureq::Error) -> Failure {
    let kind = match error {
        ureq::Error::HostNotFound => FailureKind::Dns,
        ureq::Error::Timeout(_) => FailureKind::Timeout,
        ureq::Error::Tls(_) | ureq::Error::Rustls(_) | ureq::Error::Pem(_) => FailureKind::Tls,
        ureq::Error::Protocol(_) => FailureKind::Protocol,
        ureq::Error::Io(error) => match error.kind() {
            io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock => FailureKind::Timeout,
            // rustls reports a refused certificate this way while it shakes hands.
            io::ErrorKind::InvalidData => FailureKind::Tls,
            _ => FailureKind::Connection,
        },
        _ => FailureKind::Connection,
    };
    Failure::new(kind, tidy(&error.to_string()))
}

/// `google.rpc.Status`, as far as it is read here.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(int32, tag = "1")]
    code: i32,
    #[prost(string, tag = "2")]
    message: String,
}

const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_BODY_BYTES: u64 = 1 << 20;
const MAX_MESSAGE_CHARS: usize = 256;
/// Shorter words are no secrets, and would make holes in every message.
const MIN_SECRET_BYTES: usize = 8;
