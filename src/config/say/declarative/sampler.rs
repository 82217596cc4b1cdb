//! The sampler, which is a tree in this format.

use super::{Lowering, NOT_SUPPORTED};
use crate::config::read::node::Node;
use crate::config::read::problem::Problem;
use crate::config::read::suggest;
use crate::config::say::keys::{Field, Reads};

impl Lowering<'_> {
    pub(super) fn sampler(&mut self, node: &Node, path: &str, root: bool) {
        let known = ["always_on", "always_off", "trace_id_ratio_based", "parent_based"];
        let [(name, inner)] = node.entries().unwrap_or_default() else {
            self.problem(node, path, format!("expected one of {}", known.join(", ")));
            return;
        };
        let path = format!("{path}.{}", name.text);
        let prefix = if root { "" } else { "parentbased_" };
        match name.text.as_str() {
            "always_on" | "always_off" => {
                self.say(Field::Sampler, &format!("{prefix}{}", name.text))
            }
            "trace_id_ratio_based" => {
                self.say(Field::Sampler, &format!("{prefix}traceidratio"));
                for (name, node) in self.closed(inner, &path, &["ratio"]) {
                    self.put(
                        Field::SamplerArg.general(),
                        &format!("{path}.{}", name.text),
                        &node,
                        Reads::Same,
                    );
                }
            }
            "parent_based" if root => self.parent_based(inner, &path),
            _ => {
                let near = suggest::nearest(&name.text, known);
                let mut problem = Problem::new(self.origin.at(name.at), path, NOT_SUPPORTED);
                problem.help = near.map(|near| format!("did you mean `{near}`?"));
                self.problems.push(problem);
            }
        }
    }

    pub(super) fn parent_based(&mut self, node: &Node, path: &str) {
        let delegates = [
            ("remote_parent_sampled", "always_on"),
            ("remote_parent_not_sampled", "always_off"),
            ("local_parent_sampled", "always_on"),
            ("local_parent_not_sampled", "always_off"),
        ];
        let mut known = vec!["root"];
        known.extend(delegates.iter().map(|(name, _)| *name));
        for (name, node) in self.closed(node, path, &known) {
            let path = format!("{path}.{}", name.text);
            match delegates.iter().find(|(delegate, _)| *delegate == name.text) {
                None if node.is_null() => {}
                None => self.sampler(&node, &path, false),
                Some((_, default)) => {
                    let usual =
                        matches!(node.entries(), Some([(name, _)]) if name.text == *default);
                    if !usual && !node.is_null() {
                        self.problem(&node, &path, format!("{NOT_SUPPORTED}; only {default}"));
                    }
                }
            }
        }
        // Without a root of its own.
        self.say(Field::Sampler, "parentbased_always_on");
    }
}
