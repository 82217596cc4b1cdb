//! What the layer keeps with a GenAI span.

use std::sync::Arc;

use super::plan::FieldPlan;
use crate::capture::tracer::SpanState;

/// What the layer keeps with a GenAI span.
#[derive(Clone)]
pub(super) struct Tracked {
    pub(super) state: Arc<SpanState>,
    pub(super) plan: &'static [FieldPlan],
}
