//! New settings under running items: new destinations start first, then items are sent there,
//! then the old ones deliver what they still have.

use std::sync::Arc;
use std::time::Duration;

use super::account::Account;
use super::deadline::Deadline;
use super::outlets::{Outlet, Outlets, close_all, destinations, queues};
use super::signal::Signal;
use super::start_error::StartError;
use crate::config::own::is_same;
use crate::config::settings::{Batch, Destination, Settings};
use crate::health::DropReason;

/// What a reload did.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Applied {
    /// Destinations and signals that are sent otherwise from now on.
    pub(crate) changed: Vec<String>,
    /// Destinations that go on as they were.
    pub(crate) kept: Vec<String>,
}

/// Where an outlet of the new settings comes from.
enum From<S: Signal> {
    Running(usize),
    Started(Box<Outlet<S>>),
}

impl<S: Signal> Outlets<S> {
    /// `others` is what else can fail and has to be done, or not, together with this.
    pub(crate) fn apply<R>(
        &self,
        current: &Settings,
        new: &Settings,
        others: impl FnOnce() -> Result<R, StartError>,
    ) -> Result<(Applied, R), StartError> {
        let mut outlets = self.lock();
        if self.is_shut_down() {
            return Err(StartError::ShutDown);
        }
        // First everything that can fail.
        let mut applied = Applied::default();
        let plan = self.plan(&outlets.active, current, new, &mut applied)?;
        let others = match others() {
            Ok(others) => others,
            Err(error) => {
                cancel(plan);
                return Err(error);
            }
        };

        let mut running: Vec<_> =
            std::mem::take(&mut outlets.active).into_iter().map(Some).collect();
        let mut active = Vec::new();
        for from in plan {
            match from {
                From::Running(index) => active.extend(running[index].take()),
                From::Started(outlet) => active.push(*outlet),
            }
        }
        for outlet in &mut active {
            // Also for what the destination of this name has queued already.
            let Some(new) = destinations::<S>(new).find(|new| new.name == outlet.name) else {
                continue;
            };
            S::renew(&outlet.kept, new);
            outlet.destination = Some(new.clone());
        }
        let mut retired = Vec::new();
        for outlet in running.into_iter().flatten() {
            // What the settings did not bring, they do not take away.
            if outlet.destination.is_none() {
                active.push(outlet);
                continue;
            }
            if !destinations::<S>(new).any(|destination| destination.name == outlet.name) {
                applied.changed.push(format!("exporters.{} (removed)", outlet.name));
            }
            retired.push(outlet);
        }
        if S::batch(current) != S::batch(new) {
            for outlet in active.iter().filter(|outlet| outlet.destination.is_some()) {
                outlet.queue.set_batch(S::batch(new));
            }
        }
        // New items must find the new queues before the old ones close.
        self.routes.replace(queues(&active));
        close_all(&retired, Deadline::after(DRAIN_TIMEOUT), DropReason::Replaced);
        outlets.active = active;
        outlets.draining.retain(|outlet| !outlet.queue.is_over());
        outlets.draining.append(&mut retired);
        cut_short(&mut outlets.draining, [S::batch(current), S::batch(new)]);
        Ok((applied, others))
    }

    /// Starts what is new; stops it again if anything fails.
    fn plan(
        &self,
        active: &[Outlet<S>],
        current: &Settings,
        new: &Settings,
        applied: &mut Applied,
    ) -> Result<Vec<From<S>>, StartError> {
        let keep_all = S::same_source(current, new)
            && S::batch(current).export_timeout == S::batch(new).export_timeout;
        let mut plan: Vec<From<S>> = Vec::new();
        for destination in destinations::<S>(new) {
            let taken = |index| {
                plan.iter().any(|from| matches!(from, From::Running(other) if *other == index))
            };
            let found = active.iter().enumerate().find(|(index, outlet)| {
                let old = outlet.destination.as_ref();
                keep_all && old.is_some_and(|old| same::<S>(old, destination)) && !taken(*index)
            });
            if let Some((index, _)) = found {
                let old = active[index].destination.as_ref().and_then(|old| old.policy);
                match old == destination.policy {
                    true => applied.kept.push(destination.name.clone()),
                    false => applied.changed.push(format!("exporters.{}", destination.name)),
                }
                plan.push(From::Running(index));
                continue;
            }
            // Under the same name the counts go on.
            let (account, kept) = active
                .iter()
                .find(|outlet| outlet.name == destination.name)
                .map(|outlet| (Arc::clone(&outlet.account), outlet.kept.clone()))
                .unwrap_or_else(|| (Arc::new(Account::default()), S::kept(destination)));
            match Outlet::open(new, destination, account, kept, (&self.source, &self.health)) {
                Ok(outlet) => {
                    applied.changed.push(format!("exporters.{}", destination.name));
                    plan.push(From::Started(Box::new(outlet)));
                }
                Err(error) => {
                    cancel(plan);
                    return Err(error);
                }
            }
        }
        Ok(plan)
    }
}

/// Stops what was started for a plan that comes to nothing.
fn cancel<S: Signal>(plan: Vec<From<S>>) {
    let started = plan.into_iter().filter_map(|from| match from {
        From::Started(outlet) => Some(*outlet),
        From::Running(_) => None,
    });
    close_all(&started.collect::<Vec<_>>(), Deadline::after(Duration::ZERO), DropReason::Replaced);
}

/// What waits to drain is as much as one destination may hold by the old or the new settings,
/// however often they change while nobody answers: the oldest go first, but for what they are
/// sending.
fn cut_short<S: Signal>(draining: &mut Vec<Outlet<S>>, batches: [Batch; 2]) {
    let bound = |of: fn(&Batch) -> usize| batches.iter().map(of).max().unwrap_or(0);
    let max_items = bound(|batch| batch.max_queue_size);
    let max_bytes = bound(|batch| batch.max_queue_bytes);
    let (mut items, mut bytes, mut outlets) = (0, 0, 0);
    for outlet in draining.iter().rev() {
        let load = outlet.queue.load();
        (items, bytes, outlets) = (items + load.items, bytes + load.bytes, outlets + 1);
        let many = items > max_items || bytes > max_bytes;
        if many || outlets > MAX_DRAINING {
            outlet.queue.stop();
        }
    }
    draining.retain(|outlet| !outlet.queue.is_over());
}

/// Whether a destination can go on as it is, but for its policy, which is not part of what runs.
fn same<S: Signal>(a: &Destination, b: &Destination) -> bool {
    a.name == b.name
        && match (S::route(a), S::route(b)) {
            (Some(a), Some(b)) => a.goes_on_as(b),
            (a, b) => a.is_none() && b.is_none(),
        }
        && is_same(S::own(a), S::own(b))
        && a.format == b.format
        && a.backend.name == b.backend.name
        && match (&a.own_format, &b.own_format) {
            (Some(a), Some(b)) => Arc::ptr_eq(a, b),
            (None, None) => true,
            _ => false,
        }
}

/// Threads of destinations that a reload removed.
const MAX_DRAINING: usize = 100;
/// How long a destination that a reload removed may take to deliver what it has.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(30);
