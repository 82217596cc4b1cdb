//! A collector over gRPC, on a thread with a runtime of its own.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use http::HeaderMap;
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsPartialSuccess, ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use opentelemetry_proto::tonic::collector::metrics::v1::metrics_service_server::{
    MetricsService, MetricsServiceServer,
};
use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsPartialSuccess, ExportMetricsServiceRequest, ExportMetricsServiceResponse,
};
use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{
    TraceService, TraceServiceServer,
};
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use tonic::codec::CompressionEncoding;
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};

use crate::http::lock;
use crate::span::{ReceivedSpan, spans_of};

/// How a request is answered; other signals than traces get the same in their words.
pub type GrpcAnswer = Result<ExportTraceServiceResponse, Status>;

/// A collector for OTLP over gRPC on a loopback port of its own. Keeps everything.
#[derive(Clone, Debug)]
pub struct GrpcReceiver {
    address: SocketAddr,
    inbox: Inbox,
}

/// A call as it arrived, refused or not.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct GrpcRequest {
    /// The method's full name: the path of the request.
    pub path: String,
    /// With what gRPC itself adds.
    pub metadata: HeaderMap,
    /// What was sent to the trace service.
    pub traces: Option<ExportTraceServiceRequest>,
    /// What was sent to the metrics service.
    pub metrics: Option<ExportMetricsServiceRequest>,
    /// What was sent to the logs service.
    pub logs: Option<ExportLogsServiceRequest>,
}

#[derive(Clone, Debug, Default)]
struct Inbox {
    requests: Arc<Mutex<Vec<GrpcRequest>>>,
    arrived: Arc<Condvar>,
    answers: Arc<Mutex<VecDeque<GrpcAnswer>>>,
}

impl GrpcReceiver {
    /// Starts a receiver on a free port of 127.0.0.1.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    }

    /// Starts a receiver where one is expected.
    #[must_use]
    pub fn start_at(address: SocketAddr) -> Self {
        let listener = TcpListener::bind(address).expect("a loopback port");
        let address = listener.local_addr().expect("the port just bound");
        listener.set_nonblocking(true).expect("a socket that need not block");
        let inbox = Inbox::default();
        let traces = TraceServiceServer::new(inbox.clone())
            .max_decoding_message_size(MAX_MESSAGE_BYTES)
            .accept_compressed(CompressionEncoding::Gzip);
        let metrics = MetricsServiceServer::new(inbox.clone());
        let logs = LogsServiceServer::new(inbox.clone());
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async {
                let listener = tokio::net::TcpListener::from_std(listener).expect("a listener");
                let server = tonic::transport::Server::builder();
                let server = { server }.add_service(traces).add_service(metrics).add_service(logs);
                server.serve_with_incoming(TcpIncoming::from(listener)).await
            })
        });
        Self { address, inbox }
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Address and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers one coming request this way; calls queue up.
    pub fn answer_next(&self, answer: GrpcAnswer) {
        lock(&self.inbox.answers).push_back(answer);
    }

    /// Every request so far, refused ones too.
    #[must_use]
    pub fn requests(&self) -> Vec<GrpcRequest> {
        lock(&self.inbox.requests).clone()
    }

    /// The spans of all requests.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.requests().into_iter().filter_map(|it| it.traces).flat_map(spans_of).collect()
    }

    /// How many spans came, without copying them.
    #[must_use]
    pub fn span_count(&self) -> usize {
        count(&lock(&self.inbox.requests))
    }

    /// Waits until at least `spans` came.
    ///
    /// # Panics
    ///
    /// When they have not come within `timeout`.
    #[track_caller]
    pub fn wait_for_spans(&self, spans: usize, timeout: Duration) {
        let requests = lock(&self.inbox.requests);
        let arrived = &self.inbox.arrived;
        let waited = arrived.wait_timeout_while(requests, timeout, |it| count(it) < spans);
        let found = count(&waited.unwrap_or_else(PoisonError::into_inner).0);
        assert!(found >= spans, "waited {timeout:?} for {spans} spans, got {found}");
    }
}

impl Inbox {
    fn answer(&self) -> GrpcAnswer {
        let answer = lock(&self.answers).pop_front();
        answer.unwrap_or_else(|| Ok(ExportTraceServiceResponse::default()))
    }

    fn keep(&self, request: GrpcRequest) {
        lock(&self.requests).push(request);
        self.arrived.notify_all();
    }
}

fn count(requests: &[GrpcRequest]) -> usize {
    let traces = requests.iter().filter_map(|request| request.traces.as_ref());
    let scopes = traces.flat_map(|it| &it.resource_spans).flat_map(|it| &it.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

#[tonic::async_trait]
impl TraceService for Inbox {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.keep(GrpcRequest {
            path: String::from("/opentelemetry.proto.collector.trace.v1.TraceService/Export"),
            metadata: metadata.into_headers(),
            traces: Some(message),
            metrics: None,
            logs: None,
        });
        self.answer().map(Response::new)
    }
}

#[tonic::async_trait]
impl MetricsService for Inbox {
    async fn export(
        &self,
        request: Request<ExportMetricsServiceRequest>,
    ) -> Result<Response<ExportMetricsServiceResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.keep(GrpcRequest {
            path: String::from("/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"),
            metadata: metadata.into_headers(),
            traces: None,
            metrics: Some(message),
            logs: None,
        });
        let partial_success =
            self.answer()?.partial_success.map(|partial| ExportMetricsPartialSuccess {
                rejected_data_points: partial.rejected_spans,
                error_message: partial.error_message,
            });
        Ok(Response::new(ExportMetricsServiceResponse { partial_success }))
    }
}

#[tonic::async_trait]
impl LogsService for Inbox {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        let (metadata, _, message) = request.into_parts();
        self.keep(GrpcRequest {
            path: String::from("/opentelemetry.proto.collector.logs.v1.LogsService/Export"),
            metadata: metadata.into_headers(),
            traces: None,
            metrics: None,
            logs: Some(message),
        });
        let partial_success =
            self.answer()?.partial_success.map(|partial| ExportLogsPartialSuccess {
                rejected_log_records: partial.rejected_spans,
                error_message: partial.error_message,
            });
        Ok(Response::new(ExportLogsServiceResponse { partial_success }))
    }
}

const MAX_MESSAGE_BYTES: usize = 8 << 20;
