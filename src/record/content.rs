//! Where a record meets the messages: the retired spellings that take more than one attribute to
//! write a message.

use super::value::{Text, Value};
use super::{Key, Record};
use crate::content::limit;
use crate::content::messages;
use crate::semconv::Attr;

/// Families of flattened messages and the attribute they make up.
static FLATTENED: &[(&str, Attr)] = &[
    ("gen_ai.prompt.", Attr::InputMessages),
    ("gen_ai.completion.", Attr::OutputMessages),
    ("llm.input_messages.", Attr::InputMessages),
    ("llm.output_messages.", Attr::OutputMessages),
    ("llm.prompts.", Attr::InputMessages),
    ("llm.completions.", Attr::OutputMessages),
];

/// Brings the value of an attribute into its shape, no longer than `max_bytes`. `None` for
/// an attribute without a shape; no text when the value is right as it is.
pub(crate) fn shape_attr(
    attr: Attr,
    text: &str,
    max_bytes: usize,
) -> Option<(Option<String>, Vec<String>)> {
    let shaped = messages::shape(attr.def().shape?, text);
    let short = limit::shorten(&shaped.json, max_bytes);
    let json = (*short != *text).then(|| short.into_owned());
    Some((json, shaped.finish_reasons))
}

impl Record {
    /// Joins the messages of events and of flattened attributes with those of the attribute.
    pub(crate) fn merge_messages(&mut self) {
        if self.has_others() {
            self.unflatten();
        }
        for (attr, piece) in self.folded() {
            let Some(shape) = attr.def().shape else { continue };
            let joined = match self.text(attr) {
                Some(text) => messages::append(&messages::shape(shape, text).json, &piece),
                None => piece,
            };
            self.put(attr, Value::Text(joined.into()));
        }
    }

    fn unflatten(&mut self) {
        for (prefix, attr) in FLATTENED {
            let Some(shape) = attr.def().shape else { continue };
            let belongs = |key: &Key| match key {
                Key::Other(key, class) => class.is_content() && key.starts_with(prefix),
                Key::Attr(_) => false,
            };
            if !self.entries().iter().any(|entry| belongs(&entry.key)) {
                continue;
            }
            let parts: Vec<(&str, std::borrow::Cow<'_, str>)> = self
                .entries()
                .iter()
                .filter(|entry| belongs(&entry.key))
                .filter_map(|entry| match &entry.key {
                    Key::Other(key, _) => Some((&**key, entry.value.to_text())),
                    Key::Attr(_) => None,
                })
                .collect();
            let parts: Vec<(&str, &str)> =
                parts.iter().map(|(key, text)| (*key, &**text)).collect();
            if let Some(json) = messages::unflatten(shape, &parts) {
                self.entries_mut().retain(|entry| !belongs(&entry.key));
                if !self.has(*attr) {
                    self.put(*attr, Value::Text(json.into()));
                }
            }
        }
    }

    /// Brings every message into its shape here and now.
    pub(crate) fn shape_messages(&mut self, max_bytes: usize) {
        let shaped = Attr::ALL.iter().copied().filter(|attr| attr.def().shape.is_some());
        for attr in shaped {
            let Some(text) = self.text(attr) else { continue };
            let Some((json, reasons)) = shape_attr(attr, text, max_bytes) else { continue };
            if let Some(json) = json {
                self.put(attr, Value::Text(json.into()));
            }
            if attr == Attr::OutputMessages
                && !reasons.is_empty()
                && !self.has(Attr::ResponseFinishReasons)
            {
                let list = reasons.into_iter().map(Text::Owned).collect();
                self.put(Attr::ResponseFinishReasons, Value::List(list));
            }
        }
    }
}
