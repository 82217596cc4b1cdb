//! Getting one parcel delivered: attempts, waiting, giving up.
//!
//! Retries follow the OTLP specification. After a few quick attempts the circuit breaker opens:
//! the parcel is kept and tried once per period, and spans pile up in the queue up to its limit.
//! So an outage shorter than the queue is long costs nothing, and a longer one costs the spans
//! that did not fit. Only this thread ever waits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::account::Account;
use super::backoff::Backoff;
use super::queue::{Pause, Queue};
use super::signal::Signal;
use super::transport::{Failure, FailureKind, Outcome, Packed, Transport};

/// What became of a parcel.
#[derive(Debug)]
pub(crate) enum Delivered<P> {
    /// Taken, but for so many spans.
    Taken { rejected: u64 },
    /// Refused, or not taken for too long.
    Failed,
    /// No time left.
    OutOfTime,
    /// To be tried again in parts.
    Split([Packed<P>; 2]),
    /// There is something in it that may not leave any more.
    Outdated,
}

/// Attempts and waiting for one destination.
#[derive(Debug)]
pub(crate) struct Delivery<S> {
    queue: Arc<Queue<S>>,
    account: Arc<Account>,
    timeout: Duration,
    breaker: Option<Backoff>,
}

impl<S: Signal> Delivery<S> {
    pub(crate) fn new(queue: Arc<Queue<S>>, account: Arc<Account>, timeout: Duration) -> Self {
        Self { queue, account, timeout: timeout.min(MAX_TIMEOUT), breaker: None }
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
            let Some(timeout) = self.queue.begin_attempt(self.timeout) else {
                return Delivered::OutOfTime;
            };
            // Asked in the attempt: a reload that comes later waits for its end.
            if !may_leave() {
                self.queue.end_attempt();
                return Delivered::Outdated;
            }
            let outcome = attempt(transport, &mut parcel, timeout);
            self.note(&outcome);
            self.queue.end_attempt();
            if !matches!(outcome, Outcome::Transient { .. }) && self.breaker.take().is_some() {
                self.queue.answering();
            }
            let (failure, retry_after) = match outcome {
                Outcome::Delivered { rejected, .. } => return Delivered::Taken { rejected },
                Outcome::Permanent(_) => return Delivered::Failed,
                Outcome::TooLarge(_) => {
                    return match transport.split(parcel) {
                        Some(parts) => Delivered::Split(parts),
                        None => Delivered::Failed,
                    };
                }
                Outcome::Transient { failure, retry_after } => (failure, retry_after),
            };

            let too_slow = failure.kind == FailureKind::Timeout;
            if started.elapsed() >= GIVE_UP_AFTER {
                return Delivered::Failed;
            }
            attempts_left -= 1;
            let wait = if attempts_left == 0 || too_slow {
                attempts_left = 1;
                if self.queue.give_up() {
                    return Delivered::OutOfTime;
                }
                self.breaker.get_or_insert_with(|| Backoff::new(FIRST_PERIOD, MAX_PERIOD)).wait()
            } else {
                backoff.wait()
            };
            let asked = retry_after.map(|asked| asked.min(GIVE_UP_AFTER));
            match self.queue.pause(asked.unwrap_or(wait), asked.is_some()) {
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

    fn note(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Delivered { rejected, message } => {
                self.account.succeeded();
                if *rejected > 0 {
                    self.account.failed(rejection(*rejected, S::ITEMS, message.as_deref()));
                }
            }
            Outcome::Transient { failure, .. }
            | Outcome::Permanent(failure)
            | Outcome::TooLarge(failure) => self.account.failed(failure.clone()),
        }
    }
}

/// One attempt. A panic in the exporting code is its failure, not the thread's end.
fn attempt<T: Transport>(transport: &mut T, parcel: &mut T::Parcel, timeout: Duration) -> Outcome {
    catch_unwind(AssertUnwindSafe(|| transport.send(parcel, timeout))).unwrap_or_else(|_| {
        Outcome::Permanent(Failure::new(FailureKind::Panic, "the exporter panicked"))
    })
}

fn rejection(rejected: u64, items: &str, message: Option<&str>) -> Failure {
    let message = message.unwrap_or("no reason given");
    Failure::new(FailureKind::Status, format!("{rejected} {items} rejected: {message}"))
}

/// Quick attempts before the breaker opens.
const ATTEMPTS: u32 = 3;
/// "No limit" in numbers that clocks can add.
const MAX_TIMEOUT: Duration = Duration::from_secs(24 * 3600);
const FIRST_WAIT: Duration = Duration::from_millis(200);
const MAX_WAIT: Duration = Duration::from_secs(5);
/// The breaker's periods.
const FIRST_PERIOD: Duration = Duration::from_secs(5);
const MAX_PERIOD: Duration = Duration::from_secs(30);
/// A parcel is kept this long; the Collector's exporters do the same.
const GIVE_UP_AFTER: Duration = Duration::from_secs(300);
