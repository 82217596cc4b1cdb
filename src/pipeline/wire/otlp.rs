//! OTLP: items into requests of a size that receivers take, sent over HTTP or gRPC.
//!
//! Encoding is that of `opentelemetry-proto`. Sending is ours, because the exporters of
//! `opentelemetry-otlp` keep to themselves what `status()` has to say: status codes, the server's
//! message, what was rejected, how often was retried.

use std::marker::PhantomData;
use std::time::Duration;

use opentelemetry_sdk::Resource;

use super::refusal::Refusal;
use super::request::{Nested, OtlpResource};
use super::sender::Sender;
use crate::config::settings::Route;
use crate::pipeline::delivery::signal::Signal;
use crate::pipeline::delivery::start_error::StartError;
use crate::pipeline::delivery::transport::{Outcome, Packed, Transport};
use crate::pipeline::size;

/// Sends OTLP requests to one destination.
#[derive(Debug)]
pub(crate) struct OtlpTransport<S> {
    resource: OtlpResource,
    sender: Sender,
    /// For a signal that not every receiver takes.
    refusal: Option<Refusal>,
    signal: PhantomData<fn(S)>,
}

impl<S: Signal> OtlpTransport<S> {
    pub(crate) fn new(name: &str, route: &Route, resource: &Resource) -> Result<Self, StartError> {
        let sender = Sender::new(name, route)?;
        let refusal = S::OPTIONAL.map(|switch| Refusal::of(S::ITEMS, switch));
        Ok(Self { resource: resource.into(), sender, refusal, signal: PhantomData })
    }

    fn parcel(&self, items: Vec<S>) -> Packed<S::Request> {
        let count = items.len();
        Packed::Parcel(S::request(items, &self.resource), count)
    }
}

impl<S: Signal> Transport for OtlpTransport<S> {
    type Item = S;
    type Parcel = S::Request;

    fn pack(&mut self, items: Vec<S>) -> Vec<Packed<Self::Parcel>> {
        let mut packed = Vec::new();
        let mut part = Vec::new();
        let mut part_bytes = 0;
        for item in items {
            let bytes = item.size();
            if bytes > MAX_ITEM_BYTES || part_bytes + bytes > size::MAX_REQUEST {
                if !part.is_empty() {
                    packed.push(self.parcel(std::mem::take(&mut part)));
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
            packed.push(self.parcel(part));
        }
        packed
    }

    fn send(&mut self, parcel: &mut Self::Parcel, timeout: Duration) -> Outcome {
        match &mut self.refusal {
            Some(refusal) => refusal.send(&mut self.sender, parcel, timeout),
            None => self.sender.send(parcel, timeout),
        }
    }

    fn split(&mut self, mut parcel: Self::Parcel) -> Option<[Packed<Self::Parcel>; 2]> {
        let count = parcel.count();
        if count < 2 {
            return None;
        }
        let (first, second) = (count / 2, count - count / 2);
        let rest = parcel.split_off(first);
        Some([Packed::Parcel(parcel, first), Packed::Parcel(rest, second)])
    }
}

/// A single item may need a request of its own up to here.
const MAX_ITEM_BYTES: usize = 32 << 20;
