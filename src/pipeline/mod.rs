//! From finished spans, log records and collected metrics to their destinations.
//!
//! ```text
//! SdkTracerProvider ── on_end ──▶ Processor ──▶ one Queue per destination
//!                                                  │ own thread
//!                                                  ▼
//!                                   Preparation ──▶ Delivery ──▶ Transport
//! ```
//!
//! Ending a span does no more than put it into bounded queues. Each destination has its own
//! thread, on which telemetry is suppressed, so a slow or broken one neither blocks the
//! application nor the other destinations. Every span that comes in is counted out exactly once:
//! as exported, rejected, failed or dropped for a reason.
//!
//! A content policy that a reload makes stricter holds wherever a span is: an open one is cleared
//! when it ends, one that waits in a queue or for the end of its trace when it is prepared, and one
//! in a request that is to be sent again is prepared anew from what it is without content. Only a
//! request that is under way cannot be called back; a reload waits for it a little.
//!
//! Memory is bounded: a queue by spans and by bytes, a batch in a worker's hands by one request,
//! the undecided by the bounds of a queue, and so is what destinations that a reload removed still
//! have together.
#![cfg_attr(
    not(feature = "otel-http"),
    expect(dead_code, reason = "parts that only destinations over the network need")
)]

mod delivery;
mod detect;
mod lifecycle;
mod local;
#[cfg(feature = "logs")]
mod logs;
mod preparation;
mod processor;
mod resource;
mod sampler;
#[cfg(feature = "logs")]
mod sdk_logs;
mod size;
mod snapshot;
mod spans;
mod stricter;
mod tail;

#[cfg(all(feature = "metrics", feature = "otel-http"))]
mod metrics;
#[cfg(feature = "otel-http")]
mod wire;

#[cfg(all(test, feature = "otel-http"))]
mod tests;

pub(crate) use delivery::{Applied, Deadline, DestinationSnapshot, StartError};
pub(crate) use lifecycle::{Left, Pipeline};
pub(crate) use local::{Driven, Local};
#[cfg(feature = "logs")]
pub(crate) use snapshot::SignalSnapshot;
pub(crate) use snapshot::Snapshot;
#[cfg(feature = "otel-http")]
pub(crate) use wire::probe;
