//! Starting telemetry, looking at it, ending it.
//!
//! [`init_telemetry`] is the one line of most services, [`builder`] the way to everything else:
//! [`Builder::init`] installs the globals, [`Builder::build`] makes the same for a registry of
//! your own. Both give a [`Telemetry`] handle.

mod builder;
mod doctor;
mod effective;
mod exporters;
mod fields;
mod given;
mod handle;
mod install;
#[cfg(feature = "metrics")]
mod measuring;
#[cfg(feature = "metrics")]
mod own;
mod refused;
mod reloaded;
mod status;
mod targets;
#[cfg(feature = "tower")]
pub mod tower;

pub use builder::{Builder, Console, Log};
pub use doctor::Diagnosis;
pub use exporters::ExporterOptions;
pub use fields::{WithoutContent, WithoutContentVisitor};
pub use handle::Telemetry;
pub use reloaded::Reloaded;
#[cfg(feature = "logs")]
pub use status::LogsStatus;
pub use status::{DestinationStatus, LastError, Spans, State, Status};

pub use crate::config::Explanation;
pub use crate::config::words::{Protocol, Sampler};
pub use crate::console::{Colours, ConsoleExporter, Terminal};

use crate::Error;
pub use crate::health::{Calls, Probe, Verdict};

/// Starts telemetry as the configuration file and the environment say, and installs it: a
/// `tracing` subscriber, the global tracer provider, the propagators.
///
/// The same as [`builder()`]`.`[`init()`](Builder::init). Keep the handle until the end of `main`:
/// when the last clone of it is dropped, what is queued is delivered and telemetry ends. No async
/// runtime is needed, before, meanwhile or after. `std::process::exit` drops nothing, so
/// [`shutdown`](Telemetry::shutdown) comes before it; threads do not survive a fork, so a process
/// that forks starts telemetry in the child.
///
/// ```no_run
/// fn main() -> Result<(), Box<dyn std::error::Error>> {
///     let _telemetry = tracing_genai::init_telemetry()?;
///     // serve
///     Ok(())
/// }
/// ```
///
/// # Errors
///
/// See [`Builder::init`].
pub fn init_telemetry() -> Result<Telemetry, Error> {
    builder().init()
}

/// A [`Builder`] that has everything at its default.
pub fn builder() -> Builder {
    Builder::new()
}
