//! What this crate puts on spans for itself: from the layer to the tracer, and from the tracer to
//! the exporter that finishes them. None of it is ever exported, whatever the span.

use std::cell::Cell;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use opentelemetry::trace::SpanBuilder;
use opentelemetry::trace::SpanKind;
use opentelemetry::{KeyValue, Value as OtelValue};

use crate::health::Health;
use crate::policy::{Comes, Decision, Holds, Policy};
use crate::record::{Key, Record, Text, Value};
use crate::semconv::{Match, lookup};

/// What the layer knows of a span that it has the layer below make.
#[derive(Clone, Copy, Debug)]
pub(super) enum Mark {
    /// The slot in which its record waits, and how many attributes it may come to have.
    Slot(usize, usize),
    Given(Given),
}

/// What the user said of a span with `otel.name` and `otel.kind`, which wins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Given {
    pub(crate) name: bool,
    pub(crate) kind: bool,
}

thread_local! {
    /// The span whose builder the layer of a core has made on this thread.
    static MAKING: Cell<Option<(u64, Mark)>> = const { Cell::new(None) };
}

/// Runs `create`, in which the layer below asks the tracer of `core` for one builder. Spans that
/// others start meanwhile are not meant. Tells whether the tracer was asked.
pub(super) fn making(core: u64, mark: Option<Mark>, create: impl FnOnce()) -> bool {
    let former = MAKING.replace(mark.map(|mark| (core, mark)));
    create();
    MAKING.replace(former).is_none()
}

/// A builder for the span that is being made, which carries its mark.
pub(super) fn put_on(core: u64, builder: &mut SpanBuilder) {
    let Some((of, mark)) = MAKING.take() else { return };
    if of != core {
        return MAKING.set(Some((of, mark)));
    }
    builder.attributes = Some(match mark {
        Mark::Slot(slot, fields) => {
            // The list that the SDK span will have: it grows once, here.
            let mut attributes = Vec::with_capacity(fields + 2);
            attributes.push(KeyValue::new(SLOT, slot as i64));
            attributes
        }
        Mark::Given(Given { name, kind }) => {
            vec![KeyValue::new(GIVEN, i64::from(name) | i64::from(kind) << 1)]
        }
    });
}

/// Takes the mark off a builder of the layer's.
pub(super) fn take_off(builder: &mut SpanBuilder) -> Option<Mark> {
    let attributes = builder.attributes.as_mut()?;
    let first = attributes.first()?;
    let (slot, OtelValue::I64(bits)) = (first.key.as_str() == SLOT, &first.value) else {
        return None;
    };
    let bits = *bits;
    if !slot && first.key.as_str() != GIVEN {
        return None;
    }
    attributes.remove(0);
    Some(match slot {
        // The slab uses all bits: the number may have come out negative.
        true => Mark::Slot(bits as usize, 0),
        false => Mark::Given(Given { name: bits & 1 != 0, kind: bits & 2 != 0 }),
    })
}

/// Takes out of a builder's attributes what the layer's record knows anew: [`RECORDED`] stands
/// where that came, so that the last value counts whichever way it took.
pub(super) fn drop_older(attributes: &mut Vec<KeyValue>) {
    let is_mark = |kv: &KeyValue| kv.value == OtelValue::I64(RECORDED);
    if !attributes.iter().any(is_mark) {
        return;
    }
    let mut newer = Vec::new();
    attributes.reverse();
    attributes.retain(|kv| {
        if is_mark(kv) {
            newer.push(kv.key.clone());
        }
        !newer.iter().any(|key| is_same(key.as_str(), kv.key.as_str()))
    });
    attributes.reverse();
}

/// Whether two keys mean the same attribute.
fn is_same(one: &str, other: &str) -> bool {
    one == other
        || matches!((lookup(one), lookup(other)),
            (Match::Known(one, _), Match::Known(other, _)) if one == other)
}

/// Tells the exporter the kind of a span that was started as another one.
pub(super) fn kind(kind: &SpanKind) -> KeyValue {
    KeyValue::new(KIND, format!("{kind:?}"))
}

/// Takes the kind off an ended span.
pub(super) fn take_kind(attributes: &mut Vec<KeyValue>) -> Option<SpanKind> {
    let at = attributes.iter().position(|kv| kv.key.as_str() == KIND)?;
    match &*attributes.swap_remove(at).value.as_str() {
        "Client" => Some(SpanKind::Client),
        "Internal" => Some(SpanKind::Internal),
        "Server" => Some(SpanKind::Server),
        "Producer" => Some(SpanKind::Producer),
        "Consumer" => Some(SpanKind::Consumer),
        _ => None,
    }
}

const SLOT: &str = "tracing_genai.slot";
const GIVEN: &str = "tracing_genai.given";
const KIND: &str = "tracing_genai.kind";
/// No count, no seed and no duration.
pub(crate) const RECORDED: i64 = i64::MIN + 0x7467_656e_6169;

/// Texts that wait for the exporter.
///
/// Cutting a mebibyte of messages so that they stay messages takes a millisecond, which is not the
/// caller's to spend. The text waits here, outside of the SDK, and its span carries a ticket for
/// it; the exporter that finishes the span takes the text, applies the policy of the moment when
/// the span ended, and puts it where the ticket was. Whoever else sees the span sees the ticket. A
/// ticket that is dropped with its span makes room for others.
#[derive(Default)]
struct Waiting {
    texts: Vec<Entry>,
    numbered: u64,
}

struct Entry {
    number: u64,
    /// Knows the ticket by where it is in memory, which no text of anybody's can imitate.
    ticket: Weak<str>,
    text: Text,
    json: bool,
    policy: Policy,
    health: Arc<Health>,
}

static WAITING: Mutex<Waiting> = Mutex::new(Waiting { texts: Vec::new(), numbered: 0 });

/// As many bytes may wait; a text beyond is brought to its size at once.
const ROOM: usize = 32 << 20;

const TICKET: &str = "tracing_genai.aside:";

/// Replaces what is longer than the policy allows and may leave by tickets.
pub(super) fn put_long_texts(record: &mut Record, policy: Policy, health: &Arc<Health>) {
    for entry in record.entries_mut() {
        let Key::Attr(attr) = entry.key else { continue };
        let Value::Text(text) = &mut entry.value else { continue };
        let comes = Comes::Text(text.as_str().len());
        if text.as_str().len() > policy.max_bytes()
            && let Decision::Fit { json } = policy.decide(Holds::Attr(attr), comes)
        {
            put(text, json, policy, health);
        }
    }
}

fn put(text: &mut Text, json: bool, policy: Policy, health: &Arc<Health>) {
    let mut waiting = lock();
    waiting.texts.retain(|entry| entry.ticket.strong_count() > 0);
    let taken: usize = waiting.texts.iter().map(|entry| entry.text.as_str().len()).sum();
    if taken + text.as_str().len() > ROOM {
        return;
    }
    waiting.numbered += 1;
    let number = waiting.numbered;
    let ticket: Arc<str> = format!("{TICKET}{number}").into();
    let weak = Arc::downgrade(&ticket);
    let text = std::mem::replace(text, Text::Shared(ticket));
    let health = Arc::clone(health);
    waiting.texts.push(Entry { number, ticket: weak, text, json, policy, health });
}

/// The text of a ticket as it may leave; `None` for any other text.
pub(super) fn take_text(ticket: &str) -> Option<String> {
    let number: u64 = ticket.strip_prefix(TICKET)?.parse().ok()?;
    let (text, json, policy, health) = {
        let mut waiting = lock();
        let at = waiting.texts.iter().position(|entry| {
            entry.number == number && entry.ticket.as_ptr().cast::<u8>() == ticket.as_ptr()
        })?;
        // Another copy of the span may come for it.
        if waiting.texts[at].ticket.strong_count() > 1 {
            let Entry { text, json, policy, health, .. } = &waiting.texts[at];
            (text.clone(), *json, *policy, Arc::clone(health))
        } else {
            let Entry { text, json, policy, health, .. } = waiting.texts.swap_remove(at);
            (text, json, policy, health)
        }
    };
    Some(policy.fit(text.as_str(), json, &health).into_owned())
}

fn lock() -> MutexGuard<'static, Waiting> {
    // Nothing under this lock runs code of others, so a poisoned one holds sound data.
    WAITING.lock().unwrap_or_else(PoisonError::into_inner)
}
