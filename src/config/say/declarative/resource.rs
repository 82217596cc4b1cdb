//! What holds for every signal: resource, propagators, limits.

use super::Lowering;
use crate::config::read::lists;
use crate::config::read::node::{Content, Name, Node, Style};
use crate::config::say::keys::{Field, Reads};

impl Lowering<'_> {
    pub(super) fn resource(&mut self, node: &Node) {
        let mut attributes: Vec<(Name, Node)> = Vec::new();
        for (name, node) in self.closed(
            node,
            "resource",
            &["attributes", "attributes_list", "schema_url", "detection/development"],
        ) {
            let path = format!("resource.{}", name.text);
            match name.text.as_str() {
                "attributes" => {
                    for (number, item) in self.list(&node, &path).into_iter().enumerate() {
                        let path = format!("{path}[{number}]");
                        attributes.extend(self.attribute(&item, &path));
                    }
                }
                "schema_url" => {}
                "attributes_list" => {}
                _ => self
                    .warnings
                    .push(format!("{path}: not supported, ignored; see `resource_detectors`")),
            }
        }
        // Attributes written out win over those of the list.
        if let Some(list) = node.get("attributes_list")
            && let Some(text) = self.text(list, "resource.attributes_list")
        {
            match lists::attributes(&text) {
                Ok((pairs, _)) => {
                    for (name, value) in pairs {
                        if !attributes.iter().any(|(other, _)| other.text == name) {
                            let value = Node::scalar(value, Style::Literal, list.at);
                            attributes.push((Name { text: name, at: list.at }, value));
                        }
                    }
                }
                Err(reason) => self.problem(
                    list,
                    "resource.attributes_list",
                    format!("expected name=value,name=value, got {reason}"),
                ),
            }
        }
        if !attributes.is_empty() {
            let map = Node { at: node.at, content: Content::Map(attributes) };
            self.put(Field::ResourceAttributes.general(), "resource.attributes", &map, Reads::Same);
        }
    }

    pub(super) fn attribute(&mut self, item: &Node, path: &str) -> Option<(Name, Node)> {
        let mut name = None;
        let mut value = None;
        let mut string = false;
        for (key, node) in self.closed(item, path, &["name", "value", "type"]) {
            match (key.text.as_str(), &node.content) {
                ("name", Content::Scalar { text, .. }) => {
                    name = Some(Name { text: text.clone(), at: node.at });
                }
                ("value", _) => value = Some(node),
                ("type", Content::Scalar { text, .. }) => string = text == "string",
                _ => self.problem(&node, &format!("{path}.{}", key.text), "expected text"),
            }
        }
        let Some(name) = name else {
            self.problem(item, path, "expected a `name`");
            return None;
        };
        let mut value = value.filter(|value| !value.is_null())?;
        if string && let Content::Scalar { style, .. } = &mut value.content {
            *style = Style::Quoted;
        }
        Some((name, value))
    }

    pub(super) fn propagator(&mut self, node: &Node) {
        let mut names: Vec<Node> = Vec::new();
        for (name, node) in self.closed(node, "propagator", &["composite", "composite_list"]) {
            let path = format!("propagator.{}", name.text);
            if name.text == "composite" {
                for (number, item) in self.list(&node, &path).into_iter().enumerate() {
                    match item.entries() {
                        Some([(name, _)]) => {
                            names.push(Node::scalar(&name.text, Style::Quoted, name.at));
                        }
                        _ => self.problem(
                            &item,
                            &format!("{path}[{number}]"),
                            "expected one propagator",
                        ),
                    }
                }
            } else if let Some(text) = self.text(&node, &path) {
                names.extend(
                    lists::words(&text)
                        .into_iter()
                        .map(|word| Node::scalar(word, Style::Literal, node.at)),
                );
            }
        }
        if names.is_empty() {
            self.say(Field::Propagators, "none");
        } else {
            let list = Node { at: node.at, content: Content::List(names) };
            self.put(Field::Propagators.general(), "propagator", &list, Reads::Same);
        }
    }

    pub(super) fn limits(&mut self, node: &Node, path: &str, keys: &[(&str, &[Field])]) {
        let mut known: Vec<&str> = keys.iter().map(|(name, _)| *name).collect();
        known.push("attribute_value_depth_limit");
        for (name, node) in self.closed(node, path, &known) {
            let path = format!("{path}.{}", name.text);
            match keys.iter().find(|(key, _)| *key == name.text) {
                Some((_, fields)) => {
                    for field in *fields {
                        self.put(field.general(), &path, &node, Reads::Same);
                    }
                }
                None => self.warnings.push(format!("{path}: not supported, ignored")),
            }
        }
    }
}
