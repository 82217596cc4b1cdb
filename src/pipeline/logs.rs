//! Log records on their way to the destinations.

use std::sync::Arc;

use opentelemetry::KeyValue;
use tracing_core::LevelFilter;

use super::delivery::{
    Closing, Deadline, Flushing, Item, Opening, Outlets, Prepare, Prepared, Queue, Routes, Signal,
    StartError,
};
use super::local::Local;
use super::resource::{resource, same_resource};
use super::size;
use super::snapshot::SignalSnapshot;
use super::wire::OtlpTransport;
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
        let outlets = Outlets::start(settings, Arc::clone(&core), Arc::clone(&core.health))?;
        let routes = Arc::clone(&outlets.routes);
        core.logs.lead_to(Intake { routes, health: Arc::clone(&core.health) });
        core.logs.limit(limits(settings));
        core.logs.open(level(settings));
        Ok(Self { outlets })
    }

    pub(super) fn ask_flush(&self) -> Flushing<LogRecord> {
        self.outlets.ask_flush()
    }

    pub(super) fn wait_for_attempts(&self, deadline: Deadline) {
        self.outlets.wait_for_attempts(deadline);
    }

    pub(super) fn close(&self, deadline: Deadline) -> Option<Closing<'_, LogRecord>> {
        self.outlets.close(deadline, || {})
    }

    /// Makes new settings work; says whether log records go elsewhere. `others` as in
    /// [`Outlets::apply`].
    pub(super) fn apply<R>(
        &self,
        current: &Settings,
        new: &Settings,
        others: impl FnOnce() -> Result<R, StartError>,
    ) -> Result<(bool, R), StartError> {
        let gate = &self.outlets.source.logs;
        let (old_level, new_level) = (level(current), level(new));
        // While destinations change hands nothing comes in that one of the two does not want.
        gate.open(old_level.min(new_level));
        let applied = self.outlets.apply(current, new, others);
        gate.open(if applied.is_ok() { new_level } else { old_level });
        let (applied, others) = applied?;
        gate.limit(limits(new));
        if old_level != new_level {
            // Filters have decided once for each callsite.
            tracing_core::callsite::rebuild_interest_cache();
        }
        Ok((!applied.changed.is_empty(), others))
    }

    pub(super) fn snapshot(&self) -> Option<SignalSnapshot> {
        SignalSnapshot::of(&self.outlets)
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

impl Item for LogRecord {
    const ITEMS: &'static str = "log records";
    const THREAD: &'static str = "genai-logs";

    type Preparation = LogPreparation;

    fn size(&self) -> usize {
        size::log_record(self)
    }

    fn ledger(health: &Health) -> &Ledger {
        &health.logs
    }
}

impl Signal for LogRecord {
    type Source = Arc<Core>;
    /// The destination's own policy, which a reload may change while its records are queued.
    type Kept = Arc<PolicyCell>;

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

    fn kept(destination: &Destination) -> Arc<PolicyCell> {
        Arc::new(PolicyCell::new(destination.policy.unwrap_or(Policy::LOOSEST)))
    }

    fn renew(own: &Arc<PolicyCell>, destination: &Destination) {
        own.store(destination.policy.unwrap_or(Policy::LOOSEST));
    }

    fn open(
        settings: &Settings,
        destination: &Destination,
        core: &Arc<Core>,
        policy: &Arc<PolicyCell>,
        opening: Opening<'_>,
    ) -> Result<Arc<Queue<Self>>, StartError> {
        let preparation = LogPreparation { core: Arc::clone(core), policy: Arc::clone(policy) };
        if let Some(own) = Self::own(destination) {
            own.set_resource(&resource(settings));
            let local = Local::new(Arc::clone(own));
            return opening.start(destination.own.timeout, preparation, local);
        }
        let (limit, transport) = OtlpTransport::open(destination, &resource(settings))?;
        opening.start(limit, preparation, transport)
    }

    fn same_source(a: &Settings, b: &Settings) -> bool {
        same_resource(a, b)
    }
}

impl Prepare<LogRecord> for LogPreparation {
    /// What may leave.
    type Terms = Policy;

    fn terms(&self) -> Policy {
        self.policy.load().stricter(self.core.policy.load())
    }

    fn prepare(&self, mut record: LogRecord, policy: Policy) -> Prepared<LogRecord> {
        let own = self.policy.load() != Policy::LOOSEST;
        if own || policy.is_stricter_than(self.core.policy.loosest()) {
            record.restrict(policy, &self.core.health);
        }
        let spare = policy.captures_content().then(|| record.without_content());
        for attribute in &mut record.attributes {
            shape(&mut attribute.kv, policy);
        }
        Prepared { item: record, spare }
    }

    fn may_leave(&self, policy: Policy) -> bool {
        !policy.captures_content() || !self.terms().takes_back_from(policy)
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
