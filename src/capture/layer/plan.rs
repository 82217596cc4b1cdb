//! What to do with the fields of a callsite, decided once for each.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock};
use std::thread::LocalKey;

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;
use tracing::{Level, Metadata};
use tracing_core::callsite::Identifier;
use tracing_core::field::Field;

use super::targets::{EVENT_NAME_FIELDS, is_this_crate, is_transport, logs_payloads};
#[cfg(feature = "init")]
use super::targets::{is_message_field, names_its_content};
use crate::capture::lint;
use crate::capture::tracer::Given;
#[cfg(feature = "init")]
use crate::content::messages::ANYBODY;
use crate::policy::Holds;
use crate::semconv::{Attr, Match, Scope, ValueMap, is_our_event, is_ours, lookup};

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
    /// A value that keeps the field's name.
    Own(Holds),
    OtelName,
    OtelKind,
    OtelStatusCode,
    OtelStatusDescription,
}

impl FieldPlan {
    /// What `name` is on a callsite of this scope.
    fn of(name: &str, scope: Scope) -> Self {
        match name {
            "otel.name" => Self::OtelName,
            "otel.kind" => Self::OtelKind,
            "otel.status_code" => Self::OtelStatusCode,
            "otel.status_description" | "otel.status_message" => Self::OtelStatusDescription,
            name => match lookup(name) {
                Match::Known(attr, map) => Self::Attr(attr, map),
                found => Self::Own(Holds::matched(found, scope)),
            },
        }
    }

    /// Whose data the field holds.
    #[inline]
    pub(crate) fn holds(self) -> Holds {
        match self {
            Self::Attr(attr, _) => Holds::Attr(attr),
            Self::Own(holds) => holds,
            Self::OtelStatusDescription => Holds::ERROR,
            Self::OtelName | Self::OtelKind | Self::OtelStatusCode => Holds::FACT,
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
        } else if has_gen_ai(metadata) || speaks_for_itself(metadata) {
            lint::check(metadata);
            SpanPlan::GenAi(fields(metadata))
        } else {
            let declares = |name| metadata.fields().field(name).is_some();
            SpanPlan::Plain(Given { name: declares("otel.name"), kind: declares("otel.kind") })
        }
    })
}

/// Whether spans of a callsite are GenAI spans by the fields it declares.
#[cfg(feature = "testing")]
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
            EventPlan::GenAi(fields(metadata))
        } else if metadata.fields().iter().any(|field| EVENT_NAME_FIELDS.contains(&field.name())) {
            EventPlan::Named(fields(metadata))
        } else if *metadata.level() > Level::INFO {
            EventPlan::Ignore
        } else if speaks_for_itself(metadata) {
            EventPlan::GenAi(fields(metadata))
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
            fields: fields(metadata),
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

/// Whose data a field holds, for one who sees it alone. An event of the conventions holds in its
/// message what its name says, which is a value that has not been seen: it may be anybody's.
#[cfg(feature = "init")]
pub(crate) fn field(field: &Field) -> Holds {
    static PLANS: Plans<&'static [Holds]> = Lazy::new(RwLock::default);
    thread_local!(static KNOWN: Known<&'static [Holds]> = RefCell::default());
    let metadata = field.callsite().0.metadata();
    let plan = planned(&KNOWN, &PLANS, metadata, || {
        let named = names_its_content(metadata);
        let holds =
            |(field, plan): (Field, &FieldPlan)| match named && is_message_field(field.name()) {
                true => Holds::Said(ANYBODY),
                false => plan.holds(),
            };
        Box::leak(metadata.fields().iter().zip(fields(metadata)).map(holds).collect())
    });
    plan.get(field.index()).copied().unwrap_or(Holds::FACT)
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

/// One entry for each field that the callsite declares.
fn fields(metadata: &'static Metadata<'static>) -> &'static [FieldPlan] {
    static PLANS: Plans<&'static [FieldPlan]> = Lazy::new(RwLock::default);
    thread_local!(static KNOWN: Known<&'static [FieldPlan]> = RefCell::default());
    planned(&KNOWN, &PLANS, metadata, || {
        let named = metadata.is_event() && is_our_event(metadata.name());
        let scope = match named || has_gen_ai(metadata) {
            true => Scope::BesideGenAi,
            false => Scope::Anywhere,
        };
        let plan = |field: Field| match metadata.is_event() && field.name() == MESSAGE {
            true => FieldPlan::Own(Holds::message(is_severe(metadata))),
            false => FieldPlan::of(field.name(), scope),
        };
        Box::leak(metadata.fields().iter().map(plan).collect())
    })
}

/// Whether the message of an event may be somebody's error. What this crate says holds none.
fn is_severe(metadata: &Metadata<'_>) -> bool {
    *metadata.level() <= Level::WARN && !is_this_crate(metadata.target())
}

/// The text of an event, which is for its author to answer for, other than an argument of that
/// name.
pub(super) const MESSAGE: &str = "message";
