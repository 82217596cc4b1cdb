//! What is queued and delivered item by item, and how its kinds differ.
//!
//! Everything between an ended span and a receiver's answer is the same for whatever else leaves
//! in batches: only what is written here is not.

use std::fmt::Debug;
use std::sync::Arc;

use opentelemetry_sdk::trace::SpanData;

use super::account::Account;
use super::outlets::Start;
use super::queue::Queue;
use super::start_error::StartError;
use crate::capture::tracer::Core;
use crate::config::own::Export;
use crate::config::settings::{Batch, Destination, Route, Settings};
use crate::health::{Health, Ledger};
use crate::pipeline::preparation::Preparation;
use crate::pipeline::size;
use crate::policy::Policy;

/// A kind of telemetry, by one item of it.
pub(crate) trait Signal: Clone + Debug + Send + Sync + 'static {
    /// What several of them are called.
    const ITEMS: &'static str;

    /// What the names of its threads begin with.
    const THREAD: &'static str;

    /// The key that switches it off, for a signal that not every receiver takes.
    const OPTIONAL: Option<&'static str> = None;

    /// What makes an item ready for one destination.
    type Preparation: Debug + Send;

    /// About how many bytes it takes, in memory and in a request; more rather than less.
    fn size(&self) -> usize;

    /// Where its items are counted over all destinations.
    fn ledger(health: &Health) -> &Ledger;

    /// Whether any of them leave.
    fn is_on(settings: &Settings) -> bool;

    fn batch(settings: &Settings) -> Batch;

    /// How they reach a destination over the network.
    fn route(destination: &Destination) -> Option<&Route>;

    /// What exports them there instead.
    fn own(destination: &Destination) -> Option<&Arc<dyn Export<Self>>>;

    /// Whether they go to a destination at all.
    fn go_to(destination: &Destination) -> bool {
        Self::route(destination).is_some() || Self::own(destination).is_some()
    }

    fn preparation(
        settings: &Settings,
        destination: &Destination,
        core: Arc<Core>,
        account: &Account,
    ) -> Self::Preparation;

    /// Whether a preparation made by one of these settings does for the other.
    fn same_preparation(a: &Settings, b: &Settings) -> bool;

    /// What may leave at this moment.
    fn policy(preparation: &Self::Preparation) -> Policy;

    /// Makes the item what the destination wants, under such a policy. On the export thread.
    fn prepare(self, preparation: &Self::Preparation, policy: Policy) -> Prepared<Self>;

    /// Starts a destination's thread with what sends there.
    fn start(
        settings: &Settings,
        destination: &Destination,
        start: Start<'_, Self>,
    ) -> Result<Arc<Queue<Self>>, StartError>;
}

/// An item that is ready for one destination.
#[derive(Debug)]
pub(crate) struct Prepared<S> {
    pub(crate) item: S,
    /// What is left when the policy takes content back before the item is delivered, to be prepared
    /// again. There for each item where the policy captures any content, and for none elsewhere.
    pub(crate) without_content: Option<S>,
}

impl Signal for SpanData {
    const ITEMS: &'static str = "spans";
    const THREAD: &'static str = "genai";

    type Preparation = Preparation;

    fn size(&self) -> usize {
        size::span(self)
    }

    fn ledger(health: &Health) -> &Ledger {
        &health.pipeline.finished
    }

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

    fn preparation(
        settings: &Settings,
        destination: &Destination,
        core: Arc<Core>,
        account: &Account,
    ) -> Preparation {
        Preparation::new(settings, destination, core, account)
    }

    fn same_preparation(a: &Settings, b: &Settings) -> bool {
        a.limits.attribute_value_length == b.limits.attribute_value_length
            && a.limits.attributes_after_format == b.limits.attributes_after_format
            && a.hide == b.hide
    }

    fn policy(preparation: &Preparation) -> Policy {
        preparation.policy()
    }

    fn prepare(self, preparation: &Preparation, policy: Policy) -> Prepared<Self> {
        preparation.prepare(self, policy)
    }

    fn start(
        settings: &Settings,
        destination: &Destination,
        start: Start<'_, Self>,
    ) -> Result<Arc<Queue<Self>>, StartError> {
        crate::pipeline::spans::start(settings, destination, start)
    }
}
