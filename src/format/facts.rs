//! What a finished span says, looked up by row of the attribute table instead of by text.
//!
//! A format takes what it can say in its own words, puts those words beside it, and everything
//! that nobody took leaves unchanged: no fact is lost because a format has no name for it.

use std::borrow::Cow;

use opentelemetry::{Array, Key, KeyValue, Value};
use opentelemetry_sdk::trace::SpanData;

use super::json::{Members, owned};
use crate::content::json::Text;
use crate::semconv::{Attr, attr_of, is_ours};

/// The attributes of one span on their way from canonical to another format.
#[derive(Debug)]
pub(super) struct Facts {
    /// `None` where the attribute was taken.
    attributes: Vec<Option<KeyValue>>,
    /// Position in `attributes` plus one; 0 for an attribute the span does not have.
    slots: [u16; Attr::ALL.len()],
    /// Second spellings, which `semconv: dual` writes: they go when the first one goes.
    twins: Vec<(Attr, u16)>,
    /// Positions of what the attribute table does not know: the application's own attributes.
    foreign: Vec<u16>,
    gen_ai: bool,
    out: Vec<KeyValue>,
}

impl Facts {
    pub(super) fn of(attributes: Vec<KeyValue>) -> Self {
        let mut facts = Self {
            slots: [0; Attr::ALL.len()],
            twins: Vec::new(),
            foreign: Vec::new(),
            gen_ai: false,
            out: Vec::with_capacity(attributes.len() + 32),
            attributes: attributes.into_iter().map(Some).collect(),
        };
        for (position, attribute) in facts.attributes.iter().enumerate() {
            // Beyond 65,534 attributes, which no span limit allows, they pass unread.
            let Ok(position) = u16::try_from(position) else { break };
            let Some(attribute) = attribute else { continue };
            facts.gen_ai = facts.gen_ai || is_ours(attribute.key.as_str());
            match attr_of(attribute.key.as_str()) {
                None => facts.foreign.push(position),
                Some(attr) => match &mut facts.slots[attr as usize] {
                    slot @ 0 if position < u16::MAX => *slot = position + 1,
                    _ => facts.twins.push((attr, position)),
                },
            }
        }
        facts
    }

    /// A span whose attributes `tell` says in the words of a format. One without anything of GenAI
    /// passes untouched.
    pub(super) fn retold(
        mut span: SpanData,
        tell: impl FnOnce(&mut Self, &mut SpanData),
    ) -> SpanData {
        let mut facts = Self::of(std::mem::take(&mut span.attributes));
        if facts.gen_ai {
            tell(&mut facts, &mut span);
        }
        span.attributes = facts.finish();
        span
    }

    /// How many attributes the span has now.
    pub(super) fn len(&self) -> usize {
        self.out.len() + self.attributes.iter().flatten().count()
    }

    pub(super) fn has(&self, attr: Attr) -> bool {
        self.get(attr).is_some()
    }

    pub(super) fn get(&self, attr: Attr) -> Option<&Value> {
        let position = usize::from(self.slots[attr as usize]).checked_sub(1)?;
        self.attributes[position].as_ref().map(|attribute| &attribute.value)
    }

    /// A string value that is not empty.
    pub(super) fn text(&self, attr: Attr) -> Option<&str> {
        match self.get(attr)? {
            Value::String(text) if !text.as_str().is_empty() => Some(text.as_str()),
            _ => None,
        }
    }

    pub(super) fn int(&self, attr: Attr) -> Option<i64> {
        match self.get(attr)? {
            Value::I64(number) => Some(*number),
            _ => None,
        }
    }

    pub(super) fn float(&self, attr: Attr) -> Option<f64> {
        match self.get(attr)? {
            Value::F64(number) => Some(*number),
            #[expect(clippy::cast_precision_loss, reason = "attributes hold small numbers")]
            Value::I64(number) => Some(*number as f64),
            _ => None,
        }
    }

    pub(super) fn is_true(&self, attr: Attr) -> bool {
        matches!(self.get(attr), Some(Value::Bool(true)))
    }

    /// Tokens of input and output together, else the total that was reported.
    pub(super) fn total_tokens(&self) -> Option<i64> {
        let input = self.int(Attr::UsageInputTokens);
        let sum = input.zip(self.int(Attr::UsageOutputTokens));
        sum.and_then(|(input, output)| input.checked_add(output))
            .or_else(|| self.int(Attr::UsageTotalTokens))
    }

    /// The first entry of a list of strings.
    pub(super) fn first(&self, attr: Attr) -> Option<&str> {
        match self.get(attr)? {
            Value::Array(Array::String(list)) => list.first().map(|text| text.as_str()),
            Value::String(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Removes an attribute, whatever its spelling, and hands out its value.
    pub(super) fn take(&mut self, attr: Attr) -> Option<Value> {
        let position =
            usize::from(std::mem::take(&mut self.slots[attr as usize])).checked_sub(1)?;
        for (twin, position) in &self.twins {
            if *twin == attr {
                self.attributes[usize::from(*position)] = None;
            }
        }
        self.attributes[position].take().map(|attribute| attribute.value)
    }

    /// Removes a string value that is not empty.
    pub(super) fn take_text(&mut self, attr: Attr) -> Option<String> {
        self.text(attr)?;
        match self.take(attr)? {
            Value::String(text) => Some(text.into()),
            _ => None,
        }
    }

    /// Removes values that become members of one JSON object, row by row.
    pub(super) fn take_members(
        &mut self,
        rows: impl IntoIterator<Item = (Attr, &'static str)>,
    ) -> Members<'static> {
        let rows = rows.into_iter();
        rows.filter_map(|(attr, name)| Some((Text::word(name), owned(&self.take(attr)?)))).collect()
    }

    pub(super) fn drop_all(&mut self, attrs: &[Attr]) {
        for &attr in attrs {
            self.take(attr);
        }
    }

    /// Moves values under another name, row by row.
    pub(super) fn rename(&mut self, rows: &[(Attr, &'static str)]) {
        for &(attr, key) in rows {
            if let Some(value) = self.take(attr) {
                self.put(key, value);
            }
        }
    }

    /// Repeats values under another name, row by row.
    pub(super) fn repeat(&mut self, rows: &[(Attr, &'static str)]) {
        for &(attr, key) in rows {
            if let Some(value) = self.get(attr).cloned() {
                self.put(key, value);
            }
        }
    }

    /// Says something in the words of the target format, unless the application said it itself.
    pub(super) fn put(&mut self, key: impl Into<Key>, value: impl Into<Value>) {
        let key = key.into();
        if !self.is_set(key.as_str()) {
            self.out.push(KeyValue::new(key, value));
        }
    }

    /// Says a text under another name in other words, if there are any: else it stays as it is.
    pub(super) fn put_instead<V: Into<Value>>(
        &mut self,
        attr: Attr,
        key: &'static str,
        words: impl FnOnce(&str) -> Option<V>,
    ) {
        if let Some(value) = self.text(attr).and_then(words) {
            self.take(attr);
            self.put(key, value);
        }
    }

    pub(super) fn put_some(&mut self, key: &'static str, value: Option<impl Into<Value>>) {
        if let Some(value) = value {
            self.put(key, value);
        }
    }

    /// Many at once, of a namespace that [`Facts::claims`] left to the format.
    pub(super) fn put_all(&mut self, attributes: Vec<KeyValue>) {
        self.out.extend(attributes);
    }

    /// Whether the application set this key of the target format.
    pub(super) fn is_set(&self, key: &str) -> bool {
        self.foreign().any(|attribute| attribute.key.as_str() == key)
            || attr_of(key).is_some_and(|attr| self.has(attr))
    }

    /// Whether the application set anything in this namespace of the target format. A list that
    /// is half theirs and half ours would be read as one, so the whole is theirs then.
    pub(super) fn claims(&self, namespace: &str) -> bool {
        self.foreign().any(|attribute| attribute.key.as_str().starts_with(namespace))
    }

    /// The value of a key the attribute table does not know.
    pub(super) fn foreign_text(&self, key: &str) -> Option<Cow<'_, str>> {
        self.foreign()
            .find(|attribute| attribute.key.as_str() == key)
            .map(|attribute| attribute.value.as_str())
    }

    /// Removes the attributes under a prefix that the attribute table does not know; the keys
    /// come back without it.
    pub(super) fn take_prefixed(&mut self, prefix: &str) -> Vec<(String, Value)> {
        let mut taken = Vec::new();
        for &position in &self.foreign {
            let slot = &mut self.attributes[usize::from(position)];
            let name = slot
                .as_ref()
                .and_then(|attribute| attribute.key.as_str().strip_prefix(prefix))
                .map(str::to_owned);
            if let Some((name, attribute)) =
                name.zip(slot.take_if(|a| a.key.as_str().starts_with(prefix)))
            {
                taken.push((name, attribute.value));
            }
        }
        taken
    }

    /// What the format said, then what nobody took, in the order it was in.
    pub(super) fn finish(self) -> Vec<KeyValue> {
        let mut out = self.out;
        out.extend(self.attributes.into_iter().flatten());
        out
    }

    fn foreign(&self) -> impl Iterator<Item = &KeyValue> {
        self.foreign.iter().filter_map(|&position| self.attributes[usize::from(position)].as_ref())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts(pairs: &[(&'static str, &'static str)]) -> Facts {
        Facts::of(pairs.iter().map(|&(key, value)| KeyValue::new(key, value)).collect())
    }

    #[test]
    fn both_spellings_are_one_fact() {
        let mut facts = facts(&[
            ("gen_ai.usage.cache_write.input_tokens", "3"),
            ("gen_ai.usage.cache_creation.input_tokens", "3"),
            ("mine", "x"),
        ]);
        assert!(facts.take(Attr::UsageCacheWriteInputTokens).is_some());
        assert!(!facts.has(Attr::UsageCacheWriteInputTokens));
        assert_eq!(facts.finish(), [KeyValue::new("mine", "x")]);
    }

    #[test]
    fn what_the_application_said_is_kept() {
        let mut facts = facts(&[("gen_ai.agent.name", "derived"), ("agent.name", "mine")]);
        facts.rename(&[(Attr::AgentName, "agent.name")]);
        assert_eq!(facts.finish(), [KeyValue::new("agent.name", "mine")]);
    }

    #[test]
    fn prefixed_attributes_are_taken_without_the_prefix() {
        let mut facts = facts(&[("gen_ai.prompt.variable.city", "Paris"), ("mine", "x")]);
        let taken = facts.take_prefixed("gen_ai.prompt.variable.");
        assert_eq!(taken, [("city".to_owned(), Value::from("Paris"))]);
        assert_eq!(facts.finish(), [KeyValue::new("mine", "x")]);
    }
}
