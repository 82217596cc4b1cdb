//! OTLP over gRPC against a server of tonic's.

use std::collections::VecDeque;
use std::sync::Mutex;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::metadata::MetadataMap;
use tonic::transport::server::TcpIncoming;
use tonic::{Code, Request, Response, Status};
use tonic_types::{ErrorDetails, StatusExt};

use super::*;
use crate::pipeline::transport::FailureKind;

type Answer = Result<ExportTraceServiceResponse, Status>;

/// A collector over gRPC on a thread of its own.
#[derive(Clone, Default)]
struct Collector {
    requests: Arc<Mutex<Vec<(MetadataMap, ExportTraceServiceRequest)>>>,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

#[tonic::async_trait]
impl TraceService for Collector {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let metadata = request.metadata().clone();
        self.requests.lock().unwrap().push((metadata, request.into_inner()));
        let answer = self.answers.lock().unwrap().pop_front();
        answer.unwrap_or_else(|| Ok(ExportTraceServiceResponse::default())).map(Response::new)
    }
}

impl Collector {
    /// Starts it and returns where it is.
    fn start(&self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let service = TraceServiceServer::new(self.clone()).max_decoding_message_size(8 << 20);
        #[cfg(feature = "gzip")]
        let service = service.accept_compressed(tonic::codec::CompressionEncoding::Gzip);
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let incoming = tokio::net::TcpListener::from_std(listener).unwrap();
                let server = tonic::transport::Server::builder().add_service(service);
                server.serve_with_incoming(TcpIncoming::from(incoming)).await
            })
        });
        format!("http://{address}")
    }

    fn span_count(&self) -> usize {
        let requests = self.requests.lock().unwrap();
        let scopes = requests.iter().flat_map(|(_, request)| &request.resource_spans);
        scopes.flat_map(|resource| &resource.scope_spans).map(|scope| scope.spans.len()).sum()
    }

    fn answer(&self, answer: Answer) {
        self.answers.lock().unwrap().push_back(answer);
    }
}

fn grpc(endpoint: &str) -> Destination {
    Destination {
        traces_url: Some(endpoint.to_owned()),
        protocol: Protocol::Grpc,
        ..destination("default", endpoint)
    }
}

#[test]
fn spans_arrive_with_our_metadata_only() {
    let collector = Collector::default();
    let mut to = grpc(&collector.start());
    to.headers = vec![header("x-key", "a%3Db secret")];
    let running = Running::start(&settings(vec![to]));
    running.numbered(700);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(collector.span_count(), 700);
    let requests = collector.requests.lock().unwrap();
    let metadata = requests[0].0.clone().into_headers();
    let mut names: Vec<_> = metadata.keys().map(http::HeaderName::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["content-type", "grpc-timeout", "te", "user-agent", "x-key"]);
    assert_eq!(metadata["x-key"], "a%3Db secret");
    assert!(!format!("{:?}", running.pipeline).contains("secret"));
}

#[cfg(feature = "gzip")]
#[test]
fn requests_can_be_compressed() {
    let collector = Collector::default();
    let to = Destination { compression: Compression::Gzip, ..grpc(&collector.start()) };
    let running = Running::start(&settings(vec![to]));
    running.numbered(10);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(collector.span_count(), 10);
    let requests = collector.requests.lock().unwrap();
    assert_eq!(requests[0].0.get("grpc-encoding").unwrap(), "gzip");
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
        let collector = Collector::default();
        collector.answer(Err(status.clone()));
        let running = Running::start(&settings(vec![grpc(&collector.start())]));
        running.numbered(2);
        let flushed = running.pipeline.flush(PATIENCE);
        let snapshot = running.snapshot();
        let to = &snapshot.destinations[0];
        assert_eq!(flushed.is_ok(), retried, "{status:?} {snapshot:?}");
        assert_eq!(
            (to.spans.exported, to.retries > 0),
            if retried { (2, true) } else { (0, false) }
        );
        let (_, error) = to.last_error.as_ref().unwrap();
        assert_eq!((error.kind, error.code), (FailureKind::Status, Some(status.code() as u16)));
        assert!(error.message.contains(status.message()), "{error:?}");
    }
}

#[test]
fn partial_success_and_size_are_understood() {
    let collector = Collector::default();
    collector.answer(Err(Status::resource_exhausted(
        "grpc: received message larger than max (5000000 vs. 4194304)",
    )));
    collector.answer(Ok(ExportTraceServiceResponse {
        partial_success: Some(ExportTracePartialSuccess {
            rejected_spans: 1,
            error_message: String::from("no name"),
        }),
    }));
    let running = Running::start(&settings(vec![grpc(&collector.start())]));
    running.numbered(10);
    assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err().refused, 1);
    let spans = running.snapshot().spans.finished;
    assert_eq!((spans.exported, spans.rejected), (9, 1));
}

#[test]
fn start_flush_and_shutdown_need_no_runtime_of_the_application() {
    for flavour in ["multi_thread", "current_thread"] {
        let collector = Collector::default();
        let endpoint = collector.start();
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
    assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err().waiting, 1);
    let (_, error) = running.snapshot().destinations[0].last_error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Connection, "{error:?}");
    assert!(error.message.contains("refused"), "{error:?}");
    assert_eq!(running.pipeline.shutdown(PATIENCE).unwrap_err().waiting, 1);
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
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            let mut open = Vec::new();
            for mut stream in listener.incoming().flatten() {
                if let Some(says) = says {
                    let _ = std::io::Write::write_all(&mut stream, says.as_bytes());
                }
                open.push(stream);
            }
        });
        let to = Destination { timeout: Duration::from_millis(500), ..grpc(&endpoint) };
        let running = Running::start(&settings(vec![to]));
        running.numbered(2);
        assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err().waiting, 2);
        let (_, error) = running.snapshot().destinations[0].last_error.clone().unwrap();
        assert!(kinds.contains(&error.kind), "{says:?}: {error:?}");
        assert_eq!(running.pipeline.shutdown(PATIENCE).unwrap_err().waiting, 2);
    }
}
