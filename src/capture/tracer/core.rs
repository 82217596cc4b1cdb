//! What a layer, its tracer and the handle share.

use std::ops::{Deref, DerefMut};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::markers::{self, Given, Mark};
use super::observe::ObserveSpans;
use super::open_spans::OpenSpans;
use super::rules::{Finisher, Rules};
use super::state::{Open, SpanState};
use crate::policy::{Policy, PolicyCell};
use crate::record::Record;
use crate::semconv::{Family, Version};

/// What a layer, its tracer and the handle share.
#[derive(Debug)]
pub(crate) struct Core {
    /// Tells this core from any other of the process.
    pub(crate) id: u64,
    pub(crate) rules: Rules,
    /// Who is told of spans beside the SDK.
    pub(crate) observer: Option<Arc<dyn ObserveSpans>>,
    /// Who is told of events, as log records.
    #[cfg(feature = "logs")]
    pub(crate) logs: crate::capture::logs::LogGate,
    /// The spans that have not ended.
    pub(crate) open_spans: OpenSpans,
    /// Records of spans that the layer has seen and the tracer has not built yet.
    pub(super) waiting: sharded_slab::Slab<Arc<SpanState>>,
}

impl Core {
    pub(crate) fn new(policy: Policy, semconv: Version) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        Self {
            id: NEXT.fetch_add(1, Ordering::Relaxed),
            rules: Rules {
                policy: PolicyCell::new(policy),
                semconv,
                override_explicit_names: false,
                finisher: Finisher::AtEnd,
                health: Arc::default(),
                findings: None,
            },
            observer: None,
            #[cfg(feature = "logs")]
            logs: crate::capture::logs::LogGate::default(),
            open_spans: OpenSpans::new(None),
            waiting: sharded_slab::Slab::new(),
        }
    }

    /// Whether an event of this level is to become a log record.
    #[cfg(feature = "init")]
    pub(crate) fn wants_record(&self, level: tracing_core::Level) -> bool {
        #[cfg(feature = "logs")]
        return self.logs.wants(level);
        #[cfg(not(feature = "logs"))]
        {
            let _ = level;
            false
        }
    }

    /// Whether what is recorded on `state` will be looked at by anybody.
    pub(crate) fn is_of_use(&self, state: &SpanState) -> bool {
        !state.is_unsampled() || self.observer.is_some()
    }

    /// Runs `create`, in which the layer below asks this core's tracer for a builder, so that the
    /// builder carries the way to `state`. Does not, and says so, when too many spans wait already.
    /// `fields` is how many attributes the span may come to have.
    pub(crate) fn introduce(
        &self,
        state: &Arc<SpanState>,
        fields: usize,
        create: impl FnOnce(),
    ) -> bool {
        let Some(slot) = self.waiting.insert(Arc::clone(state)) else { return false };
        if !markers::making(self.id, Some(Mark::Slot(slot, fields)), create) {
            self.waiting.remove(slot);
        }
        true
    }

    /// Runs `create` for a span without GenAI fields, whose name or kind its maker may have given.
    pub(crate) fn introduce_plain(&self, given: Given, create: impl FnOnce()) {
        markers::making(self.id, (given.name || given.kind).then_some(Mark::Given(given)), create);
    }

    /// The family of metrics of a span, if anybody measures.
    pub(super) fn family(&self, open: &Open) -> Family {
        self.family_of(open, &open.record)
    }

    pub(super) fn family_of(&self, open: &Open, record: &Record) -> Family {
        self.observer.as_ref().map_or(Family::Unknown, |_| open.family(record))
    }

    /// Whether anybody wants to hear of the chunks of a stream.
    pub(crate) fn observes_chunks(&self) -> bool {
        self.observer.is_some()
    }
}

impl Deref for Core {
    type Target = Rules;

    fn deref(&self) -> &Rules {
        &self.rules
    }
}

impl DerefMut for Core {
    fn deref_mut(&mut self) -> &mut Rules {
        &mut self.rules
    }
}
