//! What the OpenTelemetry GenAI conventions say about one exported span.
//!
//! Written from the conventions (1.41 and the development version after it), independent of the
//! tables of the crate under test, so that a mistake there is not repeated here.

mod attributes;
mod messages;

use attributes::{ATTRIBUTES, FOREIGN_CONTENT, RETIRED, Type, When, attribute};

use crate::span::{ReceivedSpan, SpanKind, SpanStatus, Value};

/// A version of the conventions.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
#[expect(clippy::exhaustive_enums, reason = "the versions the crate under test writes")]
pub enum Version {
    /// 1.41, the last published one.
    #[default]
    V1_41,
    /// The development version.
    Latest,
    /// Both where they differ.
    Dual,
}

/// What to hold a span against.
#[derive(Clone, Copy, Debug, Default)]
#[must_use]
pub struct Rules {
    version: Version,
    content: bool,
    any_name: bool,
}

/// Complaints about a span of version 1.41 with content capture off; empty when there are none.
#[must_use]
pub fn check(span: &ReceivedSpan) -> Vec<String> {
    Rules::default().check(span)
}

/// Complaints about a span of version 1.41 with content capture on.
#[must_use]
pub fn check_with_content(span: &ReceivedSpan) -> Vec<String> {
    Rules::default().with_content().check(span)
}

/// Keys under `gen_ai.`, `mcp.` and `openai.` that no convention names. Not a violation by itself:
/// the conventions let others add keys.
#[must_use]
pub fn unknown_keys(span: &ReceivedSpan) -> Vec<&str> {
    let keys = span.attrs.iter().map(|(key, _)| key.as_str());
    keys.filter(|key| is_namespaced(key) && attribute(key).is_none() && !RETIRED.contains(key))
        .filter(|key| !key.starts_with("gen_ai.prompt.variable."))
        .collect()
}

/// Whether the conventions or anybody else use this key for content.
#[must_use]
pub fn is_content_key(key: &str) -> bool {
    attribute(key).is_some_and(|attribute| attribute.content)
        || matches!(key, "gen_ai.prompt" | "gen_ai.tool.input" | "gen_ai.tool.output")
        || (attribute(key).is_none()
            && FOREIGN_CONTENT.iter().any(|foreign| {
                key.strip_prefix(foreign).is_some_and(|rest| {
                    rest.is_empty() || foreign.ends_with(['.', '_']) || {
                        rest.starts_with(['.', 's', '_'])
                    }
                })
            }))
}

/// Every attribute of a version as (key, type in the registry's spelling), for comparison with
/// the registry itself.
#[must_use]
pub fn attributes(version: Version) -> Vec<(&'static str, &'static str)> {
    let known = ATTRIBUTES.iter().filter(|it| exists(it.when, version));
    known
        .map(|it| {
            let name = match it.type_in(version) {
                Type::Str => "string",
                Type::Int => "int",
                Type::Double => "double",
                Type::Bool => "boolean",
                Type::Strings => "string[]",
                Type::Any => "any",
            };
            (it.key, name)
        })
        .collect()
}

fn exists(when: When, version: Version) -> bool {
    match when {
        When::Always => true,
        When::Until141 => version != Version::Latest,
        When::Since141 => version != Version::V1_41,
    }
}

fn is_namespaced(key: &str) -> bool {
    ["gen_ai.", "mcp.", "openai."].iter().any(|prefix| key.starts_with(prefix))
}

impl Rules {
    /// Content may be there, and must be valid where it is.
    pub fn with_content(mut self) -> Self {
        self.content = true;
        self
    }

    /// The version to hold against. Defaults to 1.41.
    pub fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// The user chose the name.
    pub fn any_name(mut self) -> Self {
        self.any_name = true;
        self
    }

    /// The complaints, empty when there are none.
    #[must_use]
    pub fn check(self, span: &ReceivedSpan) -> Vec<String> {
        let mut complaints = Vec::new();
        self.operation(span, &mut complaints);
        self.keys(span, &mut complaints);
        status(span, &mut complaints);
        self.events(span, &mut complaints);
        complaints.iter().map(|complaint| format!("{}: {complaint}", span.name)).collect()
    }

    fn operation(self, span: &ReceivedSpan, complaints: &mut Vec<String>) {
        let text = |key: &str| span.str(key).unwrap_or_default();
        if span.has("mcp.method.name") {
            let target = [text("gen_ai.tool.name"), text("gen_ai.prompt.name")];
            let target = target.into_iter().find(|it| !it.is_empty()).unwrap_or_default();
            self.name(span, text("mcp.method.name"), target, complaints);
            if !matches!(span.kind, SpanKind::Client | SpanKind::Server) {
                complaints.push(format!("kind {:?} of an MCP call", span.kind));
            }
            return;
        }
        let Some(operation) = span.str("gen_ai.operation.name") else {
            complaints.push("gen_ai.operation.name is missing".to_owned());
            return;
        };
        // Required attributes, kinds, and what stands behind the operation in the name.
        let (required, kinds, target): (&[&str], &[SpanKind], &str) = match operation {
            "chat" | "generate_content" | "text_completion" => (
                &["gen_ai.provider.name"],
                &[SpanKind::Client, SpanKind::Internal],
                text("gen_ai.request.model"),
            ),
            "embeddings" => {
                (&["gen_ai.provider.name"], &[SpanKind::Client], text("gen_ai.request.model"))
            }
            "retrieval" => (&[], &[SpanKind::Client], text("gen_ai.data_source.id")),
            "fetch_response" => {
                (&["gen_ai.provider.name", "gen_ai.response.id"], &[SpanKind::Client], "")
            }
            "create_memory_store"
            | "delete_memory_store"
            | "search_memory"
            | "create_memory"
            | "update_memory"
            | "upsert_memory"
            | "delete_memory" => (&[], &[SpanKind::Client, SpanKind::Internal], ""),
            "create_agent" => {
                (&["gen_ai.provider.name"], &[SpanKind::Client], text("gen_ai.agent.name"))
            }
            // 1.41 wants the provider on in-process agents too, which an agent over several
            // models does not have; the version after it dropped that.
            "invoke_agent" => {
                (&[], &[SpanKind::Client, SpanKind::Internal], text("gen_ai.agent.name"))
            }
            "execute_tool" => {
                (&["gen_ai.tool.name"], &[SpanKind::Internal], text("gen_ai.tool.name"))
            }
            "invoke_workflow" => (&[], &[SpanKind::Internal], text("gen_ai.workflow.name")),
            "plan" => (&[], &[SpanKind::Internal], text("gen_ai.agent.name")),
            // The set of operations is open.
            _ => {
                if !self.any_name && !span.name.starts_with(operation) {
                    complaints.push(format!("the name does not begin with {operation:?}"));
                }
                return;
            }
        };
        for key in required.iter().filter(|key| !span.has(key)) {
            complaints.push(format!("{key} is missing"));
        }
        if !kinds.contains(&span.kind) {
            complaints.push(format!("kind {:?} of {operation}", span.kind));
        }
        self.name(span, operation, target, complaints);
    }

    fn name(
        self,
        span: &ReceivedSpan,
        operation: &str,
        target: &str,
        complaints: &mut Vec<String>,
    ) {
        let expected = format!("{operation} {target}");
        let expected = expected.trim_end();
        let skill = operation == "execute_tool" && span.name.starts_with(expected);
        if !self.any_name && span.name != expected && !skill {
            complaints.push(format!("the name should be {expected:?}"));
        }
    }

    fn keys(self, span: &ReceivedSpan, complaints: &mut Vec<String>) {
        for key in span.duplicate_keys() {
            complaints.push(format!("{key} is there twice"));
        }
        for (key, value) in &span.attrs {
            if RETIRED.contains(&key.as_str()) {
                complaints.push(format!("{key} is retired"));
            }
            if !self.content && is_content_key(key) {
                complaints.push(format!("{key} is content and capture is off"));
            }
            match value {
                Value::Str(text) if text.is_empty() => complaints.push(format!("{key} is empty")),
                Value::Empty => complaints.push(format!("{key} has no value")),
                _ => {}
            }
            let Some(known) = attribute(key) else { continue };
            if known.when == When::Until141 && self.version == Version::Latest {
                complaints.push(format!("{key} is retired in this version"));
            }
            let ty = known.type_in(self.version);
            if !fits(value, ty) {
                complaints.push(format!("{key} is a {}, not {ty:?}", value.type_name()));
            }
            if let (Type::Any, Value::Str(text)) = (ty, value) {
                complaints.extend(messages::check(key, text));
            }
            if let (Type::Int, Value::Int(count)) = (ty, value)
                && *count < 0
                && key.starts_with("gen_ai.usage.")
            {
                complaints.push(format!("{key} is {count}"));
            }
            if let (Type::Strings, Value::List(items)) = (ty, value)
                && items.iter().any(|item| item.as_str().is_none_or(str::is_empty))
            {
                complaints.push(format!("{key} has an empty entry"));
            }
        }
        if span.has("server.port") && !span.has("server.address") {
            complaints.push("server.port without server.address".to_owned());
        }
        if self.version == Version::V1_41 && span.has("gen_ai.usage.cache_write.input_tokens") {
            complaints.push("gen_ai.usage.cache_write.input_tokens is not in 1.41".to_owned());
        }
    }

    fn events(self, span: &ReceivedSpan, complaints: &mut Vec<String>) {
        for event in &span.events {
            let message = matches!(
                event.name.as_str(),
                "gen_ai.system.message"
                    | "gen_ai.user.message"
                    | "gen_ai.assistant.message"
                    | "gen_ai.tool.message"
                    | "gen_ai.choice"
                    | "gen_ai.content.prompt"
                    | "gen_ai.content.completion"
            );
            if message {
                complaints.push(format!("the event {} is retired", event.name));
            }
            for (key, _) in &event.attrs {
                if !self.content && is_content_key(key) {
                    complaints.push(format!("{key} on an event is content and capture is off"));
                }
            }
        }
    }
}

fn status(span: &ReceivedSpan, complaints: &mut Vec<String>) {
    let error = matches!(span.status, SpanStatus::Error(_));
    match (error, span.has("error.type")) {
        (true, false) => complaints.push("the status is an error without error.type".to_owned()),
        (false, true) => complaints.push("error.type without an error status".to_owned()),
        _ => {}
    }
    if span.status == SpanStatus::Ok {
        complaints.push("the status of success is to be left unset".to_owned());
    }
}

fn fits(value: &Value, ty: Type) -> bool {
    match (ty, value) {
        (Type::Str, Value::Str(_))
        | (Type::Int, Value::Int(_))
        | (Type::Double, Value::Double(_))
        | (Type::Bool, Value::Bool(_))
        | (Type::Any, Value::Str(_) | Value::Map(_) | Value::List(_)) => true,
        (Type::Strings, Value::List(items)) => {
            items.iter().all(|item| matches!(item, Value::Str(_)))
        }
        _ => false,
    }
}
