//! Retrieved documents and memory records: lists of objects with an id, a score and content.

use std::borrow::Cow;

use super::part::others;
use crate::content::json::{Node, Text};

/// What a list of scored objects is called in the answers of stores.
const HELD: &[&str] = &[
    "documents",
    "results",
    "matches",
    "hits",
    "data",
    "records",
    "memories",
    "memoryRecordSummaries",
    "points",
    "chunks",
];
const IDS: &[&str] =
    &["id", "_id", "document_id", "documentId", "doc_id", "memoryRecordId", "chunk_id"];
const SCORES: &[&str] = &["score", "relevance_score", "relevanceScore", "similarity", "_score"];
const CONTENTS: &[&str] = &["content", "page_content", "pageContent", "text", "memory"];

/// Documents, or `None` if `node` holds none.
pub(super) fn documents<'a>(node: &Node<'a>) -> Option<Vec<Node<'a>>> {
    list(node, false)
}

/// Memory records, which always have content.
pub(super) fn memories<'a>(node: &Node<'a>) -> Option<Vec<Node<'a>>> {
    list(node, true)
}

fn list<'a>(node: &Node<'a>, with_content: bool) -> Option<Vec<Node<'a>>> {
    match node {
        Node::Null => Some(Vec::new()),
        Node::Array(items) => items.iter().map(|item| one(item, with_content)).collect(),
        Node::Object(_) => match HELD.iter().find_map(|key| node.array_of(key)) {
            Some(items) => items.iter().map(|item| one(item, with_content)).collect(),
            None => one(node, with_content).map(|found| vec![found]),
        },
        _ => None,
    }
}

fn one<'a>(item: &Node<'a>, with_content: bool) -> Option<Node<'a>> {
    match item {
        Node::String(_) => Some(Node::object([("content", item.clone())])),
        Node::Array(tuple) => scored(tuple),
        Node::Object(_) => Some(object(item, with_content)),
        _ => None,
    }
}

/// `(score, id, document)` or `(score, document)`, as Rust's vector stores return them.
fn scored<'a>(tuple: &[Node<'a>]) -> Option<Node<'a>> {
    let (score, id, document) = match tuple {
        [score @ Node::Number(_), Node::String(id), document] => (score, Some(id), document),
        [score @ Node::Number(_), document] | [document, score @ Node::Number(_)] => {
            (score, None, document)
        }
        _ => return None,
    };
    if *document == Node::Null {
        return None;
    }
    let mut members = Vec::new();
    members.extend(id.map(|id| (Text::word("id"), Node::String(id.clone()))));
    members.push((Text::word("score"), score.clone()));
    members.push((Text::word("content"), document.clone()));
    Some(Node::Object(members))
}

fn object<'a>(item: &Node<'a>, with_content: bool) -> Node<'a> {
    // An id or score of another type than the schema has would make a reader drop them all.
    let odd_id = item.get("id").is_some_and(|id| !matches!(id, Node::String(_) | Node::Number(_)));
    let odd_score = item.get("score").is_some_and(|score| !matches!(score, Node::Number(_)));
    if odd_id || odd_score {
        return Node::object([("content", item.clone())]);
    }
    // `{"document": {…}, "score": …}`: the document's members are the item's.
    let nested = item.get("document").filter(|nested| nested.is_object());
    let find = |keys: &[&'static str]| -> Option<(&'static str, &Node<'a>)> {
        let of = |node: &'_ Node<'a>| keys.iter().copied().find(|key| node.get(key).is_some());
        let key = of(item)?;
        item.get(key).map(|value| (key, value))
    };
    let find_nested = |keys: &[&'static str]| {
        let nested = nested?;
        keys.iter().find_map(|key| nested.get(key))
    };
    let is_id = |id: &Node<'a>| matches!(id, Node::String(_) | Node::Number(_));
    let id = find(IDS).filter(|(_, id)| is_id(id));
    let score = find(SCORES).filter(|(_, score)| matches!(score, Node::Number(_)));
    let content = find(CONTENTS);
    let mut read: Vec<&str> = Vec::new();
    let mut members = Vec::new();
    if let Some(id) = id.map(|(_, id)| id).or_else(|| find_nested(IDS).filter(|id| is_id(id))) {
        members.push((Text::word("id"), as_string(id)));
    }
    if let Some(score) = score.map(|(_, score)| score) {
        members.push((Text::word("score"), score.clone()));
    }
    let content_node = content
        .map(|(_, content)| content)
        .or_else(|| find_nested(CONTENTS))
        .or_else(|| item.text_of("document").map(|_| item).and_then(|item| item.get("document")));
    let nested_read = nested.is_some() && content.is_none() && content_node.is_some();
    read.extend(id.map(|(key, _)| key));
    read.extend(score.map(|(key, _)| key));
    read.extend(content.map(|(key, _)| key));
    if nested_read || (content.is_none() && item.text_of("document").is_some()) {
        read.push("document");
    }
    if let Some(content) = content_node {
        // AWS: `{"content": {"text": …}}`
        let bare = content.text_of("text").filter(|_| content.members().len() == 1);
        members.push((
            Text::word("content"),
            bare.map_or_else(|| content.clone(), |text| Node::String(text.clone())),
        ));
    } else if with_content {
        members.push((Text::word("content"), item.clone()));
        return Node::Object(members);
    }
    if let Some(nested) = nested.filter(|_| nested_read) {
        let skip: Vec<&str> = IDS.iter().chain(CONTENTS).copied().collect();
        // As above, of the score; and that of the item goes before.
        let stays = |key: &Text<'_>, value: &Node<'_>| {
            !key.is("score") || (score.is_none() && matches!(value, Node::Number(_)))
        };
        members.extend(others(nested, &skip).filter(|(key, value)| stays(key, value)));
    }
    let own = members.len().min(32);
    for (key, value) in others(item, &read) {
        if !members[..own].iter().any(|(name, _)| *name == key) {
            members.push((key, value));
        }
    }
    Node::Object(members)
}

fn as_string<'a>(id: &Node<'a>) -> Node<'a> {
    match id {
        Node::Number(digits) => Node::text(Cow::Owned(digits.clone().into_owned())),
        other => other.clone(),
    }
}
