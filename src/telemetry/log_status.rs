//! The log records in the status.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::status::{DestinationStatus, dropped, write_counts};
use crate::pipeline::LogsSnapshot;

/// Log records since the start: part of [`Status`](super::Status). At any moment
/// `received = queued + exported + rejected + failed + dropped`.
#[derive(Clone, Debug, Serialize)]
pub struct LogsStatus {
    received: u64,
    queued: u64,
    exported: u64,
    rejected: u64,
    failed: u64,
    dropped: BTreeMap<&'static str, u64>,
    destinations: Vec<DestinationStatus>,
}

impl LogsStatus {
    pub(super) fn new(snapshot: &LogsSnapshot) -> Self {
        let records = &snapshot.records;
        Self {
            received: records.received,
            queued: records.queued,
            exported: records.exported,
            rejected: records.rejected,
            failed: records.failed,
            dropped: dropped(records),
            destinations: snapshot.destinations.iter().map(DestinationStatus::new).collect(),
        }
    }

    /// Events that became log records.
    #[must_use]
    pub const fn received(&self) -> u64 {
        self.received
    }

    /// Records that wait or are being sent.
    #[must_use]
    pub const fn queued(&self) -> u64 {
        self.queued
    }

    /// Records that were taken. One that goes to several receivers counts once, with the worst that
    /// became of it, as everywhere here.
    #[must_use]
    pub const fn exported(&self) -> u64 {
        self.exported
    }

    /// Records that a receiver did not want among others that it took.
    #[must_use]
    pub const fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Records of requests that were refused or never arrived.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    /// Records that were never sent, by reason: as of [`Spans::dropped`](super::Spans::dropped).
    #[must_use]
    pub const fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }

    /// The receivers of log records, each with its own counts.
    #[must_use]
    pub fn destinations(&self) -> &[DestinationStatus] {
        &self.destinations
    }
}

impl fmt::Display for LogsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} received", self.received)?;
        let counts = [
            ("queued", self.queued),
            ("exported", self.exported),
            ("rejected", self.rejected),
            ("failed", self.failed),
        ];
        write_counts(f, counts, &self.dropped)?;
        for destination in &self.destinations {
            write!(f, "\n  {:<9} {destination}", destination.name())?;
        }
        Ok(())
    }
}
