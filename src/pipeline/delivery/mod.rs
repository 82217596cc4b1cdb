//! Getting items to their destinations: queues, worker threads, retries, breaker, counts, reload.
//!
//! What an item is, how it is made ready and how it is sent is the business of the rooms above:
//! see [`Item`], [`Signal`] and [`Transport`].

mod account;
mod attempts;
mod backoff;
mod deadline;
mod drive;
mod failure;
mod finished;
mod item;
mod outlets;
mod progress;
mod queue;
mod reload;
mod retry;
mod routes;
mod signal;
mod snapshot;
mod start_error;
mod transport;
mod undelivered;
mod worker;

pub(crate) use deadline::Deadline;
pub(crate) use drive::drive;
pub(crate) use failure::{Failure, FailureKind, tidy};
pub(crate) use item::{Item, Prepare, Prepared};
#[cfg(any(feature = "logs", feature = "metrics"))]
pub(crate) use outlets::Flushing;
pub(crate) use outlets::{Closing, Outlets};
pub(crate) use queue::Queue;
pub(crate) use reload::Applied;
#[cfg(any(feature = "logs", feature = "metrics"))]
pub(crate) use routes::Routes;
pub(crate) use signal::Signal;
pub(crate) use snapshot::DestinationSnapshot;
pub(crate) use start_error::StartError;
#[cfg(feature = "otel-http")]
pub(crate) use transport::MAX_REQUEST;
pub(crate) use transport::{Attempted, Packed, Transport};
pub(crate) use undelivered::Undelivered;
pub(crate) use worker::Opening;
