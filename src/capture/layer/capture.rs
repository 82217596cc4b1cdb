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
use crate::content::messages::said_by;
use crate::policy::{Comes, Decision, Holds, Policy};
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
        self.plan.get(field.index()).copied().unwrap_or(FieldPlan::Own(Holds::FACT))
    }

    /// What to do with a value; asked before it is formatted.
    #[inline]
    fn decide(&self, plan: FieldPlan, comes: Comes) -> Decision {
        let (holds, health) = (plan.holds(), &self.core.health);
        let class = holds.class(comes);
        if class == Class::Metadata {
            return Decision::Keep;
        }
        let unsampled = match &self.target {
            Target::New(_) => false,
            Target::Live { state, .. } => state.is_unsampled(),
        };
        let decision = match class.is_content() && unsampled {
            true => Decision::Withhold,
            false => self.policy.decide(holds, comes),
        };
        if decision == Decision::Withhold {
            health.withheld.increment();
        }
        decision
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
        if self.decide(plan, Comes::of(&raw)) != Decision::Withhold {
            self.take(field, plan, &mut raw);
        }
    }
}

fn put(open: &mut Open, field: &Field, plan: FieldPlan, raw: &mut Raw<'_>, core: &Core) {
    if let FieldPlan::Attr(attr, map) = plan {
        return open.record.record_attr(attr, map, raw, &core.health);
    }
    let raw = std::mem::replace(raw, Raw::Bool(false));
    match plan {
        FieldPlan::Attr(..) => {}
        FieldPlan::Own(holds) => {
            let comes = Comes::of(&raw);
            if holds.class(comes) == Class::ErrorText {
                open.set_status(Status::error(""));
            }
            holds.put(&mut open.record, Cow::Borrowed(field.name()), raw, comes);
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
        // Error text, whatever the field is called.
        let plan = self.plan(field);
        let decision = self.decide(plan, Comes::Error);
        if decision == Decision::Withhold {
            return;
        }
        let message = value.to_string();
        let chain = chain_of(value);
        if let Some(text) = self.policy.text(decision, &message, &self.core.health) {
            let plan = match plan {
                FieldPlan::Own(_) => FieldPlan::Own(Holds::ERROR),
                plan => plan,
            };
            self.take(field, plan, &mut Raw::Str(text));
        }
        let plan = FieldPlan::Attr(Attr::ExceptionMessage, ValueMap::Same);
        self.take(field, plan, &mut Raw::Str(Cow::Borrowed(&message)));
        if !chain.is_empty() {
            let plan = FieldPlan::Attr(Attr::ExceptionStacktrace, ValueMap::Same);
            self.take(field, plan, &mut Raw::Str(Cow::Owned(chain)));
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let plan = self.plan(field);
        if self.decide(plan, Comes::Unread) != Decision::Withhold {
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
    /// Whose words the event holds, by its name. Empty where its fields tell.
    said: &'static [Class],
    /// The name of the callsite says so, so that the message is not needed for one.
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
        let name = event.metadata().name();
        let is_callsite = is_our_event(name);
        let said = match is_callsite {
            true => said_by(name),
            false => {
                let mut name = EventName(&[]);
                event.record(&mut name);
                name.0
            }
        };
        Self { plan, core, policy: core.policy.load(), said, is_callsite, values }
    }

    pub(super) fn is_message(&self) -> bool {
        !self.said.is_empty()
    }

    fn decide(&self, field: &Field, comes: Comes) -> Decision {
        let holds = match self.plan.get(field.index()) {
            _ if self.is_message() && is_message_field(field.name()) => Holds::Said(self.said),
            Some(plan) => plan.holds(),
            None => Holds::FACT,
        };
        self.policy.decide(holds, comes)
    }

    fn put(&mut self, field: &Field, decision: Decision, value: impl FnOnce() -> Owned) {
        if self.is_callsite && field.name() == MESSAGE {
            return;
        }
        if decision == Decision::Withhold {
            self.core.health.withheld.increment();
        } else if let Some(slot) = self.values.get_mut(field.index()) {
            *slot = Some(value());
        }
    }

    fn plain(&mut self, field: &Field, value: Owned) {
        let decision = self.decide(field, Comes::Plain);
        self.put(field, decision, || value);
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

/// Whose words an event holds, where a field names it as one of the conventions.
struct EventName(&'static [Class]);

impl Visit for EventName {
    fn record_str(&mut self, field: &Field, value: &str) {
        if EVENT_NAME_FIELDS.contains(&field.name()) && self.0.is_empty() {
            self.0 = said_by(value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if EVENT_NAME_FIELDS.contains(&field.name()) {
            self.record_str(field, format(value).trim_matches('"'));
        }
    }
}

impl Visit for EventFields<'_> {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.plain(field, Owned::F64(value));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.plain(field, Owned::I64(value));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.plain(field, i64::try_from(value).map_or(Owned::U64(value), Owned::I64));
    }

    fn record_i128(&mut self, field: &Field, value: i128) {
        self.plain(field, integer(value));
    }

    fn record_u128(&mut self, field: &Field, value: u128) {
        self.plain(field, integer(value));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.plain(field, Owned::Bool(value));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        let decision = self.decide(field, Comes::Text(value.len()));
        self.put(field, decision, || Owned::Str(value.to_owned()));
    }

    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        // Error text, whatever the field is called: nobody after this knows.
        let decision = self.decide(field, Comes::Error);
        let policy = self.policy;
        let health = &self.core.health;
        self.put(field, decision, || {
            let message = value.to_string();
            let cleared = policy.text(decision, &message, health).unwrap_or_default();
            Owned::Debug(tracing::field::display(cleared.into_owned()))
        });
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let decision = self.decide(field, Comes::Unread);
        if matches!(decision, Decision::Withhold) {
            return self.put(field, decision, || Owned::Bool(false));
        }
        let text = format(value);
        let decision = self.decide(field, Comes::Text(text.len()));
        self.put(field, decision, || Owned::Debug(tracing::field::display(text)));
    }
}

/// A number of 128 bits as the layer below takes it.
fn integer<T: TryInto<i64> + Copy + std::fmt::Display + Debug>(value: T) -> Owned {
    match value.try_into() {
        Ok(value) => Owned::I64(value),
        Err(_) => Owned::Debug(tracing::field::display(value.to_string())),
    }
}
