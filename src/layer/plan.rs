//! What to do with the fields of a callsite, decided once for each.

use std::cell::RefCell;
use std::sync::{PoisonError, RwLock};
use std::thread::LocalKey;

use once_cell::sync::Lazy;
use rustc_hash::FxHashMap;
use tracing::{Level, Metadata};
use tracing_core::callsite::Identifier;

use super::lint;
use super::targets::{EVENT_NAME_FIELDS, is_transport, logs_payloads};
use crate::semconv::{Attr, Class, Match, ValueMap, lookup};
use crate::tracer::Given;

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
pub(super) enum FieldPlan {
    Attr(Attr, ValueMap),
    /// Content or error text under a name of its own.
    Text(Class),
    UnknownGenAi,
    Drop,
    OtelName,
    OtelKind,
    OtelStatusCode,
    OtelStatusDescription,
    Other,
}

impl FieldPlan {
    fn of(name: &str) -> Self {
        match name {
            "otel.name" => Self::OtelName,
            "otel.kind" => Self::OtelKind,
            "otel.status_code" => Self::OtelStatusCode,
            "otel.status_description" | "otel.status_message" => Self::OtelStatusDescription,
            name => match lookup(name) {
                Match::Known(attr, map) => Self::Attr(attr, map),
                Match::Content(class) => Self::Text(class),
                Match::Drop => Self::Drop,
                Match::UnknownGenAi => Self::UnknownGenAi,
                Match::Foreign => Self::Other,
            },
        }
    }

    /// Whose data the field holds.
    #[inline]
    pub(super) fn class(self) -> Class {
        match self {
            Self::Attr(attr, _) => attr.class(),
            Self::Text(class) => class,
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
        } else if metadata.fields().iter().any(|field| lookup(field.name()).concerns_gen_ai()) {
            lint::check(metadata);
            SpanPlan::GenAi(fields(metadata))
        } else {
            let declares = |name| metadata.fields().field(name).is_some();
            SpanPlan::Plain(Given { name: declares("otel.name"), kind: declares("otel.kind") })
        }
    })
}

/// The plan for events of a callsite.
pub(super) fn event(metadata: &'static Metadata<'static>) -> EventPlan {
    static PLANS: Plans<EventPlan> = Lazy::new(RwLock::default);
    thread_local!(static KNOWN: Known<EventPlan> = RefCell::default());
    planned(&KNOWN, &PLANS, metadata, || {
        let any = |test: fn(&str) -> bool| metadata.fields().iter().any(|field| test(field.name()));
        let gen_ai =
            metadata.name().starts_with("gen_ai.") || any(|name| lookup(name).concerns_gen_ai());
        if is_transport(metadata.target()) || logs_payloads(metadata) {
            EventPlan::Ignore
        } else if gen_ai {
            EventPlan::GenAi(fields(metadata))
        } else if any(|name| EVENT_NAME_FIELDS.contains(&name)) {
            EventPlan::Named(fields(metadata))
        } else if *metadata.level() > Level::INFO {
            EventPlan::Ignore
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
            names_itself: EVENT_NAME_FIELDS.iter().any(|name| declares(name)),
        }
    })
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

fn fields(metadata: &'static Metadata<'static>) -> &'static [FieldPlan] {
    let fields: Box<[_]> =
        metadata.fields().iter().map(|field| FieldPlan::of(field.name())).collect();
    Box::leak(fields)
}
