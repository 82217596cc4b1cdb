//! A span that is open until somebody says how it ended.

use std::fmt::Display;

use tracing::Span;

use crate::calls::span_ext::GenAiSpanExt;
use crate::semconv::Outcome;

/// The span of something that ends once. Dropped before that, it was cancelled.
#[derive(Debug)]
pub(super) struct OpenCall(Span);

impl OpenCall {
    pub(super) fn new(span: Span) -> Self {
        Self(span)
    }

    /// Disabled after the end.
    pub(super) fn span(&self) -> &Span {
        &self.0
    }

    /// Ends the span, unless it has ended.
    pub(super) fn close(&mut self, outcome: Outcome, failure: Option<(&str, &dyn Display)>) {
        let span = std::mem::replace(&mut self.0, Span::none());
        if span.is_none() {
            return;
        }
        if let Some((error_type, message)) = failure {
            span.record_failure(error_type, message);
        }
        span.record_outcome(outcome);
    }
}

impl Drop for OpenCall {
    fn drop(&mut self) {
        self.close(Outcome::Cancelled, None);
    }
}
