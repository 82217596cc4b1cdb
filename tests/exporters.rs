//! Exporters of one's own as destinations: they work, refuse, panic and hang, and everything that
//! holds for a receiver holds for them.
#![cfg(all(feature = "init", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{SpanData, SpanExporter};
use serde_json::Value as Json;
use tracing::info_span;
use tracing_genai::Telemetry;
use tracing_genai::format::OpenInference;
use tracing_genai::policy::ContentCapture;
use tracing_genai::telemetry::{Builder, Console, ExporterOptions, State};
use tracing_genai_test_support::OtlpReceiver;
use tracing_subscriber::prelude::*;

/// An exporter with moods. Clones share what they saw.
#[derive(Clone, Debug, Default)]
struct Mine {
    seen: Arc<Mutex<Vec<SpanData>>>,
    service: Arc<Mutex<String>>,
    exports: Arc<AtomicUsize>,
    shutdowns: Arc<AtomicUsize>,
    mood: Arc<Mutex<Mood>>,
}

#[derive(Debug, Default)]
enum Mood {
    #[default]
    Well,
    Refusing,
    Panicking,
    /// Its future is never ready.
    Pending,
    /// It keeps the thread until somebody sends or hangs up.
    Blocking(mpsc::Receiver<()>),
}

impl Mine {
    fn in_mood(mood: Mood) -> Self {
        Self { mood: Arc::new(Mutex::new(mood)), ..Self::default() }
    }

    fn cheer_up(&self) {
        *self.mood.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Mood::Well;
    }

    fn names(&self) -> Vec<String> {
        self.seen.lock().unwrap().iter().map(|span| span.name.to_string()).collect()
    }

    fn attribute(&self, key: &str) -> Option<String> {
        let seen = self.seen.lock().unwrap();
        let attribute =
            seen.iter().flat_map(|span| &span.attributes).find(|it| it.key.as_str() == key);
        attribute.map(|attribute| attribute.value.to_string())
    }
}

impl SpanExporter for Mine {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.exports.fetch_add(1, Ordering::SeqCst);
        assert_eq!(self.shutdowns.load(Ordering::SeqCst), 0, "nothing comes after the end");
        let pending = {
            let mood = self.mood.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            match &*mood {
                Mood::Well => false,
                Mood::Pending => true,
                Mood::Refusing => {
                    return Err(OTelSdkError::InternalFailure(String::from("disk full")));
                }
                Mood::Panicking => panic!("an exporter's mistake"),
                Mood::Blocking(until) => {
                    let _ = until.recv();
                    false
                }
            }
        };
        if pending {
            std::future::pending::<()>().await;
        }
        self.seen.lock().unwrap().extend(batch);
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.shutdowns.fetch_add(1, Ordering::SeqCst);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        let name = resource.get(&"service.name".into()).map(|name| name.to_string());
        *self.service.lock().unwrap() = name.unwrap_or_default();
    }
}

fn builder() -> Builder {
    tracing_genai::builder()
        .env([("", ""); 0])
        .config_str("metrics: {enabled: false}\n")
        .console(Console::Never)
        .service_name("mine")
}

fn run(builder: Builder, work: impl FnOnce()) -> Telemetry {
    let (layer, telemetry) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    telemetry
}

fn chat(n: usize) {
    for _ in 0..n {
        info_span!(
            "handler",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.input.messages = r#"[{"role":"user","content":"canary"}]"#
        );
    }
}

/// The destination in the status, after checking that its counts add up.
fn destination(telemetry: &Telemetry, name: &str) -> Json {
    let status = serde_json::to_value(telemetry.status()).unwrap();
    let all = status["destinations"].as_array().unwrap();
    let one =
        all.iter().find(|it| it["name"] == name).unwrap_or_else(|| panic!("{status:#}")).clone();
    let count = |key: &str| one[key].as_u64().unwrap();
    let dropped: u64 = one["dropped"].as_object().unwrap().values().filter_map(Json::as_u64).sum();
    let fates =
        ["queued", "exported", "rejected", "failed"].map(count).iter().sum::<u64>() + dropped;
    assert_eq!(count("received"), fates, "{one:#}");
    one
}

#[test]
fn an_exporter_alone_is_somewhere_to_go() {
    let mine = Mine::default();
    let telemetry = run(builder().exporter("archive", mine.clone()), || chat(3));
    assert_eq!(telemetry.status().state(), State::Running);
    telemetry.force_flush().unwrap();
    assert_eq!(mine.names(), ["chat m"; 3]);
    assert_eq!(*mine.service.lock().unwrap(), "mine");
    assert_eq!(destination(&telemetry, "archive")["exported"], 3);
    let explanation = telemetry.explain();
    assert_eq!(explanation.get("destinations.archive.exporter"), Some(("own", "code")));
    assert_eq!(explanation.get("destinations.archive.format"), Some(("gen_ai", "code")));
    assert_eq!(mine.shutdowns.load(Ordering::SeqCst), 0);
    telemetry.shutdown().unwrap();
    assert_eq!(mine.shutdowns.load(Ordering::SeqCst), 1, "the end waits for that of the exporter");
}

#[test]
fn shutdown_delivers_first_what_is_queued() {
    let mine = Mine::default();
    let telemetry = run(builder().exporter("archive", mine.clone()), || chat(5));
    telemetry.shutdown().unwrap();
    assert_eq!((mine.names().len(), mine.shutdowns.load(Ordering::SeqCst)), (5, 1));
}

#[cfg(feature = "otel-http")]
#[test]
fn it_stands_beside_a_receiver_and_neither_disturbs_the_other() {
    let receiver = OtlpReceiver::start();
    let mine = Mine::in_mood(Mood::Refusing);
    let builder = builder().endpoint(receiver.endpoint()).exporter("archive", mine);
    let telemetry = run(builder, || chat(4));
    let error = telemetry.force_flush().unwrap_err().to_string();
    assert!(error.contains("archive") && error.contains("disk full"), "{error}");
    assert_eq!(receiver.span_count(), 4);
    assert_eq!(destination(&telemetry, "archive")["failed"], 4);
    assert_eq!(destination(&telemetry, "default")["exported"], 4);
}

#[test]
fn an_exporter_that_panics_loses_its_batch_and_goes_on() {
    let mine = Mine::in_mood(Mood::Panicking);
    let (layer, telemetry) = builder().exporter("archive", mine.clone()).build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let _default = tracing::subscriber::set_default(subscriber);
    chat(2);
    telemetry.force_flush().unwrap_err();
    assert_eq!(destination(&telemetry, "archive")["failed"], 2);
    mine.cheer_up();
    chat(3);
    telemetry.force_flush().unwrap();
    assert_eq!(destination(&telemetry, "archive")["exported"], 3);
    telemetry.shutdown().unwrap();
}

#[test]
fn a_future_that_is_never_ready_is_given_up_and_offered_again() {
    let mine = Mine::in_mood(Mood::Pending);
    let options = ExporterOptions::default().timeout(Duration::from_millis(50));
    let builder = builder()
        .exporter_with("archive", mine.clone(), options)
        .shutdown_timeout(Duration::from_secs(60));
    let telemetry = run(builder, || chat(2));
    telemetry.force_flush().unwrap_err();
    let status = destination(&telemetry, "archive");
    assert_eq!((&status["answering"], &status["queued"]), (&Json::from(false), &Json::from(2)));
    mine.cheer_up();
    telemetry.shutdown().unwrap();
    assert_eq!(mine.names().len(), 2, "the batch was kept");
}

#[test]
fn an_exporter_that_keeps_its_thread_does_not_keep_the_process() {
    let (hold, until) = mpsc::channel();
    let mine = Mine::in_mood(Mood::Blocking(until));
    let builder =
        builder().exporter("archive", mine.clone()).shutdown_timeout(Duration::from_millis(200));
    let telemetry = run(builder, || chat(2));
    let start = Instant::now();
    telemetry.shutdown().unwrap_err();
    // The time of a machine that is busy, and not that of the exporter, which is without end.
    assert!(start.elapsed() < Duration::from_secs(30));
    let _ = destination(&telemetry, "archive");
    drop(hold);
}

#[cfg(feature = "otel-http")]
#[test]
fn a_stricter_policy_holds_for_it_alone() {
    let receiver = OtlpReceiver::start();
    let (strict, loose) = (Mine::default(), Mine::default());
    let options = ExporterOptions::default().content_capture(ContentCapture::Off);
    let builder = builder()
        .endpoint(receiver.endpoint())
        .content_capture(ContentCapture::Full)
        .exporter_with("strict", strict.clone(), options)
        .exporter("loose", loose.clone());
    let telemetry = run(builder, || chat(1));
    telemetry.force_flush().unwrap();
    assert!(receiver.contains_bytes("canary"));
    assert!(loose.attribute("gen_ai.input.messages").unwrap().contains("canary"));
    assert!(!format!("{:?}", strict.seen.lock().unwrap()).contains("canary"));
    assert_eq!(telemetry.explain().get("destinations.strict.content_capture").unwrap().0, "off");
}

/// An option cannot let out what the process withholds, and what another destination asked for is not
/// for this one.
#[cfg(feature = "otel-http")]
#[test]
fn no_looser_policy_of_another_destination_reaches_it() {
    let (asks, plain) = (OtlpReceiver::start(), OtlpReceiver::start());
    let (mine, asking) = (Mine::default(), Mine::default());
    let options = ExporterOptions::default().content_capture(ContentCapture::Full);
    let config = format!(
        "endpoint: {}\nexporters: [{{name: asks, endpoint: '{}', content_capture: full}}]\n\
         metrics: {{enabled: false}}\n",
        plain.endpoint(),
        asks.endpoint(),
    );
    let builder = builder().config_str(config).exporter("mine", mine.clone()).exporter_with(
        "asking",
        asking.clone(),
        options,
    );
    let telemetry = run(builder, || chat(1));
    telemetry.force_flush().unwrap();
    assert!(asks.contains_bytes("canary"));
    assert_eq!((plain.span_count(), plain.contains_bytes("canary")), (1, false));
    for exporter in [mine, asking] {
        let seen = exporter.seen.lock().unwrap();
        assert!(seen.len() == 1 && !format!("{seen:?}").contains("canary"));
    }
}

#[test]
fn it_has_a_format_of_its_own() {
    let mine = Mine::default();
    let options = ExporterOptions::default().format(OpenInference::new());
    let builder = builder().exporter_with("phoenix", mine.clone(), options);
    let telemetry = run(builder, || chat(1));
    telemetry.force_flush().unwrap();
    assert_eq!(mine.attribute("openinference.span.kind").as_deref(), Some("LLM"));
    assert_eq!(destination(&telemetry, "phoenix")["format"], "open_inference");
}

#[cfg(feature = "otel-http")]
#[test]
fn a_name_that_is_taken_gets_a_number() {
    let receiver = OtlpReceiver::start();
    let mine = Mine::default();
    let builder = builder().endpoint(receiver.endpoint()).exporter("default", mine.clone());
    let telemetry = run(builder, || chat(1));
    telemetry.force_flush().unwrap();
    assert_eq!(destination(&telemetry, "default-2")["exported"], 1);
    assert_eq!(destination(&telemetry, "default")["exported"], 1);
}

#[test]
fn nothing_reaches_it_while_telemetry_is_off() {
    for off in ["enabled: false", "traces: {enabled: false}", "traces: {exporter: none}"] {
        let mine = Mine::default();
        let telemetry =
            run(builder().config_str(off).exporter("archive", mine.clone()), || chat(1));
        telemetry.force_flush().unwrap();
        assert_eq!(mine.exports.load(Ordering::SeqCst), 0, "{off}");
        assert_ne!(telemetry.status().state(), State::Running, "{off}");
    }
}

#[test]
fn a_reload_keeps_it_or_takes_it_out_as_the_file_says() {
    let folder =
        std::env::temp_dir().join(format!("tracing-genai-exporters-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let file = folder.join("telemetry.yaml");
    let say = |text: &str| std::fs::write(&file, text).unwrap();
    let off = "metrics: {enabled: false}\n";
    say(off);
    let mine = Mine::default();
    let builder = tracing_genai::builder()
        .env([("", ""); 0])
        .config_file(&file)
        .console(Console::Never)
        .exporter("archive", mine.clone());
    let (layer, telemetry) = builder.build().unwrap();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    chat(1);
    // The resource is another one, so its thread is replaced; the exporter is not.
    say(&format!("{off}service_name: renamed\n"));
    telemetry.reload().unwrap();
    chat(1);
    telemetry.force_flush().unwrap();
    assert_eq!(mine.names().len(), 2);
    assert_eq!(*mine.service.lock().unwrap(), "renamed");
    assert_eq!(mine.shutdowns.load(Ordering::SeqCst), 0);
    say(&format!("{off}traces: {{exporter: none}}\n"));
    telemetry.reload().unwrap();
    chat(1);
    telemetry.shutdown().unwrap();
    assert_eq!(mine.names().len(), 2);
    std::fs::remove_dir_all(folder).unwrap();
}

/// It sleeps by the runtime's clock, which nobody finds outside of a runtime.
#[cfg(feature = "tokio")]
#[test]
fn an_exporter_that_needs_a_runtime_finds_the_one_where_it_was_given() {
    #[derive(Debug)]
    struct Sleeper(Mine);

    impl SpanExporter for Sleeper {
        async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
            tokio::time::sleep(Duration::from_millis(10)).await;
            let counted = tokio::spawn(async move { batch }).await;
            self.0
                .export(counted.map_err(|error| OTelSdkError::InternalFailure(error.to_string()))?)
                .await
        }
    }

    let mine = Mine::default();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.unwrap();
    let builder = {
        let _inside = runtime.enter();
        builder().exporter("archive", Sleeper(mine.clone()))
    };
    let telemetry = run(builder, || chat(2));
    telemetry.force_flush().unwrap();
    assert_eq!(mine.names().len(), 2);
    telemetry.shutdown().unwrap();
}
