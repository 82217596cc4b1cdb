//! The hooks of the SDK's tracer provider, and the set of queues a finished span goes to.

use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use opentelemetry::Context;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Span, SpanData, SpanProcessor};

use super::finished::Finished;
use super::lifecycle::Undelivered;
use super::outlets::Shared;
use super::queue::{Queue, Refused};
use crate::health::{DropReason, Fate, Health};

/// Hands finished spans to the queues. Given to the SDK's tracer provider.
#[derive(Debug)]
pub(super) struct Processor {
    pub(super) shared: Arc<Shared>,
}

impl SpanProcessor for Processor {
    fn on_start(&self, _span: &mut Span, _cx: &Context) {
        self.shared.core.health.pipeline.sampled.increment();
    }

    fn on_end(&self, span: SpanData) {
        let health = &self.shared.core.health;
        health.pipeline.finished.receive(1);
        if span.span_context.is_sampled() {
            self.shared.routes.send(span, health);
        } else {
            self.shared.settle_tail(self.shared.tail.receive(span));
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.shared.flush(FLUSH_TIMEOUT).map_err(not_delivered)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.shared.shutdown(timeout).map_err(not_delivered)
    }
}

/// Where spans go. Read for each span, replaced by a reload.
#[derive(Debug)]
pub(super) struct Routes(ArcSwap<Route>);

#[derive(Debug, Default)]
struct Route {
    queues: Vec<Arc<Queue>>,
    shut_down: bool,
}

impl Routes {
    pub(super) fn new(queues: Vec<Arc<Queue>>) -> Self {
        Self(ArcSwap::from_pointee(Route { queues, shut_down: false }))
    }

    /// From now on spans go to these queues. Comes before the old ones are closed.
    pub(super) fn replace(&self, queues: Vec<Arc<Queue>>) {
        self.0.store(Arc::new(Route { queues, shut_down: false }));
    }

    /// From now on spans are counted and dropped.
    pub(super) fn shut_down(&self) {
        self.0.store(Arc::new(Route { queues: Vec::new(), shut_down: true }));
    }

    /// Sends a span that was counted in.
    pub(super) fn send(&self, span: SpanData, health: &Health) {
        let route = self.0.load();
        let Some((last, others)) = route.queues.split_last() else {
            health.pipeline.finished.settle(Fate::Dropped(route.reason()), 1);
            return;
        };
        let finished = Finished::new(span, route.queues.len());
        let mut homeless = Vec::new();
        for queue in others {
            offer(queue, Arc::clone(&finished), &mut homeless);
        }
        offer(last, finished, &mut homeless);
        if !homeless.is_empty() {
            self.reroute(homeless, &route.queues, health);
        }
    }

    /// For spans that met a queue which a reload or shutdown had just closed: `homeless` holds
    /// one share of the span for each such queue.
    #[cold]
    fn reroute(&self, mut homeless: Vec<Arc<Finished>>, before: &[Arc<Queue>], health: &Health) {
        let route = self.0.load_full();
        let mut again = Vec::new();
        let is_new = |queue: &&Arc<Queue>| !before.iter().any(|old| Arc::ptr_eq(old, queue));
        for queue in route.queues.iter().filter(is_new) {
            let share = match homeless.len() {
                // The last share stays here, to be copied from.
                1 => {
                    homeless[0].add_destination();
                    Arc::clone(&homeless[0])
                }
                _ => homeless.swap_remove(0),
            };
            offer(queue, share, &mut again);
        }
        let closed_again = !again.is_empty();
        // A share without a new queue says nothing about the span, unless there is nowhere to go.
        let fate = match route.queues.is_empty() {
            true => Fate::Dropped(route.reason()),
            false => Fate::Exported,
        };
        if closed_again {
            let seen: Vec<_> = before.iter().chain(&route.queues).cloned().collect();
            self.reroute(again, &seen, health);
        }
        for share in homeless {
            share.settle(fate, health);
        }
    }
}

impl Route {
    fn reason(&self) -> DropReason {
        match self.shut_down {
            true => DropReason::AfterShutdown,
            false => DropReason::NoDestination,
        }
    }
}

fn offer(queue: &Queue, finished: Arc<Finished>, homeless: &mut Vec<Arc<Finished>>) {
    if let Err(Refused::Closed(finished)) = queue.offer(finished) {
        homeless.push(finished);
    }
}

fn not_delivered(left: Undelivered) -> OTelSdkError {
    OTelSdkError::InternalFailure(format!("spans not delivered: {left}"))
}

const FLUSH_TIMEOUT: Duration = Duration::from_secs(10);
