//! Values with parts: headers, attributes, lists.

use super::scalar::Text;
use super::{Item, Reader, Site};
use crate::config::read::header;
use crate::config::read::lists;
use crate::config::read::node::{self, Content, Node};
use crate::config::read::problem::Origin;
use crate::config::read::{node::Scalar, secret::Secret};

impl Reader<'_> {
    pub(super) fn secret(&mut self, at: &Site<'_>, node: &Node) -> Option<Secret> {
        let text = self.scalar(at, node, "text", true)?;
        self.header_value(at, &text).map(Secret::new)
    }

    pub(super) fn header_value(&mut self, at: &Site<'_>, text: &Text) -> Option<String> {
        match header::value(&text.text) {
            Ok("") => None,
            Ok(value) => Some(value.to_owned()),
            Err(reason) => {
                let source = match text.via.first() {
                    Some(variable) => format!("value of ${{{variable}}}"),
                    None => String::from("the value"),
                };
                self.problem(at, format!("{source} contains {reason}"));
                None
            }
        }
    }

    pub(super) fn headers(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<Item<Option<Secret>>>> {
        if let (Origin::Env(_), Content::Scalar { text, .. }) = (origin, &node.content) {
            return Some(self.headers_list(at, text));
        }
        let Some(entries) = node.entries() else {
            self.problem(at, format!("expected a mapping of names to values, got {}", node.kind()));
            return None;
        };
        if entries.len() > header::MAX_HEADERS {
            self.problem(at, format!("expected at most {} headers", header::MAX_HEADERS));
            return None;
        }
        let mut headers: Vec<Item<Option<Secret>>> = Vec::new();
        let mut total = 0;
        for (key, value) in entries {
            let key_site = Site { path: at.path, origin: origin.at(key.at) };
            let name = match header::name(&key.text) {
                Ok(name) => name,
                Err(message) => {
                    self.problem(&key_site, message);
                    continue;
                }
            };
            if let Some(first) = headers.iter().find(|item| item.name == name) {
                let message = match &first.origin {
                    Origin::File { at, .. } => {
                        format!(
                            "header {} is given twice (first at line {})",
                            key.text.trim(),
                            at.line
                        )
                    }
                    _ => format!("header {} is given twice", key.text.trim()),
                };
                self.problem(&key_site, message);
                continue;
            }
            let path = format!("{}.{name}", at.path);
            let site = Site { path: &path, origin: origin.at(value.at) };
            let value = if value.is_null() {
                None
            } else {
                let Some(text) = self.scalar(&site, value, "text", true) else { continue };
                let Some(value) = self.header_value(&site, &text) else { continue };
                Some(value)
            };
            if name == header::CONTENT_TYPE {
                self.warnings.push(format!("{path}: ignored, the protocol decides it"));
                continue;
            }
            total += name.len() + value.as_ref().map_or(0, String::len);
            headers.push(Item { name, value: value.map(Secret::new), origin: key_site.origin });
        }
        if total > header::MAX_TOTAL {
            self.problem(at, format!("expected at most {} bytes of headers", header::MAX_TOTAL));
            return None;
        }
        Some(headers)
    }

    /// Headers as `name=value,name=value`. What cannot be used is left out with a warning.
    pub(super) fn headers_list(&mut self, at: &Site<'_>, text: &str) -> Vec<Item<Option<Secret>>> {
        let place = at.place();
        let (pairs, bad) = lists::headers(text);
        for bad in bad {
            self.warnings.push(format!("{place}: entry {} {}", bad.number, bad.message));
        }
        let mut headers = Vec::new();
        for (index, (name, value)) in pairs.into_iter().enumerate() {
            let name = match header::name(&name) {
                Ok(name) if name == header::CONTENT_TYPE => {
                    self.warnings.push(format!("{place}: {name} ignored, the protocol decides it"));
                    continue;
                }
                Ok(name) => name,
                Err(reason) => {
                    self.warnings.push(format!("{place}: header {} ignored: {reason}", index + 1));
                    continue;
                }
            };
            match header::value(&value) {
                Ok(value) => headers.push(Item {
                    name,
                    value: Some(Secret::new(value)),
                    origin: at.origin.clone(),
                }),
                Err(reason) => self
                    .warnings
                    .push(format!("{place}: header {name} ignored: its value contains {reason}")),
            }
        }
        headers
    }

    pub(super) fn attributes(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<Item<Option<Scalar>>>> {
        if let (Origin::Env(_), Content::Scalar { text, .. }) = (origin, &node.content) {
            return self.attributes_list(at, text);
        }
        let Some(entries) = node.entries() else {
            self.problem(at, format!("expected a mapping of names to values, got {}", node.kind()));
            return None;
        };
        if entries.len() > MAX_ATTRIBUTES {
            self.problem(at, format!("expected at most {MAX_ATTRIBUTES} attributes"));
            return None;
        }
        let mut attributes = Vec::new();
        for (key, value) in entries {
            if key.text.is_empty() {
                let site = Site { path: at.path, origin: origin.at(key.at) };
                self.problem(&site, "an attribute with an empty name");
                continue;
            }
            let path = format!("{}.{}", at.path, key.text);
            let site = Site { path: &path, origin: origin.at(value.at) };
            let scalar = if value.is_null() {
                None
            } else {
                let Some(scalar) = self.attribute(&site, value) else { continue };
                Some(scalar)
            };
            attributes.push(Item {
                name: key.text.clone(),
                value: scalar,
                origin: site.origin.clone(),
            });
        }
        Some(attributes)
    }

    /// Attributes as `name=value,name=value`.
    pub(crate) fn attributes_list(
        &mut self,
        at: &Site<'_>,
        text: &str,
    ) -> Option<Vec<Item<Option<Scalar>>>> {
        let (pairs, twice) = match lists::attributes(text) {
            Ok(read) => read,
            Err(reason) => {
                self.problem(at, format!("expected name=value,name=value, got {reason}"));
                return None;
            }
        };
        for name in twice {
            self.warnings
                .push(format!("{}: {name} is given twice, the last one counts", at.place()));
        }
        let item = |(name, value)| Item {
            name,
            value: Some(Scalar::Str(value)),
            origin: at.origin.clone(),
        };
        Some(pairs.into_iter().map(item).collect())
    }

    pub(super) fn attribute(&mut self, at: &Site<'_>, node: &Node) -> Option<Scalar> {
        if let Some(items) = node.items() {
            let mut texts = Vec::new();
            for item in items {
                let site = Site { path: at.path, origin: at.origin.at(item.at) };
                texts.push(self.scalar(&site, item, "text", false)?.text);
            }
            return Some(Scalar::List(texts));
        }
        let text = self.scalar(at, node, "text, a number, true, false or a list", false)?;
        if text.quoted {
            return Some(Scalar::Str(text.text));
        }
        if let Some(value) = node::bool(&text.text) {
            return Some(Scalar::Bool(value));
        }
        if let Some(value) = node::int(&text.text).and_then(|value| i64::try_from(value).ok()) {
            return Some(Scalar::I64(value));
        }
        match node::float(&text.text) {
            Some(value) if value.is_finite() => Some(Scalar::F64(value)),
            Some(_) => {
                self.expected(at, "a finite number", &text);
                None
            }
            None => Some(Scalar::Str(text.text)),
        }
    }

    pub(super) fn names(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<String>> {
        let words = self.words(at, node, origin)?;
        Some(words.into_iter().map(|(_, word)| word.text).collect())
    }

    /// The items of a list, or of text with commas.
    pub(super) fn words<'s>(
        &mut self,
        at: &Site<'s>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<(Site<'s>, Text)>> {
        let mut words = Vec::new();
        match &node.content {
            Content::List(items) => {
                for item in items {
                    let site = Site { path: at.path, origin: origin.at(item.at) };
                    let text = self.scalar(&site, item, "text", false)?;
                    words.push((site, text));
                }
            }
            Content::Scalar { .. } => {
                let list = self.scalar(at, node, "a list", false)?;
                for word in lists::words(&list.text) {
                    let text = Text { text: word.to_owned(), quoted: true, via: list.via.clone() };
                    words.push((at.clone(), text));
                }
            }
            Content::Map(_) => {
                self.problem(at, "expected a list, got a mapping");
                return None;
            }
        }
        Some(words)
    }

    pub(super) fn counts(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        origin: &Origin,
    ) -> Option<Vec<(String, u64)>> {
        if let (Origin::Env(_), Content::Scalar { text, .. }) = (origin, &node.content) {
            let mut counts = Vec::new();
            for word in lists::words(text) {
                let (name, count) = word.split_once('=').unwrap_or((word, ""));
                let node = Node::verbatim(count.trim());
                counts.push((name.trim().to_owned(), self.int(at, &node, 1, MAX_COUNT, "")?));
            }
            return Some(counts);
        }
        let Some(entries) = node.entries() else {
            self.problem(
                at,
                format!("expected a mapping of names to numbers, got {}", node.kind()),
            );
            return None;
        };
        let mut counts = Vec::new();
        for (key, value) in entries {
            let path = format!("{}.{}", at.path, key.text);
            let site = Site { path: &path, origin: origin.at(value.at) };
            if let Some(count) = self.int(&site, value, 1, MAX_COUNT, "") {
                counts.push((key.text.clone(), count));
            }
        }
        Some(counts)
    }

    pub(super) fn json(&mut self, at: &Site<'_>, node: &Node) -> Option<serde_json::Value> {
        use serde_json::Value as Json;
        if let (Origin::Env(_), Content::Scalar { text, .. }) = (&at.origin, &node.content) {
            let read = serde_json::from_str(text).ok();
            if read.is_none() {
                self.problem(at, "expected JSON");
            }
            return read;
        }
        Some(match &node.content {
            Content::List(items) => {
                Json::Array(items.iter().map(|item| self.json(at, item)).collect::<Option<_>>()?)
            }
            Content::Map(entries) => Json::Object(
                entries
                    .iter()
                    .map(|(key, value)| Some((key.text.clone(), self.json(at, value)?)))
                    .collect::<Option<_>>()?,
            ),
            Content::Scalar { .. } if node.is_null() => Json::Null,
            Content::Scalar { .. } => {
                let text = self.scalar(at, node, "text", false)?;
                match (text.quoted, node::bool(&text.text), node::float(&text.text)) {
                    (false, Some(value), _) => Json::Bool(value),
                    (false, _, Some(value)) => match node::int(&text.text).map(i64::try_from) {
                        Some(Ok(value)) => Json::from(value),
                        _ => Json::from(value),
                    },
                    _ => Json::String(text.text),
                }
            }
        })
    }
}

const MAX_ATTRIBUTES: usize = 128;
const MAX_COUNT: u64 = 100_000;
