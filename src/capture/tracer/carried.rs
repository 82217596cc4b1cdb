//! Ids that come with the context: whose conversation and session a span belongs to.

use opentelemetry::Context;
use opentelemetry::baggage::BaggageExt;

use crate::record::{Record, Text, Value};
use crate::semconv::Attr;

/// The attributes that are taken from baggage of the same name.
const CARRIED: [Attr; 3] = [Attr::ConversationId, Attr::UserId, Attr::SessionId];

/// An id of more bytes is none.
pub(crate) const LONGEST_ID: usize = 256;

/// Records the ids that `context` carries where the span itself has none.
pub(super) fn stamp(record: &mut Record, context: &Context) {
    let baggage = context.baggage();
    if baggage.is_empty() {
        return;
    }
    for attr in CARRIED {
        if !record.has(attr)
            && let Some(id) = baggage.get(attr.key())
            && id.as_str().len() <= LONGEST_ID
        {
            record.put(attr, Value::Text(Text::Owned(id.as_str().to_owned())));
        }
    }
}
