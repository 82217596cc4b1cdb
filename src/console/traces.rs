//! Spans that wait for the root of their trace.

use std::collections::{HashMap, HashSet, VecDeque};
use std::time::{Duration, Instant};

use opentelemetry::trace::{SpanId, TraceId};

use super::node::Node;

/// A trace that is ready to be drawn.
#[derive(Clone, Debug)]
pub(super) struct Trace {
    pub(super) id: TraceId,
    /// In any order.
    pub(super) nodes: Vec<Node>,
    pub(super) state: State,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum State {
    /// The local root has ended.
    Complete,
    /// Given up waiting: the root is missing, or these ended after it.
    Incomplete,
}

/// Traces whose local root has not ended yet. Bounded in spans and in age.
#[derive(Debug, Default)]
pub(super) struct Traces {
    waiting: HashMap<TraceId, Vec<Node>>,
    /// The waiting traces with the time of their first span, oldest first.
    order: VecDeque<(Instant, TraceId)>,
    spans: usize,
}

impl Traces {
    /// Takes spans in the order in which they ended and gives back the traces to be printed.
    pub(super) fn add(&mut self, nodes: Vec<Node>, now: Instant) -> Vec<Trace> {
        let mut ready = Vec::new();
        for node in nodes {
            let id = node.trace_id;
            let root = node.is_root.then_some(node.span_id);
            let waiting = self.waiting.entry(id).or_insert_with(|| {
                self.order.push_back((now, id));
                Vec::new()
            });
            waiting.push(node);
            self.spans += 1;
            if let Some(root) = root {
                let (nodes, others) = split(self.take(id), root);
                if !others.is_empty() {
                    self.spans += others.len();
                    self.order.push_back((now, id));
                    self.waiting.insert(id, others);
                }
                ready.push(Trace { id, nodes, state: State::Complete });
            }
        }
        while let Some((since, id)) = self.order.front().copied()
            && (self.spans > MAX_SPANS || now.saturating_duration_since(since) >= MAX_AGE)
        {
            ready.push(Trace { id, nodes: self.take(id), state: State::Incomplete });
        }
        ready
    }

    /// Everything that still waits, oldest first.
    pub(super) fn drain(&mut self) -> Vec<Trace> {
        let mut ready = Vec::new();
        while let Some((_, id)) = self.order.front().copied() {
            ready.push(Trace { id, nodes: self.take(id), state: State::Incomplete });
        }
        ready
    }

    fn take(&mut self, id: TraceId) -> Vec<Node> {
        if let Some(place) = self.order.iter().position(|(_, other)| *other == id) {
            self.order.remove(place);
        }
        let nodes = self.waiting.remove(&id).unwrap_or_default();
        self.spans -= nodes.len();
        nodes
    }
}

/// What hangs below `root`, itself included, and the rest: a process may serve several requests
/// of one distributed trace at a time, each with a local root of its own.
fn split(nodes: Vec<Node>, root: SpanId) -> (Vec<Node>, Vec<Node>) {
    let mut children: HashMap<SpanId, Vec<SpanId>> = HashMap::new();
    for node in nodes.iter().filter(|node| !node.is_root) {
        children.entry(node.parent).or_default().push(node.span_id);
    }
    let mut below = HashSet::from([root]);
    let mut open = vec![root];
    while let Some(id) = open.pop() {
        open.extend(children.get(&id).into_iter().flatten().filter(|child| below.insert(**child)));
    }
    nodes.into_iter().partition(|node| below.contains(&node.span_id))
}

const MAX_SPANS: usize = 4096;
const MAX_AGE: Duration = Duration::from_secs(30);
