//! Values as a record keeps them.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// A typed value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Value {
    /// `boolean`
    Bool(bool),
    /// `int`
    I64(i64),
    /// `double`
    F64(f64),
    /// `string`, and JSON text
    Text(Text),
    /// `string[]`
    List(Vec<Text>),
}

impl Value {
    /// The text of a string value.
    pub(crate) fn as_str(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text.as_str()),
            _ => None,
        }
    }

    /// Any value as text.
    pub(crate) fn to_text(&self) -> Cow<'_, str> {
        match self {
            Self::Bool(value) => Cow::Owned(value.to_string()),
            Self::I64(value) => Cow::Owned(value.to_string()),
            Self::F64(value) => Cow::Owned(value.to_string()),
            Self::Text(text) => Cow::Borrowed(text.as_str()),
            Self::List(list) => {
                Cow::Owned(list.iter().map(Text::as_str).collect::<Vec<_>>().join(","))
            }
        }
    }

    /// Roughly how many bytes the value takes.
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Bool(_) | Self::I64(_) | Self::F64(_) => 8,
            Self::Text(text) => text.as_str().len(),
            Self::List(list) => list.iter().map(|text| text.as_str().len()).sum(),
        }
    }
}

/// Text that is known at compile time, owned, or shared between a span's start and its end.
#[derive(Clone)]
pub(crate) enum Text {
    /// One of the words of the tables.
    Static(&'static str),
    /// Owned by one record.
    Owned(String),
    /// Written to the span when it starts and compared when it ends.
    Shared(Arc<str>),
}

impl Text {
    /// The text.
    pub(crate) fn as_str(&self) -> &str {
        match self {
            Self::Static(text) => text,
            Self::Owned(text) => text,
            Self::Shared(text) => text,
        }
    }
}

impl PartialEq for Text {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl From<&'static str> for Text {
    fn from(text: &'static str) -> Self {
        Self::Static(text)
    }
}
