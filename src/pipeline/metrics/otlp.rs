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

use super::point::MetricPoint;
use crate::metrics::{Attribute, Buckets, Layer, Measured, Point};
use crate::pipeline::wire::OtlpResource;

/// A request with these points. Those of one metric are beside each other.
pub(super) fn request(
    points: &[MetricPoint],
    resource: &OtlpResource,
) -> ExportMetricsServiceRequest {
    let same = |a: &MetricPoint, b: &MetricPoint| a.def.name == b.def.name && a.delta == b.delta;
    let metrics = points.chunk_by(same).map(metric).collect();
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

fn metric(points: &[MetricPoint]) -> proto::Metric {
    let Some(MetricPoint { def, delta, .. }) = points.first() else {
        return proto::Metric::default();
    };
    let aggregation_temporality = match delta {
        true => proto::AggregationTemporality::Delta,
        false => proto::AggregationTemporality::Cumulative,
    }
    .into();
    let points = points.iter().map(|point| &*point.point);
    let data = match points.clone().next().map(|point| &point.value) {
        Some(Measured::Histogram(Layer { buckets: Buckets::Exponential { .. }, .. })) => {
            Data::ExponentialHistogram(proto::ExponentialHistogram {
                data_points: points.filter_map(exponential).collect(),
                aggregation_temporality,
            })
        }
        Some(Measured::Histogram(_)) => Data::Histogram(proto::Histogram {
            data_points: points.filter_map(explicit).collect(),
            aggregation_temporality,
        }),
        Some(Measured::Level(_)) => Data::Sum(proto::Sum {
            data_points: points.filter_map(number).collect(),
            aggregation_temporality: proto::AggregationTemporality::Cumulative as i32,
            is_monotonic: false,
        }),
        _ => Data::Sum(proto::Sum {
            data_points: points.filter_map(number).collect(),
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
