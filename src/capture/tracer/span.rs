//! The decorated span.

use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::SystemTime;

use opentelemetry::trace::{Span, SpanContext, SpanId, Status, TraceContextExt};
use opentelemetry::{Context, Key, KeyValue};

use super::observe::{Ended, Nest, ObserveSpans};
use super::open_spans::{Endable, Ticket};
use super::state::{Finished, SpanState, string, strings};
use super::{Core, Given, Open, event};
use crate::policy::otel::{self, PlainSpan};
use crate::policy::{Already, ClearedRecord};
use crate::record::{self, Key as RecordKey, Text, Value};
use crate::semconv::{Attr, Family, is_ours};

/// A span of a [`GenAiTracer`](super::GenAiTracer).
///
/// A GenAI span keeps what is recorded until it ends and then writes it to the span below in the
/// form of the conventions, as far as the policy allows. Any other span passes everything on at
/// once; the first GenAI attribute turns it into a GenAI span.
pub struct GenAiSpan<S: Span> {
    /// `None` where it is watched.
    own: Option<S>,
    watched: Option<Box<Guarded<S>>>,
    state: Option<Arc<SpanState>>,
    /// What waits until it is certain whether the span is GenAI.
    plain: PlainSpan,
    given: Given,
    core: Arc<Core>,
    ended: bool,
    /// The observer wants to hear of the end even if this never becomes a GenAI span.
    observed: bool,
}

/// A GenAI span that the layer does not know by an id. It is ended by its owner, or in the owner's
/// place when it is open for too long.
struct Watched<S> {
    /// `None` once it has ended.
    span: Mutex<Option<S>>,
    state: Arc<SpanState>,
    core: Arc<Core>,
}

/// The owner's side of it.
struct Guarded<S> {
    context: SpanContext,
    watched: Arc<Watched<S>>,
    ticket: Ticket,
}

/// The attribute that tells a [`GenAiExporter`](super::GenAiExporter) the kind of a span that was
/// started as another one. Never leaves.
pub(super) const KIND: &str = "tracing_genai.kind";

impl<S: Span + Send + 'static> GenAiSpan<S> {
    pub(super) fn new(
        inner: S,
        state: Option<Arc<SpanState>>,
        plain: PlainSpan,
        given: Given,
        core: Arc<Core>,
        parent: &Context,
        family: Family,
    ) -> Self {
        let sampled = inner.is_recording();
        if let Some(state) = &state {
            state.started(sampled);
        }
        let observed = core.observer.as_ref().is_some_and(|observer| {
            let parent = match parent.has_active_span() {
                true => parent.span().span_context().span_id(),
                false => SpanId::INVALID,
            };
            let state = state.as_ref().map(|state| (state, family));
            observer.started(parent, inner.span_context().span_id(), state)
        });
        let own = Some(inner);
        Self { own, watched: None, state, plain, given, core, ended: false, observed }
    }

    /// The span, which ends when it is open for too long.
    pub(super) fn adopted(mut self) -> Self {
        if let Some(state) = self.state.clone() {
            self.watch(state);
        }
        self
    }

    fn watch(&mut self, state: Arc<SpanState>) {
        if self.core.open_spans.limit().is_none() {
            return;
        }
        let Some(span) = self.own.take() else { return };
        let context = span.span_context().clone();
        let core = Arc::clone(&self.core);
        let watched = Arc::new(Watched { span: Mutex::new(Some(span)), state, core });
        let weak: Weak<Watched<S>> = Arc::downgrade(&watched);
        match self.core.open_spans.watch(weak) {
            Some(ticket) => self.watched = Some(Box::new(Guarded { context, watched, ticket })),
            None => self.own = watched.lock().take(),
        }
    }

    /// Makes the span a GenAI span and returns what is known of it.
    fn promote(&mut self) -> Arc<SpanState> {
        if let Some(state) = &self.state {
            return Arc::clone(state);
        }
        self.core.health.promoted.increment();
        let state = Arc::<SpanState>::default();
        state.started(self.with(|span| span.is_recording()).unwrap_or_default());
        let mut open = state.lock();
        open.explicit.given = self.given;
        for attribute in self.plain.waited() {
            open.set(attribute, &self.core);
        }
        drop(open);
        self.state = Some(Arc::clone(&state));
        self.watch(Arc::clone(&state));
        state
    }
}

impl<S: Span> GenAiSpan<S> {
    /// Calls `work` with the span below, unless that has ended in its owner's place.
    fn with<R>(&mut self, work: impl FnOnce(&mut S) -> R) -> Option<R> {
        match (&mut self.own, &self.watched) {
            (Some(span), _) => Some(work(span)),
            (None, Some(guarded)) => guarded.watched.lock().as_mut().map(work),
            (None, None) => None,
        }
    }

    /// Ends the span; without a time it is to be dropped, which ends the span below.
    fn end_at(&mut self, timestamp: Option<SystemTime>) {
        if std::mem::replace(&mut self.ended, true) {
            return;
        }
        let state = self.state.take();
        if let Some(guarded) = &self.watched {
            self.core.open_spans.unwatch(guarded.ticket);
            guarded.watched.end_at(timestamp);
        } else if let Some(span) = &mut self.own {
            match state {
                Some(state) => finish(span, &state, &self.core, timestamp),
                None => {
                    for attribute in self.plain.waited() {
                        span.set_attribute(attribute);
                    }
                    if self.observed
                        && let Some(observer) = &self.core.observer
                    {
                        observer.left(span.span_context().span_id());
                    }
                    if let Some(timestamp) = timestamp {
                        span.end_with_timestamp(timestamp);
                    }
                }
            }
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
    let observing = core.observer.is_some();
    let mut open = state.lock();
    open.ended = true;
    let last_write = open.last_write;
    let end = match (timestamp, last_write) {
        (Some(end), Some(write)) => Some(end.max(write)),
        (end, _) => end,
    };
    if recording || observing {
        let mut finished = open.finish(core);
        let seen = observing.then(|| Observed::of(&mut open, &finished));
        drop(open);
        if let (Some(observer), Some(seen)) = (core.observer.as_deref(), seen) {
            seen.tell(observer, span, state, &mut finished, end);
        }
        if recording {
            write(span, finished, core);
        }
    } else {
        drop(open);
    }
    if let Some(end) = end {
        span.end_with_timestamp(end);
    }
}

fn write(span: &mut impl Span, finished: Finished, core: &Core) {
    let Finished { name, kind, status, mut record } = finished;
    let gen_ai = record.is_ours();
    if gen_ai {
        record.merge_messages();
    }
    let policy = core.policy.load();
    #[cfg(any(feature = "init", feature = "testing"))]
    if core.finish_on_export && record.is_delicate(policy.max_bytes()) {
        super::aside::put_long_texts(&mut record, policy, &core.health);
    }
    let mut cleared = policy.clear(record, &core.health);
    if gen_ai && !core.finish_on_export {
        cleared.shape_messages(policy.max_bytes());
    }
    write_entries(span, cleared, core);
    if let Some(kind) = kind.filter(|_| core.finish_on_export) {
        span.set_attribute(KeyValue::new(KIND, format!("{kind:?}")));
    }
    if let Some(name) = name {
        span.update_name(name);
    }
    if status != Status::Unset {
        span.set_status(status);
    }
}

/// What the observer is told of an open span beside its record.
struct Observed {
    family: Family,
    nest: Nest,
    gaps: Vec<f64>,
    start: Option<SystemTime>,
}

impl Observed {
    fn of(open: &mut Open, finished: &Finished) -> Self {
        Self {
            family: open.family_of(&finished.record),
            nest: std::mem::take(&mut open.nest),
            gaps: std::mem::take(&mut open.gaps),
            start: open.started_at,
        }
    }

    fn tell(
        self,
        observer: &dyn ObserveSpans,
        span: &impl Span,
        state: &SpanState,
        finished: &mut Finished,
        end: Option<SystemTime>,
    ) {
        let end = end.unwrap_or_else(SystemTime::now);
        observer.ended(Ended {
            span: span.span_context().span_id(),
            state,
            family: self.family,
            nest: self.nest,
            gaps: self.gaps,
            failed: matches!(finished.status, Status::Error { .. }),
            record: &mut finished.record,
            start: self.start.unwrap_or(end),
            end,
        });
    }
}

fn write_entries(span: &mut impl Span, cleared: ClearedRecord, core: &Core) {
    cleared.write(|key, value, already| {
        let key = match key {
            RecordKey::Attr(attr) => {
                if already == Already::Another && !core.finish_on_export {
                    // The span has the key already and the SDK would keep both.
                    return core.health.late_changes.increment();
                }
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
            RecordKey::Other(Cow::Owned(key), _) => Key::from(std::mem::take(key)),
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
            let text = std::mem::replace(text, Text::Static(""));
            span.set_attribute(KeyValue::new(key, string(text)));
        }
        Value::List(list) => {
            span.set_attribute(KeyValue::new(key, strings(std::mem::take(list))));
        }
    }
}

impl<S: Span + Send + 'static> Span for GenAiSpan<S> {
    fn add_event_with_timestamp<T>(&mut self, name: T, time: SystemTime, attributes: Vec<KeyValue>)
    where
        T: Into<Cow<'static, str>>,
    {
        let name = name.into();
        let state = if self.state.is_none() && event::is_gen_ai(&name, &attributes) && !self.ended {
            Some(self.promote())
        } else {
            self.state.clone()
        };
        let parts = match state {
            Some(state) => event::take_into(&mut state.lock(), name, attributes, &self.core),
            None => {
                let (mut name, mut attributes) = (name, attributes);
                let policy = self.core.policy.load();
                otel::event(policy, &mut name, &mut attributes, &self.core.health);
                Some((name, attributes))
            }
        };
        if let Some((name, attributes)) = parts {
            self.with(|span| span.add_event_with_timestamp(name, time, attributes));
        }
    }

    fn span_context(&self) -> &SpanContext {
        match (&self.own, &self.watched) {
            (Some(span), _) => span.span_context(),
            (None, Some(guarded)) => &guarded.context,
            (None, None) => &SpanContext::NONE,
        }
    }

    /// A GenAI span records until it ends even when it is not sampled: metrics need its usage.
    fn is_recording(&self) -> bool {
        match (&self.own, &self.watched) {
            _ if self.ended => false,
            (Some(span), _) => self.state.is_some() || span.is_recording(),
            (None, Some(guarded)) => guarded.watched.lock().is_some(),
            (None, None) => false,
        }
    }

    fn set_attribute(&mut self, attribute: KeyValue) {
        if self.ended {
            return;
        }
        if self.state.is_none() && !is_ours(attribute.key.as_str()) {
            let policy = self.core.policy.load();
            if let Some(attribute) = self.plain.take(policy, attribute, &self.core.health) {
                self.with(|span| span.set_attribute(attribute));
            }
            return;
        }
        let state = self.promote();
        state.lock().set(attribute, &self.core);
    }

    fn set_status(&mut self, status: Status) {
        // The layer below says so of every span that starts.
        if status == Status::Unset {
            return;
        }
        match &self.state {
            Some(state) => state.lock().set_status(status),
            None => {
                let status = otel::status(self.core.policy.load(), status, &self.core.health);
                self.with(|span| span.set_status(status));
            }
        }
    }

    fn update_name<T>(&mut self, name: T)
    where
        T: Into<Cow<'static, str>>,
    {
        match &self.state {
            Some(state) => {
                let mut open = state.lock();
                open.explicit.name = Some(name.into().into_owned());
                open.explicit.changed = true;
            }
            None => {
                self.with(|span| span.update_name(name));
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
        f.debug_struct("GenAiSpan")
            .field("gen_ai", &self.state.is_some())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}
