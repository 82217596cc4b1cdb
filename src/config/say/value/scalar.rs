//! Single values: references resolved, and how a wrong one is shown.

use super::{Reader, Site};
use crate::config::read::node::{self, Content, Node, Style};
use crate::config::read::problem::{Problem, quote};
use crate::config::read::reference::{self, Dialect, Template, Unresolved};
use crate::config::read::secret;

/// A scalar with its references resolved.
pub(super) struct Text {
    pub(super) text: String,
    /// Quoted, so a string whatever it looks like.
    pub(super) quoted: bool,
    /// The variables it came from.
    pub(super) via: Vec<String>,
}

impl Reader<'_> {
    /// The text of a scalar. `None` for a problem, for nothing, and for a reference that is not
    /// looked at yet. With `secret`, `env.NAME` and `file:/path` as a whole value count too.
    pub(super) fn scalar(
        &mut self,
        at: &Site<'_>,
        node: &Node,
        what: &str,
        secret: bool,
    ) -> Option<Text> {
        let Content::Scalar { text, style } = &node.content else {
            self.problem(at, format!("expected {what}, got {}", node.kind()));
            return None;
        };
        if matches!(style, Style::Verbatim | Style::Literal) {
            return Some(Text {
                text: text.clone(),
                quoted: *style == Style::Literal,
                via: Vec::new(),
            });
        }
        let quoted = *style == Style::Quoted;
        if secret && self.dialect == Dialect::Own {
            if let Some(name) = reference::whole_env(text) {
                return self.resolve(at, &Template::variable(name), text, quoted, secret);
            }
            if let Some(path) = text.strip_prefix("file:") {
                return self.file(at, path);
            }
        }
        let template = match Template::parse(text, self.dialect) {
            Ok(template) => template,
            Err(message) => {
                self.problem(at, message);
                return None;
            }
        };
        self.resolve(at, &template, text, quoted, secret)
    }

    pub(super) fn resolve(
        &mut self,
        at: &Site<'_>,
        template: &Template,
        written: &str,
        quoted: bool,
        secret: bool,
    ) -> Option<Text> {
        let via: Vec<String> = template.variables().map(str::to_owned).collect();
        if self.written_only && !via.is_empty() {
            return None;
        }
        match template.expand(self.env, self.dialect) {
            Ok(text) if text.is_empty() && !via.is_empty() => {
                if secret && self.dialect == Dialect::Declarative {
                    self.warnings.push(format!(
                        "{}: environment variable {} is not set; left out",
                        at.path,
                        via.join(", ")
                    ));
                }
                None
            }
            Ok(text) => Some(Text { text, quoted, via }),
            Err(Unresolved::Unset(name)) => {
                let form = if reference::whole_env(written).is_some() {
                    format!("env.{name}")
                } else {
                    format!("${{{name}}}")
                };
                self.problems.push(
                    Problem::new(
                        at.origin.clone(),
                        at.path,
                        format!("environment variable {name} is not set (referenced as {form})"),
                    )
                    .help(format!("set it, or give a default with ${{{name}:-…}}")),
                );
                None
            }
            Err(Unresolved::NotUtf8(name)) => {
                self.problem(
                    at,
                    format!("value of environment variable {name} is not valid UTF-8"),
                );
                None
            }
        }
    }

    pub(super) fn file(&mut self, at: &Site<'_>, path: &str) -> Option<Text> {
        if self.written_only {
            return None;
        }
        match secret::read(path) {
            Ok(text) => Some(Text { text, quoted: true, via: Vec::new() }),
            Err(reason) => {
                self.problem(at, format!("cannot read {path}: {reason}"));
                None
            }
        }
    }

    pub(super) fn expected(&mut self, at: &Site<'_>, what: &str, text: &Text) {
        let got = match text.via.first() {
            Some(variable) => format!("(value of ${{{variable}}})"),
            None if !text.quoted
                && (node::is_number(&text.text) || node::bool(&text.text).is_some()) =>
            {
                text.text.clone()
            }
            None => quote(&text.text),
        };
        self.problem(at, format!("expected {what}, got {got}"));
    }
}
