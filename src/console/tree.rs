//! Draws a trace.

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use opentelemetry::trace::SpanId;
use unicode_width::UnicodeWidthStr;

use super::node::{Failure, Node};
use super::paint::{Line, Style};
use super::traces::{State, Trace};
use crate::semconv::Role;

/// The trace as text of at most `width` columns, one line a span, with a line break at its end.
pub(super) fn render(trace: &Trace, width: usize, colour: bool) -> String {
    let tree = Tree::new(trace);
    let layout = Layout::new(&tree, width);
    let mut out = String::new();
    head(trace, &layout, colour, &mut out);
    for row in tree.rows.iter().take(MAX_ROWS) {
        span(row, &tree, &layout, colour, &mut out);
    }
    let hidden = tree.rows.len().saturating_sub(MAX_ROWS);
    if hidden > 0 {
        let mut line = Line::new(colour);
        line.push(Style::Dim, &format!("… {} more spans", grouped(hidden as u64)));
        line.finish(&mut out);
    }
    if tree.rows.len() > 1 {
        total(&tree, &layout, colour, &mut out);
    }
    out
}

/// The spans of a trace in the order in which they are printed.
struct Tree<'a> {
    rows: Vec<Row<'a>>,
    sum: Sum,
    start: SystemTime,
    end: SystemTime,
}

struct Row<'a> {
    node: &'a Node,
    /// What stands before the name.
    branch: String,
    /// What stands before a second line of this span.
    trunk: String,
    /// What spans below report already; here it is a repetition.
    inner: Inner,
}

/// What a subtree used.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    input_tokens: Option<u64>,
    output_tokens: Option<u64>,
    cost: Option<f64>,
    model_calls: u64,
    errors: u64,
}

impl<'a> Tree<'a> {
    fn new(trace: &'a Trace) -> Self {
        let mut nodes: Vec<_> = trace.nodes.iter().collect();
        nodes.sort_by_key(|node| node.start);
        let known: HashMap<SpanId, ()> = nodes.iter().map(|node| (node.span_id, ())).collect();
        let mut children: HashMap<SpanId, Vec<&Node>> = HashMap::new();
        let mut tops = Vec::new();
        for node in &nodes {
            if node.is_root || !known.contains_key(&node.parent) {
                tops.push(*node);
            } else {
                children.entry(node.parent).or_default().push(node);
            }
        }
        let inner = inner(&nodes);
        let sum = Sum::of(&nodes, &inner);
        let mut rows = Vec::with_capacity(nodes.len());
        // A stack of our own: a trace may be deeper than a thread's stack.
        let mut open: Vec<(&Node, String, usize, bool)> =
            tops.into_iter().rev().map(|node| (node, String::new(), 0, true)).collect();
        while let Some((node, indent, depth, is_last)) = open.pop() {
            let below = children.remove(&node.span_id).unwrap_or_default();
            // Where the indent no longer tells the depth, a number does.
            let level = if depth > DRAWN_DEPTH { depth.to_string() } else { String::new() };
            let (branch, indent) = match (depth, is_last) {
                (0, _) => (String::new(), String::new()),
                (_, true) => (format!("{indent}└─{level} "), format!("{indent}   ")),
                (_, false) => (format!("{indent}├─{level} "), format!("{indent}│  ")),
            };
            let indent = shallow(indent);
            let stem = if below.is_empty() { "  " } else { "│ " };
            let trunk = format!("{indent}{stem}");
            let inner = inner.get(&node.span_id).copied().unwrap_or_default();
            let last = below.len().saturating_sub(1);
            open.extend(
                below
                    .into_iter()
                    .enumerate()
                    .rev()
                    .map(|(index, child)| (child, indent.clone(), depth + 1, index == last)),
            );
            rows.push(Row { node, branch, trunk, inner });
        }
        let start = nodes.iter().map(|node| node.start).min().unwrap_or(SystemTime::UNIX_EPOCH);
        let end = nodes.iter().map(|node| node.end).max().unwrap_or(start);
        Self { rows, sum, start, end }
    }

    fn duration(&self) -> Duration {
        self.end.duration_since(self.start).unwrap_or_default()
    }
}

impl Sum {
    /// Adds up what the innermost spans report: an agent repeats the sum of its calls, and a
    /// gateway's request repeats its attempts.
    fn of(nodes: &[&Node], inner: &HashMap<SpanId, Inner>) -> Self {
        let mut sum = Self::default();
        for node in nodes {
            let inner = inner.get(&node.span_id).copied().unwrap_or_default();
            if let Some(tokens) = node.input_tokens.filter(|_| !inner.input) {
                sum.input_tokens = Some(sum.input_tokens.unwrap_or(0).saturating_add(tokens));
            }
            if let Some(tokens) = node.output_tokens.filter(|_| !inner.output) {
                sum.output_tokens = Some(sum.output_tokens.unwrap_or(0).saturating_add(tokens));
            }
            if let Some(cost) = node.cost.filter(|_| !inner.cost) {
                sum.cost = Some(sum.cost.unwrap_or(0.0) + cost);
            }
            sum.model_calls += u64::from(node.role == Some(Role::Model) && !inner.model);
            sum.errors += u64::from(matches!(node.failure, Some(Failure::Error(_))));
        }
        sum
    }
}

/// What the spans below a span report.
#[derive(Clone, Copy, Debug, Default)]
struct Inner {
    input: bool,
    output: bool,
    cost: bool,
    model: bool,
}

fn inner(nodes: &[&Node]) -> HashMap<SpanId, Inner> {
    let parents: HashMap<_, _> = nodes.iter().map(|node| (node.span_id, node.parent)).collect();
    let mut inner: HashMap<SpanId, Inner> = HashMap::new();
    for node in nodes {
        let own = Inner {
            input: node.input_tokens.is_some(),
            output: node.output_tokens.is_some(),
            cost: node.cost.is_some(),
            model: node.role == Some(Role::Model),
        };
        let mut id = node.parent;
        // Ends where nothing is new, so that also a circle of parents ends.
        while let Some(parent) = parents.get(&id)
            && inner.entry(id).or_default().add(own)
        {
            id = *parent;
        }
    }
    inner
}

impl Inner {
    /// Whether anything was new.
    fn add(&mut self, other: Self) -> bool {
        let before = (self.input, self.output, self.cost, self.model);
        self.input |= other.input;
        self.output |= other.output;
        self.cost |= other.cost;
        self.model |= other.model;
        before != (self.input, self.output, self.cost, self.model)
    }
}

/// Where the columns end. A column that no span of the trace fills is left out, and so are the
/// least important ones on a narrow terminal.
struct Layout {
    width: usize,
    name: usize,
    columns: Vec<(Column, usize)>,
    bar: Option<(usize, usize)>,
}

#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum Column {
    Input,
    Output,
    Cost,
    FirstChunk,
    Time,
}

impl Layout {
    fn new(tree: &Tree<'_>, width: usize) -> Self {
        let mut columns: Vec<(Column, usize)> = COLUMNS
            .iter()
            .filter_map(|column| {
                let cells = tree.rows.iter().filter_map(|row| column.cell(row.node));
                let widest = cells.map(|cell| cell.width()).max()?;
                let total = column.total(tree).map_or(0, |cell| cell.width());
                Some((*column, widest.max(total).max(column.title().width())))
            })
            .collect();
        let needed = |columns: &[(Column, usize)]| -> usize {
            columns.iter().map(|(_, width)| width + GAP).sum()
        };
        for expendable in EXPENDABLE {
            if needed(&columns) + MIN_NAME <= width {
                break;
            }
            columns.retain(|(column, _)| column != expendable);
        }
        let rest = width.saturating_sub(needed(&columns));
        let longest = tree.rows.iter().map(|row| row.columns()).max().unwrap_or(0);
        let longest = longest.max(HEAD.len() + TRACE_ID);
        let bar = rest.saturating_sub(longest + GAP + 1).min(MAX_BAR);
        let bar = (bar >= MIN_BAR && tree.rows.len() > 1).then_some(bar);
        let name = match bar {
            Some(_) => longest,
            None => longest.min(rest),
        };
        let mut end = name;
        let columns = columns
            .into_iter()
            .map(|(column, width)| {
                end += GAP + width;
                (column, end)
            })
            .collect();
        Self { width, name, columns, bar: bar.map(|bar| (end + GAP, bar)) }
    }
}

impl Column {
    const fn title(self) -> &'static str {
        match self {
            Self::Input => "in tok",
            Self::Output => "out tok",
            Self::Cost => "cost",
            Self::FirstChunk => "1st chunk",
            Self::Time => "time",
        }
    }

    fn cell(self, node: &Node) -> Option<String> {
        match self {
            Self::Input => node.input_tokens.map(grouped),
            Self::Output => node.output_tokens.map(grouped),
            Self::Cost => node.cost.map(dollars),
            Self::FirstChunk => node.first_chunk.map(span_of_time),
            Self::Time => Some(span_of_time(node.duration())),
        }
    }

    fn total(self, tree: &Tree<'_>) -> Option<String> {
        match self {
            Self::Input => tree.sum.input_tokens.map(grouped),
            Self::Output => tree.sum.output_tokens.map(grouped),
            Self::Cost => tree.sum.cost.map(dollars),
            Self::FirstChunk => None,
            Self::Time => Some(span_of_time(tree.duration())),
        }
    }

    const fn style(self) -> Style {
        match self {
            Self::Input | Self::Output => Style::Plain,
            Self::Cost => Style::Yellow,
            Self::FirstChunk => Style::Blue,
            Self::Time => Style::Bold,
        }
    }
}

impl Row<'_> {
    fn columns(&self) -> usize {
        let model = self.node.model.as_ref().map_or(0, |model| model.width() + 1);
        self.branch.width() + self.node.name.width() + model
    }
}

const fn style(role: Option<Role>) -> Style {
    match role {
        Some(Role::Model) => Style::Cyan,
        Some(Role::Tool) => Style::Magenta,
        Some(Role::Agent) => Style::Green,
        Some(Role::Knowledge) => Style::Blue,
        None => Style::Plain,
    }
}

fn head(trace: &Trace, layout: &Layout, colour: bool, out: &mut String) {
    let mut line = Line::new(colour);
    line.push(Style::Dim, &format!("{HEAD}{}", trace.id));
    if line.columns() > layout.name {
        line.finish(out);
        line = Line::new(colour);
    }
    for (column, end) in &layout.columns {
        line.push_right(Style::Dim, column.title(), *end);
    }
    line.finish(out);
    if trace.state == State::Incomplete {
        let mut line = Line::new(colour);
        line.push_fitting(
            Style::Yellow,
            "incomplete: the root is not among these spans",
            layout.width,
        );
        line.finish(out);
    }
}

fn span(row: &Row<'_>, tree: &Tree<'_>, layout: &Layout, colour: bool, out: &mut String) {
    let node = row.node;
    let mut line = Line::new(colour);
    line.push_fitting(Style::Dim, &row.branch, layout.name);
    let room = layout.name - line.columns();
    match &node.operation {
        Some(operation) => {
            line.push_fitting(style(node.role), operation, room);
            let rest = &node.name[operation.len()..];
            line.push_fitting(Style::Bold, rest, layout.name - line.columns());
        }
        None => line.push_fitting(style(node.role), &node.name, room),
    }
    if let Some(model) = &node.model {
        line.push_fitting(Style::Dim, &format!(" {model}"), layout.name - line.columns());
    }
    let failed = matches!(node.failure, Some(Failure::Error(_)));
    for (column, end) in &layout.columns {
        if let Some(cell) = column.cell(node) {
            let style = match column {
                Column::Time if failed => Style::Red,
                Column::Input if row.inner.input => Style::Dim,
                Column::Output if row.inner.output => Style::Dim,
                Column::Cost if row.inner.cost => Style::Dim,
                _ => column.style(),
            };
            line.push_right(style, &cell, *end);
        }
    }
    if let Some((start, width)) = layout.bar {
        line.pad_to(start);
        bar(node, tree, width, failed, &mut line);
    }
    line.finish(out);

    let (style, mark, text) = match &node.failure {
        Some(Failure::Error(text)) => (Style::Red, "✗ ", text),
        Some(Failure::Outcome(text)) => (Style::Yellow, "◌ ", text),
        None => return,
    };
    let mut line = Line::new(colour);
    line.push_fitting(Style::Dim, &row.trunk, layout.width);
    line.push(style, mark);
    line.push_fitting(style, text, layout.width.saturating_sub(line.columns()));
    line.finish(out);
}

/// When the span ran, within the whole trace: `┄` until the first chunk, `━` from there.
fn bar(node: &Node, tree: &Tree<'_>, width: usize, failed: bool, line: &mut Line) {
    let whole = tree.duration().as_secs_f64();
    let cell = |time: Duration| {
        let share = if whole > 0.0 { time.as_secs_f64() / whole } else { 0.0 };
        ((share * width as f64).round() as usize).min(width)
    };
    let offset = node.start.duration_since(tree.start).unwrap_or_default();
    let start = cell(offset).min(width - 1);
    let end = cell(offset + node.duration()).max(start + 1);
    let first = node.first_chunk.map_or(start, |wait| cell(offset + wait).clamp(start, end - 1));
    let style = if failed { Style::Red } else { style(node.role) };
    line.push(Style::Plain, &" ".repeat(start));
    line.push(Style::Dim, &"┄".repeat(first - start));
    line.push(style, &"━".repeat(end - first));
}

fn total(tree: &Tree<'_>, layout: &Layout, colour: bool, out: &mut String) {
    let mut text = String::from("total");
    for (count, what) in [(tree.sum.errors, "error"), (tree.sum.model_calls, "model call")] {
        if count > 0 {
            text.push_str(&format!(" · {}", counted(count, what)));
        }
    }
    let mut line = Line::new(colour);
    line.push_fitting(Style::Dim, &text, layout.name);
    for (column, end) in &layout.columns {
        if let Some(cell) = column.total(tree) {
            line.push_right(column.style(), &cell, *end);
        }
    }
    line.finish(out);
}

/// Deep nesting keeps its last levels, so that names stay on the screen.
fn shallow(indent: String) -> String {
    let excess = indent.chars().count().saturating_sub(MAX_INDENT);
    if excess == 0 { indent } else { indent.chars().skip(excess.next_multiple_of(3)).collect() }
}

fn counted(count: u64, what: &str) -> String {
    format!("{} {what}{}", grouped(count), if count == 1 { "" } else { "s" })
}

/// `1234567` as `1,234,567`.
fn grouped(count: u64) -> String {
    let digits = count.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// USD with at least two significant digits, however small.
fn dollars(amount: f64) -> String {
    match amount {
        _ if amount == 0.0 => String::from("$0"),
        _ if amount >= 1.0 => format!("${amount:.2}"),
        _ if amount >= 0.001 => format!("${amount:.4}"),
        _ if amount >= 0.000_01 => format!("${amount:.6}"),
        _ => format!("${amount:.1e}"),
    }
}

/// Three significant digits with the unit that suits them.
fn span_of_time(time: Duration) -> String {
    let seconds = time.as_secs();
    let micros = time.as_micros();
    match seconds {
        3600.. => format!("{}h {:02}m", seconds / 3600, seconds / 60 % 60),
        100.. => format!("{}m {:02}s", seconds / 60, seconds % 60),
        10.. => format!("{:.1} s", time.as_secs_f64()),
        1.. => format!("{:.2} s", time.as_secs_f64()),
        0 if micros >= 100_000 => format!("{} ms", micros / 1000),
        0 if micros >= 10_000 => format!("{:.1} ms", micros as f64 / 1000.0),
        0 if micros >= 1000 => format!("{:.2} ms", micros as f64 / 1000.0),
        0 => format!("{micros} µs"),
    }
}

const COLUMNS: [Column; 5] =
    [Column::Input, Column::Output, Column::Cost, Column::FirstChunk, Column::Time];
/// What a narrow terminal does without, first to go first.
const EXPENDABLE: &[Column] = &[Column::FirstChunk, Column::Cost];
const HEAD: &str = "trace ";
/// Digits of a trace id.
const TRACE_ID: usize = 32;
const GAP: usize = 2;
const MIN_NAME: usize = 24;
const MIN_BAR: usize = 10;
const MAX_BAR: usize = 48;
/// Levels below the top whose depth can be seen.
const DRAWN_DEPTH: usize = 9;
const MAX_INDENT: usize = 3 * (DRAWN_DEPTH - 1);
const MAX_ROWS: usize = 500;
