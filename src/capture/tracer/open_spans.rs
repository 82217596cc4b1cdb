//! The GenAI spans that are open, so that one nobody ever closes still leaves.
//!
//! Spans are kept by the sixteenth of the time limit in which they started, in shards that threads
//! do not share as a rule. A span's own end takes it out at once; what is left when its sixteenth
//! is over by the limit has expired. So a sweep looks at what expired and not at what is open.

use std::cell::Cell;
use std::collections::VecDeque;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::state::SpanState;
use super::ticket::{MOST_PLACES, TIME_MASK, Ticket};

/// The open spans of one registry.
#[derive(Debug)]
pub(crate) struct OpenSpans {
    limit: Option<Duration>,
    /// Those that the layer has seen, by their ids in the registry.
    known: Wheel<NonZeroU64>,
    /// Those made with the OpenTelemetry API, and those that became GenAI spans on their way.
    watched: Wheel<Weak<dyn Endable>>,
}

/// A span that can be ended from outside.
pub(crate) trait Endable: Send + Sync {
    fn state(&self) -> &Arc<SpanState>;

    /// Ends it now. Tells whether it was open.
    fn end(&self) -> bool;
}

/// Spans whose time is over.
pub(crate) struct Expired {
    pub(crate) known: Vec<NonZeroU64>,
    pub(crate) watched: Vec<Weak<dyn Endable>>,
}

/// What is open at one moment.
#[cfg(any(feature = "init", test))]
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct InFlight {
    pub(crate) spans: usize,
    /// The age of the oldest, in steps of a sixteenth of the limit.
    pub(crate) oldest: Duration,
}

impl OpenSpans {
    /// Keeps nothing without a limit.
    pub(crate) fn new(limit: Option<Duration>) -> Self {
        let limit = limit.filter(|limit| !limit.is_zero());
        let shards = if limit.is_some() { SHARDS } else { 0 };
        Self { limit, known: Wheel::new(shards), watched: Wheel::new(shards) }
    }

    pub(crate) fn limit(&self) -> Option<Duration> {
        self.limit
    }

    /// How often [`Self::advance`] wants to be called.
    pub(crate) fn step(&self) -> Option<Duration> {
        self.limit.map(|limit| limit / SLICES)
    }

    /// Notes a span that starts.
    #[inline]
    pub(crate) fn insert(&self, span: NonZeroU64) -> Option<Ticket> {
        self.limit?;
        self.known.insert(span)
    }

    /// Forgets a span that has ended. One that is not there any more has expired.
    #[inline]
    pub(crate) fn remove(&self, ticket: Ticket) {
        self.known.remove(ticket);
    }

    /// Notes a span that the registry does not know by an id.
    pub(super) fn watch(&self, span: Weak<dyn Endable>) -> Option<Ticket> {
        self.limit?;
        self.watched.insert(span)
    }

    pub(super) fn unwatch(&self, ticket: Ticket) {
        self.watched.remove(ticket);
    }

    /// Goes on by one step and takes out what has expired by now.
    pub(crate) fn advance(&self) -> Expired {
        Expired { known: self.known.advance(), watched: self.watched.advance() }
    }

    /// What is open now.
    #[cfg(any(feature = "init", test))]
    pub(crate) fn in_flight(&self) -> InFlight {
        let (known, oldest_known) = self.known.open();
        let (watched, oldest_watched) = self.watched.open();
        InFlight {
            spans: known + watched,
            oldest: self.step().unwrap_or_default() * oldest_known.max(oldest_watched),
        }
    }
}

/// Entries by when they came, and what is left of them when they have been there for too long.
#[derive(Debug)]
struct Wheel<E> {
    /// Which sixteenth it is, counted from the start.
    now: AtomicU32,
    shards: Box<[Mutex<Shard<E>>]>,
}

/// Spans of one thread, or of few.
#[derive(Debug)]
#[repr(align(128))]
struct Shard<E> {
    /// Oldest first.
    slices: VecDeque<Slice<E>>,
}

/// Spans that started in the same sixteenth.
#[derive(Debug)]
struct Slice<E> {
    started: u32,
    /// `None` where one has ended.
    spans: Vec<Option<E>>,
    /// Places in `spans` that are free.
    free: Vec<u32>,
}

const SLICES: u32 = 16;
const SHARDS: usize = 16;

impl<E> Wheel<E> {
    fn new(shards: usize) -> Self {
        let empty = || Mutex::new(Shard { slices: VecDeque::new() });
        Self { now: AtomicU32::new(0), shards: (0..shards).map(|_| empty()).collect() }
    }

    #[inline]
    fn insert(&self, span: E) -> Option<Ticket> {
        let now = self.now.load(Ordering::Relaxed);
        let at = shard_of_thread();
        let mut shard = self.lock(at)?;
        if shard.slices.back().is_none_or(|slice| slice.started != now) {
            shard.slices.push_back(Slice { started: now, spans: Vec::new(), free: Vec::new() });
        }
        let slice = shard.slices.back_mut()?;
        let place = match slice.free.pop() {
            Some(place) => {
                slice.spans[place as usize] = Some(span);
                place
            }
            None => {
                let place = u32::try_from(slice.spans.len()).ok().filter(|at| *at < MOST_PLACES)?;
                slice.spans.push(Some(span));
                place
            }
        };
        Ticket::new(at, now, place)
    }

    #[inline]
    fn remove(&self, ticket: Ticket) {
        let (at, started, place) = ticket.parts();
        let Some(mut shard) = self.lock(at) else { return };
        let found = shard.slices.iter().rposition(|slice| slice.started & TIME_MASK == started);
        let Some(found) = found else { return };
        let slice = &mut shard.slices[found];
        if slice.spans.get_mut(place as usize).and_then(Option::take).is_some() {
            slice.free.push(place);
            // Its memory is given back unless spans still start in it.
            if slice.is_empty() && slice.started != self.now.load(Ordering::Relaxed) {
                shard.slices.remove(found);
            }
        }
    }

    fn advance(&self) -> Vec<E> {
        let now = self.now.fetch_add(1, Ordering::Relaxed).wrapping_add(1);
        let mut expired = Vec::new();
        for at in 0..self.shards.len() {
            let Some(mut shard) = self.lock(at) else { continue };
            // One more than the slices of a limit: the first may have started just now.
            while shard.slices.front().is_some_and(|it| now.wrapping_sub(it.started) > SLICES) {
                let slice = shard.slices.pop_front();
                expired.extend(slice.into_iter().flat_map(|it| it.spans).flatten());
            }
        }
        expired
    }

    /// How many are open, and for how many steps the oldest.
    #[cfg(any(feature = "init", test))]
    fn open(&self) -> (usize, u32) {
        let now = self.now.load(Ordering::Relaxed);
        let (mut spans, mut oldest) = (0, now);
        for at in 0..self.shards.len() {
            let Some(shard) = self.lock(at) else { continue };
            for slice in &shard.slices {
                let open = slice.spans.len() - slice.free.len();
                spans += open;
                if open > 0 {
                    oldest = oldest.min(slice.started);
                }
            }
        }
        (spans, now.wrapping_sub(oldest))
    }

    fn lock(&self, at: usize) -> Option<MutexGuard<'_, Shard<E>>> {
        // Nothing under this lock runs code of others, so a poisoned one holds sound data.
        Some(self.shards.get(at)?.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl<E> Slice<E> {
    fn is_empty(&self) -> bool {
        self.spans.len() == self.free.len()
    }
}

/// Threads are dealt out to the shards as they come.
fn shard_of_thread() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static OWN: Cell<Option<usize>> = const { Cell::new(None) });
    OWN.try_with(|own| {
        own.get().unwrap_or_else(|| {
            let shard = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS;
            own.set(Some(shard));
            shard
        })
    })
    .unwrap_or(0)
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use super::*;

    fn id(number: u64) -> NonZeroU64 {
        NonZeroU64::new(number).unwrap()
    }

    #[test]
    fn only_what_is_left_after_the_limit_expires() {
        let open = OpenSpans::new(Some(Duration::from_secs(16)));
        let first = open.insert(id(1)).unwrap();
        open.insert(id(2)).unwrap();
        assert!(open.advance().known.is_empty());
        open.insert(id(3)).unwrap();
        open.remove(first);
        assert_eq!(open.in_flight(), InFlight { spans: 2, oldest: Duration::from_secs(1) });
        let expired: Vec<_> = (1..SLICES).map(|_| open.advance().known).collect();
        assert!(expired.iter().all(Vec::is_empty), "{expired:?}");
        assert_eq!(open.advance().known, [id(2)]);
        assert_eq!(open.advance().known, [id(3)]);
        assert_eq!(open.in_flight().spans, 0);
        open.remove(first);
    }

    #[test]
    fn memory_is_that_of_what_is_open() {
        let open = OpenSpans::new(Some(Duration::from_secs(16)));
        for round in 0..100_000_u64 {
            let ticket = open.insert(id(round + 1)).unwrap();
            open.remove(ticket);
            if round % 100 == 0 {
                assert!(open.advance().known.is_empty());
            }
        }
        let shards = &open.known.shards;
        let slices: usize = shards.iter().map(|it| it.lock().unwrap().slices.len()).sum();
        let places: usize = shards
            .iter()
            .map(|it| it.lock().unwrap().slices.iter().map(|it| it.spans.capacity()).sum::<usize>())
            .sum();
        assert!(slices <= 17 && places <= 100, "{slices} slices, {places} places");
    }

    #[test]
    fn spans_without_an_id_are_open_too() {
        struct Fake(Arc<SpanState>);
        impl Endable for Fake {
            fn state(&self) -> &Arc<SpanState> {
                &self.0
            }

            fn end(&self) -> bool {
                true
            }
        }
        let open = OpenSpans::new(Some(Duration::from_secs(16)));
        let fake: Arc<dyn Endable> = Arc::new(Fake(Arc::default()));
        let ticket = open.watch(Arc::downgrade(&fake)).unwrap();
        open.watch(Arc::downgrade(&fake)).unwrap();
        assert!(open.advance().watched.is_empty());
        open.insert(id(1)).unwrap();
        assert_eq!(open.in_flight(), InFlight { spans: 3, oldest: Duration::from_secs(1) });
        open.unwatch(ticket);
        let expired: Vec<_> = (0..SLICES).flat_map(|_| open.advance().watched).collect();
        assert_eq!(expired.len(), 1);
        assert_eq!(open.in_flight().spans, 1);
    }

    #[test]
    fn without_a_limit_nothing_is_kept() {
        let open = OpenSpans::new(None);
        assert_eq!(open.insert(id(1)), None);
        assert_eq!(open.step(), None);
    }
}
