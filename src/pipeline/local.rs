//! Exporters in this process as destinations: the console, and exporters of the user's own.

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
#[cfg(feature = "logs")]
use opentelemetry_sdk::logs::{LogBatch, LogExporter};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::delivery::{
    Attempted, Deadline, Failure, FailureKind, Item, Packed, Transport, drive, tidy,
};
#[cfg(feature = "logs")]
use super::sdk_logs::of_the_sdk;
#[cfg(feature = "logs")]
use crate::capture::logs::LogRecord;
use crate::config::own::Export;
use crate::policy::Redactor;

/// Sends to an exporter in this process. What it refuses has failed: by the contract of the SDK an
/// exporter repeats by itself what is worth repeating. What it did not manage in time is tried
/// again, as with a receiver that does not answer.
#[derive(Debug)]
pub(crate) struct Local<S>(Arc<dyn Export<S>>);

impl<S> Local<S> {
    pub(crate) fn new(exporter: Arc<dyn Export<S>>) -> Self {
        Self(exporter)
    }
}

impl<S: Item> Transport for Local<S> {
    type Item = S;
    type Parcel = Vec<S>;

    fn pack(&mut self, items: Vec<S>) -> Vec<Packed<Vec<S>>> {
        let n = items.len();
        if n == 0 { Vec::new() } else { vec![Packed::Parcel(items, n)] }
    }

    fn send(&mut self, items: &mut Vec<S>, deadline: Deadline) -> Attempted {
        match self.0.export(items, deadline.left()) {
            Ok(()) => Attempted::Delivered { rejected: 0, message: None },
            Err(error @ OTelSdkError::Timeout(_)) => {
                let failure = Failure::new(FailureKind::Timeout, error.to_string());
                Attempted::Transient { failure, retry_after: None }
            }
            Err(error) => {
                let message = tidy(&error.to_string(), &Redactor::new([]));
                Attempted::Permanent(Failure::new(FailureKind::Protocol, message))
            }
        }
    }

    fn split(&mut self, _items: Vec<S>) -> Option<[Packed<Vec<S>>; 2]> {
        None
    }

    fn flush(&mut self) {
        self.0.flush();
    }

    fn shutdown(&mut self, deadline: Deadline) {
        self.0.shutdown(deadline.left());
    }
}

/// An exporter of the SDK, driven on the thread that exports.
pub(crate) struct Driven<E> {
    /// Also keeps the thread of a destination that a reload replaced from exporting at the same time
    /// as its successor's.
    exporter: Mutex<E>,
    /// The runtime that was there where the exporter was given.
    #[cfg(feature = "tokio")]
    runtime: Option<tokio::runtime::Handle>,
}

impl<E> Driven<E> {
    pub(crate) fn new(exporter: E) -> Self {
        Self {
            exporter: Mutex::new(exporter),
            #[cfg(feature = "tokio")]
            runtime: tokio::runtime::Handle::try_current().ok(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, E> {
        // An exporter that has panicked may still be good for the next batch.
        self.exporter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Calls the exporter where it finds the runtime that it may need.
    fn call<R>(&self, call: impl FnOnce(&mut E) -> R) -> R {
        #[cfg(feature = "tokio")]
        let _entered = self.runtime.as_ref().map(tokio::runtime::Handle::enter);
        call(&mut self.lock())
    }
}

impl<E: SpanExporter> Export<SpanData> for Driven<E> {
    fn export(&self, spans: &[SpanData], timeout: Duration) -> OTelSdkResult {
        self.call(|exporter| drive(exporter.export(spans.to_vec()), timeout))
    }

    fn flush(&self) {
        let _ = self.call(|exporter| exporter.force_flush());
    }

    fn shutdown(&self, timeout: Duration) {
        let _ = self.call(|exporter| exporter.shutdown_with_timeout(timeout));
    }

    fn set_resource(&self, resource: &Resource) {
        self.call(|exporter| exporter.set_resource(resource));
    }
}

#[cfg(feature = "logs")]
impl<E: LogExporter> Export<LogRecord> for Driven<E> {
    fn export(&self, records: &[LogRecord], timeout: Duration) -> OTelSdkResult {
        let records = of_the_sdk(records);
        let batch: Vec<_> = records.iter().map(|(record, scope)| (record, scope)).collect();
        self.call(|exporter| drive(exporter.export(LogBatch::new(&batch)), timeout))
    }

    fn flush(&self) {}

    fn shutdown(&self, timeout: Duration) {
        let _ = self.call(|exporter| exporter.shutdown_with_timeout(timeout));
    }

    fn set_resource(&self, resource: &Resource) {
        self.call(|exporter| exporter.set_resource(resource));
    }
}

impl<E> fmt::Debug for Driven<E> {
    /// Exporters print their headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driven").finish_non_exhaustive()
    }
}
