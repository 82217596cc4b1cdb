//! What is delivered, what is not, and why.

use std::collections::BTreeMap;
use std::fmt;
use std::time::SystemTime;

use serde::Serialize;

use crate::capture::tracer::Core;
use crate::config::settings::{Protocol, Settings, Words};
#[cfg(all(test, feature = "logs", feature = "metrics"))]
use crate::health::Row;
use crate::health::{Calls, LedgerCounts, figures, write_figures};
#[cfg(feature = "metrics")]
use crate::metrics::MetricsStatus;
#[cfg(feature = "logs")]
use crate::pipeline::SignalSnapshot;
use crate::pipeline::{DestinationSnapshot, Snapshot};
use crate::semconv::Class;
use crate::semconv::metrics::Own;

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

figures! {
    /// Spans since the start, GenAI or not. At any moment
    /// `started = sampled_out + in_flight + queued + exported + rejected + failed + dropped`.
    pub struct Spans of snapshot: &Snapshot {
        /// Spans that were started.
        started: "started" = snapshot.spans.started => (Own::Started, None);
        /// Spans that the sampler turned down.
        sampled_out: "sampled out" = snapshot.spans.sampled_out;
        /// Sampled spans that have not ended.
        in_flight: "in flight" = snapshot.spans.in_flight => (Own::Live, None);
        /// Ended spans that wait or are being sent.
        queued: "queued" = snapshot.spans.finished.queued;
        /// Of those that are queued, the ones that wait for the end of their trace, because the
        /// sampler turned it down and `keep` may keep it. A flush does not wait for them; shutdown
        /// decides.
        undecided: "of these undecided" = snapshot.undecided.min(snapshot.spans.finished.queued);
        /// Spans that were accepted.
        exported: "exported" = snapshot.spans.finished.exported;
        /// Spans that a receiver did not want among others that it accepted.
        rejected: "rejected" = snapshot.spans.finished.rejected;
        /// Spans of requests that were refused or never arrived.
        failed: "failed" = snapshot.spans.finished.failed;
    }
    besides {
        dropped: BTreeMap<&'static str, u64> = dropped(&snapshot.spans.finished);
    }
}

figures! {
    /// One receiver of telemetry.
    pub struct DestinationStatus of it: &DestinationSnapshot {
        /// Items that came in.
        received = it.items.received;
        /// Items that wait for it or are being sent.
        queued: "queued" = it.items.queued => (Own::QueueSize, None);
        /// Of those that are queued, the ones that are being sent.
        sending = it.sending => (Own::Inflight, None);
        /// How many may be queued: `traces.batch.max_queue_size`, for log records
        /// `logs.batch.max_queue_size`.
        queue_capacity = it.queue_capacity => (Own::QueueCapacity, None);
        /// About how many bytes of memory the queued ones take, at most `traces.batch.max_queue_bytes`.
        queued_bytes = it.queued_bytes;
        /// Items that it accepted.
        exported: "exported" = it.items.exported => (Own::Exported, None), (Own::Processed, None);
        /// Items that it did not want among others that it accepted.
        rejected: "rejected" = it.items.rejected
            => (Own::Exported, Some("rejected")), (Own::Processed, None);
        /// Items of requests that it refused, or that never arrived.
        failed: "failed" = it.items.failed => (Own::Processed, None);
        /// Requests that were answered with success.
        requests = it.requests;
        /// Attempts after the first.
        retries: "retries" = it.retries;
        /// Attributes that were to hold messages, documents or definitions as JSON and did not.
        /// Their text was exported as it was.
        malformed: "malformed attributes" = it.malformed;
        /// Lists of messages, documents or definitions that would have become more attributes than
        /// one span may have, and were exported as JSON.
        unflattened: "unflattened attributes" = it.unflattened;
    }
    besides {
        name: String = it.name.clone();
        #[serde(skip_serializing_if = "Option::is_none")]
        url: Option<String> = it.url.clone();
        #[serde(skip_serializing_if = "Option::is_none")]
        protocol: Option<&'static str> = it.protocol.map(Protocol::as_str);
        #[serde(skip_serializing_if = "Option::is_none")]
        format: Option<&'static str> = it.format;
        answering: bool = !it.breaker_open;
        draining: bool = it.draining;
        dropped: BTreeMap<&'static str, u64> = dropped(&it.items);
        #[serde(skip_serializing_if = "Option::is_none")]
        last_success: Option<Timestamp> = it.last_success.map(Timestamp);
        #[serde(skip_serializing_if = "Option::is_none")]
        last_error: Option<LastError> = it.last_error.as_ref().map(|(at, failure)| LastError {
            at: Timestamp(*at),
            code: failure.code,
            message: failure.message.clone(),
        });
    }
}

#[cfg(feature = "logs")]
figures! {
    /// Log records since the start: part of [`Status`]. At any moment
    /// `received = queued + exported + rejected + failed + dropped`.
    pub struct LogsStatus of snapshot: &SignalSnapshot {
        /// Events that became log records.
        received: "received" = snapshot.items.received => (Own::Started, None);
        /// Records that wait or are being sent.
        queued: "queued" = snapshot.items.queued;
        /// Records that were accepted. One that goes to several receivers counts once, with the
        /// worst that became of it, as everywhere here.
        exported: "exported" = snapshot.items.exported;
        /// Records that a receiver did not want among others that it accepted.
        rejected: "rejected" = snapshot.items.rejected;
        /// Records of requests that were refused or never arrived.
        failed: "failed" = snapshot.items.failed;
    }
    besides {
        dropped: BTreeMap<&'static str, u64> = dropped(&snapshot.items);
        destinations: Vec<DestinationStatus> =
            snapshot.destinations.iter().map(DestinationStatus::new).collect();
    }
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
        calls: Calls,
    ) -> Self {
        Self {
            state,
            reason,
            service_name: settings.service_name.clone(),
            spans: Spans::new(snapshot),
            calls,
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
    pub(super) fn read(core: &Core) -> Self {
        let in_flight = core.open_spans.in_flight();
        let mut calls = Self::new(&core.health);
        calls.open = in_flight.spans;
        calls.oldest_seconds = in_flight.oldest.as_secs_f64();
        calls.findings = crate::capture::lint::findings().iter().map(ToString::to_string).collect();
        calls
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

    /// What could be better where spans are made, one line each: see [`crate::capture::lint`].
    #[must_use]
    pub fn findings(&self) -> &[String] {
        &self.findings
    }
}

impl Spans {
    /// Spans that were never sent, by reason; the guide to troubleshooting lists the reasons.
    #[must_use]
    pub const fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }
}

#[cfg(feature = "logs")]
impl LogsStatus {
    /// Records that were never sent, by reason: as of [`Spans::dropped`].
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

impl DestinationStatus {
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

    /// Whether it answered when it was last asked, or was not asked yet.
    #[must_use]
    pub const fn is_answering(&self) -> bool {
        self.answering
    }

    /// Whether a reload removed it, and it delivers what it still has.
    #[must_use]
    pub const fn is_draining(&self) -> bool {
        self.draining
    }

    /// Items that were never sent, by reason: as of [`Spans::dropped`].
    #[must_use]
    pub const fn dropped(&self) -> &BTreeMap<&'static str, u64> {
        &self.dropped
    }

    /// When it last accepted something.
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
            sampler: settings.sampler.to_string(),
            content_capture: match captured {
                0 => "off",
                _ if captured == CONTENT.len() => "full",
                _ => "partial",
            },
            error_text: settings.policy.error_text().word(),
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
        write!(f, "\nspans       {}", self.spans)?;
        let calls = &self.calls;
        if calls.open > 0 || calls.rows().any(|(_, count)| count > 0) {
            let Calls { open, oldest_seconds, .. } = calls;
            write!(f, "\ncalls       {open} open, the oldest for {oldest_seconds:.0} s")?;
            write_figures(f, calls.rows(), &BTreeMap::new())?;
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
        write_figures(f, self.rows(), &self.dropped)?;
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

impl fmt::Display for Spans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} started", self.started)?;
        write_figures(f, self.rows().skip(1), &self.dropped)
    }
}

#[cfg(feature = "logs")]
impl fmt::Display for LogsStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} received", self.received)?;
        write_figures(f, self.rows().skip(1), &self.dropped)?;
        for destination in &self.destinations {
            write!(f, "\n  {:<9} {destination}", destination.name())?;
        }
        Ok(())
    }
}

fn dropped(counts: &LedgerCounts) -> BTreeMap<&'static str, u64> {
    counts.dropped().map(|(reason, count)| (reason.name(), count)).collect()
}

const CONTENT: [Class; 6] =
    [Class::Input, Class::Output, Class::System, Class::Tools, Class::Retrieval, Class::Memory];

/// A time as RFC 3339 in UTC, to the second.
#[derive(Clone, Copy)]
pub(crate) struct Timestamp(SystemTime);

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

    #[cfg(all(feature = "logs", feature = "metrics"))]
    #[test]
    fn the_guide_lists_every_figure_and_every_reason() {
        use crate::health::DropReason;
        use crate::metrics::{LabelStatus, MetricsStatus, PointCounts, PriceStatus};

        let guide = include_str!("../guide/troubleshooting.md");
        let mut expected = String::from("| in JSON | what it is |\n|---|---|\n");
        for (place, rows) in [
            ("spans", Spans::ROWS),
            ("calls", Calls::ROWS),
            ("destinations[]", DestinationStatus::ROWS),
            ("logs", LogsStatus::ROWS),
            ("metrics", MetricsStatus::ROWS),
            ("metrics.points", PointCounts::ROWS),
            ("metrics.labels.*", LabelStatus::ROWS),
            ("metrics.pricing", PriceStatus::ROWS),
        ] {
            for row in rows {
                expected += &format!("| `{place}.{}` |{} |\n", row.name, row.doc);
            }
        }
        for reason in DropReason::ALL {
            expected += &format!("| `dropped.{}` |{} |\n", reason.name(), reason.doc());
        }
        assert!(guide.contains(&expected), "the guide should have:\n\n{expected}");
    }

    #[cfg(all(feature = "logs", feature = "metrics"))]
    #[test]
    fn every_figure_is_in_the_json_and_in_the_text_if_it_has_words() {
        let file = r#"{"endpoint": "http://127.0.0.1:9", "logs": {"enabled": true}}"#;
        let builder = crate::builder().env([("", ""); 0]).config_str(file);
        let (_layer, telemetry) = builder.build::<tracing_subscriber::Registry>().expect("started");
        let mut status = telemetry.status();
        status.spans = status.spans.numbered(100);
        status.calls = status.calls.numbered(200);
        status.destinations = vec![status.destinations[0].clone().numbered(300)];
        status.logs = status.logs.map(|logs| logs.numbered(400));
        status.metrics = status.metrics.map(|metrics| metrics.numbered(500));
        if let Some(metrics) = &mut status.metrics {
            metrics.pricing = metrics.pricing.clone().numbered(600);
            metrics.points = metrics.points.clone().numbered(700);
        }
        let (text, json) = (status.to_string(), serde_json::to_value(&status).expect("JSON"));
        let logs = status.logs.as_ref().expect("logs");
        let metrics = status.metrics.as_ref().expect("metrics");
        let mut seen = 0;
        let mut look = |place: &str, rows: &mut dyn Iterator<Item = (&'static Row, u64)>| {
            for (row, number) in rows {
                let member = json.pointer(&format!("/{place}/{}", row.name));
                assert_eq!(member.and_then(|it| it.as_u64()), Some(number), "{place}: {json}");
                if let Some(words) = row.text {
                    assert!(text.contains(&format!("{number} {words}")), "{words}: {text}");
                }
                seen += 1;
            }
        };
        look("spans", &mut status.spans.rows());
        look("calls", &mut status.calls.rows());
        look("destinations/0", &mut status.destinations[0].rows());
        look("logs", &mut logs.rows());
        look("metrics", &mut metrics.rows());
        look("metrics/points", &mut metrics.points().rows());
        look("metrics/pricing", &mut metrics.pricing().rows());
        assert!(seen > 35, "{seen}");
    }

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
