//! Spans by OTLP.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_otlp::{Protocol, RetryPolicy, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::{SpanData, SpanExporter as _};

use super::http::Http;
use super::otlp::{Exporter, Otlp};
use super::request::OtlpResource;
use crate::pipeline::delivery::drive;

impl Otlp for SpanData {
    type Request = ExportTraceServiceRequest;

    fn request(spans: Vec<Self>, resource: &OtlpResource) -> Self::Request {
        let resource_spans = group_spans_by_resource_and_scope(spans, resource);
        Self::Request { resource_spans }
    }

    /// The exporter of `opentelemetry-otlp`, with everything set that it would otherwise look up in
    /// the environment. Headers and compression it looks up all the same: the first are the
    /// client's, and an exporter that compresses is not used. Nor is it for JSON, which it prints for
    /// people: that takes twice the time and twice the memory.
    fn exporter(http: &Arc<Http>, resource: &Resource) -> Option<Exporter<Self>> {
        if !http.encoding.is_protobuf() {
            return None;
        }
        let mut exporter = SpanExporter::builder()
            .with_http()
            .with_shared_http_client(Arc::<Http>::clone(http))
            .with_endpoint(NOWHERE)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(Duration::MAX)
            .with_retry_policy(RetryPolicy::disabled())
            .with_max_request_body_size(usize::MAX)
            .build()
            .ok()?;
        exporter.set_resource(resource);
        // What comes of it, the client knows, which keeps to the time: it blocks.
        let export = move |spans| drop(drive(exporter.export(spans), Duration::ZERO));
        (!http.is_compressed(|| export(Vec::new()))).then(|| Box::new(export) as _)
    }
}

/// The client knows where requests go.
const NOWHERE: &str = "http://localhost/";
