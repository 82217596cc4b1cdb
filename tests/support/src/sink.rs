//! A span exporter that keeps spans in memory, for tests that bring their own provider.

use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracerProvider, SpanData, SpanExporter};
use prost::Message;

use crate::http::lock;
use crate::span::{ReceivedSpan, spans_of};

/// Keeps what is exported, in the shape OTLP gives it. Clones share the spans.
#[derive(Clone, Debug, Default)]
pub struct SpanSink(Arc<Mutex<Vec<SpanData>>>);

impl SpanSink {
    /// A provider that exports every span to this sink as it ends.
    #[must_use]
    pub fn provider(&self) -> SdkTracerProvider {
        SdkTracerProvider::builder().with_simple_exporter(self.clone()).build()
    }

    /// How many spans were exported so far.
    #[must_use]
    pub fn len(&self) -> usize {
        lock(&self.0).len()
    }

    /// Whether nothing was exported yet.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Takes the spans exported so far.
    #[must_use]
    pub fn take(&self) -> Vec<ReceivedSpan> {
        spans_of(request(std::mem::take(&mut *lock(&self.0))))
    }

    /// Whether the bytes occur in the protobuf form of anything exported since the last
    /// [`Self::take`].
    #[must_use]
    pub fn contains_bytes(&self, needle: impl AsRef<[u8]>) -> bool {
        let bytes = request(lock(&self.0).clone()).encode_to_vec();
        memchr::memmem::find(&bytes, needle.as_ref()).is_some()
    }
}

impl SpanExporter for SpanSink {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        lock(&self.0).extend(batch);
        Ok(())
    }
}

fn request(spans: Vec<SpanData>) -> ExportTraceServiceRequest {
    let resource = ResourceAttributesWithSchema::default();
    let resource_spans = group_spans_by_resource_and_scope(spans, &resource);
    ExportTraceServiceRequest { resource_spans }
}
