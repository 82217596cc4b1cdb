//! OTLP over gRPC against a server of tonic's.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing_genai_test_support::GrpcReceiver;

use super::*;
use crate::pipeline::delivery::FailureKind;

pub(super) fn grpc(endpoint: &str) -> Destination {
    by(destination("default", endpoint), |to| {
        (to.url, to.protocol) = (endpoint.to_owned(), Protocol::Grpc);
    })
}

#[test]
fn spans_arrive_with_our_metadata_only() {
    let collector = GrpcReceiver::start();
    let headers = vec![header("x-key", "a%3Db secret")];
    let to = by(grpc(&collector.endpoint()), |to| to.headers = headers);
    let running = Running::start(&settings(vec![to]));
    running.numbered(700);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(collector.span_count(), 700);
    let metadata = collector.requests()[0].metadata.clone();
    let mut names: Vec<_> = metadata.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "grpc-timeout", "te", "user-agent", "x-key"]);
    assert_eq!(metadata["x-key"], "a%3Db secret");
    assert!(!format!("{:?}", running.pipeline).contains("secret"));
}

#[cfg(feature = "gzip")]
#[test]
fn requests_can_be_compressed() {
    let collector = GrpcReceiver::start();
    let to = by(grpc(&collector.endpoint()), |to| to.compression = Compression::Gzip);
    let running = Running::start(&settings(vec![to]));
    running.numbered(10);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(collector.span_count(), 10);
    assert_eq!(collector.requests()[0].metadata["grpc-encoding"], "gzip");
}

#[test]
fn statuses_mean_what_the_specification_says() {
    let throttled = || {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_millis(10)));
        Status::with_error_details(Code::ResourceExhausted, "slow down", details)
    };
    for (status, retried) in [
        (Status::unavailable("restarting"), true),
        (Status::aborted("again"), true),
        (throttled(), true),
        (Status::resource_exhausted("no more quota"), false),
        (Status::unauthenticated("no key"), false),
        (Status::unimplemented("no traces here"), false),
        (Status::invalid_argument("bad span"), false),
    ] {
        let collector = GrpcReceiver::start();
        collector.answer_next(Err(status.clone()));
        let running = Running::start(&settings(vec![grpc(&collector.endpoint())]));
        running.numbered(2);
        let flushed = running.pipeline.flush(PATIENCE);
        let snapshot = running.snapshot();
        let to = &snapshot.destinations[0];
        assert_eq!(flushed.is_ok(), retried, "{status:?} {snapshot:?}");
        assert_eq!(
            (to.items.exported, to.retries > 0),
            if retried { (2, true) } else { (0, false) }
        );
        let (_, error) = to.last_error.as_ref().unwrap();
        assert_eq!((error.kind, error.code), (FailureKind::Status, Some(status.code() as u16)));
        assert!(error.message.contains(status.message()), "{error:?}");
    }
}

#[test]
fn partial_success_and_size_are_understood() {
    let collector = GrpcReceiver::start();
    collector.answer_next(Err(Status::resource_exhausted(
        "grpc: received message larger than max (5000000 vs. 4194304)",
    )));
    collector.answer_next(Ok(ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 1,
            error_message: String::from("no name"),
        }),
    }));
    let running = Running::start(&settings(vec![grpc(&collector.endpoint())]));
    running.numbered(10);
    assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.refused, 1);
    let spans = running.snapshot().spans.finished;
    assert_eq!((spans.exported, spans.rejected), (9, 1));
}

#[test]
fn start_flush_and_shutdown_need_no_runtime_of_the_application() {
    for flavour in ["multi_thread", "current_thread"] {
        let collector = GrpcReceiver::start();
        let endpoint = collector.endpoint();
        let runtime = match flavour {
            "multi_thread" => tokio::runtime::Runtime::new().unwrap(),
            _ => tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap(),
        };
        let running = runtime.block_on(async {
            let running = Running::start(&settings(vec![grpc(&endpoint)]));
            running.numbered(3);
            running.pipeline.flush(PATIENCE).unwrap();
            running.numbered(3);
            running
        });
        drop(runtime);
        drop(running);
        assert_eq!(collector.span_count(), 6, "{flavour}");
    }
}

#[test]
fn nobody_listening_is_said_so() {
    let running = Running::start(&settings(vec![grpc("http://127.0.0.1:1")]));
    running.numbered(1);
    assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.waiting, 1);
    let (_, error) = running.snapshot().destinations[0].last_error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Connection, "{error:?}");
    assert!(error.message.contains("refused"), "{error:?}");
    assert_eq!(running.pipeline.shutdown(PATIENCE).unwrap_err()[0].1.waiting, 1);
}

#[test]
fn a_collector_that_comes_back_gets_what_was_kept() {
    let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let running = Running::start(&settings(vec![grpc(&format!("http://{address}"))]));
    running.numbered(100);
    assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.waiting, 100);
    assert!(running.snapshot().destinations[0].breaker_open);
    let collector = GrpcReceiver::start_at(address);
    // The breaker's first period is five seconds; the rest is for slow machines.
    collector.wait_for_spans(100, PATIENCE);
    running.pipeline.flush(PATIENCE).unwrap();
    let snapshot = running.snapshot();
    assert!(!snapshot.destinations[0].breaker_open);
    assert_eq!(snapshot.spans.finished.exported, 100);
}

#[test]
fn a_server_that_is_silent_or_not_of_the_protocol_is_named() {
    // Whether the frame that is none or the end of the connection is seen first is a matter of
    // luck.
    let broken = [FailureKind::Protocol, FailureKind::Connection];
    for (says, kinds) in [
        (None, &[FailureKind::Timeout][..]),
        (Some("SSH-2.0-OpenSSH_9.7\r\n"), &broken),
        (Some("HTTP/1.1 400 Bad Request\r\n\r\n"), &broken),
    ] {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                if let Some(says) = says {
                    let _ = stream.write_all(says.as_bytes());
                }
                open.push(stream);
            }
        });
        let to = by(grpc(&endpoint), |to| to.timeout = Duration::from_millis(500));
        let running = Running::start(&settings(vec![to]));
        running.numbered(2);
        assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.waiting, 2);
        let (_, error) = running.snapshot().destinations[0].last_error.clone().unwrap();
        assert!(kinds.contains(&error.kind), "{says:?}: {error:?}");
        assert_eq!(running.pipeline.shutdown(PATIENCE).unwrap_err()[0].1.waiting, 2);
    }
}

/// What a relay does to the first connection.
#[derive(Clone, Copy, Debug)]
enum Harm {
    /// Breaks it when so many bytes of the request have passed.
    ResetAfter(usize),
    /// Lets a byte a second of the answer pass.
    Trickle,
}

#[test]
fn a_request_that_breaks_off_or_is_answered_byte_by_byte_is_sent_again() {
    for (harm, kind) in
        [(Harm::ResetAfter(300), FailureKind::Connection), (Harm::Trickle, FailureKind::Timeout)]
    {
        let receiver = GrpcReceiver::start();
        let endpoint = relay(receiver.address(), harm);
        let to = by(grpc(&endpoint), |to| to.timeout = Duration::from_millis(500));
        let running = Running::start(&settings(vec![to]));
        running.numbered(50);
        let _ = running.pipeline.flush(PATIENCE);
        let (_, error) = running.snapshot().destinations[0].last_error.clone().unwrap();
        assert_eq!(error.kind, kind, "{harm:?}: {error:?}");
        assert_eq!(running.pipeline.shutdown(PATIENCE), Ok(()), "{harm:?}");
        let spans = running.snapshot().spans.finished;
        assert_eq!((spans.exported, spans.queued), (50, 0), "{harm:?}");
        assert!(receiver.span_count() >= 50, "{harm:?}");
    }
}

fn relay(to: SocketAddr, harm: Harm) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for (number, client) in listener.incoming().flatten().enumerate() {
            let server = TcpStream::connect(to).unwrap();
            let harm = (number == 0).then_some(harm);
            let (there, back) = match harm {
                Some(Harm::Trickle) => (None, harm),
                _ => (harm, None),
            };
            let (asks, asked) = (client.try_clone().unwrap(), server.try_clone().unwrap());
            std::thread::spawn(move || pass(asks, asked, there));
            std::thread::spawn(move || pass(server, client, back));
        }
    });
    endpoint
}

fn pass(mut from: TcpStream, mut to: TcpStream, harm: Option<Harm>) {
    let mut passed = 0;
    let mut buffer = [0; 4096];
    loop {
        let room = match harm {
            Some(Harm::ResetAfter(limit)) if passed >= limit => {
                let _ = from.shutdown(Shutdown::Both);
                let _ = to.shutdown(Shutdown::Both);
                return;
            }
            Some(Harm::ResetAfter(limit)) => (limit - passed).min(buffer.len()),
            Some(Harm::Trickle) => 1,
            None => buffer.len(),
        };
        match from.read(&mut buffer[..room]) {
            Ok(read @ 1..) if to.write_all(&buffer[..read]).is_ok() => passed += read,
            _ => return,
        }
        if matches!(harm, Some(Harm::Trickle)) {
            std::thread::sleep(Duration::from_secs(1));
        }
    }
}
