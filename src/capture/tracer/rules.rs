//! How a GenAI span is recorded and finished, and where that is counted.

use std::sync::{Arc, Mutex};

use crate::capture::lint::Found;
use crate::health::Health;
use crate::policy::PolicyCell;
use crate::semconv::Version;

/// Who finishes a GenAI span.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Finisher {
    /// The end of the span itself. What the span was started with stays: the SDK would keep a
    /// second value beside the first.
    AtEnd,
    /// A [`GenAiExporter`](super::GenAiExporter) on the export thread, which sees the messages, the kind and the last
    /// value of what was written twice.
    #[cfg(any(feature = "init", feature = "testing"))]
    OnExport,
}

/// What a span's own record has to know of the layer that it belongs to.
#[derive(Debug)]
pub(crate) struct Rules {
    pub(crate) policy: PolicyCell,
    pub(crate) semconv: Version,
    /// Replace a name or a kind that the user set, too.
    pub(crate) override_explicit_names: bool,
    pub(crate) finisher: Finisher,
    pub(crate) health: Arc<Health>,
    /// What the lint has found, where somebody wants to know.
    pub(crate) findings: Option<Arc<Mutex<Found>>>,
}
