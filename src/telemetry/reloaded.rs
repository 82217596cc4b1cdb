//! What a reload did.

#[cfg(all(test, feature = "otel-grpc", feature = "http-json", feature = "logs"))]
mod tests;

use std::fmt;

use serde::Serialize;

use super::effective::Effective;
use crate::config::keys::Field;
use crate::pipeline::Applied;

/// What [`Telemetry::reload`](super::Telemetry::reload) did.
///
/// `Display` is for people, `Serialize` for machines. Settings are named by their key in a
/// configuration file, destinations as `exporters.{name}`.
#[derive(Clone, Debug, Default, Eq, PartialEq, Serialize)]
pub struct Reloaded {
    changed: Vec<String>,
    kept: Vec<String>,
    needs_restart: Vec<String>,
}

impl Reloaded {
    /// `needs_restart` are keys that stay as they are; `layered` where spans come, switched on or
    /// off.
    pub(super) fn new(
        applied: Applied,
        mut needs_restart: Vec<String>,
        old: &Effective,
        new: &Effective,
        layered: bool,
    ) -> Self {
        let Applied { mut changed, kept } = applied;
        changed.extend(new.values.changes(&old.values, &changed));
        changed.retain(|name| !needs_restart.contains(name));
        let enabled = if layered { &mut changed } else { &mut needs_restart };
        let switched = old.settings.enabled != new.settings.enabled;
        enabled.extend(switched.then(|| Field::Enabled.row().path.to_owned()));
        Self { changed, kept, needs_restart }
    }

    /// What is different from now on.
    #[must_use]
    pub fn changed(&self) -> &[String] {
        &self.changed
    }

    /// Destinations that go on as they were.
    #[must_use]
    pub fn kept(&self) -> &[String] {
        &self.kept
    }

    /// What is different in the configuration and takes effect with the next start of the process.
    #[must_use]
    pub fn needs_restart(&self) -> &[String] {
        &self.needs_restart
    }
}

impl fmt::Display for Reloaded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lists = [
            ("changed", &self.changed),
            ("unchanged", &self.kept),
            ("needs a restart", &self.needs_restart),
        ];
        let mut first = true;
        for (what, list) in lists.into_iter().filter(|(_, list)| !list.is_empty()) {
            let separator = if std::mem::take(&mut first) { "" } else { "; " };
            write!(f, "{separator}{what}: {}", list.join(", "))?;
        }
        if first { f.write_str("nothing changed") } else { Ok(()) }
    }
}
