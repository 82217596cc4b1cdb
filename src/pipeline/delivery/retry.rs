//! Getting one parcel delivered: attempts, waiting, giving up.
//!
//! The one law for every signal. Retries follow the OTLP specification: never sooner than the
//! backoff, however soon the receiver asks for them, and never sooner than it asks for. After a few
//! quick attempts the circuit breaker opens: the parcel is kept and tried once per period, and items
//! pile up in the queue up to its limit. So an outage shorter than the queue is long costs nothing,
//! and a longer one costs the items that did not fit. Only this thread ever waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::account::Account;
use super::attempts::{Attempts, Pause};
use super::backoff::Backoff;
use super::deadline::Deadline;
use super::failure::{Failure, FailureKind};
use super::item::Item;
use super::transport::{Attempted, Delivered, Transport};

/// Attempts and waiting for one destination.
#[derive(Debug)]
pub(crate) struct Delivery<S> {
    attempts: Attempts<S>,
    account: Arc<Account>,
    timeout: Duration,
    breaker: Option<Backoff>,
}

impl<S: Item> Delivery<S> {
    pub(crate) fn new(attempts: Attempts<S>, account: Arc<Account>, timeout: Duration) -> Self {
        Self { attempts, account, timeout, breaker: None }
    }

    pub(crate) fn deliver<T: Transport<Item = S>>(
        &mut self,
        transport: &mut T,
        mut parcel: T::Parcel,
        may_leave: impl Fn() -> bool,
    ) -> Delivered<T::Parcel> {
        let started = Instant::now();
        let mut backoff = Backoff::new(FIRST_WAIT, MAX_WAIT);
        let mut attempts_left = if self.breaker.is_some() { 1 } else { ATTEMPTS };
        loop {
            let Some(deadline) = self.attempts.begin(self.timeout) else {
                return Delivered::OutOfTime;
            };
            // Asked in the attempt: a reload that comes later waits for its end.
            if !may_leave() {
                self.attempts.end();
                return Delivered::Outdated;
            }
            let outcome = attempt(transport, &mut parcel, deadline);
            self.note(&outcome);
            self.attempts.end();
            if !matches!(outcome, Attempted::Transient { .. }) && self.breaker.take().is_some() {
                self.attempts.answering();
            }
            let (failure, retry_after) = match outcome {
                Attempted::Delivered { rejected, .. } => return Delivered::Taken { rejected },
                Attempted::Permanent(_) => return Delivered::Failed,
                Attempted::TooLarge(_) => {
                    return match transport.split(parcel) {
                        Some(parts) => Delivered::Split(parts),
                        None => Delivered::Failed,
                    };
                }
                Attempted::Transient { failure, retry_after } => (failure, retry_after),
            };

            let too_slow = failure.kind == FailureKind::Timeout;
            if started.elapsed() >= GIVE_UP_AFTER {
                return Delivered::Failed;
            }
            attempts_left -= 1;
            let give_up = attempts_left == 0 || too_slow;
            let wait = if give_up {
                attempts_left = 1;
                if self.attempts.give_up() {
                    return Delivered::OutOfTime;
                }
                self.breaker.get_or_insert_with(|| Backoff::new(FIRST_PERIOD, MAX_PERIOD)).wait()
            } else {
                backoff.wait()
            };
            let asked = retry_after.map_or(Duration::ZERO, |asked| asked.min(GIVE_UP_AFTER));
            match self.attempts.pause(wait.max(asked), asked > wait, give_up) {
                Pause::Elapsed => {}
                Pause::Urgent => {
                    attempts_left = ATTEMPTS;
                    backoff = Backoff::new(FIRST_WAIT, MAX_WAIT);
                }
                Pause::Stop => return Delivered::OutOfTime,
            }
            self.account.retries.increment();
        }
    }

    /// Lets the transport end, in the time of an attempt at most.
    pub(crate) fn conclude(&self, end: impl FnOnce(Deadline)) {
        let deadline = self.attempts.begin(self.timeout);
        let deadline = deadline.unwrap_or_else(|| Deadline::after(Duration::ZERO));
        let _ = catch_unwind(AssertUnwindSafe(|| end(deadline)));
        self.attempts.end();
    }

    fn note(&self, outcome: &Attempted) {
        match outcome {
            Attempted::Delivered { rejected, message } => {
                self.account.succeeded();
                if *rejected > 0 {
                    self.account.failed(rejection(*rejected, S::ITEMS, message.as_deref()));
                }
            }
            Attempted::Transient { failure, .. }
            | Attempted::Permanent(failure)
            | Attempted::TooLarge(failure) => self.account.failed(failure.clone()),
        }
    }
}

/// One attempt. A panic in the exporting code is its failure, not the thread's end.
fn attempt<T: Transport>(
    transport: &mut T,
    parcel: &mut T::Parcel,
    deadline: Deadline,
) -> Attempted {
    catch_unwind(AssertUnwindSafe(|| transport.send(parcel, deadline))).unwrap_or_else(|_| {
        Attempted::Permanent(Failure::new(FailureKind::Panic, "the exporter panicked"))
    })
}

fn rejection(rejected: u64, items: &str, message: Option<&str>) -> Failure {
    let message = message.unwrap_or("no reason given");
    Failure::new(FailureKind::Status, format!("{rejected} {items} rejected: {message}"))
}

/// Quick attempts before the breaker opens.
const ATTEMPTS: u32 = 3;
const FIRST_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(5);
/// The breaker's periods.
const FIRST_PERIOD: Duration = Duration::from_secs(5);
const MAX_PERIOD: Duration = Duration::from_secs(30);
/// A parcel is kept this long; the Collector's exporters do the same.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
