//! The operation table: what a span is called, of which kind it is, what is measured of it, what
//! it does in an agent, and the other spellings of its operation.

use once_cell::sync::Lazy;

use super::values::Spellings;
use super::{Attr, AttrSet, Family, Role};

/// The kind a span of an operation has.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
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
    /// What is measured of it. An agent that runs elsewhere is an [`Family::Operation`] here.
    pub(crate) family: Family,
    #[cfg_attr(not(feature = "init"), expect(dead_code, reason = "the console reads it"))]
    pub(crate) role: Role,
    pub(crate) aliases: &'static [&'static str],
    /// Spellings which say that the answer streams.
    pub(crate) streaming: &'static [&'static str],
}

/// A row is a name, a kind, a family, a role, what the span is named after, and other spellings.
macro_rules! operations {
    ($($variant:ident $name:literal $kind:ident $family:ident $role:ident $target:expr,
        [$($alias:literal),*] $(, streaming [$($streaming:literal),*])?;)*) => {
        /// The operations that have a name rule and a kind.
        #[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
        pub(crate) enum KnownOperation {
            $($variant,)*
        }

        static OPERATIONS: &[OperationDef] = &[
            $(OperationDef {
                name: $name,
                kind: Kind::$kind,
                target: $target,
                family: Family::$family,
                role: Role::$role,
                aliases: &[$($alias),*],
                streaming: &[$($($streaming),*)?],
            },)*
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
    Chat "chat" Client Inference Model MODEL,
        ["chat_with_tools", "interactions", "chat_completion", "chat_completions", "chat.completions",
         "message", "messages", "llm"],
        streaming ["chat_streaming", "stream", "stream_with_tools", "stream_chat", "interactions_streaming"];
    GenerateContent "generate_content" Client Inference Model MODEL, ["generate"],
        streaming ["generate_content_stream", "stream_generate_content"];
    TextCompletion "text_completion" Client Inference Model MODEL,
        ["complete", "completion", "completions", "text_completions"];
    Embeddings "embeddings" Client Embeddings Model MODEL, ["embedding", "embed"];
    Retrieval "retrieval" Client Operation Knowledge &[&[Attr::DataSourceId]], ["retrieve", "retriever"];
    FetchResponse "fetch_response" Client Operation Model NOTHING, [];
    CreateMemoryStore "create_memory_store" Client Operation Knowledge NOTHING, [];
    DeleteMemoryStore "delete_memory_store" Client Operation Knowledge NOTHING, [];
    SearchMemory "search_memory" Client Operation Knowledge NOTHING, [];
    CreateMemory "create_memory" Client Operation Knowledge NOTHING, [];
    UpdateMemory "update_memory" Client Operation Knowledge NOTHING, [];
    UpsertMemory "upsert_memory" Client Operation Knowledge NOTHING, [];
    DeleteMemory "delete_memory" Client Operation Knowledge NOTHING, [];
    CreateAgent "create_agent" Client Operation Agent AGENT, [];
    InvokeAgent "invoke_agent" ClientIfAddressed Agent Agent AGENT,
        ["agent", "agent_run", "run_agent", "agent.run", "agent.execute"];
    ExecuteTool "execute_tool" Internal Tool Tool &[
        &[Attr::ToolName],
        &[Attr::SkillName],
        &[Attr::SkillResourceName, Attr::ProcessExecutableName],
    ], ["tool", "tool_call", "call_tool", "tool.call"];
    InvokeWorkflow "invoke_workflow" Internal Workflow Agent &[&[Attr::WorkflowName]],
        ["workflow", "run_workflow"];
    Plan "plan" Internal Unknown Agent AGENT, [];

    // Outside of the conventions; the spellings are those of the APIs.
    Responses "responses" Client Inference Model MODEL, ["response"], streaming ["responses_streaming"];
    Speech "speech" Client Inference Model MODEL, ["audio_generation", "text_to_speech", "tts"];
    Transcription "transcription" Client Inference Model MODEL, ["transcribe", "speech_to_text", "stt"];
    ImageGeneration "image_generation" Client Inference Model MODEL,
        ["image_generate", "image", "images", "generate_image"];
    Rerank "rerank" Client Operation Model MODEL, ["reranking", "reranker"];
    Moderation "moderation" Client Operation Model MODEL, ["moderate", "moderations"];
}

impl KnownOperation {
    pub(crate) const fn def(self) -> &'static OperationDef {
        &OPERATIONS[self as usize]
    }

    /// The value of `gen_ai.operation.name`.
    pub(crate) const fn as_str(self) -> &'static str {
        self.def().name
    }

    /// Finds an operation by its name as the conventions write it.
    pub(crate) fn named(text: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.as_str() == text)
    }

    /// Finds an operation by its name or by another spelling of it, in any letter case.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        Self::spelled(text).map(|(operation, _)| operation)
    }

    /// Whether the spelling of an operation says that the answer streams.
    pub(crate) fn is_streaming_spelling(text: &str) -> bool {
        Self::spelled(text).is_some_and(|(_, streaming)| streaming)
    }

    fn spelled(text: &str) -> Option<(Self, bool)> {
        static SPELLINGS: Lazy<Spellings<(KnownOperation, bool)>> =
            Lazy::new(|| Spellings::new(KnownOperation::spellings()));
        SPELLINGS.find(text)
    }

    /// Every spelling, its operation, and whether it says that the answer streams.
    fn spellings() -> impl Iterator<Item = (&'static str, (Self, bool))> {
        Self::ALL.iter().flat_map(|operation| {
            let def = operation.def();
            let plain = def.aliases.iter().chain([&def.name]).map(|spelling| (*spelling, false));
            let streaming = def.streaming.iter().map(|spelling| (*spelling, true));
            plain.chain(streaming).map(|(spelling, streams)| (spelling, (*operation, streams)))
        })
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

    /// Whether `name` is how a library names its spans, as in `gen_ai.chat gpt-4`: with a prefix
    /// of its own before the operation. Such a name is no wish of the user.
    pub(crate) fn is_library_name(name: &str) -> bool {
        SPAN_NAME_PREFIXES
            .iter()
            .filter_map(|prefix| name.strip_prefix(prefix))
            .any(|rest| Self::parse(rest.split(' ').next().unwrap_or(rest)).is_some())
    }
}

/// The attributes that decide the name and the kind of a span.
pub(crate) const NAMING: AttrSet = {
    let mut naming = AttrSet::EMPTY;
    naming.insert(Attr::OperationName);
    naming.insert(Attr::McpMethodName);
    naming.insert(Attr::PromptName);
    naming.insert(Attr::ServerAddress);
    let mut row = 0;
    while row < OPERATIONS.len() {
        let target = OPERATIONS[row].target;
        let mut group = 0;
        while group < target.len() {
            let mut at = 0;
            while at < target[group].len() {
                naming.insert(target[group][at]);
                at += 1;
            }
            group += 1;
        }
        row += 1;
    }
    naming
};

/// Prefixes under which LLM libraries name their spans.
static SPAN_NAME_PREFIXES: &[&str] = &["gen_ai.", "genai.", "ai.", "llm.", "model."];

/// Span names that stand for an operation without containing its name.
static SPAN_NAMES: &[(&str, &str)] =
    &[("call_llm", "generate_content"), ("model_provider_inference", "chat")];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_means_two_operations() {
        let mut seen = std::collections::HashMap::new();
        for (spelling, (operation, streams)) in KnownOperation::spellings() {
            assert_eq!(seen.insert(spelling, operation), None, "{spelling}");
            assert_eq!(KnownOperation::parse(spelling), Some(operation));
            assert_eq!(KnownOperation::is_streaming_spelling(spelling), streams, "{spelling}");
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
