//! The operation table: what a span is called, of which kind it is, and the other spellings of
//! its operation.

use std::borrow::Cow;
use std::fmt;

use once_cell::sync::Lazy;

use super::Attr;
use super::values::Spellings;

/// What a GenAI span stands for: `gen_ai.operation.name`. An open set.
#[derive(Clone, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Operation {
    /// A member of the table.
    Known(KnownOperation),
    /// Any other operation, as recorded.
    Other(Cow<'static, str>),
}

/// The kind a span of an operation has.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum Kind {
    /// A call to something outside of this process.
    Client,
    /// Work inside this process.
    Internal,
    /// `Client` when the span names the server it called, else `Internal`. A remote agent service
    /// has an address, an agent in this process has none.
    ClientIfAddressed,
}

/// A row of the operation table.
#[derive(Debug)]
pub(crate) struct OperationDef {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    /// What follows the operation in the span name: of each group the first that is known.
    pub(crate) target: &'static [&'static [Attr]],
    /// Whether the operation calls a model and streams, stops, uses tokens.
    pub(crate) aliases: &'static [&'static str],
}

macro_rules! operations {
    ($($(#[$doc:meta])* $variant:ident $name:literal $kind:ident $target:expr, [$($alias:literal),*];)*) => {
        /// The operations that have a name rule and a kind.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum KnownOperation {
            $(
                $(#[$doc])*
                #[doc = concat!("`", $name, "`")]
                $variant,
            )*
        }

        static OPERATIONS: &[OperationDef] = &[
            $(OperationDef { name: $name, kind: Kind::$kind, target: $target, aliases: &[$($alias),*] },)*
        ];

        impl KnownOperation {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

const MODEL: &[&[Attr]] = &[&[Attr::RequestModel]];
const AGENT: &[&[Attr]] = &[&[Attr::AgentName]];
const NOTHING: &[&[Attr]] = &[];

operations! {
    // Of the conventions, semconv GenAI spans.
    Chat "chat" Client MODEL, ["chat_streaming", "stream", "chat_with_tools", "stream_with_tools",
        "interactions", "interactions_streaming", "chat_completion", "chat_completions", "chat.completions",
        "message", "messages", "llm", "stream_chat"];
    GenerateContent "generate_content" Client MODEL, ["generate", "generate_content_stream", "stream_generate_content"];
    TextCompletion "text_completion" Client MODEL, ["complete", "completion", "completions", "text_completions"];
    Embeddings "embeddings" Client MODEL, ["embedding", "embed"];
    Retrieval "retrieval" Client &[&[Attr::DataSourceId]], ["retrieve", "retriever"];
    FetchResponse "fetch_response" Client NOTHING, [];
    CreateMemoryStore "create_memory_store" Client NOTHING, [];
    DeleteMemoryStore "delete_memory_store" Client NOTHING, [];
    SearchMemory "search_memory" Client NOTHING, [];
    CreateMemory "create_memory" Client NOTHING, [];
    UpdateMemory "update_memory" Client NOTHING, [];
    UpsertMemory "upsert_memory" Client NOTHING, [];
    DeleteMemory "delete_memory" Client NOTHING, [];
    CreateAgent "create_agent" Client AGENT, [];
    InvokeAgent "invoke_agent" ClientIfAddressed AGENT, ["agent", "agent_run", "run_agent", "agent.run", "agent.execute"];
    ExecuteTool "execute_tool" Internal &[
        &[Attr::ToolName],
        &[Attr::SkillName],
        &[Attr::SkillResourceName, Attr::ProcessExecutableName],
    ], ["tool", "tool_call", "call_tool", "tool.call"];
    InvokeWorkflow "invoke_workflow" Internal &[&[Attr::WorkflowName]], ["workflow", "run_workflow"];
    Plan "plan" Internal AGENT, [];

    // Outside of the conventions; the spellings are those of the APIs.
    Responses "responses" Client MODEL, ["response", "responses_streaming"];
    Speech "speech" Client MODEL, ["audio_generation", "text_to_speech", "tts"];
    Transcription "transcription" Client MODEL, ["transcribe", "speech_to_text", "stt"];
    ImageGeneration "image_generation" Client MODEL, ["image_generate", "image", "images", "generate_image"];
    Rerank "rerank" Client MODEL, ["reranking", "reranker"];
    Moderation "moderation" Client MODEL, ["moderate", "moderations"];
}

impl KnownOperation {
    pub(crate) const fn def(self) -> &'static OperationDef {
        &OPERATIONS[self as usize]
    }

    /// The value of `gen_ai.operation.name`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        self.def().name
    }

    /// Finds an operation by its name as the conventions write it.
    pub(crate) fn named(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.as_str() == text)
    }

    /// Finds an operation by its name or by another spelling of it, in any letter case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        static SPELLINGS: Lazy<Spellings<KnownOperation>> = Lazy::new(|| {
            Spellings::new(KnownOperation::ALL.iter().flat_map(|operation| {
                let def = operation.def();
                def.aliases.iter().chain([&def.name]).map(|spelling| (*spelling, *operation))
            }))
        });
        SPELLINGS.find(text)
    }

    /// Finds the operation that a span name stands for where none was recorded, as in
    /// `gen_ai.generate`, `genai.chat` or `execute_tool`.
    pub(crate) fn of_span_name(name: &str) -> Option<Self> {
        let word = SPAN_NAME_PREFIXES
            .iter()
            .find_map(|prefix| name.strip_prefix(prefix))
            .or_else(|| SPAN_NAMES.iter().find(|(known, _)| *known == name).map(|(_, word)| *word))
            .unwrap_or(name);
        let word = word.split(' ').next().unwrap_or(word);
        Self::parse(word)
    }
}

impl KnownOperation {
    /// Whether `name` is how a library names its spans, as in `gen_ai.chat gpt-4`: with a prefix
    /// of its own before the operation. Such a name is no wish of the user.
    pub(crate) fn is_library_name(name: &str) -> bool {
        SPAN_NAME_PREFIXES
            .iter()
            .filter_map(|prefix| name.strip_prefix(prefix))
            .any(|rest| Self::parse(rest.split(' ').next().unwrap_or(rest)).is_some())
    }
}

/// Whether a recorded operation says by its spelling that the request streams.
pub(crate) fn spelling_streams(text: &str) -> bool {
    matches!(
        text,
        "chat_streaming"
            | "stream"
            | "stream_with_tools"
            | "stream_chat"
            | "interactions_streaming"
            | "responses_streaming"
            | "generate_content_stream"
            | "stream_generate_content"
    )
}

/// Prefixes under which LLM libraries name their spans.
static SPAN_NAME_PREFIXES: &[&str] = &["gen_ai.", "genai.", "ai.", "llm.", "model."];

/// Span names that stand for an operation without containing its name.
static SPAN_NAMES: &[(&str, &str)] =
    &[("call_llm", "generate_content"), ("model_provider_inference", "chat")];

impl Operation {
    /// The value of `gen_ai.operation.name`.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Known(known) => known.as_str(),
            Self::Other(text) => text,
        }
    }
}

impl From<&str> for Operation {
    fn from(text: &str) -> Self {
        match KnownOperation::parse(text) {
            Some(known) => Self::Known(known),
            None => Self::Other(Cow::Owned(text.to_owned())),
        }
    }
}

impl fmt::Display for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_means_two_operations() {
        let mut seen = std::collections::HashMap::new();
        for operation in KnownOperation::ALL {
            let def = operation.def();
            for spelling in def.aliases.iter().chain([&def.name]) {
                assert_eq!(seen.insert(*spelling, *operation), None, "{spelling}");
                assert_eq!(KnownOperation::parse(spelling), Some(*operation));
            }
        }
    }

    #[test]
    fn span_names_tell_the_operation() {
        for (name, operation) in [
            ("gen_ai.generate", Some(KnownOperation::GenerateContent)),
            ("genai.chat", Some(KnownOperation::Chat)),
            ("gen_ai.stream_with_tools", Some(KnownOperation::Chat)),
            ("execute_tool search", Some(KnownOperation::ExecuteTool)),
            ("call_llm", Some(KnownOperation::GenerateContent)),
            ("model.generate_content", Some(KnownOperation::GenerateContent)),
            ("handle_responses", None),
            ("GET /chat", None),
        ] {
            assert_eq!(KnownOperation::of_span_name(name), operation, "{name}");
        }
    }
}
