//! From settings to running telemetry, and from there into the globals.

use std::io::{IsTerminal, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use opentelemetry::InstrumentationScope;
use opentelemetry::propagation::{TextMapCompositePropagator, TextMapPropagator};
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::propagation::{BaggagePropagator, TraceContextPropagator};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing_core::Subscriber;
use tracing_core::subscriber::NoSubscriber;
use tracing_subscriber::filter::{EnvFilter, FilterExt};
use tracing_subscriber::fmt::writer::BoxMakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, fmt};

use super::builder::{Builder, Console, Log, LogLayer};
use super::effective::Effective;
use super::fields::WithoutContent;
use super::handle::{Running, Telemetry};
#[cfg(feature = "metrics")]
use super::measuring::Measuring;
use super::refused::refused;
use super::targets::{NoPayloads, Relevant};
use crate::capture::tracer::open_spans::OpenSpans;
use crate::capture::tracer::{Core, Finisher, GenAiTracerProvider};
use crate::config::env::Env;
use crate::config::settings::{Destination, ExporterChoice, LogLevel, Propagator, Settings, Words};
use crate::config::{self, Resolved};
use crate::console::{ConsoleExporter, Terminal};
use crate::pipeline::{Driven, Local, Pipeline};
use crate::{Error, ErrorKind, GenAiLayer};

/// Running telemetry that no global knows of yet.
struct Parts {
    core: Arc<Core>,
    provider: SdkTracerProvider,
    telemetry: Telemetry,
}

impl Parts {
    fn start(builder: Builder) -> Result<Self, Error> {
        let sources = builder.given.sources();
        let resolved = config::load(&sources)?;
        let terminal = builder.terminal.unwrap_or_else(|| terminal(&sources.env));
        let parts = Self::with(builder, resolved, terminal, true)?;
        tell_sources(&parts.telemetry);
        Ok(parts)
    }

    /// `layered` where the layer will be part of a subscriber.
    fn with(
        builder: Builder,
        resolved: Resolved,
        terminal: Terminal,
        layered: bool,
    ) -> Result<Self, Error> {
        let effective = Effective::new(resolved, &builder.given);
        let settings = &effective.settings;
        let mut core = Core::new(settings.policy, settings.semconv);
        core.override_explicit_names = settings.override_explicit_names;
        core.finisher = Finisher::OnExport;
        #[cfg(feature = "metrics")]
        let metrics = Measuring::prepare(settings);
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &metrics {
            core.observer = Some(metrics.observer());
        }
        core.open_spans = OpenSpans::new(settings.span_ttl);
        let core = Arc::new(core);
        #[cfg_attr(not(feature = "metrics"), expect(unused_mut, reason = "metrics come later"))]
        let mut pipeline = Pipeline::start(settings, Arc::clone(&core)).map_err(refused)?;
        if shows_trees(settings, builder.console) {
            let console = match builder.console_writer {
                Some(writer) => ConsoleExporter::new(terminal, writer),
                None => ConsoleExporter::stderr(terminal),
            };
            let console = Local::new(Arc::new(Driven::new(console)));
            pipeline.add("console", CONSOLE_DELAY, console).map_err(refused)?;
        }
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &metrics {
            pipeline.measure(Arc::clone(metrics.metrics())).map_err(refused)?;
        }
        let pipeline = Arc::new(pipeline);
        let provider = pipeline.provider();
        #[cfg(feature = "metrics")]
        if let Some(metrics) = &metrics {
            metrics.watch(&pipeline);
        }
        let running = Running {
            pipeline,
            provider: provider.clone(),
            core: Arc::clone(&core),
            #[cfg(feature = "metrics")]
            metrics,
            given: builder.given,
            layered,
            timeout: builder.shutdown_timeout,
        };
        Ok(Self { core, provider, telemetry: Telemetry::new(running, effective) })
    }

    fn layer<S>(&self) -> GenAiLayer<S, SdkTracer>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let tracer = self.provider.tracer_with_scope(scope());
        GenAiLayer::with_shared_core(tracer, Arc::clone(&self.core))
    }
}

impl Builder {
    /// Starts telemetry and installs it: a global subscriber of registry, log layer and GenAI
    /// layer, the global tracer provider, and the global propagators.
    ///
    /// All or nothing: after an error no global has changed and no thread is left.
    ///
    /// # Errors
    ///
    /// * [`ErrorKind::Config`](crate::ErrorKind::Config): the report of everything wrong in the
    ///   configuration.
    /// * [`ErrorKind::AlreadyInitialized`](crate::ErrorKind::AlreadyInitialized): there is a global
    ///   subscriber. Compose with it: [`Builder::build`].
    /// * [`ErrorKind::MissingFeature`](crate::ErrorKind::MissingFeature),
    ///   [`ErrorKind::Tls`](crate::ErrorKind::Tls), [`ErrorKind::System`](crate::ErrorKind::System):
    ///   a destination cannot be opened.
    pub fn init(mut self) -> Result<Telemetry, Error> {
        // Everything that can fail comes first, and of the globals the one that may refuse.
        let sources = self.given.sources();
        let resolved = config::load(&sources)?;
        let settings = &resolved.settings;
        let terminal = self.terminal.unwrap_or_else(|| terminal(&sources.env));
        let log = match (self.log_layer.take(), self.log) {
            (Some(layer), _) => Some(layer),
            (None, Log::Stderr) => Some(log_layer(settings, terminal, self.log_writer.take())?),
            (None, Log::Off) => None,
        };
        let enabled = settings.enabled;
        let propagators = settings.propagators.clone();
        let parts = Parts::with(self, resolved, terminal, enabled)?;

        let subscriber = tracing_subscriber::registry().with(log);
        let installed = if enabled {
            let layer = parts.layer().with_filter(Relevant(Arc::clone(&parts.core)));
            tracing::subscriber::set_global_default(subscriber.with(layer))
        } else {
            tracing::subscriber::set_global_default(subscriber)
        };
        if let Err(error) = installed {
            let message = "a global tracing subscriber is installed already; to live beside it, \
                           compose the layer that `builder().build()` gives";
            return Err(Error::new(ErrorKind::AlreadyInitialized, message).with_source(error));
        }
        if enabled {
            let provider =
                GenAiTracerProvider::new(parts.provider.clone(), Arc::clone(&parts.core));
            // OpenTelemetry logs at `info` that it was given a provider.
            tracing::subscriber::with_default(NoSubscriber::default(), || {
                opentelemetry::global::set_tracer_provider(provider);
            });
            opentelemetry::global::set_text_map_propagator(propagator(&propagators));
        }
        tell_sources(&parts.telemetry);
        Ok(parts.telemetry)
    }

    /// Starts telemetry and gives its layer, for a registry of your own. Touches no global.
    ///
    /// The layer hears every span and event that reaches it: give it a filter if it should not,
    /// as [`Builder::init`] does. Log settings have no effect here.
    ///
    /// # Errors
    ///
    /// As [`Builder::init`], but for `AlreadyInitialized`.
    pub fn build<S>(self) -> Result<(GenAiLayer<S, SdkTracer>, Telemetry), Error>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let parts = Parts::start(self)?;
        Ok((parts.layer(), parts.telemetry))
    }
}

/// One line for the log on where the settings come from. Our own layer never hears its target.
fn tell_sources(telemetry: &Telemetry) {
    let explanation = telemetry.explain();
    let sources = match explanation.sources() {
        [] => String::from("defaults only"),
        sources => sources.join(", "),
    };
    tracing::debug!(target: "tracing_genai", "configuration: {sources}");
}

fn log_layer(
    settings: &Settings,
    terminal: Terminal,
    writer: Option<Box<dyn Write + Send>>,
) -> Result<LogLayer, Error> {
    // What OpenTelemetry says about itself has a level of its own; a directive that names one of
    // its targets more exactly still wins.
    let directives = match settings.log_level {
        LogLevel::Info => settings.log_filter.clone(),
        level => format!("opentelemetry={},{}", level.word(), settings.log_filter),
    };
    let filter = EnvFilter::try_new(directives).map_err(|error| {
        let message = format!("the log filter `{}` cannot be read", settings.log_filter);
        Error::new(ErrorKind::Config, message).with_source(error)
    })?;
    let writer = match writer {
        Some(writer) => BoxMakeWriter::new(Mutex::new(writer)),
        None => BoxMakeWriter::new(std::io::stderr),
    };
    let fields = WithoutContent::default().error_text(settings.policy.error_text());
    let layer = fmt::layer()
        .with_ansi(terminal.has_colour())
        .fmt_fields(fields)
        .with_writer(writer)
        .with_filter(filter.and(NoPayloads));
    Ok(layer.boxed())
}

fn shows_trees(settings: &Settings, console: Console) -> bool {
    let auto = match settings.exporter {
        ExporterChoice::Console => true,
        ExporterChoice::Unset => {
            let traces_leave = settings.destinations.iter().any(Destination::has_spans);
            !traces_leave && std::io::stderr().is_terminal()
        }
        ExporterChoice::Otlp | ExporterChoice::None => false,
    };
    settings.enabled
        && match console {
            Console::Always => true,
            Console::Auto => auto,
            Console::Never => false,
        }
}

fn terminal(env: &Env) -> Terminal {
    Terminal::detect(|name| env.text(name).ok().flatten().map(String::from))
}

fn propagator(propagators: &[Propagator]) -> TextMapCompositePropagator {
    let propagators = propagators
        .iter()
        .filter_map(|propagator| -> Option<Box<dyn TextMapPropagator + Send + Sync>> {
            match propagator {
                Propagator::TraceContext => Some(Box::new(TraceContextPropagator::new())),
                Propagator::Baggage => Some(Box::new(BaggagePropagator::new())),
                Propagator::None => None,
            }
        })
        .collect();
    TextMapCompositePropagator::new(propagators)
}

/// What made the spans.
fn scope() -> InstrumentationScope {
    InstrumentationScope::builder("tracing-genai").with_version(env!("CARGO_PKG_VERSION")).build()
}

/// Long enough for a trace to arrive as a whole, short enough to seem immediate.
const CONSOLE_DELAY: Duration = Duration::from_millis(100);
