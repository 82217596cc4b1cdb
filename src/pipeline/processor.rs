//! The hooks of the SDK's tracer provider.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::Context;
use opentelemetry::trace::Span as _;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::delivery::{Deadline, Undelivered};
use super::spans::Spans;

/// Hands finished spans to the queues. Given to the SDK's tracer provider.
#[derive(Debug)]
pub(super) struct Processor {
    pub(super) spans: Arc<Spans>,
}

impl SpanProcessor for Processor {
    fn on_start(&self, span: &mut Span, parent: &Context) {
        self.spans.health().pipeline.sampled.increment();
        let started = span.span_context();
        if !started.is_sampled() {
            self.spans.tail.begin(started.trace_id(), parent);
        }
    }

    fn on_end(&self, span: SpanData) {
        self.spans.receive(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.spans.flush(Deadline::after(FLUSH_TIMEOUT)).map_err(not_delivered)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.spans.shutdown(Deadline::after(timeout)).map_err(not_delivered)
    }
}

fn not_delivered(left: Undelivered) -> OTelSdkError {
    OTelSdkError::InternalFailure(format!("spans not delivered: {left}"))
}

const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);
