//! Where open spans stand, so that what one request used is counted once.
//!
//! A gateway's span over its attempts and a framework's over its client report the same usage
//! again. What a nested span of the same family counts, the one around it does not: it adds only
//! what it has beyond that. A tool, an agent or a workflow in between begins anew.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use opentelemetry::trace::SpanId;
use rustc_hash::FxHashMap;

use crate::capture::tracer::SpanState;
use crate::capture::tracer::observe::{Counted, Ended, Nest};
use crate::semconv::Family;

/// The open spans below which others may stand.
#[derive(Debug)]
pub(super) struct Places {
    shards: [Shard; SHARDS],
}

#[derive(Debug, Default)]
struct Shard {
    open: Mutex<FxHashMap<u64, Place>>,
    /// How many there are, read without the lock.
    len: AtomicUsize,
}

/// What spans below one have around them.
#[derive(Clone, Debug, Default)]
struct Place {
    around: Option<(Family, Arc<SpanState>)>,
    agent: Option<Arc<SpanState>>,
}

impl Default for Places {
    fn default() -> Self {
        Self { shards: std::array::from_fn(|_| Shard::default()) }
    }
}

impl Places {
    /// Notes a span that starts and is not GenAI. Tells whether its end matters.
    pub(super) fn pass(&self, parent: SpanId, span: SpanId) -> bool {
        let place = self.of_parent(parent);
        place.map(|place| self.insert(span, place)).is_some()
    }

    /// Notes a GenAI span that starts, or that became one.
    pub(super) fn enter(
        &self,
        parent: SpanId,
        span: SpanId,
        state: &Arc<SpanState>,
        family: Family,
    ) {
        let place = self.of_parent(parent);
        let Place { around, agent } = place.unwrap_or_default();
        let around = around.filter(|(other, _)| match family {
            Family::Inference | Family::Embeddings => *other == family || *other == Family::Unknown,
            family => family == Family::Unknown,
        });
        if around.is_some() || agent.is_some() {
            let mut open = state.lock();
            open.nest.around = around.as_ref().map(|(_, state)| Arc::clone(state));
            if !matches!(family, Family::Agent | Family::Workflow) {
                open.nest.agent.clone_from(&agent);
            }
        }
        if let Some((_, around)) = around {
            around.lock().nest.has_below = true;
        }
        let inner = match family {
            Family::Inference | Family::Embeddings | Family::Unknown => {
                Place { around: Some((family, Arc::clone(state))), agent }
            }
            Family::Agent => Place { around: None, agent: Some(Arc::clone(state)) },
            // What it had while it passed for another span ends here.
            Family::Workflow => return self.leave(span),
            _ if agent.is_none() => return self.leave(span),
            _ => Place { around: None, agent },
        };
        self.insert(span, inner);
    }

    pub(super) fn leave(&self, span: SpanId) {
        let (shard, id) = self.shard(span);
        if shard.len.load(Ordering::Relaxed) == 0 {
            return;
        }
        let mut open = shard.lock();
        let place = open.remove(&id);
        shard.len.store(open.len(), Ordering::Relaxed);
        drop(open);
        drop(place);
    }

    /// What a span counts of its own: not what those below it have counted, nor what one around it
    /// counted that ended before.
    pub(super) fn settle(&self, nest: &Nest, own: Counted) -> Counted {
        let mut counted = own.beyond(&nest.counted);
        let mut next = nest.around.clone();
        while let Some(state) = next {
            let mut open = state.lock();
            if open.ended {
                let claimed = open.nest.counted;
                let left = counted.beyond(&claimed);
                open.nest.counted = claimed.beyond(&counted);
                counted = left;
            }
            next = open.nest.around.clone();
        }
        counted
    }

    /// Tells those around a span what was counted for it.
    pub(super) fn count(&self, ended: &Ended<'_>, counted: &Counted) {
        let mut all = ended.nest.counted;
        all.add(counted);
        if let Some(around) = &ended.nest.around {
            let mut open = around.lock();
            if !open.ended {
                open.nest.counted.add(&all);
            }
        }
        if let Some(agent) = &ended.nest.agent {
            let mut open = agent.lock();
            match ended.family {
                Family::Inference if counted.requests > 0 => open.nest.inference_calls += 1,
                Family::Tool => open.nest.tool_calls += 1,
                _ => {}
            }
        }
        if ended.nest.has_below {
            let mut open = ended.state.lock();
            open.nest.counted = *counted;
            // The way up stays, for spans below that end after this one.
            open.nest.around.clone_from(&ended.nest.around);
        }
    }

    /// A span that turned out to have no metrics hands on what those below it counted.
    pub(super) fn pass_on(&self, nest: &Nest) {
        if let Some(around) = &nest.around {
            around.lock().nest.counted.add(&nest.counted);
        }
    }

    fn of_parent(&self, parent: SpanId) -> Option<Place> {
        if parent == SpanId::INVALID { None } else { self.get(parent) }
    }

    fn get(&self, span: SpanId) -> Option<Place> {
        let (shard, id) = self.shard(span);
        if shard.len.load(Ordering::Relaxed) == 0 {
            return None;
        }
        shard.lock().get(&id).cloned()
    }

    fn insert(&self, span: SpanId, place: Place) {
        let (shard, id) = self.shard(span);
        let mut open = shard.lock();
        open.insert(id, place);
        shard.len.store(open.len(), Ordering::Relaxed);
    }

    fn shard(&self, span: SpanId) -> (&Shard, u64) {
        let id = u64::from_be_bytes(span.to_bytes());
        (&self.shards[id as usize % SHARDS], id)
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, FxHashMap<u64, Place>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const SHARDS: usize = 16;
