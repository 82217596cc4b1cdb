//! Exporters in this process, also those that panic.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::*;
use crate::health::DropReason;
use crate::pipeline::delivery::FailureKind;
use crate::pipeline::{Driven, Local};

#[derive(Clone, Debug, Default)]
struct Recorder {
    names: Arc<Mutex<Vec<String>>>,
    flushes: Arc<AtomicUsize>,
    mood: Mood,
}

#[derive(Clone, Copy, Debug, Default)]
enum Mood {
    #[default]
    Well,
    Refusing,
    Panicking,
}

impl SpanExporter for Recorder {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        match self.mood {
            Mood::Well => {
                let names = batch.into_iter().map(|span| span.name.into_owned());
                self.names.lock().unwrap().extend(names);
                Ok(())
            }
            Mood::Refusing => Err(OTelSdkError::InternalFailure(String::from("disk full"))),
            Mood::Panicking => panic!("an exporter's mistake"),
        }
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flushes.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }
}

fn with(recorder: &Recorder) -> Running {
    let running = Running::start(&settings(Vec::new()));
    let exporter = Local::new(Arc::new(Driven::new(recorder.clone())));
    running.pipeline.add("local", Duration::from_secs(3600), exporter).unwrap();
    running
}

#[test]
fn without_a_destination_spans_are_counted_as_such() {
    let running = Running::start(&settings(Vec::new()));
    running.numbered(3);
    running.pipeline.flush(PATIENCE).unwrap();
    let dropped: Vec<_> = running.snapshot().spans.finished.dropped().collect();
    assert_eq!(dropped, [(DropReason::NoDestination, 3)]);
}

#[test]
fn an_added_exporter_gets_spans_and_flushes() {
    let recorder = Recorder::default();
    let running = with(&recorder);
    running.numbered(2);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(*recorder.names.lock().unwrap(), ["span 0", "span 1"]);
    assert_eq!(recorder.flushes.load(Ordering::SeqCst), 1);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(recorder.flushes.load(Ordering::SeqCst), 2, "also with nothing queued");
    running.pipeline.shutdown(PATIENCE).unwrap();
    assert_eq!(running.snapshot().spans.finished.exported, 2);
}

#[test]
fn an_exporter_that_refuses_or_panics_costs_its_batch_and_nothing_else() {
    for (mood, kind) in
        [(Mood::Refusing, FailureKind::Protocol), (Mood::Panicking, FailureKind::Panic)]
    {
        let running = with(&Recorder { mood, ..Recorder::default() });
        for round in 1..=3 {
            running.numbered(4);
            assert_eq!(running.pipeline.flush(PATIENCE).unwrap_err()[0].1.refused, 4);
            let snapshot = running.snapshot();
            assert_eq!(snapshot.spans.finished.failed, 4 * round);
            assert_eq!(snapshot.destinations[0].last_error.as_ref().unwrap().1.kind, kind);
        }
        running.pipeline.shutdown(PATIENCE).unwrap();
    }
}
