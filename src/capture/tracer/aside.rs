//! Content that is too long to be brought to its size where its span ends.
//!
//! Cutting a mebibyte of messages so that they stay messages takes a millisecond, which is not the
//! caller's to spend. The text waits here, outside of the SDK, and its span carries a ticket for
//! it; the exporter that finishes the span takes the text, applies the policy of the moment when
//! the span ended, and puts it where the ticket was. Whoever else sees the span sees the ticket.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use crate::health::Health;
use crate::policy::{Comes, Decision, Holds, Policy};
use crate::record::{Key, Record, Text, Value};

/// Texts that wait. A ticket that is dropped with its span makes room for others.
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
pub(super) fn take(ticket: &str) -> Option<String> {
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
