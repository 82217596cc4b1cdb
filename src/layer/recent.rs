//! The GenAI span that a thread worked on last.
//!
//! Most values are recorded on the span that the same thread made or recorded on before. Finding
//! it here saves the way through the registry and its locks, which costs more than the recording.

use std::cell::Cell;

use tracing::span::Id;

use super::Tracked;
use crate::tracer::Core;

struct Recent {
    /// Ids are unique within a registry, and a core belongs to one.
    core: u64,
    id: Id,
    tracked: Tracked,
}

thread_local! {
    static RECENT: Cell<Option<Recent>> = const { Cell::new(None) };
}

/// Takes the span out if it is the one; a value being formatted may record on another meanwhile.
pub(super) fn take(core: &Core, id: &Id) -> Option<Tracked> {
    // While a thread ends the cell may be gone already.
    RECENT
        .try_with(|recent| match recent.take() {
            Some(found) if found.id == *id && found.core == core.id => Some(found.tracked),
            other => {
                recent.set(other);
                None
            }
        })
        .ok()
        .flatten()
}

pub(super) fn put(core: &Core, id: &Id, tracked: Tracked) {
    let recent = Recent { core: core.id, id: id.clone(), tracked };
    let _ = RECENT.try_with(|cell| cell.set(Some(recent)));
}
