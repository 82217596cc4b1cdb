//! Messages in the convention's shape. (Being written.)
use std::borrow::Cow;

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Shape {
    InputMessages,
    OutputMessages,
    SystemInstructions,
    ToolDefinitions,
    ToolCallArguments,
    ToolCallResult,
    RetrievalDocuments,
    MemoryRecords,
}

#[derive(Debug)]
pub(crate) struct Shaped<'a> {
    pub(crate) json: Cow<'a, str>,
    pub(crate) finish_reasons: Vec<String>,
}

pub(crate) fn shape(_shape: Shape, text: &str) -> Shaped<'_> {
    Shaped { json: Cow::Borrowed(text), finish_reasons: Vec::new() }
}

pub(crate) fn from_event(_name: &str, _fields: &[(&str, &str)]) -> Option<Vec<(Shape, String)>> {
    None
}

pub(crate) fn append(first: &str, _second: &str) -> String {
    first.to_owned()
}

pub(crate) fn unflatten(_shape: Shape, _entries: &[(&str, &str)]) -> Option<String> {
    None
}
