//! Attempts at one destination, as the queue before it sees them: when one may begin, how long to
//! wait for the next, and whether they get there.

use std::sync::Arc;
use std::time::Duration;

use super::deadline::Deadline;
use super::item::Item;
use super::queue::{Mode, Queue, wait_on};
use crate::health::DropReason;

/// What the delivery of one destination talks to.
#[derive(Debug)]
pub(super) struct Attempts<S>(Arc<Queue<S>>);

/// Why a pause ended.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Pause {
    Elapsed,
    /// Somebody is waiting for a flush.
    Urgent,
    /// The time for shutdown is over.
    Stop,
}

impl<S: Item> Attempts<S> {
    pub(super) fn new(queue: Arc<Queue<S>>) -> Self {
        Self(queue)
    }

    /// Begins one and says until when it may take: never past the end of shutdown. `None`
    /// when that is over.
    pub(super) fn begin(&self, timeout: Duration) -> Option<Deadline> {
        let deadline = Deadline::after(timeout);
        let mut state = self.0.lock();
        let deadline = match state.mode {
            Mode::Open => Some(deadline),
            Mode::Closing { until } => (!until.is_over()).then(|| deadline.no_later_than(until)),
            Mode::Stopped => None,
        };
        state.attempts.number += 1;
        state.attempts.under_way = deadline.is_some();
        deadline
    }

    pub(super) fn end(&self) {
        self.0.lock().attempts.under_way = false;
        self.0.progress.notify_all();
    }

    /// Waits before the next one. A flush ends the wait unless the destination asked for it, also
    /// one that was asked for since trying was given up.
    pub(super) fn pause(&self, wait: Duration, asked_by_destination: bool, gave_up: bool) -> Pause {
        let end = Deadline::after(wait);
        let mut state = self.0.lock();
        let asked_before = match gave_up {
            true => state.mode != Mode::Open,
            false => state.is_urgent(),
        };
        loop {
            match state.mode {
                Mode::Stopped => return Pause::Stop,
                Mode::Closing { until } if end >= until => return Pause::Stop,
                _ if end.is_over() => return Pause::Elapsed,
                _ => {}
            }
            if state.is_urgent() && !asked_before && !asked_by_destination {
                return Pause::Urgent;
            }
            state = wait_on(&self.0.work, state, end.left());
        }
    }

    /// The destination does not answer: whoever is waiting for a flush need not wait longer.
    /// `true` if that is also the end of trying, because the process is about to end.
    pub(super) fn give_up(&self) -> bool {
        let mut state = self.0.lock();
        state.flush.gave_up = state.flush.asked;
        state.attempts.breaker_open = true;
        let closing = matches!(state.mode, Mode::Closing { .. });
        let last = closing && state.reason == DropReason::Shutdown;
        drop(state);
        self.0.progress.notify_all();
        last
    }

    pub(super) fn answering(&self) {
        self.0.lock().attempts.breaker_open = false;
    }
}
