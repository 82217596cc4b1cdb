//! What is delivered, by one item of it.

use std::fmt::Debug;

use crate::health::{Health, Ledger};

/// A kind of telemetry, by one item of it: what its delivery has to know.
pub(crate) trait Item: Clone + Debug + Send + Sync + 'static {
    /// What several of them are called.
    const ITEMS: &'static str;

    /// What the names of its threads begin with.
    const THREAD: &'static str;

    /// What makes an item ready for one destination.
    type Preparation: Prepare<Self>;

    /// About how many bytes it takes, in memory and in a request; more rather than less.
    fn size(&self) -> usize;

    /// Where its items are counted over all destinations.
    fn ledger(health: &Health) -> &Ledger;
}

/// Makes items what one destination wants, on the export thread.
pub(crate) trait Prepare<I>: Debug + Send + 'static {
    /// What is asked of items at one moment. It may change while they wait for another attempt.
    type Terms: Copy + Debug;

    fn terms(&self) -> Self::Terms;

    /// Makes an item ready under terms of a moment ago.
    fn prepare(&self, item: I, terms: Self::Terms) -> Prepared<I>;

    /// Whether what was made ready under these terms may be sent at this moment.
    fn may_leave(&self, terms: Self::Terms) -> bool;
}

/// An item that is ready for one destination.
#[derive(Debug)]
pub(crate) struct Prepared<I> {
    pub(crate) item: I,
    /// What is prepared again when the terms change before the item is delivered. There for each
    /// item that goes out under the same terms, or for none.
    pub(crate) spare: Option<I>,
}
