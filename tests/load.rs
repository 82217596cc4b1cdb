//! A hundred thousand spans on eight threads: none lost, none mixed up.
//!
//! Every span carries its own number in several fields, recorded at different times and on
//! different threads, and the number of the span it was opened under. Which shape, depth, order
//! and thread it gets is drawn from a seeded generator, so that a failure can be run again.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier};
use std::thread;

use opentelemetry::trace::TracerProvider;
use tracing::field::Empty;
use tracing::{Dispatch, Span, info_span};
use tracing_genai::policy::ContentCapture;
use tracing_genai_test_support::{ReceivedSpan, SpanKind, SpanSink, SpanStatus};
use tracing_subscriber::prelude::*;

const THREADS: u64 = 8;
const SPANS_PER_THREAD: u64 = 12_500;
const DEPTH: usize = 12;

/// SplitMix64: every seed gives the same spans again.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }

    fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// A span of one of four shapes; `parent` is the number of the span it stands under, or -1.
fn open(shape: u64, number: u64, parent: i64) -> Span {
    let text = format!("n{number}");
    match shape {
        0 => info_span!(
            "chat",
            shape = "chat",
            number,
            parent,
            gen_ai.operation.name = "chat",
            gen_ai.provider.name = "openai",
            gen_ai.request.model = text,
            gen_ai.conversation.id = %text,
            gen_ai.response.id = Empty,
            gen_ai.response.finish_reasons = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.usage.output_tokens = Empty,
            gen_ai.output.messages = Empty,
            error.type = Empty,
        ),
        // The operation, and with it the kind and the name, comes late.
        1 => info_span!(
            "late",
            shape = "late",
            number,
            parent,
            gen_ai.operation.name = Empty,
            gen_ai.tool.name = Empty,
            gen_ai.response.id = Empty,
            gen_ai.usage.input_tokens = Empty,
            gen_ai.output.messages = Empty,
            error.type = Empty,
        ),
        2 => info_span!(
            "agent",
            shape = "agent",
            number,
            parent,
            gen_ai.operation.name = "invoke_agent",
            gen_ai.agent.name = %text,
            gen_ai.usage.input_tokens = number,
            gen_ai.response.id = Empty,
            gen_ai.output.messages = Empty,
            error.type = Empty,
        ),
        _ => info_span!("plain", shape = "plain", number, parent, text, late = Empty),
    }
}

/// Everything that may be recorded after the span was opened, in any order, perhaps twice.
fn record(span: &Span, shape: u64, number: u64, random: &mut Random) {
    let mut steps: Vec<u64> = (0..5).collect();
    for at in 0..steps.len() {
        steps.swap(at, random.below(5) as usize);
    }
    for step in steps {
        match (shape, step) {
            (3, 0) => drop(span.record("late", number)),
            (3, _) => {}
            (1, 0) => drop(span.record("gen_ai.operation.name", "execute_tool")),
            (1, 1) => drop(span.record("gen_ai.tool.name", format!("n{number}"))),
            (0, 0) => {
                span.record("gen_ai.response.finish_reasons", format!("[\"stop\",\"n{number}\"]"));
            }
            (0, 1) => {
                // The last value wins.
                span.record("gen_ai.usage.output_tokens", 1_u64);
                span.record("gen_ai.usage.output_tokens", number);
            }
            (_, 2) => drop(span.record("gen_ai.response.id", format!("n{number}"))),
            (_, 3) => drop(span.record("gen_ai.usage.input_tokens", number)),
            (_, 4) => drop(span.record("gen_ai.output.messages", format!("said n{number}"))),
            _ => {}
        }
    }
    if shape != 3 && fails(number) {
        span.record("error.type", format!("n{number}"));
    }
}

fn fails(number: u64) -> bool {
    number.is_multiple_of(7)
}

struct Closing {
    span: Span,
    shape: u64,
    number: u64,
    recorded: bool,
}

/// Opens its share of spans, nested at random, and closes what others send it.
fn work(thread: u64, spans: u64, others: &[Sender<Closing>], mine: &Receiver<Closing>) {
    let mut random = Random(thread);
    let mut nest: Vec<(tracing::span::EnteredSpan, u64, u64)> = Vec::new();
    for index in 0..spans {
        let number = thread * spans + index;
        let shape = random.below(4);
        let parent = nest.last().map_or(-1, |(_, parent, _)| *parent as i64);
        let span = open(shape, number, parent);
        if random.chance(30) && nest.len() < DEPTH {
            nest.push((span.entered(), number, shape));
        } else {
            if random.chance(50) {
                let _entered = span.enter();
                tracing::info!(number, "inside");
            }
            let recorded = random.chance(50);
            if recorded {
                record(&span, shape, number, &mut random);
            }
            let closing = Closing { span, shape, number, recorded };
            let to = random.below(others.len() as u64) as usize;
            others[to].send(closing).unwrap();
        }
        while let Ok(closing) = mine.try_recv() {
            close(closing, &mut random);
        }
        if random.chance(40)
            && let Some((entered, number, shape)) = nest.pop()
        {
            let span = entered.exit();
            record(&span, shape, number, &mut random);
        }
    }
    while let Some((entered, number, shape)) = nest.pop() {
        record(&entered.exit(), shape, number, &mut random);
    }
}

fn close(closing: Closing, random: &mut Random) {
    if random.chance(20) {
        closing.span.in_scope(|| ());
    }
    if !closing.recorded {
        record(&closing.span, closing.shape, closing.number, random);
    }
}

fn run(capture: ContentCapture, spans_per_thread: u64) -> Vec<ReceivedSpan> {
    let sink = SpanSink::default();
    let provider = sink.provider();
    let layer = tracing_genai::layer(provider.tracer("load")).content_capture(capture);
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let (senders, receivers): (Vec<_>, Vec<_>) = (0..THREADS).map(|_| channel()).unzip();
    let barrier = Arc::new(Barrier::new(THREADS as usize));
    thread::scope(|scope| {
        for (thread, mine) in receivers.into_iter().enumerate() {
            let (others, dispatch) = (senders.clone(), dispatch.clone());
            let barrier = Arc::clone(&barrier);
            scope.spawn(move || {
                tracing::dispatcher::with_default(&dispatch, || {
                    barrier.wait();
                    work(thread as u64, spans_per_thread, &others, &mine);
                    // Once nobody can send any more, what is left is closed.
                    drop(others);
                    barrier.wait();
                    let mut random = Random(thread as u64 + 100);
                    while let Ok(closing) = mine.try_recv() {
                        close(closing, &mut random);
                    }
                });
            });
        }
    });
    sink.take()
}

fn number_of(span: &ReceivedSpan) -> u64 {
    // Plain unsigned fields arrive as tracing-opentelemetry sends them.
    match span.int("number") {
        Some(number) => number as u64,
        None => span.str("number").unwrap().parse().unwrap(),
    }
}

fn verify(spans: &[ReceivedSpan], captures: bool) {
    let by_id: HashMap<&str, u64> =
        spans.iter().map(|span| (span.span_id.as_str(), number_of(span))).collect();
    let mut numbers: Vec<u64> = by_id.values().copied().collect();
    numbers.sort_unstable();
    assert!(numbers.iter().copied().eq(0..spans.len() as u64), "each number is there once");

    for span in spans {
        let number = number_of(span);
        let text = format!("n{number}");
        let text = text.as_str();
        assert_eq!(span.duplicate_keys(), Vec::<&str>::new(), "{span}");
        let parent = span.parent.as_ref().map_or(-1, |id| by_id[id.as_str()] as i64);
        assert_eq!(span.int("parent"), Some(parent), "{span}");
        let shape = span.str("shape").unwrap();
        if shape == "plain" {
            assert_eq!((span.name.as_str(), span.kind), ("plain", SpanKind::Internal));
            assert_eq!(span.str("text"), Some(text), "{span}");
            continue;
        }
        assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(number as i64), "{span}");
        assert_eq!(span.str("gen_ai.response.id"), Some(text), "{span}");
        let said = span.str("gen_ai.output.messages");
        if captures {
            assert!(said.is_some_and(|it| it.contains(&format!("said {text}"))), "{span}");
        } else {
            assert_eq!(said, None);
        }
        if fails(number) {
            assert_eq!(span.str("error.type"), Some(text), "{span}");
            assert!(matches!(span.status, SpanStatus::Error(_)), "{span}");
        } else {
            assert_eq!(span.status, SpanStatus::Unset, "{span}");
        }
        let (name, kind) = match shape {
            "chat" => {
                assert_eq!(span.str("gen_ai.request.model"), Some(text), "{span}");
                assert_eq!(span.str("gen_ai.conversation.id"), Some(text), "{span}");
                let reasons = span.strings("gen_ai.response.finish_reasons").unwrap();
                assert_eq!(reasons, ["stop", text], "{span}");
                let output = span.int("gen_ai.usage.output_tokens");
                assert_eq!(output, Some(number as i64), "{span}");
                (format!("chat {text}"), SpanKind::Client)
            }
            "late" => {
                assert_eq!(span.str("gen_ai.tool.name"), Some(text), "{span}");
                (format!("execute_tool {text}"), SpanKind::Internal)
            }
            _ => {
                assert_eq!(span.str("gen_ai.agent.name"), Some(text), "{span}");
                (format!("invoke_agent {text}"), SpanKind::Internal)
            }
        };
        assert_eq!((span.name.as_str(), span.kind), (name.as_str(), kind), "{span}");
    }
}

#[test]
fn a_hundred_thousand_spans_with_capture_off() {
    let spans = run(ContentCapture::Off, SPANS_PER_THREAD);
    assert_eq!(spans.len() as u64, THREADS * SPANS_PER_THREAD);
    verify(&spans, false);
}

#[test]
fn ten_thousand_spans_with_capture_on() {
    let spans = run(ContentCapture::Full, SPANS_PER_THREAD / 10);
    assert_eq!(spans.len() as u64, THREADS * SPANS_PER_THREAD / 10);
    verify(&spans, true);
}
