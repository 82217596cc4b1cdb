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

impl Export for ExportTraceServiceRequest {
    #[cfg(feature = "otel-grpc")]
    async fn call(
        channel: Channel,
        gzip: bool,
        request: Request<Self>,
    ) -> Result<ExportTracePartialSuccess, Status> {
        let client = TraceServiceClient::new(channel);
        #[cfg(feature = "gzip")]
        let client = match gzip {
            true => client.send_compressed(tonic::codec::CompressionEncoding::Gzip),
            false => client,
        };
        let _ = gzip;
        let mut client = client;
        Ok(client.export(request).await?.into_inner().partial_success.unwrap_or_default())
    }
}

#[cfg(feature = "logs")]
impl Export for ExportLogsServiceRequest {
    #[cfg(feature = "otel-grpc")]
    async fn call(
        channel: Channel,
        gzip: bool,
        request: Request<Self>,
    ) -> Result<ExportTracePartialSuccess, Status> {
        let client = LogsServiceClient::new(channel);
        #[cfg(feature = "gzip")]
        let client = match gzip {
            true => client.send_compressed(tonic::codec::CompressionEncoding::Gzip),
            false => client,
        };
        let _ = gzip;
        let mut client = client;
        let partial = client.export(request).await?.into_inner().partial_success;
        let partial = partial.unwrap_or_default();
        Ok(ExportTracePartialSuccess {
            rejected_spans: partial.rejected_log_records,
            error_message: partial.error_message,
        })
    }
}

impl Export for ExportMetricsServiceRequest {
    #[cfg(feature = "otel-grpc")]
    async fn call(
        channel: Channel,
        gzip: bool,
        request: Request<Self>,
    ) -> Result<ExportTracePartialSuccess, Status> {
        let client = MetricsServiceClient::new(channel);
        #[cfg(feature = "gzip")]
        let client = match gzip {
            true => client.send_compressed(tonic::codec::CompressionEncoding::Gzip),
            false => client,
        };
        let _ = gzip;
        let mut client = client;
        let partial = client.export(request).await?.into_inner().partial_success;
        let partial = partial.unwrap_or_default();
        Ok(ExportTracePartialSuccess {
            rejected_spans: partial.rejected_data_points,
            error_message: partial.error_message,
        })
    }
}
