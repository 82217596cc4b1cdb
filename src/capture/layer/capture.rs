//! The visitors: from fields of `tracing` to a record, or to an event without its content.

use std::borrow::Cow;
use std::error::Error;
use std::fmt::{Debug, Write};
use std::time::SystemTime;

use opentelemetry::trace::{SpanKind, Status};
use tracing::Event;
use tracing::field::{Field, Value, Visit};

use super::plan::{FieldPlan, MESSAGE};
use super::targets::{EVENT_NAME_FIELDS, is_message_field};
use crate::capture::lint::{self, Problem};
use crate::capture::tracer::{Core, Open, SpanState};
use crate::policy::{ErrorText, Policy};
use crate::record::Raw;
use crate::semconv::{Attr, Class, ValueMap, is_our_event};

/// Takes the fields of a span into its record.
pub(super) struct SpanFields<'a> {
    plan: &'static [FieldPlan],
    core: &'a Core,
    policy: Policy,
    target: Target<'a>,
}

enum Target<'a> {
    /// The span is being made: nobody else sees it yet.
    New(&'a mut Open),
    /// Locked for each value, after the value was formatted: a `Debug` may itself use `tracing`.
    Live { state: &'a SpanState, entered: bool },
}

impl<'a> SpanFields<'a> {
    pub(super) fn new(plan: &'static [FieldPlan], core: &'a Core, open: &'a mut Open) -> Self {
        Self { plan, core, policy: core.policy.load(), target: Target::New(open) }
    }

    /// `entered` says that this thread is inside of the span for certain.
    pub(super) fn live(
        plan: &'static [FieldPlan],
        core: &'a Core,
        state: &'a SpanState,
        entered: bool,
    ) -> Self {
        Self { plan, core, policy: core.policy.load(), target: Target::Live { state, entered } }
    }

    fn plan(&self, field: &Field) -> FieldPlan {
        // A record made by hand may come with the fields of another callsite.
        self.plan.get(field.index()).copied().unwrap_or(FieldPlan::Other)
    }

    /// Whether a value of this field is wanted at all; asked before it is formatted.
    #[inline]
    fn wants(&self, plan: FieldPlan, is_text: bool) -> bool {
        let class = plan.class();
        if !class.is_content() && class != Class::Secret {
            return true;
        }
        if plan.of_value(is_text).class() == Class::Metadata {
            return true;
        }
        let unsampled = match &self.target {
            Target::New(_) => false,
            Target::Live { state, .. } => state.is_unsampled(),
        };
        let wanted = self.policy.allows(class) && !unsampled;
        if !wanted {
            self.core.health.withheld.increment();
        }
        wanted
    }

    fn take(&mut self, field: &Field, plan: FieldPlan, raw: &mut Raw<'_>) {
        let odd = match &mut self.target {
            Target::New(open) => {
                put(open, field, plan, raw, self.core);
                open.record.misfit
            }
            Target::Live { state, entered } => {
                // What is recorded while the span is entered comes before its exit, which is
                // later than any time we could note.
                let now = (!*entered).then(SystemTime::now);
                let mut open = state.lock();
                if now.is_some() {
                    open.last_write = now;
                }
                put(&mut open, field, plan, raw, self.core);
                open.record.misfit | open.ended
            }
        };
        if odd {
            self.complain(field);
        }
    }

    /// A value was not taken as it was meant. Nothing is locked here.
    #[cold]
    fn complain(&mut self, field: &Field) {
        let mut late = false;
        match &mut self.target {
            Target::New(open) => open.record.misfit = false,
            Target::Live { state, .. } => {
                let mut open = state.lock();
                late = open.ended;
                open.record.misfit = false;
            }
        }
        let problem = match self.plan(field) {
            _ if late => Problem::TooLate(field.name()),
            FieldPlan::Attr(attr, _) => Problem::WrongType(field.name(), attr.value_type()),
            _ => return,
        };
        lint::note(self.core.findings.as_deref(), field, problem);
    }

    #[inline]
    fn typed(&mut self, field: &Field, mut raw: Raw<'_>) {
        let plan = self.plan(field);
        if self.wants(plan, raw.is_text()) {
            self.take(field, plan, &mut raw);
        }
    }
}

fn put(open: &mut Open, field: &Field, plan: FieldPlan, raw: &mut Raw<'_>, core: &Core) {
    if let FieldPlan::Attr(attr, map) = plan {
        return open.record.record_attr(attr, map, raw, &core.health);
    }
    let raw = std::mem::replace(raw, Raw::Bool(false));
    match plan.of_value(raw.is_text()) {
        FieldPlan::Attr(..) => {}
        FieldPlan::Text(class) | FieldPlan::Named(class) => {
            let value = crate::record::coerce::foreign(raw);
            if class == Class::ErrorText {
                open.note_error();
            }
            open.record.put_other(Cow::Borrowed(field.name()), class, value);
        }
        FieldPlan::UnknownGenAi => {
            open.record.record_unknown(Cow::Borrowed(field.name()), raw);
        }
        FieldPlan::Bare => {
            open.record.record_bare(Cow::Borrowed(field.name()), raw);
        }
        FieldPlan::Drop => {}
        FieldPlan::Other => {
            let value = crate::record::coerce::foreign(raw);
            open.record.put_other(Cow::Borrowed(field.name()), Class::Metadata, value);
        }
        FieldPlan::OtelName => {
            open.explicit.name = text(raw).filter(|name| !name.is_empty());
            open.explicit.changed = true;
        }
        FieldPlan::OtelKind => {
            if let Some(kind) = text(raw).and_then(|kind| span_kind(&kind)) {
                open.explicit.kind = Some(kind);
                open.explicit.changed = true;
            }
        }
        FieldPlan::OtelStatusCode => {
            // The conventions leave the status of a success unset.
            if text(raw).is_some_and(|code| code.eq_ignore_ascii_case("error")) {
                open.set_status(Status::error(""));
            }
        }
        FieldPlan::OtelStatusDescription => {
            if let Some(description) = text(raw).filter(|text| !text.is_empty()) {
                open.set_status(Status::error(description));
            }
        }
    }
}

fn text(raw: Raw<'_>) -> Option<String> {
    match raw {
        Raw::Str(text) => Some(text.into_owned()),
        Raw::Debug(text) => Some(text.trim_matches('"').to_owned()),
        _ => None,
    }
}

fn span_kind(text: &str) -> Option<SpanKind> {
    [
        ("client", SpanKind::Client),
        ("server", SpanKind::Server),
        ("producer", SpanKind::Producer),
        ("consumer", SpanKind::Consumer),
        ("internal", SpanKind::Internal),
    ]
    .into_iter()
    .find(|(word, _)| word.eq_ignore_ascii_case(text))
    .map(|(_, kind)| kind)
}

impl Visit for SpanFields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.typed(field, Raw::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.typed(field, Raw::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.typed(field, Raw::U64(value));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        match i64::try_from(value) {
            Ok(value) => self.typed(field, Raw::I64(value)),
            Err(_) => self.typed(field, Raw::Str(Cow::Owned(value.to_string()))),
        }
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        match u64::try_from(value) {
            Ok(value) => self.typed(field, Raw::U64(value)),
            Err(_) => self.typed(field, Raw::Str(Cow::Owned(value.to_string()))),
        }
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.typed(field, Raw::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.typed(field, Raw::Str(Cow::Borrowed(value)));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let plan = match self.plan(field) {
            // Error text, whatever the field is called.
            FieldPlan::Other | FieldPlan::Bare | FieldPlan::UnknownGenAi => {
                FieldPlan::Text(Class::ErrorText)
            }
            plan => plan,
        };
        if !self.wants(plan, true) {
            return;
        }
        let message = value.to_string();
        let chain = chain_of(value);
        let mut same = Raw::Str(Cow::Borrowed(&message));
        self.take(field, plan, &mut same.clone());
        self.take(field, FieldPlan::Attr(Attr::ExceptionMessage, ValueMap::Same), &mut same);
        if !chain.is_empty() {
            let mut chain = Raw::Str(Cow::Owned(chain));
            let plan = FieldPlan::Attr(Attr::ExceptionStacktrace, ValueMap::Same);
            self.take(field, plan, &mut chain);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let plan = self.plan(field);
        if self.wants(plan, true) {
            let text = format(value);
            self.take(field, plan, &mut Raw::Debug(Cow::Owned(text)));
        }
    }
}

/// What `Debug` prints, even when it reports an error half way.
pub(super) fn format(value: &dyn Debug) -> String {
    let mut text = String::new();
    if write!(text, "{value:?}").is_err() {
        text.push_str("[formatting failed]");
    }
    text
}

pub(super) fn chain_of(error: &(dyn Error + 'static)) -> String {
    let mut chain = String::new();
    let mut next = error.source();
    while let Some(source) = next {
        if !chain.is_empty() {
            chain.push('\n');
        }
        let _ = write!(chain, "{source}");
        next = source.source();
    }
    chain
}

/// Takes the fields of an event, so that it can go on without what is withheld.
pub(super) struct EventFields<'a> {
    plan: &'static [FieldPlan],
    core: &'a Core,
    policy: Policy,
    /// Whether the event is one of the conventions, whose `content` is what somebody said.
    is_message: bool,
    /// Whether its callsite says so, whose name an event loses below when it has a message.
    is_callsite: bool,
    values: Vec<Option<Owned>>,
}

enum Owned {
    Bool(bool),
    I64(i64),
    U64(u64),
    F64(f64),
    Str(String),
    Debug(tracing::field::DisplayValue<String>),
}

impl Owned {
    fn as_value(&self) -> &dyn Value {
        match self {
            Self::Bool(value) => value,
            Self::I64(value) => value,
            Self::U64(value) => value,
            Self::F64(value) => value,
            Self::Str(value) => value,
            Self::Debug(value) => value,
        }
    }
}

impl<'a> EventFields<'a> {
    pub(super) fn new(plan: &'static [FieldPlan], event: &Event<'_>, core: &'a Core) -> Self {
        let values = std::iter::repeat_with(|| None).take(plan.len()).collect();
        // The name has to be known before any other field is formatted.
        let is_callsite = is_our_event(event.metadata().name());
        let is_message = is_callsite || {
            let mut name = NamedGenAi(false);
            event.record(&mut name);
            name.0
        };
        Self { plan, core, policy: core.policy.load(), is_message, is_callsite, values }
    }

    pub(super) fn is_message(&self) -> bool {
        self.is_message
    }

    fn put(&mut self, field: &Field, is_text: bool, value: impl FnOnce() -> Owned) {
        let class = match self.plan.get(field.index()) {
            _ if self.is_callsite && field.name() == MESSAGE => return,
            _ if self.is_message && is_message_field(field.name()) => Class::Input,
            Some(plan) => plan.of_value(is_text).class(),
            None => Class::Metadata,
        };
        if !self.policy.allows(class) {
            self.core.health.withheld.increment();
        } else if let Some(slot) = self.values.get_mut(field.index()) {
            *slot = Some(value());
        }
    }

    /// Calls `then` with the event as it may go on.
    pub(super) fn with_event(&self, event: &Event<'_>, then: impl FnOnce(&Event<'_>)) {
        let metadata = event.metadata();
        let values: Vec<Option<&dyn Value>> =
            self.values.iter().map(|value| value.as_ref().map(Owned::as_value)).collect();
        let values = metadata.fields().value_set_all(&values);
        let event = match event.parent() {
            Some(parent) => Event::new_child_of(parent.clone(), metadata, &values),
            None if event.is_root() => Event::new_child_of(None, metadata, &values),
            None => Event::new(metadata, &values),
        };
        then(&event);
    }
}

/// Whether a field names an event of the conventions.
struct NamedGenAi(bool);

impl Visit for NamedGenAi {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0 |= EVENT_NAME_FIELDS.contains(&field.name()) && is_our_event(value);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if EVENT_NAME_FIELDS.contains(&field.name()) {
            self.0 |= is_our_event(format(value).trim_start_matches('"'));
        }
    }
}

impl Visit for EventFields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.put(field, false, || Owned::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field, false, || Owned::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field, false, || match i64::try_from(value) {
            Ok(value) => Owned::I64(value),
            Err(_) => Owned::U64(value),
        });
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field, false, || Owned::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put(field, true, || Owned::Str(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        // Error text, whatever the field is called.
        if self.policy.error_text() != ErrorText::TypeOnly {
            let message = value.to_string();
            let cleared = self.policy.clear_error_text(&message).unwrap_or(message);
            self.put(field, true, || Owned::Debug(tracing::field::display(cleared)));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field, true, || Owned::Debug(tracing::field::display(format(value))));
    }
}

impl Open {
    /// An error recorded on the span fails it.
    fn note_error(&mut self) {
        self.set_status(Status::error(""));
    }
}
