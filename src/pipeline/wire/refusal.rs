//! Signals that not every receiver takes.

use std::time::{Duration, Instant};

use super::sender::Sender;
use crate::pipeline::delivery::{Attempted, Failure};

/// Remembers that a receiver has no place for a signal. It is left alone for a while then; one
/// that was set up meanwhile is found.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// What is not taken, and the key that switches it off.
    items: &'static str,
    switch: &'static str,
    said: Option<(Instant, Failure)>,
}

impl Refusal {
    pub(crate) fn of(items: &'static str, switch: &'static str) -> Self {
        Self { items, switch, said: None }
    }

    /// The no of a moment ago, which still counts.
    pub(crate) fn standing(&self) -> Option<Attempted> {
        let (at, refusal) = self.said.as_ref()?;
        (at.elapsed() < ASK_AGAIN).then(|| Attempted::Permanent(refusal.clone()))
    }

    /// Notes an answer. The first no is a warning in the log.
    pub(crate) fn note(&mut self, outcome: Attempted, sender: &Sender) -> Attempted {
        match outcome {
            Attempted::Permanent(failure) if sender.is_missing(&failure) => {
                let refusal = self.explain(failure);
                if self.said.is_none() {
                    tracing::warn!(target: "tracing_genai", "{}", refusal.message);
                }
                self.said = Some((Instant::now(), refusal.clone()));
                Attempted::Permanent(refusal)
            }
            outcome => {
                self.said = None;
                outcome
            }
        }
    }

    fn explain(&self, failure: Failure) -> Failure {
        let message = format!(
            "the receiver takes no {} ({}); none are sent to it, but for one request in {} min: \
             set {} to false, or an endpoint for them",
            self.items,
            failure.message,
            ASK_AGAIN.as_secs() / 60,
            self.switch,
        );
        Failure { message, ..failure }
    }
}

const ASK_AGAIN: Duration = Duration::from_secs(5 * 60);
