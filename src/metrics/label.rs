//! Labels: which a family of series has, and how many values each may take.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::semconv::{Attr, Family};

/// The conventional labels of a family, in the order of export. `error.type` is apart: only some
/// metrics of a family have it.
pub(super) fn labels(family: Family) -> &'static [Attr] {
    match family {
        Family::Inference | Family::Embeddings | Family::Operation => &[
            Attr::OperationName,
            Attr::ProviderName,
            Attr::RequestModel,
            Attr::ResponseModel,
            Attr::ServerAddress,
            Attr::ServerPort,
        ],
        Family::Agent => &[Attr::AgentName, Attr::RequestModel],
        Family::Workflow => &[Attr::WorkflowName],
        Family::Tool => &[Attr::ToolName, Attr::AgentName, Attr::ToolType],
        Family::McpClient => &[
            Attr::McpMethodName,
            Attr::OperationName,
            Attr::ToolName,
            Attr::PromptName,
            Attr::McpProtocolVersion,
            Attr::JsonRpcProtocolVersion,
            Attr::RpcResponseStatusCode,
            Attr::ServerAddress,
            Attr::ServerPort,
        ],
        Family::McpServer => &[
            Attr::McpMethodName,
            Attr::OperationName,
            Attr::ToolName,
            Attr::PromptName,
            Attr::McpProtocolVersion,
            Attr::JsonRpcProtocolVersion,
            Attr::RpcResponseStatusCode,
        ],
        Family::Http | Family::Unknown => &[],
    }
}

/// The labels of inbound HTTP requests, which are no GenAI attributes.
pub(super) const HTTP: [&str; 3] =
    ["http.request.method", "http.route", "http.response.status_code"];

/// More labels than any series has.
pub(super) const MAX_LABELS: usize = 16;
/// A label's value in bytes; what is longer is cut.
pub(super) const MAX_VALUE_BYTES: usize = 256;
/// What stands for the values beyond a limit.
pub(super) const OTHER: &str = "other";

/// The values of one label that have series of their own.
#[derive(Debug)]
pub(crate) struct LabelValues {
    pub(super) limit: usize,
    /// With the collection period in which each was last used.
    values: FxHashMap<Arc<str>, u64>,
    /// A search for an idle value failed in this period, and would fail again.
    all_used_in: Option<u64>,
    /// Calls that were counted under `other`.
    pub(super) overflowed: u64,
    /// Values that made room for others.
    pub(super) recycled: u64,
}

/// Whether a value stands for itself.
#[derive(Debug, PartialEq)]
pub(super) enum Admission {
    Own,
    /// Instead of a value that was not used since the last collection.
    InsteadOf(Arc<str>),
    Other,
}

impl LabelValues {
    pub(super) fn new(limit: usize) -> Self {
        let values = FxHashMap::default();
        Self { limit, values, all_used_in: None, overflowed: 0, recycled: 0 }
    }

    pub(super) fn admit(&mut self, value: &str, period: u64) -> Admission {
        if value == OTHER {
            return Admission::Own;
        }
        if let Some(used) = self.values.get_mut(value) {
            *used = period;
            return Admission::Own;
        }
        if self.values.len() < self.limit {
            self.values.insert(value.into(), period);
            return Admission::Own;
        }
        match self.idle(period) {
            Some(idle) => {
                self.values.remove(&idle);
                self.values.insert(value.into(), period);
                self.recycled += 1;
                Admission::InsteadOf(idle)
            }
            None => {
                self.overflowed += 1;
                Admission::Other
            }
        }
    }

    /// The least recently used value, unless all were used in this period.
    fn idle(&mut self, period: u64) -> Option<Arc<str>> {
        if self.all_used_in == Some(period) {
            return None;
        }
        let idle = self.values.iter().filter(|(_, used)| **used < period);
        let idle = idle.min_by_key(|(_, used)| **used).map(|(value, _)| Arc::clone(value));
        if idle.is_none() {
            self.all_used_in = Some(period);
        }
        idle
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_recently_used_value_makes_room() {
        let mut values = LabelValues::new(2);
        assert_eq!(values.admit("a", 0), Admission::Own);
        assert_eq!(values.admit("b", 0), Admission::Own);
        assert_eq!(values.admit("c", 0), Admission::Other);
        assert_eq!(values.admit("b", 1), Admission::Own);
        assert_eq!(values.admit("c", 2), Admission::InsteadOf("a".into()));
        assert_eq!(values.admit("a", 2), Admission::InsteadOf("b".into()));
        assert_eq!(values.admit("b", 2), Admission::Other);
        assert_eq!(values.admit("c", 3), Admission::Own);
        assert_eq!(values.admit("b", 3), Admission::InsteadOf("a".into()));
        assert_eq!((values.values.len(), values.overflowed, values.recycled), (2, 2, 3));
    }
}
