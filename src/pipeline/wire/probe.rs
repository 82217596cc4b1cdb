//! Asking a destination whether it would take what goes there: exports without items, and what the
//! answers mean.

use std::time::{Duration, Instant};

#[cfg(feature = "logs")]
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
#[cfg(feature = "logs")]
use opentelemetry_proto::tonic::logs::v1::ResourceLogs;
use opentelemetry_proto::tonic::metrics::v1::ResourceMetrics;
use opentelemetry_proto::tonic::trace::v1::ResourceSpans;

use super::request::Request;
use super::sender::Sender;
use crate::config::settings::{Destination, Protocol, Route};
use crate::health::{Probe, Verdict};
use crate::pipeline::delivery::{Attempted, Deadline, Failure, FailureKind, StartError};
use crate::policy::shown_url;

/// Sends an export without items to one destination, for each signal that goes there, and explains
/// the answers: the first that is not good, or all. Blocks for at most the destination's timeout
/// a signal; must not run on a thread that drives an async runtime.
pub(crate) fn probe(destination: &Destination) -> Probe {
    let mut asking = Asking { destination, finding: None };
    // A resource that nothing comes from: MLflow refuses a request of no bytes.
    if let Some(route) = &destination.traces {
        let resource_spans = vec![ResourceSpans::default()];
        asking.ask("spans", None, route, &ExportTraceServiceRequest { resource_spans });
    }
    if let Some(route) = destination.metrics.as_ref().filter(|_| cfg!(feature = "metrics")) {
        let resource_metrics = vec![ResourceMetrics::default()];
        let request = ExportMetricsServiceRequest { resource_metrics };
        asking.ask("metrics", Some("metrics.enabled"), route, &request);
    }
    #[cfg(feature = "logs")]
    if let Some(route) = &destination.logs {
        let request = ExportLogsServiceRequest { resource_logs: vec![ResourceLogs::default()] };
        asking.ask("log records", Some("logs.enabled"), route, &request);
    }
    asking.finding.unwrap_or_else(|| Probe {
        destination: destination.name.clone(),
        url: String::new(),
        verdict: Verdict::Works,
        message: String::from("nothing goes there"),
        advice: None,
        took: Duration::ZERO,
    })
}

/// What was found at a destination so far.
struct Asking<'a> {
    destination: &'a Destination,
    finding: Option<Probe>,
}

impl Asking<'_> {
    /// Goes on to another signal. `switch` is the key that switches it off, where a receiver may
    /// do without.
    fn ask(&mut self, items: &str, switch: Option<&str>, route: &Route, request: &impl Request) {
        let bad = |finding: &Probe| finding.verdict != Verdict::Works || finding.advice.is_some();
        if self.finding.as_ref().is_some_and(bad) {
            return;
        }
        let deadline = Deadline::after(route.timeout.min(MAX_TIMEOUT));
        let start = Instant::now();
        let (outcome, missing) = match Sender::new(&self.destination.name, route) {
            Ok(mut sender) => {
                let outcome = sender.post(request, deadline);
                let missing = match &outcome {
                    Attempted::Permanent(failure) => sender.is_missing(failure),
                    _ => false,
                };
                (Ok(outcome), missing)
            }
            Err(error) => (Err(error), false),
        };
        let finding = self.understand(items, route, outcome, start.elapsed());
        let without = |switch| {
            let advice = "to false, or an endpoint for them; or is the path wrong?";
            Some(format!("Set {switch} {advice}"))
        };
        self.finding = Some(match (self.finding.take(), switch.filter(|_| missing)) {
            // What matters most is taken.
            (Some(before), Some(switch)) => Probe {
                message: format!("{}, but no {items} ({})", before.message, finding.message),
                advice: without(switch),
                ..before
            },
            (Some(before), None) if finding.verdict == Verdict::Works => {
                Probe { message: format!("{}, {items}", before.message), ..before }
            }
            (None, Some(switch)) => Probe { advice: without(switch), ..finding },
            (_, None) => finding,
        });
    }

    fn understand(
        &self,
        items: &str,
        route: &Route,
        outcome: Result<Attempted, StartError>,
        took: Duration,
    ) -> Probe {
        let url = shown_url(&route.url);
        let (verdict, message, advice) = match outcome {
            Err(error) => (Verdict::Broken, error.to_string(), fix(&error)),
            Ok(Attempted::Delivered { .. }) if took > SLOW => (
                Verdict::Slow,
                format!("takes {items}, after {:.1} s", took.as_secs_f32()),
                Some(String::from(
                    "Spans wait in the queue meanwhile; use a collector that is nearer, or raise \
                     traces.batch.max_queue_size.",
                )),
            ),
            Ok(Attempted::Delivered { .. }) => (Verdict::Works, format!("takes {items}"), None),
            Ok(Attempted::Transient { failure, .. } | Attempted::Permanent(failure))
            | Ok(Attempted::TooLarge(failure)) => {
                let advice = advice(route, &url, &failure);
                (Verdict::Broken, failure.said(), Some(advice))
            }
        };
        let destination = self.destination.name.clone();
        Probe { destination, url, verdict, message, advice, took }
    }
}

fn fix(error: &StartError) -> Option<String> {
    match error {
        StartError::MissingFeature { feature, .. } => {
            Some(format!("Add it: cargo add tracing-genai --features {feature}"))
        }
        StartError::Tls { .. } => {
            Some(String::from("Check the path and that the file is in PEM form."))
        }
        _ => None,
    }
}

fn advice(route: &Route, url: &str, failure: &Failure) -> String {
    let grpc = route.protocol == Protocol::Grpc;
    let port = port(url);
    let on_the_way = matches!(
        failure.kind,
        FailureKind::Dns | FailureKind::Connection | FailureKind::Timeout | FailureKind::Proxy
    );
    let proxy = url.parse().ok().and_then(|url| route.proxies.on_the_way_to(&url));
    if let Some(proxy) = proxy.filter(|_| on_the_way) {
        let variable = proxy.variable;
        return match failure.message.contains("407") || failure.message.contains("authorization") {
            true => format!(
                "The proxy {proxy} wants credentials: write them into {variable} as \
                 http://user:password@{proxy}, or name the host in NO_PROXY."
            ),
            false => format!(
                "The way there goes through the proxy {proxy}, by {variable}: is it running, and \
                 does it let this host and port pass? Name hosts that need none in NO_PROXY."
            ),
        };
    }
    match (failure.kind, failure.code) {
        (FailureKind::Dns, _) => String::from(
            "The host name has no address: check its spelling, and that this process is in the \
             network where the name is known (in a container, `localhost` is the container).",
        ),
        (FailureKind::Tls, _) => String::from(
            "The TLS handshake failed: name the authority that signed the server's certificate \
             with tls_ca_cert, and check that the host name is in the certificate; or is this \
             port plain http?",
        ),
        (FailureKind::Protocol | FailureKind::Connection, _) if !grpc && port == Some(4317) => {
            String::from(
                "Port 4317 speaks gRPC: set protocol to grpc, or use port 4318 for http/protobuf.",
            )
        }
        (FailureKind::Protocol | FailureKind::Connection, _) if grpc && port == Some(4318) => {
            String::from(
                "Port 4318 speaks HTTP: set protocol to http/protobuf, or use port 4317 for gRPC.",
            )
        }
        (FailureKind::Connection, _) if failure.message.contains("refused") => String::from(
            "Nothing listens there: is the receiver running, and is the port right? OTLP is 4318 \
             for HTTP and 4317 for gRPC.",
        ),
        (FailureKind::Connection, _) if grpc => String::from(
            "The connection was closed: what listens may not speak gRPC (then set protocol to \
             http/protobuf), or want TLS (then say https).",
        ),
        (FailureKind::Connection, _) => String::from(
            "The connection broke: is there a proxy or a firewall in between, or does this port \
             want TLS (then say https) or gRPC (then set protocol to grpc)?",
        ),
        (FailureKind::Protocol, _) if grpc => String::from(
            "What answers is not gRPC: set protocol to http/protobuf, or use the receiver's gRPC \
             port; if the port wants TLS, say https.",
        ),
        (FailureKind::Protocol, _) => String::from(
            "What answers is not HTTP: is it the receiver's gRPC port? Then set protocol to grpc. \
             If the port wants TLS, say https.",
        ),
        (FailureKind::Proxy, _) => String::from("See the message; the proxy's log may say more."),
        (FailureKind::Timeout, _) => String::from(
            "A firewall that drops packets, a proxy that does not pass this on, an overloaded \
             receiver, or https spoken to a port that waits for plain http.",
        ),
        (FailureKind::Panic, _) => String::from("This is a mistake in the exporter; report it."),
        (FailureKind::Status, code) if grpc => grpc_advice(code.unwrap_or(0)),
        (FailureKind::Status, code) => http_advice(code.unwrap_or(0), url),
    }
}

fn http_advice(status: u16, url: &str) -> String {
    let advice = match status {
        200..=299 => {
            "This is a website: the backend's own surface, or the login of a proxy before it. Look \
             up the receiver's OTLP base URL."
        }
        400 | 415 => {
            "The receiver does not read this: try protocol http/protobuf, which every \
                      OTLP receiver takes."
        }
        422 => {
            "The receiver misses something it asks for, most often a header: its message says \
                which."
        }
        401 => {
            "The credentials are missing or wrong: check the name, the value and the prefix \
                (Bearer, Basic, none) of the authorization header."
        }
        403 => {
            "The credentials are known but not allowed here: check the project, dataset or \
                region they belong to."
        }
        404 | 405 if !url.ends_with("/v1/traces") => {
            "Wrong path: OTLP over HTTP is received at …/v1/traces; give the base URL as \
             endpoint and the path is added."
        }
        404 | 405 => {
            "Wrong path: look up the receiver's OTLP base URL; some have a prefix such as \
                      /otlp or /api/public/otel."
        }
        407 => "A proxy wants credentials: set them in HTTPS_PROXY, or name the host in NO_PROXY.",
        301..=308 => {
            "Redirects are not followed, because headers with credentials would go \
                      along: use the address that it redirects to."
        }
        429 => "The receiver is being sent too much: lower sampler_arg, or raise the quota.",
        500..=599 => {
            "The receiver or a proxy before it has a problem of its own; its log says \
                      which."
        }
        _ => "See the message; the receiver's log may say more.",
    };
    advice.to_owned()
}

fn grpc_advice(code: u16) -> String {
    let advice = match code {
        7 => "The credentials are known but not allowed here: check what they belong to.",
        12 => "The server has no OTLP trace service: is it the right port?",
        16 => "The credentials are missing or wrong: check the headers.",
        8 => "The receiver is being sent too much: lower sampler_arg, or raise the quota.",
        _ => "See the message; the receiver's log may say more.",
    };
    advice.to_owned()
}

fn port(url: &str) -> Option<u16> {
    let authority = url.split_once("://")?.1.split('/').next()?;
    authority.rsplit_once(':')?.1.parse().ok()
}

/// Slower than this is worth a word.
const SLOW: Duration = Duration::from_secs(2);
const MAX_TIMEOUT: Duration = Duration::from_secs(10);
