//! The step from what a GenAI span recorded to what is written to it.

use std::borrow::Cow;

use super::Policy;
use super::decide::{Comes, Decision, Holds};
use crate::health::Health;
use crate::record::{Entry, Key, Raw, Record, Text, Value};
use crate::semconv::{ATTRIBUTES, Attr, Class};

/// A record that has passed the policy, on its way to a span: writing takes no other, and only
/// this folder makes one.
#[derive(Debug)]
pub(crate) struct ClearedRecord(Record);

impl Comes {
    pub(crate) fn of(raw: &Raw<'_>) -> Self {
        match raw {
            Raw::Bool(_) | Raw::I64(_) | Raw::U64(_) | Raw::F64(_) => Self::Plain,
            Raw::Str(text) | Raw::Debug(text) => Self::Text(text.len()),
            Raw::List(list) => Self::Text(list.iter().map(String::len).sum()),
        }
    }

    fn of_value(value: &Value) -> Self {
        match value {
            Value::Bool(_) | Value::I64(_) | Value::F64(_) => Self::Plain,
            Value::Text(_) | Value::List(_) => Self::Text(value.len()),
        }
    }
}

impl Key {
    fn holds(&self) -> Holds {
        match self {
            Self::Attr(attr) => Holds::Attr(*attr),
            Self::Other(_, class) => Holds::Data(*class),
        }
    }
}

impl Holds {
    /// Takes a value under a key of its own into the record of a GenAI span.
    pub(crate) fn put(
        self,
        record: &mut Record,
        key: Cow<'static, str>,
        raw: Raw<'_>,
        comes: Comes,
    ) {
        let value = crate::record::coerce::foreign(raw);
        // Libraries fill in what they do not have with nothing.
        if value.len() > 0 || !key.starts_with("gen_ai.") {
            record.put_other(key, self.class(comes), value);
        }
    }
}

impl Policy {
    /// Takes out of `record` what may not leave and shortens what is too long.
    pub(crate) fn clear(self, mut record: Record, health: &Health) -> ClearedRecord {
        if record.is_delicate(self.max_bytes()) {
            record.entries_mut().retain_mut(|entry| self.clear_entry(entry, health));
        }
        ClearedRecord(record)
    }

    /// The sampling-relevant attributes as far as they may leave, marked as written to the span.
    pub(crate) fn clear_sampling<'r>(
        self,
        record: &'r mut Record,
        health: &Health,
    ) -> impl Iterator<Item = (Attr, Value)> + 'r {
        for entry in record.entries_mut() {
            if matches!(entry.key, Key::Attr(attr) if attr.is_sampling_relevant()) {
                self.clear_entry(entry, health);
            }
        }
        record.take_sampling().map(|(attr, value)| (attr, value.clone()))
    }

    /// Leaves of a fact what may leave, in the size of one attribute.
    fn clear_entry(self, entry: &mut Entry, health: &Health) -> bool {
        let holds = entry.key.holds();
        match self.decide(holds, Comes::of_value(&entry.value)) {
            Decision::Keep => {
                if entry.value.len() > self.max_bytes() {
                    self.each_text(&mut entry.value, health, |text| {
                        Some(self.cut(text, holds.is_json(), health))
                    });
                }
                true
            }
            Decision::Withhold => {
                health.withheld.increment();
                false
            }
            decision => {
                self.each_text(&mut entry.value, health, |text| self.text(decision, text, health))
            }
        }
    }

    /// Rewrites the texts of a value; tells whether all of them may leave. One attribute, one cap:
    /// what is over it goes from the end of a list.
    fn each_text(
        self,
        value: &mut Value,
        health: &Health,
        mut change: impl FnMut(&str) -> Option<Cow<'_, str>>,
    ) -> bool {
        let mut change = |text: &mut Text| match change(text.as_str()) {
            Some(Cow::Owned(changed)) => {
                *text = Text::Owned(changed);
                true
            }
            Some(Cow::Borrowed(same)) if same.len() != text.as_str().len() => {
                *text = Text::Owned(same.to_owned());
                true
            }
            found => found.is_some(),
        };
        match value {
            Value::Text(text) => change(text),
            Value::List(list) => {
                let mut room = self.max_bytes();
                let fits = |text: &&Text| {
                    let fits = text.as_str().len() <= room;
                    room = room.saturating_sub(text.as_str().len());
                    fits
                };
                let fitting = list.iter().take_while(fits).count();
                if fitting < list.len() {
                    health.shortened.increment();
                    list.truncate(fitting);
                }
                list.iter_mut().all(change)
            }
            Value::Bool(_) | Value::I64(_) | Value::F64(_) => true,
        }
    }
}

impl ClearedRecord {
    /// Brings every message into its shape, which makes none longer than `max_bytes`.
    pub(crate) fn shape_messages(&mut self, max_bytes: usize) {
        self.0.shape_messages(max_bytes);
    }

    /// Hands over what the span has to be told, the conventions' attributes first: the SDK cuts
    /// the tail at its limit. What it has already is left out.
    pub(crate) fn write(self, mut set: impl FnMut(&mut Key, &mut Value)) {
        let mut record = self.0;
        let mut entries = std::mem::take(record.entries_mut());
        let mut others = 0;
        for Entry { key, value } in &mut entries {
            match key {
                Key::Attr(attr) if record.is_written(*attr) => {}
                Key::Attr(_) => set(key, value),
                Key::Other(..) => others += 1,
            }
        }
        if others > 0 {
            for Entry { key, value } in &mut entries {
                if matches!(key, Key::Other(..)) {
                    set(key, value);
                }
            }
        }
    }
}

// They are written when the span starts, where nothing can be taken back.
const _: () = {
    let mut row = 0;
    while row < ATTRIBUTES.len() {
        assert!(!ATTRIBUTES[row].sampling || matches!(ATTRIBUTES[row].class, Class::Metadata));
        row += 1;
    }
};
