//! OTLP: spans into requests of a size that receivers take, sent over HTTP or gRPC.
//!
//! Encoding is that of `opentelemetry-proto`. Sending is ours, because the exporters of
//! `opentelemetry-otlp` keep to themselves what `status()` has to say: status codes, the server's
//! message, what was rejected, how often was retried.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_proto::transform::trace::tonic::group_spans_by_resource_and_scope;
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::trace::SpanData;

#[cfg(feature = "otel-grpc")]
use super::grpc::GrpcTransport;
use super::http::HttpTransport;
use super::request::Export;
use super::size;
use super::start_error::StartError;
use super::transport::{Outcome, Packed, Transport};
use crate::config::settings::{Destination, Protocol};

/// Sends OTLP requests to one destination.
#[derive(Debug)]
pub(super) struct OtlpTransport {
    resource: ResourceAttributesWithSchema,
    wire: Wire,
}

#[derive(Debug)]
pub(super) enum Wire {
    Http(Box<HttpTransport>),
    #[cfg(feature = "otel-grpc")]
    Grpc(Box<GrpcTransport>),
}

impl Wire {
    pub(super) fn new(destination: &Destination) -> Result<Self, StartError> {
        Ok(match destination.protocol {
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                Self::Http(Box::new(HttpTransport::new(destination)?))
            }
            #[cfg(feature = "otel-grpc")]
            Protocol::Grpc => Self::Grpc(Box::new(GrpcTransport::new(destination)?)),
            #[cfg(not(feature = "otel-grpc"))]
            Protocol::Grpc => return Err(missing(destination, "protocol grpc", "otel-grpc")),
        })
    }

    pub(super) fn send(&mut self, request: &impl Export, timeout: Duration) -> Outcome {
        match self {
            Self::Http(http) => http.send(request, timeout),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(grpc) => grpc.send(request, timeout),
        }
    }
}

impl OtlpTransport {
    pub(super) fn new(destination: &Destination, resource: &Resource) -> Result<Self, StartError> {
        Ok(Self { resource: resource.into(), wire: Wire::new(destination)? })
    }

    /// Sends a request without spans.
    pub(super) fn probe(&mut self, timeout: Duration) -> Outcome {
        self.send(&mut ExportTraceServiceRequest::default(), timeout)
    }

    fn parcel(&self, spans: Vec<SpanData>) -> Packed<ExportTraceServiceRequest> {
        let count = spans.len();
        let resource_spans = group_spans_by_resource_and_scope(spans, &self.resource);
        Packed::Parcel(ExportTraceServiceRequest { resource_spans }, count)
    }
}

impl Transport for OtlpTransport {
    type Parcel = ExportTraceServiceRequest;

    fn pack(&mut self, spans: Vec<SpanData>) -> Vec<Packed<Self::Parcel>> {
        let mut packed = Vec::new();
        let mut part = Vec::new();
        let mut part_bytes = 0;
        for span in spans {
            let bytes = size::span(&span);
            if bytes > MAX_SPAN_BYTES || part_bytes + bytes > size::MAX_REQUEST {
                if !part.is_empty() {
                    packed.push(self.parcel(std::mem::take(&mut part)));
                }
                part_bytes = 0;
            }
            if bytes > MAX_SPAN_BYTES {
                packed.push(Packed::OverLimit);
                continue;
            }
            part_bytes += bytes;
            part.push(span);
        }
        if !part.is_empty() {
            packed.push(self.parcel(part));
        }
        packed
    }

    fn send(&mut self, parcel: &mut Self::Parcel, timeout: Duration) -> Outcome {
        self.wire.send(parcel, timeout)
    }

    fn split(&mut self, parcel: Self::Parcel) -> Option<[Packed<Self::Parcel>; 2]> {
        let count = spans_in(&parcel);
        if count < 2 {
            return None;
        }
        let (first, second) = (count / 2, count - count / 2);
        let [head, tail] = divide(parcel, first);
        Some([Packed::Parcel(head, first), Packed::Parcel(tail, second)])
    }
}

pub(super) fn missing(
    destination: &Destination,
    what: &'static str,
    feature: &'static str,
) -> StartError {
    StartError::MissingFeature { destination: destination.name.clone(), what, feature }
}

fn spans_in(request: &ExportTraceServiceRequest) -> usize {
    let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
    scopes.map(|scope| scope.spans.len()).sum()
}

/// The first `n` spans of a request, and the rest.
fn divide(request: ExportTraceServiceRequest, n: usize) -> [ExportTraceServiceRequest; 2] {
    let mut halves = [ExportTraceServiceRequest::default(), ExportTraceServiceRequest::default()];
    let mut left = n;
    for resource in request.resource_spans {
        let mut parts = [Vec::new(), Vec::new()];
        for mut scope in resource.scope_spans {
            let rest = scope.spans.split_off(left.min(scope.spans.len()));
            left -= scope.spans.len();
            let tail = ScopeSpans {
                scope: scope.scope.clone(),
                schema_url: scope.schema_url.clone(),
                spans: rest,
            };
            parts[0].extend((!scope.spans.is_empty()).then_some(scope));
            parts[1].extend((!tail.spans.is_empty()).then_some(tail));
        }
        for (half, scope_spans) in halves.iter_mut().zip(parts) {
            if !scope_spans.is_empty() {
                half.resource_spans.push(ResourceSpans {
                    resource: resource.resource.clone(),
                    schema_url: resource.schema_url.clone(),
                    scope_spans,
                });
            }
        }
    }
    halves
}

/// A single span may need a request of its own up to here.
const MAX_SPAN_BYTES: usize = 32 << 20;
