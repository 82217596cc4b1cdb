//! JSON at the edge of a span attribute.

use opentelemetry::{Array, Value};

use crate::content::json::{Node, Text};

/// The members of an object that is being made, in their order.
pub(super) type Members<'a> = Vec<(Text<'a>, Node<'a>)>;

/// An attribute value as JSON; a number that JSON cannot say is `null`.
pub(super) fn node(value: &Value) -> Node<'_> {
    fn list<'a, T>(values: &'a [T], node: impl Fn(&'a T) -> Node<'a>) -> Node<'a> {
        Node::Array(values.iter().map(node).collect())
    }
    match value {
        Value::Bool(value) => Node::Bool(*value),
        Value::I64(value) => Node::int(*value),
        Value::F64(value) => Node::float(*value),
        Value::String(value) => Node::text(value.as_str()),
        Value::Array(Array::Bool(values)) => list(values, |value| Node::Bool(*value)),
        Value::Array(Array::I64(values)) => list(values, |value| Node::int(*value)),
        Value::Array(Array::F64(values)) => list(values, |value| Node::float(*value)),
        Value::Array(Array::String(values)) => list(values, |value| Node::text(value.as_str())),
        other => Node::text(other.to_string()),
    }
}

/// As [`node`], of a value that goes.
pub(super) fn owned(value: &Value) -> Node<'static> {
    node(value).into_owned()
}

/// Text that is a JSON object or list.
pub(super) fn is_structured(text: &str) -> bool {
    Node::parse(text).is_some_and(|node| node.is_container())
}
