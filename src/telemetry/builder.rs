//! What code says about telemetry.

use std::ffi::OsString;
use std::fmt;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "logs")]
use opentelemetry_sdk::logs::LogExporter;
use opentelemetry_sdk::trace::SpanExporter;
use tracing_subscriber::{Layer, Registry};

use super::exporters::ExporterOptions;
use super::given::Given;
use crate::config::FileSource;
use crate::config::content::CAPTURES;
use crate::config::keys::Field;
use crate::config::settings::{Protocol, Sampler, Scalar, Words};
use crate::console::Terminal;
use crate::format::Format;
use crate::policy::{ContentCapture, ErrorText};
use crate::semconv::{Class, Version};

/// Starts telemetry: [`builder()`](super::builder).
///
/// What a setter says wins over the environment, the environment over the configuration file, the
/// file over the defaults, each setting by itself. Setters never fail; [`Builder::init`] and
/// [`Builder::build`] report everything that is wrong at once.
///
/// ```no_run
/// use tracing_genai::policy::ContentCapture;
///
/// # fn main() -> Result<(), tracing_genai::Error> {
/// let telemetry = tracing_genai::builder()
///     .service_name("chat-api")
///     .endpoint("http://localhost:4318")
///     .content_capture(ContentCapture::Off)
///     .init()?;
/// # drop(telemetry);
/// # Ok(())
/// # }
/// ```
#[must_use = "a builder does nothing until `init` or `build`"]
pub struct Builder {
    pub(super) given: Given,
    pub(super) console: Console,
    pub(super) terminal: Option<Terminal>,
    pub(super) console_writer: Option<Box<dyn Write + Send>>,
    pub(super) log: Log,
    pub(super) log_layer: Option<LogLayer>,
    pub(super) log_writer: Option<Box<dyn Write + Send>>,
    pub(super) shutdown_timeout: Duration,
}

pub(super) type LogLayer = Box<dyn Layer<Registry> + Send + Sync>;

/// When finished traces are printed to standard error as trees.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Console {
    /// When `traces.exporter` is `console`; and when there is no endpoint and standard error is a
    /// terminal.
    #[default]
    Auto,
    /// Always, beside any endpoint.
    Always,
    /// Never.
    Never,
}

/// Whether [`Builder::init`] installs a log layer.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Log {
    /// No log lines.
    Off,
    /// Events as lines on standard error, by the directives of `RUST_LOG` or `log.filter`.
    #[default]
    Stderr,
}

impl Builder {
    pub(super) fn new() -> Self {
        Self {
            given: Given::default(),
            console: Console::default(),
            terminal: None,
            console_writer: None,
            log: Log::default(),
            log_layer: None,
            log_writer: None,
            shutdown_timeout: SHUTDOWN_TIMEOUT,
        }
    }

    /// Sets the configuration file, in YAML or JSON, and looks for no other. Defaults to what
    /// `TRACING_GENAI_CONFIG` names, else `OTEL_CONFIG_FILE`, else `telemetry.yaml` in the working
    /// directory if it is there.
    pub fn config_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.given.file = FileSource::Path(path.into());
        self
    }

    /// Sets the text of a configuration file, in YAML or JSON, and looks for no file. Defaults to
    /// what [`Builder::config_file`] says.
    pub fn config_str(mut self, text: impl Into<String>) -> Self {
        let name = String::from("configuration");
        self.given.file = FileSource::Text { name, text: text.into() };
        self
    }

    /// Sets the environment that is read, instead of the one of the process. Defaults to the
    /// variables of the process, read once by `init` or `build`.
    pub fn env<N: Into<String>, V: Into<OsString>>(
        mut self,
        variables: impl IntoIterator<Item = (N, V)>,
    ) -> Self {
        self.given.env = Some(variables.into_iter().collect());
        self
    }

    /// Sets `service.name`. Defaults to `OTEL_SERVICE_NAME`, else `service_name` of the file, else
    /// `unknown_service:` and the name of the executable.
    pub fn service_name(self, name: impl Into<String>) -> Self {
        self.set(Field::ServiceName, name)
    }

    /// Adds an attribute to the resource, such as `deployment.environment.name`. Defaults to those
    /// of `OTEL_RESOURCE_ATTRIBUTES` and of the file; one of the same name replaces theirs.
    pub fn resource_attribute(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.code.resource_attribute(key, Scalar::Str(value.into()));
        self
    }

    /// Sets where telemetry goes: the base URL of an OTLP receiver, to which the path of the signal
    /// is added. Defaults to `OTEL_EXPORTER_OTLP_ENDPOINT`, else `endpoint` of the file, else
    /// nowhere.
    pub fn endpoint(self, url: impl Into<String>) -> Self {
        self.set(Field::Endpoint, url)
    }

    /// Adds a request header, such as `authorization`. Its value is never printed. Defaults to the
    /// headers of `OTEL_EXPORTER_OTLP_HEADERS` and of the file; a header of the same name replaces
    /// theirs.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.given.code.header(name, Some(value.into()));
        self
    }

    /// Sets how telemetry travels. Defaults to `OTEL_EXPORTER_OTLP_PROTOCOL`, else `protocol` of
    /// the file, else [`Protocol::HttpProtobuf`].
    pub fn protocol(self, protocol: Protocol) -> Self {
        self.choose(Field::Protocol, protocol)
    }

    /// Sets whether message content leaves. Defaults to
    /// `OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT`, else `content_capture` of the file,
    /// else [`ContentCapture::Off`].
    pub fn content_capture(self, capture: ContentCapture) -> Self {
        self.choose(Field::ContentCapture, capture)
    }

    /// Sets capture for one class of content, such as [`Class::Input`]. A class that is not content
    /// is ignored. Defaults to what [`Builder::content_capture`] says for all.
    pub fn content_class(self, class: Class, capture: ContentCapture) -> Self {
        match CAPTURES.iter().find(|(_, other)| *other == class) {
            Some((field, _)) => self.choose(*field, capture),
            None => self,
        }
    }

    /// Sets the size of one content attribute, in bytes; what is longer is shortened inside of its
    /// JSON and marked. Defaults to `content_attr_max_bytes` of the file, else 131,072.
    pub fn content_attr_max_bytes(self, bytes: u32) -> Self {
        self.set(Field::ContentAttrMaxBytes, bytes.to_string())
    }

    /// Sets how much error text leaves. Defaults to `error_text` of the file, else to
    /// [`ErrorText::Full`] while all content is captured, else to [`ErrorText::Scrubbed`].
    pub fn error_text(self, level: ErrorText) -> Self {
        self.choose(Field::ErrorText, level)
    }

    /// Sets the version of the GenAI conventions. Defaults to `TRACING_GENAI_SEMCONV`, else
    /// `semconv` of the file, else [`Version::V1_41`].
    pub fn semconv(self, version: Version) -> Self {
        self.choose(Field::Semconv, version)
    }

    /// Sets which traces are kept. Defaults to `OTEL_TRACES_SAMPLER`, else `sampler` of the file,
    /// else [`Sampler::ParentBasedAlwaysOn`].
    pub fn sampler(mut self, sampler: Sampler) -> Self {
        if let Some(ratio) = { sampler }.ratio() {
            self.given.code.set_number(Field::SamplerArg.general(), *ratio);
        }
        self.choose(Field::Sampler, sampler)
    }

    /// Sets a format of one's own for a destination, by its name in `exporters`; a destination
    /// without one is called by its number from 0, and the one of [`Builder::endpoint`] `default`.
    /// Defaults to what `format` and `backend` of the destination say.
    ///
    /// The format sees spans after the content policy; nothing is renamed after it. A name that no
    /// destination has is told in [`Status::warnings`](super::Status::warnings).
    pub fn format(mut self, destination: impl Into<String>, format: impl Format) -> Self {
        self.given.formats.insert(destination.into(), Arc::new(format));
        self
    }

    /// Adds a destination: an exporter of your own gets every span that is exported, beside what
    /// goes to an endpoint. Defaults to none.
    ///
    /// It is a destination like any other, of this name in [`status`] and [`explain`]: with a
    /// thread, a queue, the content policy of the process, counts and a breaker. [`force_flush`]
    /// and [`shutdown`] include it; the latter ends with the exporter's own.
    /// [`Builder::exporter_with`] sets what differs. An exporter of the same name replaces the one
    /// before; where a configured destination has the name, this one gets a number behind it.
    ///
    /// Its future is driven on the destination's thread. One that needs a Tokio runtime finds the
    /// one in which this was called, with the feature `tokio`; a runtime with a single thread must
    /// not be blocked by [`shutdown`] then. A batch for which it returns an error has failed: by
    /// the contract of [`SpanExporter`] the exporter has retried what is worth retrying. A batch
    /// that it does not finish in time, or reports as timed out, is offered again. A panic costs
    /// its batch.
    ///
    /// [`status`]: crate::Telemetry::status
    /// [`explain`]: crate::Telemetry::explain
    /// [`force_flush`]: crate::Telemetry::force_flush
    /// [`shutdown`]: crate::Telemetry::shutdown
    ///
    /// ```
    /// use opentelemetry_sdk::trace::InMemorySpanExporter;
    ///
    /// # fn main() -> Result<(), tracing_genai::Error> {
    /// # let subscriber = tracing_subscriber::registry();
    /// let memory = InMemorySpanExporter::default();
    /// let builder = tracing_genai::builder().exporter("memory", memory.clone());
    /// # let (layer, telemetry) = builder.env([("", ""); 0]).build::<tracing_subscriber::Registry>()?;
    /// # drop((subscriber, layer, telemetry));
    /// # Ok(())
    /// # }
    /// ```
    pub fn exporter(self, name: impl Into<String>, exporter: impl SpanExporter + 'static) -> Self {
        self.exporter_with(name, exporter, ExporterOptions::default())
    }

    /// Adds an exporter of your own as [`Builder::exporter`] does, with a format, a stricter content
    /// policy or a time limit of its own.
    pub fn exporter_with(
        mut self,
        name: impl Into<String>,
        exporter: impl SpanExporter + 'static,
        options: ExporterOptions,
    ) -> Self {
        self.given.exporters.spans(name.into(), exporter, options);
        self
    }

    /// Adds a destination of log records: an exporter of your own, as [`Builder::exporter`] does for
    /// spans. It gets records while log records are exported at all, see
    /// [`Builder::export_logs`]. Defaults to none.
    ///
    /// A record of the SDK has no place for the number of attributes over the limit, and for the
    /// name of an event only where the callsite has it; one from a field is the attribute
    /// `event.name`.
    #[cfg(feature = "logs")]
    pub fn log_exporter(
        self,
        name: impl Into<String>,
        exporter: impl LogExporter + 'static,
    ) -> Self {
        self.log_exporter_with(name, exporter, ExporterOptions::default())
    }

    /// Adds an exporter of your own as [`Builder::log_exporter`] does, with a stricter content policy
    /// or a time limit of its own. Formats are for spans.
    #[cfg(feature = "logs")]
    pub fn log_exporter_with(
        mut self,
        name: impl Into<String>,
        exporter: impl LogExporter + 'static,
        options: ExporterOptions,
    ) -> Self {
        self.given.exporters.logs(name.into(), exporter, options);
        self
    }

    /// Sets whether events of `tracing` leave as log records too, see [`logs`](crate::capture::logs). Defaults
    /// to `OTEL_LOGS_EXPORTER`, else `logs.enabled` of the file, else `false`.
    #[cfg(feature = "logs")]
    pub fn export_logs(self, export: bool) -> Self {
        self.set(Field::LogsEnabled, export.to_string())
    }

    /// Sets when finished traces are printed as trees. Defaults to [`Console::Auto`].
    pub fn console(mut self, console: Console) -> Self {
        self.console = console;
        self
    }

    /// Sets the width and the colours of what is printed. Defaults to what standard error has, see
    /// [`Terminal::detect`].
    pub fn terminal(mut self, terminal: Terminal) -> Self {
        self.terminal = Some(terminal);
        self
    }

    /// Sets where trees are printed to. Defaults to standard error.
    pub fn console_writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.console_writer = Some(Box::new(writer));
        self
    }

    /// Sets whether [`Builder::init`] installs a log layer. Defaults to [`Log::Stderr`].
    ///
    /// It prints events, withholds message content whatever `content_capture` says
    /// ([`WithoutContent`](super::WithoutContent)), and drops events of LLM libraries that have
    /// whole requests or responses in their messages.
    pub fn log(mut self, log: Log) -> Self {
        self.log = log;
        self
    }

    /// Sets where log lines go. Defaults to standard error.
    pub fn log_writer(mut self, writer: impl Write + Send + 'static) -> Self {
        self.log_writer = Some(Box::new(writer));
        self
    }

    /// Replaces the log layer that [`Builder::init`] installs by one of your own, with its own
    /// filter. Give it [`WithoutContent`](super::WithoutContent) if it prints fields. Defaults to
    /// the layer of [`Builder::log`].
    pub fn log_layer(mut self, layer: impl Layer<Registry> + Send + Sync + 'static) -> Self {
        self.log_layer = Some(Box::new(layer));
        self
    }

    /// Sets how long shutdown may take, also when the last handle is dropped. Defaults to 5 s.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> Self {
        self.shutdown_timeout = timeout;
        self
    }

    fn choose(self, field: Field, word: impl Words) -> Self {
        self.set(field, word.word())
    }

    fn set(mut self, field: Field, value: impl Into<String>) -> Self {
        self.given.code.set(field.general(), value);
        self
    }
}

/// No values: some are secrets.
impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("console", &self.console)
            .field("terminal", &self.terminal)
            .field("log", &self.log)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}

const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(5);
