//! Metrics to one destination, over the same connections as spans.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

use super::delivery::start_error::StartError;
use super::delivery::transport::Outcome;
use super::wire::otlp::Wire;
use super::wire::refusal::Refusal;
use crate::config::settings::Destination;

/// Sends metrics to one destination.
#[derive(Debug)]
pub(crate) struct MetricsTransport {
    wire: Wire,
    refusal: Refusal,
}

impl MetricsTransport {
    pub(crate) fn new(destination: &Destination) -> Result<Self, StartError> {
        let wire = Wire::to(destination, destination.metrics_url.as_deref())?;
        Ok(Self { wire, refusal: Refusal::of("metrics", "metrics.enabled") })
    }

    pub(crate) fn send(
        &mut self,
        request: &ExportMetricsServiceRequest,
        timeout: Duration,
    ) -> Outcome {
        self.refusal.send(&mut self.wire, request, timeout)
    }
}
