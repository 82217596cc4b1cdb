//! The resolved configuration: plain data, every field decided. `config` makes it, `telemetry`
//! and `pipeline` read it; nothing here knows where a value came from.

use std::path::PathBuf;
use std::time::Duration;

use crate::policy::Policy;
use crate::semconv::Version;

/// Everything `init` needs to know, after file, environment and code were merged.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// `false` (from `enabled` or `OTEL_SDK_DISABLED`) makes telemetry a no-op.
    pub(crate) enabled: bool,
    pub(crate) service_name: String,
    pub(crate) resource_attributes: Vec<(String, Scalar)>,
    pub(crate) exporter: ExporterChoice,
    /// Where spans go; empty when no endpoint was given anywhere.
    pub(crate) destinations: Vec<Destination>,
    pub(crate) sampler: Sampler,
    pub(crate) batch: Batch,
    pub(crate) limits: Limits,
    pub(crate) policy: Policy,
    pub(crate) semconv: Version,
    /// An `otel.name` or `otel.kind` set by the user is replaced too. Defaults to `false`.
    pub(crate) override_explicit_names: bool,
    pub(crate) propagators: Vec<Propagator>,
    /// Directives of the `fmt` layer, as in `RUST_LOG`. Defaults to `info`.
    pub(crate) log_filter: String,
    /// Things that were set and have no effect, or were ignored: shown by `status()`.
    pub(crate) warnings: Vec<String>,
}

/// A value of a resource attribute.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Scalar {
    Bool(bool),
    I64(i64),
    F64(f64),
    Str(String),
    List(Vec<String>),
}

/// `traces.exporter` / `OTEL_TRACES_EXPORTER`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ExporterChoice {
    /// Nothing was said: export when there is an endpoint, else the console tree on a terminal.
    Unset,
    Otlp,
    Console,
    None,
}

/// One receiver of telemetry. URLs are complete: the signal path is already in them.
#[derive(Clone, Debug)]
pub(crate) struct Destination {
    pub(crate) name: String,
    pub(crate) traces_url: String,
    pub(crate) metrics_url: Option<String>,
    pub(crate) logs_url: Option<String>,
    pub(crate) protocol: Protocol,
    /// Lower-case names, validated; values are secrets.
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) ca_cert: Option<PathBuf>,
    pub(crate) client_cert: Option<PathBuf>,
    pub(crate) client_key: Option<PathBuf>,
    pub(crate) compression: Compression,
    pub(crate) timeout: Duration,
    pub(crate) format: FormatChoice,
    /// Only ever stricter than [`Settings::policy`].
    pub(crate) policy: Option<Policy>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Protocol {
    HttpProtobuf,
    HttpJson,
    Grpc,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compression {
    None,
    Gzip,
}

/// `trace_type` / `format`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum FormatChoice {
    GenAi,
    OpenInference,
    Vercel,
    OpenLlmetry,
    /// `openllmetry_legacy`: indexed `gen_ai.prompt.{n}.*`
    OpenLlmetryLegacy,
    Langfuse,
    /// `gen_ai+open_inference`
    GenAiAndOpenInference,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Sampler {
    AlwaysOn,
    AlwaysOff,
    TraceIdRatio(f64),
    ParentBasedAlwaysOn,
    ParentBasedAlwaysOff,
    ParentBasedTraceIdRatio(f64),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Batch {
    pub(crate) max_queue_size: usize,
    pub(crate) max_export_batch_size: usize,
    pub(crate) schedule_delay: Duration,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) attributes_per_span: u32,
    pub(crate) events_per_span: u32,
    pub(crate) links_per_span: u32,
    pub(crate) attributes_per_event: u32,
    pub(crate) attributes_per_link: u32,
    /// Bytes of one attribute value; `None` is no limit.
    pub(crate) attribute_value_length: Option<usize>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Propagator {
    TraceContext,
    Baggage,
}

/// Text that is never printed.
#[derive(Clone, Eq, PartialEq)]
pub(crate) struct Secret(String);

impl Secret {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            enabled: true,
            service_name: String::from("unknown_service"),
            resource_attributes: Vec::new(),
            exporter: ExporterChoice::Unset,
            destinations: Vec::new(),
            sampler: Sampler::ParentBasedAlwaysOn,
            batch: Batch::default(),
            limits: Limits::default(),
            policy: Policy::default(),
            semconv: Version::default(),
            override_explicit_names: false,
            propagators: vec![Propagator::TraceContext, Propagator::Baggage],
            log_filter: String::from("info"),
            warnings: Vec::new(),
        }
    }
}

impl Default for Batch {
    fn default() -> Self {
        Self {
            max_queue_size: 2048,
            max_export_batch_size: 512,
            schedule_delay: Duration::from_millis(5000),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            attributes_per_span: 128,
            events_per_span: 128,
            links_per_span: 128,
            attributes_per_event: 128,
            attributes_per_link: 128,
            attribute_value_length: None,
        }
    }
}
