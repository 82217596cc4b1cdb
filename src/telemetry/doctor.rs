//! Asking every destination whether it would take spans.

use std::fmt;

use serde::Serialize;

use crate::config::settings::Settings;
use crate::health::{Probe, Verdict};

/// What [`Telemetry::doctor`](super::Telemetry::doctor) found, one entry a destination.
///
/// `Display` prints one line each, `Serialize` is for machines.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Diagnosis {
    findings: Vec<Probe>,
}

impl Diagnosis {
    /// Probes the destinations side by side, on threads of its own: the caller's may drive an
    /// async runtime, which the clients would disturb.
    #[cfg(feature = "otel-http")]
    pub(super) fn of(settings: &Settings) -> Self {
        let findings = std::thread::scope(|scope| {
            let probes: Vec<_> = settings
                .destinations
                .iter()
                .filter(|to| {
                    let logs = cfg!(feature = "logs") && to.logs.is_some();
                    to.traces.is_some() || to.metrics.is_some() || logs
                })
                .map(|destination| scope.spawn(|| crate::pipeline::probe(destination)))
                .collect();
            probes.into_iter().filter_map(|probe| probe.join().ok()).collect()
        });
        Self { findings }
    }

    /// Without a transport there is nothing to ask: no configuration with an endpoint starts.
    #[cfg(not(feature = "otel-http"))]
    pub(super) fn of(_settings: &Settings) -> Self {
        Self::default()
    }

    /// One entry a destination, in the order of the configuration. Empty without an endpoint.
    #[must_use]
    pub fn findings(&self) -> &[Probe] {
        &self.findings
    }

    /// Whether there is a destination, and none is broken.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.findings.is_empty()
            && self.findings.iter().all(|probe| probe.verdict() != Verdict::Broken)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return f.write_str("there is no endpoint to ask");
        }
        for (index, probe) in self.findings.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{probe}")?;
        }
        Ok(())
    }
}
