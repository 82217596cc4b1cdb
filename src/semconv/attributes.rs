//! The attribute table: key, type, class, sampling relevance, and the key of the latest version
//! where it differs.

use super::{Class, Shape, Type, Version};

/// One row of the attribute table.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AttrDef {
    /// The key in [`Version::V1_41`], or the only key there ever was.
    pub(crate) key: &'static str,
    pub(crate) ty: Type,
    pub(crate) class: Class,
    /// The conventions ask for it at span creation, where samplers see it.
    pub(crate) sampling: bool,
    /// GenAI spans share it with others, so it does not make a span one of ours.
    pub(crate) general: bool,
    /// The key in [`Version::Latest`] when the attribute was renamed since.
    pub(crate) latest: Option<&'static str>,
    /// The shape of its JSON.
    pub(crate) shape: Option<Shape>,
}

/// What a row is that says nothing more than its key, its type and its class.
const PLAIN: AttrDef = AttrDef {
    key: "",
    ty: Type::Str,
    class: Class::Metadata,
    sampling: false,
    general: false,
    latest: None,
    shape: None,
};

/// A row is a name, a key, a type and a class, and then whichever other columns it has.
macro_rules! attributes {
    ($($(#[$doc:meta])* $variant:ident $key:literal $ty:ident $class:ident
        $({ $($column:ident: $value:expr),* })?;)*) => {
        /// An attribute of the conventions; the row index of the attribute table.
        #[derive(Clone, Copy, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
        #[non_exhaustive]
        pub enum Attr {
            $(
                $(#[$doc])*
                #[doc = concat!("`", $key, "`")]
                $variant,
            )*
        }

        pub(crate) static ATTRIBUTES: &[AttrDef] = &[
            $(AttrDef {
                key: $key,
                ty: Type::$ty,
                class: Class::$class,
                $($($column: $value,)*)?
                ..PLAIN
            },)*
        ];

        impl Attr {
            /// Every attribute in table order.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)*];
        }
    };
}

attributes! {
    // gen_ai.*, in the order in which they are written to a span.
    OperationName "gen_ai.operation.name" Str Metadata { sampling: true };
    ProviderName "gen_ai.provider.name" Str Metadata { sampling: true };
    RequestModel "gen_ai.request.model" Str Metadata { sampling: true };
    AgentName "gen_ai.agent.name" Str Metadata { sampling: true };
    ToolName "gen_ai.tool.name" Str Metadata { sampling: true };
    ToolType "gen_ai.tool.type" Str Metadata { sampling: true };
    WorkflowName "gen_ai.workflow.name" Str Metadata { sampling: true };
    ServerAddress "server.address" Str Metadata { sampling: true, general: true };
    ServerPort "server.port" Int Metadata { sampling: true, general: true };
    SkillName "gen_ai.skill.name" Str Metadata { sampling: true };
    SkillResourceName "gen_ai.skill.resource.name" Str Metadata { sampling: true };
    ResponseModel "gen_ai.response.model" Str Metadata;
    ResponseId "gen_ai.response.id" Str Metadata;
    ResponseFinishReasons "gen_ai.response.finish_reasons" StrList Metadata;
    ResponseStatus "gen_ai.response.status" Str Metadata;
    ResponseTimeToFirstChunk "gen_ai.response.time_to_first_chunk" Double Metadata;
    UsageInputTokens "gen_ai.usage.input_tokens" Int Metadata;
    UsageOutputTokens "gen_ai.usage.output_tokens" Int Metadata;
    UsageCacheReadInputTokens "gen_ai.usage.cache_read.input_tokens" Int Metadata;
    UsageCacheWriteInputTokens "gen_ai.usage.cache_creation.input_tokens" Int Metadata
        { latest: Some("gen_ai.usage.cache_write.input_tokens") };
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
    CostInput "tracing_genai.cost.input" Double Metadata { general: true };
    CostOutput "tracing_genai.cost.output" Double Metadata { general: true };
    CostCacheRead "tracing_genai.cost.cache_read" Double Metadata { general: true };
    CostCacheWrite "tracing_genai.cost.cache_write" Double Metadata { general: true };
    CostReasoning "tracing_genai.cost.reasoning" Double Metadata { general: true };
    CostAudio "tracing_genai.cost.audio" Double Metadata { general: true };
    CostRequest "tracing_genai.cost.request" Double Metadata { general: true };
    /// How a call ended; absent where it came to its end.
    Outcome "tracing_genai.outcome" Str Metadata { general: true };
    /// `true` where the token counts are those of a part of the answer.
    UsagePartial "tracing_genai.usage.partial" Bool Metadata { general: true };
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
    SystemInstructions "gen_ai.system_instructions" Json System { shape: Some(Shape::SystemInstructions) };
    InputMessages "gen_ai.input.messages" Json Input { shape: Some(Shape::InputMessages) };
    OutputMessages "gen_ai.output.messages" Json Output { shape: Some(Shape::OutputMessages) };
    ToolDefinitions "gen_ai.tool.definitions" Json Tools { shape: Some(Shape::ToolDefinitions) };
    ToolDescription "gen_ai.tool.description" Str Tools;
    ToolCallArguments "gen_ai.tool.call.arguments" Json Tools { shape: Some(Shape::ToolCallArguments) };
    ToolCallResult "gen_ai.tool.call.result" Json Tools { shape: Some(Shape::ToolCallResult) };
    SkillDescription "gen_ai.skill.description" Str Tools;
    SkillSourceUri "gen_ai.skill.source.uri" Str Tools;
    RetrievalQueryText "gen_ai.retrieval.query.text" Str Retrieval;
    RetrievalDocuments "gen_ai.retrieval.documents" Json Retrieval { shape: Some(Shape::RetrievalDocuments) };
    MemoryQueryText "gen_ai.memory.query.text" Str Memory;
    MemoryRecords "gen_ai.memory.records" Json Memory { shape: Some(Shape::MemoryRecords) };
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
    JsonRpcRequestId "jsonrpc.request.id" Str Metadata { general: true };
    JsonRpcProtocolVersion "jsonrpc.protocol.version" Str Metadata { general: true };
    RpcResponseStatusCode "rpc.response.status_code" Str Metadata { general: true };

    // General attributes that GenAI spans share with others.
    ClientAddress "client.address" Str Metadata { general: true };
    ClientPort "client.port" Int Metadata { general: true };
    NetworkProtocolName "network.protocol.name" Str Metadata { general: true };
    NetworkProtocolVersion "network.protocol.version" Str Metadata { general: true };
    NetworkTransport "network.transport" Str Metadata { general: true };
    ProcessExecutableName "process.executable.name" Str Metadata { general: true };
    ProcessExecutablePath "process.executable.path" Str Metadata { general: true };
    ProcessExitCode "process.exit.code" Int Metadata { general: true };
    UserId "user.id" Str Metadata { general: true };
    SessionId "session.id" Str Metadata { general: true };
    ErrorType "error.type" Str Metadata { general: true };

    // Error text.
    ErrorMessage "error.message" Str ErrorText { general: true };
    ExceptionType "exception.type" Str Metadata { general: true };
    ExceptionMessage "exception.message" Str ErrorText { general: true };
    ExceptionStacktrace "exception.stacktrace" Str StackTrace { general: true };
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

    /// Whether the attribute makes a span one of ours: a general one like `server.address` does not.
    pub(crate) const fn is_ours(self) -> bool {
        !self.def().general
    }

    /// The attribute whose value has this shape.
    pub(crate) fn of_shape(shape: Shape) -> Option<Self> {
        Self::ALL.iter().copied().find(|attr| attr.def().shape == Some(shape))
    }
}
