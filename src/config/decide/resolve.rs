//! Layers on top of each other: which one decides, key by key.

use std::collections::BTreeMap;

use crate::config::read::env::Env;
use crate::config::read::header;
use crate::config::read::problem::{Origin, Problem};
use crate::config::read::reference::Dialect;
use crate::config::read::{node::Scalar, secret::Secret};
use crate::config::say::keys::{Field, Key, Signal};
use crate::config::say::layer::Layer;
use crate::config::say::value::{Item, Reader, Setting, Value, preset, preset_as};

/// Layers, the strongest first.
#[derive(Debug)]
pub(crate) struct Stack<'a> {
    layers: Vec<Source<'a>>,
    env: &'a Env,
    /// Keys that stay as they are until a restart, none of them per signal.
    held: BTreeMap<Field, Option<Effective>>,
    pub(crate) problems: Vec<Problem>,
    pub(crate) warnings: Vec<String>,
}

/// A layer and how its references read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'a> {
    pub(crate) layer: &'a Layer,
    pub(crate) dialect: Dialect,
}

/// The value that counts.
#[derive(Clone, Debug)]
pub(crate) struct Effective {
    pub(crate) value: Value,
    pub(crate) origin: Origin,
    /// The key it was set under, which may be the general one.
    pub(crate) key: Key,
    /// Where it stands in its source.
    pub(crate) path: String,
    /// The number of its layer, 0 is the strongest.
    pub(crate) layer: usize,
}

impl<'a> Stack<'a> {
    pub(crate) fn new(layers: Vec<Source<'a>>, env: &'a Env) -> Self {
        Self { layers, env, held: BTreeMap::new(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// Other layers over the same variables.
    pub(crate) fn beside<'b>(&self, layers: Vec<Source<'b>>) -> Stack<'b>
    where
        'a: 'b,
    {
        Stack::new(layers, self.env)
    }

    pub(crate) fn layers(&self) -> &[Source<'a>] {
        &self.layers
    }

    /// The effective value of a field for a signal. The layer comes first: what a stronger layer
    /// says for all signals beats what a weaker one says for this signal.
    pub(crate) fn get(&mut self, signal: Signal, field: Field) -> Option<Effective> {
        let said = self.first_of(&candidates(signal, field));
        // What is wrong with the new value is a problem all the same.
        self.held.get(&field).cloned().unwrap_or(said)
    }

    /// The same over several keys, of which the first one counts within a layer.
    pub(crate) fn first_of(&mut self, keys: &[Key]) -> Option<Effective> {
        (0..self.layers.len()).find_map(|layer| {
            keys.iter().find_map(|key| {
                let (value, origin) = self.read(layer, *key)?;
                let written = &self.layers[layer].layer.entries.get(key)?.path;
                let path = if written.is_empty() { key.path() } else { written.clone() };
                Some(Effective { value, origin, key: *key, path, layer })
            })
        })
    }

    /// The same for a key that is not per signal. `sampler_arg` only counts beside a sampler of
    /// its own layer or of a weaker one: a sampler takes no ratio that was written for another.
    pub(crate) fn general(&mut self, field: Field) -> Option<Effective> {
        let effective = self.get(Signal::General, field)?;
        let foreign = field == Field::SamplerArg
            && self
                .get(Signal::General, Field::Sampler)
                .is_some_and(|sampler| sampler.layer < effective.layer);
        (!foreign).then_some(effective)
    }

    /// What is said for all signals, in the type that code has for it.
    pub(crate) fn said<T: Setting>(&mut self, field: Field) -> Option<T> {
        T::from_value(&self.general(field)?.value)
    }

    /// The same, or else the default of the row, for a key that has one.
    pub(crate) fn decided<T: Setting>(&mut self, field: Field) -> T {
        self.said(field).unwrap_or_else(|| preset_as(field))
    }

    /// The same as it was read.
    pub(crate) fn decided_value(&mut self, field: Field) -> Option<Value> {
        let said = self.general(field).map(|said| said.value);
        said.or_else(|| preset(field).cloned())
    }

    /// What is said for a signal.
    pub(crate) fn said_of<T: Setting>(&mut self, signal: Signal, field: Field) -> Option<T> {
        T::from_value(&self.get(signal, field)?.value)
    }

    /// Leaves keys at these values, whatever the layers say.
    pub(crate) fn hold(&mut self, held: impl IntoIterator<Item = (Field, Option<Effective>)>) {
        self.held.extend(held);
    }

    /// The strongest layer that sets any of `fields`, for whatever signal.
    pub(crate) fn strongest(&self, fields: &[Field]) -> Option<usize> {
        let sets = |source: &Source<'_>| fields.iter().any(|field| source.layer.sets(*field));
        self.layers.iter().position(sets)
    }

    /// Whether any layer uses `collector_url`.
    pub(crate) fn bifrost(&self) -> bool {
        self.layers.iter().any(|source| source.layer.bifrost)
    }

    /// Whether the value that counts was written under another tool's name for the key.
    pub(crate) fn uses_alias(&self, field: Field) -> bool {
        let key = field.general();
        let entry = self.layers.iter().find_map(|source| source.layer.entries.get(&key));
        entry.is_some_and(|entry| entry.foreign)
    }

    /// The headers for a signal, merged by name.
    pub(crate) fn headers(&mut self, signal: Signal) -> Vec<(Item<Secret>, usize)> {
        self.headers_over(signal, &[])
    }

    /// The same over headers that a receiver always gets, as if a weakest layer had them.
    pub(crate) fn headers_over(
        &mut self,
        signal: Signal,
        fixed: &[(&str, &str)],
    ) -> Vec<(Item<Secret>, usize)> {
        let mut merged: BTreeMap<String, (Item<Option<Secret>>, usize)> = BTreeMap::new();
        for layer in 0..self.layers.len() {
            for field in [Field::Headers, Field::HeadersList] {
                // Within a layer those for the signal replace the general ones.
                let headers =
                    candidates(signal, field).into_iter().find_map(|key| self.read(layer, key));
                let Some((Value::Headers(headers), _)) = headers else { continue };
                for header in headers {
                    merged.entry(header.name.clone()).or_insert((header, layer));
                }
            }
        }
        if let Some(token) = self.get(signal, Field::BearerToken)
            && let Value::Secret(secret) = token.value
        {
            let name = String::from("authorization");
            merged.entry(name.clone()).or_insert_with(|| {
                let value = Some(Secret::new(format!("Bearer {}", secret.expose())));
                (Item { name, value, origin: token.origin }, token.layer)
            });
        }
        if let Some((Item { value: Some(secret), .. }, _)) = merged.get_mut("authorization")
            && let Some(once) = header::without_second_scheme(secret.expose())
        {
            *secret = Secret::new(once);
            self.warnings.push(String::from(
                "headers.authorization: its scheme is written beside the variable and in it; sent \
                 once",
            ));
        }
        for (name, value) in fixed {
            merged.entry((*name).to_owned()).or_insert_with(|| {
                let (name, value) = ((*name).to_owned(), Some(Secret::new(*value)));
                (Item { name, value, origin: Origin::Default }, self.layers.len())
            });
        }
        merged
            .into_values()
            .filter_map(|(Item { name, value, origin }, layer)| {
                Some((Item { name, value: value?, origin }, layer))
            })
            .collect()
    }

    /// The attributes of the resource, merged by name. `service.name` is among them as
    /// `service_name` and the attribute of a layer stand together.
    pub(crate) fn resource_attributes(&mut self) -> BTreeMap<String, (Scalar, Origin)> {
        let mut merged: BTreeMap<String, Item<Option<Scalar>>> = BTreeMap::new();
        for layer in 0..self.layers.len() {
            if let Some((Value::Text(name), origin)) =
                self.read(layer, Field::ServiceName.general())
            {
                let item =
                    Item { name: SERVICE_NAME.to_owned(), value: Some(Scalar::Str(name)), origin };
                merged.entry(item.name.clone()).or_insert(item);
            }
            if let Some((Value::Attributes(attributes), _)) =
                self.read(layer, Field::ResourceAttributes.general())
            {
                for item in attributes {
                    merged.entry(item.name.clone()).or_insert(item);
                }
            }
        }
        merged
            .into_iter()
            .filter_map(|(name, item)| Some((name, (item.value?, item.origin))))
            .collect()
    }

    fn read(&mut self, layer: usize, key: Key) -> Option<(Value, Origin)> {
        let source = self.layers[layer];
        let entry = source.layer.entries.get(&key)?;
        let mut reader = Reader::new(self.env, source.dialect);
        let value = reader.value(key, entry);
        // What is wrong with a variable was told when its layer was made.
        if !matches!(entry.origin, Origin::Env(_)) {
            self.problems.append(&mut reader.problems);
            self.warnings.append(&mut reader.warnings);
        }
        value.map(|value| (value, entry.origin.at(entry.node.at)))
    }
}

/// The keys that may set a field for a signal, the specific one first.
fn candidates(signal: Signal, field: Field) -> Vec<Key> {
    match signal {
        Signal::General => vec![field.general()],
        signal if field.row().per_signal => vec![field.of(signal), field.general()],
        _ => vec![field.general()],
    }
}

pub(crate) const SERVICE_NAME: &str = "service.name";
