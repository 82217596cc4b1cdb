//! Finished spans on their way to the destinations, with the second look at those that the sampler
//! turned down.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SpanData;

use super::delivery::outlets::{Closing, Outlets, Start};
use super::delivery::queue::Queue;
use super::delivery::signal::Signal;
use super::delivery::start_error::StartError;
use super::lifecycle::Undelivered;
use super::local::Local;
use super::resource::resource;
use super::tail::{Decided, Tail};
#[cfg(feature = "otel-http")]
use super::wire::otlp::OtlpTransport;
use crate::config::settings::{Destination, Settings};
use crate::health::{DropReason, Fate, Health};

/// What the processor, which lives as long as the tracer provider, shares with the pipeline.
#[derive(Debug)]
pub(super) struct Spans {
    pub(super) outlets: Outlets<SpanData>,
    pub(super) tail: Tail,
}

impl Spans {
    /// Takes a span that has ended.
    pub(super) fn receive(&self, span: SpanData) {
        self.health().pipeline.finished.receive(1);
        if span.span_context.is_sampled() {
            self.outlets.routes.send(span, self.health());
        } else {
            self.settle_tail(self.tail.receive(span));
        }
    }

    /// Decides by the rules of other settings.
    pub(super) fn follow(&self, settings: &Settings) {
        self.settle_tail(self.tail.set(settings.keep, settings.batch));
    }

    pub(super) fn flush(&self, timeout: Duration) -> Result<(), Undelivered> {
        self.outlets.ask_flush().wait(Instant::now() + timeout).into_result()
    }

    pub(super) fn shutdown(&self, timeout: Duration) -> Result<(), Undelivered> {
        self.close(timeout).map_or(Ok(()), |closing| closing.wait().into_result())
    }

    /// See [`Outlets::close`].
    pub(super) fn close(&self, timeout: Duration) -> Option<Closing<'_, SpanData>> {
        self.outlets.close(timeout, || self.settle_tail(self.tail.finish()))
    }

    pub(super) fn health(&self) -> &Health {
        &self.outlets.core.health
    }

    /// Sends and counts what the tail has decided on.
    fn settle_tail(&self, decided: Decided) {
        for span in decided.kept {
            self.outlets.routes.send(span, self.health());
        }
        if decided.dropped > 0 {
            let fate = Fate::Dropped(DropReason::TailSampled);
            self.health().pipeline.finished.settle(fate, decided.dropped);
        }
    }
}

/// Starts the thread of a destination.
pub(super) fn start(
    settings: &Settings,
    destination: &Destination,
    start: Start<'_, SpanData>,
) -> Result<Arc<Queue<SpanData>>, StartError> {
    if let Some(own) = SpanData::own(destination) {
        own.set_resource(&resource(settings));
        return start.with(destination.own.timeout, Local::new(Arc::clone(own)));
    }
    #[cfg(feature = "otel-http")]
    if let Some(route) = SpanData::route(destination) {
        let transport = OtlpTransport::new(&destination.name, route, &resource(settings))?;
        return start.with(route.timeout, transport);
    }
    Err(StartError::missing(&destination.name, "sending anything", "otel-http"))
}
