//! TLS with a certificate authority of our own, over HTTP and over gRPC.

use std::path::Path;

#[cfg(feature = "otel-grpc")]
use tracing_genai_test_support::GrpcReceiver;
use tracing_genai_test_support::{Authority, OtlpReceiver};

use super::*;
use crate::pipeline::delivery::FailureKind;

/// A receiver, and the TLS server before it.
trait Receiver {
    fn start() -> Self;
    fn plain(&self) -> std::net::SocketAddr;
    fn spans(&self) -> usize;
    fn destination(endpoint: &str) -> Destination;
}

impl Receiver for OtlpReceiver {
    fn start() -> Self {
        Self::start()
    }

    fn plain(&self) -> std::net::SocketAddr {
        self.address()
    }

    fn spans(&self) -> usize {
        self.span_count()
    }

    fn destination(endpoint: &str) -> Destination {
        destination("default", endpoint)
    }
}

#[cfg(feature = "otel-grpc")]
impl Receiver for GrpcReceiver {
    fn start() -> Self {
        Self::start()
    }

    fn plain(&self) -> std::net::SocketAddr {
        self.address()
    }

    fn spans(&self) -> usize {
        self.span_count()
    }

    fn destination(endpoint: &str) -> Destination {
        grpc::grpc(endpoint)
    }
}

/// Sends three spans to a receiver behind TLS, and gives how many came with the last error.
fn send<R: Receiver>(
    authority: &Authority,
    wants_client: bool,
    change: impl FnOnce(&mut Route),
) -> (usize, Option<(FailureKind, String)>) {
    let receiver = R::start();
    let front = authority.serve(receiver.plain(), wants_client);
    let to = by(R::destination(&format!("https://localhost:{}", front.port())), change);
    let running = Running::start(&settings(vec![to]));
    running.numbered(3);
    let _ = running.pipeline.flush(PATIENCE);
    let error = running.snapshot().destinations[0].last_error.clone();
    let _ = running.pipeline.shutdown(Duration::from_millis(100));
    (receiver.spans(), error.map(|(_, failure)| (failure.kind, failure.message)))
}

fn a_private_authority_is_trusted_when_it_is_named<R: Receiver>() {
    let authority = Authority::new();
    let sent = send::<R>(&authority, false, |to| to.ca_cert = Some(authority.ca_file()));
    assert_eq!(sent, (3, None));
}

fn an_authority_that_is_not_named_is_refused_and_said_so<R: Receiver>() {
    let (authority, other) = (Authority::new(), Authority::new());
    for ca_cert in [None, Some(other.ca_file())] {
        let (spans, error) = send::<R>(&authority, false, |to| to.ca_cert = ca_cert.clone());
        let (kind, message) = error.unwrap();
        assert_eq!((spans, kind), (0, FailureKind::Tls), "{ca_cert:?}: {message}");
        assert!(message.contains("certificate"), "{ca_cert:?}: {message}");
    }
}

fn a_client_certificate_is_shown_when_asked_for<R: Receiver>() {
    let authority = Authority::new();
    let (certificate, key) = authority.client_files();
    let sent = send::<R>(&authority, true, |to| {
        to.ca_cert = Some(authority.ca_file());
        (to.client_cert, to.client_key) = (Some(certificate), Some(key));
    });
    assert_eq!(sent, (3, None));
    // Without one, or with one of another authority, the server hangs up.
    let other = Authority::new();
    for files in [None, Some(other.client_files())] {
        let (spans, error) = send::<R>(&authority, true, |to| {
            to.ca_cert = Some(authority.ca_file());
            (to.client_cert, to.client_key) = files.clone().unzip();
        });
        assert_eq!(spans, 0, "{files:?}");
        assert!(error.is_some(), "{files:?}");
    }
}

#[test]
fn http_trusts_a_private_authority_when_it_is_named() {
    a_private_authority_is_trusted_when_it_is_named::<OtlpReceiver>();
}

#[test]
fn http_refuses_an_authority_that_is_not_named() {
    an_authority_that_is_not_named_is_refused_and_said_so::<OtlpReceiver>();
}

#[test]
fn http_shows_a_client_certificate() {
    a_client_certificate_is_shown_when_asked_for::<OtlpReceiver>();
}

#[cfg(feature = "otel-grpc")]
#[test]
fn grpc_trusts_a_private_authority_when_it_is_named() {
    a_private_authority_is_trusted_when_it_is_named::<GrpcReceiver>();
}

#[cfg(feature = "otel-grpc")]
#[test]
fn grpc_refuses_an_authority_that_is_not_named() {
    an_authority_that_is_not_named_is_refused_and_said_so::<GrpcReceiver>();
}

#[cfg(feature = "otel-grpc")]
#[test]
fn grpc_shows_a_client_certificate() {
    a_client_certificate_is_shown_when_asked_for::<GrpcReceiver>();
}

#[test]
fn unusable_files_are_errors_that_name_them() {
    let authority = Authority::new();
    let (certificate, key) = authority.client_files();
    let empty = authority.file("empty.pem", "");
    let missing = authority.directory().join("missing.pem");
    let protocols = [
        Protocol::HttpProtobuf,
        #[cfg(feature = "otel-grpc")]
        Protocol::Grpc,
    ];
    for protocol in protocols {
        let refused = |change: &dyn Fn(&mut Route), path: &Path, reason: &str| {
            let to = by(destination("default", "https://localhost:1"), |to| {
                to.protocol = protocol;
                change(to);
            });
            let settings = settings(vec![to]);
            let error = Pipeline::start(&settings, core(&settings)).unwrap_err().to_string();
            let name = path.file_name().unwrap().to_str().unwrap();
            assert!(error.contains(name) && error.contains(reason), "{protocol:?}: {error}");
            assert!(!error.contains("PRIVATE"), "{error}");
        };
        for (path, reason) in [(&key, "no certificate"), (&empty, "no certificate"), (&missing, "")]
        {
            refused(&|to| to.ca_cert = Some(path.clone()), path, reason);
        }
        let with_key = |to: &mut Route, key: &Path| {
            (to.client_cert, to.client_key) = (Some(certificate.clone()), Some(key.to_owned()));
        };
        refused(&|to| with_key(to, &empty), &empty, "no private key");
        refused(&|to| with_key(to, &certificate), &certificate, "no private key");
        refused(&|to| to.client_cert = Some(certificate.clone()), &certificate, "needs its key");
    }
}
