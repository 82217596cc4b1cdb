//! Export requests of the signals, as far as sending them differs.

#[cfg(feature = "logs")]
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
#[cfg(all(feature = "logs", feature = "otel-grpc"))]
use opentelemetry_proto::tonic::collector::logs::v1::logs_service_client::LogsServiceClient;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
#[cfg(feature = "otel-grpc")]
use opentelemetry_proto::tonic::collector::{
    metrics::v1::metrics_service_client::MetricsServiceClient,
    trace::v1::{ExportTracePartialSuccess, trace_service_client::TraceServiceClient},
};
#[cfg(feature = "otel-grpc")]
use tonic::{Request, Status, transport::Channel};

/// A request that can be encoded and sent.
pub(crate) trait Export: prost::Message + Clone + Encodable {
    /// Calls the service of the signal; gives what it says about single items.
    #[cfg(feature = "otel-grpc")]
    fn call(
        channel: Channel,
        gzip: bool,
        request: Request<Self>,
    ) -> impl Future<Output = Result<ExportTracePartialSuccess, Status>>
    where
        Self: Sized;
}

#[cfg(feature = "http-json")]
pub(crate) trait Encodable: serde::Serialize {}
#[cfg(feature = "http-json")]
impl<T: serde::Serialize> Encodable for T {}
#[cfg(not(feature = "http-json"))]
pub(crate) trait Encodable {}
#[cfg(not(feature = "http-json"))]
impl<T> Encodable for T {}

/// A request, its client over gRPC, and what the answer calls the items that were not taken.
macro_rules! export {
    ($request:ident, $client:ident, $rejected:ident) => {
        impl Export for $request {
            #[cfg(feature = "otel-grpc")]
            async fn call(
                channel: Channel,
                #[cfg_attr(not(feature = "gzip"), expect(unused_variables))] gzip: bool,
                request: Request<Self>,
            ) -> Result<ExportTracePartialSuccess, Status> {
                let mut client = $client::new(channel);
                #[cfg(feature = "gzip")]
                if gzip {
                    client = client.send_compressed(tonic::codec::CompressionEncoding::Gzip);
                }
                let answer = client.export(request).await?.into_inner();
                let partial = answer.partial_success.unwrap_or_default();
                Ok(ExportTracePartialSuccess {
                    rejected_spans: partial.$rejected,
                    error_message: partial.error_message,
                })
            }
        }
    };
}

export!(ExportTraceServiceRequest, TraceServiceClient, rejected_spans);
export!(ExportMetricsServiceRequest, MetricsServiceClient, rejected_data_points);
#[cfg(feature = "logs")]
export!(ExportLogsServiceRequest, LogsServiceClient, rejected_log_records);
