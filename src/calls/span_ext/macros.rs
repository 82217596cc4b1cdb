//! Spans that declare every field of their operation.
//!
//! A macro each, because `tracing` wants fields at compile time. Further fields follow in the
//! syntax of `tracing::info_span!`.

/// A span for a call to a model: `chat`, `generate_content`, `text_completion`, …
///
/// Takes the operation, the provider and the model, then fields in the syntax of
/// [`tracing::info_span!`]. Everything a response may say is declared, so that `Span::record`
/// works as well as [`GenAiSpanExt`](crate::GenAiSpanExt).
///
/// ```
/// use tracing::Instrument;
/// # async fn call() {}
/// # async fn handler(user: &str) {
/// let span = tracing_genai::inference_span!("chat", "openai", "gpt-4o", user.id = user);
/// call().instrument(span).await;
/// # }
/// ```
#[macro_export]
macro_rules! inference_span {
    ($operation:expr, $provider:expr, $model:expr $(, $($fields:tt)*)?) => {
        $crate::__private::info_span!(
            "inference",
            gen_ai.operation.name = $operation,
            gen_ai.provider.name = $provider,
            gen_ai.request.model = $model,
            server.address = $crate::__private::Empty,
            server.port = $crate::__private::Empty,
            gen_ai.response.id = $crate::__private::Empty,
            gen_ai.response.model = $crate::__private::Empty,
            gen_ai.response.finish_reasons = $crate::__private::Empty,
            gen_ai.response.time_to_first_chunk = $crate::__private::Empty,
            gen_ai.request.stream = $crate::__private::Empty,
            gen_ai.usage.input_tokens = $crate::__private::Empty,
            gen_ai.usage.output_tokens = $crate::__private::Empty,
            gen_ai.usage.cache_read.input_tokens = $crate::__private::Empty,
            gen_ai.usage.cache_creation.input_tokens = $crate::__private::Empty,
            gen_ai.usage.reasoning.output_tokens = $crate::__private::Empty,
            gen_ai.usage.cost = $crate::__private::Empty,
            error.type = $crate::__private::Empty,
            $($($fields)*)?
        )
    };
}

/// A span for a call that turns text into vectors. Takes the provider and the model.
///
/// ```
/// let span = tracing_genai::embeddings_span!("openai", "text-embedding-3-small");
/// ```
#[macro_export]
macro_rules! embeddings_span {
    ($provider:expr, $model:expr $(, $($fields:tt)*)?) => {
        $crate::__private::info_span!(
            "embeddings",
            gen_ai.operation.name = "embeddings",
            gen_ai.provider.name = $provider,
            gen_ai.request.model = $model,
            server.address = $crate::__private::Empty,
            server.port = $crate::__private::Empty,
            gen_ai.embeddings.dimension.count = $crate::__private::Empty,
            gen_ai.response.model = $crate::__private::Empty,
            gen_ai.usage.input_tokens = $crate::__private::Empty,
            gen_ai.usage.cost = $crate::__private::Empty,
            error.type = $crate::__private::Empty,
            $($($fields)*)?
        )
    };
}

/// A span for the execution of a tool. Takes the tool's name.
///
/// ```
/// let span = tracing_genai::tool_span!("get_weather", gen_ai.tool.call.id = "call_1");
/// ```
#[macro_export]
macro_rules! tool_span {
    ($tool:expr $(, $($fields:tt)*)?) => {
        $crate::__private::info_span!(
            "execute_tool",
            gen_ai.operation.name = "execute_tool",
            gen_ai.tool.name = $tool,
            error.type = $crate::__private::Empty,
            $($($fields)*)?
        )
    };
}

/// A span for the invocation of an agent. Takes the agent's name.
///
/// ```
/// let span = tracing_genai::agent_span!("travel-planner", gen_ai.conversation.id = "c-17");
/// ```
#[macro_export]
macro_rules! agent_span {
    ($agent:expr $(, $($fields:tt)*)?) => {
        $crate::__private::info_span!(
            "invoke_agent",
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = $agent,
            error.type = $crate::__private::Empty,
            $($($fields)*)?
        )
    };
}

/// A span for the invocation of a workflow. Takes the workflow's name.
///
/// ```
/// let span = tracing_genai::workflow_span!("nightly-digest");
/// ```
#[macro_export]
macro_rules! workflow_span {
    ($workflow:expr $(, $($fields:tt)*)?) => {
        $crate::__private::info_span!(
            "invoke_workflow",
            gen_ai.operation.name = "invoke_workflow",
            gen_ai.workflow.name = $workflow,
            error.type = $crate::__private::Empty,
            $($($fields)*)?
        )
    };
}

/// A span for a search in a data source. Takes the id of the data source.
///
/// ```
/// let span = tracing_genai::retrieval_span!("handbook", gen_ai.retrieval.top_k = 5);
/// ```
#[macro_export]
macro_rules! retrieval_span {
    ($data_source:expr $(, $($fields:tt)*)?) => {
        $crate::__private::info_span!(
            "retrieval",
            gen_ai.operation.name = "retrieval",
            gen_ai.data_source.id = $data_source,
            error.type = $crate::__private::Empty,
            $($($fields)*)?
        )
    };
}
