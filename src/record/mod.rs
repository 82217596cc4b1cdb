//! What a span said: typed facts, one spelling and one type each.
//!
//! A [`Record`] takes whatever was recorded under whatever spelling and keeps it under the
//! attribute of the conventions, the last value winning. It knows no SDK and no `tracing`.

pub(crate) mod coerce;
mod content;
mod derive;
mod value;

use std::borrow::Cow;
use std::fmt;

pub(crate) use coerce::Raw;
#[cfg(any(feature = "init", feature = "testing"))]
pub(crate) use content::shape_attr;
pub(crate) use derive::{Outline, SpanRole, clean_name};
pub(crate) use value::{Text, Value};

use crate::health::Health;
use crate::semconv::{
    Attr, AttrSet, Class, KnownOperation, NAMING, Type, ValueMap, is_ours, known_finish_reason,
    known_provider, split_model_prefix,
};
use coerce::{Coerced, coerce};

/// Typed facts about one span, on their way to the policy.
#[derive(Clone, Default)]
pub(crate) struct Record {
    entries: Vec<Entry>,
    /// Attributes that have an entry.
    present: AttrSet,
    /// Attributes that were written to the span when it started.
    written: AttrSet,
    /// Of those, the ones recorded again since with another value.
    changed: AttrSet,
    /// Whether what was written stays, because nobody can change it on the span.
    fixed: bool,
    /// Whether anything was recorded that only GenAI spans have.
    ours: bool,
    /// Whether one of the facts that name a span was recorded since the span started.
    renamed: bool,
    /// Whether the policy has anything to decide: content, error text, keys of others, long text.
    delicate: bool,
    /// Whether a value came that could not become what the conventions want, since somebody asked.
    pub(crate) misfit: bool,
    /// Messages of retired events, in the order in which they came.
    folded: Vec<(Attr, String)>,
}

/// One fact.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) key: Key,
    pub(crate) value: Value,
}

/// What a fact is about.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Key {
    Attr(Attr),
    /// A key that no table has, or content under a name of its own, with whose data it is.
    Other(Cow<'static, str>, Class),
}

impl Record {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self { entries: Vec::with_capacity(capacity), ..Self::default() }
    }

    /// Whether anything was recorded that only GenAI spans have.
    pub(crate) fn is_ours(&self) -> bool {
        self.ours
    }

    /// The value of an attribute.
    pub(crate) fn get(&self, attr: Attr) -> Option<&Value> {
        if !self.has(attr) {
            return None;
        }
        self.entries.iter().find(|entry| entry.key == Key::Attr(attr)).map(|entry| &entry.value)
    }

    /// The text of an attribute.
    pub(crate) fn text(&self, attr: Attr) -> Option<&str> {
        self.get(attr).and_then(Value::as_str)
    }

    pub(crate) fn has(&self, attr: Attr) -> bool {
        self.present.has(attr)
    }

    /// Takes a value of a known attribute.
    ///
    /// `raw` is lent and not given because moving it costs more than taking most values does.
    pub(crate) fn record_attr(
        &mut self,
        attr: Attr,
        map: ValueMap,
        raw: &mut Raw<'_>,
        health: &Health,
    ) {
        // The usual cases, without the detours that the others need.
        if map == ValueMap::Same && self.put_at_once(attr, raw) {
            return;
        }
        let raw = std::mem::replace(raw, Raw::Bool(false));
        if attr == Attr::OperationName
            && let Raw::Str(text) | Raw::Debug(text) = &raw
            && KnownOperation::is_streaming_spelling(text)
        {
            self.put(Attr::RequestStream, Value::Bool(true));
        }
        match coerce(attr, map, raw) {
            Coerced::Value(value) => {
                if attr == Attr::RequestModel {
                    self.put_model(value);
                } else {
                    self.put(attr, value);
                }
            }
            Coerced::Nothing => {}
            Coerced::Text(text) => {
                health.not_understood.increment();
                self.misfit = true;
                self.put(attr, Value::Text(text.into()));
            }
        }
    }

    /// Takes the first value of an attribute where it is of the right type already and needs none
    /// of the detours of [`coerce`], which is nearly always. Tells whether it did.
    fn put_at_once(&mut self, attr: Attr, raw: &Raw<'_>) -> bool {
        if self.has(attr) {
            return false;
        }
        // Each value is written where it stays: a copy of one just made stalls the processor.
        match (raw, attr.value_type()) {
            (Raw::I64(value), Type::Int) if *value >= 0 => *self.place(attr) = Value::I64(*value),
            (Raw::Bool(value), Type::Bool) => *self.place(attr) = Value::Bool(*value),
            (Raw::F64(value), Type::Double)
                if *value >= 0.0 && value.is_finite() && f64::from(*value as f32) != *value =>
            {
                *self.place(attr) = Value::F64(*value);
            }
            (Raw::Str(text), Type::Str)
                if text.as_bytes().first().is_some_and(|first| *first > b' ') =>
            {
                let word = match attr {
                    Attr::OperationName => KnownOperation::named(text).map(KnownOperation::as_str),
                    Attr::ProviderName => known_provider(text),
                    Attr::OutputType => None,
                    Attr::RequestModel if text.contains('/') => None,
                    _ => {
                        self.delicate |= text.len() > ALWAYS_FITS;
                        let place = self.place(attr);
                        if attr.is_sampling_relevant() {
                            *place = Value::Text(Text::Shared((**text).into()));
                        } else {
                            *place = Value::Text(Text::Owned((**text).to_owned()));
                        }
                        return true;
                    }
                };
                let Some(word) = word else { return false };
                *self.place(attr) = Value::Text(Text::Static(word));
            }
            (Raw::Str(text), Type::StrList) if attr == Attr::ResponseFinishReasons => {
                let Some(word) = known_finish_reason(text) else { return false };
                *self.place(attr) = Value::List(vec![Text::Static(word)]);
            }
            _ => return false,
        }
        true
    }

    /// The place of an attribute that has none yet.
    #[inline]
    fn place(&mut self, attr: Attr) -> &mut Value {
        self.present.insert(attr);
        self.ours |= attr.is_ours();
        self.renamed |= NAMING.has(attr);
        self.delicate |= attr.class() != Class::Metadata;
        let at = self.entries.len();
        self.entries.push(Entry { key: Key::Attr(attr), value: Value::Bool(false) });
        &mut self.entries[at].value
    }

    /// Keeps a value under a key of its own.
    pub(crate) fn put_other(&mut self, key: Cow<'static, str>, class: Class, value: Value) {
        self.delicate = true;
        self.ours |= is_ours(&key);
        let found = self.entries.iter_mut().find(|entry| match &entry.key {
            Key::Other(known, _) => *known == key,
            Key::Attr(_) => false,
        });
        match found {
            Some(entry) => {
                entry.key = Key::Other(key, class);
                entry.value = value;
            }
            None => self.entries.push(Entry { key: Key::Other(key, class), value }),
        }
    }

    /// Keeps the messages of an event behind those of the attribute.
    pub(crate) fn fold(&mut self, attr: Attr, json: String) {
        self.ours = true;
        self.folded.push((attr, json));
    }

    pub(crate) fn put(&mut self, attr: Attr, value: Value) {
        self.ours |= attr.is_ours();
        self.renamed |= NAMING.has(attr);
        self.delicate |= attr.class() != Class::Metadata || value.len() > ALWAYS_FITS;
        if !self.has(attr) {
            self.present.insert(attr);
            self.entries.push(Entry { key: Key::Attr(attr), value });
            return;
        }
        if let Some(entry) = self.entries.iter_mut().find(|entry| entry.key == Key::Attr(attr)) {
            if self.written.has(attr) && entry.value != value {
                self.changed.insert(attr);
                if self.fixed {
                    return;
                }
            }
            entry.value = value;
        }
    }

    /// Takes `openai/gpt-4` apart where the prefix is a provider that does not contradict the
    /// recorded one.
    fn put_model(&mut self, value: Value) {
        if let Some((provider, model)) = value.as_str().and_then(split_model_prefix) {
            match self.text(Attr::ProviderName) {
                Some(known) if known != provider => {}
                known => {
                    let missing = known.is_none();
                    let model = Value::Text(Text::Shared(model.into()));
                    if missing {
                        self.put(Attr::ProviderName, Value::Text(Text::Static(provider)));
                    }
                    return self.put(Attr::RequestModel, model);
                }
            }
        }
        self.put(Attr::RequestModel, value);
    }

    /// The sampling-relevant attributes, marked as written to the span from now on.
    pub(crate) fn take_sampling(&mut self) -> impl Iterator<Item = (Attr, &Value)> {
        self.renamed = false;
        let written = &mut self.written;
        self.entries.iter().filter_map(move |entry| match entry.key {
            Key::Attr(attr) if attr.is_sampling_relevant() => {
                written.insert(attr);
                Some((attr, &entry.value))
            }
            _ => None,
        })
    }

    /// Whether the span has the attribute already, with the value it has now.
    pub(crate) fn is_written(&self, attr: Attr) -> bool {
        self.written.has(attr) && (self.fixed || !self.changed.has(attr))
    }

    /// Keeps what is written from now on as it is.
    pub(crate) fn fix_written(&mut self) {
        self.fixed = true;
    }

    /// How many attributes were recorded with another value after they had been fixed.
    pub(crate) fn refused(&self) -> usize {
        if self.fixed { self.changed.len() } else { 0 }
    }

    /// Whether a fact that decides the span's name or kind was recorded since the span started.
    pub(crate) fn names_itself_anew(&self) -> bool {
        self.renamed
    }

    pub(crate) fn remove(&mut self, attr: Attr) -> Option<Value> {
        if !self.has(attr) {
            return None;
        }
        self.present.remove(attr);
        let at = self.entries.iter().position(|entry| entry.key == Key::Attr(attr))?;
        Some(self.entries.remove(at).value)
    }

    /// Whether the policy has anything to decide, given that a value may have `max_bytes`.
    pub(crate) fn is_delicate(&self, max_bytes: usize) -> bool {
        self.delicate || max_bytes < ALWAYS_FITS
    }

    /// Whether any fact is not an attribute of the tables. Asked before the policy takes facts out.
    pub(crate) fn has_others(&self) -> bool {
        self.entries.len() > self.present.len()
    }

    pub(crate) fn entries_mut(&mut self) -> &mut Vec<Entry> {
        &mut self.entries
    }

    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(crate) fn folded(&mut self) -> Vec<(Attr, String)> {
        std::mem::take(&mut self.folded)
    }

    /// Forgets all content, as for a span that is not sampled.
    pub(crate) fn forget_content(&mut self) {
        self.folded.clear();
        let present = &mut self.present;
        self.entries.retain(|entry| match &entry.key {
            Key::Attr(attr) if attr.class().is_content() => {
                present.remove(*attr);
                false
            }
            Key::Attr(_) => true,
            Key::Other(_, class) => !class.is_content(),
        });
    }
}

impl fmt::Debug for Record {
    /// Prints keys only: the values have not passed the policy.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set()
            .entries(self.entries.iter().map(|entry| match &entry.key {
                Key::Attr(attr) => Cow::Borrowed(attr.key()),
                Key::Other(key, _) => Cow::Borrowed(&**key),
            }))
            .finish()
    }
}

/// Values of this many bytes are within any sensible size.
const ALWAYS_FITS: usize = 256;
