//! The resolved configuration: plain data, every field decided. `config` makes it, `telemetry`
//! and `pipeline` read it; nothing here knows where a value came from.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::own::Own;
use super::proxy::Proxies;
pub(crate) use crate::config::read::node::Scalar;
pub(crate) use crate::config::read::secret::Secret;
use crate::config::say::backends::Backend;
pub(crate) use crate::config::say::words::{
    Compression, Detector, ExporterChoice, Histograms, LogLevel, Propagator, Protocol, SampleBy,
    Sampler, Temporality, Words,
};
use crate::format::{Format, FormatChoice, Hide};
use crate::policy::Policy;
use crate::semconv::Version;

/// Everything `init` needs to know, after file, environment and code were merged.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `false` (from `enabled` or `OTEL_SDK_DISABLED`) makes telemetry a no-op.
    pub(crate) enabled: bool,
    pub(crate) service_name: String,
    /// Without `service.name`, which is [`Settings::service_name`].
    pub(crate) resource_attributes: Vec<(String, Scalar)>,
    /// Facts that are looked up only on request: `host`, `process`, `k8s`.
    pub(crate) resource_detectors: Vec<Detector>,
    /// Whether spans leave at all (`traces.enabled`); metrics may leave without them.
    pub(crate) traces_enabled: bool,
    pub(crate) exporter: ExporterChoice,
    /// Where telemetry goes; empty when no endpoint was given anywhere.
    pub(crate) destinations: Vec<Destination>,
    pub(crate) sampler: Sampler,
    /// What a sampler's ratio counts.
    pub(crate) sample_by: SampleBy,
    pub(crate) keep: Keep,
    pub(crate) batch: Batch,
    pub(crate) limits: Limits,
    pub(crate) metrics: Metrics,
    pub(crate) logs: Logs,
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "metrics price calls"))]
    pub(crate) pricing: Pricing,
    /// What anything may take that leaves: loose enough for every destination.
    pub(crate) policy: Policy,
    /// What a destination gets that has no word of its own on content.
    pub(crate) general_policy: Policy,
    /// What the OpenInference formats withhold besides: `OPENINFERENCE_HIDE_*`.
    pub(crate) hide: Hide,
    pub(crate) semconv: Version,
    /// An `otel.name` or `otel.kind` set by the user is replaced too.
    pub(crate) override_explicit_names: bool,
    pub(crate) propagators: Vec<Propagator>,
    /// A span open for longer is ended as expired; `None` never.
    pub(crate) span_ttl: Option<Duration>,
    /// How much of what OpenTelemetry says about itself is shown.
    pub(crate) log_level: LogLevel,
    /// Directives of the `fmt` layer, as in `RUST_LOG`.
    pub(crate) log_filter: String,
    /// Things that were set and have no effect, or were ignored: shown by `status()`.
    pub(crate) warnings: Vec<String>,
}

/// One receiver of telemetry.
///
/// Signals that need another transport (protocol, headers, certificates, time limit) than the
/// traces are a destination of their own, named `<name>/metrics` or `<name>/logs`.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) name: String,
    /// How each signal reaches the receiver; `None` for a signal that does not go there.
    pub(crate) traces: Option<Route>,
    pub(crate) metrics: Option<Route>,
    pub(crate) logs: Option<Route>,
    /// What is known about the receiver besides its address.
    pub(crate) backend: &'static Backend,
    pub(crate) format: FormatChoice,
    /// Replaces `format`; comes from code.
    pub(crate) own_format: Option<Arc<dyn Format>>,
    /// Replaces the routes; comes from code.
    pub(crate) own: Own,
    /// Only ever stricter than [`Settings::policy`].
    pub(crate) policy: Option<Policy>,
}

/// How one signal reaches one receiver.
#[derive(Clone, Debug)]
pub(crate) struct Route {
    /// Complete: the path of the signal is in it.
    pub(crate) url: String,
    pub(crate) protocol: Protocol,
    /// Lower-case names, validated; values are secrets.
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    /// Those of the environment.
    pub(crate) proxies: Proxies,
    pub(crate) compression: Compression,
    /// [`Duration::MAX`] is no limit.
    pub(crate) timeout: Duration,
}

impl Route {
    /// The URL without what may be secret in it.
    pub(crate) fn shown_url(&self) -> String {
        crate::policy::shown_url(&self.url)
    }

    /// Whether requests are sent in the same way, whatever their path.
    pub(crate) fn travels_as(&self, other: &Self) -> bool {
        self.protocol == other.protocol
            && self.headers == other.headers
            && self.files() == other.files()
            && self.proxies == other.proxies
            && self.compression == other.compression
            && self.timeout == other.timeout
    }

    /// Whether what is open for one of them does for the other. Certificates are renewed in place,
    /// so a route that has some is opened anew.
    pub(crate) fn goes_on_as(&self, other: &Self) -> bool {
        let files = self.files().iter().any(|file| file.is_some());
        self.url == other.url && self.travels_as(other) && !files
    }

    fn files(&self) -> [&Option<PathBuf>; 3] {
        [&self.ca_cert, &self.client_cert, &self.client_key]
    }
}

impl Destination {
    /// The routes to the receiver, that of the traces first.
    pub(crate) fn routes(&self) -> impl Iterator<Item = &Route> {
        [&self.traces, &self.metrics, &self.logs].into_iter().flatten()
    }

    /// Whether spans go there.
    pub(crate) fn has_spans(&self) -> bool {
        self.traces.is_some() || self.own.spans.is_some()
    }

    /// Whether log records go there.
    pub(crate) fn has_logs(&self) -> bool {
        #[cfg(feature = "logs")]
        return self.logs.is_some() || self.own.logs.is_some();
        #[cfg(not(feature = "logs"))]
        self.logs.is_some()
    }

    /// What its format is called.
    pub(crate) fn format_name(&self) -> &'static str {
        self.own_format.as_ref().map_or_else(|| self.format.name, |own| own.name())
    }
}

/// `keep`: traces that stay although the sampler turned them down.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Keep {
    pub(crate) errors: bool,
    pub(crate) slower_than: Option<Duration>,
    /// US dollars of the whole trace.
    pub(crate) costlier_than: Option<f64>,
}

/// `metrics`
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Metrics {
    pub(crate) enabled: bool,
    pub(crate) exporter: ExporterChoice,
    pub(crate) interval: Duration,
    /// [`Duration::MAX`] is no limit.
    pub(crate) timeout: Duration,
    pub(crate) temporality: Temporality,
    pub(crate) histograms: Histograms,
    /// Series of one instrument.
    pub(crate) cardinality_limit: usize,
    /// Export `otel.sdk.*`, about our own delivery.
    pub(crate) sdk: bool,
    /// Labels beyond the conventional ones, each with the number of values it may take.
    pub(crate) labels: Vec<(String, usize)>,
}

/// `logs`
#[derive(Clone, Copy, Debug)]
pub(crate) struct Logs {
    pub(crate) enabled: bool,
    pub(crate) exporter: ExporterChoice,
    /// The least severe events that leave.
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "log records read it"))]
    pub(crate) level: LogLevel,
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "log records read it"))]
    pub(crate) batch: Batch,
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "log records read it"))]
    pub(crate) attributes_per_record: u32,
    /// Bytes of one attribute value; `None` is no limit.
    #[cfg_attr(not(feature = "logs"), expect(dead_code, reason = "log records read it"))]
    pub(crate) attribute_value_length: Option<usize>,
}

/// `pricing`: where prices come from. `metrics` reads both.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Pricing {
    pub(crate) file: Option<PathBuf>,
    /// As written under `pricing.models`.
    pub(crate) models: Option<serde_json::Value>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) struct Batch {
    pub(crate) max_queue_size: usize,
    pub(crate) max_queue_bytes: usize,
    pub(crate) max_export_batch_size: usize,
    pub(crate) schedule_delay: Duration,
    /// [`Duration::MAX`] is no limit.
    pub(crate) export_timeout: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) attributes_per_span: u32,
    /// For formats that make several attributes of one. Where no limit was set it is wider than
    /// the one of spans, which a long conversation would exceed.
    pub(crate) attributes_after_format: usize,
    pub(crate) events_per_span: u32,
    pub(crate) links_per_span: u32,
    pub(crate) attributes_per_event: u32,
    pub(crate) attributes_per_link: u32,
    /// Bytes of one attribute value; `None` is no limit.
    pub(crate) attribute_value_length: Option<usize>,
}
