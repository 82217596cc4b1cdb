//! Metrics to one destination, over the same connections as spans.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

use super::otlp::Wire;
use super::start_error::StartError;
use super::transport::Outcome;
use crate::config::settings::Destination;

/// Sends metrics to one destination.
#[derive(Debug)]
pub(crate) struct MetricsTransport(Wire);

impl MetricsTransport {
    pub(crate) fn new(destination: &Destination) -> Result<Self, StartError> {
        // A wire goes where a destination's spans go; this one has only another path.
        let to = Destination { traces_url: destination.metrics_url.clone(), ..destination.clone() };
        Wire::new(&to).map(Self)
    }

    pub(crate) fn send(
        &mut self,
        request: &ExportMetricsServiceRequest,
        timeout: Duration,
    ) -> Outcome {
        self.0.send(request, timeout)
    }
}
