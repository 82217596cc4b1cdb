//! Whose request it is: ids that go with the context to every span below.

use opentelemetry::baggage::{Baggage, BaggageExt, KeyValueMetadata};
use opentelemetry::{Context, StringValue};

use crate::capture::tracer::carried::LONGEST_ID;
use crate::semconv::Attr;

/// The conversation, user and session of a request.
///
/// Carried in the baggage of the OpenTelemetry context, under the attributes' own names, and
/// recorded on every GenAI span below that does not say otherwise. Values longer than 256 bytes
/// are left out.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
#[must_use]
pub struct Identity(Vec<(Attr, String)>);

impl Identity {
    /// Nobody's.
    pub fn new() -> Self {
        Self::default()
    }

    /// `gen_ai.conversation.id`
    pub fn conversation(self, id: impl Into<String>) -> Self {
        self.with(Attr::ConversationId, id.into())
    }

    /// `user.id`
    pub fn user(self, id: impl Into<String>) -> Self {
        self.with(Attr::UserId, id.into())
    }

    /// `session.id`
    pub fn session(self, id: impl Into<String>) -> Self {
        self.with(Attr::SessionId, id.into())
    }

    /// A context that carries the ids beside what `context` carries. Give it to a span with
    /// `OpenTelemetrySpanExt::set_parent` before the span is entered.
    #[must_use]
    pub fn context(&self, context: &Context) -> Context {
        let carried = context.baggage().iter().map(|(key, (value, metadata))| {
            KeyValueMetadata::new(key.clone(), value.clone(), metadata.clone())
        });
        let mut baggage: Baggage = carried.collect();
        for (attr, id) in &self.0 {
            baggage.insert(attr.key(), StringValue::from(id.clone()));
        }
        context.with_baggage(baggage)
    }

    fn with(mut self, attr: Attr, id: String) -> Self {
        if !id.is_empty() && id.len() <= LONGEST_ID {
            self.0.push((attr, id));
        }
        self
    }
}
