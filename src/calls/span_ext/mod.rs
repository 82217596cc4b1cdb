//! Typed recording on a `tracing::Span`, for fields its callsite declared and for all others.
//!
//! `Span::record` drops a value whose field was not declared, without a word. What is recorded
//! here arrives in any case: a declared field is recorded as such, so that other layers see it,
//! and every other goes to the span's OpenTelemetry side. Message content goes there always: it
//! never passes a `fmt` layer, and is not even serialised while the policy withholds it.

mod facts;
mod macros;
mod outcome;

use std::error::Error;
use std::fmt::Display;

use opentelemetry::Value as OtelValue;
use opentelemetry::trace::Status;
use serde_core::Serialize;
use tracing::Span;
use tracing_opentelemetry::OpenTelemetrySpanExt;

pub use facts::{RequestParameters, Response, ToolCall, Usage};
pub(crate) use outcome::error_type_of;

use crate::capture::layer::reach::Reached;
use crate::semconv::{Attr, Class, Outcome};

/// Records what a GenAI call is and became on its [`Span`].
///
/// Every method may be called on any span, at any time before it closes and more than once: the
/// last value counts. On a disabled span, and without a
/// [`GenAiLayer`](crate::GenAiLayer), metadata goes to whatever OpenTelemetry layer there is and
/// content goes nowhere.
///
/// ```
/// use tracing_genai::{GenAiSpanExt, RequestParameters, Response, Usage, inference_span};
///
/// let span = inference_span!("chat", "openai", "gpt-4o");
/// span.record_request(RequestParameters::new().temperature(0.2).max_tokens(256));
/// span.record_input_messages(&[("user", "Hello")]);
/// // … the call …
/// span.record_response(Response::new().id("chatcmpl-1").finish_reasons(["stop"]))
///     .record_usage(Usage::new().input_tokens(12).output_tokens(7));
/// ```
pub trait GenAiSpanExt: sealed::Sealed {
    /// Whether content of `class` recorded on this span would leave: ask before you gather it.
    fn captures(&self, class: Class) -> bool;

    /// Records one attribute of the conventions. Content is dropped unless the policy wants it.
    fn record_attribute(&self, attr: Attr, value: impl Into<OtelValue>) -> &Self;

    /// Records what the model was asked for.
    fn record_request(&self, parameters: RequestParameters) -> &Self;

    /// Records what the provider answered about the answer.
    fn record_response(&self, response: Response) -> &Self;

    /// Records tokens. The input and output counts include what is cached and reasoned.
    fn record_usage(&self, usage: Usage) -> &Self;

    /// Records why the model stopped, one reason a choice, in the provider's or the schema's words.
    fn record_finish_reasons<I>(&self, reasons: I) -> &Self
    where
        I: IntoIterator,
        I::Item: Into<String>;

    /// Records the price of the call in USD. It wins over any price list.
    fn record_cost(&self, usd: f64) -> &Self;

    /// Records the id of the conversation, session or thread that the call belongs to.
    fn record_conversation(&self, id: &str) -> &Self;

    /// Records the messages given to the model: anything that serialises to messages of the
    /// conventions or of a provider, or to text.
    fn record_input_messages<T: Serialize + ?Sized>(&self, messages: &T) -> &Self;

    /// Records the messages the model returned.
    fn record_output_messages<T: Serialize + ?Sized>(&self, messages: &T) -> &Self;

    /// Records the system instructions.
    fn record_system_instructions<T: Serialize + ?Sized>(&self, instructions: &T) -> &Self;

    /// Records the tools the model may call.
    fn record_tool_definitions<T: Serialize + ?Sized>(&self, tools: &T) -> &Self;

    /// Records which tool is called, with its arguments.
    fn record_tool_call(&self, call: ToolCall<'_>) -> &Self;

    /// Records what a tool returned.
    fn record_tool_result<T: Serialize + ?Sized>(&self, result: &T) -> &Self;

    /// Fails the span: `error.type` is the type of the error, the status has its message as far as
    /// the policy lets error text out.
    fn record_error<E: Error + ?Sized>(&self, error: &E) -> &Self;

    /// Fails the span with an `error.type` of few possible values (`timeout`, `429`,
    /// `rate_limit_exceeded`) and a message.
    fn record_failure(&self, error_type: &str, message: impl Display) -> &Self;

    /// Records the HTTP status code of the response; `400` and above fail the span.
    fn record_http_status(&self, code: u16) -> &Self;

    /// Records how the call ended where that is not the plain case, as `tracing_genai.outcome`.
    fn record_outcome(&self, outcome: Outcome) -> &Self;
}

impl GenAiSpanExt for Span {
    fn captures(&self, class: Class) -> bool {
        Reached::of(self).is_some_and(|reached| reached.captures(class))
    }

    fn record_attribute(&self, attr: Attr, value: impl Into<OtelValue>) -> &Self {
        if !attr.class().is_content() {
            record(self, attr.key(), value.into());
        } else if self.captures(attr.class()) {
            self.set_attribute(attr.key(), value);
        }
        self
    }

    fn record_request(&self, parameters: RequestParameters) -> &Self {
        record_all(self, parameters.0)
    }

    fn record_response(&self, response: Response) -> &Self {
        record_all(self, response.0)
    }

    fn record_usage(&self, usage: Usage) -> &Self {
        record_all(self, usage.0)
    }

    fn record_finish_reasons<I>(&self, reasons: I) -> &Self
    where
        I: IntoIterator,
        I::Item: Into<String>,
    {
        self.record_response(Response::new().finish_reasons(reasons))
    }

    fn record_cost(&self, usd: f64) -> &Self {
        self.record_attribute(Attr::UsageCost, usd)
    }

    fn record_conversation(&self, id: &str) -> &Self {
        self.record_attribute(Attr::ConversationId, id.to_owned())
    }

    fn record_input_messages<T: Serialize + ?Sized>(&self, messages: &T) -> &Self {
        record_content(self, Attr::InputMessages, messages)
    }

    fn record_output_messages<T: Serialize + ?Sized>(&self, messages: &T) -> &Self {
        record_content(self, Attr::OutputMessages, messages)
    }

    fn record_system_instructions<T: Serialize + ?Sized>(&self, instructions: &T) -> &Self {
        record_content(self, Attr::SystemInstructions, instructions)
    }

    fn record_tool_definitions<T: Serialize + ?Sized>(&self, tools: &T) -> &Self {
        record_content(self, Attr::ToolDefinitions, tools)
    }

    fn record_tool_call(&self, call: ToolCall<'_>) -> &Self {
        record(self, Attr::ToolName.key(), call.name.to_owned().into());
        if let Some(id) = call.id {
            record(self, Attr::ToolCallId.key(), id.to_owned().into());
        }
        match call.arguments {
            Some(arguments) => record_content(self, Attr::ToolCallArguments, arguments),
            None => self,
        }
    }

    fn record_tool_result<T: Serialize + ?Sized>(&self, result: &T) -> &Self {
        record_content(self, Attr::ToolCallResult, result)
    }

    fn record_error<E: Error + ?Sized>(&self, error: &E) -> &Self {
        self.record_failure(&error_type_of::<E>(), error)
    }

    fn record_failure(&self, error_type: &str, message: impl Display) -> &Self {
        record(self, Attr::ErrorType.key(), error_type.to_owned().into());
        // The policy decides how much of it leaves.
        self.set_status(Status::error(message.to_string()));
        self
    }

    fn record_http_status(&self, code: u16) -> &Self {
        record(self, HTTP_STATUS, i64::from(code).into());
        if code >= 400 {
            record(self, Attr::ErrorType.key(), code.to_string().into());
            self.set_status(Status::error(""));
        }
        self
    }

    fn record_outcome(&self, outcome: Outcome) -> &Self {
        if outcome != Outcome::Completed {
            record(self, Attr::Outcome.key(), outcome.as_str().into());
        }
        self
    }
}

fn record_all(span: &Span, facts: Vec<(Attr, OtelValue)>) -> &Span {
    for (attr, value) in facts {
        record(span, attr.key(), value);
    }
    span
}

/// Records what is not content.
pub(crate) fn record(span: &Span, key: &'static str, value: OtelValue) {
    if !span.has_field(key) {
        return span.set_attribute(key, value);
    }
    match value {
        OtelValue::Bool(value) => span.record(key, value),
        OtelValue::I64(value) => span.record(key, value),
        OtelValue::F64(value) => span.record(key, value),
        OtelValue::String(value) => span.record(key, value.as_str()),
        // `tracing` has no lists; the text of one would lose what is in its items.
        list => {
            span.set_attribute(key, list);
            span
        }
    };
}

fn record_content<'a, T: Serialize + ?Sized>(span: &'a Span, attr: Attr, content: &T) -> &'a Span {
    if span.captures(attr.class())
        && let Ok(json) = serde_json::to_string(content)
    {
        span.set_attribute(attr.key(), json);
    }
    span
}

const HTTP_STATUS: &str = opentelemetry_semantic_conventions::attribute::HTTP_RESPONSE_STATUS_CODE;

mod sealed {
    pub trait Sealed {}
    impl Sealed for tracing::Span {}
}
