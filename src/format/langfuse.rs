//! `langfuse`: Langfuse's own attributes, which it prefers over every other convention.
//!
//! Source of names: Langfuse's ingestion (`langfuse.observation.*`, `langfuse.trace.*`). Messages
//! are written in OpenAI's shape, the one its pages render in full. Usage buckets there exclude
//! each other, while the conventions count cached and reasoning tokens in the totals.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{SpanId, Status};
use opentelemetry_sdk::trace::SpanData;

use super::chat_ml::{chat, tool_schema};
use super::facts::Facts;
use super::json::{Members, owned};
use super::parameters::PARAMETERS;
use super::time::iso8601;
use super::{Counts, Format, without_schema};
use crate::content::json::{Node, Text};
use crate::content::messages::conversation::{instructions, messages, objects, to_json};
use crate::semconv::Attr;

/// Langfuse's own attributes.
#[derive(Clone, Debug, Default)]
pub struct Langfuse {
    counts: Arc<Counts>,
}

impl Langfuse {
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

/// Operation, observation type.
static TYPES: &[(&str, &str)] = &[
    ("chat", "generation"),
    ("generate_content", "generation"),
    ("text_completion", "generation"),
    ("responses", "generation"),
    ("speech", "generation"),
    ("transcription", "generation"),
    ("image_generation", "generation"),
    ("embeddings", "embedding"),
    ("invoke_agent", "agent"),
    ("create_agent", "agent"),
    ("execute_tool", "tool"),
    ("retrieval", "retriever"),
    ("rerank", "retriever"),
    ("invoke_workflow", "chain"),
    ("plan", "chain"),
    ("moderation", "guardrail"),
];

/// Same value, another name.
static RENAMED: &[(Attr, &str)] = &[
    (Attr::ConversationId, "langfuse.session.id"),
    (Attr::PromptName, "langfuse.observation.prompt.name"),
    (Attr::PromptVersion, "langfuse.observation.prompt.version"),
    (Attr::ResponseId, "langfuse.observation.metadata.response_id"),
    (Attr::ResponseFinishReasons, "langfuse.observation.metadata.finish_reasons"),
    (Attr::ProviderName, "langfuse.observation.metadata.provider"),
    (Attr::AgentName, "langfuse.observation.metadata.agent_name"),
    (Attr::AgentId, "langfuse.observation.metadata.agent_id"),
    (Attr::AgentDescription, "langfuse.observation.metadata.agent_description"),
    (Attr::AgentVersion, "langfuse.observation.metadata.agent_version"),
    (Attr::WorkflowName, "langfuse.observation.metadata.workflow_name"),
    (Attr::DataSourceId, "langfuse.observation.metadata.data_source_id"),
    (Attr::ToolCallId, "langfuse.observation.metadata.tool_call_id"),
    (Attr::ToolDescription, "langfuse.observation.metadata.tool_description"),
];

/// Sums over a subtree: told as metadata, or they would be counted twice.
static TREE_USAGE: &[(Attr, &str)] = &[
    (Attr::UsageInputTokens, "langfuse.observation.metadata.input_tokens"),
    (Attr::UsageOutputTokens, "langfuse.observation.metadata.output_tokens"),
    (Attr::UsageCacheReadInputTokens, "langfuse.observation.metadata.cache_read_input_tokens"),
    (Attr::UsageCacheWriteInputTokens, "langfuse.observation.metadata.cache_write_input_tokens"),
    (Attr::UsageReasoningOutputTokens, "langfuse.observation.metadata.reasoning_output_tokens"),
    (Attr::UsageTotalTokens, "langfuse.observation.metadata.total_tokens"),
    (Attr::UsageCost, "langfuse.observation.metadata.cost_usd"),
];

/// Usage buckets that are taken out of the input or the output count.
static BUCKETS: &[(Attr, &str, Side)] = &[
    (Attr::UsageCacheReadInputTokens, "input_cached_tokens", Side::Input),
    (Attr::UsageCacheWriteInputTokens, "input_cache_creation", Side::Input),
    (Attr::UsageReasoningOutputTokens, "output_reasoning_tokens", Side::Output),
    (Attr::UsageAudioOutputTokens, "output_audio_tokens", Side::Output),
];

/// Parts of the cost, under the names of the usage buckets they pay for.
static COSTS: &[(Attr, &str)] = &[
    (Attr::CostInput, "input"),
    (Attr::CostOutput, "output"),
    (Attr::CostCacheRead, "input_cached_tokens"),
    (Attr::CostCacheWrite, "input_cache_creation"),
    (Attr::CostReasoning, "output_reasoning_tokens"),
    (Attr::CostAudio, "audio"),
    (Attr::CostRequest, "request"),
];

#[derive(Clone, Copy, Eq, PartialEq)]
enum Side {
    Input,
    Output,
}

impl Format for Langfuse {
    fn name(&self) -> &'static str {
        "langfuse"
    }

    fn format(&self, span: SpanData) -> SpanData {
        Facts::retold(span, |facts, span| self.rewrite(facts, span))
    }
}

impl Langfuse {
    fn rewrite(&self, facts: &mut Facts, span: &mut SpanData) {
        span.instrumentation_scope = without_schema(&span.instrumentation_scope);
        let observation = observation_type(facts);
        facts.put_some("langfuse.observation.type", observation);
        if TYPES.iter().any(|(operation, _)| facts.text(Attr::OperationName) == Some(operation)) {
            facts.take(Attr::OperationName);
        }
        let generates = matches!(observation, Some("generation" | "embedding"));
        model(facts, span);
        if generates {
            usage(facts);
        } else {
            facts.rename(TREE_USAGE);
        }
        facts.rename(RENAMED);
        if let Status::Error { description } = &span.status {
            facts.put("langfuse.observation.level", "ERROR");
            if !description.is_empty() {
                facts.put("langfuse.observation.status_message", description.to_string());
            }
        }
        let root = span.parent_span_id == SpanId::INVALID;
        for (value, observation_key, trace_key) in [
            (self.input(facts), "langfuse.observation.input", "langfuse.trace.input"),
            (self.output(facts), "langfuse.observation.output", "langfuse.trace.output"),
        ] {
            if root {
                facts.put_some(trace_key, value.clone());
            }
            facts.put_some(observation_key, value);
        }
    }

    fn input(&self, facts: &mut Facts) -> Option<String> {
        let own = [Attr::ToolCallArguments, Attr::RetrievalQueryText, Attr::MemoryQueryText];
        if let Some(text) = own.into_iter().find_map(|attr| facts.take_text(attr)) {
            return Some(text);
        }
        if !facts.has(Attr::InputMessages) && !facts.has(Attr::SystemInstructions) {
            return None;
        }
        let instructed = facts.take_text(Attr::SystemInstructions);
        let input = facts.take_text(Attr::InputMessages);
        let system = instructed.as_deref().map(instructions).unwrap_or_default();
        let Some(read) = self.counts.of(messages(input.as_deref().unwrap_or("[]"))) else {
            if !system.is_empty() {
                facts.put(Attr::SystemInstructions.key(), to_json(&system));
            }
            return input;
        };
        let messages = Node::Array(chat(&system, &read));
        let Some(tools) = facts.take_text(Attr::ToolDefinitions) else {
            return Some(messages.to_json());
        };
        match self.counts.of(objects(&tools)) {
            // Input with tool definitions, as OpenAI's API takes it.
            Some(list) => {
                let tools = Node::Array(list.iter().map(tool_schema).collect());
                Some(Node::object([("tools", tools), ("messages", messages)]).to_json())
            }
            None => {
                facts.put(Attr::ToolDefinitions.key(), tools.clone());
                Some(messages.to_json())
            }
        }
    }

    fn output(&self, facts: &mut Facts) -> Option<String> {
        let Some(output) = facts.take_text(Attr::OutputMessages) else {
            return [Attr::ToolCallResult, Attr::RetrievalDocuments, Attr::MemoryRecords]
                .into_iter()
                .find_map(|attr| facts.take_text(attr));
        };
        let Some(read) = self.counts.of(messages(&output)) else { return Some(output) };
        let mut messages = chat(&[], &read);
        Some(match messages.len() {
            1 => messages.remove(0).to_json(),
            _ => Node::Array(messages).to_json(),
        })
    }
}

fn observation_type(facts: &Facts) -> Option<&'static str> {
    match facts.text(Attr::OperationName) {
        Some(operation) => {
            Some(TYPES.iter().find(|(row, _)| *row == operation).map_or("span", |(_, name)| name))
        }
        None if facts.has(Attr::ToolName) => Some("tool"),
        None if facts.has(Attr::AgentName) => Some("agent"),
        None if facts.has(Attr::RequestModel) => Some("generation"),
        None => None,
    }
}

fn model(facts: &mut Facts, span: &SpanData) {
    let request = facts.take(Attr::RequestModel);
    let response = facts.take(Attr::ResponseModel);
    facts.put_some("langfuse.observation.model.name", response.or(request));
    let parameters = PARAMETERS.iter().copied().filter(|(attr, _)| *attr != Attr::RequestModel);
    let parameters = facts.take_members(parameters);
    if !parameters.is_empty() {
        facts.put("langfuse.observation.model.parameters", Node::Object(parameters).to_json());
    }
    let first = facts.float(Attr::ResponseTimeToFirstChunk);
    let at = first
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .and_then(|after| span.start_time.checked_add(after));
    if let Some(at) = at {
        facts.take(Attr::ResponseTimeToFirstChunk);
        facts.put("langfuse.observation.completion_start_time", iso8601(at));
    }
}

fn usage(facts: &mut Facts) {
    let mut input = facts.int(Attr::UsageInputTokens);
    let mut output = facts.int(Attr::UsageOutputTokens);
    let total = facts.total_tokens().or(input);
    let mut details = Members::new();
    for &(attr, name, side) in BUCKETS {
        let Some(part) = facts.int(attr) else { continue };
        facts.take(attr);
        let whole = if side == Side::Input { &mut input } else { &mut output };
        *whole = whole.map(|whole| whole.saturating_sub(part).max(0));
        details.push((Text::word(name), Node::int(part)));
    }
    facts.drop_all(&[Attr::UsageInputTokens, Attr::UsageOutputTokens, Attr::UsageTotalTokens]);
    let sums = [("input", input), ("output", output), ("total", total)];
    let sums = sums.into_iter().filter_map(|(name, sum)| Some((Text::word(name), Node::int(sum?))));
    let usage: Members<'_> = sums.chain(details).collect();
    if !usage.is_empty() {
        facts.put("langfuse.observation.usage_details", Node::Object(usage).to_json());
    }
    if let Some(cost) = facts.take(Attr::UsageCost) {
        let mut costs = facts.take_members(COSTS.iter().copied());
        costs.push((Text::word("total"), owned(&cost)));
        facts.put("langfuse.observation.cost_details", Node::Object(costs).to_json());
    }
}
