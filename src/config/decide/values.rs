//! Each value that counts, by its key: what `explain` shows, and what a reload compares.

use std::collections::BTreeSet;

use super::destinations::entries;
use super::resolve::{Effective, SERVICE_NAME, Stack};
use crate::config::read::problem::Origin;
use crate::config::say::keys::{DESTINATIONS, Field, Key, Kind, Reload, Signal};
use crate::config::say::value::{Value, preset};

/// The values that count, defaults among them, in the order of the rows.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Vec<One>);

#[derive(Clone, Debug)]
pub(crate) struct One {
    /// The entry of `exporters`; else empty.
    entry: String,
    /// The name within a key whose layers merge; else empty.
    pub(crate) name: String,
    pub(crate) effective: Effective,
}

impl Values {
    pub(crate) fn of(stack: &mut Stack<'_>) -> Self {
        let mut values = gather(stack, "");
        for (name, mut entry) in entries(stack) {
            values.append(&mut gather(&mut entry, &name));
        }
        Self(values)
    }

    /// Those that stand in no entry of `exporters`.
    pub(crate) fn general(&self) -> impl Iterator<Item = &One> {
        self.0.iter().filter(|one| one.entry.is_empty())
    }

    /// Keeps what needs a restart as it is in `running`. Gives those keys with their values, and
    /// what a reload calls them.
    pub(crate) fn hold(
        &mut self,
        running: &Self,
    ) -> (Vec<(Field, Option<Effective>)>, Vec<String>) {
        let (mut held, mut names) = (Vec::new(), Vec::new());
        for key in self.differing(running) {
            let old = running.get(key);
            if !needs_restart(key, old.map(|old| &old.value), self.get(key).map(|new| &new.value)) {
                continue;
            }
            names.push(part(key).map_or_else(|| key.path(), String::from));
            held.push((key.field, old.cloned().filter(|old| old.origin != Origin::Default)));
            self.set(key, old.cloned());
        }
        names.sort_by(|a, b| a.split('.').next().cmp(&b.split('.').next()));
        names.dedup();
        (held, names)
    }

    /// What a reload calls the keys that differ from those of `old`, beside what is in `told`: the
    /// destinations say for themselves how they differ.
    pub(crate) fn changes(&self, old: &Self, told: &[String]) -> Vec<String> {
        let destinations = told.iter().any(|name| name.starts_with(DESTINATIONS));
        let mut names = Vec::new();
        for key in self.differing(old) {
            let name = match key.row().part {
                DESTINATIONS if destinations => continue,
                _ => part(key).map_or_else(|| key.path(), String::from),
            };
            if !told.contains(&name) && !names.contains(&name) {
                names.push(name);
            }
        }
        let entries = self.0.iter().chain(&old.0).map(|one| one.entry.as_str());
        for entry in entries.filter(|entry| !entry.is_empty()).collect::<BTreeSet<_>>() {
            let name = format!("{DESTINATIONS}.{entry}");
            let under = |values: &Self| -> Vec<_> {
                let ones = values.0.iter().filter(|one| one.entry == entry);
                ones.map(|One { name, effective, .. }| {
                    (effective.key, name.clone(), effective.value.clone())
                })
                .collect()
            };
            if !told.iter().any(|told| told.starts_with(&name)) && under(self) != under(old) {
                names.push(name);
            }
        }
        names
    }

    pub(crate) fn get(&self, key: Key) -> Option<&Effective> {
        self.general().map(|one| &one.effective).find(|effective| effective.key == key)
    }

    /// Replaces the value of a key that has one value at most.
    pub(crate) fn set(&mut self, key: Key, effective: Option<Effective>) {
        self.0.retain(|one| !one.entry.is_empty() || one.effective.key != key);
        let new = |effective| One { entry: String::new(), name: String::new(), effective };
        self.0.extend(effective.map(new));
        self.0.sort_by_key(|one| (one.effective.key.field, one.effective.key.signal));
    }

    /// The same where only the value matters.
    pub(crate) fn put(&mut self, field: Field, value: Value) {
        let key = field.general();
        let (path, origin) = (key.path(), Origin::Default);
        self.set(key, Some(Effective { value, origin, key, path, layer: 0 }));
    }

    /// But for the switch of telemetry as a whole, which works by other rules.
    fn differing(&self, other: &Self) -> Vec<Key> {
        let differs = |key: &Key| !self.under(*key).eq(other.under(*key));
        Key::all().filter(|key| key.field != Field::Enabled).filter(differs).collect()
    }

    /// By name and value. The name of the service is an attribute among others, whoever set it.
    fn under(&self, key: Key) -> impl Iterator<Item = (&str, &Value)> {
        let attributes = Field::ResourceAttributes.general();
        let of = self.general().filter(move |one| match key.field {
            Field::ServiceName => one.effective.key == attributes && one.name == SERVICE_NAME,
            _ => one.effective.key == key && one.name != SERVICE_NAME,
        });
        of.map(|one| (one.name.as_str(), &one.effective.value))
    }
}

fn gather(stack: &mut Stack<'_>, entry: &str) -> Vec<One> {
    let mut values = Vec::new();
    let of = |key: Key, name: String, value: Value, origin: Origin| {
        let effective = Effective { value, origin, key, path: key.path(), layer: 0 };
        One { entry: entry.to_owned(), name, effective }
    };
    let general = entry.is_empty();
    let all = Key::all().filter(|key| general || key.row().per_exporter);
    for key in all {
        match key.row().kind {
            Kind::Headers if says_headers(stack, key.signal) => {
                let headers = stack.headers(key.signal).into_iter();
                values.extend(headers.map(|(header, _)| {
                    of(key, header.name, Value::Secret(header.value), header.origin)
                }));
            }
            Kind::Headers | Kind::HeadersList | Kind::NoEffect => {}
            Kind::Attributes => {
                let attributes = stack.resource_attributes().into_iter();
                values
                    .extend(attributes.map(|(name, (value, origin))| {
                        of(key, name, Value::Scalar(value), origin)
                    }));
            }
            _ => {
                let said = match key.signal {
                    Signal::General => stack.general(key.field),
                    signal => stack.get(signal, key.field).filter(|said| said.key == key),
                };
                let defaults = general && key.signal == Signal::General;
                let default = || preset(key.field).filter(|_| defaults).cloned();
                let said = said.map(|said| (said.value, said.origin));
                let counts = said.or_else(|| Some((default()?, Origin::Default)));
                values.extend(counts.map(|(value, origin)| of(key, String::new(), value, origin)));
            }
        }
    }
    values
}

/// The part of the settings that a key belongs to; `None` where it is named by itself.
fn part(key: Key) -> Option<&'static str> {
    Some(key.row().part).filter(|part| !part.is_empty() && *part != DESTINATIONS)
}

fn needs_restart(key: Key, old: Option<&Value>, new: Option<&Value>) -> bool {
    let is = |value: Option<&Value>, word| matches!(value, Some(Value::Choice(is)) if *is == word);
    let names = |value: Option<&Value>| -> Vec<String> {
        match value {
            Some(Value::Counts(counts)) => counts.iter().map(|(name, _)| name.clone()).collect(),
            _ => Vec::new(),
        }
    };
    match key.row().reload {
        Reload::Live => false,
        Reload::Restart => true,
        Reload::RestartFor(word) => is(old, word) || is(new, word),
        Reload::RestartForNames => names(old) != names(new),
    }
}

fn says_headers(stack: &Stack<'_>, signal: Signal) -> bool {
    let fields = [Field::Headers, Field::HeadersList, Field::BearerToken];
    let keys = fields.map(|field| field.of(signal));
    signal == Signal::General
        || stack
            .layers()
            .iter()
            .any(|source| keys.iter().any(|key| source.layer.entries.contains_key(key)))
}
