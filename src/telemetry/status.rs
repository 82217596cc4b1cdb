//! What is delivered, what is not, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

#[cfg(feature = "logs")]
use super::log_status::LogsStatus;
use crate::capture::tracer::Core;
use crate::config::settings::{Protocol, Sampler, Settings};
use crate::health::LedgerCounts;
#[cfg(feature = "metrics")]
use crate::metrics::MetricsStatus;
use crate::pipeline::{DestinationSnapshot, Snapshot};
use crate::policy::ErrorText;
use crate::semconv::Class;

/// Telemetry at one moment: [`Telemetry::status`](super::Telemetry::status).
///
/// `Display` is for people, `Serialize` for machines: `state` at its root, then `reason`,
/// `service_name`, `spans`, `destinations`, `settings` and `warnings`. No secret is in it: of URLs
/// it shows scheme, host and path, of headers nothing.
#[derive(Clone, Debug, Serialize)]
pub struct Status {
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    service_name: String,
    spans: Spans,
    calls: Calls,
    destinations: Vec<DestinationStatus>,
    #[cfg(feature = "metrics")]
    #[serde(skip_serializing_if = "Option::is_none")]
    metrics: Option<MetricsStatus>,
    #[cfg(feature = "logs")]
    #[serde(skip_serializing_if = "Option::is_none")]
    logs: Option<LogsStatus>,
    settings: EffectiveSettings,
    warnings: Vec<String>,
}

/// Whether telemetry leaves the process.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Something is sent to at least one destination.
    Running,
    /// There is nowhere to send to; [`Status::reason`] says why.
    Stopped,
    /// Switched off by `enabled: false` or `OTEL_SDK_DISABLED=true`.
    Disabled,
    /// After [`Telemetry::shutdown`](super::Telemetry::shutdown).
    ShutDown,
}

/// Spans since the start, GenAI or not. At any moment
/// `started = sampled_out + in_flight + queued + exported + rejected + failed + dropped`.
#[derive(Clone, Debug, Serialize)]
pub struct Spans {
    started: u64,
    sampled_out: u64,
    in_flight: u64,
    queued: u64,
    undecided: u64,
    exported: u64,
    rejected: u64,
    failed: u64,
    dropped: BTreeMap<&'static str, u64>,
}

/// GenAI spans of the layer that are open, and what can be said about where they are made.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Calls {
    open: usize,
    oldest_seconds: f64,
    expired: u64,
    findings: Vec<String>,
}

/// One receiver of telemetry.
#[derive(Clone, Debug, Serialize)]
pub struct DestinationStatus {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<&'static str>,
    /// Attributes that were to hold JSON for the format and did not.
    malformed: u64,
    /// Lists that were too long for the format and left as JSON.
    unflattened: u64,
    /// It answered when it was last asked, or was not asked yet.
    answering: bool,
    /// Removed by a reload, delivering what it still has.
    draining: bool,
    received: u64,
    queued: u64,
    queued_bytes: u64,
    exported: u64,
    rejected: u64,
    failed: u64,
    dropped: BTreeMap<&'static str, u64>,
    requests: u64,
    retries: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_success: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<LastError>,
}

/// What a destination last failed with.
#[derive(Clone, Debug, Serialize)]
pub struct LastError {
    at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<u16>,
    message: String,
}

/// The settings that decide what is seen. All of them: [`Telemetry::explain`](super::Telemetry::explain).
#[derive(Clone, Debug, Serialize)]
struct EffectiveSettings {
    sampler: String,
    content_capture: &'static str,
    error_text: &'static str,
    content_attr_max_bytes: usize,
    semconv: &'static str,
    cardinality_limit: usize,
}

impl Status {
    pub(super) fn new(
        state: State,
        reason: Option<String>,
        settings: &Settings,
        snapshot: &Snapshot,
    ) -> Self {
        Self {
            state,
            reason,
            service_name: settings.service_name.clone(),
            spans: Spans::new(snapshot),
            calls: Calls::default(),
            destinations: snapshot.destinations.iter().map(DestinationStatus::new).collect(),
            #[cfg(feature = "metrics")]
            metrics: None,
            #[cfg(feature = "logs")]
            logs: snapshot.logs.as_ref().map(LogsStatus::new),
            settings: EffectiveSettings::new(settings),
            warnings: settings.warnings.clone(),
        }
    }

    #[cfg(feature = "metrics")]
    pub(super) fn with_metrics(mut self, metrics: Option<MetricsStatus>) -> Self {
        self.metrics = metrics;
        self
    }

    /// How metrics are doing; `None` where there are none.
    #[cfg(feature = "metrics")]
    #[must_use]
    pub const fn metrics(&self) -> Option<&MetricsStatus> {
        self.metrics.as_ref()
    }

    /// How log records are doing; `None` where none leave.
    #[cfg(feature = "logs")]
    #[must_use]
    pub const fn logs(&self) -> Option<&LogsStatus> {
        self.logs.as_ref()
    }

    pub(super) fn with_calls(mut self, calls: Calls) -> Self {
        self.calls = calls;
        self
    }

    /// GenAI calls that have not ended, or should have.
    #[must_use]
    pub const fn calls(&self) -> &Calls {
        &self.calls
    }

    /// Whether telemetry leaves the process.
    #[must_use]
    pub const fn state(&self) -> State {
        self.state
    }

    /// Why nothing leaves; `None` while something does.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        self.reason.as_deref()
    }

    /// `service.name`.
    #[must_use]
    pub fn service_name(&self) -> &str {
        &self.service_name
    }

    /// Spans over all destinations. A span that goes to several counts once, with the worst that
    /// became of it.
    #[must_use]
    pub const fn spans(&self) -> &Spans {
        &self.spans
    }

    /// The receivers, in the order of the configuration.
    #[must_use]
    pub fn destinations(&self) -> &[DestinationStatus] {
        &self.destinations
    }

    /// What was configured and has no effect, and other things worth knowing.
    #[must_use]
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }
}

impl Calls {
    pub(super) fn new(core: &Core) -> Self {
        let in_flight = core.open_spans.in_flight();
        Self {
            open: in_flight.spans,
            oldest_seconds: in_flight.oldest.as_secs_f64(),
            expired: core.health.expired.get(),
            findings: crate::capture::lint::findings().iter().map(ToString::to_string).collect(),
        }
    }

    /// GenAI spans made with `tracing` that are open. Zero without a time limit for them.
    #[must_use]
    pub const fn open(&self) -> usize {
        self.open
    }

    /// The age of the oldest in seconds, in steps of a sixteenth of the time limit.
    #[must_use]
    pub const fn oldest_seconds(&self) -> f64 {
        self.oldest_seconds
    }

    /// GenAI spans that were open for longer than the time limit and were ended.
    #[must_use]
    pub const fn expired(&self) -> u64 {
        self.expired
    }

    /// What could be better where spans are made, one line each: see [`crate::capture::lint`].
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }
}

impl Spans {
    fn new(snapshot: &Snapshot) -> Self {
        let counts = &snapshot.spans;
        let finished = &counts.finished;
        Self {
            started: counts.started,
            sampled_out: counts.sampled_out,
            in_flight: counts.in_flight,
            queued: finished.queued,
            undecided: snapshot.undecided.min(finished.queued),
            exported: finished.exported,
            rejected: finished.rejected,
            failed: finished.failed,
            dropped: dropped(finished),
        }
    }

    /// Spans that were started.
    #[must_use]
    pub const fn started(&self) -> u64 {
        self.started
    }

    /// Spans that the sampler turned down.
    #[must_use]
    pub const fn sampled_out(&self) -> u64 {
        self.sampled_out
    }

    /// Sampled spans that have not ended.
    #[must_use]
    pub const fn in_flight(&self) -> u64 {
        self.in_flight
    }

    /// Ended spans that wait or are being sent.
    #[must_use]
    pub const fn queued(&self) -> u64 {
        self.queued
    }

    /// Of those that are queued, the ones that wait for the end of their trace, because the sampler
    /// turned it down and `keep` may keep it. A flush does not wait for them; shutdown decides.
    #[must_use]
    pub const fn undecided(&self) -> u64 {
        self.undecided
    }

    /// Spans that were taken.
    #[must_use]
    pub const fn exported(&self) -> u64 {
        self.exported
    }

    /// Spans that a receiver did not want among others that it took.
    #[must_use]
    pub const fn rejected(&self) -> u64 {
        self.rejected
    }

    /// Spans of requests that were refused or never arrived.
    #[must_use]
    pub const fn failed(&self) -> u64 {
        self.failed
    }

    /// Spans that were never sent, by reason: `queue_full`, `queue_bytes`, `breaker_open`, `over_limit`,
    /// `shutdown`, `after_shutdown`, `no_destination` and others.
    #[must_use]
    pub const fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }
}

impl DestinationStatus {
    pub(super) fn new(snapshot: &DestinationSnapshot) -> Self {
        let spans = &snapshot.spans;
        Self {
            name: snapshot.name.clone(),
            url: snapshot.url.clone(),
            protocol: snapshot.protocol.map(Protocol::as_str),
            format: snapshot.format,
            malformed: snapshot.malformed,
            unflattened: snapshot.unflattened,
            answering: !snapshot.breaker_open,
            draining: snapshot.draining,
            received: spans.received,
            queued: spans.queued,
            queued_bytes: snapshot.queued_bytes,
            exported: spans.exported,
            rejected: spans.rejected,
            failed: spans.failed,
            dropped: dropped(spans),
            requests: snapshot.requests,
            retries: snapshot.retries,
            last_success: snapshot.last_success.map(Timestamp),
            last_error: snapshot.last_error.as_ref().map(|(at, failure)| LastError {
                at: Timestamp(*at),
                code: failure.code,
                message: failure.message.clone(),
            }),
        }
    }

    /// The name in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Scheme, host, port and path; `None` for the console.
    #[must_use]
    pub fn url(&self) -> Option<&str> {
        self.url.as_deref()
    }

    /// The name of its [`Format`](crate::format::Format); `None` for the console.
    #[must_use]
    pub const fn format(&self) -> Option<&'static str> {
        self.format
    }

    /// Attributes that were to hold messages, documents or definitions as JSON and did not. Their
    /// text left as it was.
    #[must_use]
    pub const fn malformed(&self) -> u64 {
        self.malformed
    }

    /// Lists of messages, documents or definitions that would have become more attributes than one
    /// span may have, and left as JSON.
    #[must_use]
    pub const fn unflattened(&self) -> u64 {
        self.unflattened
    }

    /// Whether it answered when it was last asked, or was not asked yet.
    #[must_use]
    pub const fn is_answering(&self) -> bool {
        self.answering
    }

    /// Spans that wait for it or are being sent.
    #[must_use]
    pub const fn queued(&self) -> u64 {
        self.queued
    }

    /// About how many bytes of memory these take, at most `traces.batch.max_queue_bytes`.
    #[must_use]
    pub const fn queued_bytes(&self) -> u64 {
        self.queued_bytes
    }

    /// Spans that it took.
    #[must_use]
    pub const fn exported(&self) -> u64 {
        self.exported
    }

    /// When it last took something.
    #[must_use]
    pub fn last_success(&self) -> Option<SystemTime> {
        self.last_success.map(|Timestamp(time)| time)
    }

    /// What it last failed with.
    #[must_use]
    pub const fn last_error(&self) -> Option<&LastError> {
        self.last_error.as_ref()
    }
}

impl LastError {
    /// When it happened.
    #[must_use]
    pub const fn at(&self) -> SystemTime {
        self.at.0
    }

    /// The HTTP status or the gRPC status code, if there was an answer.
    #[must_use]
    pub const fn code(&self) -> Option<u16> {
        self.code
    }

    /// The receiver's words, or the system's.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl EffectiveSettings {
    fn new(settings: &Settings) -> Self {
        let policy = settings.policy;
        let captured = CONTENT.into_iter().filter(|class| policy.allows(*class)).count();
        Self {
            sampler: sampler(settings.sampler),
            content_capture: match captured {
                0 => "off",
                _ if captured == CONTENT.len() => "full",
                _ => "partial",
            },
            error_text: match policy.error_text() {
                ErrorText::TypeOnly => "type_only",
                ErrorText::Scrubbed => "scrubbed",
                ErrorText::Full => "full",
            },
            content_attr_max_bytes: policy.max_bytes(),
            semconv: settings.semconv.as_str(),
            cardinality_limit: settings.metrics.cardinality_limit,
        }
    }
}

impl State {
    /// The word in JSON.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Disabled => "disabled",
            Self::ShutDown => "shut_down",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "telemetry   {} · {}", self.state, self.service_name)?;
        if let Some(reason) = &self.reason {
            write!(f, " · {reason}")?;
        }
        let spans = &self.spans;
        let counts = [
            ("sampled out", spans.sampled_out),
            ("in flight", spans.in_flight),
            ("queued", spans.queued),
            ("of these undecided", spans.undecided),
            ("exported", spans.exported),
            ("rejected", spans.rejected),
            ("failed", spans.failed),
        ];
        write!(f, "\nspans       {} started", spans.started)?;
        write_counts(f, counts, &spans.dropped)?;
        let calls = &self.calls;
        if calls.open > 0 || calls.expired > 0 {
            let Calls { open, oldest_seconds, expired, .. } = calls;
            write!(
                f,
                "\ncalls       {open} open, the oldest for {oldest_seconds:.0} s · {expired} expired"
            )?;
        }
        for destination in &self.destinations {
            write!(f, "\n{:<11} {destination}", destination.name)?;
        }
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &self.metrics {
            write!(f, "\nmetrics     {metrics}")?;
        }
        #[cfg(feature = "logs")]
        if let Some(logs) = &self.logs {
            write!(f, "\nlogs        {logs}")?;
        }
        let settings = &self.settings;
        write!(
            f,
            "\nsettings    sampler {} · content {} · error text {} · semconv {}",
            settings.sampler, settings.content_capture, settings.error_text, settings.semconv
        )?;
        for warning in &self.warnings {
            write!(f, "\nwarning     {warning}")?;
        }
        Ok(())
    }
}

impl fmt::Display for DestinationStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(url) = &self.url {
            write!(f, "{url} ")?;
        }
        let labels: Vec<_> = self.protocol.into_iter().chain(self.format).collect();
        if !labels.is_empty() {
            write!(f, "({}) ", labels.join(", "))?;
        }
        let words = match (self.answering, self.draining) {
            (_, true) => "draining",
            (true, false) => "answering",
            (false, false) => "not answering",
        };
        f.write_str(words)?;
        let counts = [
            ("queued", self.queued),
            ("exported", self.exported),
            ("rejected", self.rejected),
            ("failed", self.failed),
            ("retries", self.retries),
            ("malformed attributes", self.malformed),
            ("unflattened attributes", self.unflattened),
        ];
        write_counts(f, counts, &self.dropped)?;
        if let Some(success) = self.last_success {
            write!(f, " · last success {success}")?;
        }
        if let Some(error) = &self.last_error {
            write!(f, "\n            last error {}: ", error.at)?;
            if let Some(code) = error.code {
                write!(f, "answered {code}: ")?;
            }
            f.write_str(&error.message)?;
        }
        Ok(())
    }
}

/// The counts that are not zero.
pub(super) fn write_counts<const N: usize>(
    f: &mut fmt::Formatter<'_>,
    counts: [(&str, u64); N],
    dropped: &BTreeMap<&'static str, u64>,
) -> fmt::Result {
    for (name, count) in counts.into_iter().filter(|(_, count)| *count > 0) {
        write!(f, " · {count} {name}")?;
    }
    for (reason, count) in dropped {
        write!(f, " · {count} dropped ({reason})")?;
    }
    Ok(())
}

pub(super) fn dropped(counts: &LedgerCounts) -> BTreeMap<&'static str, u64> {
    counts.dropped().map(|(reason, count)| (reason.name(), count)).collect()
}

fn sampler(sampler: Sampler) -> String {
    match sampler {
        Sampler::AlwaysOn => String::from("always_on"),
        Sampler::AlwaysOff => String::from("always_off"),
        Sampler::TraceIdRatio(ratio) => format!("traceidratio {ratio}"),
        Sampler::ParentBasedAlwaysOn => String::from("parentbased_always_on"),
        Sampler::ParentBasedAlwaysOff => String::from("parentbased_always_off"),
        Sampler::ParentBasedTraceIdRatio(ratio) => format!("parentbased_traceidratio {ratio}"),
    }
}

const CONTENT: [Class; 6] =
    [Class::Input, Class::Output, Class::System, Class::Tools, Class::Retrieval, Class::Memory];

/// A time as RFC 3339 in UTC, to the second.
#[derive(Clone, Copy)]
struct Timestamp(SystemTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = self.0.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
        // Howard Hinnant's `civil_from_days`: years that begin in March have their leap day last.
        let shifted = days + 719_468;
        let (era, day) = (shifted / 146_097, shifted % 146_097);
        let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
        let day = day - (365 * year + year / 4 - year / 100);
        let month = (5 * day + 2) / 153;
        let day = day - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        let year = era * 400 + year + u64::from(month <= 2);
        let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Timestamp {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn times_are_rfc_3339() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_795_223_045, "2026-11-21T01:04:05Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
        ] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            assert_eq!(Timestamp(time).to_string(), text);
        }
    }
}
