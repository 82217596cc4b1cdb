//! OTLP: items into requests of a size that receivers take, sent over HTTP or gRPC.
//!
//! Encoding is that of `opentelemetry-proto`. Sending is ours, because the exporters of
//! `opentelemetry-otlp` keep to themselves what `status()` has to say: status codes, the server's
//! message, what was rejected, how often was retried.

use std::marker::PhantomData;
use std::time::Duration;

#[cfg(feature = "logs")]
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
#[cfg(feature = "logs")]
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use opentelemetry_sdk::Resource;

#[cfg(feature = "otel-grpc")]
use super::grpc::GrpcTransport;
use super::http::HttpTransport;
use super::refusal::Refusal;
use super::request::Export;
use crate::config::settings::{Destination, Protocol};
use crate::pipeline::delivery::signal::Signal;
use crate::pipeline::delivery::start_error::StartError;
use crate::pipeline::delivery::transport::{Failure, Outcome, Packed, Transport};
use crate::pipeline::size;

/// The resource as requests have it.
pub(crate) type OtlpResource = ResourceAttributesWithSchema;

/// Sends OTLP requests to one destination.
#[derive(Debug)]
pub(crate) struct OtlpTransport<S> {
    resource: OtlpResource,
    wire: Wire,
    /// For a signal that not every receiver takes.
    refusal: Option<Refusal>,
    signal: PhantomData<fn(S)>,
}

#[derive(Debug)]
pub(crate) enum Wire {
    Http(Box<HttpTransport>),
    #[cfg(feature = "otel-grpc")]
    Grpc(Box<GrpcTransport>),
}

impl Wire {
    pub(crate) fn new(destination: &Destination) -> Result<Self, StartError> {
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

    /// A wire to another of the destination's URLs than the one for spans.
    pub(crate) fn to(destination: &Destination, url: Option<&str>) -> Result<Self, StartError> {
        let traces_url = url.map(str::to_owned);
        Self::new(&Destination { traces_url, ..destination.clone() })
    }

    /// Whether a failure says that there is nothing where requests go.
    pub(crate) fn is_missing(&self, failure: &Failure) -> bool {
        match self {
            Self::Http(_) => matches!(failure.code, Some(404 | 405)),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(_) => failure.code == Some(tonic::Code::Unimplemented as u16),
        }
    }

    pub(crate) fn send(&mut self, request: &impl Export, timeout: Duration) -> Outcome {
        match self {
            Self::Http(http) => http.send(request, timeout),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(grpc) => grpc.send(request, timeout),
        }
    }
}

impl<S: Signal> OtlpTransport<S> {
    pub(crate) fn new(destination: &Destination, resource: &Resource) -> Result<Self, StartError> {
        let wire = Wire::to(destination, S::url(destination))?;
        let refusal = S::OPTIONAL.map(|switch| Refusal::of(S::ITEMS, switch));
        Ok(Self { resource: resource.into(), wire, refusal, signal: PhantomData })
    }

    fn parcel(&self, items: Vec<S>) -> Packed<S::Request> {
        let count = items.len();
        Packed::Parcel(S::request(items, &self.resource), count)
    }
}

impl<S: Signal> Transport for OtlpTransport<S> {
    type Item = S;
    type Parcel = S::Request;

    fn pack(&mut self, items: Vec<S>) -> Vec<Packed<Self::Parcel>> {
        let mut packed = Vec::new();
        let mut part = Vec::new();
        let mut part_bytes = 0;
        for item in items {
            let bytes = item.size();
            if bytes > MAX_ITEM_BYTES || part_bytes + bytes > size::MAX_REQUEST {
                if !part.is_empty() {
                    packed.push(self.parcel(std::mem::take(&mut part)));
                }
                part_bytes = 0;
            }
            if bytes > MAX_ITEM_BYTES {
                packed.push(Packed::OverLimit);
                continue;
            }
            part_bytes += bytes;
            part.push(item);
        }
        if !part.is_empty() {
            packed.push(self.parcel(part));
        }
        packed
    }

    fn send(&mut self, parcel: &mut Self::Parcel, timeout: Duration) -> Outcome {
        match &mut self.refusal {
            Some(refusal) => refusal.send(&mut self.wire, parcel, timeout),
            None => self.wire.send(parcel, timeout),
        }
    }

    fn split(&mut self, mut parcel: Self::Parcel) -> Option<[Packed<Self::Parcel>; 2]> {
        let count = parcel.count();
        if count < 2 {
            return None;
        }
        let (first, second) = (count / 2, count - count / 2);
        let rest = parcel.split_off(first);
        Some([Packed::Parcel(parcel, first), Packed::Parcel(rest, second)])
    }
}

pub(crate) fn missing(
    destination: &Destination,
    what: &'static str,
    feature: &'static str,
) -> StartError {
    StartError::MissingFeature { destination: destination.name.clone(), what, feature }
}

/// A level at which OTLP groups items: a request, a resource, a scope.
pub(crate) trait Nested {
    /// How many items there are.
    fn count(&self) -> usize;

    /// Keeps the first `n` items, and gives the others in a group like this one.
    fn split_off(&mut self, n: usize) -> Self;
}

/// What the list of a group has in it: further groups, or items.
macro_rules! nested {
    (@count $list:expr, groups) => { $list.iter().map(Nested::count).sum() };
    (@count $list:expr, items) => { $list.len() };
    (@split $list:expr, $n:expr, groups) => { split_off(&mut $list, $n) };
    (@split $list:expr, $n:expr, items) => { $list.split_off($n) };
    ($($group:ty: $what:ident in $list:ident;)*) => {$(
        impl Nested for $group {
            fn count(&self) -> usize {
                nested!(@count self.$list, $what)
            }

            fn split_off(&mut self, n: usize) -> Self {
                let rest = nested!(@split self.$list, n, $what);
                let kept = std::mem::take(&mut self.$list);
                // Only the group itself is copied.
                let mut other = self.clone();
                other.$list = rest;
                self.$list = kept;
                other
            }
        }
    )*};
}

#[cfg(feature = "logs")]
nested! {
    ExportLogsServiceRequest: groups in resource_logs;
    ResourceLogs: groups in scope_logs;
    ScopeLogs: items in log_records;
}

nested! {
    ExportTraceServiceRequest: groups in resource_spans;
    ResourceSpans: groups in scope_spans;
    ScopeSpans: items in spans;
}

fn split_off<G: Nested>(groups: &mut Vec<G>, mut n: usize) -> Vec<G> {
    let mut whole = 0;
    while let Some(group) = groups.get(whole)
        && group.count() <= n
    {
        n -= group.count();
        whole += 1;
    }
    let mut rest = groups.split_off(whole);
    if n > 0
        && let Some(cut) = rest.first_mut()
    {
        let tail = cut.split_off(n);
        groups.push(std::mem::replace(cut, tail));
    }
    rest
}

/// How long a receiver that does not take a signal is left alone.
/// A single item may need a request of its own up to here.
const MAX_ITEM_BYTES: usize = 32 << 20;

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1::Span;

    use super::*;

    #[test]
    fn a_request_is_cut_between_any_two_items() {
        let span = |n: usize| Span { name: n.to_string(), ..Span::default() };
        let scope = |schema: &str, spans: &[usize]| ScopeSpans {
            schema_url: schema.to_owned(),
            spans: spans.iter().copied().map(span).collect(),
            ..ScopeSpans::default()
        };
        let resource = |schema: &str, scope_spans| ResourceSpans {
            schema_url: schema.to_owned(),
            scope_spans,
            ..ResourceSpans::default()
        };
        let whole = ExportTraceServiceRequest {
            resource_spans: vec![
                resource("a", vec![scope("b", &[0, 1]), scope("c", &[2])]),
                resource("d", vec![scope("e", &[3, 4, 5])]),
            ],
        };
        for n in 1..6 {
            let mut head = whole.clone();
            let tail = head.split_off(n);
            assert_eq!((head.count(), tail.count()), (n, 6 - n));
            let mut seen = 0;
            for resource in head.resource_spans.iter().chain(&tail.resource_spans) {
                for scope in &resource.scope_spans {
                    for span in &scope.spans {
                        assert_eq!(span.name, seen.to_string());
                        let places = ["ab", "ab", "ac", "de", "de", "de"];
                        let place = format!("{}{}", resource.schema_url, scope.schema_url);
                        assert_eq!(place, places[seen]);
                        seen += 1;
                    }
                }
            }
            assert_eq!(seen, 6);
        }
    }
}
