//! Finished spans on their way to the destinations, with the second look at those that the sampler
//! turned down.

use std::time::{Duration, Instant};

use opentelemetry_sdk::trace::SpanData;

use super::delivery::outlets::{Closing, Outlets};
use super::lifecycle::Undelivered;
use super::tail::{Decided, Tail};
use crate::config::settings::Settings;
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
