//! What leaves is what the destination's settings say, whatever the exporters of
//! `opentelemetry-otlp` would read from the environment and do of their own accord.
//!
//! The environment is that of another process: this program again, with only
//! [`the_other_process`] to run.
#![cfg(feature = "otel-http")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::process::{Command, Stdio};

use tracing::info;
use tracing_genai::inference_span;
use tracing_genai::telemetry::Console;
use tracing_genai_test_support::{Answer, OtlpReceiver, ReceivedRequest};
use tracing_subscriber::prelude::*;

/// A configuration for a receiver with a key of its own.
fn configuration(receiver: &OtlpReceiver, protocol: &str) -> String {
    format!(
        r#"{{"exporters":[{{"name":"mine","endpoint":"{}","protocol":"{protocol}",
            "headers":{{"x-key":"of-mine"}}}}],
            "logs":{{"enabled":true}},"metrics":{{"enabled":false}}}}"#,
        receiver.endpoint(),
    )
}

/// What a process with such variables sends: a span and a log record.
fn sent(variables: &[(String, String)], protocol: &str, reads: bool) -> Vec<ReceivedRequest> {
    let receiver = OtlpReceiver::start();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["the_other_process", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .env("TEST_CONFIGURATION", configuration(&receiver, protocol))
        .envs(reads.then_some(("TEST_READS_ENVIRONMENT", "1")))
        .stderr(Stdio::piped())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{variables:?}: {said}");
    receiver.requests()
}

/// Not a test: the other process of those below.
#[test]
#[ignore = "the other process of a test"]
fn the_other_process() {
    let Ok(configuration) = std::env::var("TEST_CONFIGURATION") else { return };
    let mut builder = tracing_genai::builder().config_str(configuration).console(Console::Never);
    if std::env::var_os("TEST_READS_ENVIRONMENT").is_none() {
        builder = builder.env([("", ""); 0]);
    }
    let (layer, telemetry) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        inference_span!("chat", "openai", "gpt-4o").in_scope(|| info!("asked"));
    });
    telemetry.force_flush().unwrap();
}

/// Each variable that the exporters know, with a value that would change what is sent.
fn variables(nowhere: &str) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for signal in ["", "TRACES_", "LOGS_"] {
        for (what, value) in [
            ("HEADERS", "x-key=of-variable,x-leak=canary,content-encoding=br"),
            ("ENDPOINT", nowhere),
            ("COMPRESSION", "gzip"),
            ("COMPRESSION", "zstd"),
            ("TIMEOUT", "1"),
            ("PROTOCOL", "http/json"),
            ("PROTOCOL", "grpc"),
            ("INSECURE", "true"),
        ] {
            all.push((format!("OTEL_EXPORTER_OTLP_{signal}{what}"), value.to_owned()));
        }
    }
    all
}

/// Where requests went, and with what headers; the length of the body is one of them.
fn outline(requests: &[ReceivedRequest]) -> Vec<(String, Vec<(String, String)>)> {
    let mut all: Vec<_> = requests
        .iter()
        .map(|request| {
            let mut headers = request.http.headers.clone();
            headers.retain(|(name, _)| name != "host");
            headers.sort();
            (request.http.path.clone(), headers)
        })
        .collect();
    all.sort();
    all
}

fn protocols() -> impl Iterator<Item = &'static str> {
    ["http/protobuf", "http/json"]
        .into_iter()
        .filter(|it| *it != "http/json" || cfg!(feature = "http-json"))
}

#[test]
fn no_variable_of_the_process_changes_a_request_when_another_environment_was_given() {
    for protocol in protocols() {
        let plain = outline(&sent(&[], protocol, false));
        assert_eq!(plain.len(), if cfg!(feature = "logs") { 2 } else { 1 });
        for (_, headers) in &plain {
            let key = headers.iter().find(|(name, _)| name == "x-key");
            assert_eq!(key.map(|(_, value)| value.as_str()), Some("of-mine"));
        }
        let nowhere = OtlpReceiver::start();
        for variable in variables(&nowhere.endpoint()) {
            let requests = sent(std::slice::from_ref(&variable), protocol, false);
            assert_eq!(outline(&requests), plain, "{variable:?} over {protocol}");
        }
        assert_eq!(nowhere.requests().len(), 0);
    }
}

#[test]
fn headers_of_a_variable_do_not_reach_a_destination_that_has_its_own() {
    for signal in ["", "TRACES_", "LOGS_"] {
        let name = format!("OTEL_EXPORTER_OTLP_{signal}HEADERS");
        let headers = String::from("x-key=of-variable,x-leak=canary");
        let requests = sent(&[(name.clone(), headers)], "http/protobuf", true);
        for request in &requests {
            assert_eq!(request.header("x-key"), Some("of-mine"), "{name}");
            assert_eq!(request.header("x-leak"), None, "{name}");
        }
        assert!(!requests.is_empty(), "{name}");
    }
}

#[test]
fn one_attempt_is_one_request() {
    let receiver = OtlpReceiver::start();
    for protocol in protocols() {
        for answer in
            [Answer::status(503), Answer::status(429), Answer::close(), Answer::status(400)]
        {
            receiver.clear();
            receiver.answer_always(answer.clone());
            let configuration = configuration(&receiver, protocol);
            let builder = tracing_genai::builder()
                .config_str(configuration)
                .env([("", ""); 0])
                .console(Console::Never)
                .shutdown_timeout(std::time::Duration::from_millis(200));
            let (layer, telemetry) = builder.build().unwrap();
            tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
                drop(inference_span!("chat", "openai", "gpt-4o"));
            });
            telemetry.force_flush().unwrap_err();
            let status = serde_json::to_value(telemetry.status()).unwrap();
            let retries = status["destinations"][0]["retries"].as_u64().unwrap();
            let requests = receiver.requests();
            assert_eq!(requests.len() as u64, retries + 1, "{answer:?} over {protocol}");
            for again in &requests[1..] {
                assert_eq!(again.http.body, requests[0].http.body, "the same bytes every time");
            }
        }
    }
}

/// `User-Agent` and the resource say which releases these are.
#[test]
fn the_releases_of_opentelemetry_are_told_as_they_are() {
    let release = |package: &str| {
        let lock = include_str!("../Cargo.lock");
        let (_, rest) = lock.split_once(&format!("name = \"{package}\"\nversion = \"")).unwrap();
        rest.split('"').next().unwrap().to_owned()
    };
    let requests = sent(&[], "http/protobuf", false);
    for request in &requests {
        let agent = request.header("user-agent").unwrap();
        let ours = env!("CARGO_PKG_VERSION");
        let exporter = release("opentelemetry-otlp");
        let expected = format!("OTel-OTLP-Exporter-Rust/{exporter} tracing-genai/{ours}");
        assert_eq!(agent, expected);
    }
    let traces = requests.iter().find(|request| request.http.path == "/v1/traces").unwrap();
    let version = traces.spans[0].resource_attr("telemetry.sdk.version").cloned();
    let expected = release("opentelemetry_sdk");
    assert_eq!(version.unwrap().as_str(), Some(expected.as_str()));
}
