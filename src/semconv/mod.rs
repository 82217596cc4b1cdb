//! What the conventions say, as data: attributes, aliases, operations, providers, values.
//!
//! Every name this crate knows stands in one of the tables of this folder. A new attribute, a
//! retired spelling or another provider is a row and a test, never another branch elsewhere.
//!
//! Three states of the conventions are known, see [`Version`]. Sources: the registry of
//! semantic-conventions v1.41 (the last one published with GenAI content) and the moving
//! `semantic-conventions-genai` repository.

mod aliases;
mod attr_set;
mod attributes;
mod events;
#[cfg_attr(not(feature = "init"), expect(dead_code, reason = "metrics is the one observer"))]
mod family;
#[cfg(feature = "init")]
#[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nothing is measured"))]
pub(crate) mod metrics;
mod names;
mod operations;
mod outcome;
mod providers;
mod values;

pub use attributes::Attr;
pub use names::{KnownName, Place, known_names};
pub use outcome::Outcome;

#[cfg(feature = "init")]
pub(crate) use aliases::attr_of;
pub(crate) use aliases::{Match, Scope, ValueMap, is_ours, lookup, may_be_listed};
pub(crate) use attr_set::AttrSet;
pub(crate) use attributes::ATTRIBUTES;
pub(crate) use events::{EventKind, is_our_event};
pub(crate) use family::{Family, Role};
pub(crate) use operations::{Kind, KnownOperation, NAMING};
pub(crate) use providers::{known_provider, split_model_prefix};
pub(crate) use values::{is_sentinel, known_finish_reason};

/// Which state of the GenAI conventions leaves the process.
///
/// Set with `semconv: "1.41" | latest | dual` or `TRACING_GENAI_SEMCONV`. Defaults to
/// [`Version::V1_41`], which is what backends read today.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Version {
    /// Semantic conventions 1.41, the last published release with GenAI content.
    #[default]
    V1_41,
    /// The moving development version of `semantic-conventions-genai`.
    Latest,
    /// Both spellings wherever the two differ.
    Dual,
}

impl Version {
    /// The spelling used in configuration.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::V1_41 => "1.41",
            Self::Latest => "latest",
            Self::Dual => "dual",
        }
    }
}

/// What kind of value an attribute has by the registry.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Type {
    /// `boolean`
    Bool,
    /// `int`, a signed 64-bit integer
    Int,
    /// `double`
    Double,
    /// `string`, or an open string enumeration
    Str,
    /// `string[]`
    StrList,
    /// `any`: a structured value, on spans a JSON string
    Json,
}

/// Which content attribute a text belongs to.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
pub(crate) enum Shape {
    InputMessages,
    OutputMessages,
    SystemInstructions,
    ToolDefinitions,
    ToolCallArguments,
    ToolCallResult,
    RetrievalDocuments,
    MemoryRecords,
}

/// Whose data a value carries; decides with the policy whether it may leave.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Class {
    /// Facts about the call: never content.
    Metadata,
    /// What was sent to the model.
    Input,
    /// What the model answered.
    Output,
    /// Instructions given to the model by the application.
    System,
    /// Tool definitions, descriptions, arguments and results.
    Tools,
    /// Retrieval queries and documents.
    Retrieval,
    /// Memory queries and records.
    Memory,
    /// Error messages, which providers fill with echoed prompts.
    ErrorText,
    /// Stack traces, and the causes of an error.
    StackTrace,
    /// Credentials. Never leaves, whatever the policy.
    Secret,
}

impl Class {
    /// Whether values of this class are what people wrote or models answered.
    #[must_use]
    #[inline]
    pub const fn is_content(self) -> bool {
        matches!(
            self,
            Self::Input
                | Self::Output
                | Self::System
                | Self::Tools
                | Self::Retrieval
                | Self::Memory
        )
    }
}
