//! The console as a destination with a thread of its own, so that a slow terminal does not hold
//! up the application.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_sdk::trace::SpanData;

use super::ConsoleExporter;
use crate::pipeline::{Outcome, Packed, Transport};

/// Hands spans to a [`ConsoleExporter`], which never refuses any.
#[derive(Debug)]
pub(crate) struct ConsoleTransport(pub(crate) Arc<ConsoleExporter>);

impl Transport for ConsoleTransport {
    type Parcel = Vec<SpanData>;

    fn pack(&mut self, spans: Vec<SpanData>) -> Vec<Packed<Self::Parcel>> {
        let count = spans.len();
        vec![Packed::Parcel(spans, count)]
    }

    fn send(&mut self, parcel: &Self::Parcel, _timeout: Duration) -> Outcome {
        self.0.receive(parcel);
        Outcome::Delivered { rejected: 0, message: None }
    }

    fn split(&mut self, _parcel: Self::Parcel) -> Option<[Packed<Self::Parcel>; 2]> {
        None
    }
}
