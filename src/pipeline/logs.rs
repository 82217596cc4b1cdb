//! Log records on their way to the destinations.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use opentelemetry::KeyValue;
use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, InstrumentationScope, KeyValue as OtlpKeyValue, KeyValueList, any_value,
};
use opentelemetry_proto::tonic::logs::v1::{
    LogRecord as OtlpRecord, ResourceLogs, ScopeLogs, SeverityNumber,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use rustc_hash::FxHashMap;
use serde_json::Value as Json;
use tracing_core::{Level, LevelFilter};

use super::delivery::account::Account;
use super::delivery::outlets::{Closing, Flushing, Outlets, Start};
use super::delivery::queue::Queue;
use super::delivery::routes::Routes;
use super::delivery::signal::{Prepared, Signal};
use super::delivery::snapshot::LogsSnapshot;
use super::delivery::start_error::StartError;
use super::resource::resource;
use super::size;
use super::wire::otlp::{Otlp, OtlpTransport};
use super::wire::request::OtlpResource;
use crate::capture::logs::{LogAttribute, LogLimits, LogRecord, TakeLogs};
use crate::capture::tracer::Core;
use crate::config::settings::{Batch, Destination, ExporterChoice, LogLevel, Route, Settings};
use crate::health::{Health, Ledger};
use crate::policy::{Policy, PolicyCell};
use crate::semconv::{Match, Type, lookup};

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
    let leave =
        LogRecord::is_on(settings) && settings.destinations.iter().any(|to| to.logs.is_some());
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
        let Some(route) = Self::route(destination) else { return Err(StartError::ShutDown) };
        let transport = OtlpTransport::new(&destination.name, route, &resource(settings))?;
        start.with(route.timeout, transport)
    }
}

impl Otlp for LogRecord {
    type Request = ExportLogsServiceRequest;

    fn request(records: Vec<Self>, resource: &OtlpResource) -> Self::Request {
        let resource_logs = ResourceLogs {
            resource: Some(Resource {
                attributes: resource.attributes.0.clone(),
                ..Resource::default()
            }),
            scope_logs: by_scope(records),
            schema_url: resource.schema_url.clone().unwrap_or_default(),
        };
        Self::Request { resource_logs: vec![resource_logs] }
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

/// In the order in which targets first occur.
fn by_scope(records: Vec<LogRecord>) -> Vec<ScopeLogs> {
    let mut places: FxHashMap<Cow<'static, str>, usize> = FxHashMap::default();
    let mut scopes: Vec<ScopeLogs> = Vec::new();
    for mut record in records {
        let target = std::mem::take(&mut record.target);
        let place = *places.entry(target).or_insert_with_key(|target| {
            let name = target.clone().into_owned();
            let scope = Some(InstrumentationScope { name, ..InstrumentationScope::default() });
            scopes.push(ScopeLogs { scope, ..ScopeLogs::default() });
            scopes.len() - 1
        });
        if let Some(scope) = scopes.get_mut(place) {
            scope.log_records.push(otlp(record));
        }
    }
    scopes
}

fn otlp(record: LogRecord) -> OtlpRecord {
    let time = nanos(record.time);
    let span = record.span;
    let (trace_id, span_id) = match span.is_valid() {
        true => (span.trace_id().to_bytes().to_vec(), span.span_id().to_bytes().to_vec()),
        false => Default::default(),
    };
    OtlpRecord {
        time_unix_nano: time,
        observed_time_unix_nano: time,
        severity_number: severity(record.level).into(),
        severity_text: record.level.as_str().to_owned(),
        body: record.body.map(|body| any(any_value::Value::StringValue(body))),
        attributes: record.attributes.into_iter().map(attribute).collect(),
        dropped_attributes_count: record.dropped,
        flags: if span.is_valid() { span.trace_flags().to_u8().into() } else { 0 },
        trace_id,
        span_id,
        event_name: record.event_name.map_or_else(String::new, Cow::into_owned),
    }
}

fn attribute(LogAttribute { kv, .. }: LogAttribute) -> OtlpKeyValue {
    let key = kv.key.as_str();
    let value = match (&kv.value, lookup(key)) {
        (opentelemetry::Value::String(text), Match::Known(attr, _))
            if attr.value_type() == Type::Json =>
        {
            structured(text.as_str())
        }
        _ => None,
    };
    let key = key.to_owned();
    OtlpKeyValue { key, value: Some(value.unwrap_or_else(|| kv.value.into())), key_strindex: 0 }
}

/// What JSON text says, as OTLP has it; `None` for other text.
fn structured(text: &str) -> Option<AnyValue> {
    match serde_json::from_str(text).ok()? {
        json @ (Json::Array(_) | Json::Object(_)) => Some(value(json)),
        _ => None,
    }
}

fn value(json: Json) -> AnyValue {
    any(match json {
        Json::Null => return AnyValue { value: None },
        Json::Bool(value) => any_value::Value::BoolValue(value),
        Json::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(value), _) => any_value::Value::IntValue(value),
            (None, Some(value)) => any_value::Value::DoubleValue(value),
            (None, None) => any_value::Value::StringValue(number.to_string()),
        },
        Json::String(text) => any_value::Value::StringValue(text),
        Json::Array(values) => any_value::Value::ArrayValue(ArrayValue {
            values: values.into_iter().map(value).collect(),
        }),
        Json::Object(members) => any_value::Value::KvlistValue(KeyValueList {
            values: members
                .into_iter()
                .map(|(key, member)| OtlpKeyValue {
                    key,
                    value: Some(value(member)),
                    key_strindex: 0,
                })
                .collect(),
        }),
    })
}

fn any(value: any_value::Value) -> AnyValue {
    AnyValue { value: Some(value) }
}

fn severity(level: Level) -> SeverityNumber {
    match level {
        Level::TRACE => SeverityNumber::Trace,
        Level::DEBUG => SeverityNumber::Debug,
        Level::INFO => SeverityNumber::Info,
        Level::WARN => SeverityNumber::Warn,
        Level::ERROR => SeverityNumber::Error,
    }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
