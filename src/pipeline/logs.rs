//! Log records on their way to the destinations.

use std::sync::Arc;
use std::time::{Duration, Instant};

use opentelemetry::KeyValue;
use tracing_core::LevelFilter;

use super::delivery::account::Account;
use super::delivery::outlets::{Closing, Flushing, Outlets, Start};
use super::delivery::queue::Queue;
use super::delivery::routes::Routes;
use super::delivery::signal::{Prepared, Signal};
use super::delivery::snapshot::LogsSnapshot;
use super::delivery::start_error::StartError;
use super::local::Local;
use super::resource::resource;
use super::size;
use super::wire::otlp::OtlpTransport;
use crate::capture::logs::{LogLimits, LogRecord, TakeLogs};
use crate::capture::tracer::Core;
use crate::config::own::Export;
use crate::config::settings::{Batch, Destination, ExporterChoice, LogLevel, Route, Settings};
use crate::health::{Health, Ledger};
use crate::policy::{Policy, PolicyCell};
use crate::semconv::{Match, lookup};

/// The destinations of log records, and the gate of the layer that leads to them.
#[derive(Debug)]
pub(super) struct Logs {
    outlets: Outlets<LogRecord>,
}

impl Logs {
    pub(super) fn start(settings: &Settings, core: Arc<Core>) -> Result<Self, StartError> {
        let outlets = Outlets::start(settings, Arc::clone(&core))?;
        let routes = Arc::clone(&outlets.routes);
        core.logs.lead_to(Intake { routes, health: Arc::clone(&core.health) });
        core.logs.limit(limits(settings));
        core.logs.open(level(settings));
        Ok(Self { outlets })
    }

    pub(super) fn ask_flush(&self) -> Flushing<LogRecord> {
        self.outlets.ask_flush()
    }

    pub(super) fn wait_for_attempts(&self, deadline: Instant) {
        self.outlets.wait_for_attempts(deadline);
    }

    pub(super) fn close(&self, timeout: Duration) -> Option<Closing<'_, LogRecord>> {
        self.outlets.close(timeout, || {})
    }

    /// Makes new settings work; tells whether anything is different.
    pub(super) fn apply(&self, current: &Settings, new: &Settings) -> Result<bool, StartError> {
        let gate = &self.outlets.core.logs;
        let (old_level, new_level) = (level(current), level(new));
        // While destinations change hands nothing comes in that one of the two does not want.
        gate.open(old_level.min(new_level));
        let applied = self.outlets.apply(current, new, || Ok(()));
        gate.open(if applied.is_ok() { new_level } else { old_level });
        let (applied, ()) = applied?;
        gate.limit(limits(new));
        if old_level != new_level {
            // Filters have decided once for each callsite.
            tracing_core::callsite::rebuild_interest_cache();
        }
        Ok(old_level != new_level || !applied.changed.is_empty() || limits(current) != limits(new))
    }

    pub(super) fn snapshot(&self) -> Option<LogsSnapshot> {
        let records = self.outlets.core.health.logs.read();
        let mut destinations = self.outlets.snapshot();
        for destination in &mut destinations {
            // Formats are for spans.
            destination.format = None;
        }
        let any = records.received > 0 || !destinations.is_empty();
        any.then_some(LogsSnapshot { records, destinations })
    }
}

/// Hands records to the queues.
#[derive(Debug)]
struct Intake {
    routes: Arc<Routes<LogRecord>>,
    health: Arc<Health>,
}

impl TakeLogs for Intake {
    fn take(&self, record: LogRecord) {
        self.health.logs.receive(1);
        self.routes.send(record, &self.health);
    }
}

/// What the layer need not look at events beyond.
fn level(settings: &Settings) -> LevelFilter {
    let leave = LogRecord::is_on(settings) && settings.destinations.iter().any(LogRecord::go_to);
    match settings.logs.level {
        _ if !leave => LevelFilter::OFF,
        LogLevel::Off => LevelFilter::OFF,
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    }
}

fn limits(settings: &Settings) -> LogLimits {
    LogLimits {
        attributes: settings.logs.attributes_per_record.try_into().unwrap_or(usize::MAX),
        value_length: settings.logs.attribute_value_length.unwrap_or(usize::MAX),
    }
}

/// What records for one destination go through.
#[derive(Debug)]
pub(crate) struct LogPreparation {
    core: Arc<Core>,
    /// The destination's own policy, which counts where it is stricter than the process's.
    policy: Arc<PolicyCell>,
}

impl Signal for LogRecord {
    const ITEMS: &'static str = "log records";
    const THREAD: &'static str = "genai-logs";
    const OPTIONAL: Option<&'static str> = Some("logs.enabled");

    type Preparation = LogPreparation;

    fn size(&self) -> usize {
        size::log_record(self)
    }

    fn ledger(health: &Health) -> &Ledger {
        &health.logs
    }

    fn is_on(settings: &Settings) -> bool {
        settings.enabled
            && settings.logs.enabled
            && matches!(settings.logs.exporter, ExporterChoice::Unset | ExporterChoice::Otlp)
    }

    fn batch(settings: &Settings) -> Batch {
        settings.logs.batch
    }

    fn route(destination: &Destination) -> Option<&Route> {
        destination.logs.as_ref()
    }

    fn own(destination: &Destination) -> Option<&Arc<dyn Export<Self>>> {
        destination.own.logs.as_ref()
    }

    fn preparation(
        _settings: &Settings,
        _destination: &Destination,
        core: Arc<Core>,
        account: &Account,
    ) -> LogPreparation {
        LogPreparation { policy: Arc::clone(&account.policy), core }
    }

    fn same_preparation(_: &Settings, _: &Settings) -> bool {
        true
    }

    fn policy(preparation: &LogPreparation) -> Policy {
        preparation.policy.load().stricter(preparation.core.policy.load())
    }

    fn prepare(mut self, preparation: &LogPreparation, policy: Policy) -> Prepared<Self> {
        let LogPreparation { core, policy: own } = preparation;
        let own = own.load() != Policy::LOOSEST;
        if own || policy.is_stricter_than(core.policy.loosest()) {
            self.restrict(policy, &core.health);
        }
        let without_content = policy.captures_content().then(|| self.without_content());
        for attribute in &mut self.attributes {
            shape(&mut attribute.kv, policy);
        }
        Prepared { item: self, without_content }
    }

    fn start(
        settings: &Settings,
        destination: &Destination,
        start: Start<'_, Self>,
    ) -> Result<Arc<Queue<Self>>, StartError> {
        if let Some(own) = Self::own(destination) {
            own.set_resource(&resource(settings));
            return start.with(destination.own.timeout, Local::new(Arc::clone(own)));
        }
        let Some(route) = Self::route(destination) else { return Err(StartError::ShutDown) };
        let transport = OtlpTransport::new(&destination.name, route, &resource(settings))?;
        start.with(route.timeout, transport)
    }
}

/// Brings messages into the shape of the conventions, as on spans.
fn shape(kv: &mut KeyValue, policy: Policy) {
    let Match::Known(attr, _) = lookup(kv.key.as_str()) else { return };
    let opentelemetry::Value::String(text) = &kv.value else { return };
    if let Some((Some(json), _)) =
        crate::record::shape_attr(attr, text.as_str(), policy.max_bytes())
    {
        kv.value = opentelemetry::Value::String(json.into());
    }
}
