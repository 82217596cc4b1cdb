//! OTLP: items into requests of a size that receivers take, sent over HTTP or gRPC.
//!
//! Spans in protobuf over HTTP are exported by `opentelemetry-otlp`, whose HTTP client is our [`Http`]. What its
//! exporters cannot say in full is encoded here, with `opentelemetry-proto`: log records, for which
//! they have no place for an event's name that is known at run time only, for the number of dropped
//! attributes and for the order of members; metrics, which no SDK has aggregated; and everything
//! over gRPC, where they keep to themselves the status, its details and what was rejected.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use opentelemetry_sdk::Resource;

use super::http::Http;
use super::refusal::Refusal;
use super::request::{Nested, OtlpResource, Request};
use super::sender::Sender;
use crate::config::settings::Destination;
use crate::pipeline::delivery::{
    Attempted, Deadline, Failure, FailureKind, Item, MAX_REQUEST, Packed, Signal, StartError,
    Transport,
};

/// A signal that leaves by OTLP.
pub(crate) trait Otlp: Item {
    /// The name of the signal, as its keys begin, where not every receiver accepts it.
    const OPTIONAL: Option<&'static str> = None;

    /// What is sent of it at once.
    type Request: Request + Nested;

    fn request(items: Vec<Self>, resource: &OtlpResource) -> Self::Request;

    /// What exports it over HTTP, where that is not a request of ours.
    fn exporter(_http: &Arc<Http>, _resource: &Resource) -> Option<Exporter<Self>> {
        None
    }
}

/// Exports items through the HTTP client that it was made with.
pub(crate) type Exporter<S> = Box<dyn Fn(Vec<S>) + Send>;

/// Sends OTLP requests to one destination.
pub(crate) struct OtlpTransport<S> {
    resource: OtlpResource,
    sender: Sender,
    exporter: Option<Exporter<S>>,
    /// For a signal that not every receiver takes.
    refusal: Option<Refusal>,
}

/// What is in one request: items before the first attempt, their bytes after it.
#[derive(Debug)]
pub(crate) enum Parcel<S> {
    Items(Vec<S>),
    Body(Bytes),
}

impl<S: Otlp> OtlpTransport<S> {
    /// Along the route of the signal to a destination; with the time that a request may take.
    pub(crate) fn open(
        destination: &Destination,
        resource: &Resource,
    ) -> Result<(Duration, Self), StartError>
    where
        S: Signal,
    {
        let name = &destination.name;
        let Some(route) = S::route(destination) else {
            return Err(StartError::Url {
                destination: name.clone(),
                url: String::new(),
                reason: "nothing goes there",
            });
        };
        let sender = Sender::new(name, route)?;
        let exporter = match &sender {
            Sender::Http(http) => S::exporter(http, resource),
            #[cfg(feature = "otel-grpc")]
            Sender::Grpc(_) => None,
        };
        let refusal = S::OPTIONAL.map(Refusal::of);
        Ok((route.timeout, Self { resource: resource.into(), sender, exporter, refusal }))
    }

    fn attempt(&mut self, parcel: &mut Parcel<S>, deadline: Deadline) -> Attempted {
        let body = match parcel {
            Parcel::Body(body) => body.clone(),
            Parcel::Items(items) => {
                let items = std::mem::take(items);
                if let (Sender::Http(http), Some(export)) = (&self.sender, &self.exporter) {
                    let Some((body, outcome)) = http.through(deadline, || export(items)) else {
                        let failure = Failure::new(FailureKind::Protocol, "nothing was sent");
                        return Attempted::Permanent(failure);
                    };
                    *parcel = Parcel::Body(body);
                    return outcome;
                }
                self.sender.encode(&S::request(items, &self.resource))
            }
        };
        *parcel = Parcel::Body(body.clone());
        self.sender.send::<S::Request>(&body, deadline)
    }
}

impl<S: Otlp> Transport for OtlpTransport<S> {
    type Item = S;
    type Parcel = Parcel<S>;

    fn pack(&mut self, items: Vec<S>) -> Vec<Packed<Self::Parcel>> {
        let parcel = |items: Vec<S>| {
            let count = items.len();
            Packed::Parcel(Parcel::Items(items), count)
        };
        let mut packed = Vec::new();
        let mut part = Vec::new();
        let mut part_bytes = 0;
        for item in items {
            let bytes = item.size();
            if bytes > MAX_ITEM_BYTES || part_bytes + bytes > MAX_REQUEST {
                if !part.is_empty() {
                    packed.push(parcel(std::mem::take(&mut part)));
                }
                part_bytes = 0;
            }
            if bytes > MAX_ITEM_BYTES {
                packed.push(Packed::OverLimit);
                continue;
            }
            part_bytes += bytes;
            part.push(item);
        }
        if !part.is_empty() {
            packed.push(parcel(part));
        }
        packed
    }

    fn send(&mut self, parcel: &mut Parcel<S>, deadline: Deadline) -> Attempted {
        if let Some(refused) = self.refusal.as_ref().and_then(Refusal::standing) {
            return refused;
        }
        let outcome = self.attempt(parcel, deadline);
        match &mut self.refusal {
            Some(refusal) => refusal.note(outcome, &self.sender),
            None => outcome,
        }
    }

    fn split(&mut self, parcel: Parcel<S>) -> Option<[Packed<Parcel<S>>; 2]> {
        // Nothing else was sent, so nothing else can be too large.
        let Parcel::Body(body) = parcel else { return None };
        let mut request: S::Request = self.sender.decode(&body)?;
        drop(body);
        let (all, half) = (request.count(), request.count() / 2);
        if half == 0 {
            return None;
        }
        let rest = request.split_off(half);
        let packed = |request, n| Packed::Parcel(Parcel::Body(self.sender.encode(&request)), n);
        Some([packed(request, half), packed(rest, all - half)])
    }
}

impl<S> fmt::Debug for OtlpTransport<S> {
    /// Without the exporter, which prints the headers that it has read from the environment.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OtlpTransport").field("sender", &self.sender).finish_non_exhaustive()
    }
}

/// A single item may need a request of its own up to here.
const MAX_ITEM_BYTES: usize = 32 << 20;
