//! The words of settings, once: a word, its other spellings, and what it means. The reader, the
//! schema, the documentation, `explain`, the status and the builder all ask here.

use std::fmt;
use std::mem::discriminant;

use crate::policy::{ContentCapture, ErrorText};
use crate::semconv::Version;

/// A word and its other spellings.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Choice {
    pub(crate) name: &'static str,
    pub(crate) aliases: &'static [&'static str],
}

impl Choice {
    fn is(&self, word: &str) -> bool {
        std::iter::once(&self.name).chain(self.aliases).any(|name| *name == word)
    }

    /// The canonical spelling of `word`, whatever its case; `-` and a space are `_`.
    pub(crate) fn find(choices: &'static [Self], word: &str) -> Option<&'static str> {
        let word = word.to_ascii_lowercase().replace(['-', ' '], "_");
        choices.iter().find(|choice| choice.is(&word)).map(|choice| choice.name)
    }
}

/// A setting that is one word of a list.
pub(crate) trait Words: Copy + 'static {
    const WORDS: &'static [Choice];

    /// What each of the words means, in their order.
    const MEANINGS: &'static [Self];

    /// What a word means; not one of the other spellings.
    fn named(word: &str) -> Option<Self> {
        let at = Self::WORDS.iter().position(|choice| choice.name == word)?;
        Self::MEANINGS.get(at).copied()
    }

    /// The word for this meaning; empty where there is none.
    fn word(self) -> &'static str {
        let this = discriminant(&self);
        let at = Self::MEANINGS.iter().position(|meaning| discriminant(meaning) == this);
        at.and_then(|at| Self::WORDS.get(at)).map_or("", |choice| choice.name)
    }
}

macro_rules! words {
    ($type:ty { $($meaning:expr => $name:expr $(, [$($alias:literal),+])?;)+ }) => {
        impl Words for $type {
            const WORDS: &'static [Choice] =
                &[$(Choice { name: $name, aliases: &[$($($alias),+)?] }),+];
            const MEANINGS: &'static [Self] = &[$($meaning),+];
        }
    };
}

/// How spans travel: `protocol`, `OTEL_EXPORTER_OTLP_PROTOCOL`.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Protocol {
    /// `http/protobuf`
    #[default]
    HttpProtobuf,
    /// `http/json`, with the feature `http-json`.
    HttpJson,
    /// `grpc`, with the feature `otel-grpc`.
    Grpc,
}

words!(Protocol {
    Self::HttpProtobuf => "http/protobuf", ["http", "http_protobuf"];
    Self::Grpc => "grpc";
    Self::HttpJson => "http/json", ["http_json"];
});

impl Protocol {
    pub(crate) fn as_str(self) -> &'static str {
        self.word()
    }
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Compression {
    None,
    Gzip,
}

words!(Compression { Self::None => "none"; Self::Gzip => "gzip"; });

words!(Version {
    Self::V1_41 => Self::V1_41.as_str(), ["v1.41", "1.41.0", "1.41.1"];
    Self::Latest => Self::Latest.as_str();
    Self::Dual => Self::Dual.as_str();
});

words!(ContentCapture {
    Self::Off => "off", ["no_content", "event_only", "false"];
    Self::Full => "full", ["span_only", "span_and_event", "true"];
});

/// `content_media`
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Media {
    Summary,
    Keep,
}

words!(Media { Self::Summary => "summary"; Self::Keep => "keep"; });

words!(ErrorText {
    Self::TypeOnly => "type_only";
    Self::Scrubbed => "scrubbed";
    Self::Full => "full";
});

/// Which traces are kept: `sampler`, `OTEL_TRACES_SAMPLER`. Named as in the OpenTelemetry
/// specification.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
#[non_exhaustive]
pub enum Sampler {
    /// All.
    AlwaysOn,
    /// None.
    AlwaysOff,
    /// This share of all traces, from 0.0 to 1.0, by trace id.
    TraceIdRatio(f64),
    /// What the caller decided; all that begin here.
    #[default]
    ParentBasedAlwaysOn,
    /// What the caller decided; none that begin here.
    ParentBasedAlwaysOff,
    /// What the caller decided; this share of those that begin here.
    ParentBasedTraceIdRatio(f64),
}

// The share is a key of its own.
words!(Sampler {
    Self::AlwaysOn => "always_on";
    Self::AlwaysOff => "always_off";
    Self::TraceIdRatio(1.0) => "traceidratio";
    Self::ParentBasedAlwaysOn => "parentbased_always_on";
    Self::ParentBasedAlwaysOff => "parentbased_always_off";
    Self::ParentBasedTraceIdRatio(1.0) => "parentbased_traceidratio";
});

impl Sampler {
    /// The share that it keeps, where it has one.
    pub(crate) fn ratio(&mut self) -> Option<&mut f64> {
        match self {
            Self::TraceIdRatio(ratio) | Self::ParentBasedTraceIdRatio(ratio) => Some(ratio),
            _ => None,
        }
    }
}

/// The word and the share.
impl fmt::Display for Sampler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())?;
        match { *self }.ratio() {
            Some(ratio) => write!(f, " {ratio}"),
            None => Ok(()),
        }
    }
}

/// `sample_by`: whether the ratio of a sampler decides for a trace or for all traces of one
/// `gen_ai.conversation.id`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SampleBy {
    Trace,
    Conversation,
}

words!(SampleBy { Self::Trace => "trace"; Self::Conversation => "conversation"; });

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Propagator {
    TraceContext,
    Baggage,
    None,
}

words!(Propagator {
    Self::TraceContext => "tracecontext";
    Self::Baggage => "baggage";
    Self::None => "none";
});

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Detector {
    Host,
    Process,
    K8s,
}

words!(Detector {
    Self::Host => "host";
    Self::Process => "process";
    Self::K8s => "k8s", ["kubernetes"];
});

#[derive(Clone, Copy, Debug, Eq, Ord, PartialEq, PartialOrd)]
pub(crate) enum LogLevel {
    Off,
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

words!(LogLevel {
    Self::Off => "off", ["none", "false"];
    Self::Error => "error", ["error2", "error3", "error4", "fatal", "fatal2", "fatal3", "fatal4"];
    Self::Warn => "warn", ["warn2", "warn3", "warn4", "warning"];
    Self::Info => "info", ["info2", "info3", "info4"];
    Self::Debug => "debug", ["debug2", "debug3", "debug4"];
    Self::Trace => "trace", ["trace2", "trace3", "trace4"];
});

/// `traces.exporter` / `OTEL_TRACES_EXPORTER`.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ExporterChoice {
    /// Nothing was said: export when there is an endpoint, else the console tree on a terminal.
    Unset,
    Otlp,
    Console,
    None,
}

words!(ExporterChoice {
    Self::Otlp => "otlp";
    Self::Console => "console";
    Self::None => "none";
});

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Temporality {
    Cumulative,
    Delta,
    LowMemory,
}

words!(Temporality {
    Self::Cumulative => "cumulative";
    Self::Delta => "delta";
    Self::LowMemory => "lowmemory", ["low_memory"];
});

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Histograms {
    ExplicitBuckets,
    Base2Exponential,
}

words!(Histograms {
    Self::ExplicitBuckets => "explicit_bucket_histogram";
    Self::Base2Exponential => "base2_exponential_bucket_histogram";
});
