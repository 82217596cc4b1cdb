//! A `SpanExporter` of the SDK as a destination: the console, a user's own exporter, tests.

use std::fmt;
use std::time::Duration;

use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::delivery::transport::{Failure, FailureKind, Outcome, Packed, Transport};

/// Hands spans to an exporter in this process. What it refuses has failed; it is not asked twice.
pub(crate) struct Local<E>(E);

impl<E: SpanExporter> Local<E> {
    /// The exporter's future is driven on the destination's thread, without an async runtime.
    pub(crate) fn new(exporter: E) -> Self {
        Self(exporter)
    }
}

impl<E: SpanExporter + 'static> Transport for Local<E> {
    type Item = SpanData;
    type Parcel = Vec<SpanData>;

    fn pack(&mut self, spans: Vec<SpanData>) -> Vec<Packed<Self::Parcel>> {
        let n = spans.len();
        if n == 0 { Vec::new() } else { vec![Packed::Parcel(spans, n)] }
    }

    fn send(&mut self, parcel: &mut Self::Parcel, _timeout: Duration) -> Outcome {
        match futures_executor::block_on(self.0.export(std::mem::take(parcel))) {
            Ok(()) => Outcome::Delivered { rejected: 0, message: None },
            Err(error) => {
                Outcome::Permanent(Failure::new(FailureKind::Protocol, error.to_string()))
            }
        }
    }

    fn split(&mut self, _parcel: Self::Parcel) -> Option<[Packed<Self::Parcel>; 2]> {
        None
    }

    fn flush(&mut self) {
        let _ = self.0.force_flush();
    }
}

impl<E> fmt::Debug for Local<E> {
    /// Exporters print their headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Local")
    }
}
