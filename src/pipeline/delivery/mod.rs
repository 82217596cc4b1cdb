//! Getting items to their destinations: queues, worker threads, retries, breaker, counts, reload.
//!
//! What an item is, how it is made ready and how it is sent is the business of the rooms above.

pub(crate) mod account;
mod backoff;
pub(crate) mod drive;
mod finished;
pub(crate) mod outlets;
pub(crate) mod queue;
pub(crate) mod reload;
mod retry;
pub(crate) mod routes;
pub(crate) mod signal;
pub(crate) mod snapshot;
pub(crate) mod start_error;
pub(crate) mod transport;
mod worker;
