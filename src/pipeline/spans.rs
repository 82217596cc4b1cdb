//! Finished spans on their way to the destinations, with the second look at those that the sampler
//! turned down.

use std::sync::Arc;

use opentelemetry_sdk::trace::SpanData;

use super::delivery::{
    Closing, Deadline, DestinationSnapshot, Item, Opening, Outlets, Queue, Signal, StartError,
    Undelivered,
};
use super::local::Local;
use super::preparation::{Preparation, SpansKept};
use super::resource::{resource, same_resource};
use super::size;
use super::tail::{Decided, Tail};
#[cfg(feature = "otel-http")]
use super::wire::OtlpTransport;
use crate::capture::tracer::Core;
use crate::config::own::Export;
use crate::config::settings::{Batch, Destination, Route, Settings};
use crate::health::{DropReason, Fate, Health, Ledger};
use crate::policy::Policy;

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

    pub(super) fn flush(&self, deadline: Deadline) -> Result<(), Undelivered> {
        self.outlets.ask_flush().wait(deadline).into_result()
    }

    pub(super) fn shutdown(&self, deadline: Deadline) -> Result<(), Undelivered> {
        self.close(deadline).map_or(Ok(()), |closing| closing.wait().into_result())
    }

    /// See [`Outlets::close`].
    pub(super) fn close(&self, deadline: Deadline) -> Option<Closing<'_, SpanData>> {
        self.outlets.close(deadline, || self.settle_tail(self.tail.finish()))
    }

    pub(super) fn health(&self) -> &Health {
        &self.outlets.health
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

impl Item for SpanData {
    const ITEMS: &'static str = "spans";
    const THREAD: &'static str = "genai";

    type Preparation = Preparation;

    fn size(&self) -> usize {
        size::span(self)
    }

    fn ledger(health: &Health) -> &Ledger {
        &health.pipeline.finished
    }
}

impl Signal for SpanData {
    type Source = Arc<Core>;
    type Kept = SpansKept;

    fn is_on(settings: &Settings) -> bool {
        settings.traces_enabled
    }

    fn batch(settings: &Settings) -> Batch {
        settings.batch
    }

    fn route(destination: &Destination) -> Option<&Route> {
        destination.traces.as_ref()
    }

    fn own(destination: &Destination) -> Option<&Arc<dyn Export<Self>>> {
        destination.own.spans.as_ref()
    }

    fn kept(destination: &Destination) -> SpansKept {
        SpansKept::new(destination.policy)
    }

    fn renew(kept: &SpansKept, destination: &Destination) {
        kept.policy.store(destination.policy.unwrap_or(Policy::LOOSEST));
    }

    fn open(
        settings: &Settings,
        destination: &Destination,
        core: &Arc<Core>,
        kept: &SpansKept,
        opening: Opening<'_>,
    ) -> Result<Arc<Queue<Self>>, StartError> {
        let preparation = Preparation::new(settings, destination, Arc::clone(core), kept);
        if let Some(own) = Self::own(destination) {
            own.set_resource(&resource(settings));
            let local = Local::new(Arc::clone(own));
            return opening.start(destination.own.timeout, preparation, local);
        }
        #[cfg(feature = "otel-http")]
        {
            let (limit, transport) = OtlpTransport::open(destination, &resource(settings))?;
            opening.start(limit, preparation, transport)
        }
        #[cfg(not(feature = "otel-http"))]
        Err(StartError::missing(&destination.name, "sending anything", "otel-http"))
    }

    fn same_source(a: &Settings, b: &Settings) -> bool {
        same_resource(a, b)
            && a.limits.attribute_value_length == b.limits.attribute_value_length
            && a.limits.attributes_after_format == b.limits.attributes_after_format
            && a.hide == b.hide
    }

    fn show(kept: &SpansKept, destination: Option<&Destination>, to: &mut DestinationSnapshot) {
        to.format = destination.map(Destination::format_name);
        to.malformed = kept.format.malformed();
        to.unflattened = kept.format.unflattened();
    }
}
