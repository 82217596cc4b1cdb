//! The GenAI span that a thread worked on last.
//!
//! Most values are recorded on the span that the same thread made or recorded on before. Finding
//! it here saves the way through the registry and its locks, which costs more than the recording.

use std::cell::RefCell;

use tracing::span::Id;

use super::tracked::Tracked;
use crate::capture::tracer::Core;

/// The span, and how often this thread has entered it while it was the recent one.
pub(super) struct Recent {
    /// Ids are unique within a registry, and a core belongs to one.
    core: u64,
    id: Id,
    entered: u32,
    tracked: Tracked,
}

impl Recent {
    pub(super) fn new(core: &Core, id: &Id, tracked: Tracked) -> Self {
        Self { core: core.id, id: id.clone(), entered: 0, tracked }
    }

    pub(super) fn tracked(&self) -> &Tracked {
        &self.tracked
    }

    /// Whether the thread is inside of the span for certain.
    pub(super) fn is_entered(&self) -> bool {
        self.entered > 0
    }

    /// Ids come again: a span that another thread has closed is not the one of the same id.
    fn is(&self, core: &Core, id: &Id) -> bool {
        self.id == *id && self.core == core.id && !self.tracked.state.has_ended()
    }
}

thread_local! {
    static RECENT: RefCell<Option<Recent>> = const { RefCell::new(None) };
}

/// Calls `then` with the span if it is the one. `then` may come back here: what is borrowed
/// meanwhile is not changed.
pub(super) fn with<R>(core: &Core, id: &Id, then: impl FnOnce(&Recent) -> R) -> Option<R> {
    // While a thread ends the cell may be gone already.
    RECENT
        .try_with(|cell| match &*cell.try_borrow().ok()? {
            Some(recent) if recent.is(core, id) => Some(then(recent)),
            _ => None,
        })
        .ok()
        .flatten()
}

pub(super) fn put(recent: Recent) {
    let former = RECENT.try_with(|cell| Some(cell.try_borrow_mut().ok()?.replace(recent)));
    // Dropped with the cell free again.
    drop(former);
}

pub(super) fn enter(core: &Core, id: &Id) {
    change(core, id, |recent| recent.entered += 1);
}

pub(super) fn exit(core: &Core, id: &Id) {
    change(core, id, |recent| recent.entered = recent.entered.saturating_sub(1));
}

pub(super) fn forget(core: &Core, id: &Id) {
    let former = RECENT.try_with(|cell| {
        let mut cell = cell.try_borrow_mut().ok()?;
        cell.take_if(|recent| recent.is(core, id))
    });
    drop(former);
}

fn change(core: &Core, id: &Id, change: impl FnOnce(&mut Recent)) {
    let _ = RECENT.try_with(|cell| {
        if let Ok(mut cell) = cell.try_borrow_mut()
            && let Some(recent) = &mut *cell
            && recent.is(core, id)
        {
            change(recent);
        }
    });
}
