//! What the status counts, as samples of metrics about our own delivery.

#[cfg(feature = "logs")]
use super::status::LogsStatus;
use super::status::{DestinationStatus, Spans};
use crate::config::settings::Protocol;
use crate::health::{DropReason, LedgerCounts, Row};
use crate::metrics::{Attribute, Sample, Sampled};
use crate::pipeline::{DestinationSnapshot, Snapshot};
use crate::semconv::Attr;
use crate::semconv::metrics::{Items, Own};

/// Everything that is shown by a metric. `delta` asks for durations since the last time.
pub(super) fn samples(snapshot: &Snapshot, delta: bool) -> Vec<Sample> {
    let mut samples = Samples { items: Items::Spans, all: Vec::new() };
    samples.rows(Spans::new(snapshot).rows(), None);
    samples.dropped(&snapshot.spans.finished, None);
    samples.destinations(&snapshot.destinations, delta);
    #[cfg(feature = "logs")]
    if let Some(logs) = &snapshot.logs {
        samples.items = Items::Logs;
        samples.rows(LogsStatus::new(logs).rows(), None);
        samples.dropped(&logs.items, None);
        samples.destinations(&logs.destinations, delta);
    }
    samples.all
}

struct Samples {
    items: Items,
    all: Vec<Sample>,
}

impl Samples {
    fn destinations(&mut self, destinations: &[DestinationSnapshot], delta: bool) {
        for it in destinations {
            self.rows(DestinationStatus::new(it).rows(), Some(it));
            self.dropped(&it.items, Some(it));
            for (cause, durations, failed) in it.operations.collect(delta) {
                let cause = cause.as_deref();
                if failed > 0 {
                    self.push(Own::Exported, cause, Some(it), Sampled::Number(failed));
                }
                if let Some(durations) = durations {
                    self.push(Own::Operation, cause, Some(it), Sampled::Durations(durations));
                }
            }
        }
    }

    fn rows(
        &mut self,
        rows: impl Iterator<Item = (&'static Row, u64)>,
        of: Option<&DestinationSnapshot>,
    ) {
        for (row, number) in rows {
            for (metric, error) in row.metrics {
                // What never failed is no point yet.
                if number > 0 || error.is_none() {
                    self.push(*metric, *error, of, Sampled::Number(number));
                }
            }
        }
    }

    /// What a destination dropped, or what never came to one.
    fn dropped(&mut self, counts: &LedgerCounts, of: Option<&DestinationSnapshot>) {
        let before =
            [DropReason::TailSampled, DropReason::AfterShutdown, DropReason::NoDestination];
        for (reason, number) in counts.dropped() {
            if of.is_some() || before.contains(&reason) {
                let number = Sampled::Number(number);
                self.push(Own::Processed, Some(reason.error_type()), of, number);
            }
        }
    }

    fn push(
        &mut self,
        metric: Own,
        error: Option<&str>,
        of: Option<&DestinationSnapshot>,
        value: Sampled,
    ) {
        let mut attributes = Vec::new();
        let mut add = |key: &str, value: &str| {
            attributes.push((key.into(), Attribute::Text(value.into())));
        };
        let processor = match self.items {
            Items::Logs => "batching_log_processor",
            Items::Spans | Items::Points => "batching_span_processor",
        };
        match (metric, of) {
            (Own::Processed | Own::QueueSize | Own::QueueCapacity, of) => {
                add("otel.component.type", processor);
                add("otel.component.name", of.map_or("", |of| of.name.as_str()));
            }
            (Own::Inflight | Own::Exported | Own::Operation, Some(of)) => {
                add("otel.component.type", &exporter(of.protocol, self.items));
                add("otel.component.name", &of.name);
                let url = of.url.as_deref().and_then(|url| url.parse::<http::Uri>().ok());
                if let Some(host) = url.as_ref().and_then(http::Uri::host) {
                    add(Attr::ServerAddress.key(), host);
                }
            }
            _ => {}
        }
        if let Some(error) = error {
            add(Attr::ErrorType.key(), error);
        }
        self.all.push(Sample { items: self.items, metric, attributes, value });
    }
}

/// The type of component by the words of the conventions; what they have no word for has the name
/// of our type.
fn exporter(protocol: Option<Protocol>, items: Items) -> String {
    let wire = match protocol {
        Some(Protocol::HttpProtobuf) => "otlp_http",
        Some(Protocol::HttpJson) => "otlp_http_json",
        Some(Protocol::Grpc) => "otlp_grpc",
        None => return String::from("tracing_genai::ConsoleExporter"),
    };
    let items = match items {
        Items::Spans => "span",
        Items::Logs => "log",
        Items::Points => "metric",
    };
    format!("{wire}_{items}_exporter")
}
