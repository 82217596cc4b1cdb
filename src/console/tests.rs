#![expect(clippy::unwrap_used, reason = "tests")]

use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanEvents, SpanLinks};

use super::*;

#[test]
fn an_agent_at_100_columns() {
    assert_eq!(
        printed(100, Colours::Off, &agent()),
        "\
trace 0000000000000000000000000000abcd  in tok  out tok     cost  1st chunk     time
invoke_agent travel-planner              2,704      405                       3.42 s  ━━━━━━━━━━━━━
├─ chat gpt-4o                           1,204       86  $0.0041              812 ms  ━━━
├─ execute_tool get_weather                                                  48.0 ms     ━
│    ✗ timeout: no answer in time
├─ chat gpt-4o                           1,410      312  $0.0079     310 ms   2.48 s     ┄┄━━━━━━━━
└─ refine the answer claude-sonnet-4-5      90        7                      64.0 ms              ━
     ◌ cancelled
total · 1 error · 3 model calls          2,704      405  $0.0120              3.42 s

"
    );
}

#[test]
fn an_agent_at_60_columns() {
    assert_eq!(
        printed(60, Colours::Off, &agent()),
        "\
trace 0000000000000000000000000000abcd
                           in tok  out tok     cost     time
invoke_agent travel-plan…   2,704      405            3.42 s
├─ chat gpt-4o              1,204       86  $0.0041   812 ms
├─ execute_tool get_weat…                            48.0 ms
│    ✗ timeout: no answer in time
├─ chat gpt-4o              1,410      312  $0.0079   2.48 s
└─ refine the answer cla…      90        7           64.0 ms
     ◌ cancelled
total · 1 error · 3 mode…   2,704      405  $0.0120   3.42 s

"
    );
}

#[test]
fn an_agent_at_160_columns() {
    assert_eq!(
        printed(160, Colours::Off, &agent()),
        "\
trace 0000000000000000000000000000abcd  in tok  out tok     cost  1st chunk     time
invoke_agent travel-planner              2,704      405                       3.42 s  ━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
├─ chat gpt-4o                           1,204       86  $0.0041              812 ms  ━━━━━━━━━━━━
├─ execute_tool get_weather                                                  48.0 ms              ━
│    ✗ timeout: no answer in time
├─ chat gpt-4o                           1,410      312  $0.0079     310 ms   2.48 s              ┄┄┄┄┄━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━
└─ refine the answer claude-sonnet-4-5      90        7                      64.0 ms                                                 ━
     ◌ cancelled
total · 1 error · 3 model calls          2,704      405  $0.0120              3.42 s

"
    );
}

#[test]
fn colours_change_nothing_but_colours() {
    for width in [40, 60, 100, 160] {
        let coloured = printed(width, Colours::On, &agent());
        assert!(coloured.contains("\x1b[31m"), "an error is red");
        let mut plain = String::new();
        let mut rest = coloured.as_str();
        while let Some((before, after)) = rest.split_once('\x1b') {
            plain.push_str(before);
            rest = after.split_once('m').unwrap().1;
        }
        plain.push_str(rest);
        let trimmed: Vec<_> = plain.lines().map(str::trim_end).collect();
        let expected = printed(width, Colours::Off, &agent());
        assert_eq!(trimmed, expected.lines().collect::<Vec<_>>());
    }
}

#[test]
fn no_line_is_wider_than_the_terminal() {
    let mut spans = agent();
    let wide = "天気予報エージェント".repeat(9);
    spans.push(child(9, 2, &wide, 0, 10).with("gen_ai.usage.input_tokens", i64::MAX));
    for width in 40..200 {
        for line in printed(width, Colours::Off, &spans).lines() {
            assert!(unicode_width::UnicodeWidthStr::width(line) <= width, "{width}: {line}");
        }
    }
}

#[test]
fn names_cannot_steer_the_terminal() {
    let name = "chat \x1b[2J\r\n\u{202e}evil\u{7}\u{9b}31m";
    let text = printed(100, Colours::Off, &[root(1, name, 5)]);
    assert!(text.contains(r"chat \u{1b}[2J\r\n\u{202e}evil\u{7}\u{9b}31m"), "{text}");
    assert_eq!(text.matches(|c: char| c.is_control()).count(), text.lines().count());
}

#[test]
fn a_single_span_needs_no_total() {
    let text = printed(100, Colours::Off, &[root(1, "GET /health", 5)]);
    assert_eq!(
        text,
        "\
trace 0000000000000000000000000000abcd     time
GET /health                             5.00 ms

"
    );
}

#[test]
fn a_gateway_and_its_attempts_count_once() {
    let usage = |span: Span| {
        span.with("gen_ai.operation.name", "chat")
            .with("gen_ai.usage.input_tokens", 100)
            .with("gen_ai.usage.output_tokens", 20)
            .with("gen_ai.usage.cost", 0.5)
    };
    let failed = child(2, 1, "chat m", 0, 5).with("gen_ai.operation.name", "chat").failed("429");
    let spans = [failed, usage(child(3, 1, "chat m", 5, 20)), usage(root(1, "chat m", 30))];
    let text = printed(100, Colours::Off, &spans);
    let total: Vec<_> =
        text.lines().rfind(|l| l.contains("total")).unwrap().split_whitespace().collect();
    assert_eq!(total.join(" "), "total · 1 error · 2 model calls 100 20 $0.5000 30.0 ms");
}

#[test]
fn message_content_on_a_span_is_not_printed() {
    let span = root(1, "chat m", 5)
        .with("gen_ai.operation.name", "chat")
        .with("gen_ai.input.messages", "[{\"role\":\"user\",\"parts\":\"canary\"}]")
        .with("gen_ai.system_instructions", "canary");
    assert!(!printed(160, Colours::Off, &[span]).contains("canary"));
}

#[test]
fn spans_wait_for_their_root_and_late_ones_come_with_the_flush() {
    let output = Output::default();
    let console = ConsoleExporter::new(Terminal::new(100, Colours::Off), output.clone());
    console.receive(&[child(2, 1, "inner", 0, 1).data()]);
    assert_eq!(output.text(), "");
    console.receive(&[root(1, "outer", 2).data()]);
    assert!(output.text().contains("└─ inner"));
    console.receive(&[child(3, 1, "afterwards", 2, 9).data()]);
    assert!(!output.text().contains("afterwards"));
    console.flush();
    assert!(output.text().contains("incomplete"));
    assert!(output.text().contains("afterwards"));
}

#[test]
fn two_requests_of_one_trace_are_two_trees() {
    let output = Output::default();
    let console = ConsoleExporter::new(Terminal::new(100, Colours::Off), output.clone());
    console.receive(&[child(2, 1, "of the first", 0, 1).data()]);
    console.receive(&[child(12, 11, "of the second", 0, 1).data()]);
    console.receive(&[root(1, "first", 2).data()]);
    assert!(output.text().contains("of the first"));
    assert!(!output.text().contains("of the second"));
    console.receive(&[root(11, "second", 2).data()]);
    assert!(output.text().contains("└─ of the second"));
    assert!(!output.text().contains("incomplete"));
}

#[test]
fn memory_is_bounded_when_roots_never_end() {
    let mut traces = Traces::default();
    let now = Instant::now();
    let mut seen = 0;
    for id in 0..20_000_u64 {
        let span = Span { trace: id, ..child(id + 2, 1, "orphan", 0, 1) };
        seen += traces.add(vec![Node::new(&span.data())], now).len();
    }
    assert!(seen >= 20_000 - 4096);
    let later = now + Duration::from_secs(31);
    let span = Span { trace: 99_999, ..child(7, 1, "orphan", 0, 1) };
    seen += traces.add(vec![Node::new(&span.data())], later).len();
    seen += traces.drain().len();
    assert_eq!(seen, 20_001, "printed once each");
}

#[test]
fn depth_is_told_where_it_cannot_be_drawn() {
    let mut spans: Vec<_> = (2..15).map(|id| child(id, id - 1, "level", 0, 1)).collect();
    spans.push(root(1, "top", 2));
    let text = printed(100, Colours::Off, &spans);
    let drawn: Vec<_> = text.lines().map(|line| line.split("  1.00").next().unwrap()).collect();
    assert_eq!(drawn[10].trim_end(), "                        └─ level", "{text}");
    assert_eq!(drawn[11].trim_end(), "                        └─10 level", "{text}");
    assert_eq!(drawn[14].trim_end(), "                        └─13 level", "{text}");
}

#[test]
fn ten_thousand_levels_are_drawn_flat() {
    let mut spans: Vec<_> = (2..10_000).rev().map(|id| child(id, id - 1, "level", 0, 1)).collect();
    spans.push(root(1, "top", 2));
    let trace = traces::Trace {
        id: TraceId::from(0xabcd),
        nodes: spans.iter().map(|span| Node::new(&span.data())).collect(),
        state: traces::State::Complete,
    };
    let text = render(&trace, 100, false);
    assert!(text.contains("… 9,499 more spans"), "{text}");
    assert!(text.lines().all(|line| unicode_width::UnicodeWidthStr::width(line) <= 100));
}

/// A planner with two chats, a failing tool and a cancelled span.
fn agent() -> Vec<Span> {
    vec![
        child(2, 1, "chat gpt-4o", 10, 812)
            .with("gen_ai.operation.name", "chat")
            .with("gen_ai.request.model", "gpt-4o")
            .with("gen_ai.usage.input_tokens", 1204)
            .with("gen_ai.usage.output_tokens", 86)
            .with("gen_ai.usage.cost", 0.0041),
        child(3, 1, "execute_tool get_weather", 830, 48)
            .with("gen_ai.operation.name", "execute_tool")
            .with("error.type", "timeout")
            .failed("no answer in time"),
        child(4, 1, "chat gpt-4o", 880, 2480)
            .with("gen_ai.operation.name", "chat")
            .with("gen_ai.request.model", "gpt-4o")
            .with("gen_ai.usage.input_tokens", 1410)
            .with("gen_ai.usage.output_tokens", 312)
            .with("gen_ai.response.time_to_first_chunk", 0.31)
            .with("gen_ai.usage.cost", 0.0079),
        child(5, 1, "refine the answer", 3350, 64)
            .with("gen_ai.operation.name", "chat")
            .with("gen_ai.request.model", "claude-sonnet-4-5")
            .with("gen_ai.usage.input_tokens", 90)
            .with("gen_ai.usage.output_tokens", 7)
            .with("tracing_genai.outcome", "cancelled"),
        root(1, "invoke_agent travel-planner", 3420)
            .with("gen_ai.operation.name", "invoke_agent")
            .with("gen_ai.usage.input_tokens", 2704)
            .with("gen_ai.usage.output_tokens", 405),
    ]
}

fn printed(width: usize, colours: Colours, spans: &[Span]) -> String {
    let output = Output::default();
    let console = ConsoleExporter::new(Terminal::new(width, colours), output.clone());
    console.receive(&spans.iter().map(Span::data).collect::<Vec<_>>());
    console.flush();
    output.text()
}

struct Span {
    trace: u64,
    id: u64,
    parent: u64,
    name: String,
    start: u64,
    duration: u64,
    attributes: Vec<KeyValue>,
    status: Status,
}

fn root(id: u64, name: &str, duration: u64) -> Span {
    child(id, 0, name, 0, duration)
}

/// Times in milliseconds.
fn child(id: u64, parent: u64, name: &str, start: u64, duration: u64) -> Span {
    let name = String::from(name);
    let (attributes, status) = (Vec::new(), Status::Unset);
    Span { trace: 0xabcd, id, parent, name, start, duration, attributes, status }
}

impl Span {
    fn with(mut self, key: &'static str, value: impl Into<opentelemetry::Value>) -> Self {
        self.attributes.push(KeyValue::new(key, value));
        self
    }

    fn failed(mut self, description: &'static str) -> Self {
        self.status = Status::error(description);
        self
    }

    fn data(&self) -> SpanData {
        let epoch = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let start = epoch + Duration::from_millis(self.start);
        SpanData {
            span_context: SpanContext::new(
                TraceId::from(u128::from(self.trace)),
                SpanId::from(self.id),
                TraceFlags::SAMPLED,
                false,
                TraceState::NONE,
            ),
            parent_span_id: SpanId::from(self.parent),
            parent_span_is_remote: false,
            span_kind: SpanKind::Internal,
            name: self.name.clone().into(),
            start_time: start,
            end_time: start + Duration::from_millis(self.duration),
            attributes: self.attributes.clone(),
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: self.status.clone(),
            instrumentation_scope: InstrumentationScope::default(),
        }
    }
}

#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>);

impl Output {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Output {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
