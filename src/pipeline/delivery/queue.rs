//! The bounded queue in front of one destination, and the only place where the application's
//! threads, the destination's thread and people who flush or shut down meet.
//!
//! The lock is held for a push, for moving one batch out, or for reading a few numbers; never
//! while a span is copied, converted or sent. The destination's thread is woken when a batch is
//! full, not for each span; below that it wakes by itself after the delay.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::account::Account;
use super::finished::Finished;
use super::signal::Signal;
use crate::config::settings::Batch;
use crate::health::{DropReason, Fate, Health};
use crate::pipeline::size;

#[derive(Debug)]
pub(crate) struct Queue<S> {
    state: Mutex<State<S>>,
    /// Something to do for the worker.
    work: Condvar,
    /// Something was settled, given up or stopped.
    progress: Condvar,
    account: Arc<Account>,
    health: Arc<Health>,
}

#[derive(Debug)]
struct State<S> {
    spans: VecDeque<Arc<Finished<S>>>,
    /// What these spans take.
    bytes: usize,
    /// Spans the worker has taken and not settled; they count towards the limits.
    in_hand: Load,
    batch: Batch,
    mode: Mode,
    /// What is dropped from now on is counted so.
    reason: DropReason,
    /// The worker is waiting on `work`.
    idle: bool,
    /// The destination is not answering.
    breaker_open: bool,
    /// Attempts are numbered; whether the last one is under way.
    attempts: u64,
    attempting: bool,
    /// Spans ever taken in, and how many of these are settled: a flush is done when the second
    /// reaches what the first was when it was asked for.
    pushed: u64,
    settled: u64,
    flush: Flush,
    due: Instant,
}

/// So many spans, and about how many bytes they take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) spans: usize,
    pub(crate) bytes: usize,
}

/// Flushes are numbered.
#[derive(Debug, Default)]
struct Flush {
    asked: u64,
    done: u64,
    gave_up: u64,
    /// What the last one waits for.
    target: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Mode {
    Open,
    /// Takes nothing more. What is not delivered by then is dropped for the reason.
    Closing {
        until: Instant,
    },
    Stopped,
}

/// What the worker has to do.
#[derive(Debug)]
pub(crate) enum Work<S> {
    Batch(Vec<Arc<Finished<S>>>),
    /// Everything is settled that this flush waits for; the transport may hold something back.
    Flush(u64),
    Stop,
}

/// A flush to wait for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Ticket {
    number: u64,
    target: u64,
}

/// A span that the queue did not take.
#[derive(Debug)]
pub(crate) enum Refused<S> {
    /// Counted; nothing more to do.
    Full,
    /// The destination was removed: the span is still to be routed.
    Closed(Arc<Finished<S>>),
}

/// Why a pause ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Pause {
    Elapsed,
    /// Somebody is waiting for a flush.
    Urgent,
    /// The time for shutdown is over.
    Stop,
}

impl<S: Signal> Queue<S> {
    pub(crate) fn new(batch: Batch, account: Arc<Account>, health: Arc<Health>) -> Self {
        let state = State {
            spans: VecDeque::new(),
            bytes: 0,
            in_hand: Load::default(),
            batch,
            mode: Mode::Open,
            reason: DropReason::Shutdown,
            idle: false,
            breaker_open: false,
            attempts: 0,
            attempting: false,
            pushed: 0,
            settled: 0,
            flush: Flush::default(),
            due: Instant::now() + batch.schedule_delay,
        };
        let (work, progress) = (Condvar::new(), Condvar::new());
        Self { state: Mutex::new(state), work, progress, account, health }
    }

    /// Takes a span in, unless there is no room.
    pub(crate) fn offer(&self, finished: Arc<Finished<S>>) -> Result<(), Refused<S>> {
        let mut state = self.lock();
        if state.mode != Mode::Open {
            drop(state);
            return Err(Refused::Closed(finished));
        }
        self.account.spans.receive(1);
        let bytes = finished.bytes();
        if let Some(reason) = state.full(bytes) {
            drop(state);
            self.account.spans.settle(Fate::Dropped(reason), 1);
            finished.settle(Fate::Dropped(reason), &self.health);
            return Err(Refused::Full);
        }
        state.spans.push_back(finished);
        state.bytes += bytes;
        state.pushed += 1;
        let wake = state.idle && state.has_batch();
        if wake {
            state.idle = false;
        }
        drop(state);
        if wake {
            self.work.notify_one();
        }
        Ok(())
    }

    /// Waits for a batch that is full, due, or asked for.
    pub(crate) fn next(&self) -> Work<S> {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            match state.mode {
                Mode::Stopped => return Work::Stop,
                Mode::Closing { until } if now >= until => {
                    self.drop_all(state);
                    return Work::Stop;
                }
                // Who waits for the end waits for that of the transport too.
                Mode::Closing { .. } if state.spans.is_empty() => return Work::Stop,
                _ => {}
            }
            if state.flush.is_open() && state.settled >= state.flush.target {
                return Work::Flush(state.flush.asked);
            }
            let asked = state.is_urgent() || now >= state.due;
            if state.has_batch() || (asked && !state.spans.is_empty()) {
                state.due = now + state.batch.schedule_delay;
                return Work::Batch(state.take_batch());
            }
            if now >= state.due {
                state.due = now + state.batch.schedule_delay;
            }
            let wait = state.due.saturating_duration_since(now);
            state.idle = true;
            state = wait_on(&self.work, state, wait);
            state.idle = false;
        }
    }

    /// Waits before the next attempt. A flush ends the wait unless the destination asked for it.
    pub(crate) fn pause(&self, wait: Duration, asked_by_destination: bool) -> Pause {
        let end = Instant::now() + wait;
        let mut state = self.lock();
        let asked_before = state.is_urgent();
        loop {
            let now = Instant::now();
            match state.mode {
                Mode::Stopped => return Pause::Stop,
                Mode::Closing { until } if end >= until => return Pause::Stop,
                _ if now >= end => return Pause::Elapsed,
                _ => {}
            }
            if state.is_urgent() && !asked_before && !asked_by_destination {
                return Pause::Urgent;
            }
            state = wait_on(&self.work, state, end - now);
        }
    }

    /// Counts spans that the worker has finished with.
    pub(crate) fn settled(&self, load: Load) {
        let mut state = self.lock();
        state.in_hand.spans = state.in_hand.spans.saturating_sub(load.spans);
        state.in_hand.bytes = state.in_hand.bytes.saturating_sub(load.bytes);
        state.settled += load.spans as u64;
        drop(state);
        self.progress.notify_all();
    }

    /// The destination does not answer: whoever is waiting for a flush need not wait longer.
    /// `true` if that is also the end of trying, because the process is about to end.
    pub(crate) fn give_up(&self) -> bool {
        let mut state = self.lock();
        state.flush.gave_up = state.flush.asked;
        state.breaker_open = true;
        let closing = matches!(state.mode, Mode::Closing { .. });
        let last = closing && state.reason == DropReason::Shutdown;
        drop(state);
        self.progress.notify_all();
        last
    }

    /// No time left: stops and drops what is queued.
    pub(crate) fn stop(&self) {
        self.drop_all(self.lock());
    }

    pub(crate) fn answering(&self) {
        self.lock().breaker_open = false;
    }

    /// Begins an attempt and gives the time for it: never past the end of shutdown. `None` when
    /// that is over.
    pub(crate) fn begin_attempt(&self, timeout: Duration) -> Option<Duration> {
        let mut state = self.lock();
        let timeout = match state.mode {
            Mode::Open => Some(timeout),
            Mode::Closing { until } => {
                let left = until.saturating_duration_since(Instant::now());
                (!left.is_zero()).then(|| timeout.min(left))
            }
            Mode::Stopped => None,
        };
        state.attempts += 1;
        state.attempting = timeout.is_some();
        timeout
    }

    pub(crate) fn end_attempt(&self) {
        self.lock().attempting = false;
        self.progress.notify_all();
    }

    /// Waits until the attempt that is under way, if there is one, has ended.
    pub(crate) fn wait_attempt(&self, deadline: Instant) {
        let mut state = self.lock();
        let number = state.attempts;
        while state.attempting && state.attempts == number && state.mode != Mode::Stopped {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            state = wait_on(&self.progress, state, left);
        }
    }

    /// What a span is counted as when there is no time left for it.
    pub(crate) fn drop_reason(&self) -> DropReason {
        self.lock().reason
    }

    /// Asks for everything queued now; see [`Queue::wait_flushed`].
    pub(crate) fn ask_flush(&self) -> Ticket {
        let mut state = self.lock();
        state.flush.asked += 1;
        state.flush.target = state.pushed;
        let ticket = Ticket { number: state.flush.asked, target: state.pushed };
        drop(state);
        self.work.notify_all();
        ticket
    }

    pub(crate) fn flushed(&self, number: u64) {
        self.lock().flush.done = number;
        self.progress.notify_all();
    }

    /// Waits until the flush is done, trying was given up, or the time is over. Returns how many
    /// spans are still waiting.
    pub(crate) fn wait_flushed(&self, ticket: Ticket, deadline: Instant) -> u64 {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let over = state.flush.done >= ticket.number
                || state.flush.gave_up >= ticket.number
                || state.mode == Mode::Stopped
                || now >= deadline;
            if over {
                return ticket.target.saturating_sub(state.settled);
            }
            state = wait_on(&self.progress, state, deadline - now);
        }
    }

    /// Takes no more spans; what is there is delivered until `until`, then dropped.
    pub(crate) fn close(&self, until: Instant, reason: DropReason) {
        let mut state = self.lock();
        // The earlier end wins: a destination that drains after a reload must not outlive shutdown.
        let is_earlier = match state.mode {
            Mode::Open => true,
            Mode::Closing { until: other } => until < other,
            Mode::Stopped => false,
        };
        if is_earlier {
            (state.mode, state.reason) = (Mode::Closing { until }, reason);
        }
        drop(state);
        self.work.notify_all();
    }

    /// Waits until the worker has stopped or the time is over; then nothing is queued any more.
    /// Returns how many spans the worker still has in hand: sent, perhaps, but not answered.
    pub(crate) fn wait_stopped(&self, deadline: Instant, reason: DropReason) -> usize {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.mode == Mode::Stopped {
                return state.in_hand.spans;
            }
            if now >= deadline {
                let in_hand = state.in_hand.spans;
                state.reason = reason;
                self.drop_all(state);
                return in_hand;
            }
            state = wait_on(&self.progress, state, deadline - now);
        }
    }

    /// What the worker has in hand, and how much the queue may hold with that.
    pub(crate) fn in_hand_of_capacity(&self) -> (usize, usize) {
        let state = self.lock();
        (state.in_hand.spans, state.batch.max_queue_size)
    }

    /// What it holds, in the worker's hands too.
    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load {
            spans: state.spans.len() + state.in_hand.spans,
            bytes: state.bytes + state.in_hand.bytes,
        }
    }

    /// Nothing is left in it, nor on its way.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.mode == Mode::Stopped && state.in_hand.spans == 0
    }

    pub(crate) fn is_breaker_open(&self) -> bool {
        self.lock().breaker_open
    }

    pub(crate) fn set_batch(&self, batch: Batch) {
        let mut state = self.lock();
        state.batch = batch;
        state.due = state.due.min(Instant::now() + batch.schedule_delay);
        drop(state);
        self.work.notify_all();
    }

    /// Stops and drops what is queued.
    fn drop_all(&self, mut state: MutexGuard<'_, State<S>>) {
        let reason = state.reason;
        state.mode = Mode::Stopped;
        let spans = std::mem::take(&mut state.spans);
        state.bytes = 0;
        state.settled += spans.len() as u64;
        drop(state);
        self.account.spans.settle(Fate::Dropped(reason), spans.len() as u64);
        for span in spans {
            span.settle(Fate::Dropped(reason), &self.health);
        }
        self.work.notify_all();
        self.progress.notify_all();
    }

    fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flush {
    fn is_open(&self) -> bool {
        self.asked > self.done.max(self.gave_up)
    }
}

impl<S: Signal> State<S> {
    /// Why there is no room for a span of so many bytes, if there is none.
    fn full(&self, bytes: usize) -> Option<DropReason> {
        let Batch { max_queue_size, max_queue_bytes, .. } = self.batch;
        let many = self.spans.len() + self.in_hand.spans >= max_queue_size;
        let large = self.bytes + self.in_hand.bytes + bytes > max_queue_bytes;
        match (many, large) {
            (false, false) => None,
            _ if self.breaker_open => Some(DropReason::BreakerOpen),
            (true, _) => Some(DropReason::QueueFull),
            (false, true) => Some(DropReason::QueueBytes),
        }
    }

    /// Whether there is enough for a batch that need not wait.
    fn has_batch(&self) -> bool {
        self.spans.len() >= self.batch.max_export_batch_size || self.bytes >= size::MAX_REQUEST
    }

    /// As many spans as one batch may have; of large ones no more than go into one request, so
    /// that what is encoded at a time stays small.
    fn take_batch(&mut self) -> Vec<Arc<Finished<S>>> {
        let mut load = Load::default();
        for span in self.spans.iter().take(self.batch.max_export_batch_size) {
            if load.spans > 0 && load.bytes + span.bytes() > size::MAX_REQUEST {
                break;
            }
            load.spans += 1;
            load.bytes += span.bytes();
        }
        self.bytes -= load.bytes;
        self.in_hand = load;
        self.spans.drain(..load.spans).collect()
    }

    /// Whether somebody is waiting.
    fn is_urgent(&self) -> bool {
        self.mode != Mode::Open || (self.flush.is_open() && self.settled < self.flush.target)
    }
}

fn wait_on<'a, S>(
    condvar: &Condvar,
    state: MutexGuard<'a, State<S>>,
    wait: Duration,
) -> MutexGuard<'a, State<S>> {
    condvar.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
}
