//! Other names for single keys, after a format: what one receiver looks for.

use std::sync::Arc;

use opentelemetry::{Key, KeyValue};
use opentelemetry_sdk::trace::SpanData;

use super::Format;
use super::json::owned;
use crate::content::json::{Node, Text};

/// Another name for a key.
#[derive(Clone, Copy, Debug)]
pub(crate) enum KeyRule {
    /// The old key goes.
    Rename(&'static str, &'static str),
    /// Both keys leave.
    Repeat(&'static str, &'static str),
    /// The first key is a JSON object of numbers; its members are named first, and then by their
    /// own keys. Those leave as well. Where there is one of them, the others are at least 0.
    Gather(&'static str, &'static [(&'static str, &'static str)]),
}

/// `format`, with other names for some keys afterwards.
pub(crate) fn with_keys(format: Arc<dyn Format>, keys: &'static [KeyRule]) -> Arc<dyn Format> {
    if keys.is_empty() { format } else { Arc::new(Renamed { format, keys }) }
}

/// A format whose keys get other names afterwards.
#[derive(Debug)]
struct Renamed {
    format: Arc<dyn Format>,
    keys: &'static [KeyRule],
}

impl Format for Renamed {
    fn name(&self) -> &'static str {
        self.format.name()
    }

    fn format(&self, span: SpanData) -> SpanData {
        let mut span = self.format.format(span);
        for rule in self.keys {
            let attributes = &mut span.attributes;
            match *rule {
                KeyRule::Rename(from, to) => {
                    match (position(attributes, from), position(attributes, to)) {
                        (Some(at), Some(_)) => drop(attributes.remove(at)),
                        (Some(at), None) => attributes[at].key = Key::from_static_str(to),
                        (None, _) => {}
                    }
                }
                KeyRule::Repeat(from, to) => {
                    if let (Some(at), None) = (position(attributes, from), position(attributes, to))
                    {
                        let value = attributes[at].value.clone();
                        attributes.push(KeyValue::new(to, value));
                    }
                }
                KeyRule::Gather(to, members) => {
                    let member =
                        |from| position(attributes, from).map(|at| owned(&attributes[at].value));
                    let found: Vec<_> =
                        members.iter().map(|&(name, from)| (name, member(from))).collect();
                    if found.iter().any(|(_, value)| value.is_some())
                        && position(attributes, to).is_none()
                    {
                        let of_all = found.into_iter().map(|(name, value)| {
                            (Text::word(name), value.unwrap_or(Node::float(0.0)))
                        });
                        let object = Node::Object(of_all.collect());
                        attributes.push(KeyValue::new(to, object.to_json()));
                    }
                }
            }
        }
        span
    }
}

fn position(attributes: &[KeyValue], key: &str) -> Option<usize> {
    attributes.iter().position(|attribute| attribute.key.as_str() == key)
}
