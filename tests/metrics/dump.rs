//! A metrics request as text: everything but times and how long things took.

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::metrics::v1::Metric;
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;

/// One line for a metric, one for each of its points, in order of their names and labels.
pub fn dump(request: &ExportMetricsServiceRequest) -> String {
    let mut metrics: Vec<_> = metrics(request).map(one).collect();
    metrics.sort();
    metrics.concat()
}

/// The sum over all points of a counter.
pub fn sums(request: &ExportMetricsServiceRequest, name: &str) -> f64 {
    let metric = metrics(request).find(|metric| metric.name == name);
    let Some(Data::Sum(sum)) = metric.and_then(|metric| metric.data.as_ref()) else { return 0.0 };
    sum.data_points.iter().map(|point| number(point.value)).sum()
}

fn metrics(request: &ExportMetricsServiceRequest) -> impl Iterator<Item = &Metric> {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    scopes.flat_map(|scope| &scope.metrics)
}

fn one(metric: &Metric) -> String {
    let is_time = metric.unit == "s" && !metric.name.contains("first_chunk");
    let (kind, temporality, mut lines) = match metric.data.as_ref().unwrap() {
        Data::Sum(sum) => (
            String::from(if sum.is_monotonic { "counter" } else { "updown" }),
            sum.aggregation_temporality,
            sum.data_points
                .iter()
                .map(|point| {
                    assert!(point.start_time_unix_nano <= point.time_unix_nano);
                    format!("{} = {}", labels(&point.attributes), number(point.value))
                })
                .collect::<Vec<_>>(),
        ),
        Data::Histogram(histogram) => (
            format!("histogram {:?}", histogram.data_points[0].explicit_bounds),
            histogram.aggregation_temporality,
            histogram
                .data_points
                .iter()
                .map(|point| {
                    assert_eq!(point.bucket_counts.iter().sum::<u64>(), point.count);
                    let labels = labels(&point.attributes);
                    if is_time {
                        return format!("{labels} = {} times", point.count);
                    }
                    let buckets = point.bucket_counts.iter().zip(
                        point
                            .explicit_bounds
                            .iter()
                            .map(|bound| format!("<={bound}"))
                            .chain([String::from("more")]),
                    );
                    let buckets: Vec<_> = buckets
                        .filter(|(count, _)| **count > 0)
                        .map(|(count, bound)| format!("{count} {bound}"))
                        .collect();
                    format!(
                        "{labels} = {} times, sum {}, min {}, max {} ({})",
                        point.count,
                        point.sum(),
                        point.min(),
                        point.max(),
                        buckets.join(", ")
                    )
                })
                .collect(),
        ),
        Data::ExponentialHistogram(histogram) => (
            String::from("exponential"),
            histogram.aggregation_temporality,
            histogram
                .data_points
                .iter()
                .map(|point| {
                    let counts = &point.positive.as_ref().unwrap().bucket_counts;
                    assert_eq!(counts.iter().sum::<u64>() + point.zero_count, point.count);
                    format!("{} = {} times", labels(&point.attributes), point.count)
                })
                .collect(),
        ),
        other => panic!("{other:?}"),
    };
    lines.sort();
    let temporality = if temporality == 1 { "delta" } else { "cumulative" };
    let mut text = format!("{} {} {kind} {temporality}\n", metric.name, metric.unit);
    for line in lines {
        text += &format!("  {line}\n");
    }
    text
}

fn labels(attributes: &[KeyValue]) -> String {
    let labels = attributes.iter().map(|attribute| {
        let value = match attribute.value.as_ref().and_then(|value| value.value.as_ref()) {
            Some(Value::StringValue(text)) => text.clone(),
            Some(Value::IntValue(value)) => value.to_string(),
            Some(Value::BoolValue(value)) => value.to_string(),
            other => panic!("{other:?}"),
        };
        format!("{}={value}", attribute.key)
    });
    labels.collect::<Vec<_>>().join(", ")
}

fn number(value: Option<Number>) -> f64 {
    match value {
        Some(Number::AsInt(value)) => value as f64,
        Some(Number::AsDouble(value)) => value,
        None => 0.0,
    }
}
