//! Other spellings of what the conventions name: retired keys, keys of LLM libraries, keys of
//! other conventions. And the one function that says what a key means.

use once_cell::sync::Lazy;
use rustc_hash::{FxHashMap, FxHashSet};

use super::{ATTRIBUTES, Attr, Class};

/// What a field or attribute key means.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Match {
    /// A key of the conventions, or another spelling of one.
    Known(Attr, ValueMap),
    /// Content under a name that is not of the conventions; keeps its name.
    Content(Class),
    /// Nothing that may leave or is worth leaving.
    Drop,
    /// No key of any convention, but what arguments and results of functions that hold content are
    /// called. Text under it is content; a number or a truth value is not.
    Named(Class, Scope),
    /// A key with the `gen_ai.` prefix that no table has: passed on, as content if it is long text.
    UnknownGenAi,
    /// Not ours, and in no namespace, as arguments of functions are: beside GenAI fields long text
    /// under it counts as content.
    Bare,
    /// Not ours.
    Foreign,
}

/// Where a name speaks for itself.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Scope {
    /// On any span and event.
    Anywhere,
    /// On a callsite that has GenAI fields as well; elsewhere it may mean anything.
    BesideGenAi,
}

/// How a value under another spelling becomes the value of the attribute.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum ValueMap {
    /// As it is; the attribute's own rules apply.
    Same,
    /// `llm.request.type`: `completion` is `text_completion`, and so on.
    Words(Words),
}

/// Word as it is recorded → word as the conventions write it.
type Words = &'static [(&'static str, &'static str)];

impl Match {
    fn is_ours(self) -> bool {
        match self {
            Self::Known(attr, _) => attr.is_ours(),
            Self::Content(class) => class.is_content(),
            Self::Drop | Self::UnknownGenAi => true,
            Self::Named(..) | Self::Bare | Self::Foreign => false,
        }
    }
}

/// Whether `key` makes whatever carries it GenAI: a callsite, a span, a record. The one answer to
/// that question. Asked of every attribute of every span, it turns down nearly every key of other
/// conventions without hashing it.
pub(crate) fn is_ours(key: &str) -> bool {
    static BEGINNINGS: Lazy<FxHashSet<[u8; 3]>> = Lazy::new(|| {
        let keys = BY_KEY.iter().filter(|(_, found)| found.is_ours()).map(|(key, _)| *key);
        let prefixes = CONTENT_PREFIXES.iter().map(|(prefix, _)| *prefix);
        keys.chain(prefixes).filter_map(beginning).collect()
    });
    key.starts_with(NAMESPACE)
        || beginning(key).is_some_and(|beginning| BEGINNINGS.contains(&beginning))
            && lookup(key).is_ours()
}

/// Where the conventions keep their names: what is in it is ours even where no row has it.
pub(super) const NAMESPACE: &str = "gen_ai.";

/// What `key` means. Hashes once; the layer asks once per callsite and field.
pub(crate) fn lookup(key: &str) -> Match {
    if let Some(found) = BY_KEY.get(key) {
        return *found;
    }
    for (prefix, class) in CONTENT_PREFIXES {
        if let Some(rest) = key.strip_prefix(prefix)
            && (prefix.ends_with('.') || rest.is_empty() || rest.starts_with('.'))
        {
            return match class {
                Class::ErrorText if key.ends_with(CAUSES) => Match::Content(Class::StackTrace),
                class => Match::Content(*class),
            };
        }
    }
    if key.ends_with(CAUSES) {
        return Match::Content(Class::StackTrace);
    }
    match key.contains('.') {
        true if key.starts_with(NAMESPACE) => Match::UnknownGenAi,
        true => Match::Foreign,
        false => Match::Bare,
    }
}

/// The attribute that has this key in some version; other spellings do not count.
#[cfg(feature = "init")]
pub(crate) fn attr_of(key: &str) -> Option<Attr> {
    match BY_KEY.get(key)? {
        Match::Known(attr, _) if attr.key() == key || attr.def().latest == Some(key) => Some(*attr),
        _ => None,
    }
}

/// Whether a key could be in the tables with anything but a fact that any span may have: by its
/// first three letters and its end. Turns down nearly every key of other conventions without
/// hashing it.
pub(crate) fn may_be_listed(key: &str) -> bool {
    static BEGINNINGS: Lazy<FxHashSet<[u8; 3]>> = Lazy::new(|| {
        let is_fact = |found: &Match| match found {
            Match::Known(attr, _) => attr.class() == Class::Metadata && !attr.is_ours(),
            _ => false,
        };
        let keys = BY_KEY.iter().filter(|(_, found)| !is_fact(found)).map(|(key, _)| *key);
        let prefixes = CONTENT_PREFIXES.iter().map(|(prefix, _)| *prefix);
        keys.chain(prefixes).chain([NAMESPACE]).filter_map(beginning).collect()
    });
    beginning(key).is_some_and(|beginning| BEGINNINGS.contains(&beginning)) || key.ends_with(CAUSES)
}

/// What `tracing-opentelemetry` adds to the name of a field that holds an error, for its causes.
const CAUSES: &str = ".chain";

/// Every key that is listed as a whole, in no order.
pub(super) fn listed() -> impl Iterator<Item = (&'static str, Match)> {
    BY_KEY.iter().map(|(key, found)| (*key, *found))
}

fn beginning(key: &str) -> Option<[u8; 3]> {
    key.as_bytes().first_chunk().copied()
}

static BY_KEY: Lazy<FxHashMap<&'static str, Match>> = Lazy::new(|| {
    let mut map = FxHashMap::default();
    for (attr, def) in Attr::ALL.iter().zip(ATTRIBUTES) {
        map.insert(def.key, Match::Known(*attr, ValueMap::Same));
        if let Some(latest) = def.latest {
            map.insert(latest, Match::Known(*attr, ValueMap::Same));
        }
    }
    for (key, attr) in ALIASES {
        map.insert(key, Match::Known(*attr, ValueMap::Same));
    }
    for (key, attr, words) in WORD_ALIASES {
        map.insert(key, Match::Known(*attr, ValueMap::Words(words)));
    }
    for (key, class) in CONTENT_KEYS {
        map.insert(key, Match::Content(*class));
    }
    for key in DROPPED {
        map.insert(key, Match::Drop);
    }
    for (scope, class, names) in NAMES {
        for name in *names {
            map.insert(name, Match::Named(*class, *scope));
        }
    }
    map
});

/// Another spelling → the attribute.
pub(crate) static ALIASES: &[(&str, Attr)] = &[
    // Renamed by the conventions: v1.27 to v1.37.
    ("gen_ai.system", Attr::ProviderName),
    ("gen_ai.usage.prompt_tokens", Attr::UsageInputTokens),
    ("gen_ai.usage.completion_tokens", Attr::UsageOutputTokens),
    ("gen_ai.prompt", Attr::InputMessages),
    ("gen_ai.completion", Attr::OutputMessages),
    ("gen_ai.openai.request.seed", Attr::RequestSeed),
    ("gen_ai.openai.request.service_tier", Attr::OpenAiRequestServiceTier),
    ("gen_ai.openai.response.service_tier", Attr::OpenAiResponseServiceTier),
    ("gen_ai.openai.response.system_fingerprint", Attr::OpenAiResponseSystemFingerprint),
    ("gen_ai.openai.system_fingerprint", Attr::OpenAiResponseSystemFingerprint),
    // Tokens, as LLM libraries spell them.
    ("gen_ai.usage.cached_tokens", Attr::UsageCacheReadInputTokens),
    ("gen_ai.usage.cache_hit_tokens", Attr::UsageCacheReadInputTokens),
    ("gen_ai.usage.cache_read_tokens", Attr::UsageCacheReadInputTokens),
    ("gen_ai.usage.cache_read_input_tokens", Attr::UsageCacheReadInputTokens),
    ("gen_ai.usage.cached_input_tokens", Attr::UsageCacheReadInputTokens),
    ("gen_ai.usage.input_tokens.cached", Attr::UsageCacheReadInputTokens),
    ("gen_ai.usage.cache_write_tokens", Attr::UsageCacheWriteInputTokens),
    ("gen_ai.usage.cache_write_input_tokens", Attr::UsageCacheWriteInputTokens),
    ("gen_ai.usage.cache_creation_tokens", Attr::UsageCacheWriteInputTokens),
    ("gen_ai.usage.cache_creation_input_tokens", Attr::UsageCacheWriteInputTokens),
    ("gen_ai.usage.input_tokens.cache_write", Attr::UsageCacheWriteInputTokens),
    ("gen_ai.usage.reasoning_tokens", Attr::UsageReasoningOutputTokens),
    ("gen_ai.usage.thinking_tokens", Attr::UsageReasoningOutputTokens),
    ("gen_ai.usage.reasoning_output_tokens", Attr::UsageReasoningOutputTokens),
    ("gen_ai.usage.output_tokens.reasoning", Attr::UsageReasoningOutputTokens),
    ("gen_ai.usage.input_audio_tokens", Attr::UsageAudioInputTokens),
    ("gen_ai.usage.audio_input_tokens", Attr::UsageAudioInputTokens),
    ("gen_ai.usage.output_audio_tokens", Attr::UsageAudioOutputTokens),
    ("gen_ai.usage.audio_output_tokens", Attr::UsageAudioOutputTokens),
    ("gen_ai.usage.output_image_tokens", Attr::UsageImageOutputTokens),
    ("llm.usage.prompt_tokens", Attr::UsageInputTokens),
    ("llm.usage.completion_tokens", Attr::UsageOutputTokens),
    ("llm.usage.reasoning_tokens", Attr::UsageReasoningOutputTokens),
    ("llm.usage.total_tokens", Attr::UsageTotalTokens),
    // Request and response, as LLM libraries spell them.
    ("gen_ai.is_streaming", Attr::RequestStream),
    ("gen_ai.request.streaming", Attr::RequestStream),
    ("gen_ai.request.is_stream", Attr::RequestStream),
    ("llm.is_streaming", Attr::RequestStream),
    ("gen_ai.request.n", Attr::RequestChoiceCount),
    ("gen_ai.request.max_completion_tokens", Attr::RequestMaxTokens),
    ("gen_ai.request.reasoning_effort", Attr::RequestReasoningLevel),
    ("llm.request.reasoning_effort", Attr::RequestReasoningLevel),
    ("llm.request.model", Attr::RequestModel),
    ("llm.response.model", Attr::ResponseModel),
    ("gen_ai.response.model_name", Attr::ResponseModel),
    ("gen_ai.response.finish_reason", Attr::ResponseFinishReasons),
    ("gen_ai.response.stop_reason", Attr::ResponseFinishReasons),
    ("llm.response.finish_reason", Attr::ResponseFinishReasons),
    ("llm.response.stop_reason", Attr::ResponseFinishReasons),
    ("llm.frequency_penalty", Attr::RequestFrequencyPenalty),
    ("llm.presence_penalty", Attr::RequestPresencePenalty),
    ("llm.top_k", Attr::RequestTopK),
    ("llm.chat.stop_sequences", Attr::RequestStopSequences),
    ("gen_ai.user", Attr::UserId),
    ("llm.user", Attr::UserId),
    // Tools.
    ("gen_ai.tool.call_id", Attr::ToolCallId),
    ("gen_ai.tool.input", Attr::ToolCallArguments),
    ("gen_ai.tool.output", Attr::ToolCallResult),
    ("gen_ai.tool.error.type", Attr::ErrorType),
    ("gen_ai.tools", Attr::ToolDefinitions),
    // Content.
    ("gen_ai.completion.content", Attr::OutputMessages),
    ("gen_ai.request.messages", Attr::InputMessages),
    ("gen_ai.response.text", Attr::OutputMessages),
    // OpenInference.
    ("llm.model_name", Attr::RequestModel),
    ("llm.provider", Attr::ProviderName),
    ("llm.system", Attr::ProviderName),
    ("llm.finish_reason", Attr::ResponseFinishReasons),
    ("llm.token_count.prompt", Attr::UsageInputTokens),
    ("llm.token_count.completion", Attr::UsageOutputTokens),
    ("llm.token_count.total", Attr::UsageTotalTokens),
    ("llm.token_count.prompt_details.cache_read", Attr::UsageCacheReadInputTokens),
    ("llm.token_count.prompt_details.cache_write", Attr::UsageCacheWriteInputTokens),
    ("llm.token_count.completion_details.reasoning", Attr::UsageReasoningOutputTokens),
];

/// Another spelling whose values are spelled otherwise too.
static WORD_ALIASES: &[(&str, Attr, Words)] = &[
    (
        "llm.request.type",
        Attr::OperationName,
        &[
            ("chat", "chat"),
            ("completion", "text_completion"),
            ("embedding", "embeddings"),
            ("rerank", "rerank"),
        ],
    ),
    (
        "gen_ai.openai.request.response_format",
        Attr::OutputType,
        &[("text", "text"), ("json_object", "json"), ("json_schema", "json")],
    ),
    (
        "openinference.span.kind",
        Attr::OperationName,
        &[
            ("LLM", "chat"),
            ("EMBEDDING", "embeddings"),
            ("RETRIEVER", "retrieval"),
            ("RERANKER", "rerank"),
            ("TOOL", "execute_tool"),
            ("AGENT", "invoke_agent"),
            ("CHAIN", "invoke_workflow"),
        ],
    ),
];

/// Content under names that have no place in the conventions.
static CONTENT_KEYS: &[(&str, Class)] = &[
    ("gen_ai.event.content", Class::Input),
    ("gen_ai.reasoning.content", Class::Output),
    ("gen_ai.content.completion.chunk", Class::Output),
    ("llm.content.completion.chunk", Class::Output),
    ("gen_ai.request.structured_output_schema", Class::Input),
    ("gen_ai.task.input", Class::Input),
    ("gen_ai.task.output", Class::Output),
    ("mcp.request.argument", Class::Tools),
    ("mcp.response.value", Class::Tools),
    ("gcp.vertex.agent.llm_request", Class::Input),
    ("gcp.vertex.agent.llm_response", Class::Output),
    ("gcp.vertex.agent.tool_call_args", Class::Tools),
    ("gcp.vertex.agent.tool_response", Class::Tools),
    ("gcp.vertex.agent.data", Class::Input),
    // OpenInference
    ("input.value", Class::Input),
    ("output.value", Class::Output),
    ("llm.invocation_parameters", Class::Input),
    ("llm.function_call", Class::Output),
    ("tool.parameters", Class::Tools),
    ("tool.description", Class::Tools),
    ("tool.json_schema", Class::Tools),
    ("tool_call.function.arguments", Class::Tools),
    ("message.content", Class::Input),
    ("document.content", Class::Retrieval),
    ("prompt.text", Class::Input),
    ("completion.text", Class::Output),
    ("reranker.query", Class::Retrieval),
    // Vercel AI SDK
    ("ai.prompt", Class::Input),
    ("ai.prompt.messages", Class::Input),
    ("ai.prompt.tools", Class::Tools),
    ("ai.response.text", Class::Output),
    ("ai.response.object", Class::Output),
    ("ai.response.reasoning", Class::Output),
    ("ai.response.toolCalls", Class::Output),
    ("ai.result.text", Class::Output),
    ("ai.result.object", Class::Output),
    ("ai.result.toolCalls", Class::Output),
    ("ai.toolCall.args", Class::Tools),
    ("ai.toolCall.result", Class::Tools),
    ("ai.value", Class::Input),
    ("ai.values", Class::Input),
    // Backends' own
    ("langfuse.observation.input", Class::Input),
    ("langfuse.observation.output", Class::Output),
    ("langfuse.trace.input", Class::Input),
    ("langfuse.trace.output", Class::Output),
    ("langfuse.input", Class::Input),
    ("langfuse.output", Class::Output),
    ("mlflow.spanInputs", Class::Input),
    ("mlflow.spanOutputs", Class::Output),
    ("pydantic_ai.all_messages", Class::Input),
    ("traceloop.entity.input", Class::Input),
    ("traceloop.entity.output", Class::Output),
    ("traceloop.prompt.template", Class::System),
    ("traceloop.prompt.template_variables", Class::Input),
    ("lk.chat_ctx", Class::Input),
    ("lk.input_text", Class::Input),
    ("lk.user_input", Class::Input),
    ("lk.user_transcript", Class::Input),
    ("lk.response.text", Class::Output),
    ("lk.function_tool.output", Class::Tools),
    ("input_json", Class::Input),
    ("output_json", Class::Output),
    // Errors, as `tracing` and `tracing-opentelemetry` name them
    ("otel.status_description", Class::ErrorText),
    ("otel.status_message", Class::ErrorText),
    ("error", Class::ErrorText),
    ("err", Class::ErrorText),
    ("error_message", Class::ErrorText),
    ("error.cause_chain", Class::StackTrace),
    ("error.stack", Class::StackTrace),
    ("error.stack_trace", Class::StackTrace),
    // Gateways
    ("llm.user_message_preview", Class::Input),
    ("signal.snippet", Class::Input),
];

/// Families of content keys: a prefix that ends in a dot, or a whole key with what hangs below it.
pub(super) static CONTENT_PREFIXES: &[(&str, Class)] = &[
    ("gen_ai.prompt.variable.", Class::Input),
    ("gen_ai.prompt.", Class::Input),
    ("gen_ai.completion.", Class::Output),
    ("gen_ai.input.messages.", Class::Input),
    ("gen_ai.output.messages.", Class::Output),
    ("gen_ai.security.", Class::Input),
    ("gen_ai.skill.definitions", Class::Tools),
    ("llm.prompt.", Class::Input),
    ("llm.prompts", Class::Input),
    ("llm.completion.", Class::Output),
    ("llm.completions", Class::Output),
    ("llm.choices", Class::Output),
    ("llm.tools", Class::Tools),
    ("llm.request.functions", Class::Tools),
    ("llm.input_messages", Class::Input),
    ("llm.output_messages", Class::Output),
    ("llm.prompt_template.", Class::System),
    ("message.contents", Class::Input),
    ("message.tool_calls", Class::Output),
    ("retrieval.documents", Class::Retrieval),
    ("reranker.input_documents", Class::Retrieval),
    ("reranker.output_documents", Class::Retrieval),
    ("embedding.embeddings", Class::Input),
    ("embedding.text", Class::Input),
    ("embedding.vector", Class::Input),
    // What libraries hang below the conventions' keys of errors is as likely to repeat a prompt.
    ("error.", Class::ErrorText),
    ("exception.", Class::ErrorText),
];

/// Names of arguments as `#[instrument]` records them, of its `ret` (`return`), and of fields in log
/// events: whoever leaves out `skip_all` records a prompt, or a key, under such a name.
#[rustfmt::skip]
static NAMES: &[(Scope, Class, &[&str])] = &[
    (Scope::Anywhere, Class::Secret, &[
        "access_token", "api_key", "apikey", "auth_token", "authorization", "bearer_token",
        "client_secret", "cookie", "credentials", "headers", "passwd", "password", "private_key",
        "refresh_token", "secret", "secret_key",
    ]),
    (Scope::Anywhere, Class::System, &[
        "preamble", "system_instruction", "system_instructions", "system_message", "system_prompt",
    ]),
    (Scope::Anywhere, Class::Input, &[
        "body", "chat_history", "chat_messages", "conversation_history", "input_messages",
        "input_text", "latest_message", "messages", "payload", "prompt", "prompt_text", "prompts", "question", "req",
        "request", "trace_input", "user_input", "user_message", "user_prompt", "user_query",
    ]),
    (Scope::Anywhere, Class::Output, &[
        "answer", "assistant_message", "completion", "completions", "generated_text", "llm_output",
        "llm_response", "model_output", "output_messages", "output_text", "response_text", "return",
        "trace_output",
    ]),
    (Scope::Anywhere, Class::Tools, &[
        "tool_args", "tool_arguments", "tool_call", "tool_calls", "tool_input", "tool_output",
        "tool_result", "tool_results",
    ]),
    (Scope::BesideGenAi, Class::Input, &[
        "args", "arguments", "content", "contents", "context", "conversation", "data", "history",
        "input", "inputs", "instruction", "instructions", "message", "msg", "params", "parts", "query",
        "self", "text", "texts", "transcript",
    ]),
    (Scope::BesideGenAi, Class::Output, &[
        "chunk", "delta", "output", "outputs", "reply", "resp", "response", "result", "results",
    ]),
    (Scope::BesideGenAi, Class::Retrieval, &["chunks", "doc", "docs", "document", "documents"]),
];

/// Keys that never leave: request headers, which carry credentials.
static DROPPED: &[&str] = &["gen_ai.headers", "gen_ai.request.headers", "llm.headers"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_leads_to_an_attribute_and_hides_none() {
        for (key, attr) in ALIASES {
            assert_eq!(lookup(key), Match::Known(*attr, ValueMap::Same), "{key}");
            assert!(ATTRIBUTES.iter().all(|def| def.key != *key), "{key} is a key itself");
        }
        for (key, class) in CONTENT_KEYS {
            assert_eq!(lookup(key), Match::Content(*class), "{key}");
        }
    }

    #[test]
    fn ours_is_what_the_rows_say() {
        for (attr, def) in Attr::ALL.iter().zip(ATTRIBUTES) {
            assert_eq!(is_ours(def.key), !def.general, "{attr:?}");
            assert!(!def.general || !def.class.is_content(), "{attr:?} is content");
        }
        for (key, attr) in ALIASES {
            assert_eq!(is_ours(key), attr.is_ours() || key.starts_with(NAMESPACE), "{key}");
        }
        for (key, class) in CONTENT_KEYS.iter().chain(CONTENT_PREFIXES) {
            assert_eq!(is_ours(key), class.is_content(), "{key}");
        }
        for key in
            ["gen_ai.acme.thing", "gen_ai.headers", "gen_ai.user", "aws.bedrock.guardrail.id"]
        {
            assert!(is_ours(key), "{key}");
        }
        let names = NAMES.iter().flat_map(|(_, _, names)| *names);
        for key in names.chain(&["http.route", "gen_ai", "mcp.acme", "user.id", "ai", ""]) {
            assert!(!is_ours(key), "{key}");
        }
    }

    #[test]
    fn a_bare_name_is_no_key_of_any_convention() {
        for (scope, class, names) in NAMES {
            for name in *names {
                assert_eq!(lookup(name), Match::Named(*class, *scope), "{name}");
                assert!(!name.contains('.') && *class != Class::Metadata, "{name}");
            }
        }
    }

    #[test]
    fn error_text_is_what_the_tables_call_so() {
        let class = |key| match lookup(key) {
            Match::Known(attr, _) => attr.class(),
            Match::Content(class) => class,
            _ => Class::Metadata,
        };
        for key in ["error", "err", "error.message", "error_message", "error.details"]
            .into_iter()
            .chain(["exception.message", "exception.details", "otel.status_description"])
        {
            assert_eq!(class(key), Class::ErrorText, "{key}");
        }
        for key in ["cause.chain", "error.chain", "error.cause_chain", "exception.stacktrace"] {
            assert_eq!(class(key), Class::StackTrace, "{key}");
        }
        for key in ["error.type", "exception.type", "errors", "otel.name", "http.route", "e", ""] {
            assert_eq!(class(key), Class::Metadata, "{key}");
        }
    }

    #[test]
    fn no_key_that_is_listed_is_turned_down_by_its_letters() {
        for (key, found) in BY_KEY.iter() {
            let fact = matches!(found, Match::Known(attr, _) if attr.class() == Class::Metadata);
            assert!(fact || may_be_listed(key), "{key}");
            assert!(!found.is_ours() || may_be_listed(key), "{key}");
        }
        for (prefix, _) in CONTENT_PREFIXES {
            assert!(may_be_listed(prefix), "{prefix}");
        }
        for key in ["db.statement", "rpc.method", "net.peer.name", "busy_ns"] {
            assert!(!may_be_listed(key), "{key}");
        }
    }

    #[test]
    fn prompt_name_is_no_flattened_prompt() {
        assert_eq!(lookup("gen_ai.prompt.name"), Match::Known(Attr::PromptName, ValueMap::Same));
        assert_eq!(lookup("gen_ai.prompt.0.content"), Match::Content(Class::Input));
        assert_eq!(lookup("llm.tools.0.tool.json_schema"), Match::Content(Class::Tools));
        assert_eq!(lookup("llm.toolset"), Match::Foreign);
        assert_eq!(lookup("gen_ai.acme.thing"), Match::UnknownGenAi);
        assert_eq!(lookup("http.route"), Match::Foreign);
        assert_eq!(lookup("tenant"), Match::Bare);
    }
}
