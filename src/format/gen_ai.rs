//! `gen_ai`: the canonical span as it is.

use opentelemetry_sdk::trace::SpanData;

use super::Format;

/// The OpenTelemetry GenAI conventions, unchanged.
#[derive(Clone, Copy, Debug, Default)]
pub struct GenAi(());

impl GenAi {
    /// The canonical format.
    #[must_use]
    pub const fn new() -> Self {
        Self(())
    }
}

impl Format for GenAi {
    fn name(&self) -> &'static str {
        "gen_ai"
    }

    fn format(&self, span: SpanData) -> SpanData {
        span
    }
}
