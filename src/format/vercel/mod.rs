//! `vercel`: spans as the AI SDK (`ai` 6, and 7 with its legacy integration) writes them.
//!
//! Source of names: spans captured from `ai` 6.0.326. The scope is exactly `ai`, because backends
//! look for it; every span is internal; the span name is the operation id.
//!
//! An inference becomes the inner span of a pair (`ai.generateText.doGenerate`), an agent or
//! workflow the outer one (`ai.generateText`). What the SDK has no span for (retrieval, memory,
//! creating an agent) keeps its name, scope and attributes and gains `operation.name`.

mod prompt;
mod tables;

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{Event, SpanKind};
use opentelemetry::{Array, InstrumentationScope, KeyValue, StringValue, Value};
use opentelemetry_sdk::trace::SpanData;

use self::tables::{Operation, Shape};
use super::exception::add_exception;
use super::facts::Facts;
use super::time::iso8601;
use super::{Counts, Format};
use crate::content::json::{Node, quote};
use crate::content::messages::conversation::{PartKind, instructions, messages, objects, to_json};
use crate::semconv::Attr;

/// The AI SDK's own spans, as of its version 6.
#[derive(Clone, Debug, Default)]
pub struct Vercel {
    counts: Arc<Counts>,
}

impl Vercel {
    /// The format with counts of its own.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Where to count messages that were not valid JSON.
    #[must_use]
    pub fn with_counts(mut self, counts: Arc<Counts>) -> Self {
        self.counts = counts;
        self
    }
}

impl Format for Vercel {
    fn name(&self) -> &'static str {
        "vercel"
    }

    fn format(&self, span: SpanData) -> SpanData {
        Facts::retold(span, |facts, span| match Operation::of(facts) {
            Some(operation) => self.rewrite(facts, operation, span),
            None if !facts.has(Attr::OperationName) => {}
            None => facts.put("operation.name", span.name.to_string()),
        })
    }
}

impl Vercel {
    fn rewrite(&self, facts: &mut Facts, mut operation: Operation, span: &mut SpanData) {
        add_exception(span, facts);
        if operation.shape == Shape::Embed {
            self.embedded(facts, &mut operation);
        }
        span.span_kind = SpanKind::Internal;
        span.instrumentation_scope = InstrumentationScope::builder("ai").build();
        span.name = Cow::Borrowed(operation.id);

        identity(facts, operation);
        facts.take(Attr::OperationName);
        facts.take(Attr::RequestStream);
        facts.take(Attr::OutputType);
        facts.rename(tables::TELEMETRY);
        match operation.shape {
            Shape::Tool => facts.rename(tables::TOOL_CALL),
            Shape::Embed => {
                self.model(facts, operation);
                facts.rename(&[(Attr::UsageInputTokens, "ai.usage.tokens")]);
            }
            Shape::Rerank => {
                self.model(facts, operation);
                self.ranked(facts);
            }
            Shape::Inner | Shape::Outer => {
                self.model(facts, operation);
                settings(facts, operation);
                response(facts, operation, span);
                usage(facts, operation);
                self.prompt(facts, operation);
                self.answer(facts, operation);
            }
        }
    }

    fn model(&self, facts: &mut Facts, operation: Operation) {
        if let Some(provider) = facts.take_text(Attr::ProviderName) {
            let provider = tables::provider(&provider, operation.shape);
            if operation.shape == Shape::Inner {
                facts.put("gen_ai.system", provider.clone());
            }
            facts.put("ai.model.provider", provider);
        }
        if let Some(model) = facts.take(Attr::RequestModel) {
            if operation.shape == Shape::Inner {
                facts.put(Attr::RequestModel.key(), model.clone());
            }
            facts.put("ai.model.id", model);
        }
    }

    fn prompt(&self, facts: &mut Facts, operation: Operation) {
        facts.put_instead(Attr::ToolDefinitions, "ai.prompt.tools", |json| {
            Some(strings(self.counts.of(objects(json))?.iter().map(prompt::tool)))
        });
        let input = facts.take_text(Attr::InputMessages);
        let instructed = facts.take_text(Attr::SystemInstructions);
        if input.is_none() && instructed.is_none() {
            return;
        }
        let key = if operation.shape == Shape::Inner { "ai.prompt.messages" } else { "ai.prompt" };
        let system = instructed.as_deref().map(instructions).unwrap_or_default();
        let Some(read) = self.counts.of(messages(input.as_deref().unwrap_or("[]"))) else {
            if !system.is_empty() {
                facts.put(Attr::SystemInstructions.key(), to_json(&system));
            }
            facts.put_some(key, input);
            return;
        };
        let value = match operation.shape {
            Shape::Inner => prompt::messages(&system, &read),
            _ => prompt::call(&system, &read),
        };
        facts.put(key, value.to_json());
    }

    /// What the model said: the SDK knows one answer, a second choice stays in the messages.
    fn answer(&self, facts: &mut Facts, operation: Operation) {
        let Some(json) = facts.take_text(Attr::OutputMessages) else { return };
        let text_key = if operation.object { "ai.response.object" } else { "ai.response.text" };
        let Some(read) = self.counts.of(messages(&json)) else {
            facts.put(text_key, json);
            return;
        };
        if let Some(answer) = read.first() {
            facts.put_some(text_key, answer.text().map(String::from));
            facts.put_some("ai.response.reasoning", answer.reasoning().map(String::from));
            if answer.has(PartKind::ToolCall) {
                facts.put("ai.response.toolCalls", prompt::tool_calls(answer).to_json());
            }
        }
        let told = [PartKind::Text, PartKind::Reasoning, PartKind::ToolCall];
        let whole = read.len() == 1 && read[0].parts.iter().all(|part| told.contains(&part.kind));
        drop(read);
        if !whole {
            facts.put(Attr::OutputMessages.key(), json);
        }
    }

    /// What was embedded; several texts are an operation of their own.
    fn embedded(&self, facts: &mut Facts, operation: &mut Operation) {
        let Some(json) = facts.take_text(Attr::InputMessages) else { return };
        let texts = self.texts(&json).unwrap_or_else(|| vec![quote(&json)]);
        if texts.len() > 1 {
            operation.id = tables::EMBED_SEVERAL;
        }
        facts.put("ai.values", strings(texts));
    }

    fn ranked(&self, facts: &mut Facts) {
        if facts.has(Attr::InputMessages) || facts.has(Attr::RetrievalDocuments) {
            facts.put("ai.ranking.type", "text");
        }
        facts
            .put_instead(Attr::InputMessages, "ai.documents", |json| self.texts(json).map(strings));
        facts.put_instead(Attr::RetrievalDocuments, "ai.ranking", |json| {
            let documents = self.counts.of(objects(json))?;
            let ranks = documents.iter().enumerate().map(|(position, document)| {
                // An identifier that is a number is where the document stood before.
                let index = document.text_at("index").or_else(|| document.text_at("id"));
                let index = index.and_then(|index| index.decode().parse().ok());
                let index = index.or_else(|| i64::try_from(position).ok());
                let rank = Node::some_of([
                    ("index", index.map(Node::int)),
                    ("relevanceScore", document.get("score").cloned()),
                ]);
                rank.to_json()
            });
            Some(strings(ranks))
        });
    }

    /// The text parts of messages, each as JSON, which is how the SDK writes values of any type.
    fn texts(&self, json: &str) -> Option<Vec<String>> {
        let read = self.counts.of(messages(json))?;
        let parts = read.iter().flat_map(|message| message.of_kind(PartKind::Text));
        let texts = parts.filter_map(|part| part.content());
        Some(texts.map(|text| Node::String(text).to_json()).collect())
    }
}

fn identity(facts: &mut Facts, operation: Operation) {
    let id = operation.id;
    let function = match facts.foreign_text("ai.telemetry.functionId") {
        Some(function) => Some(function.into_owned()),
        None => facts.take_text(Attr::AgentName).or_else(|| facts.take_text(Attr::WorkflowName)),
    };
    facts.put("ai.operationId", id);
    match function {
        None => facts.put("operation.name", id),
        Some(function) => {
            facts.put("operation.name", format!("{id} {function}"));
            facts.put("resource.name", function.clone());
            facts.put("ai.telemetry.functionId", function);
        }
    }
}

fn settings(facts: &mut Facts, operation: Operation) {
    for &(attr, key, inner) in tables::SETTINGS {
        let Some(value) = facts.take(attr) else { continue };
        if inner && operation.shape == Shape::Inner {
            facts.put(attr.key(), value.clone());
        }
        facts.put(key, value);
    }
}

fn response(facts: &mut Facts, operation: Operation, span: &mut SpanData) {
    let inner = operation.shape == Shape::Inner;
    let answered = [Attr::ResponseId, Attr::ResponseModel, Attr::ResponseFinishReasons]
        .into_iter()
        .any(|attr| facts.has(attr));
    if let Some(reason) = facts.first(Attr::ResponseFinishReasons).map(tables::finish_reason) {
        facts.take(Attr::ResponseFinishReasons);
        facts.put("ai.response.finishReason", reason);
        if inner {
            facts.put(
                Attr::ResponseFinishReasons.key(),
                Value::Array(vec![StringValue::from(reason)].into()),
            );
        }
    }
    if inner {
        facts.repeat(tables::RESPONSE);
        if answered {
            facts.put("ai.response.timestamp", iso8601(span.end_time));
        }
    }
    let first_chunk = facts.float(Attr::ResponseTimeToFirstChunk).filter(|seconds| *seconds >= 0.0);
    if !operation.stream || !inner {
        return;
    }
    facts.take(Attr::ResponseTimeToFirstChunk);
    if let Some(seconds) = first_chunk {
        let milliseconds = seconds * 1000.0;
        facts.put("ai.response.msToFirstChunk", milliseconds);
        let at = Duration::try_from_secs_f64(seconds)
            .ok()
            .and_then(|after| span.start_time.checked_add(after));
        span.events.events.push(Event::new(
            "ai.stream.firstChunk",
            at.unwrap_or(span.start_time),
            vec![KeyValue::new("ai.response.msToFirstChunk", milliseconds)],
            0,
        ));
    }
    if answered {
        let took = span.end_time.duration_since(span.start_time).unwrap_or_default().as_secs_f64();
        facts.put("ai.response.msToFinish", took * 1000.0);
        if let Some(tokens) = facts.float(Attr::UsageOutputTokens).filter(|_| took > 0.0) {
            facts.put("ai.response.avgOutputTokensPerSecond", tokens / took);
        }
        span.events.events.push(Event::new("ai.stream.finish", span.end_time, Vec::new(), 0));
    }
}

fn usage(facts: &mut Facts, operation: Operation) {
    let input = facts.int(Attr::UsageInputTokens);
    let output = facts.int(Attr::UsageOutputTokens);
    let total = facts.total_tokens();
    let inner = operation.shape == Shape::Inner;
    for (attr, value) in [(Attr::UsageInputTokens, input), (Attr::UsageOutputTokens, output)] {
        if let Some(value) = value {
            facts.take(attr);
            if inner {
                facts.put(attr.key(), value);
            }
        }
    }
    // Objects are told the way version 4 told everything.
    if operation.object {
        facts.put_some("ai.usage.promptTokens", input);
        facts.put_some("ai.usage.completionTokens", output);
        return;
    }
    let read = facts.int(Attr::UsageCacheReadInputTokens);
    let write = facts.int(Attr::UsageCacheWriteInputTokens);
    let reasoning = facts.int(Attr::UsageReasoningOutputTokens);
    facts.drop_all(tables::USAGE);
    facts.put_some("ai.usage.inputTokens", input);
    facts.put_some("ai.usage.outputTokens", output);
    facts.put_some("ai.usage.totalTokens", total);
    facts.put_some("ai.usage.cachedInputTokens", read);
    facts.put_some("ai.usage.inputTokenDetails.cacheReadTokens", read);
    facts.put_some("ai.usage.inputTokenDetails.cacheWriteTokens", write);
    if read.is_some() || write.is_some() {
        let cached = read.unwrap_or(0).saturating_add(write.unwrap_or(0));
        let rest = input.map(|input| input.saturating_sub(cached).max(0));
        facts.put_some("ai.usage.inputTokenDetails.noCacheTokens", rest);
    }
    facts.put_some("ai.usage.reasoningTokens", reasoning);
    facts.put_some("ai.usage.outputTokenDetails.reasoningTokens", reasoning);
    if let Some(reasoning) = reasoning {
        let rest = output.map(|output| output.saturating_sub(reasoning).max(0));
        facts.put_some("ai.usage.outputTokenDetails.textTokens", rest);
    }
}

fn strings(texts: impl IntoIterator<Item = String>) -> Value {
    Value::Array(Array::String(texts.into_iter().map(StringValue::from).collect()))
}
