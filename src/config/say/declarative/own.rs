//! The conventions of instrumentation, and our own keys.

use super::{Lowering, OWN};
use crate::config::read::node::Node;
use crate::config::say::block::{self, Block};
use crate::config::say::keys::{Field, Reads};

impl Lowering<'_> {
    pub(super) fn instrumentation(&mut self, node: &Node) {
        let path = "instrumentation/development";
        if let Some(general) = node.get("general") {
            if let Some(list) = general.get("stability_opt_in_list") {
                let path = format!("{path}.general.stability_opt_in_list");
                self.put(Field::SemconvOptIn.general(), &path, list, Reads::Same);
            }
            if let Some(semconv) = general.get("gen_ai").and_then(|gen_ai| gen_ai.get("semconv")) {
                self.semconv(semconv, &format!("{path}.general.gen_ai.semconv"));
            }
        }
        let own = node.get("rust").and_then(|rust| rust.get(OWN));
        self.own(own, &format!("{path}.rust"));
    }

    pub(super) fn semconv(&mut self, node: &Node, path: &str) {
        let mut version = "1.41";
        for (name, node) in self.closed(node, path, &["version", "experimental", "dual_emit"]) {
            let path = format!("{path}.{}", name.text);
            let Some(text) = self.text(&node, &path) else { continue };
            match (name.text.as_str(), crate::config::read::node::bool(&text)) {
                ("dual_emit", Some(true)) => version = "dual",
                ("experimental", Some(true)) if version != "dual" => version = "latest",
                ("version", _) | (_, Some(_)) => {}
                _ => self.problem(
                    &node,
                    &path,
                    format!(
                        "expected true or false, got {}",
                        crate::config::read::problem::quote(&text)
                    ),
                ),
            }
        }
        self.say_over(Field::Semconv, version);
    }

    /// Our own keys, at one of the two places that the format has for such.
    pub(super) fn own(&mut self, node: Option<&Node>, path: &str) {
        let Some(node) = node else { return };
        let block = Block { path: format!("{path}.{OWN}"), node, disabled: false };
        let (layer, mut problems, mut warnings) = block::layer(&block, self.origin);
        self.problems.append(&mut problems);
        self.warnings.append(&mut warnings);
        self.layer.entries.extend(layer.entries);
        if layer.exporters.is_some() {
            self.layer.exporters = layer.exporters;
        }
    }
}
