//! The way from a `tracing::Span` to its record, through the dispatcher that made it.

use std::sync::Arc;

use tracing::Span;
use tracing::span::Id;
use tracing_core::Dispatch;

use crate::capture::tracer::{Core, SpanState};
use crate::semconv::Class;

/// What a [`GenAiLayer`](crate::GenAiLayer) answers when a dispatcher is asked for it.
pub(crate) struct Reach {
    pub(super) core: Arc<Core>,
    /// Knows the subscriber's type, which a span does not.
    pub(super) find: fn(&Dispatch, &Id) -> Option<Arc<SpanState>>,
}

/// The record of an open span together with what it needs.
#[derive(Clone)]
pub(crate) struct Reached {
    pub(crate) core: Arc<Core>,
    /// `None` while nothing makes the span a GenAI span.
    pub(crate) state: Option<Arc<SpanState>>,
}

impl Reach {
    /// The record of a span that is found by its id.
    pub(super) fn find(dispatch: &Dispatch, id: &Id) -> Option<Reached> {
        let reach = dispatch.downcast_ref::<Self>()?;
        Some(Reached { core: Arc::clone(&reach.core), state: (reach.find)(dispatch, id) })
    }
}

impl Reached {
    /// The record of `span`, or `None` without a layer of ours.
    pub(crate) fn of(span: &Span) -> Option<Self> {
        span.with_subscriber(|(id, dispatch)| Reach::find(dispatch, id)).flatten()
    }

    /// Whether content of `class` recorded on this span now would leave.
    pub(crate) fn captures(&self, class: Class) -> bool {
        self.core.policy.load().allows(class)
            && !self.state.as_ref().is_some_and(|state| state.is_unsampled())
    }
}
