//! The decorated span.

use std::borrow::Cow;
use std::fmt;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use opentelemetry::trace::{Span, SpanContext, SpanId, Status};
use opentelemetry::{Key, KeyValue};

#[cfg(any(feature = "init", feature = "testing"))]
use super::markers;
use super::markers::Given;
use super::observe::Ended;
use super::open_spans::Endable;
use super::state::{Finished, SpanState, string, strings};
use super::ticket::Ticket;
use super::{Core, Finisher, Open, event};
use crate::policy::ClearedRecord;
use crate::policy::otel::{self, PlainSpan};
use crate::record::{self, Key as RecordKey, Text, Value};
use crate::semconv::{Attr, is_ours};

/// A span of a [`GenAiTracer`](super::GenAiTracer).
///
/// A GenAI span keeps what is recorded until it ends and then writes it to the span below in the
/// form of the conventions, as far as the policy allows. Any other span passes everything on at
/// once; the first GenAI attribute turns it into a GenAI span.
pub struct GenAiSpan<S: Span> {
    body: Body<S>,
    core: Arc<Core>,
}

/// What a span is. It goes down this list and never back.
pub(super) enum Body<S: Span> {
    Plain(Plain<S>),
    GenAi(S, Arc<SpanState>),
    /// GenAI, and ended in its owner's place when it is open for too long.
    Watched(Box<Guarded<S>>),
    Ended(SpanContext),
}

/// A span that is not GenAI, or not yet.
pub(super) struct Plain<S> {
    pub(super) span: S,
    pub(super) birth: Birth,
    /// What waits until it is certain which it is.
    pub(super) waiting: PlainSpan,
    /// Whether it has an error for its status.
    pub(super) failed: bool,
    /// Whether the observer wants to hear of its end.
    pub(super) observed: bool,
}

/// What is known of a span from its start.
pub(super) struct Birth {
    pub(super) start: SystemTime,
    pub(super) parent: SpanId,
    pub(super) given: Given,
    pub(super) of_layer: bool,
}

/// A GenAI span that the layer does not know by an id.
struct Watched<S> {
    /// `None` once it has ended.
    span: Mutex<Option<S>>,
    state: Arc<SpanState>,
    core: Arc<Core>,
}

/// The owner's side of it.
pub(super) struct Guarded<S> {
    context: SpanContext,
    watched: Arc<Watched<S>>,
    ticket: Ticket,
}

impl<S: Span + Send + 'static> Body<S> {
    /// A GenAI span that ends when it is open for too long.
    pub(super) fn watched(span: S, state: Arc<SpanState>, core: &Arc<Core>) -> Self {
        if core.open_spans.limit().is_none() {
            return Self::GenAi(span, state);
        }
        let context = span.span_context().clone();
        let (span, core) = (Mutex::new(Some(span)), Arc::clone(core));
        let watched = Arc::new(Watched { span, state, core });
        let weak: Weak<Watched<S>> = Arc::downgrade(&watched);
        match watched.core.open_spans.watch(weak) {
            Some(ticket) => Self::Watched(Box::new(Guarded { context, watched, ticket })),
            None => match watched.lock().take() {
                Some(span) => Self::GenAi(span, Arc::clone(&watched.state)),
                None => Self::Ended(context),
            },
        }
    }
}

impl<S: Span + Send + 'static> GenAiSpan<S> {
    pub(super) fn new(body: Body<S>, core: Arc<Core>) -> Self {
        Self { body, core }
    }

    /// Has `note` write to what is known of the GenAI span, which a plain one becomes by that.
    fn note<R>(&mut self, note: impl FnOnce(&mut Open, &Core) -> R) -> Option<R> {
        if let Some(state) = self.state() {
            return Some(note(&mut state.lock(), &self.core));
        }
        let context = self.context().clone();
        match mem::replace(&mut self.body, Body::Ended(context)) {
            Body::Plain(plain) => Some(self.promote(plain, note)),
            _ => None,
        }
    }

    /// The one way from plain to GenAI.
    fn promote<R>(&mut self, plain: Plain<S>, note: impl FnOnce(&mut Open, &Core) -> R) -> R {
        let Plain { span, birth, mut waiting, failed, observed: _ } = plain;
        self.core.health.promoted.increment();
        let mut open = Open::of(birth.given, birth.of_layer);
        open.started_at = Some(birth.start);
        open.unsampled = !span.is_recording();
        if failed {
            open.set_status(Status::error(""));
        }
        for attribute in waiting.waited() {
            open.set(attribute, &self.core);
        }
        let noted = note(&mut open, &self.core);
        let family = self.core.family(&open);
        let state = Arc::new(SpanState::new(open, None));
        state.started(span.is_recording());
        if let Some(observer) = &self.core.observer {
            observer.started(birth.parent, span.span_context().span_id(), &state, family);
        }
        self.body = Body::watched(span, state, &self.core);
        noted
    }
}

impl<S: Span> GenAiSpan<S> {
    /// Calls `work` with the span below, unless that has ended.
    fn with<R>(&mut self, work: impl FnOnce(&mut S) -> R) -> Option<R> {
        match &mut self.body {
            Body::Plain(plain) => Some(work(&mut plain.span)),
            Body::GenAi(span, _) => Some(work(span)),
            Body::Watched(guarded) => guarded.watched.lock().as_mut().map(work),
            Body::Ended(_) => None,
        }
    }

    /// What is known of a GenAI span.
    fn state(&self) -> Option<&Arc<SpanState>> {
        match &self.body {
            Body::GenAi(_, state) => Some(state),
            Body::Watched(guarded) => Some(&guarded.watched.state),
            Body::Plain(_) | Body::Ended(_) => None,
        }
    }

    fn context(&self) -> &SpanContext {
        match &self.body {
            Body::Plain(plain) => plain.span.span_context(),
            Body::GenAi(span, _) => span.span_context(),
            Body::Watched(guarded) => &guarded.context,
            Body::Ended(context) => context,
        }
    }

    /// Ends the span; without a time it is dropped, which ends the span below.
    fn end_at(&mut self, timestamp: Option<SystemTime>) {
        if matches!(self.body, Body::Ended(_)) {
            return;
        }
        let context = self.context().clone();
        match mem::replace(&mut self.body, Body::Ended(context)) {
            Body::Plain(plain) => plain.end_at(timestamp, &self.core),
            Body::GenAi(mut span, state) => finish(&mut span, &state, &self.core, timestamp),
            Body::Watched(guarded) => {
                self.core.open_spans.unwatch(guarded.ticket);
                guarded.watched.end_at(timestamp);
            }
            Body::Ended(_) => {}
        }
    }
}

impl<S: Span> Plain<S> {
    fn end_at(mut self, timestamp: Option<SystemTime>, core: &Core) {
        for attribute in self.waiting.waited() {
            self.span.set_attribute(attribute);
        }
        if self.observed
            && let Some(observer) = &core.observer
        {
            observer.left(self.span.span_context().span_id());
        }
        if let Some(timestamp) = timestamp {
            self.span.end_with_timestamp(timestamp);
        }
    }
}

impl<S> Watched<S> {
    fn lock(&self) -> MutexGuard<'_, Option<S>> {
        // A span below that panics has been taken out or is as it was.
        self.span.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<S: Span> Watched<S> {
    fn end_at(&self, timestamp: Option<SystemTime>) -> bool {
        let Some(mut span) = self.lock().take() else { return false };
        finish(&mut span, &self.state, &self.core, timestamp);
        true
    }
}

impl<S: Span + Send> Endable for Watched<S> {
    fn state(&self) -> &Arc<SpanState> {
        &self.state
    }

    fn end(&self) -> bool {
        self.end_at(Some(SystemTime::now()))
    }
}

/// Writes what the record holds to the span below and ends that.
fn finish<S: Span>(span: &mut S, state: &SpanState, core: &Core, timestamp: Option<SystemTime>) {
    if let Some(ticket) = state.ticket() {
        core.open_spans.remove(ticket);
    }
    let recording = span.is_recording();
    let mut open = state.end();
    let end = open.end(timestamp);
    if !recording && core.observer.is_none() {
        drop(open);
    } else {
        let mut finished = open.finish(core);
        let family = core.family_of(&open, &finished.record);
        let (nest, gaps) = (mem::take(&mut open.nest), mem::take(&mut open.gaps));
        let start = open.started_at;
        drop(open);
        if let Some(observer) = &core.observer {
            let end = end.unwrap_or_else(SystemTime::now);
            observer.ended(Ended {
                span: span.span_context().span_id(),
                state,
                family,
                nest,
                gaps,
                failed: matches!(finished.status, Status::Error { .. }),
                record: &mut finished.record,
                start: start.unwrap_or(end),
                end,
            });
        }
        if recording {
            write(span, finished, core);
        }
    }
    if let Some(end) = end {
        span.end_with_timestamp(end);
    }
}

fn write(span: &mut impl Span, mut finished: Finished, core: &Core) {
    let mut record = mem::take(&mut finished.record);
    let ours = record.is_ours();
    if ours {
        record.merge_messages();
    }
    let policy = core.policy.load();
    let cleared = match core.finisher {
        Finisher::AtEnd => {
            let mut cleared = policy.clear(record, &core.health);
            if ours {
                cleared.shape_messages(policy.max_bytes());
            }
            cleared
        }
        #[cfg(any(feature = "init", feature = "testing"))]
        Finisher::OnExport => {
            if record.is_delicate(policy.max_bytes()) {
                markers::put_long_texts(&mut record, policy, &core.health);
            }
            if let Some(kind) = &finished.kind {
                span.set_attribute(markers::kind(kind));
            }
            policy.clear(record, &core.health)
        }
    };
    write_entries(span, cleared, core);
    if let Some(name) = finished.name {
        span.update_name(name);
    }
    if finished.status != Status::Unset {
        span.set_status(finished.status);
    }
}

fn write_entries(span: &mut impl Span, cleared: ClearedRecord, core: &Core) {
    cleared.write(|key, value| {
        let key = match key {
            RecordKey::Attr(attr) => {
                let (key, also) = attr.keys(core.semconv);
                if *attr == Attr::RequestTopK {
                    record::coerce::to_version(value, core.semconv);
                }
                if let Some(also) = also {
                    set(span, Key::from_static_str(also), &mut value.clone());
                }
                Key::from_static_str(key)
            }
            RecordKey::Other(Cow::Borrowed(key), _) => Key::from_static_str(key),
            RecordKey::Other(Cow::Owned(key), _) => Key::from(mem::take(key)),
        };
        set(span, key, value);
    });
}

/// Sets an attribute from a value, which is taken out of its place no sooner than here: a copy on
/// the way would cost more than the setting.
#[inline]
fn set(span: &mut impl Span, key: Key, value: &mut Value) {
    match value {
        Value::Bool(value) => span.set_attribute(KeyValue::new(key, *value)),
        Value::I64(value) => span.set_attribute(KeyValue::new(key, *value)),
        Value::F64(value) => span.set_attribute(KeyValue::new(key, *value)),
        Value::Text(text) => {
            let text = mem::replace(text, Text::Static(""));
            span.set_attribute(KeyValue::new(key, string(text)));
        }
        Value::List(list) => {
            span.set_attribute(KeyValue::new(key, strings(mem::take(list))));
        }
    }
}

impl<S: Span + Send + 'static> Span for GenAiSpan<S> {
    fn add_event_with_timestamp<T>(&mut self, name: T, time: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        let (mut name, mut attributes) = (name.into(), attributes);
        if matches!(self.body, Body::Plain(_)) && !event::is_gen_ai(&name, &attributes) {
            let policy = self.core.policy.load();
            otel::event(policy, &mut name, &mut attributes, &self.core.health);
        } else {
            let take =
                |open: &mut Open, core: &Core| event::take_into(open, name, attributes, core);
            match self.note(take).flatten() {
                Some(left) => (name, attributes) = left,
                None => return,
            }
        }
        self.with(|span| span.add_event_with_timestamp(name, time, attributes));
    }

    fn span_context(&self) -> &SpanContext {
        self.context()
    }

    /// A GenAI span records until it ends even when it is not sampled: metrics need its usage.
    fn is_recording(&self) -> bool {
        match &self.body {
            Body::Plain(plain) => plain.span.is_recording(),
            Body::GenAi(..) => true,
            Body::Watched(guarded) => guarded.watched.lock().is_some(),
            Body::Ended(_) => false,
        }
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        match &mut self.body {
            Body::Plain(plain) if !is_ours(attribute.key.as_str()) => {
                let policy = self.core.policy.load();
                if let Some(kv) = plain.waiting.take(policy, attribute, &self.core.health) {
                    plain.span.set_attribute(kv);
                }
            }
            _ => {
                self.note(|open, core| open.set(attribute, core));
            }
        }
    }

    fn set_status(&mut self, status: Status) {
        match &mut self.body {
            // The layer below says so of every span that starts.
            _ if status == Status::Unset => {}
            Body::Plain(plain) => {
                plain.failed = matches!(status, Status::Error { .. });
                let policy = self.core.policy.load();
                plain.span.set_status(otel::status(policy, status, &self.core.health));
            }
            _ => {
                self.note(|open, _| open.set_status(status));
            }
        }
    }

    fn update_name<T>(&mut self, name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        match &mut self.body {
            Body::Plain(plain) => {
                plain.birth.given.name = true;
                plain.span.update_name(name);
            }
            _ => {
                self.note(|open, _| {
                    open.explicit.name = Some(name.into().into_owned());
                    open.explicit.changed = true;
                });
            }
        }
    }

    fn add_link(&mut self, span_context: SpanContext, mut attributes: Vec<KeyValue>) {
        otel::attributes(self.core.policy.load(), &mut attributes, &self.core.health);
        self.with(|span| span.add_link(span_context, attributes));
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        self.end_at(Some(timestamp));
    }
}

impl<S: Span> Drop for GenAiSpan<S> {
    /// The span below ends itself when it is dropped; what was recorded has to be in it by then.
    fn drop(&mut self) {
        self.end_at(None);
    }
}

impl<S: Span> fmt::Debug for GenAiSpan<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let body = match &self.body {
            Body::Plain(_) => "plain",
            Body::GenAi(..) | Body::Watched(_) => "gen_ai",
            Body::Ended(_) => "ended",
        };
        f.debug_struct("GenAiSpan").field("body", &body).finish_non_exhaustive()
    }
}
