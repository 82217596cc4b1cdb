//! Exporters of the user's own, which a destination from code has in place of routes.

use std::fmt::Debug;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::SpanData;

#[cfg(feature = "logs")]
use crate::capture::logs::LogRecord;

/// What is called with items of one kind. Never at the same time on two threads.
pub(crate) trait Export<S>: Debug + Send + Sync {
    /// Exports, or gives up when the time is over and it can be interrupted.
    fn export(&self, items: &[S], timeout: Duration) -> OTelSdkResult;

    /// Exports what it holds back.
    fn flush(&self);

    /// Ends it. Nothing is exported afterwards.
    fn shutdown(&self, timeout: Duration);

    fn set_resource(&self, resource: &Resource);
}

/// What one destination exports with. The default is routes.
#[derive(Clone, Debug, Default)]
pub(crate) struct Own {
    pub(crate) spans: Option<Arc<dyn Export<SpanData>>>,
    #[cfg(feature = "logs")]
    pub(crate) logs: Option<Arc<dyn Export<LogRecord>>>,
    /// How long one export may take.
    pub(crate) timeout: Duration,
}

/// Whether both are the same exporter, or none.
pub(crate) fn is_same<S>(a: Option<&Arc<dyn Export<S>>>, b: Option<&Arc<dyn Export<S>>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}
