//! The content of a span: taken out of its attributes, and read.

use super::super::facts::Facts;
use crate::content::json::Node;
use crate::content::messages::conversation::{Message, Part};
use crate::semconv::Attr;

/// The content attributes of a span, out of its attribute list so that they can be borrowed from.
#[derive(Debug, Default)]
pub(super) struct Texts {
    pub(super) system: Option<String>,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
    pub(super) tools: Option<String>,
    pub(super) documents: Option<String>,
    pub(super) query: Option<String>,
    pub(super) arguments: Option<String>,
    pub(super) result: Option<String>,
    pub(super) memory_query: Option<String>,
    pub(super) memory_records: Option<String>,
}

/// What [`Texts`] says, parsed.
#[derive(Debug)]
pub(super) struct Read<'a> {
    /// Empty where the input messages tell it, too.
    pub(super) system: Vec<Part<'a>>,
    pub(super) input: Option<Vec<Message<'a>>>,
    pub(super) output: Option<Vec<Message<'a>>>,
    pub(super) tools: Option<Vec<Node<'a>>>,
    pub(super) documents: Option<Vec<Node<'a>>>,
}

impl Texts {
    pub(super) fn take_from(facts: &mut Facts) -> Self {
        Self::with(|attr| facts.take_text(attr))
    }

    /// The supplement keeps the attributes and writes nothing that lists would be needed for.
    pub(super) fn clone_of(facts: &Facts) -> Self {
        Self { tools: None, ..Self::with(|attr| facts.text(attr).map(str::to_owned)) }
    }

    fn with(mut text: impl FnMut(Attr) -> Option<String>) -> Self {
        Self {
            system: text(Attr::SystemInstructions),
            input: text(Attr::InputMessages),
            output: text(Attr::OutputMessages),
            tools: text(Attr::ToolDefinitions),
            documents: text(Attr::RetrievalDocuments),
            query: text(Attr::RetrievalQueryText),
            arguments: text(Attr::ToolCallArguments),
            result: text(Attr::ToolCallResult),
            memory_query: text(Attr::MemoryQueryText),
            memory_records: text(Attr::MemoryRecords),
        }
    }

    /// Puts back under their GenAI keys what the format could not say in its own words.
    pub(super) fn give_back(self, facts: &mut Facts, kept: &[Attr]) {
        for (attr, text) in [
            (Attr::SystemInstructions, self.system),
            (Attr::InputMessages, self.input),
            (Attr::OutputMessages, self.output),
            (Attr::ToolDefinitions, self.tools),
            (Attr::RetrievalDocuments, self.documents),
        ] {
            if kept.contains(&attr) {
                facts.put_some(attr.key(), text);
            }
        }
    }
}
