//! Export requests of the signals, as far as sending them differs.

#[cfg(feature = "logs")]
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
#[cfg(feature = "logs")]
use opentelemetry_proto::tonic::logs::v1::{ResourceLogs, ScopeLogs};
#[cfg(feature = "metrics")]
use opentelemetry_proto::tonic::metrics::v1::{
    ExponentialHistogram, Histogram, Metric, ResourceMetrics, ScopeMetrics, Sum, metric::Data,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans};
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;

/// The resource as requests have it.
pub(crate) type OtlpResource = ResourceAttributesWithSchema;

/// A request that can be encoded and sent.
pub(crate) trait Request: prost::Message + Default + Json {
    /// The method that takes it over gRPC.
    #[cfg_attr(not(feature = "otel-grpc"), expect(dead_code, reason = "HTTP has paths"))]
    const METHOD: &'static str;
}

#[cfg(feature = "http-json")]
pub(crate) trait Json: serde::Serialize + serde::de::DeserializeOwned {}
#[cfg(feature = "http-json")]
impl<T: serde::Serialize + serde::de::DeserializeOwned> Json for T {}
#[cfg(not(feature = "http-json"))]
pub(crate) trait Json {}
#[cfg(not(feature = "http-json"))]
impl<T> Json for T {}

impl Request for ExportTraceServiceRequest {
    const METHOD: &'static str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
}

impl Request for ExportMetricsServiceRequest {
    const METHOD: &'static str = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export";
}

#[cfg(feature = "logs")]
impl Request for ExportLogsServiceRequest {
    const METHOD: &'static str = "/opentelemetry.proto.collector.logs.v1.LogsService/Export";
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

#[cfg(feature = "metrics")]
nested! {
    ExportMetricsServiceRequest: groups in resource_metrics;
    ResourceMetrics: groups in scope_metrics;
    ScopeMetrics: groups in metrics;
    Sum: items in data_points;
    Histogram: items in data_points;
    ExponentialHistogram: items in data_points;
}

/// The points of the kinds that are sent.
#[cfg(feature = "metrics")]
impl Nested for Metric {
    fn count(&self) -> usize {
        match &self.data {
            Some(Data::Sum(sum)) => sum.count(),
            Some(Data::Histogram(histogram)) => histogram.count(),
            Some(Data::ExponentialHistogram(histogram)) => histogram.count(),
            _ => 0,
        }
    }

    fn split_off(&mut self, n: usize) -> Self {
        let mut kept = self.data.take();
        let other = match &mut kept {
            Some(Data::Sum(sum)) => Some(Data::Sum(sum.split_off(n))),
            Some(Data::Histogram(histogram)) => Some(Data::Histogram(histogram.split_off(n))),
            Some(Data::ExponentialHistogram(histogram)) => {
                Some(Data::ExponentialHistogram(histogram.split_off(n)))
            }
            _ => None,
        };
        // Only the description is copied.
        let mut rest = self.clone();
        (self.data, rest.data) = (kept, other);
        rest
    }
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
