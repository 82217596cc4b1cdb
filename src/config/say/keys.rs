//! Every key of the configuration, one row each. Reading a file, its overrides by variable, the
//! suggestions for a misspelt key, the documentation table and the JSON schema all come from here.

use super::backends;
use crate::format;
use std::sync::OnceLock;

use super::words::{
    Choice, Compression, Detector, ExporterChoice, Histograms, LogLevel, Media, Propagator,
    Protocol, SampleBy, Sampler, Temporality, Words,
};
use crate::policy::{ContentCapture, ErrorText};
use crate::semconv::Version;

/// A key, without the signal it may be set for.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Field {
    Enabled,
    ServiceName,
    ResourceAttributes,
    ResourceDetectors,
    Endpoint,
    Protocol,
    Headers,
    HeadersList,
    BearerToken,
    TlsCaCert,
    TlsCertFile,
    TlsKeyFile,
    Insecure,
    Compression,
    Timeout,
    Backend,
    Format,
    Semconv,
    SemconvOptIn,
    OverrideExplicitNames,
    ContentCapture,
    ContentInput,
    ContentOutput,
    ContentSystem,
    ContentTools,
    ContentRetrieval,
    ContentMemory,
    ContentMedia,
    ContentAttrMaxBytes,
    ErrorText,
    HideInputs,
    HideOutputs,
    HideInputMessages,
    HideOutputMessages,
    HideInputText,
    HideOutputText,
    HideInputImages,
    HideLlmTools,
    HideInvocationParameters,
    HidePrompts,
    HideChoices,
    HideEmbeddingsVectors,
    HideEmbeddingsText,
    ImageMaxLength,
    Sampler,
    SamplerArg,
    SampleBy,
    KeepErrors,
    KeepSlowerThan,
    KeepCostlierThan,
    Propagators,
    SpanTtl,
    LogLevel,
    LogFilter,
    TracesEnabled,
    TracesExporter,
    TracesQueue,
    TracesQueueBytes,
    TracesFlush,
    TracesBatch,
    TracesExportTimeout,
    MetricsEnabled,
    MetricsExporter,
    MetricsInterval,
    MetricsTimeout,
    MetricsTemporality,
    MetricsLabels,
    MetricsHistograms,
    MetricsCardinality,
    MetricsSdk,
    MetricsApiKeyCap,
    MetricsUserCap,
    LogsEnabled,
    LogsExporter,
    LogsLevel,
    LogsQueue,
    LogsQueueBytes,
    LogsFlush,
    LogsBatch,
    LogsExportTimeout,
    LogsAttributeCount,
    LogsAttributeLength,
    AttributeCount,
    AttributeLength,
    EventCount,
    LinkCount,
    EventAttributeCount,
    LinkAttributeCount,
    PricingFile,
    PricingModels,
    PluginSpanFilter,
    RequestHeaders,
    GroupTracesBySession,
}

/// Which signal a setting is for. `General` stands for all that say nothing of their own.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) enum Signal {
    General,
    Traces,
    Metrics,
    Logs,
}

/// One setting: a field of a signal.
#[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub(crate) struct Key {
    pub(crate) signal: Signal,
    pub(crate) field: Field,
}

/// Everything there is to know about a key.
#[derive(Debug)]
pub(crate) struct Row {
    pub(crate) field: Field,
    /// Where it stands in a file. A key that is `per_signal` also stands below the signal's name.
    pub(crate) path: &'static str,
    /// Other paths for it, as the Bifrost page and the declarative format spell it.
    pub(crate) aliases: &'static [Spelling],
    pub(crate) kind: Kind,
    /// As a user would write it; empty for none. It is read like any other value of the key and is
    /// written nowhere else, see [`value::preset`](super::value::preset).
    pub(crate) default: &'static str,
    /// What a variable means that cannot be read; empty where it counts as unset.
    pub(crate) unreadable: &'static str,
    /// What a reload does about a change.
    pub(crate) reload: Reload,
    /// What a reload calls a change: a part of the settings that shows as a whole. Empty for the
    /// path of the key.
    pub(crate) part: &'static str,
    /// Standard variables, the first one that is set wins. `*` is where `TRACES_`, `METRICS_` or
    /// `LOGS_` goes. The crate's own variable comes from the path, see [`Key::own_variable`].
    pub(crate) variables: &'static [Spelling],
    pub(crate) per_signal: bool,
    /// May also be set in an entry of `exporters`.
    pub(crate) per_exporter: bool,
    pub(crate) doc: &'static str,
}

/// Another name for a key, and how its values read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Spelling {
    pub(crate) name: &'static str,
    pub(crate) signal: Signal,
    pub(crate) reads: Reads,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Reads {
    Same,
    /// `true` means `false`.
    Inverted,
    /// `true` is capture off.
    DisablesContent,
    /// A whole number of seconds from 1 to 300 instead of milliseconds.
    Seconds,
    /// Like the key, and a warning that the spelling is going away.
    Deprecated,
}

/// What a reload does about another value.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Reload {
    /// It works at once.
    Live,
    /// It works after a restart; until then the old value stays.
    Restart,
    /// It works at once, unless the old or the new value is this word.
    RestartFor(&'static str),
    /// It works at once, unless other names are listed.
    RestartForNames,
}

/// What a key's value is. Ranges are inclusive.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Bool,
    Int {
        min: u64,
        max: u64,
    },
    Number {
        min: f64,
        max: f64,
    },
    /// Milliseconds, or a number with a unit. What zero means besides the range is in `zero`.
    Duration {
        min: u64,
        max: u64,
        zero: Zero,
    },
    /// One word of a list.
    Choice(&'static [Choice]),
    /// Several words of a list.
    Choices(&'static [Choice]),
    Text {
        max: usize,
    },
    Url,
    Path,
    Secret,
    /// A mapping of header names to secrets.
    Headers,
    /// The same as text, in the grammar of `OTEL_EXPORTER_OTLP_HEADERS`.
    HeadersList,
    /// A mapping of names to scalars or lists.
    Attributes,
    /// A list of texts.
    Names,
    /// A mapping of names to whole numbers.
    Counts,
    /// Anything; read elsewhere.
    Json,
    /// Known from elsewhere and without effect here.
    NoEffect,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Zero {
    Refused,
    NoLimit,
    Off,
}

impl Field {
    /// This field for every signal that says nothing of its own.
    pub(crate) const fn general(self) -> Key {
        Key { signal: Signal::General, field: self }
    }

    pub(crate) const fn of(self, signal: Signal) -> Key {
        Key { signal, field: self }
    }

    pub(crate) fn row(self) -> &'static Row {
        &ROWS[self as usize]
    }
}

impl Signal {
    pub(crate) const EACH: [Self; 3] = [Self::Traces, Self::Metrics, Self::Logs];

    /// The word used in paths and URLs; empty for [`Signal::General`].
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::General => "",
            Self::Traces => "traces",
            Self::Metrics => "metrics",
            Self::Logs => "logs",
        }
    }
}

impl Key {
    pub(crate) fn row(self) -> &'static Row {
        self.field.row()
    }

    /// The path in a file.
    pub(crate) fn path(self) -> String {
        match self.signal {
            Signal::General => self.row().path.to_owned(),
            signal => format!("{}.{}", signal.name(), self.row().path),
        }
    }

    /// The crate's own variable: `TRACING_GENAI_` and the path in upper case.
    pub(crate) fn own_variable(self) -> String {
        format!("{OWN_PREFIX}{}", variable_part(&self.path()))
    }

    /// All variables that set it, the strongest first.
    pub(crate) fn variables(self) -> Vec<(String, Reads)> {
        let mut names = vec![(self.own_variable(), Reads::Same)];
        for variable in self.row().variables {
            if variable.name.contains('*') {
                let part = match self.signal {
                    Signal::General => String::new(),
                    signal => format!("{}_", signal.name().to_ascii_uppercase()),
                };
                names.push((variable.name.replace('*', &part), variable.reads));
            } else if variable.signal == self.signal {
                names.push((variable.name.to_owned(), variable.reads));
            }
        }
        names
    }

    /// Every key there is.
    pub(crate) fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().flat_map(|row| {
            let signals: &[Signal] = if row.per_signal { &Signal::EACH } else { &[] };
            std::iter::once(row.field.general())
                .chain(signals.iter().map(|signal| row.field.of(*signal)))
        })
    }

    /// Every spelling of every key as a path, with how its values read.
    pub(crate) fn spellings() -> impl Iterator<Item = (&'static str, Self, Reads)> {
        static SPELLINGS: OnceLock<Vec<(String, Key, Reads)>> = OnceLock::new();
        let spellings = SPELLINGS.get_or_init(|| Self::every_spelling().collect());
        spellings.iter().map(|(path, key, reads)| (path.as_str(), *key, *reads))
    }

    fn every_spelling() -> impl Iterator<Item = (String, Self, Reads)> {
        Self::all().flat_map(|key| {
            let own = std::iter::once((key.path(), key, Reads::Same));
            let aliases = key.row().aliases.iter().filter_map(move |alias| {
                match (alias.signal, key.signal) {
                    (Signal::General, Signal::General) => {
                        Some((alias.name.to_owned(), key, alias.reads))
                    }
                    (of, signal) if of == signal => Some((alias.name.to_owned(), key, alias.reads)),
                    // The other spelling of a key that is per signal works below a signal too.
                    (Signal::General, signal) if alias.name.contains('.') => {
                        Some((format!("{}.{}", signal.name(), alias.name), key, alias.reads))
                    }
                    _ => None,
                }
            });
            own.chain(aliases)
        })
    }
}

/// A path as part of a variable's name.
pub(crate) fn variable_part(path: &str) -> String {
    path.replace('.', "_").to_ascii_uppercase()
}

pub(crate) const OWN_PREFIX: &str = "TRACING_GENAI_";

/// What OpenInference lets a user withhold: the path of its keys, and its own variables.
pub(crate) const OPENINFERENCE: &str = "openinference.";
pub(crate) const OPENINFERENCE_PREFIX: &str = "OPENINFERENCE_";

const fn also(name: &'static str) -> Spelling {
    Spelling { name, signal: Signal::General, reads: Reads::Same }
}

const fn also_for(name: &'static str, signal: Signal) -> Spelling {
    Spelling { name, signal, reads: Reads::Same }
}

const fn also_as(name: &'static str, reads: Reads) -> Spelling {
    Spelling { name, signal: Signal::General, reads }
}

/// The words of rows that have a name and aliases.
macro_rules! words_of {
    ($rows:expr) => {{
        let mut all = [Choice { name: "", aliases: &[] }; $rows.len()];
        let mut at = 0;
        while at < all.len() {
            all[at] = Choice { name: $rows[at].name, aliases: $rows[at].aliases };
            at += 1;
        }
        all
    }};
}

pub(super) static BACKENDS: [Choice; backends::BACKENDS.len()] = words_of!(backends::BACKENDS);
static FORMATS: [Choice; format::FORMATS.len()] = words_of!(format::FORMATS);

const CAPTURE: Kind = Kind::Choice(ContentCapture::WORDS);
const LIMIT: Kind = Kind::Int { min: 0, max: 65_536 };
const LENGTH: Kind = Kind::Int { min: 0, max: 16_777_216 };
const FLUSH: Kind = Kind::Duration { min: 100, max: 3_600_000, zero: Zero::Refused };
const TIMEOUT: Kind = Kind::Duration { min: 1, max: 600_000, zero: Zero::NoLimit };
const QUEUE: Kind = Kind::Int { min: 1, max: 262_144 };
const QUEUE_BYTES: Kind = Kind::Int { min: 1_048_576, max: 17_179_869_184 };

/// A row with nothing special about it.
const fn row(
    field: Field,
    path: &'static str,
    kind: Kind,
    default: &'static str,
    doc: &'static str,
) -> Row {
    Row {
        field,
        path,
        aliases: &[],
        kind,
        default,
        unreadable: "",
        reload: Reload::Live,
        part: "",
        variables: &[],
        per_signal: false,
        per_exporter: false,
        doc,
    }
}

/// What else there is to a row.
impl Row {
    /// How a receiver is reached: per signal and per exporter.
    const fn route(self) -> Self {
        Self { per_signal: true, ..self.shaped() }
    }

    /// An entry of `exporters` may have it too.
    const fn shaped(self) -> Self {
        Self { per_exporter: true, part: DESTINATIONS, ..self }
    }

    /// What may leave.
    const fn content(self, strictest: &'static str) -> Self {
        self.shaped().part("content_capture").strictest(strictest)
    }

    /// What it means where it cannot be read.
    const fn strictest(self, unreadable: &'static str) -> Self {
        Self { unreadable, ..self }
    }

    const fn part(self, part: &'static str) -> Self {
        Self { part, ..self }
    }

    /// Looked at when the process starts.
    const fn fixed(self) -> Self {
        Self { reload: Reload::Restart, ..self }
    }
}

/// The part of rows that say how receivers are reached: a reload names the destinations.
pub(crate) const DESTINATIONS: &str = "exporters";

/// In the order of [`Field`].
#[rustfmt::skip]
pub(crate) static ROWS: &[Row] = &[
    Row { variables: &[also_as("OTEL_SDK_DISABLED", Reads::Inverted)],
        ..row(Field::Enabled, "enabled", Kind::Bool, "true", "`false` makes all telemetry a no-op.") },
    Row { variables: &[also("OTEL_SERVICE_NAME")],
        ..row(Field::ServiceName, "service_name", Kind::Text { max: 255 }, "", "The resource attribute `service.name`. Without it: `unknown_service:` and the name of the program.") },
    Row { variables: &[also("OTEL_RESOURCE_ATTRIBUTES")],
        ..row(Field::ResourceAttributes, "resource_attributes", Kind::Attributes, "", "Attributes of the resource. Text, numbers, booleans or lists; layers merge by name.") },
    row(Field::ResourceDetectors, "resource_detectors", Kind::Choices(Detector::WORDS), "", "Facts about where the process runs that are added to the resource."),
    Row { aliases: &[also("collector_url"), also_for("metrics_endpoint", Signal::Metrics), also_as("otlp_endpoint", Reads::Deprecated)],
        variables: &[also("OTEL_EXPORTER_OTLP_*ENDPOINT")],
        ..row(Field::Endpoint, "endpoint", Kind::Url, "", "Where to send telemetry. `/v1/traces`, `/v1/metrics` and `/v1/logs` are added, unless it ends in one of them or is set for one signal. Turns export on.").route() },
    Row { variables: &[also("OTEL_EXPORTER_OTLP_*PROTOCOL")],
        ..row(Field::Protocol, "protocol", Kind::Choice(Protocol::WORDS), "http/protobuf", "How to send it.").route() },
    Row { variables: &[also("OTEL_EXPORTER_OTLP_*HEADERS")],
        ..row(Field::Headers, "headers", Kind::Headers, "", "Headers of every request, most often credentials. Layers merge by name; null removes a header that a lower layer set.").route() },
    row(Field::HeadersList, "headers_list", Kind::HeadersList, "", "More headers as `name=value,name=value`; `headers` wins.").route(),
    row(Field::BearerToken, "bearer_token", Kind::Secret, "", "Sent as `authorization: Bearer …` where `headers` has no `authorization`.").route(),
    Row { aliases: &[also("tls.ca_file")], variables: &[also("OTEL_EXPORTER_OTLP_*CERTIFICATE")],
        ..row(Field::TlsCaCert, "tls_ca_cert", Kind::Path, "", "PEM file with the certificates to trust instead of the system's. Relative to the configuration file.").route() },
    Row { variables: &[also("OTEL_EXPORTER_OTLP_*CLIENT_CERTIFICATE")],
        ..row(Field::TlsCertFile, "tls.cert_file", Kind::Path, "", "PEM file with the client's certificate; needs `tls.key_file`.").route() },
    Row { variables: &[also("OTEL_EXPORTER_OTLP_*CLIENT_KEY")],
        ..row(Field::TlsKeyFile, "tls.key_file", Kind::Path, "", "PEM file with the client's key; needs `tls.cert_file`.").route() },
    Row { aliases: &[also("tls.insecure")], variables: &[also("OTEL_EXPORTER_OTLP_*INSECURE")],
        ..row(Field::Insecure, "insecure", Kind::Bool, "false", "Plain text for a gRPC endpoint without a scheme. Defaults to `true` beside `collector_url` without `tls_ca_cert`.").route() },
    Row { variables: &[also("OTEL_EXPORTER_OTLP_*COMPRESSION")],
        ..row(Field::Compression, "compression", Kind::Choice(Compression::WORDS), "none", "How bodies are compressed.").route() },
    Row { variables: &[also("OTEL_EXPORTER_OTLP_*TIMEOUT")],
        ..row(Field::Timeout, "timeout", TIMEOUT, "10000", "Time for one request; 0 is no limit.").route() },
    row(Field::Backend, "backend", Kind::Choice(&BACKENDS), "", "What the receiver is. Decides `format`, adds headers that are no secrets, gives keys the names it reads, and leaves out what it does not take.").shaped(),
    Row { aliases: &[also("trace_type")],
        ..row(Field::Format, "format", Kind::Choice(&FORMATS), "gen_ai", "The names and shapes that leave. Defaults to what `backend` reads best.").shaped() },
    row(Field::Semconv, "semconv", Kind::Choice(Version::WORDS), "1.41", "The version of the GenAI conventions.").fixed(),
    Row { variables: &[also("OTEL_SEMCONV_STABILITY_OPT_IN")],
        ..row(Field::SemconvOptIn, "semconv_stability_opt_in", Kind::Names, "", "Accepted as other libraries understand it; `gen_ai_latest_experimental` is the 1.41 default here.") },
    row(Field::OverrideExplicitNames, "override_explicit_names", Kind::Bool, "false", "Replace an `otel.name` or `otel.kind` that the application set.").fixed(),
    Row { aliases: &[also_as("disable_content_logging", Reads::DisablesContent)],
        variables: &[also("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT")],
        ..row(Field::ContentCapture, "content_capture", CAPTURE, "off", "Whether prompts, answers, tool calls, documents and memories leave. A mapping sets it per direction.").content("off") },
    row(Field::ContentInput, "content_capture.input", CAPTURE, "", "What is sent to the model.").content("off"),
    row(Field::ContentOutput, "content_capture.output", CAPTURE, "", "What the model answers.").content("off"),
    row(Field::ContentSystem, "content_capture.system", CAPTURE, "", "System instructions.").content("off"),
    row(Field::ContentTools, "content_capture.tools", CAPTURE, "", "Tool definitions, arguments and results.").content("off"),
    row(Field::ContentRetrieval, "content_capture.retrieval", CAPTURE, "", "Retrieval queries and documents.").content("off"),
    row(Field::ContentMemory, "content_capture.memory", CAPTURE, "", "Memory queries and records.").content("off"),
    row(Field::ContentMedia, "content_media", Kind::Choice(Media::WORDS), "summary", "Media in messages: type, size and hash, or the bytes.").content("summary"),
    row(Field::ContentAttrMaxBytes, "content_attr_max_bytes", Kind::Int { min: 1, max: 16_777_216 }, "131072", "Bytes of one content attribute; longer ones are shortened and stay valid JSON.").content(""),
    row(Field::ErrorText, "error_text", Kind::Choice(ErrorText::WORDS), "", "How much of an error's message leaves. Defaults to `full` where all content leaves, else `scrubbed`.").content("type_only"),
    Row { variables: &[also("OPENINFERENCE_HIDE_INPUTS")],
        ..row(Field::HideInputs, "openinference.hide_inputs", Kind::Bool, "false", "The OpenInference formats withhold the input, and what it is made of.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_OUTPUTS")],
        ..row(Field::HideOutputs, "openinference.hide_outputs", Kind::Bool, "false", "The OpenInference formats withhold the output, and what it is made of.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_INPUT_MESSAGES")],
        ..row(Field::HideInputMessages, "openinference.hide_input_messages", Kind::Bool, "false", "The OpenInference formats withhold messages to the model.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_OUTPUT_MESSAGES")],
        ..row(Field::HideOutputMessages, "openinference.hide_output_messages", Kind::Bool, "false", "The OpenInference formats withhold messages of the model.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_INPUT_TEXT")],
        ..row(Field::HideInputText, "openinference.hide_input_text", Kind::Bool, "false", "The OpenInference formats withhold the text of messages to the model.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_OUTPUT_TEXT")],
        ..row(Field::HideOutputText, "openinference.hide_output_text", Kind::Bool, "false", "The OpenInference formats withhold the text of messages of the model.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_INPUT_IMAGES")],
        ..row(Field::HideInputImages, "openinference.hide_input_images", Kind::Bool, "false", "The OpenInference formats withhold pictures in messages to the model.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_LLM_TOOLS")],
        ..row(Field::HideLlmTools, "openinference.hide_llm_tools", Kind::Bool, "false", "The OpenInference formats withhold definitions of tools.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_LLM_INVOCATION_PARAMETERS")],
        ..row(Field::HideInvocationParameters, "openinference.hide_llm_invocation_parameters", Kind::Bool, "false", "The OpenInference formats withhold parameters of requests.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_PROMPTS")],
        ..row(Field::HidePrompts, "openinference.hide_prompts", Kind::Bool, "false", "The OpenInference formats withhold prompts of completions.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_CHOICES")],
        ..row(Field::HideChoices, "openinference.hide_choices", Kind::Bool, "false", "The OpenInference formats withhold choices of completions.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_EMBEDDINGS_VECTORS"), also("OPENINFERENCE_HIDE_EMBEDDING_VECTORS")],
        ..row(Field::HideEmbeddingsVectors, "openinference.hide_embeddings_vectors", Kind::Bool, "false", "The OpenInference formats withhold vectors of embeddings.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_HIDE_EMBEDDINGS_TEXT")],
        ..row(Field::HideEmbeddingsText, "openinference.hide_embeddings_text", Kind::Bool, "false", "The OpenInference formats withhold texts of embeddings.").strictest("true") },
    Row { variables: &[also("OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH")],
        ..row(Field::ImageMaxLength, "openinference.base64_image_max_length", LENGTH, "32000", "In the OpenInference formats, longer `data:` pictures are redacted.") },
    Row { variables: &[also("OTEL_TRACES_SAMPLER")],
        ..row(Field::Sampler, "sampler", Kind::Choice(Sampler::WORDS), "parentbased_always_on", "Which traces are kept.") },
    Row { variables: &[also("OTEL_TRACES_SAMPLER_ARG")],
        ..row(Field::SamplerArg, "sampler_arg", Kind::Number { min: 0.0, max: 1.0 }, "1.0", "The share that the two ratio samplers keep. Goes with the `sampler` of the same layer.").part("sampler") },
    row(Field::SampleBy, "sample_by", Kind::Choice(SampleBy::WORDS), "trace", "What the ratio decides for: a trace, or all traces of a conversation."),
    row(Field::KeepErrors, "keep.errors", Kind::Bool, "false", "Keep traces that end in an error although they were not sampled.").part("keep"),
    row(Field::KeepSlowerThan, "keep.slower_than", Kind::Duration { min: 1, max: 86_400_000, zero: Zero::Off }, "", "Keep traces that took longer although they were not sampled; 0 is off.").part("keep"),
    row(Field::KeepCostlierThan, "keep.costlier_than", Kind::Number { min: 0.0, max: 1e9 }, "", "Keep traces that cost more, in US dollars, although they were not sampled.").part("keep"),
    Row { variables: &[also("OTEL_PROPAGATORS")],
        ..row(Field::Propagators, "propagators", Kind::Choices(Propagator::WORDS), "tracecontext,baggage", "How trace context crosses processes.").fixed() },
    row(Field::SpanTtl, "span_ttl", Kind::Duration { min: 1000, max: 604_800_000, zero: Zero::Off }, "1200000", "A span that is open for longer is ended as expired; 0 is off.").fixed(),
    Row { variables: &[also("OTEL_LOG_LEVEL")],
        ..row(Field::LogLevel, "log_level", Kind::Choice(LogLevel::WORDS), "info", "How much OpenTelemetry says about itself.").fixed() },
    Row { variables: &[also("RUST_LOG")],
        ..row(Field::LogFilter, "log_filter", Kind::Text { max: 4096 }, "info", "Directives of the `fmt` layer that `init` installs.").fixed() },
    row(Field::TracesEnabled, "traces.enabled", Kind::Bool, "true", "Whether spans leave.").shaped(),
    Row { variables: &[also("OTEL_TRACES_EXPORTER")], reload: Reload::RestartFor("console"),
        ..row(Field::TracesExporter, "traces.exporter", Kind::Choice(ExporterChoice::WORDS), "", "`otlp` exports even without an endpoint, to localhost. Without it: OTLP where there is an endpoint, else the console on a terminal.") },
    Row { variables: &[also("OTEL_BSP_MAX_QUEUE_SIZE")],
        ..row(Field::TracesQueue, "traces.batch.max_queue_size", QUEUE, "2048", "Spans that wait for export; more are dropped and counted.").part("batch") },
    row(Field::TracesQueueBytes, "traces.batch.max_queue_bytes", QUEUE_BYTES, "67108864", "Bytes that spans take while they wait for export, about; more are dropped and counted. The buffer of `keep` has as many.").part("batch"),
    Row { aliases: &[also("traces.batch.schedule_delay")], variables: &[also("OTEL_BSP_SCHEDULE_DELAY")],
        ..row(Field::TracesFlush, "traces.batch.flush_ms", FLUSH, "5000", "The longest time a span waits.").part("batch") },
    Row { variables: &[also("OTEL_BSP_MAX_EXPORT_BATCH_SIZE")],
        ..row(Field::TracesBatch, "traces.batch.max_export_batch_size", QUEUE, "512", "Spans in one request; at most `max_queue_size`.").part("batch") },
    Row { variables: &[also("OTEL_BSP_EXPORT_TIMEOUT")],
        ..row(Field::TracesExportTimeout, "traces.batch.export_timeout", TIMEOUT, "30000", "Time for one batch with its retries; 0 is no limit.").part("batch") },
    Row { aliases: &[also("metrics_enabled")],
        ..row(Field::MetricsEnabled, "metrics.enabled", Kind::Bool, "true", "Whether metrics leave. Defaults to `false` beside `collector_url`.").shaped().part("metrics") },
    Row { variables: &[also("OTEL_METRICS_EXPORTER")],
        ..row(Field::MetricsExporter, "metrics.exporter", Kind::Choice(ExporterChoice::WORDS), "", "As `traces.exporter`, for metrics.").part("metrics") },
    Row { aliases: &[also("metrics.interval"), also_as("metrics_push_interval", Reads::Seconds)],
        variables: &[also("OTEL_METRIC_EXPORT_INTERVAL")],
        ..row(Field::MetricsInterval, "metrics.export_interval_ms", Kind::Duration { min: 1000, max: 3_600_000, zero: Zero::Refused }, "60000", "Time between two pushes. `metrics_push_interval` is the same in seconds, 1 to 300, and is 15 where `metrics_enabled` is used.").part("metrics") },
    Row { variables: &[also("OTEL_METRIC_EXPORT_TIMEOUT")],
        ..row(Field::MetricsTimeout, "metrics.export_timeout", TIMEOUT, "30000", "Time for one push; 0 is no limit.").part("metrics") },
    Row { variables: &[also("OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE")],
        ..row(Field::MetricsTemporality, "metrics.temporality", Kind::Choice(Temporality::WORDS), "cumulative", "Since when sums count.").part("metrics") },
    Row { reload: Reload::RestartForNames, ..row(Field::MetricsLabels, "metrics.labels", Kind::Counts, "", "Labels beyond the conventional ones, each with the number of values it may take.") },
    Row { variables: &[also("OTEL_EXPORTER_OTLP_METRICS_DEFAULT_HISTOGRAM_AGGREGATION")],
        ..row(Field::MetricsHistograms, "metrics.histogram_aggregation", Kind::Choice(Histograms::WORDS), "explicit_bucket_histogram", "The shape of histograms.").fixed() },
    row(Field::MetricsCardinality, "metrics.cardinality_limit", Kind::Int { min: 1, max: 100_000 }, "2000", "Series of one instrument.").part("metrics"),
    row(Field::MetricsSdk, "metrics.sdk", Kind::Bool, "false", "Whether metrics about the delivery of telemetry itself are exported too: `otel.sdk.*`.").part("metrics"),
    row(Field::MetricsApiKeyCap, "metrics.api_key_id_cap", Kind::NoEffect, "", "Known from BitRouter; there is no such label here. Use `metrics.labels`."),
    row(Field::MetricsUserCap, "metrics.user_id_cap", Kind::NoEffect, "", "Known from BitRouter; there is no such label here. Use `metrics.labels`."),
    row(Field::LogsEnabled, "logs.enabled", Kind::Bool, "false", "Whether `tracing` events leave as log records.").shaped().part("logs"),
    Row { variables: &[also("OTEL_LOGS_EXPORTER")],
        ..row(Field::LogsExporter, "logs.exporter", Kind::Choice(ExporterChoice::WORDS), "", "As `traces.exporter`, for log records; turns them on.").part("logs") },
    row(Field::LogsLevel, "logs.level", Kind::Choice(LogLevel::WORDS), "info", "The least severe events that leave as log records.").part("logs"),
    Row { variables: &[also("OTEL_BLRP_MAX_QUEUE_SIZE")],
        ..row(Field::LogsQueue, "logs.batch.max_queue_size", QUEUE, "2048", "Log records that wait for export.").part("logs") },
    row(Field::LogsQueueBytes, "logs.batch.max_queue_bytes", QUEUE_BYTES, "67108864", "Bytes that log records take while they wait for export, about.").part("logs"),
    Row { aliases: &[also("logs.batch.schedule_delay")], variables: &[also("OTEL_BLRP_SCHEDULE_DELAY")],
        ..row(Field::LogsFlush, "logs.batch.flush_ms", FLUSH, "1000", "The longest time a log record waits.").part("logs") },
    Row { variables: &[also("OTEL_BLRP_MAX_EXPORT_BATCH_SIZE")],
        ..row(Field::LogsBatch, "logs.batch.max_export_batch_size", QUEUE, "512", "Log records in one request; at most `max_queue_size`.").part("logs") },
    Row { variables: &[also("OTEL_BLRP_EXPORT_TIMEOUT")],
        ..row(Field::LogsExportTimeout, "logs.batch.export_timeout", TIMEOUT, "30000", "Time for one batch with its retries; 0 is no limit.").part("logs") },
    Row { variables: &[also("OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT"), also("OTEL_ATTRIBUTE_COUNT_LIMIT")],
        ..row(Field::LogsAttributeCount, "logs.attribute_count_limit", LIMIT, "128", "Attributes of one log record.").part("logs") },
    Row { variables: &[also("OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"), also("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")],
        ..row(Field::LogsAttributeLength, "logs.attribute_value_length_limit", LENGTH, "", "Bytes of one attribute value of a log record. Without it there is no limit.").part("logs") },
    Row { variables: &[also("OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT"), also("OTEL_ATTRIBUTE_COUNT_LIMIT")],
        ..row(Field::AttributeCount, "limits.attribute_count_limit", LIMIT, "128", "Attributes of one span.").fixed().part("limits") },
    Row { variables: &[also("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT"), also("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT")],
        ..row(Field::AttributeLength, "limits.attribute_value_length_limit", LENGTH, "", "Bytes of one attribute value. Without it there is no limit.").part("limits") },
    Row { variables: &[also("OTEL_SPAN_EVENT_COUNT_LIMIT")],
        ..row(Field::EventCount, "limits.event_count_limit", LIMIT, "128", "Events of one span.").fixed().part("limits") },
    Row { variables: &[also("OTEL_SPAN_LINK_COUNT_LIMIT")],
        ..row(Field::LinkCount, "limits.link_count_limit", LIMIT, "128", "Links of one span.").fixed().part("limits") },
    Row { variables: &[also("OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT")],
        ..row(Field::EventAttributeCount, "limits.event_attribute_count_limit", LIMIT, "128", "Attributes of one event.").fixed().part("limits") },
    Row { variables: &[also("OTEL_LINK_ATTRIBUTE_COUNT_LIMIT")],
        ..row(Field::LinkAttributeCount, "limits.link_attribute_count_limit", LIMIT, "128", "Attributes of one link.").fixed().part("limits") },
    row(Field::PricingFile, "pricing.file", Kind::Path, "", "A file with prices, this crate's YAML or the JSON of LiteLLM. Relative to the configuration file.").part("pricing"),
    row(Field::PricingModels, "pricing.models", Kind::Json, "", "Prices by model; they win over `pricing.file`.").part("pricing"),
    row(Field::PluginSpanFilter, "plugin_span_filter", Kind::NoEffect, "", "Known from Bifrost; no such spans are made here."),
    row(Field::RequestHeaders, "request_headers", Kind::NoEffect, "", "Known from Bifrost; the application records what it wants of a request."),
    row(Field::GroupTracesBySession, "group_traces_by_session", Kind::NoEffect, "", "Known from Bifrost; see `sample_by: conversation`."),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn rows_stand_in_the_order_of_the_fields() {
        for (index, row) in ROWS.iter().enumerate() {
            assert_eq!(row.field as usize, index, "{}", row.path);
        }
        assert_eq!(ROWS.len(), Field::GroupTracesBySession as usize + 1);
    }

    #[test]
    fn no_spelling_is_taken_twice_and_each_key_has_its_own_variable() {
        let mut paths = BTreeSet::new();
        for (path, ..) in Key::spellings() {
            assert!(paths.insert(path), "{path}");
        }
        let mut variables = BTreeSet::new();
        for key in Key::all() {
            assert!(variables.insert(key.own_variable()), "{}", key.own_variable());
        }
    }
}
