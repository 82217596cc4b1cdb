//! Futures on an export thread, which has no runtime.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};

/// Runs an export on this thread until it is done or the time is over.
pub(crate) fn drive(
    export: impl Future<Output = OTelSdkResult>,
    timeout: Duration,
) -> OTelSdkResult {
    let until = Instant::now() + timeout;
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    let mut export = pin!(export);
    loop {
        if let Poll::Ready(result) = export.as_mut().poll(&mut context) {
            return result;
        }
        let left = until.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(OTelSdkError::Timeout(timeout));
        }
        std::thread::park_timeout(left);
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
