//! The decorated span.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use opentelemetry::trace::{Span, SpanContext, SpanId, Status, TraceContextExt};
use opentelemetry::{Context, Key, KeyValue};

use super::observe::{Ended, Nest, ObserveSpans};
use super::state::{Finished, SpanState, concerns, string, strings};
use super::{Core, Given, Open, event};
use crate::record::{self, Key as RecordKey, Record, Text, Value};
use crate::semconv::{Attr, Family};

/// A span of a [`GenAiTracer`](super::GenAiTracer).
///
/// A GenAI span keeps what is recorded until it ends and then writes it to the span below in the
/// form of the conventions, as far as the policy allows. Any other span passes everything on at
/// once; the first GenAI attribute turns it into a GenAI span.
pub struct GenAiSpan<S: Span> {
    inner: S,
    state: Option<Arc<SpanState>>,
    given: Given,
    core: Arc<Core>,
    ended: bool,
    /// The observer wants to hear of the end even if this never becomes a GenAI span.
    observed: bool,
}

/// The attribute that tells a [`GenAiExporter`](super::GenAiExporter) the kind of a span that was
/// started as another one. Never leaves.
pub(super) const KIND: &str = "tracing_genai.kind";

impl<S: Span> GenAiSpan<S> {
    pub(super) fn new(
        inner: S,
        state: Option<Arc<SpanState>>,
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
        Self { inner, state, given, core, ended: false, observed }
    }

    /// Makes the span a GenAI span and returns what is known of it.
    fn promote(&mut self) -> Arc<SpanState> {
        let (core, inner, given) = (&self.core, &self.inner, self.given);
        let state = self.state.get_or_insert_with(|| {
            core.health.promoted.increment();
            let state = Arc::<SpanState>::default();
            state.started(inner.is_recording());
            state.lock().explicit.given = given;
            state
        });
        Arc::clone(state)
    }

    /// Writes what the record holds to the span below and returns the time at which it ended.
    fn finish(&mut self, timestamp: Option<SystemTime>) -> Option<SystemTime> {
        if self.ended {
            return timestamp;
        }
        self.ended = true;
        let Some(state) = self.state.take() else {
            if self.observed
                && let Some(observer) = &self.core.observer
            {
                observer.left(self.inner.span_context().span_id());
            }
            return timestamp;
        };
        if let Some(ticket) = state.ticket() {
            self.core.open_spans.remove(ticket);
        }
        let recording = self.inner.is_recording();
        let observing = self.core.observer.is_some();
        let mut open = state.lock();
        open.ended = true;
        let last_write = open.last_write;
        let end = match (timestamp, last_write) {
            (Some(end), Some(write)) => Some(end.max(write)),
            (end, _) => end,
        };
        if recording || observing {
            let mut finished = open.finish(&self.core);
            let seen = observing.then(|| Observed::of(&mut open, &finished));
            drop(open);
            if let (Some(observer), Some(seen)) = (self.core.observer.as_deref(), seen) {
                seen.tell(observer, &self.inner, &state, &mut finished, end);
            }
            if recording {
                self.write(finished);
            }
        }
        end
    }

    fn write(&mut self, finished: Finished) {
        let Finished { name, kind, status, mut record } = finished;
        let Self { inner, core, .. } = self;
        let gen_ai = record.is_gen_ai();
        if gen_ai {
            record.merge_messages();
        }
        let mut cleared = core.policy.load().clear(record, &core.health).into_record();
        if gen_ai && !core.finish_on_export {
            cleared.shape_messages(core.policy.load());
        }
        write_entries(inner, cleared, core);
        if let Some(kind) = kind.filter(|_| core.finish_on_export) {
            inner.set_attribute(KeyValue::new(KIND, format!("{kind:?}")));
        }
        if let Some(name) = name {
            inner.update_name(name);
        }
        if status != Status::Unset {
            inner.set_status(status);
        }
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

/// Attributes of the conventions go first, because the SDK cuts the tail at its limit.
fn write_entries(span: &mut impl Span, mut cleared: Record, core: &Core) {
    let mut has_others = false;
    let mut entries = std::mem::take(cleared.entries_mut());
    for entry in &mut entries {
        let RecordKey::Attr(attr) = entry.key else {
            has_others = true;
            continue;
        };
        if cleared.is_written(attr) {
            continue;
        }
        if cleared.is_changed(attr) && !core.finish_on_export {
            // The span has the key already and the SDK would keep both.
            core.health.late_changes.increment();
            continue;
        }
        let (key, also) = attr.keys(core.semconv);
        if attr == Attr::RequestTopK {
            record::coerce::to_version(&mut entry.value, core.semconv);
        }
        if let Some(also) = also {
            set(span, Key::from_static_str(also), &mut entry.value.clone());
        }
        set(span, Key::from_static_str(key), &mut entry.value);
    }
    if !has_others {
        return;
    }
    for mut entry in entries {
        let key = match entry.key {
            RecordKey::Attr(_) => continue,
            RecordKey::Other(Cow::Borrowed(key), _) => Key::from_static_str(key),
            RecordKey::Other(Cow::Owned(key), _) => Key::from(key),
        };
        set(span, key, &mut entry.value);
    }
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

impl<S: Span> Span for GenAiSpan<S> {
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
            None => event::police(self.core.policy.load(), name, attributes, &self.core),
        };
        if let Some((name, attributes)) = parts {
            self.inner.add_event_with_timestamp(name, time, attributes);
        }
    }

    fn span_context(&self) -> &SpanContext {
        self.inner.span_context()
    }

    /// A GenAI span records until it ends even when it is not sampled: metrics need its usage.
    fn is_recording(&self) -> bool {
        if self.state.is_some() { !self.ended } else { self.inner.is_recording() }
    }

    fn set_attribute(&mut self, mut attribute: KeyValue) {
        if self.ended {
            return;
        }
        let key = attribute.key.as_str();
        if self.state.is_none() && !concerns(key) {
            if !event::is_error_text(key)
                || event::clear(self.core.policy.load(), &mut attribute, &self.core)
            {
                self.inner.set_attribute(attribute);
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
            None => self.inner.set_status(event::police_status(status, &self.core)),
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
            None => self.inner.update_name(name),
        }
    }

    fn add_link(&mut self, span_context: SpanContext, attributes: Vec<KeyValue>) {
        self.inner.add_link(span_context, attributes);
    }

    fn end_with_timestamp(&mut self, timestamp: SystemTime) {
        let timestamp = self.finish(Some(timestamp)).unwrap_or(timestamp);
        self.inner.end_with_timestamp(timestamp);
    }
}

impl<S: Span> Drop for GenAiSpan<S> {
    /// The span below ends itself when it is dropped; what was recorded has to be in it by then.
    fn drop(&mut self) {
        self.finish(None);
    }
}

impl<S: Span + fmt::Debug> fmt::Debug for GenAiSpan<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenAiSpan")
            .field("span_context", self.inner.span_context())
            .field("gen_ai", &self.state.is_some())
            .finish_non_exhaustive()
    }
}
