//! What a receiver's answer says: partial success, error messages, when to come back.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use prost::Message;
use serde_json::Value as Json;

use crate::config::settings::Route;
use crate::pipeline::delivery::{Attempted, tidy};
use crate::policy::Redactor;

/// What knows the secrets of a route: some servers repeat the credentials they did not like.
pub(crate) fn redactor(route: &Route) -> Redactor {
    let query = route.url.split_once('?').map_or("", |(_, query)| query);
    let values = query.split('&').filter_map(|pair| Some(pair.split_once('=')?.1));
    Redactor::new(route.headers.iter().map(|(_, value)| value.expose()).chain(values))
}

/// A success over HTTP, with what the receiver says about single spans.
pub(crate) fn delivered(headers: &HeaderMap, body: &[u8], redactor: &Redactor) -> Attempted {
    let partial = match content_type(headers) {
        "application/x-protobuf" => {
            ExportTraceServiceResponse::decode(body).ok().and_then(|answer| answer.partial_success)
        }
        "application/json" => serde_json::from_slice(body).ok().and_then(partial_of_json),
        _ => None,
    };
    delivered_but(partial.unwrap_or_default(), redactor)
}

/// A success but for what the receiver says about single spans.
pub(crate) fn delivered_but(partial: ExportTracePartialSuccess, redactor: &Redactor) -> Attempted {
    let said = partial.error_message;
    Attempted::Delivered {
        rejected: u64::try_from(partial.rejected_spans).unwrap_or(0),
        message: (!said.is_empty()).then(|| tidy(&said, redactor)),
    }
}

/// `rejectedSpans` is a string by the JSON mapping of protobuf, and a number in the wild.
fn partial_of_json(answer: Json) -> Option<ExportTracePartialSuccess> {
    let partial = answer.get("partialSuccess")?;
    let rejected = ["rejectedSpans", "rejectedDataPoints", "rejectedLogRecords"];
    let rejected_spans = match rejected.into_iter().find_map(|key| partial.get(key)) {
        Some(Json::String(text)) => text.parse().unwrap_or(0),
        Some(number) => number.as_i64().unwrap_or(0),
        None => 0,
    };
    let error_message =
        partial.get("errorMessage").and_then(Json::as_str).unwrap_or_default().to_owned();
    Some(ExportTracePartialSuccess { rejected_spans, error_message })
}

/// What the receiver says about a failure: a `google.rpc.Status` by the specification; JSON,
/// text or a page of HTML from what stands before it.
pub(crate) fn server_message(headers: &HeaderMap, body: &[u8], redactor: &Redactor) -> String {
    let said = match content_type(headers) {
        "application/x-protobuf" => RpcStatus::decode(body).ok().map(|status| status.message),
        "application/json" => serde_json::from_slice(body).ok().and_then(message_of_json),
        "text/html" => title_of_html(body),
        _ => None,
    };
    let said = said.filter(|message| !message.trim().is_empty());
    match said.as_deref().or_else(|| std::str::from_utf8(body).ok()) {
        Some(text) if !text.trim().is_empty() => tidy(text, redactor),
        _ => String::from("no message"),
    }
}

fn message_of_json(body: Json) -> Option<String> {
    let inner = body.get("error").filter(|error| error.is_object()).unwrap_or(&body);
    let message = ["message", "error", "detail"].iter().find_map(|key| inner.get(key)?.as_str());
    message.map(str::to_owned)
}

fn title_of_html(body: &[u8]) -> Option<String> {
    let (_, rest) = std::str::from_utf8(body).ok()?.split_once("<title>")?;
    Some(rest.split_once("</title>")?.0.to_owned())
}

/// When the receiver wants to be asked again: seconds, or a date.
pub(crate) fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = value.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let at = httpdate::parse_http_date(value).ok()?;
    Some(at.duration_since(SystemTime::now()).unwrap_or_default())
}

/// Whether a success is a page for people: of a login, a proxy or the backend's own surface, none of
/// which keeps what it was sent. The type alone does not tell, frameworks give it to any answer.
pub(crate) fn is_page(headers: &HeaderMap, body: &[u8]) -> bool {
    let body = body.trim_ascii_start();
    let begins = |tag: &str| {
        body.get(..tag.len()).is_some_and(|start| start.eq_ignore_ascii_case(tag.as_bytes()))
    };
    content_type(headers) == "text/html" && (begins("<!doctype") || begins("<html"))
}

fn content_type(headers: &HeaderMap) -> &str {
    let value = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    value.unwrap_or_default().split(';').next().unwrap_or_default().trim()
}

/// `google.rpc.Status`, as far as it is read here.
#[derive(Clone, PartialEq, Message)]
struct RpcStatus {
    #[prost(string, tag = "2")]
    message: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(content_type: &str) -> HeaderMap {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, content_type.parse().expect("a header value"));
        headers
    }

    #[test]
    fn messages_are_found_in_every_shape() {
        let status = RpcStatus { message: String::from("quota exceeded") }.encode_to_vec();
        for (kind, body, expected) in [
            ("application/x-protobuf", &status[..], "quota exceeded"),
            ("application/json", br#"{"code":3,"message":"bad span"}"#, "bad span"),
            ("application/json; charset=utf-8", br#"{"error":{"message":"no key"}}"#, "no key"),
            ("application/json", br#"{"error":"no key"}"#, "no key"),
            ("application/json", b"not json", "not json"),
            ("text/plain", b"  two\r\nlines\x1b ", "two lines"),
            ("text/plain", b"", "no message"),
            ("text/html", b"<html><title>404 Not Found</title><p>Sorry", "404 Not Found"),
            ("text/html", b"<p>Sorry", "<p>Sorry"),
            ("application/x-protobuf", b"\xff\xff\xff", "no message"),
        ] {
            assert_eq!(
                server_message(&headers(kind), body, &Redactor::default()),
                expected,
                "{kind}"
            );
        }
        let long = "ü".repeat(100_000);
        assert!(
            server_message(&headers("text/plain"), long.as_bytes(), &Redactor::default()).len()
                < 300
        );
    }

    #[test]
    fn partial_success_is_read_from_protobuf_and_json() {
        for (kind, body) in [
            ("application/json", br#"{"partialSuccess":{"rejectedSpans":"3"}}"#.to_vec()),
            ("application/json", br#"{"partialSuccess":{"rejectedSpans":3}}"#.to_vec()),
            (
                "application/x-protobuf",
                ExportTraceServiceResponse {
                    partial_success: Some(ExportTracePartialSuccess {
                        rejected_spans: 3,
                        error_message: String::new(),
                    }),
                }
                .encode_to_vec(),
            ),
        ] {
            let outcome = delivered(&headers(kind), &body, &Redactor::default());
            assert!(
                matches!(outcome, Attempted::Delivered { rejected: 3, message: None }),
                "{kind}"
            );
        }
        for body in ["", "{}", "<html>", "\u{1}"] {
            for kind in ["application/json", "application/x-protobuf", "text/html"] {
                let outcome = delivered(&headers(kind), body.as_bytes(), &Redactor::default());
                assert!(
                    matches!(outcome, Attempted::Delivered { rejected: 0, .. }),
                    "{kind} {body}"
                );
            }
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let mut headers = HeaderMap::new();
        headers.insert(RETRY_AFTER, "7".parse().expect("a header value"));
        assert_eq!(retry_after(&headers), Some(Duration::from_secs(7)));
        headers
            .insert(RETRY_AFTER, "Wed, 21 Oct 2015 07:28:00 GMT".parse().expect("a header value"));
        assert_eq!(retry_after(&headers), Some(Duration::ZERO));
        headers.insert(RETRY_AFTER, "soon".parse().expect("a header value"));
        assert_eq!(retry_after(&headers), None);
    }
}
