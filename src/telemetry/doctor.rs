//! Asking every destination whether it would take spans.

use std::fmt;
use std::time::Duration;

use serde::Serialize;

use crate::config::settings::Settings;
#[cfg(feature = "otel-http")]
use crate::pipeline::{self, Verdict};

/// What [`Telemetry::doctor`](super::Telemetry::doctor) found, one entry a destination.
///
/// `Display` prints one line each, `Serialize` is for machines.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Diagnosis {
    findings: Vec<Finding>,
}

/// What was found at one destination.
#[derive(Clone, Debug, Serialize)]
pub struct Finding {
    destination: String,
    url: String,
    health: Health,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    advice: Option<String>,
    took_ms: u64,
}

/// Whether a destination takes what is sent there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Health {
    /// It does.
    Works,
    /// It does, but takes its time.
    Slow,
    /// It does not.
    Broken,
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
                .map(|destination| scope.spawn(|| pipeline::probe(destination)))
                .collect();
            probes.into_iter().filter_map(|probe| probe.join().ok()).map(Finding::new).collect()
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
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// Whether there is a destination, and none is broken.
    #[must_use]
    pub fn is_healthy(&self) -> bool {
        !self.findings.is_empty()
            && self.findings.iter().all(|finding| finding.health != Health::Broken)
    }
}

impl Finding {
    #[cfg(feature = "otel-http")]
    fn new(finding: pipeline::Finding) -> Self {
        Self {
            destination: finding.destination,
            url: finding.url,
            health: match finding.verdict {
                Verdict::Works => Health::Works,
                Verdict::Slow => Health::Slow,
                Verdict::Broken => Health::Broken,
            },
            message: finding.message,
            advice: finding.advice,
            took_ms: u64::try_from(finding.took.as_millis()).unwrap_or(u64::MAX),
        }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Scheme, host, port and path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it takes what is sent there.
    #[must_use]
    pub const fn health(&self) -> Health {
        self.health
    }

    /// What happened.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to change; `None` when nothing has to.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// How long the answer took.
    #[must_use]
    pub const fn took(&self) -> Duration {
        Duration::from_millis(self.took_ms)
    }
}

impl fmt::Display for Diagnosis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.findings.is_empty() {
            return f.write_str("there is no endpoint to ask");
        }
        for (index, finding) in self.findings.iter().enumerate() {
            let separator = if index == 0 { "" } else { "\n" };
            write!(f, "{separator}{finding}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}): {}", self.destination, self.url, self.message)?;
        match &self.advice {
            Some(advice) => write!(f, ". {advice}"),
            None => Ok(()),
        }
    }
}
