//! Does something at every interval, on a thread of its own.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use opentelemetry::Context;

use crate::pipeline::delivery::StartError;

/// Ticks until it is stopped or dropped.
#[derive(Debug)]
pub(super) struct Clock {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    interval: Duration,
    next: Instant,
    stopped: bool,
}

impl Clock {
    pub(super) fn start(
        interval: Duration,
        tick: impl Fn() + Send + 'static,
    ) -> Result<Self, StartError> {
        let state = State { interval, next: Instant::now() + interval, stopped: false };
        let shared = Arc::new(Shared { state: Mutex::new(state), changed: Condvar::new() });
        let waiting = Arc::clone(&shared);
        let run = move || {
            let _suppressed = Context::enter_telemetry_suppressed_scope();
            while waiting.wait() {
                tick();
            }
        };
        let thread = std::thread::Builder::new().name(String::from("genai-metrics"));
        let thread = thread.spawn(run).map_err(StartError::Thread)?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)) })
    }

    /// Ticks at this interval, counted from now where it is another one.
    pub(super) fn set(&self, interval: Duration) {
        let mut state = self.shared.lock();
        if state.interval == interval {
            return;
        }
        (state.interval, state.next) = (interval, Instant::now() + interval);
        drop(state);
        self.shared.changed.notify_all();
    }

    /// Ends the thread, after the tick that is under way.
    pub(super) fn stop(&self) {
        self.shared.lock().stopped = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whatever a tick drops may hold the clock itself.
        if let Some(thread) = thread.filter(|it| it.thread().id() != std::thread::current().id()) {
            let _ = thread.join();
        }
    }
}

impl Drop for Clock {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for the next tick. `false` is the end.
    fn wait(&self) -> bool {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if state.stopped {
                return false;
            }
            if now >= state.next {
                state.next = now + state.interval;
                return true;
            }
            let left = state.next - now;
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}
