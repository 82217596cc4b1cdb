//! Points as OTLP says them.

use std::time::SystemTime;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as AnyValue;
use opentelemetry_proto::tonic::common::v1::{AnyValue as Any, InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::metrics::v1 as proto;
use opentelemetry_proto::tonic::metrics::v1::exponential_histogram_data_point::Buckets as Spread;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::transform::common::tonic::ResourceAttributesWithSchema;
use prost::Message;

use super::histogram::{Buckets, Layer};
use super::points::{Attribute, Measured, Metric, Point, Points};
use crate::semconv::metrics::MetricDef;

/// Export requests of a size that receivers take: one, unless there are thousands of series.
pub(super) fn requests(
    points: &Points,
    resource: &ResourceAttributesWithSchema,
) -> Vec<ExportMetricsServiceRequest> {
    let temporality = match points.delta {
        true => proto::AggregationTemporality::Delta,
        false => proto::AggregationTemporality::Cumulative,
    };
    let (mut requests, mut part, mut part_bytes) = (Vec::new(), Vec::new(), 0);
    for Metric { def, points } in &points.metrics {
        let whole = metric(def, points, temporality);
        let bytes = whole.encoded_len();
        if bytes > MAX_REQUEST_BYTES {
            let chunks = points.chunks(POINTS_AT_LEAST);
            requests.extend(
                chunks.map(|points| request(vec![metric(def, points, temporality)], resource)),
            );
            continue;
        }
        if part_bytes + bytes > MAX_REQUEST_BYTES {
            requests.push(request(std::mem::take(&mut part), resource));
            part_bytes = 0;
        }
        part_bytes += bytes;
        part.push(whole);
    }
    if !part.is_empty() {
        requests.push(request(part, resource));
    }
    requests
}

fn request(
    metrics: Vec<proto::Metric>,
    resource: &ResourceAttributesWithSchema,
) -> ExportMetricsServiceRequest {
    ExportMetricsServiceRequest {
        resource_metrics: vec![proto::ResourceMetrics {
            resource: Some(Resource {
                attributes: resource.attributes.0.clone(),
                ..Resource::default()
            }),
            scope_metrics: vec![proto::ScopeMetrics {
                scope: Some(InstrumentationScope {
                    name: String::from("tracing-genai"),
                    version: String::from(env!("CARGO_PKG_VERSION")),
                    ..InstrumentationScope::default()
                }),
                metrics,
                schema_url: String::new(),
            }],
            schema_url: resource.schema_url.clone().unwrap_or_default(),
        }],
    }
}

fn metric(
    def: &MetricDef,
    points: &[Point],
    temporality: proto::AggregationTemporality,
) -> proto::Metric {
    let aggregation_temporality = temporality as i32;
    let data = match points.first().map(|point| &point.value) {
        Some(Measured::Histogram(Layer { buckets: Buckets::Exponential { .. }, .. })) => {
            Data::ExponentialHistogram(proto::ExponentialHistogram {
                data_points: points.iter().filter_map(exponential).collect(),
                aggregation_temporality,
            })
        }
        Some(Measured::Histogram(_)) => Data::Histogram(proto::Histogram {
            data_points: points.iter().filter_map(explicit).collect(),
            aggregation_temporality,
        }),
        Some(Measured::Level(_)) => Data::Sum(proto::Sum {
            data_points: points.iter().filter_map(number).collect(),
            aggregation_temporality: proto::AggregationTemporality::Cumulative as i32,
            is_monotonic: false,
        }),
        _ => Data::Sum(proto::Sum {
            data_points: points.iter().filter_map(number).collect(),
            aggregation_temporality,
            is_monotonic: true,
        }),
    };
    proto::Metric {
        name: def.name.to_owned(),
        description: def.description.to_owned(),
        unit: def.unit.to_owned(),
        metadata: Vec::new(),
        data: Some(data),
    }
}

fn number(point: &Point) -> Option<proto::NumberDataPoint> {
    let value = match point.value {
        Measured::Count(count) | Measured::Level(count) => {
            Number::AsInt(i64::try_from(count).unwrap_or(i64::MAX))
        }
        Measured::Amount(amount) => Number::AsDouble(amount),
        Measured::Histogram(_) => return None,
    };
    Some(proto::NumberDataPoint {
        attributes: attributes(point),
        start_time_unix_nano: nanos(point.start),
        time_unix_nano: nanos(point.time),
        value: Some(value),
        ..proto::NumberDataPoint::default()
    })
}

fn explicit(point: &Point) -> Option<proto::HistogramDataPoint> {
    let Measured::Histogram(layer) = &point.value else { return None };
    let Buckets::Explicit { bounds, counts } = &layer.buckets else { return None };
    Some(proto::HistogramDataPoint {
        attributes: attributes(point),
        start_time_unix_nano: nanos(point.start),
        time_unix_nano: nanos(point.time),
        count: layer.count,
        sum: Some(layer.sum),
        min: Some(layer.min),
        max: Some(layer.max),
        bucket_counts: counts.to_vec(),
        explicit_bounds: bounds.to_vec(),
        ..proto::HistogramDataPoint::default()
    })
}

fn exponential(point: &Point) -> Option<proto::ExponentialHistogramDataPoint> {
    let Measured::Histogram(layer) = &point.value else { return None };
    let Buckets::Exponential { scale, zero, offset, counts } = &layer.buckets else { return None };
    Some(proto::ExponentialHistogramDataPoint {
        attributes: attributes(point),
        start_time_unix_nano: nanos(point.start),
        time_unix_nano: nanos(point.time),
        count: layer.count,
        sum: Some(layer.sum),
        min: Some(layer.min),
        max: Some(layer.max),
        scale: *scale,
        zero_count: *zero,
        positive: Some(Spread { offset: *offset, bucket_counts: counts.clone() }),
        ..proto::ExponentialHistogramDataPoint::default()
    })
}

fn attributes(point: &Point) -> Vec<KeyValue> {
    let attributes = point.attributes.iter();
    attributes
        .map(|(key, value)| {
            let value = match value {
                Attribute::Bool(value) => AnyValue::BoolValue(*value),
                Attribute::Int(value) => AnyValue::IntValue(*value),
                Attribute::Text(value) => AnyValue::StringValue(value.to_string()),
            };
            KeyValue {
                key: key.to_string(),
                value: Some(Any { value: Some(value) }),
                ..KeyValue::default()
            }
        })
        .collect()
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}

/// A gRPC server takes 4 MiB unless told otherwise; the resource needs a little.
const MAX_REQUEST_BYTES: usize = (4 << 20) - (64 << 10);
/// Points of a metric that is too large for one request. Labels are bounded, and with them points:
/// so many fit always.
const POINTS_AT_LEAST: usize = 500;
