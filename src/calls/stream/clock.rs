//! Ends what is not over in time.
//!
//! A stream has no timer of its own: nobody may ever poll it again. One thread looks after all
//! streams that have a time to end at, from the first of them on until there has been none for a
//! while.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// What can run out of time.
pub(super) trait RunOut: Send + Sync {
    /// Its time is over. Returns `false` to be asked again in a moment.
    fn run_out(&self) -> bool;
}

/// Calls [`RunOut::run_out`] at its time unless it is dropped before.
#[derive(Debug)]
pub(super) struct Alarm(Key);

/// When, and a number that tells alarms of the same moment apart.
type Key = (Instant, u64);

impl Alarm {
    pub(super) fn set(at: Instant, sleeper: Weak<dyn RunOut>) -> Self {
        let mut queue = CLOCK.lock();
        queue.numbered += 1;
        let key = (at, queue.numbered);
        queue.alarms.insert(key, sleeper);
        match queue.wakes_at {
            Some(wakes_at) => {
                if at < wakes_at {
                    CLOCK.sooner.notify_one();
                }
            }
            None => {
                queue.wakes_at = Some(at);
                drop(queue);
                start();
            }
        }
        Self(key)
    }

    pub(super) fn at(&self) -> Instant {
        self.0.0
    }
}

impl Drop for Alarm {
    fn drop(&mut self) {
        CLOCK.lock().alarms.remove(&self.0);
    }
}

struct Clock {
    queue: Mutex<Queue>,
    sooner: Condvar,
}

struct Queue {
    alarms: BTreeMap<Key, Weak<dyn RunOut>>,
    numbered: u64,
    /// `None` while there is no thread.
    wakes_at: Option<Instant>,
}

static CLOCK: Clock = Clock {
    queue: Mutex::new(Queue { alarms: BTreeMap::new(), numbered: 0, wakes_at: None }),
    sooner: Condvar::new(),
};

impl Clock {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        // Nothing under this lock runs code of others, so a poisoned one holds sound data.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn start() {
    let started = thread::Builder::new().name("tracing-genai-clock".to_owned()).spawn(run);
    if let Err(error) = started {
        CLOCK.lock().wakes_at = None;
        tracing::warn!(target: "tracing_genai::self", %error, "streams have no deadline");
    }
}

fn run() {
    let mut queue = CLOCK.lock();
    let mut idle_since = Instant::now();
    loop {
        let now = Instant::now();
        let next = queue.alarms.first_key_value().map(|((at, _), _)| *at);
        match next {
            Some(at) if at <= now => {
                let Some(((_, number), sleeper)) = queue.alarms.pop_first() else { continue };
                drop(queue);
                let slept = match sleeper.upgrade() {
                    // An exporter of the user's may panic, which is no end of the clock.
                    Some(sleeper) => catch_unwind(AssertUnwindSafe(|| sleeper.run_out())),
                    None => Ok(true),
                };
                queue = CLOCK.lock();
                if let Ok(false) = slept {
                    queue.alarms.insert((now + A_MOMENT, number), sleeper);
                }
                idle_since = Instant::now();
                continue;
            }
            None if now.saturating_duration_since(idle_since) >= IDLE => {
                queue.wakes_at = None;
                return;
            }
            Some(_) => idle_since = now,
            None => {}
        }
        let wait = next.map_or(IDLE, |at| at.saturating_duration_since(now));
        queue.wakes_at = Some(now + wait);
        let woken = CLOCK.sooner.wait_timeout(queue, wait);
        queue = woken.unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Until it is asked again.
const A_MOMENT: Duration = Duration::from_millis(5);

/// How long the thread stays without anything to do.
const IDLE: Duration = Duration::from_secs(10);

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]
mod tests {
    use std::sync::mpsc::{Sender, channel};
    use std::sync::{Arc, atomic::AtomicBool, atomic::Ordering};

    use super::*;

    struct Sleeper {
        woken: Mutex<Sender<&'static str>>,
        name: &'static str,
        busy: AtomicBool,
    }

    impl RunOut for Sleeper {
        fn run_out(&self) -> bool {
            if self.busy.swap(false, Ordering::Relaxed) {
                return false;
            }
            self.woken.lock().unwrap().send(self.name).unwrap();
            assert_ne!(self.name, "panics");
            true
        }
    }

    #[test]
    fn alarms_ring_in_order_and_those_that_were_dropped_do_not() {
        let (sender, woken) = channel();
        let sleeper = |name, busy| {
            let woken = Mutex::new(sender.clone());
            Arc::new(Sleeper { woken, name, busy: AtomicBool::new(busy) })
        };
        let now = Instant::now();
        let set = |after: u64, sleeper: &Arc<Sleeper>| {
            let weak: Weak<dyn RunOut> = Arc::<Sleeper>::downgrade(sleeper);
            Alarm::set(now + Duration::from_millis(after), weak)
        };
        let [late, panics, early, never] =
            [("late", true), ("panics", false), ("early", false), ("never", false)]
                .map(|(name, busy)| sleeper(name, busy));
        let _alarms = [set(400, &late), set(100, &panics), set(0, &early)];
        drop(set(200, &never));
        let order: Vec<_> = (0..3).map(|_| woken.recv().unwrap()).collect();
        assert_eq!(order, ["early", "panics", "late"]);
        assert!(woken.try_recv().is_err());
    }
}
