//! Tool definitions, and arguments and results of tool calls.

use super::part::{deserialised, others};
use crate::content::json::{Node, Text};

/// The tool definitions in `node`: a list, one definition, or a request that holds them.
pub(super) fn definitions<'a>(node: &Node<'a>) -> Option<Vec<Node<'a>>> {
    match node {
        Node::Null => Some(Vec::new()),
        Node::Array(items) => {
            let found: Option<Vec<_>> = items.iter().map(definition).collect();
            found.map(|found| found.into_iter().flatten().collect())
        }
        Node::Object(_) => {
            const HELD: [&str; 4] = ["tools", "functions", "toolConfig", "tool_config"];
            match node.first(&HELD).filter(|held| held.is_container()) {
                Some(held) => definitions(held),
                None => definition(node),
            }
        }
        _ => None,
    }
}

/// What a definition that could not be read becomes: a tool of no known type that says so.
pub(super) fn unread(text: Text<'_>) -> Node<'_> {
    Node::object([
        ("type", Node::text("text")),
        ("name", Node::text("unknown")),
        ("content", Node::String(text)),
    ])
}

/// Any JSON; text that is none becomes a JSON string.
pub(super) fn any<'a>(node: &Node<'a>) -> Node<'a> {
    deserialised(node)
}

fn definition<'a>(node: &Node<'a>) -> Option<Vec<Node<'a>>> {
    if let Node::String(name) = node {
        return Some(vec![function(Some(name), None, None, Vec::new())]);
    }
    // A tool of somebody's own type may have members of these names.
    let is_whole = node.text_of("type").is_some_and(|kind| !kind.is("function"))
        && node.text_of("name").is_some();
    if !is_whole {
        if let Some(declared) = node.first(&["functionDeclarations", "function_declarations"]) {
            return definitions(declared);
        }
        let inner = node.first(&["function", "toolSpec", "tool_spec"]);
        if let Some(inner) = inner.filter(|inner| inner.is_object()) {
            return definition(inner);
        }
    }
    const SCHEMA: [&str; 6] = [
        "parameters",
        "input_schema",
        "inputSchema",
        "parametersJsonSchema",
        "args_schema",
        "schema",
    ];
    let name = node.first_text(&["name", "title"]);
    let kind =
        node.text_of("type").filter(|kind| !kind.is("custom") || node.get("format").is_some());
    let schema = node.first(&SCHEMA).map(|schema| {
        // Bedrock wraps the schema once more; some record it as text.
        deserialised(schema.get("json").filter(|_| schema.members().len() == 1).unwrap_or(schema))
    });
    let rest = || {
        others(node, &["type", "name", "title", "description"])
            .filter(|(key, _)| !SCHEMA.iter().any(|word| key.is(word)))
            .collect()
    };
    match (kind, name) {
        (Some(kind), name) if !kind.is("function") => {
            let mut members = vec![
                (Text::word("type"), Node::String(kind.clone())),
                (Text::word("name"), Node::String(name.unwrap_or(kind).clone())),
            ];
            members.extend(others(node, &["type", "name"]));
            Some(vec![Node::Object(members)])
        }
        (_, Some(name)) => {
            Some(vec![function(Some(name), node.text_of("description"), schema, rest())])
        }
        // Gemini's own tools: `{"googleSearch": {}}`.
        (None, None) => {
            let [(name, settings)] = node.members() else { return None };
            settings.is_object().then(|| {
                let name = Node::String(name.clone());
                let mut members =
                    vec![(Text::word("type"), name.clone()), (Text::word("name"), name)];
                members.extend(others(settings, &["type", "name"]));
                vec![Node::Object(members)]
            })
        }
        (Some(_), None) => None,
    }
}

fn function<'a>(
    name: Option<&Text<'a>>,
    description: Option<&Text<'a>>,
    schema: Option<Node<'a>>,
    rest: Vec<(Text<'a>, Node<'a>)>,
) -> Node<'a> {
    let mut members = vec![(Text::word("type"), Node::text("function"))];
    members.extend(name.map(|name| (Text::word("name"), Node::String(name.clone()))));
    members.extend(description.map(|text| (Text::word("description"), Node::String(text.clone()))));
    members.extend(schema.map(|schema| (Text::word("parameters"), schema)));
    members.extend(rest);
    Node::Object(members)
}
