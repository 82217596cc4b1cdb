//! Signals that not every receiver takes.

use std::time::{Duration, Instant};

use super::sender::Sender;
use crate::pipeline::delivery::{Attempted, Failure};

/// Remembers that a receiver has no place for a signal. It is left alone for a while then; one
/// that was set up meanwhile is found.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The signal that is not accepted, as its keys begin.
    signal: &'static str,
    said: Option<(Instant, Failure)>,
}

impl Refusal {
    pub(crate) fn of(signal: &'static str) -> Self {
        Self { signal, said: None }
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
        let Self { signal, .. } = self;
        let message = format!(
            "the receiver does not accept {signal} ({}). Retrying every {} min. \
             Set {signal}.enabled: false, or {signal}.endpoint to a receiver that does",
            failure.said(),
            ASK_AGAIN.as_secs() / 60,
        );
        // The code is in the message.
        Failure { message, ..failure }
    }
}

const ASK_AGAIN: Duration = Duration::from_secs(5 * 60);
