//! The indexed form of OpenLLMetry before 0.5.

use std::borrow::Cow;

use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use opentelemetry_sdk::trace::SpanData;

use super::super::chat_ml::{content_text, parameters};
use super::super::facts::Facts;
use super::super::index::Index;
use super::super::without_schema;
use super::{ENTITIES, OpenLlmetry};
use crate::content::json::Node;
use crate::content::messages::conversation::{
    Message, Part, PartKind, instructions, messages, objects, text_of_parts, to_json, untold,
};
use crate::semconv::Attr;

/// Operation, the second half of the span name, `llm.request.type`.
static CALLS: &[(&str, &str, &str)] = &[
    ("chat", "chat", "chat"),
    ("generate_content", "chat", "chat"),
    ("responses", "chat", "chat"),
    ("text_completion", "completion", "completion"),
    ("embeddings", "embeddings", "embedding"),
    ("rerank", "rerank", "rerank"),
];

/// GenAI provider, `gen_ai.system`, the first half of the span name.
static SYSTEMS: &[(&str, &str, &str)] = &[
    ("openai", "openai", "openai"),
    ("anthropic", "anthropic", "anthropic"),
    ("aws.bedrock", "aws.bedrock", "bedrock"),
    ("azure.ai.openai", "az.ai.openai", "openai"),
    ("azure.ai.inference", "az.ai.inference", "azure"),
    ("gcp.vertex_ai", "gcp.vertex_ai", "vertexai"),
    ("gcp.gen_ai", "gcp.gen_ai", "gemini"),
    ("gcp.gemini", "gcp.gen_ai", "gemini"),
    ("mistral_ai", "mistral_ai", "mistralai"),
    ("cohere", "cohere", "cohere"),
];

/// Same value, an older name.
static RENAMED: &[(Attr, &str)] = &[
    (Attr::RequestTopK, "llm.top_k"),
    (Attr::RequestFrequencyPenalty, "llm.frequency_penalty"),
    (Attr::RequestPresencePenalty, "llm.presence_penalty"),
    (Attr::RequestStopSequences, "llm.chat.stop_sequences"),
    (Attr::RequestStream, "llm.is_streaming"),
    (Attr::UsageCacheReadInputTokens, "gen_ai.usage.cache_read_input_tokens"),
    (Attr::UsageCacheWriteInputTokens, "gen_ai.usage.cache_creation_input_tokens"),
    (Attr::UsageReasoningOutputTokens, "llm.usage.reasoning_tokens"),
];

/// The older name beside the present one.
static REPEATED: &[(Attr, &str)] = &[
    (Attr::UsageInputTokens, "gen_ai.usage.prompt_tokens"),
    (Attr::UsageOutputTokens, "gen_ai.usage.completion_tokens"),
    (Attr::UserId, "llm.user"),
];

/// What the indexed attributes are made of; not told twice.
static CONTENT: &[Attr] = &[Attr::ToolCallArguments, Attr::ToolCallResult];

impl OpenLlmetry {
    pub(super) fn rewrite(&self, facts: &mut Facts, span: &mut SpanData) {
        span.instrumentation_scope = without_schema(&span.instrumentation_scope);
        frame(facts, span);
        facts.put_some("llm.usage.total_tokens", facts.total_tokens());
        facts.take(Attr::UsageTotalTokens);
        facts.repeat(REPEATED);
        facts.rename(RENAMED);
        if let Some(reason) = facts.first(Attr::ResponseFinishReasons).map(str::to_owned) {
            facts.put("llm.response.finish_reason", reason.clone());
            facts.put("llm.response.stop_reason", reason);
        }
        if ENTITIES.iter().any(|row| facts.text(Attr::OperationName) == Some(row.0)) {
            facts.drop_all(CONTENT);
        }
        self.prompts(facts);
        self.completions(facts);
        self.functions(facts);
    }

    fn prompts(&self, facts: &mut Facts) {
        let input = facts.take_text(Attr::InputMessages);
        let instructed = facts.take_text(Attr::SystemInstructions);
        let system = instructed.as_deref().map(instructions).unwrap_or_default();
        let read = self.counts.of(messages(input.as_deref().unwrap_or("[]")));
        let written = read.and_then(|read| {
            self.indexed(facts, "gen_ai.prompt.", |list| list.prompts(&system, &read))
        });
        if written.is_none() {
            if !system.is_empty() {
                facts.put(Attr::SystemInstructions.key(), to_json(&system));
            }
            facts.put_some(Attr::InputMessages.key(), input);
        }
    }

    fn completions(&self, facts: &mut Facts) {
        let Some(output) = facts.take_text(Attr::OutputMessages) else { return };
        let written = self.counts.of(messages(&output)).and_then(|read| {
            self.indexed(facts, "gen_ai.completion.", |list| list.completions(&read))
        });
        if written.is_none() {
            facts.put(Attr::OutputMessages.key(), output);
        }
    }

    fn functions(&self, facts: &mut Facts) {
        let Some(tools) = facts.take_text(Attr::ToolDefinitions) else { return };
        let written = self.counts.of(objects(&tools)).and_then(|read| {
            self.indexed(facts, "llm.request.functions.", |list| list.functions(&read))
        });
        if written.is_none() {
            facts.put(Attr::ToolDefinitions.key(), tools);
        }
    }

    /// Writes a list whole or not at all. A list the application wrote itself is left to it.
    fn indexed(
        &self,
        facts: &mut Facts,
        namespace: &str,
        write: impl FnOnce(&mut List<'_>) -> Option<()>,
    ) -> Option<()> {
        if facts.claims(namespace) {
            return Some(());
        }
        let room = self.attribute_limit.saturating_sub(facts.len());
        let mut list = List { namespace, attributes: Vec::with_capacity(32), room };
        if write(&mut list).is_none() {
            self.counts.unflattened.increment();
            return None;
        }
        facts.put_all(list.attributes);
        Some(())
    }
}

/// Name, kind and type of the span, and who served it.
fn frame(facts: &mut Facts, span: &mut SpanData) {
    let operation = facts.text(Attr::OperationName).unwrap_or_default().to_owned();
    let provider = facts.take_text(Attr::ProviderName).unwrap_or_default();
    let system = SYSTEMS.iter().find(|row| row.0 == provider);
    if !provider.is_empty() {
        facts.put("gen_ai.system", system.map_or_else(|| provider.clone(), |row| row.1.to_owned()));
    }
    let vendor = system.map_or(if provider.is_empty() { "llm" } else { &provider }, |row| row.2);
    if let Some(&(_, name, kind)) = CALLS.iter().find(|row| row.0 == operation) {
        facts.put("llm.request.type", kind);
        span.name = Cow::Owned(format!("{vendor}.{name}"));
        span.span_kind = SpanKind::Client;
    } else if let Some(&(_, kind, name)) = ENTITIES.iter().find(|row| row.0 == operation) {
        span.name = Cow::Owned(format!("{}.{kind}", facts.text(name).unwrap_or(&operation)));
        span.span_kind = SpanKind::Internal;
    }
}

/// Indexed attributes being written; methods return `None` when there is no room left.
struct List<'n> {
    namespace: &'n str,
    attributes: Vec<KeyValue>,
    room: usize,
}

impl List<'_> {
    fn put(&mut self, key: &[&str], value: Option<impl Into<String>>) -> Option<()> {
        let Some(value) = value else { return Some(()) };
        if self.attributes.len() >= self.room {
            return None;
        }
        self.attributes.push(KeyValue::new(key.concat(), value.into()));
        Some(())
    }

    fn prompts(&mut self, system: &[Part<'_>], messages: &[Message<'_>]) -> Option<()> {
        let mut index = Index::default();
        if let Some(text) = text_of_parts(untold(system, messages)) {
            let at = [self.namespace, index.next()].concat();
            self.put(&[&at, ".role"], Some("system"))?;
            self.put(&[&at, ".content"], Some(text))?;
        }
        for message in messages {
            for part in message.of_kind(PartKind::ToolCallResponse) {
                let at = [self.namespace, index.next()].concat();
                self.put(&[&at, ".role"], Some("tool"))?;
                self.put(&[&at, ".tool_call_id"], part.id())?;
                self.put(&[&at, ".content"], part.response().and_then(Node::plain))?;
            }
            if !message.is_answers() {
                let at = [self.namespace, index.next()].concat();
                self.message(&at, message)?;
            }
        }
        Some(())
    }

    fn completions(&mut self, messages: &[Message<'_>]) -> Option<()> {
        let mut index = Index::default();
        for message in messages {
            let at = [self.namespace, index.next()].concat();
            self.message(&at, message)?;
            self.put(&[&at, ".finish_reason"], message.finish_reason.clone())?;
        }
        Some(())
    }

    fn message(&mut self, at: &str, message: &Message<'_>) -> Option<()> {
        self.put(&[at, ".role"], message.role.clone())?;
        self.put(&[at, ".content"], content_text(message))?;
        self.put(&[at, ".reasoning"], message.reasoning())?;
        let mut index = Index::default();
        for call in message.of_kind(PartKind::ToolCall) {
            let base = [at, ".tool_calls.", index.next()].concat();
            self.put(&[&base, ".id"], call.id())?;
            self.put(&[&base, ".name"], call.name())?;
            self.put(&[&base, ".arguments"], call.arguments().plain())?;
        }
        Some(())
    }

    fn functions(&mut self, tools: &[Node<'_>]) -> Option<()> {
        let mut index = Index::default();
        for tool in tools {
            let at = [self.namespace, index.next()].concat();
            let schema = parameters(tool).and_then(Node::plain);
            self.put(&[&at, ".name"], tool.text_at("name"))?;
            self.put(&[&at, ".description"], tool.text_at("description"))?;
            self.put(&[&at, ".parameters"], schema)?;
        }
        Some(())
    }
}
