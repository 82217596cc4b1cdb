//! Records over gRPC.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::logs::v1::logs_service_server::{
    LogsService, LogsServiceServer,
};
use opentelemetry_proto::tonic::collector::logs::v1::{
    ExportLogsServiceRequest, ExportLogsServiceResponse,
};
use tonic::transport::server::TcpIncoming;
use tonic::{Request, Response, Status};
use tracing::info;

use super::*;

/// A collector that takes log records and nothing else.
#[derive(Clone, Default)]
struct Collector(Arc<Mutex<Vec<ExportLogsServiceRequest>>>);

#[tonic::async_trait]
impl LogsService for Collector {
    async fn export(
        &self,
        request: Request<ExportLogsServiceRequest>,
    ) -> Result<Response<ExportLogsServiceResponse>, Status> {
        self.0.lock().unwrap().push(request.into_inner());
        Ok(Response::new(ExportLogsServiceResponse::default()))
    }
}

impl Collector {
    fn start(&self) -> String {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        listener.set_nonblocking(true).unwrap();
        let service = LogsServiceServer::new(self.clone());
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
}

#[test]
fn records_travel_by_grpc() {
    let (traces, collector) = (OtlpReceiver::start(), Collector::default());
    let endpoint = collector.start();
    let env = [
        ("OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", endpoint.as_str()),
        ("OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc"),
    ];
    let telemetry = run(with_env(&traces, &env), || info!("by grpc"));
    telemetry.force_flush().unwrap();
    let requests = collector.0.lock().unwrap();
    assert_eq!(body(&requests[0].resource_logs[0].scope_logs[0].log_records[0]), "by grpc");
    assert_eq!(counts(&telemetry).exported(), 1);
}
