//! YAML 1.2 into nodes.
//!
//! Built on the events of `granit-parser` and not on a deserializer, because it takes the written
//! text of each scalar (`012345` is a token, not a number), whether it was quoted, and where every
//! key and value stands.

use std::collections::{HashMap, HashSet};

use granit_parser::{
    ErrorKind, Event, Marker, Parser, ScalarStyle, ScanError, Span, StrInput, Tag,
};

use super::compose::{Budget, Malformed, mapping};
use super::node::{Content, Name, Node, Style};
use super::problem::Position;

/// The one document in `text`; `None` for an empty one.
///
/// # Errors
///
/// Everything that is wrong with its form, as far as it could be read.
pub(crate) fn parse(text: &str) -> Result<Option<Node>, Vec<Malformed>> {
    let options = granit_parser::options! {
        emit_comments: false,
        flow_nesting_limit: super::compose::MAX_DEPTH,
        block_nesting_limit: super::compose::MAX_DEPTH,
    };
    let mut composer = Composer {
        events: Parser::new_from_str_with_options(text, options),
        anchors: HashMap::new(),
        budget: Budget::default(),
        malformed: Vec::new(),
    };
    match composer.stream() {
        Ok(node) if composer.malformed.is_empty() => Ok(node),
        Ok(_) => Err(composer.malformed),
        Err(last) => {
            composer.malformed.push(last);
            Err(composer.malformed)
        }
    }
}

struct Composer<'t> {
    events: Parser<'t, StrInput<'t>>,
    anchors: HashMap<usize, Anchored>,
    budget: Budget,
    malformed: Vec<Malformed>,
}

struct Anchored {
    node: Node,
    nodes: usize,
    height: usize,
}

impl Composer<'_> {
    fn stream(&mut self) -> Result<Option<Node>, Malformed> {
        let mut document = None;
        let mut documents = 0;
        loop {
            let (event, span) = self.next()?;
            match event {
                Event::StreamStart | Event::DocumentEnd => {}
                Event::StreamEnd => return Ok(document),
                Event::DocumentStart(..) => {
                    documents += 1;
                    if documents > 1 {
                        return Err(Malformed::new(
                            position(&span.start),
                            "a second document; expected one",
                        ));
                    }
                }
                event => document = Some(self.node(event, span, 1)?),
            }
        }
    }

    fn node(&mut self, event: Event<'_>, span: Span, depth: usize) -> Result<Node, Malformed> {
        let at = position(&span.start);
        self.budget.take(1, at)?;
        Budget::depth(depth, at)?;
        let (node, anchor) = match event {
            Event::Alias(id) => return self.alias(id, at, depth),
            Event::Scalar(text, style, anchor, tag) => {
                let style = match (self.tag(tag.as_deref(), at), style) {
                    (Some("str"), _) => Style::Quoted,
                    (Some(_), _) | (None, ScalarStyle::Plain) => Style::Plain,
                    _ => Style::Quoted,
                };
                (Node::scalar(text, style, at), anchor)
            }
            Event::SequenceStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), at);
                (self.sequence(at, depth)?, anchor)
            }
            Event::MappingStart(_, anchor, tag) => {
                self.tag(tag.as_deref(), at);
                (self.mapping(at, depth)?, anchor)
            }
            _ => return Err(Malformed::new(at, "expected a value")),
        };
        if anchor > 0 {
            let (nodes, height) = measure(&node);
            self.budget.take(nodes, at)?;
            self.anchors.insert(anchor, Anchored { node: node.clone(), nodes, height });
        }
        Ok(node)
    }

    fn sequence(&mut self, at: Position, depth: usize) -> Result<Node, Malformed> {
        let mut items = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Node { at, content: Content::List(items) });
            }
            items.push(self.node(event, span, depth + 1)?);
        }
    }

    fn mapping(&mut self, at: Position, depth: usize) -> Result<Node, Malformed> {
        let mut entries: Vec<(Name, Node)> = Vec::new();
        let mut merged = Vec::new();
        loop {
            let (event, span) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let key = self.node(event, span, depth + 1)?;
            let (event, span) = self.next()?;
            let value = self.node(event, span, depth + 1)?;
            match key.content {
                Content::Scalar { text, style: Style::Plain } if text == "<<" => {
                    self.merge(value, &mut merged);
                }
                Content::Scalar { text, .. } => entries.push((Name { text, at: key.at }, value)),
                _ => self.malformed.push(Malformed::new(key.at, "a key that is not text")),
            }
        }
        // Keys written here win over merged ones, and of those the first.
        if !merged.is_empty() {
            let mut there: HashSet<String> =
                entries.iter().map(|(name, _)| name.text.clone()).collect();
            entries.extend(merged.into_iter().filter(|(name, _)| there.insert(name.text.clone())));
        }
        Ok(mapping(at, entries, &mut self.malformed))
    }

    fn merge(&mut self, value: Node, merged: &mut Vec<(Name, Node)>) {
        match value.content {
            Content::Map(entries) => merged.extend(entries),
            Content::List(items)
                if items.iter().all(|item| matches!(item.content, Content::Map(_))) =>
            {
                for item in items {
                    self.merge(item, merged);
                }
            }
            _ => self
                .malformed
                .push(Malformed::new(value.at, "`<<` merges a mapping or a list of mappings")),
        }
    }

    fn alias(&mut self, id: usize, at: Position, depth: usize) -> Result<Node, Malformed> {
        let Some(anchored) = self.anchors.get(&id) else {
            return Err(Malformed::new(at, "an alias inside of what it stands for"));
        };
        self.budget.take(anchored.nodes, at)?;
        Budget::depth(depth + anchored.height, at)?;
        Ok(anchored.node.clone())
    }

    /// The name of a core tag. Others are noted.
    fn tag(&mut self, tag: Option<&Tag>, at: Position) -> Option<&'static str> {
        let tag = tag?;
        match tag.core_suffix() {
            Some("str") => Some("str"),
            Some(_) => Some("other"),
            // A lone `!` says that a scalar is a string.
            None if tag.parts() == ("", "!") || tag.parts() == ("!", "") => Some("str"),
            None => {
                self.malformed.push(Malformed::new(at, "a tag that is not supported"));
                None
            }
        }
    }

    fn next(&mut self) -> Result<(Event<'static>, Span), Malformed> {
        match self.events.next_event() {
            Some(Ok((event, span))) => Ok((owned(event), span)),
            Some(Err(error)) => Err(malformed(&error)),
            None => Err(Malformed::new(Position::default(), "the file ends too early")),
        }
    }
}

/// Free of the parser, which is asked for more while the event is looked at.
fn owned(event: Event<'_>) -> Event<'static> {
    use std::borrow::Cow;
    let tag = |tag: Option<Cow<'_, Tag>>| tag.map(|tag| Cow::Owned(tag.into_owned()));
    match event {
        Event::StreamStart => Event::StreamStart,
        Event::StreamEnd => Event::StreamEnd,
        Event::DocumentStart(explicit, version) => Event::DocumentStart(explicit, version),
        Event::DocumentEnd => Event::DocumentEnd,
        Event::Alias(id) => Event::Alias(id),
        Event::Scalar(text, style, anchor, of) => {
            Event::Scalar(Cow::Owned(text.into_owned()), style, anchor, tag(of))
        }
        Event::SequenceStart(style, anchor, of) => Event::SequenceStart(style, anchor, tag(of)),
        Event::SequenceEnd => Event::SequenceEnd,
        Event::MappingStart(style, anchor, of) => Event::MappingStart(style, anchor, tag(of)),
        // Comments and unresolved aliases are not asked for.
        _ => Event::MappingEnd,
    }
}

/// The nodes in a tree and how many levels it has.
fn measure(node: &Node) -> (usize, usize) {
    let children: Box<dyn Iterator<Item = &Node>> = match &node.content {
        Content::Scalar { .. } => return (1, 0),
        Content::List(items) => Box::new(items.iter()),
        Content::Map(entries) => Box::new(entries.iter().map(|(_, value)| value)),
    };
    children
        .map(measure)
        .fold((1, 1), |(nodes, height), (more, below)| (nodes + more, height.max(below + 1)))
}

fn malformed(error: &ScanError) -> Malformed {
    let at = position(error.marker());
    let message = match error.kind() {
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed
        | ErrorKind::TabAtBlockScalarStart => String::from("tabs are not allowed for indentation"),
        ErrorKind::RecursionLimitExceeded => {
            format!("nested more than {} levels deep", super::compose::MAX_DEPTH)
        }
        ErrorKind::UnknownAnchor => String::from("an alias for something that is not there"),
        ErrorKind::Custom(_) => String::from("not valid YAML"),
        kind => format!("not valid YAML: {kind}"),
    };
    Malformed::new(at, message)
}

fn position(marker: &Marker) -> Position {
    let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
    Position { line: number(marker.line()), column: number(marker.col()).saturating_add(1) }
}
