//! The `tracing` side: a thin layer around `tracing-opentelemetry`'s.
//!
//! For callsites that declare a GenAI field it takes the fields itself, typed as they are and
//! without formatting what the policy withholds, by a plan made once per callsite. Everything
//! else, and everything that `tracing-opentelemetry` does well (parents, context, timing, links),
//! goes to the layer below.

mod capture;
mod expiry;
#[cfg(feature = "logs")]
mod log;
pub(crate) mod plan;
pub(crate) mod reach;
mod recent;
pub(crate) mod targets;
mod tracked;

use std::any::TypeId;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "logs")]
use opentelemetry::trace::SpanContext;
use opentelemetry::trace::{Tracer, TracerProvider};
use tracing::field::{Field, Value, Visit};
use tracing::span::{Attributes, Id, Record as Values};
use tracing::{Event, Level, Metadata, Subscriber};
use tracing_core::{Dispatch, Interest, LevelFilter};
use tracing_opentelemetry::OpenTelemetryLayer;
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;
use tracing_subscriber::registry::LookupSpan;

#[cfg(any(feature = "init", feature = "testing"))]
use crate::capture::tracer::Finisher;
#[cfg(feature = "metrics")]
use crate::capture::tracer::observe::ObserveSpans;
use crate::capture::tracer::open_spans::OpenSpans;
use crate::capture::tracer::{
    Core, GenAiTracer, GenAiTracerProvider, Given, Open, SpanState, markers,
};
use crate::policy::{ContentCapture, Policy};
use crate::record::Record;
use crate::semconv::Version;
#[cfg(feature = "testing")]
#[cfg(feature = "testing")]
pub(crate) use plan::makes_gen_ai;

use capture::{EventFields, SpanFields};
use plan::{EventPlan, SpanPlan};
use reach::Reach;
use recent::Recent;
use tracked::Tracked;

/// A layer over a tracer of your own: your provider, your exporter.
///
/// Content capture is [`ContentCapture::Off`] until [`GenAiLayer::content_capture`] says
/// otherwise. `builder()` makes a layer together with its pipeline.
///
/// ```
/// use opentelemetry::trace::TracerProvider as _;
/// use tracing_subscriber::prelude::*;
///
/// let provider = opentelemetry_sdk::trace::SdkTracerProvider::builder().build();
/// let layer = tracing_genai::layer(provider.tracer("chat-api"));
/// let subscriber = tracing_subscriber::registry().with(layer);
/// # drop(subscriber);
/// ```
pub fn layer<S, T>(tracer: T) -> GenAiLayer<S, T>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    T: Tracer + Clone + 'static,
    T::Span: Send + Sync,
{
    GenAiLayer::with_core(tracer, Core::new(Policy::default(), Version::default()))
}

/// The layer that turns `tracing` spans with `gen_ai.*` fields into OpenTelemetry GenAI spans.
///
/// It composes with any registry and with `tracing_opentelemetry::OpenTelemetrySpanExt`. Do not
/// put it behind `tracing_subscriber::reload`, which hides it from `OpenTelemetrySpanExt`; use
/// no second `tracing-opentelemetry` layer beside it, which would export the same fields past the
/// content policy.
pub struct GenAiLayer<S, T> {
    inner: OpenTelemetryLayer<S, GenAiTracer<T>>,
    tracer: T,
    core: Arc<Core>,
    reach: Reach,
    /// The subscriber that this layer is in.
    #[cfg(feature = "logs")]
    dispatch: std::sync::OnceLock<tracing_core::dispatcher::WeakDispatch>,
}

impl<S, T> GenAiLayer<S, T>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    T: Tracer + Clone + 'static,
    T::Span: Send + Sync,
{
    pub(crate) fn with_core(tracer: T, core: Core) -> Self {
        Self::with_shared_core(tracer, Arc::new(core))
    }

    pub(crate) fn with_shared_core(tracer: T, core: Arc<Core>) -> Self {
        let inner = tracing_opentelemetry::layer()
            .with_tracer(GenAiTracer::of_layer(tracer.clone(), Arc::clone(&core)))
            .with_location(false)
            .with_target(false)
            .with_threads(false)
            .with_tracked_inactivity(false);
        let reach = Reach { core: Arc::clone(&core), find: state_of::<S> };
        Self {
            inner,
            tracer,
            core,
            reach,
            #[cfg(feature = "logs")]
            dispatch: std::sync::OnceLock::new(),
        }
    }

    /// Sets whether message content leaves. Defaults to [`ContentCapture::Off`].
    #[must_use]
    pub fn content_capture(self, capture: ContentCapture) -> Self {
        self.policy(Policy::new(capture))
    }

    /// Sets the whole content policy. Defaults to [`Policy::default`], which lets no content out.
    #[must_use]
    pub fn policy(self, policy: Policy) -> Self {
        self.core.policy.store(policy);
        self
    }

    /// Tells `observer` of every GenAI span that starts and ends.
    #[cfg(feature = "metrics")]
    pub(crate) fn observed_by(self, observer: Arc<dyn ObserveSpans>) -> Self {
        self.rebuilt(|core| core.observer = Some(observer))
    }

    /// Sets the version of the conventions. Defaults to [`Version::V1_41`].
    #[must_use]
    pub fn semconv(self, version: Version) -> Self {
        self.rebuilt(|core| core.semconv = version)
    }

    /// Sets whether a span name or kind given with `otel.name` and `otel.kind` gives way to the
    /// one of the conventions. Defaults to `false`: what the user said wins.
    #[must_use]
    pub fn override_explicit_names(self, replace: bool) -> Self {
        self.rebuilt(|core| core.override_explicit_names = replace)
    }

    /// Ends a GenAI span that is open for longer than `limit`, with `tracing_genai.outcome` =
    /// `expired`; nothing happens when it is closed after all. It may take a sixteenth of the limit
    /// longer. Spans that are not GenAI stay open for as long as they like. A thread looks after it
    /// as long as the layer is in use. Zero is off, which is the default of a layer of your own;
    /// `builder()` sets 20 minutes.
    #[must_use]
    pub fn span_ttl(self, limit: Duration) -> Self {
        self.rebuilt(|core| core.open_spans = OpenSpans::new(Some(limit)))
    }

    /// Leaves the last steps of a GenAI span (the shape of its messages, a kind that was learnt
    /// late, an attribute that was rewritten) to a [`GenAiExporter`](crate::capture::tracer::GenAiExporter)
    /// on the export thread. Content that is longer than the policy allows waits for it outside of
    /// the span, so that the end of a span costs the same whatever was said. Say so only when every
    /// exporter of the provider is wrapped in one.
    /// Defaults to `false`: the span is finished where it ends.
    #[cfg(any(feature = "init", feature = "testing"))]
    #[must_use]
    pub fn finish_on_export(self, finish: bool) -> Self {
        let finisher = if finish { Finisher::OnExport } else { Finisher::AtEnd };
        self.rebuilt(|core| core.finisher = finisher)
    }

    /// Wraps a provider so that spans made with the OpenTelemetry API directly meet the same
    /// conventions and the same policy, for `opentelemetry::global::set_tracer_provider`.
    #[must_use]
    pub fn tracer_provider<P: TracerProvider>(&self, provider: P) -> GenAiTracerProvider<P> {
        GenAiTracerProvider::new(provider, Arc::clone(&self.core))
    }

    /// The span that an event is in, as OpenTelemetry knows it.
    #[cfg(feature = "logs")]
    fn span_of(&self, event: &Event<'_>, ctx: &Context<'_, S>) -> SpanContext {
        use opentelemetry::trace::TraceContextExt;

        // The layer below makes the context of a span current while it is entered.
        if event.is_contextual() {
            return opentelemetry::Context::map_current(|cx| cx.span().span_context().clone());
        }
        let known = event.parent().filter(|id| ctx.span(id).is_some());
        let dispatch = self.dispatch.get().and_then(|dispatch| dispatch.upgrade());
        known
            .zip(dispatch)
            .and_then(|(id, dispatch)| tracing_opentelemetry::get_otel_context(id, &dispatch))
            .map_or(SpanContext::NONE, |cx| cx.span().span_context().clone())
    }

    fn rebuilt(self, change: impl FnOnce(&mut Core)) -> Self {
        let mut core = Core::new(self.core.policy.load(), self.core.semconv);
        core.override_explicit_names = self.core.override_explicit_names;
        core.finisher = self.core.finisher;
        core.observer.clone_from(&self.core.observer);
        core.findings.clone_from(&self.core.findings);
        core.open_spans = OpenSpans::new(self.core.open_spans.limit());
        change(&mut core);
        Self::with_core(self.tracer, core)
    }
}

/// Calls back with each field that has a value.
struct EachField<F>(F);

impl<F: FnMut(&Field)> Visit for EachField<F> {
    fn record_debug(&mut self, field: &Field, _: &dyn fmt::Debug) {
        (self.0)(field);
    }
}

/// The record of a span of the registry `S`.
fn state_of<S>(dispatch: &Dispatch, id: &Id) -> Option<Arc<SpanState>>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let span = dispatch.downcast_ref::<S>()?.span(id)?;
    let extensions = span.extensions();
    extensions.get::<Tracked>().map(|tracked| Arc::clone(&tracked.state))
}

impl<S, T> Layer<S> for GenAiLayer<S, T>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
    T: Tracer + Clone + 'static,
    T::Span: Send + Sync,
{
    fn on_register_dispatch(&self, subscriber: &Dispatch) {
        self.inner.on_register_dispatch(subscriber);
        expiry::watch(&self.core, subscriber);
        #[cfg(feature = "logs")]
        let _ = self.dispatch.set(subscriber.downgrade());
    }

    fn on_layer(&mut self, subscriber: &mut S) {
        self.inner.on_layer(subscriber);
    }

    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        self.inner.register_callsite(metadata)
    }

    fn enabled(&self, metadata: &Metadata<'_>, ctx: Context<'_, S>) -> bool {
        self.inner.enabled(metadata, ctx)
    }

    fn max_level_hint(&self) -> Option<LevelFilter> {
        self.inner.max_level_hint()
    }

    fn on_new_span(&self, attrs: &Attributes<'_>, id: &Id, ctx: Context<'_, S>) {
        let fields = match plan::span(attrs.metadata()) {
            SpanPlan::Ignore => return,
            SpanPlan::Plain(given) => {
                return self.core.introduce_plain(given, || self.inner.on_new_span(attrs, id, ctx));
            }
            SpanPlan::GenAi(fields) => fields,
        };
        let mut open = Open::new(Record::with_capacity(fields.len()));
        attrs.record(&mut SpanFields::new(fields, &self.core, &mut open));
        let state =
            Arc::new(SpanState::new(open, self.core.open_spans.insert(id.into_non_zero_u64())));

        // The layer below gets the span without its fields.
        let none = attrs.fields().value_set(&[]);
        let bare = match attrs.parent() {
            Some(parent) => Attributes::child_of(parent.clone(), attrs.metadata(), &none),
            None if attrs.is_root() => Attributes::new_root(attrs.metadata(), &none),
            None => Attributes::new(attrs.metadata(), &none),
        };
        let introduced = self.core.introduce(&state, fields.len(), || {
            self.inner.on_new_span(&bare, id, ctx.clone());
        });
        if !introduced {
            // The tracer takes the fields for attributes of the OpenTelemetry API.
            return self
                .core
                .introduce_plain(Given::default(), || self.inner.on_new_span(attrs, id, ctx));
        }
        if let Some(span) = ctx.span(id) {
            let tracked = Tracked { state, plan: fields };
            span.extensions_mut().replace(tracked.clone());
            recent::put(Recent::new(&self.core, id, tracked));
        }
    }

    fn on_record(&self, id: &Id, values: &Values<'_>, ctx: Context<'_, S>) {
        let record = |tracked: &Tracked, entered: bool| {
            let Tracked { state, plan } = tracked;
            if !state.has_started() {
                // Attributes that the API sets meanwhile wait below: the last value counts.
                values.record(&mut EachField(|field: &Field| {
                    if let Some(span) = ctx.span(id) {
                        let mark = [(field, Some(&markers::RECORDED as &dyn Value))];
                        let mark = span.metadata().fields().value_set(&mark);
                        self.inner.on_record(id, &Values::new(&mark), ctx.clone());
                    }
                }));
            }
            if self.core.is_of_use(state) {
                values.record(&mut SpanFields::live(plan, &self.core, state, entered));
            }
        };
        let known = recent::with(&self.core, id, |recent| {
            record(recent.tracked(), recent.is_entered());
        });
        if known.is_some() {
            return;
        }
        // The extensions are not held while a value is formatted: its `Debug` may use `tracing`.
        let tracked = ctx.span(id).and_then(|span| span.extensions().get::<Tracked>().cloned());
        match tracked {
            Some(tracked) => {
                record(&tracked, false);
                recent::put(Recent::new(&self.core, id, tracked));
            }
            None => self.inner.on_record(id, values, ctx),
        }
    }

    fn on_follows_from(&self, span: &Id, follows: &Id, ctx: Context<'_, S>) {
        self.inner.on_follows_from(span, follows, ctx);
    }

    fn event_enabled(&self, event: &Event<'_>, ctx: Context<'_, S>) -> bool {
        self.inner.event_enabled(event, ctx)
    }

    fn on_event(&self, event: &Event<'_>, ctx: Context<'_, S>) {
        #[cfg(feature = "logs")]
        log::hear(&self.core, event, || self.span_of(event, &ctx));
        let plan = plan::event(event.metadata());
        match plan {
            EventPlan::Ignore => {}
            EventPlan::Plain => self.inner.on_event(event, ctx),
            EventPlan::GenAi(fields) | EventPlan::Named(fields) => {
                let mut owned = EventFields::new(fields, event, &self.core);
                let named = matches!(plan, EventPlan::Named(_));
                if named && !owned.is_message() && *event.metadata().level() > Level::INFO {
                    return;
                }
                event.record(&mut owned);
                owned.with_event(event, |event| self.inner.on_event(event, ctx));
            }
        }
    }

    fn on_enter(&self, id: &Id, ctx: Context<'_, S>) {
        recent::enter(&self.core, id);
        self.inner.on_enter(id, ctx);
    }

    fn on_exit(&self, id: &Id, ctx: Context<'_, S>) {
        recent::exit(&self.core, id);
        self.inner.on_exit(id, ctx);
    }

    fn on_close(&self, id: Id, ctx: Context<'_, S>) {
        recent::forget(&self.core, &id);
        self.inner.on_close(id, ctx);
    }

    fn on_id_change(&self, old: &Id, new: &Id, ctx: Context<'_, S>) {
        self.inner.on_id_change(old, new, ctx);
    }

    // `OpenTelemetrySpanExt` finds the layer below by its type and by types private to it.
    unsafe fn downcast_raw(&self, id: TypeId) -> Option<*const ()> {
        if id == TypeId::of::<Self>() {
            return Some(std::ptr::from_ref(self).cast());
        }
        if id == TypeId::of::<Reach>() {
            return Some(std::ptr::from_ref(&self.reach).cast());
        }
        // SAFETY: the layer below lives as long as this one, which is what its contract asks for.
        unsafe { self.inner.downcast_raw(id) }
    }
}

impl<S, T> fmt::Debug for GenAiLayer<S, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenAiLayer")
            .field("policy", &self.core.policy.load())
            .field("semconv", &self.core.semconv)
            .finish_non_exhaustive()
    }
}
