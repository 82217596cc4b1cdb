//! What a destination answers when it is asked whether it would accept what is sent there.

use std::fmt;
use std::time::Duration;

use serde::{Serialize, Serializer};

/// What a probe of one destination found.
#[derive(Clone, Debug, Eq, PartialEq, Serialize)]
pub struct Probe {
    pub(crate) destination: String,
    pub(crate) url: String,
    pub(crate) verdict: Verdict,
    pub(crate) message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) advice: Option<String>,
    #[serde(rename = "took_ms", serialize_with = "millis")]
    pub(crate) took: Duration,
}

/// Whether a destination accepts what is sent there.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq, Serialize)]
#[non_exhaustive]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It does.
    Works,
    /// It does, but takes its time.
    Slow,
    /// It does not.
    Broken,
}

impl Probe {
    /// The name in the configuration.
    #[must_use]
    pub fn destination(&self) -> &str {
        &self.destination
    }

    /// Scheme, host, port and path.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Whether it accepts what is sent there.
    #[must_use]
    pub const fn verdict(&self) -> Verdict {
        self.verdict
    }

    /// What happened.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What to change; `None` when nothing has to.
    #[must_use]
    pub fn advice(&self) -> Option<&str> {
        self.advice.as_deref()
    }

    /// How long the answer took.
    #[must_use]
    pub const fn took(&self) -> Duration {
        self.took
    }
}

impl fmt::Display for Probe {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { destination, url, message, .. } = self;
        write!(f, "{destination} ({url}): {message}")?;
        match &self.advice {
            Some(advice) => write!(f, ". {advice}"),
            None => Ok(()),
        }
    }
}

fn millis<S: Serializer>(took: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_u64(u64::try_from(took.as_millis()).unwrap_or(u64::MAX))
}
