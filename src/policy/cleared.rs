//! The step from what was recorded to what may leave.

use super::{ErrorText, Policy};
use crate::content::{error_text, limit, media};
use crate::health::Health;
use crate::record::{Entry, Key, Record, Text, Value};
use crate::semconv::{Attr, Class, Type};

/// A record that has passed the policy. Only this folder can make one, so an attribute that
/// reaches a span has been looked at.
#[derive(Debug)]
pub(crate) struct ClearedRecord(Record);

impl Policy {
    /// Takes out of `record` what may not leave and shortens what is too long.
    pub(crate) fn clear(self, mut record: Record, health: &Health) -> ClearedRecord {
        if record.is_delicate(self.max_bytes()) {
            self.clear_entries(&mut record, health);
        }
        ClearedRecord(record)
    }

    fn clear_entries(self, record: &mut Record, health: &Health) {
        record.entries_mut().retain_mut(|entry| self.clear_entry(entry, health));
    }

    fn clear_entry(self, entry: &mut Entry, health: &Health) -> bool {
        if let Key::Attr(attr) = &entry.key
            && attr.class() == Class::Metadata
            && entry.value.len() <= self.max_bytes()
        {
            return true;
        }
        let (class, ty) = match &entry.key {
            Key::Attr(attr) => (attr.class(), attr.value_type()),
            Key::Other(_, class) => (*class, Type::Str),
        };
        match class {
            Class::ErrorText => {
                let stack = entry.key == Key::Attr(Attr::ExceptionStacktrace);
                return self.clear_error_value(&mut entry.value, stack, health);
            }
            class if !self.allows(class) => {
                health.withheld.increment();
                return false;
            }
            _ => {}
        }
        self.fit(&mut entry.value, class.is_content(), ty == Type::Json, health);
        true
    }

    fn clear_error_value(self, value: &mut Value, stack: bool, health: &Health) -> bool {
        let texts: &mut [Text] = match value {
            Value::Text(text) => std::slice::from_mut(text),
            Value::List(list) => list,
            _ => return true,
        };
        let level = self.error_text();
        if level == ErrorText::TypeOnly || (stack && level == ErrorText::Scrubbed) {
            health.withheld.increment();
            return false;
        }
        for text in texts {
            if let Some(cleared) = self.clear_error_text(text.as_str()) {
                *text = Text::Owned(cleared);
            }
        }
        true
    }

    /// An error's text as far as it may leave; `None` when it may leave as it is.
    ///
    /// At [`ErrorText::TypeOnly`] nothing may, which is the empty string here.
    pub(crate) fn clear_error_text(self, text: &str) -> Option<String> {
        let cleared = match self.error_text() {
            ErrorText::TypeOnly => return Some(String::new()),
            ErrorText::Scrubbed => error_text::scrub(text),
            ErrorText::Full => limit::shorten_text(text, self.max_bytes()),
        };
        match cleared {
            std::borrow::Cow::Borrowed(same) if same.len() == text.len() => None,
            cleared => Some(cleared.into_owned()),
        }
    }

    /// Takes media out and shortens a value to the size of one attribute.
    pub(crate) fn fit(self, value: &mut Value, content: bool, json: bool, health: &Health) {
        match value {
            Value::Text(text) => self.fit_text(text, content, json, health),
            Value::List(list) => {
                // One attribute, one cap: what is over it goes from the end of the list.
                let mut room = self.max_bytes();
                let kept = list
                    .iter()
                    .take_while(|text| {
                        let fits = text.as_str().len() <= room;
                        room = room.saturating_sub(text.as_str().len());
                        fits
                    })
                    .count();
                if kept < list.len() {
                    health.shortened.increment();
                    list.truncate(kept);
                }
            }
            Value::Bool(_) | Value::I64(_) | Value::F64(_) => {}
        }
    }

    fn fit_text(self, text: &mut Text, content: bool, json: bool, health: &Health) {
        if content && !self.keeps_media() && media::may_hold_media(text.as_str()) {
            let taken = match media::take_out(text.as_str()) {
                std::borrow::Cow::Owned(taken) => Some(taken),
                std::borrow::Cow::Borrowed(_) => None,
            };
            if let Some(taken) = taken {
                *text = Text::Owned(taken);
            }
        }
        if text.as_str().len() > self.max_bytes() {
            health.shortened.increment();
            let short = if json {
                limit::shorten(text.as_str(), self.max_bytes())
            } else {
                limit::shorten_text(text.as_str(), self.max_bytes())
            };
            *text = Text::Owned(short.into_owned());
        }
    }
}

impl ClearedRecord {
    /// What is left, to be written to the span.
    pub(crate) fn into_record(self) -> Record {
        self.0
    }
}
