//! Ends spans that nobody ends.

use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::{Duration, Instant};

use opentelemetry::trace::TraceContextExt;
use tracing::span::Id;
use tracing_core::Dispatch;

use super::reach::{Reach, Reached};
use crate::capture::tracer::open_spans::Expired;
use crate::capture::tracer::{Core, SpanState};
use crate::record::Raw;
use crate::semconv::{Attr, Outcome};

/// Looks after the spans of `dispatch` for as long as there is one, from a thread of its own: a
/// service in which nothing happens any more has open spans, too.
pub(super) fn watch(core: &Arc<Core>, dispatch: &Dispatch) {
    let Some(step) = core.open_spans.step() else { return };
    let (core, dispatch) = (Arc::downgrade(core), dispatch.downgrade());
    let started = thread::Builder::new().name("tracing-genai-ttl".to_owned()).spawn(move || {
        let mut next = Instant::now() + step;
        loop {
            thread::sleep(next.saturating_duration_since(Instant::now()).min(LONGEST_NAP));
            let (Some(core), Some(dispatch)) = (core.upgrade(), dispatch.upgrade()) else { return };
            if Instant::now() >= next {
                next += step;
                let Expired { known, watched } = core.open_spans.advance();
                for span in known {
                    each(&core, || expire(&core, &dispatch, span));
                }
                for span in watched.iter().filter_map(Weak::upgrade) {
                    each(&core, || {
                        note(&core, span.state());
                        span.end()
                    });
                }
            }
        }
    });
    if let Err(error) = started {
        tracing::warn!(target: "tracing_genai::self", %error, "open spans do not expire");
    }
}

/// The thread ends this long after the last user of the layer, at the latest.
const LONGEST_NAP: Duration = Duration::from_secs(1);

/// Ends one span. A processor of the user's may panic over it, and so does the layer below over a
/// span that its owner closes just then: neither is the end of expiry.
fn each(core: &Core, end: impl FnOnce() -> bool) {
    match catch_unwind(AssertUnwindSafe(end)) {
        Ok(true) => core.health.expired.increment(),
        Ok(false) => {}
        Err(_) => core.health.not_expired.increment(),
    }
}

/// Tells whether the span was open.
fn expire(core: &Core, dispatch: &Dispatch, span: NonZeroU64) -> bool {
    let id = Id::from_non_zero_u64(span);
    let Some(Reached { state: Some(state), .. }) = Reach::find(dispatch, &id) else { return false };
    if state.has_ended() {
        return false;
    }
    note(core, &state);
    let context = tracing_opentelemetry::get_otel_context(&id, dispatch);
    context.map(|context| context.span().end()).is_some()
}

fn note(core: &Core, state: &SpanState) {
    let expired = Raw::Str(Outcome::Expired.as_str().into());
    state.lock().record_text(Attr::Outcome.key().into(), expired, core);
}
