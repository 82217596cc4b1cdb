//! The bounded queue in front of one destination, and the only place where the application's
//! threads, the destination's thread and people who flush or shut down meet.
//!
//! The lock is held for a push, for moving one batch out, or for reading a few numbers; never
//! while an item is copied, converted or sent. The destination's thread is woken when a batch is
//! full, not for each item; below that it wakes by itself after the delay.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::account::Account;
use super::deadline::Deadline;
use super::finished::Finished;
use super::item::Item;
use super::progress::Progress;
use super::transport::MAX_REQUEST;
use crate::config::settings::Batch;
use crate::health::{DropReason, Fate, Health};

#[derive(Debug)]
pub(crate) struct Queue<S> {
    state: Mutex<State<S>>,
    /// Something to do for the worker.
    pub(super) work: Condvar,
    /// Something was settled, given up or stopped.
    pub(super) progress: Condvar,
    account: Arc<Account>,
    health: Arc<Health>,
}

#[derive(Debug)]
pub(super) struct State<S> {
    items: VecDeque<Arc<Finished<S>>>,
    /// What these take.
    bytes: usize,
    /// Items the worker has taken and not settled; they count towards the limits.
    in_hand: Load,
    batch: Batch,
    pub(super) mode: Mode,
    /// What is dropped from now on is counted so.
    pub(super) reason: DropReason,
    /// The worker is waiting on `work`.
    idle: bool,
    pub(super) attempts: Progress,
    /// Items ever taken in, and how many of these are settled: a flush is done when the second
    /// reaches what the first was when it was asked for.
    pushed: u64,
    settled: u64,
    /// So many of these are due, whatever the delay.
    due_up_to: u64,
    pub(super) flush: Flush,
    due: Instant,
    thread: Option<JoinHandle<()>>,
    /// The thread has nothing more to do.
    ended: bool,
}

/// So many items, and about how many bytes they take.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Load {
    pub(crate) items: usize,
    pub(crate) bytes: usize,
}

/// Flushes are numbered.
#[derive(Debug, Default)]
pub(super) struct Flush {
    pub(super) asked: u64,
    done: u64,
    pub(super) gave_up: u64,
    /// What the last one waits for.
    target: u64,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Mode {
    Open,
    /// Takes nothing more. What is not delivered by then is dropped for the reason.
    Closing {
        until: Deadline,
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

/// An item that the queue did not take.
#[derive(Debug)]
pub(crate) enum Refused<S> {
    /// Counted; nothing more to do.
    Full,
    /// The destination was removed: the item is still to be routed.
    Closed(Arc<Finished<S>>),
}

impl<S: Item> Queue<S> {
    pub(crate) fn new(batch: Batch, account: Arc<Account>, health: Arc<Health>) -> Self {
        let state = State {
            items: VecDeque::new(),
            bytes: 0,
            in_hand: Load::default(),
            batch,
            mode: Mode::Open,
            reason: DropReason::Shutdown,
            idle: false,
            attempts: Progress::default(),
            pushed: 0,
            settled: 0,
            due_up_to: 0,
            flush: Flush::default(),
            due: Instant::now() + batch.schedule_delay,
            thread: None,
            ended: false,
        };
        let (work, progress) = (Condvar::new(), Condvar::new());
        Self { state: Mutex::new(state), work, progress, account, health }
    }

    /// Takes an item in, unless there is no room.
    pub(crate) fn offer(&self, finished: Arc<Finished<S>>) -> Result<(), Refused<S>> {
        let mut state = self.lock();
        if state.mode != Mode::Open {
            drop(state);
            return Err(Refused::Closed(finished));
        }
        self.account.items.receive(1);
        let bytes = finished.bytes();
        if let Some(reason) = state.full(bytes) {
            drop(state);
            self.account.items.settle(Fate::Dropped(reason), 1);
            finished.settle(Fate::Dropped(reason), &self.health);
            return Err(Refused::Full);
        }
        state.items.push_back(finished);
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
                Mode::Closing { until } if until.is_over() => {
                    self.drop_all(state);
                    return Work::Stop;
                }
                // Who waits for the end waits for that of the transport too.
                Mode::Closing { .. } if state.items.is_empty() => return Work::Stop,
                _ => {}
            }
            if state.flush.is_open() && state.settled >= state.flush.target {
                return Work::Flush(state.flush.asked);
            }
            let asked = state.is_urgent() || now >= state.due || state.is_asked_for();
            if state.has_batch() || (asked && !state.items.is_empty()) {
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

    /// Counts items that the worker has finished with.
    pub(crate) fn settled(&self, load: Load) {
        let mut state = self.lock();
        state.in_hand.items = state.in_hand.items.saturating_sub(load.items);
        state.in_hand.bytes = state.in_hand.bytes.saturating_sub(load.bytes);
        state.settled += load.items as u64;
        drop(state);
        self.progress.notify_all();
    }

    /// What is queued is due. It is sent as soon as the destination answers, and nobody waits.
    #[cfg(feature = "metrics")]
    pub(crate) fn send_now(&self) {
        let mut state = self.lock();
        state.due_up_to = state.pushed;
        drop(state);
        self.work.notify_all();
    }

    /// Drops what is queued: what comes next says it better.
    #[cfg(feature = "metrics")]
    pub(crate) fn supersede(&self) {
        let mut state = self.lock();
        let items = std::mem::take(&mut state.items);
        state.bytes = 0;
        state.settled += items.len() as u64;
        drop(state);
        self.dropped(items, DropReason::Superseded);
        self.progress.notify_all();
    }

    /// No time left: stops and drops what is queued.
    pub(crate) fn stop(&self) {
        self.drop_all(self.lock());
    }

    /// Waits until the attempt that is under way, if there is one, has ended.
    pub(crate) fn wait_attempt(&self, deadline: Deadline) {
        let mut state = self.lock();
        let number = state.attempts.number;
        while state.attempts.is_under_way(number) && state.mode != Mode::Stopped {
            if deadline.is_over() {
                return;
            }
            state = wait_on(&self.progress, state, deadline.left());
        }
    }

    /// What an item is counted as when there is no time left for it.
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
    /// items are still waiting.
    pub(crate) fn wait_flushed(&self, ticket: Ticket, deadline: Deadline) -> u64 {
        let mut state = self.lock();
        loop {
            let over = state.flush.done >= ticket.number
                || state.flush.gave_up >= ticket.number
                || state.mode == Mode::Stopped
                || deadline.is_over();
            if over {
                return ticket.target.saturating_sub(state.settled);
            }
            state = wait_on(&self.progress, state, deadline.left());
        }
    }

    /// Takes no more items; what is there is delivered until `until`, then dropped.
    pub(crate) fn close(&self, until: Deadline, reason: DropReason) {
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
    /// Returns how many items the worker still has in hand: sent, perhaps, but not answered.
    pub(crate) fn wait_stopped(&self, deadline: Deadline, reason: DropReason) -> usize {
        let mut state = self.lock();
        loop {
            if state.mode == Mode::Stopped {
                return state.in_hand.items;
            }
            if deadline.is_over() {
                let in_hand = state.in_hand.items;
                state.reason = reason;
                self.drop_all(state);
                return in_hand;
            }
            state = wait_on(&self.progress, state, deadline.left());
        }
    }

    /// The worker's thread.
    pub(super) fn runs_on(&self, thread: JoinHandle<()>) {
        self.lock().thread = Some(thread);
    }

    /// The worker is gone.
    pub(super) fn ended(&self) {
        self.lock().ended = true;
        self.progress.notify_all();
    }

    /// Waits until the worker's thread is gone or the time is over.
    pub(crate) fn join(&self, deadline: Deadline) {
        let mut state = self.lock();
        while !state.ended {
            if deadline.is_over() {
                return;
            }
            state = wait_on(&self.progress, state, deadline.left());
        }
        let thread = state.thread.take();
        drop(state);
        let _ = thread.map(JoinHandle::join);
    }

    /// What the worker has in hand, and how much the queue may hold with that.
    pub(crate) fn in_hand_of_capacity(&self) -> (usize, usize) {
        let state = self.lock();
        (state.in_hand.items, state.batch.max_queue_size)
    }

    /// What it holds, in the worker's hands too.
    pub(crate) fn load(&self) -> Load {
        let state = self.lock();
        Load {
            items: state.items.len() + state.in_hand.items,
            bytes: state.bytes + state.in_hand.bytes,
        }
    }

    /// Nothing is left in it, nor on its way.
    pub(crate) fn is_over(&self) -> bool {
        let state = self.lock();
        state.mode == Mode::Stopped && state.in_hand.items == 0
    }

    pub(crate) fn is_breaker_open(&self) -> bool {
        self.lock().attempts.breaker_open
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
        let items = std::mem::take(&mut state.items);
        state.bytes = 0;
        state.settled += items.len() as u64;
        drop(state);
        self.dropped(items, reason);
        self.work.notify_all();
        self.progress.notify_all();
    }

    fn dropped(&self, items: VecDeque<Arc<Finished<S>>>, reason: DropReason) {
        self.account.items.settle(Fate::Dropped(reason), items.len() as u64);
        for item in items {
            item.settle(Fate::Dropped(reason), &self.health);
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State<S>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Flush {
    fn is_open(&self) -> bool {
        self.asked > self.done.max(self.gave_up)
    }
}

impl<S: Item> State<S> {
    /// Why there is no room for an item of so many bytes, if there is none.
    fn full(&self, bytes: usize) -> Option<DropReason> {
        let Batch { max_queue_size, max_queue_bytes, .. } = self.batch;
        let many = self.items.len() + self.in_hand.items >= max_queue_size;
        let large = self.bytes + self.in_hand.bytes + bytes > max_queue_bytes;
        match (many, large) {
            (false, false) => None,
            _ if self.attempts.breaker_open => Some(DropReason::BreakerOpen),
            (true, _) => Some(DropReason::QueueFull),
            (false, true) => Some(DropReason::QueueBytes),
        }
    }

    /// Whether there is enough for a batch that need not wait.
    fn has_batch(&self) -> bool {
        self.items.len() >= self.batch.max_export_batch_size || self.bytes >= MAX_REQUEST
    }

    /// As many items as one batch may have; of large ones no more than go into one request, so
    /// that what is encoded at a time stays small.
    fn take_batch(&mut self) -> Vec<Arc<Finished<S>>> {
        let mut load = Load::default();
        for item in self.items.iter().take(self.batch.max_export_batch_size) {
            if load.items > 0 && load.bytes + item.bytes() > MAX_REQUEST {
                break;
            }
            load.items += 1;
            load.bytes += item.bytes();
        }
        self.bytes -= load.bytes;
        self.in_hand = load;
        self.items.drain(..load.items).collect()
    }

    /// Whether some of what is queued was asked for.
    fn is_asked_for(&self) -> bool {
        self.pushed - (self.items.len() as u64) < self.due_up_to
    }

    /// Whether somebody is waiting.
    pub(super) fn is_urgent(&self) -> bool {
        self.mode != Mode::Open || (self.flush.is_open() && self.settled < self.flush.target)
    }
}

pub(super) fn wait_on<'a, S>(
    condvar: &Condvar,
    state: MutexGuard<'a, State<S>>,
    wait: Duration,
) -> MutexGuard<'a, State<S>> {
    condvar.wait_timeout(state, wait).unwrap_or_else(PoisonError::into_inner).0
}
