//! The attributes of the conventions: key, type, whether the value is content, and since or until
//! which version it exists.

use super::Version;

/// The type a registry gives an attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Type {
    Str,
    Int,
    Double,
    Bool,
    Strings,
    /// `any` in the registry; a JSON string on spans.
    Any,
}

/// Which versions know the attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum When {
    Always,
    /// Gone after 1.41.
    Until141,
    /// Newer than 1.41.
    Since141,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Attribute {
    pub(crate) key: &'static str,
    pub(crate) ty: Type,
    pub(crate) content: bool,
    pub(crate) when: When,
}

impl Attribute {
    /// The type in a version; one attribute changed its type.
    pub(crate) fn type_in(&self, version: Version) -> Type {
        match (self.key, version) {
            ("gen_ai.request.top_k", Version::Latest) => Type::Int,
            _ => self.ty,
        }
    }
}

macro_rules! rows {
    ($($key:literal $ty:ident $kind:ident $when:ident;)*) => {
        pub(crate) const ATTRIBUTES: &[Attribute] = &[$(
            Attribute {
                key: $key,
                ty: Type::$ty,
                content: rows!(@content $kind),
                when: When::$when,
            },
        )*];
    };
    (@content plain) => { false };
    (@content content) => { true };
}

rows! {
    "aws.bedrock.guardrail.id" Str plain Since141;
    "aws.bedrock.knowledge_base.id" Str plain Since141;
    "client.address" Str plain Always;
    "client.port" Int plain Always;
    "error.type" Str plain Always;
    "gen_ai.agent.description" Str plain Always;
    "gen_ai.agent.id" Str plain Always;
    "gen_ai.agent.name" Str plain Always;
    "gen_ai.agent.version" Str plain Always;
    "gen_ai.conversation.compacted" Bool plain Since141;
    "gen_ai.conversation.id" Str plain Always;
    "gen_ai.data_source.id" Str plain Always;
    "gen_ai.embeddings.dimension.count" Int plain Always;
    "gen_ai.evaluation.explanation" Str plain Always;
    "gen_ai.evaluation.name" Str plain Always;
    "gen_ai.evaluation.score.label" Str plain Always;
    "gen_ai.evaluation.score.value" Double plain Always;
    "gen_ai.input.messages" Any content Always;
    "gen_ai.main_agent.description" Str plain Since141;
    "gen_ai.main_agent.id" Str plain Since141;
    "gen_ai.main_agent.name" Str plain Since141;
    "gen_ai.memory.query.text" Str content Since141;
    "gen_ai.memory.record.count" Int plain Since141;
    "gen_ai.memory.record.id" Str plain Since141;
    "gen_ai.memory.records" Any content Since141;
    "gen_ai.memory.store.id" Str plain Since141;
    "gen_ai.operation.name" Str plain Always;
    "gen_ai.output.messages" Any content Always;
    "gen_ai.output.type" Str plain Always;
    "gen_ai.prompt.name" Str plain Always;
    "gen_ai.prompt.version" Str plain Since141;
    "gen_ai.provider.name" Str plain Always;
    "gen_ai.request.choice.count" Int plain Always;
    "gen_ai.request.encoding_formats" Strings plain Always;
    "gen_ai.request.frequency_penalty" Double plain Always;
    "gen_ai.request.max_tokens" Int plain Always;
    "gen_ai.request.model" Str plain Always;
    "gen_ai.request.presence_penalty" Double plain Always;
    "gen_ai.request.previous_response.id" Str plain Since141;
    "gen_ai.request.reasoning.level" Str plain Since141;
    "gen_ai.request.seed" Int plain Always;
    "gen_ai.request.stop_sequences" Strings plain Always;
    "gen_ai.request.stream" Bool plain Always;
    "gen_ai.request.stream_cursor" Str plain Since141;
    "gen_ai.request.temperature" Double plain Always;
    "gen_ai.request.top_k" Double plain Always;
    "gen_ai.request.top_p" Double plain Always;
    "gen_ai.response.finish_reasons" Strings plain Always;
    "gen_ai.response.id" Str plain Always;
    "gen_ai.response.model" Str plain Always;
    "gen_ai.response.status" Str plain Since141;
    "gen_ai.response.time_to_first_chunk" Double plain Always;
    "gen_ai.retrieval.documents" Any content Always;
    "gen_ai.retrieval.query.text" Str content Always;
    "gen_ai.retrieval.top_k" Int plain Since141;
    "gen_ai.skill.description" Str content Since141;
    "gen_ai.skill.name" Str plain Since141;
    "gen_ai.skill.resource.name" Str plain Since141;
    "gen_ai.skill.source.uri" Str content Since141;
    "gen_ai.system_instructions" Any content Always;
    "gen_ai.token.modality" Str plain Since141;
    "gen_ai.token.type" Str plain Until141;
    "gen_ai.tool.call.arguments" Any content Always;
    "gen_ai.tool.call.id" Str plain Always;
    "gen_ai.tool.call.result" Any content Always;
    "gen_ai.tool.definitions" Any content Always;
    "gen_ai.tool.description" Str content Always;
    "gen_ai.tool.name" Str plain Always;
    "gen_ai.tool.type" Str plain Always;
    "gen_ai.usage.audio.cache_read.input_tokens" Int plain Since141;
    "gen_ai.usage.audio.input_tokens" Int plain Since141;
    "gen_ai.usage.audio.output_tokens" Int plain Since141;
    "gen_ai.usage.cache_creation.input_tokens" Int plain Until141;
    "gen_ai.usage.cache_read.input_tokens" Int plain Always;
    "gen_ai.usage.cache_write.input_tokens" Int plain Since141;
    "gen_ai.usage.image.cache_read.input_tokens" Int plain Since141;
    "gen_ai.usage.image.input_tokens" Int plain Since141;
    "gen_ai.usage.image.output_tokens" Int plain Since141;
    "gen_ai.usage.input_tokens" Int plain Always;
    "gen_ai.usage.output_tokens" Int plain Always;
    "gen_ai.usage.reasoning.output_tokens" Int plain Always;
    "gen_ai.usage.text.cache_read.input_tokens" Int plain Since141;
    "gen_ai.usage.text.input_tokens" Int plain Since141;
    "gen_ai.usage.text.output_tokens" Int plain Since141;
    "gen_ai.workflow.name" Str plain Always;
    "jsonrpc.protocol.version" Str plain Always;
    "jsonrpc.request.id" Str plain Always;
    "mcp.method.name" Str plain Always;
    "mcp.protocol.version" Str plain Always;
    "mcp.resource.uri" Str plain Always;
    "mcp.session.id" Str plain Always;
    "openai.api.type" Str plain Always;
    "openai.request.service_tier" Str plain Always;
    "openai.response.service_tier" Str plain Always;
    "openai.response.system_fingerprint" Str plain Always;
    "rpc.response.status_code" Str plain Always;
    "server.address" Str plain Always;
    "server.port" Int plain Always;
}

pub(crate) fn attribute(key: &str) -> Option<&'static Attribute> {
    ATTRIBUTES.iter().find(|attribute| attribute.key == key)
}

/// Keys that conventions retired or that were never theirs: no exported span carries them.
pub(crate) const RETIRED: &[&str] = &[
    "gen_ai.system",
    "gen_ai.usage.prompt_tokens",
    "gen_ai.usage.completion_tokens",
    "gen_ai.prompt",
    "gen_ai.completion",
    "gen_ai.completion.content",
    "gen_ai.openai.request.seed",
    "gen_ai.openai.request.response_format",
    "gen_ai.openai.request.service_tier",
    "gen_ai.openai.response.service_tier",
    "gen_ai.openai.response.system_fingerprint",
    "gen_ai.openai.system_fingerprint",
    "gen_ai.usage.reasoning_tokens",
    "gen_ai.usage.thinking_tokens",
    "gen_ai.usage.reasoning_output_tokens",
    "gen_ai.usage.output_tokens.reasoning",
    "gen_ai.usage.cache_read_input_tokens",
    "gen_ai.usage.cache_read_tokens",
    "gen_ai.usage.cache_hit_tokens",
    "gen_ai.usage.cached_tokens",
    "gen_ai.usage.input_tokens.cached",
    "gen_ai.usage.cache_creation_input_tokens",
    "gen_ai.usage.cache_creation_tokens",
    "gen_ai.usage.cache_write_tokens",
    "gen_ai.usage.input_tokens.cache_write",
    "gen_ai.usage.input_audio_tokens",
    "gen_ai.usage.output_audio_tokens",
    "gen_ai.usage.output_image_tokens",
    "gen_ai.is_streaming",
    "gen_ai.request.streaming",
    "gen_ai.request.n",
    "gen_ai.request.max_completion_tokens",
    "gen_ai.request.reasoning_effort",
    "gen_ai.response.finish_reason",
    "gen_ai.response.stop_reason",
    "gen_ai.response.model_name",
    "gen_ai.tool.call_id",
    "gen_ai.tool.error.type",
    "gen_ai.tool.input",
    "gen_ai.tool.output",
    "gen_ai.user",
];

/// Keys, and prefixes ending in a dot or an underscore, whose values are content though no current
/// convention names them.
pub(crate) const FOREIGN_CONTENT: &[&str] = &[
    "ai.prompt",
    "ai.response.object",
    "ai.response.text",
    "ai.response.toolCalls",
    "ai.result.",
    "ai.toolCall.args",
    "ai.toolCall.result",
    "ai.value",
    "completion.text",
    "document.content",
    "embedding.embeddings",
    "gcp.vertex.agent.llm_request",
    "gcp.vertex.agent.llm_response",
    "gen_ai.completion",
    "gen_ai.content.",
    "gen_ai.event.content",
    "gen_ai.headers",
    "gen_ai.prompt.0",
    "gen_ai.prompt.variable.",
    "gen_ai.reasoning.content",
    "gen_ai.request.messages",
    "gen_ai.request.structured_output_schema",
    "gen_ai.response.text",
    "gen_ai.task.",
    "input.value",
    "langfuse.observation.",
    "langfuse.trace.input",
    "langfuse.trace.output",
    "lk.",
    "llm.choices",
    "llm.completions",
    "llm.content.",
    "llm.function_call",
    "llm.headers",
    "llm.input_messages",
    "llm.invocation_parameters",
    "llm.output_messages",
    "llm.prompt",
    "llm.request.functions",
    "llm.tools",
    "mcp.request.argument",
    "mcp.response.value",
    "message.content",
    "metadata",
    "mlflow.spanInputs",
    "mlflow.spanOutputs",
    "output.value",
    "prompt.text",
    "pydantic_ai.all_messages",
    "reranker.",
    "retrieval.documents",
    "tool.description",
    "tool.json_schema",
    "tool.parameters",
    "traceloop.entity.",
    "traceloop.prompt.",
];
