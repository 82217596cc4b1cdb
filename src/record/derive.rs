//! What follows from the facts: the span's name and kind, and facts that others imply.

use std::borrow::Cow;
use std::fmt::Write;

use super::value::Value;
use super::{Record, Text};
use crate::semconv::{Attr, Family, Kind, KnownOperation};

/// What the conventions want a span to be called and of which kind it is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Outline {
    /// `None` keeps the name the span has.
    pub(crate) name: Option<String>,
    pub(crate) kind: Option<SpanRole>,
}

/// The kind of a span, in words of our own: this folder knows no SDK.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum SpanRole {
    Client,
    Internal,
}

/// A name no longer than this many bytes leaves; backends index names.
const NAME_LIMIT: usize = 256;

impl Record {
    /// Completes the record with what its facts imply. Doing it twice changes nothing.
    pub(crate) fn complete(&mut self, span_name: &str) {
        if !self.has(Attr::OperationName)
            && !self.has(Attr::McpMethodName)
            && let Some(operation) = self.implied_operation(span_name)
        {
            self.put(Attr::OperationName, Value::Text(Text::Static(operation.as_str())));
        }
        if self.text(Attr::McpMethodName) == Some("tools/call") {
            let operation = KnownOperation::ExecuteTool.as_str();
            self.put(Attr::OperationName, Value::Text(Text::Static(operation)));
        }
        if self.has(Attr::UsageTotalTokens)
            && (self.has(Attr::UsageInputTokens) || self.has(Attr::UsageOutputTokens))
        {
            self.remove(Attr::UsageTotalTokens);
        }
        self.include_cached_input();
    }

    /// Anthropic counts cached tokens beside the input and the conventions within it. Less input
    /// than cached tokens can only be the former; once added, it is so no more.
    fn include_cached_input(&mut self) {
        let count = |attr| match self.get(attr) {
            Some(Value::I64(count)) => *count,
            _ => 0,
        };
        if !self.has(Attr::UsageCacheReadInputTokens) && !self.has(Attr::UsageCacheWriteInputTokens)
        {
            return;
        }
        let cached = count(Attr::UsageCacheReadInputTokens)
            .saturating_add(count(Attr::UsageCacheWriteInputTokens));
        let input = count(Attr::UsageInputTokens);
        if input < cached
            && self.has(Attr::UsageInputTokens)
            && matches!(self.text(Attr::ProviderName), Some("anthropic" | "aws.bedrock"))
        {
            self.put(Attr::UsageInputTokens, Value::I64(input.saturating_add(cached)));
        }
    }

    /// The operation of a span on which none was recorded: its name says it, or facts do that only
    /// one operation has.
    fn implied_operation(&self, span_name: &str) -> Option<KnownOperation> {
        if !self.is_ours() {
            return None;
        }
        if let Some(operation) = KnownOperation::of_span_name(span_name) {
            return Some(operation);
        }
        IMPLIED.iter().find(|(attr, _)| self.has(*attr)).map(|(_, operation)| *operation)
    }

    /// The name and the kind by the operation table.
    pub(crate) fn outline(&self) -> Outline {
        if let Some(method) = self.text(Attr::McpMethodName) {
            let target = self.text(Attr::ToolName).or_else(|| self.text(Attr::PromptName));
            // Client or server cannot be told from the facts; who serves says so with `otel.kind`.
            return Outline { name: Some(join(method, target)), kind: Some(SpanRole::Client) };
        }
        let Some(text) = self.text(Attr::OperationName) else {
            return Outline { name: None, kind: None };
        };
        let Some(operation) = KnownOperation::named(text) else {
            let target = [Attr::RequestModel, Attr::ToolName, Attr::AgentName]
                .into_iter()
                .find_map(|attr| self.text(attr));
            return Outline { name: Some(join(text, target)), kind: None };
        };
        let def = operation.def();
        let targets =
            def.target.iter().filter_map(|group| group.iter().find_map(|attr| self.text(*attr)));
        let kind = match def.kind {
            Kind::Client => SpanRole::Client,
            Kind::Internal => SpanRole::Internal,
            Kind::ClientIfAddressed if self.has(Attr::ServerAddress) => SpanRole::Client,
            Kind::ClientIfAddressed => SpanRole::Internal,
        };
        Outline { name: Some(join(def.name, targets)), kind: Some(kind) }
    }

    /// The family of metrics by the operation table.
    pub(crate) fn family(&self, internal: bool, serves: bool) -> Family {
        if self.has(Attr::McpMethodName) {
            return if serves { Family::McpServer } else { Family::McpClient };
        }
        let Some(operation) = self.text(Attr::OperationName) else { return Family::Unknown };
        match KnownOperation::named(operation).map(|operation| operation.def().family) {
            Some(Family::Agent) if !internal => Family::Operation,
            Some(family) => family,
            // What nobody knows may be an inference under a name of its own.
            None if self.has(Attr::RequestModel) => Family::Inference,
            None => Family::Unknown,
        }
    }
}

/// Facts that only one operation has.
static IMPLIED: &[(Attr, KnownOperation)] = &[
    (Attr::ToolCallId, KnownOperation::ExecuteTool),
    (Attr::ToolCallArguments, KnownOperation::ExecuteTool),
    (Attr::EmbeddingsDimensionCount, KnownOperation::Embeddings),
    (Attr::RetrievalQueryText, KnownOperation::Retrieval),
    (Attr::RetrievalDocuments, KnownOperation::Retrieval),
];

fn join<'a>(operation: &str, targets: impl IntoIterator<Item = &'a str>) -> String {
    let mut name = String::with_capacity(operation.len() + 32);
    push_clean(&mut name, operation);
    for target in targets {
        name.push(' ');
        push_clean(&mut name, target);
    }
    name
}

/// Control characters would break a terminal or a log line; names are bounded.
fn push_clean(name: &mut String, text: &str) {
    let room = NAME_LIMIT.saturating_sub(name.len());
    let text = if text.len() > room { &text[..text.floor_char_boundary(room)] } else { text };
    if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        for c in text.chars() {
            if c.is_control() {
                let _ = write!(name, "{}", c.escape_default());
            } else {
                name.push(c);
            }
        }
    } else {
        name.push_str(text);
    }
}

/// The name a span had before, made safe to print.
pub(crate) fn clean_name(name: Cow<'static, str>) -> Cow<'static, str> {
    if name.len() <= NAME_LIMIT && !name.bytes().any(|byte| byte < 0x20 || byte == 0x7f) {
        return name;
    }
    let mut clean = String::with_capacity(name.len().min(NAME_LIMIT));
    push_clean(&mut clean, &name);
    Cow::Owned(clean)
}

#[cfg(test)]
mod tests {
    use super::super::Raw;
    use super::*;
    use crate::health::Health;
    use crate::record::coerce::foreign;
    use crate::semconv::{Class, Match, lookup};

    fn outline(facts: &[(&'static str, &'static str)]) -> (String, Option<SpanRole>) {
        let (mut record, health) = (Record::default(), Health::default());
        for (key, value) in facts {
            let mut raw = Raw::Str(Cow::Borrowed(value));
            match lookup(key) {
                Match::Known(attr, map) => record.record_attr(attr, map, &mut raw, &health),
                _ => record.put_other(Cow::Borrowed(key), Class::Metadata, foreign(raw)),
            }
        }
        record.complete("the span");
        let outline = record.outline();
        (outline.name.unwrap_or_default(), outline.kind)
    }

    #[test]
    fn names_and_kinds_are_those_of_the_table() {
        let (client, internal) = (Some(SpanRole::Client), Some(SpanRole::Internal));
        let op = "gen_ai.operation.name";
        let model = ("gen_ai.request.model", "gpt-4");
        for (facts, name, kind) in [
            (vec![(op, "chat"), model], "chat gpt-4", client),
            (vec![(op, "chat")], "chat", client),
            (vec![(op, "embeddings"), model], "embeddings gpt-4", client),
            (vec![(op, "fetch_response"), model], "fetch_response", client),
            (vec![(op, "search_memory")], "search_memory", client),
            (vec![(op, "retrieval"), ("gen_ai.data_source.id", "docs")], "retrieval docs", client),
            (vec![(op, "create_agent"), ("gen_ai.agent.name", "a")], "create_agent a", client),
            (vec![(op, "invoke_agent"), ("gen_ai.agent.name", "a")], "invoke_agent a", internal),
            (
                vec![(op, "invoke_agent"), ("gen_ai.agent.name", "a"), ("server.address", "h")],
                "invoke_agent a",
                client,
            ),
            (vec![(op, "invoke_agent"), model], "invoke_agent", internal),
            (vec![(op, "execute_tool"), ("gen_ai.tool.name", "t")], "execute_tool t", internal),
            (
                vec![
                    (op, "execute_tool"),
                    ("gen_ai.tool.name", "t"),
                    ("gen_ai.skill.resource.name", "r"),
                    ("gen_ai.skill.name", "s"),
                ],
                "execute_tool t s r",
                internal,
            ),
            (
                vec![(op, "invoke_workflow"), ("gen_ai.workflow.name", "w")],
                "invoke_workflow w",
                internal,
            ),
            (vec![(op, "plan"), ("gen_ai.agent.name", "a")], "plan a", internal),
            (
                vec![("mcp.method.name", "tools/call"), ("gen_ai.tool.name", "t")],
                "tools/call t",
                client,
            ),
            (vec![("mcp.method.name", "resources/read")], "resources/read", client),
            (vec![(op, "speech"), model], "speech gpt-4", client),
            (vec![(op, "dream"), model], "dream gpt-4", None),
            (vec![(op, "chat"), ("gen_ai.request.model", "a\nb")], "chat a\\nb", client),
        ] {
            assert_eq!(outline(&facts), (name.to_owned(), kind), "{facts:?}");
        }
    }
}
