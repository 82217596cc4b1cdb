//! The attribute table: key, type, class, sampling relevance, and the key of the latest version
//! where it differs.

use super::{Class, Type, Version};

/// One row of the attribute table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttrDef {
    /// The key in [`Version::V1_41`], or the only key there ever was.
    pub(crate) key: &'static str,
    pub(crate) ty: Type,
    pub(crate) class: Class,
    /// The conventions ask for it at span creation, where samplers see it.
    pub(crate) sampling: bool,
    /// The key in [`Version::Latest`] when the attribute was renamed since.
    pub(crate) latest: Option<&'static str>,
}

macro_rules! attributes {
    ($($(#[$doc:meta])* $variant:ident $key:literal $ty:ident $class:ident $($flag:ident $(= $latest:literal)?)*;)*) => {
        /// An attribute of the conventions; the row index of the attribute table.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Attr {
            $(
                $(#[$doc])*
                #[doc = concat!("`", $key, "`")]
                $variant,
            )*
        }

        pub(crate) static ATTRIBUTES: &[AttrDef] = &[
            $(attributes!(@row $key $ty $class $($flag $(= $latest)?)*),)*
        ];

        impl Attr {
            /// Every attribute in table order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
    (@row $key:literal $ty:ident $class:ident) => {
        AttrDef { key: $key, ty: Type::$ty, class: Class::$class, sampling: false, latest: None }
    };
    (@row $key:literal $ty:ident $class:ident sampling) => {
        AttrDef { key: $key, ty: Type::$ty, class: Class::$class, sampling: true, latest: None }
    };
    (@row $key:literal $ty:ident $class:ident latest = $latest:literal) => {
        AttrDef { key: $key, ty: Type::$ty, class: Class::$class, sampling: false, latest: Some($latest) }
    };
}

attributes! {
    // gen_ai.*, in the order in which they are written to a span.
    OperationName "gen_ai.operation.name" Str Metadata sampling;
    ProviderName "gen_ai.provider.name" Str Metadata sampling;
    RequestModel "gen_ai.request.model" Str Metadata sampling;
    AgentName "gen_ai.agent.name" Str Metadata sampling;
    ToolName "gen_ai.tool.name" Str Metadata sampling;
    ToolType "gen_ai.tool.type" Str Metadata sampling;
    WorkflowName "gen_ai.workflow.name" Str Metadata sampling;
    ServerAddress "server.address" Str Metadata sampling;
    ServerPort "server.port" Int Metadata sampling;
    SkillName "gen_ai.skill.name" Str Metadata sampling;
    SkillResourceName "gen_ai.skill.resource.name" Str Metadata sampling;
    ResponseModel "gen_ai.response.model" Str Metadata;
    ResponseId "gen_ai.response.id" Str Metadata;
    ResponseFinishReasons "gen_ai.response.finish_reasons" StrList Metadata;
    ResponseStatus "gen_ai.response.status" Str Metadata;
    ResponseTimeToFirstChunk "gen_ai.response.time_to_first_chunk" Double Metadata;
    UsageInputTokens "gen_ai.usage.input_tokens" Int Metadata;
    UsageOutputTokens "gen_ai.usage.output_tokens" Int Metadata;
    UsageCacheReadInputTokens "gen_ai.usage.cache_read.input_tokens" Int Metadata;
    UsageCacheWriteInputTokens "gen_ai.usage.cache_creation.input_tokens" Int Metadata
        latest = "gen_ai.usage.cache_write.input_tokens";
    UsageReasoningOutputTokens "gen_ai.usage.reasoning.output_tokens" Int Metadata;
    UsageTextInputTokens "gen_ai.usage.text.input_tokens" Int Metadata;
    UsageTextOutputTokens "gen_ai.usage.text.output_tokens" Int Metadata;
    UsageTextCacheReadInputTokens "gen_ai.usage.text.cache_read.input_tokens" Int Metadata;
    UsageAudioInputTokens "gen_ai.usage.audio.input_tokens" Int Metadata;
    UsageAudioOutputTokens "gen_ai.usage.audio.output_tokens" Int Metadata;
    UsageAudioCacheReadInputTokens "gen_ai.usage.audio.cache_read.input_tokens" Int Metadata;
    UsageImageInputTokens "gen_ai.usage.image.input_tokens" Int Metadata;
    UsageImageOutputTokens "gen_ai.usage.image.output_tokens" Int Metadata;
    UsageImageCacheReadInputTokens "gen_ai.usage.image.cache_read.input_tokens" Int Metadata;
    /// Not in the conventions; kept only where neither part of the sum is known.
    UsageTotalTokens "gen_ai.usage.total_tokens" Int Metadata;
    /// Not in the conventions; the spelling OpenRouter, agentgateway and Langfuse share, in USD.
    UsageCost "gen_ai.usage.cost" Double Metadata;
    // The parts of a cost that this crate found out, in USD; together they are the cost.
    CostInput "tracing_genai.cost.input" Double Metadata;
    CostOutput "tracing_genai.cost.output" Double Metadata;
    CostCacheRead "tracing_genai.cost.cache_read" Double Metadata;
    CostCacheWrite "tracing_genai.cost.cache_write" Double Metadata;
    CostReasoning "tracing_genai.cost.reasoning" Double Metadata;
    CostAudio "tracing_genai.cost.audio" Double Metadata;
    CostRequest "tracing_genai.cost.request" Double Metadata;
    RequestMaxTokens "gen_ai.request.max_tokens" Int Metadata;
    RequestTemperature "gen_ai.request.temperature" Double Metadata;
    RequestTopP "gen_ai.request.top_p" Double Metadata;
    RequestTopK "gen_ai.request.top_k" Double Metadata;
    RequestFrequencyPenalty "gen_ai.request.frequency_penalty" Double Metadata;
    RequestPresencePenalty "gen_ai.request.presence_penalty" Double Metadata;
    RequestStopSequences "gen_ai.request.stop_sequences" StrList Metadata;
    RequestSeed "gen_ai.request.seed" Int Metadata;
    RequestChoiceCount "gen_ai.request.choice.count" Int Metadata;
    RequestStream "gen_ai.request.stream" Bool Metadata;
    RequestStreamCursor "gen_ai.request.stream_cursor" Str Metadata;
    RequestEncodingFormats "gen_ai.request.encoding_formats" StrList Metadata;
    RequestPreviousResponseId "gen_ai.request.previous_response.id" Str Metadata;
    RequestReasoningLevel "gen_ai.request.reasoning.level" Str Metadata;
    OutputType "gen_ai.output.type" Str Metadata;
    ConversationId "gen_ai.conversation.id" Str Metadata;
    ConversationCompacted "gen_ai.conversation.compacted" Bool Metadata;
    AgentId "gen_ai.agent.id" Str Metadata;
    AgentDescription "gen_ai.agent.description" Str Metadata;
    AgentVersion "gen_ai.agent.version" Str Metadata;
    MainAgentId "gen_ai.main_agent.id" Str Metadata;
    MainAgentName "gen_ai.main_agent.name" Str Metadata;
    MainAgentDescription "gen_ai.main_agent.description" Str Metadata;
    DataSourceId "gen_ai.data_source.id" Str Metadata;
    EmbeddingsDimensionCount "gen_ai.embeddings.dimension.count" Int Metadata;
    PromptName "gen_ai.prompt.name" Str Metadata;
    PromptVersion "gen_ai.prompt.version" Str Metadata;
    ToolCallId "gen_ai.tool.call.id" Str Metadata;
    RetrievalTopK "gen_ai.retrieval.top_k" Int Metadata;
    MemoryStoreId "gen_ai.memory.store.id" Str Metadata;
    MemoryRecordId "gen_ai.memory.record.id" Str Metadata;
    MemoryRecordCount "gen_ai.memory.record.count" Int Metadata;
    EvaluationName "gen_ai.evaluation.name" Str Metadata;
    EvaluationScoreValue "gen_ai.evaluation.score.value" Double Metadata;
    EvaluationScoreLabel "gen_ai.evaluation.score.label" Str Metadata;
    TokenType "gen_ai.token.type" Str Metadata;
    TokenModality "gen_ai.token.modality" Str Metadata;

    // Opt-in by the conventions, and what they flag as sensitive.
    SystemInstructions "gen_ai.system_instructions" Json System;
    InputMessages "gen_ai.input.messages" Json Input;
    OutputMessages "gen_ai.output.messages" Json Output;
    ToolDefinitions "gen_ai.tool.definitions" Json Tools;
    ToolDescription "gen_ai.tool.description" Str Tools;
    ToolCallArguments "gen_ai.tool.call.arguments" Json Tools;
    ToolCallResult "gen_ai.tool.call.result" Json Tools;
    SkillDescription "gen_ai.skill.description" Str Tools;
    SkillSourceUri "gen_ai.skill.source.uri" Str Tools;
    RetrievalQueryText "gen_ai.retrieval.query.text" Str Retrieval;
    RetrievalDocuments "gen_ai.retrieval.documents" Json Retrieval;
    MemoryQueryText "gen_ai.memory.query.text" Str Memory;
    MemoryRecords "gen_ai.memory.records" Json Memory;
    EvaluationExplanation "gen_ai.evaluation.explanation" Str Output;

    // Provider refinements.
    OpenAiApiType "openai.api.type" Str Metadata;
    OpenAiRequestServiceTier "openai.request.service_tier" Str Metadata;
    OpenAiResponseServiceTier "openai.response.service_tier" Str Metadata;
    OpenAiResponseSystemFingerprint "openai.response.system_fingerprint" Str Metadata;
    AwsBedrockGuardrailId "aws.bedrock.guardrail.id" Str Metadata;
    AwsBedrockKnowledgeBaseId "aws.bedrock.knowledge_base.id" Str Metadata;

    // Model Context Protocol.
    McpMethodName "mcp.method.name" Str Metadata;
    McpProtocolVersion "mcp.protocol.version" Str Metadata;
    McpSessionId "mcp.session.id" Str Metadata;
    McpResourceUri "mcp.resource.uri" Str Metadata;
    JsonRpcRequestId "jsonrpc.request.id" Str Metadata;
    JsonRpcProtocolVersion "jsonrpc.protocol.version" Str Metadata;
    RpcResponseStatusCode "rpc.response.status_code" Str Metadata;

    // General attributes that GenAI spans share with others.
    ClientAddress "client.address" Str Metadata;
    ClientPort "client.port" Int Metadata;
    NetworkProtocolName "network.protocol.name" Str Metadata;
    NetworkProtocolVersion "network.protocol.version" Str Metadata;
    NetworkTransport "network.transport" Str Metadata;
    ProcessExecutableName "process.executable.name" Str Metadata;
    ProcessExecutablePath "process.executable.path" Str Metadata;
    ProcessExitCode "process.exit.code" Int Metadata;
    UserId "user.id" Str Metadata;
    SessionId "session.id" Str Metadata;
    ErrorType "error.type" Str Metadata;

    // Error text.
    ErrorMessage "error.message" Str ErrorText;
    ExceptionType "exception.type" Str Metadata;
    ExceptionMessage "exception.message" Str ErrorText;
    ExceptionStacktrace "exception.stacktrace" Str ErrorText;
}

impl Attr {
    #[inline]
    pub(crate) const fn def(self) -> &'static AttrDef {
        &ATTRIBUTES[self as usize]
    }

    /// The key in [`Version::V1_41`], which is also the one inside this process.
    #[must_use]
    #[inline]
    pub const fn key(self) -> &'static str {
        self.def().key
    }

    /// The key, or the two keys, under which the attribute leaves in `version`.
    #[must_use]
    #[inline]
    pub const fn keys(self, version: Version) -> (&'static str, Option<&'static str>) {
        let def = self.def();
        match (version, def.latest) {
            (Version::Latest, Some(latest)) => (latest, None),
            (Version::Dual, Some(latest)) => (def.key, Some(latest)),
            _ => (def.key, None),
        }
    }

    /// Whose data the value carries.
    #[must_use]
    #[inline]
    pub const fn class(self) -> Class {
        self.def().class
    }

    /// The type the registry gives the attribute.
    #[must_use]
    #[inline]
    pub const fn value_type(self) -> Type {
        self.def().ty
    }

    /// Whether the conventions ask for the attribute at span creation.
    #[must_use]
    #[inline]
    pub const fn is_sampling_relevant(self) -> bool {
        self.def().sampling
    }

    /// Whether the key begins with `gen_ai.`, `mcp.` or a provider's own prefix: one of these on
    /// a span makes it a GenAI span, a general attribute like `server.address` does not.
    pub(crate) const fn is_gen_ai(self) -> bool {
        let key = self.key().as_bytes();
        begins_with(key, b"gen_ai.") || begins_with(key, b"mcp.") || begins_with(key, b"openai.")
    }
}

const fn begins_with(text: &[u8], prefix: &[u8]) -> bool {
    let mut at = 0;
    while at < prefix.len() {
        if at >= text.len() || text[at] != prefix[at] {
            return false;
        }
        at += 1;
    }
    true
}
