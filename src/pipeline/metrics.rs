//! Metrics to one destination, over the same connections as spans.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

use super::delivery::start_error::StartError;
use super::delivery::transport::Outcome;
use super::wire::refusal::Refusal;
use super::wire::sender::Sender;
use crate::config::settings::Route;

/// Sends metrics to one destination.
#[derive(Debug)]
pub(crate) struct MetricsTransport {
    sender: Sender,
    refusal: Refusal,
}

impl MetricsTransport {
    pub(crate) fn new(name: &str, route: &Route) -> Result<Self, StartError> {
        let sender = Sender::new(name, route)?;
        Ok(Self { sender, refusal: Refusal::of("metrics", "metrics.enabled") })
    }

    pub(crate) fn send(
        &mut self,
        request: &ExportMetricsServiceRequest,
        timeout: Duration,
    ) -> Outcome {
        match self.refusal.standing() {
            Some(refused) => refused,
            None => self.refusal.note(self.sender.post(request, timeout), &self.sender),
        }
    }
}
