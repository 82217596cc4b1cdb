//! Exporters of one's own for log records.

use std::sync::{Arc, Mutex};

use opentelemetry::logs::{AnyValue, Severity};
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::logs::{LogBatch, LogExporter, SdkLogRecord};
use tracing::{error, info, info_span, warn};
use tracing_genai::policy::ContentCapture;
use tracing_genai::telemetry::ExporterOptions;

use super::*;

#[derive(Clone, Debug, Default)]
struct Mine {
    seen: Arc<Mutex<Vec<(String, SdkLogRecord)>>>,
    refusing: bool,
}

impl LogExporter for Mine {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        if self.refusing {
            return Err(OTelSdkError::InternalFailure(String::from("disk full")));
        }
        let seen = batch.iter().map(|(record, scope)| (scope.name().to_owned(), record.clone()));
        self.seen.lock().unwrap().extend(seen);
        Ok(())
    }
}

impl Mine {
    fn record(&self, body: &str) -> SdkLogRecord {
        let seen = self.seen.lock().unwrap();
        let is = |record: &SdkLogRecord| record.body() == Some(&AnyValue::from(body.to_owned()));
        seen.iter().find(|(_, record)| is(record)).unwrap_or_else(|| panic!("{seen:?}")).1.clone()
    }
}

fn attribute(record: &SdkLogRecord, key: &str) -> Option<AnyValue> {
    record.attributes_iter().find(|(name, _)| name.as_str() == key).map(|(_, value)| value.clone())
}

#[test]
fn records_reach_an_exporter_of_ones_own_beside_a_receiver() {
    let receiver = OtlpReceiver::start();
    let mine = Mine::default();
    let telemetry = run(builder(&receiver).log_exporter("archive", mine.clone()), || {
        info_span!("handler", gen_ai.operation.name = "chat").in_scope(|| {
            info!(target: "shop", items = 3, share = 0.5, gift = true, "paid");
        });
        warn!(name: "shop.stock.low", "low");
        error!(event.name = "shop.stock.out", "out");
    });
    telemetry.force_flush().unwrap();
    assert_eq!(records(&receiver).len(), 3);

    let paid = mine.record("paid");
    assert_eq!(paid.severity_number(), Some(Severity::Info));
    assert_eq!(paid.target().map(|target| &**target), Some("shop"));
    assert_eq!(attribute(&paid, "items"), Some(AnyValue::Int(3)));
    assert_eq!(attribute(&paid, "share"), Some(AnyValue::Double(0.5)));
    assert_eq!(attribute(&paid, "gift"), Some(AnyValue::Boolean(true)));
    let span = &receiver.spans()[0];
    assert_eq!(paid.trace_context().unwrap().span_id.to_string(), span.span_id);
    assert!(paid.timestamp().is_some() && paid.observed_timestamp().is_some());
    assert_eq!(mine.record("low").event_name(), Some("shop.stock.low"));
    let name = attribute(&mine.record("out"), "event.name");
    assert_eq!(name, Some(AnyValue::from("shop.stock.out")));
    telemetry.shutdown().unwrap();
}

#[test]
fn its_policy_and_its_failures_are_its_own() {
    let receiver = OtlpReceiver::start();
    let strict = Mine::default();
    let loose = Mine::default();
    let refusing = Mine { refusing: true, ..Mine::default() };
    let options = ExporterOptions::default().content_capture(ContentCapture::Off);
    let builder = builder(&receiver)
        .content_capture(ContentCapture::Full)
        .log_exporter_with("strict", strict.clone(), options)
        .log_exporter("loose", loose.clone())
        .log_exporter("refusing", refusing);
    let telemetry = run(builder, || {
        let messages = r#"[{"role":"user","parts":[{"type":"text","content":"canary"}]}]"#;
        info!(gen_ai.input.messages = messages, "asked");
    });
    let error = telemetry.force_flush().unwrap_err().to_string();
    assert!(error.contains("refusing: "), "{error}");
    assert!(receiver.contains_bytes("canary"));
    assert!(!format!("{:?}", strict.seen.lock().unwrap()).contains("canary"));
    // As the conventions want them in events: a value with structure.
    let messages = attribute(&loose.record("asked"), "gen_ai.input.messages");
    assert!(matches!(messages, Some(AnyValue::ListAny(_))), "{messages:?}");
}

#[test]
fn one_that_gets_nothing_is_named() {
    let builder =
        tracing_genai::builder().env([("", ""); 0]).config_str("").console(Console::Never);
    let (_layer, telemetry) = builder
        .log_exporter("archive", Mine::default())
        .build::<tracing_subscriber::Registry>()
        .unwrap();
    let status = telemetry.status();
    assert!(status.warnings().iter().any(|warning| warning.contains("archive")), "{status}");
}
