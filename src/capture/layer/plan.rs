//! What to do with the fields of a callsite, decided once for each.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock};
use std::thread::LocalKey;

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;
use tracing::{Level, Metadata};
use tracing_core::callsite::Identifier;
use tracing_core::field::Field;

use super::targets::{EVENT_NAME_FIELDS, is_transport, logs_payloads};
use crate::capture::lint;
use crate::capture::tracer::Given;
use crate::semconv::{Attr, Class, Match, Scope, ValueMap, is_our_event, is_ours, lookup};

/// What to do with spans of a callsite.
#[derive(Clone, Copy, Debug)]
pub(super) enum SpanPlan {
    /// Telemetry about telemetry.
    Ignore,
    /// No GenAI field: the layer below takes all.
    Plain(Given),
    /// One entry for each declared field, in the order of declaration.
    GenAi(&'static [FieldPlan]),
}

/// What to do with events of a callsite.
#[derive(Clone, Copy, Debug)]
pub(super) enum EventPlan {
    Ignore,
    Plain,
    /// Fields that hold content, one entry for each declared field.
    GenAi(&'static [FieldPlan]),
    /// A field tells what the event is called, which may be one of the conventions.
    Named(&'static [FieldPlan]),
}

/// What to do with events of a callsite where log records are wanted.
#[cfg(feature = "logs")]
#[derive(Clone, Copy, Debug)]
pub(super) enum LogPlan {
    Ignore,
    Record {
        /// One entry for each declared field.
        fields: &'static [FieldPlan],
        /// It is a record of the `log` crate, whose target and place are in its fields.
        bridged: bool,
        /// A field tells what the event is called.
        names_itself: bool,
    },
}

/// What a field is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum FieldPlan {
    Attr(Attr, ValueMap),
    /// Content or error text under a name of its own.
    Text(Class),
    /// Content if it is text.
    Named(Class),
    UnknownGenAi,
    /// A foreign name without a namespace: content if it is long text.
    Bare,
    Drop,
    OtelName,
    OtelKind,
    OtelStatusCode,
    OtelStatusDescription,
    Other,
}

impl FieldPlan {
    /// What `name` is, on a callsite that has GenAI fields or on one that has none.
    fn of(name: &str, gen_ai: bool) -> Self {
        match name {
            "otel.name" => Self::OtelName,
            "otel.kind" => Self::OtelKind,
            "otel.status_code" => Self::OtelStatusCode,
            "otel.status_description" | "otel.status_message" => Self::OtelStatusDescription,
            name => match lookup(name) {
                Match::Known(attr, map) => Self::Attr(attr, map),
                Match::Content(class) => Self::Text(class),
                Match::Drop => Self::Drop,
                Match::Named(class, scope) if gen_ai || scope == Scope::Anywhere => {
                    Self::Named(class)
                }
                Match::UnknownGenAi => Self::UnknownGenAi,
                Match::Bare if gen_ai => Self::Bare,
                Match::Named(..) | Match::Bare | Match::Foreign => Self::Other,
            },
        }
    }

    /// What the field is with such a value in it.
    #[inline]
    pub(crate) fn of_value(self, is_text: bool) -> Self {
        match self {
            Self::Named(_) if !is_text => Self::Other,
            plan => plan,
        }
    }

    /// Whose data the field holds.
    #[inline]
    pub(crate) fn class(self) -> Class {
        match self {
            Self::Attr(attr, _) => attr.class(),
            Self::Text(class) | Self::Named(class) => class,
            Self::Drop => Class::Secret,
            Self::OtelStatusDescription => Class::ErrorText,
            _ => Class::Metadata,
        }
    }
}

/// The plan for spans of a callsite.
pub(super) fn span(metadata: &'static Metadata<'static>) -> SpanPlan {
    static PLANS: Plans<SpanPlan> = Lazy::new(RwLock::default);
    thread_local!(static KNOWN: Known<SpanPlan> = RefCell::default());
    planned(&KNOWN, &PLANS, metadata, || {
        if is_transport(metadata.target()) {
            SpanPlan::Ignore
        } else if makes_gen_ai(metadata) {
            lint::check(metadata);
            SpanPlan::GenAi(fields(metadata, true))
        } else if speaks_for_itself(metadata) {
            lint::check(metadata);
            SpanPlan::GenAi(fields(metadata, false))
        } else {
            let declares = |name| metadata.fields().field(name).is_some();
            SpanPlan::Plain(Given { name: declares("otel.name"), kind: declares("otel.kind") })
        }
    })
}

/// Whether spans of a callsite are GenAI spans by the fields it declares.
pub(crate) fn makes_gen_ai(metadata: &Metadata<'_>) -> bool {
    !is_transport(metadata.target()) && has_gen_ai(metadata)
}

/// The plan for events of a callsite.
pub(super) fn event(metadata: &'static Metadata<'static>) -> EventPlan {
    static PLANS: Plans<EventPlan> = Lazy::new(RwLock::default);
    thread_local!(static KNOWN: Known<EventPlan> = RefCell::default());
    planned(&KNOWN, &PLANS, metadata, || {
        if is_transport(metadata.target()) || logs_payloads(metadata) {
            EventPlan::Ignore
        } else if is_our_event(metadata.name()) || has_gen_ai(metadata) {
            EventPlan::GenAi(fields(metadata, true))
        } else if metadata.fields().iter().any(|field| EVENT_NAME_FIELDS.contains(&field.name())) {
            EventPlan::Named(fields(metadata, false))
        } else if *metadata.level() > Level::INFO {
            EventPlan::Ignore
        } else if speaks_for_itself(metadata) {
            EventPlan::GenAi(fields(metadata, false))
        } else {
            EventPlan::Plain
        }
    })
}

/// The plan for events of a callsite as log records.
#[cfg(feature = "logs")]
pub(super) fn log(metadata: &'static Metadata<'static>) -> LogPlan {
    static PLANS: Plans<LogPlan> = Lazy::new(RwLock::default);
    thread_local!(static KNOWN: Known<LogPlan> = RefCell::default());
    planned(&KNOWN, &PLANS, metadata, || {
        if is_transport(metadata.target()) || logs_payloads(metadata) {
            return LogPlan::Ignore;
        }
        let declares = |name: &&str| metadata.fields().field(*name).is_some();
        LogPlan::Record {
            fields: fields(metadata, has_gen_ai(metadata) || is_our_event(metadata.name())),
            bridged: metadata.target() == "log" && declares(&"log.target"),
            names_itself: EVENT_NAME_FIELDS.iter().any(declares),
        }
    })
}

/// Whether a field of the callsite is known to the conventions.
fn has_gen_ai(metadata: &Metadata<'_>) -> bool {
    metadata.fields().iter().any(|field| is_ours(field.name()))
}

/// Whether a field holds content by its bare name.
fn speaks_for_itself(metadata: &Metadata<'_>) -> bool {
    let is_named = |name| matches!(lookup(name), Match::Named(_, Scope::Anywhere));
    metadata.fields().iter().any(|field| is_named(field.name()))
}

/// Callsites with GenAI fields, for those who see a field and not what stands beside it.
#[cfg(feature = "init")]
static GEN_AI: Lazy<RwLock<FxHashMap<Identifier, bool>>> = Lazy::new(RwLock::default);

/// Notes whether the callsite has GenAI fields.
#[cfg(feature = "init")]
pub(super) fn register(metadata: &'static Metadata<'static>) {
    if has_gen_ai(metadata) {
        let mut known = GEN_AI.write().unwrap_or_else(PoisonError::into_inner);
        known.insert(metadata.callsite(), metadata.is_event());
    }
}

/// What a field is, for one who sees the field alone. The callsite is known where a
/// [`GenAiLayer`](super::GenAiLayer) is in use; elsewhere the name has to do.
#[cfg(feature = "init")]
pub(crate) fn field(field: &Field) -> FieldPlan {
    let known = GEN_AI.read().unwrap_or_else(PoisonError::into_inner);
    match known.get(&field.callsite()) {
        Some(true) if field.name() == MESSAGE => FieldPlan::Other,
        found => FieldPlan::of(field.name(), found.is_some()),
    }
}

type Plans<P> = Lazy<RwLock<FxHashMap<Identifier, P>>>;
/// A thread's copy of the plans it has needed, for which it waits on nobody.
type Known<P> = RefCell<FxHashMap<Identifier, P>>;

/// Callsites are static, so there are finitely many plans and they are never dropped.
fn planned<P: Copy>(
    known: &'static LocalKey<Known<P>>,
    plans: &Plans<P>,
    metadata: &'static Metadata<'static>,
    make: impl FnOnce() -> P,
) -> P {
    let callsite = metadata.callsite();
    // While a thread ends its copy may be gone already.
    let found = known.try_with(|known| known.borrow().get(&callsite).copied());
    if let Ok(Some(plan)) = found {
        return plan;
    }
    let shared = plans.read().unwrap_or_else(PoisonError::into_inner).get(&callsite).copied();
    let plan = shared.unwrap_or_else(|| {
        let plan = make();
        let mut plans = plans.write().unwrap_or_else(PoisonError::into_inner);
        *plans.entry(callsite.clone()).or_insert(plan)
    });
    let _ = known.try_with(|known| known.borrow_mut().insert(callsite, plan));
    plan
}

fn fields(metadata: &'static Metadata<'static>, gen_ai: bool) -> &'static [FieldPlan] {
    let plan = |field: Field| match metadata.is_event() && field.name() == MESSAGE {
        true => FieldPlan::Other,
        false => FieldPlan::of(field.name(), gen_ai),
    };
    Box::leak(metadata.fields().iter().map(plan).collect())
}

/// The text of an event, which is for its author to answer for, other than an argument of that
/// name.
pub(super) const MESSAGE: &str = "message";
