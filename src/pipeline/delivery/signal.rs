//! What a signal reads from settings, and how its destinations are opened.

use std::fmt::Debug;
use std::sync::Arc;

use super::item::Item;
use super::queue::Queue;
use super::snapshot::DestinationSnapshot;
use super::start_error::StartError;
use super::worker::Opening;
use crate::config::own::Export;
use crate::config::settings::{Batch, Destination, Route, Settings};

/// A kind of telemetry that settings decide about, by one item of it.
pub(crate) trait Signal: Item {
    /// What every destination is opened with.
    type Source: Debug + Send + Sync;

    /// What a destination keeps, besides its counts, when a reload opens it anew.
    type Kept: Clone + Debug + Send + Sync;

    /// Whether any of them leave.
    fn is_on(settings: &Settings) -> bool;

    fn batch(settings: &Settings) -> Batch;

    /// How they reach a destination over the network.
    fn route(destination: &Destination) -> Option<&Route>;

    /// What exports them there instead.
    fn own(_destination: &Destination) -> Option<&Arc<dyn Export<Self>>> {
        None
    }

    /// Whether they go to a destination at all.
    fn go_to(destination: &Destination) -> bool {
        Self::route(destination).is_some() || Self::own(destination).is_some()
    }

    fn kept(destination: &Destination) -> Self::Kept;

    /// From now on as this destination says, also for what is queued.
    fn renew(_kept: &Self::Kept, _destination: &Destination) {}

    /// Builds what a destination needs and starts it.
    fn open(
        settings: &Settings,
        destination: &Destination,
        source: &Self::Source,
        kept: &Self::Kept,
        opening: Opening<'_>,
    ) -> Result<Arc<Queue<Self>>, StartError>;

    /// Whether what was opened by one of these settings does for the other, as far as it is not
    /// about the destination.
    fn same_source(a: &Settings, b: &Settings) -> bool;

    /// Adds what only this signal knows.
    fn show(_kept: &Self::Kept, _destination: Option<&Destination>, _to: &mut DestinationSnapshot) {
    }
}
