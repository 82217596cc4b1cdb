//! Every key of the configuration over a reload: another value takes effect, or is reported as
//! needing a restart. None is silent.

use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};
use tracing::{Dispatch, info_span};
use tracing_genai_test_support::{Authority, OtlpReceiver, ReceivedRequest};
use tracing_subscriber::prelude::*;

use super::Reloaded;
use crate::config::examples::examples;
use crate::config::keys::{DESTINATIONS, Field, Key, Kind, Reload};
use crate::telemetry::{Console, Telemetry};

/// A service whose configuration is a file.
struct Service {
    file: PathBuf,
    telemetry: Telemetry,
    dispatch: Dispatch,
}

impl Service {
    fn start(config: &Value) -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tracing-genai-rows-{}-{number}.json", std::process::id());
        let file = std::env::temp_dir().join(name);
        write(&file, config);
        let builder = crate::builder().env([("", ""); 0]).console(Console::Never);
        let built = builder.config_file(&file).build();
        let (layer, telemetry) = built.unwrap_or_else(|error| panic!("{config}: {error}"));
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        Self { file, telemetry, dispatch }
    }

    fn reload(&self, config: &Value) -> Reloaded {
        write(&self.file, config);
        self.telemetry.reload().unwrap_or_else(|error| panic!("{config}: {error}"))
    }

    fn chat(&self) {
        tracing::dispatcher::with_default(&self.dispatch, || {
            // A target of our own is never exported.
            tracing::info!(target: "app", "a log record");
            drop(info_span!(
                target: "app",
                "handler",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "m",
                gen_ai.usage.input_tokens = 1_000_000_u64,
                gen_ai.usage.output_tokens = 1_u64,
                gen_ai.input.messages = r#"[{"role":"user","content":"canary-in"}]"#,
            ));
        });
        self.telemetry.force_flush().expect("everything arrives");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.file);
    }
}

fn write(file: &PathBuf, config: &Value) {
    std::fs::write(file, config.to_string()).expect("a temporary file");
}

/// `config` with `value` at a path with dots.
fn with(config: &Value, path: &str, value: &Value) -> Value {
    let mut config = config.clone();
    let mut at = &mut config;
    for name in path.split('.') {
        if !at[name].is_object() {
            at[name] = json!({});
        }
        at = &mut at[name];
    }
    *at = value.clone();
    config
}

/// Files that exist, for keys that name one.
fn files(key: Key, authorities: &[Authority; 2]) -> Vec<Value> {
    let file = |authority: &Authority| match key.field {
        Field::TlsCertFile => authority.client_files().0,
        Field::TlsKeyFile => authority.client_files().1,
        Field::TlsCaCert => authority.ca_file(),
        _ => authority.file("prices.yaml", &prices(authority, authorities)),
    };
    authorities.iter().map(|authority| json!(file(authority))).collect()
}

fn prices(authority: &Authority, authorities: &[Authority; 2]) -> String {
    let first = std::ptr::eq(authority, &authorities[0]);
    format!("models: {{m: {{input: {}, output: 0}}}}", if first { 1 } else { 2 })
}

#[test]
fn no_change_of_a_key_is_silent() {
    let receiver = OtlpReceiver::start();
    let authorities = [Authority::new(), Authority::new()];
    for key in Key::all() {
        let (row, path) = (key.row(), key.path());
        let mut base = json!({"endpoint": receiver.endpoint(), "service_name": "test"});
        if key.field == Field::ServiceName {
            base = json!({"endpoint": receiver.endpoint()});
        }
        // A certificate and its key belong together.
        let (certificate, private) = authorities[0].client_files();
        let partner = match key.field {
            Field::TlsCertFile => Some((path.replace("cert_file", "key_file"), private)),
            Field::TlsKeyFile => Some((path.replace("key_file", "cert_file"), certificate)),
            _ => None,
        };
        if let Some((path, file)) = partner {
            base = with(&base, &path, &json!(file));
        }
        let mut values = examples(key);
        if values.is_empty() {
            values = files(key, &authorities);
            if matches!(key.field, Field::TlsCertFile | Field::TlsKeyFile) {
                // One of another pair would be refused.
                values = vec![values[0].clone(), Value::Null];
            }
        }
        if matches!(key.field, Field::TlsCertFile | Field::TlsKeyFile) {
            tls_pair(key, &base, &values[0]);
            continue;
        }
        let service = Service::start(&with(&base, &path, &values[0]));
        let mut running = values[0].clone();
        for value in values[1..].iter().chain([&values[0]]) {
            if *value == running {
                continue;
            }
            let config = with(&base, &path, value);
            let reloaded = service.reload(&config);
            let (changed, restart) = (reloaded.changed(), reloaded.needs_restart());
            let name = if row.part.is_empty() { path.as_str() } else { row.part };
            let says = |list: &[String]| match name {
                DESTINATIONS => list.iter().any(|told| {
                    // Both spellings of headers are one setting.
                    *told == path.replace("headers_list", "headers")
                        || told.starts_with("exporters.")
                        || told == "metrics"
                }),
                name => list.iter().any(|told| told == name || *told == path),
            };
            let explained = service.telemetry.explain();
            let shown = explained.get(&path).map(|(value, _)| value.to_owned());
            let what = format!("{path}: {running} -> {value}: {reloaded}");
            let needs = match row.reload {
                _ if matches!(row.kind, Kind::NoEffect) => {
                    let warnings = explained.warnings().join("\n");
                    assert!(warnings.contains(&path), "{what}: {warnings}");
                    assert_eq!((changed.len(), restart.len()), (0, 0), "{what}");
                    continue;
                }
                // What was never measured cannot be measured now.
                _ if key.field == Field::MetricsEnabled && says(restart) => true,
                Reload::Live => false,
                Reload::Restart => true,
                Reload::RestartFor(word) => [&running, value].iter().any(|value| **value == word),
                Reload::RestartForNames => {
                    let names = |value: &Value| value.as_object().map(|map| map.keys().len());
                    let first = |value: &Value| value.as_object()?.keys().next().cloned();
                    (names(&running), first(&running)) != (names(value), first(value))
                }
            };
            let (told, other) = if needs { (restart, changed) } else { (changed, restart) };
            assert!(says(told), "{what}");
            assert!(!says(other), "{what}");
            if needs {
                let again = service.reload(&config);
                assert_eq!(again.needs_restart(), restart, "{what}, again");
                let warning = format!("{}: works after a restart", restart[0]);
                let status = service.telemetry.status();
                assert!(status.warnings().contains(&warning), "{what}: {status}");
            } else {
                running = value.clone();
            }
            if let (Some(shown), Some(text)) = (shown, single(key, &running)) {
                assert_eq!(shown, text, "{what}");
            }
            let again = service.reload(&config);
            assert!(again.changed().iter().all(|told| is_reopened(key, told)), "{what}: {again}");
        }
    }
}

#[test]
fn no_change_in_an_entry_of_exporters_is_silent() {
    let receiver = OtlpReceiver::start();
    let authorities = [Authority::new(), Authority::new()];
    let entry = json!({"name": "e", "endpoint": receiver.endpoint()});
    for key in Key::all().filter(|key| key.row().per_exporter) {
        if matches!(key.field, Field::TlsCertFile | Field::TlsKeyFile) {
            // One without the other is refused.
            continue;
        }
        let path = key.path();
        let config = |value| json!({"exporters": [with(&entry, &path, value)]});
        let mut values = examples(key);
        if values.is_empty() {
            values = files(key, &authorities);
        }
        let service = Service::start(&config(&values[0]));
        for value in &values[1..] {
            let reloaded = service.reload(&config(value));
            let mut told = reloaded.changed().iter().chain(reloaded.needs_restart());
            let what = format!("exporters.e.{path}: {value}: {reloaded}");
            assert!(
                told.any(|told| told.starts_with("exporters.e") || told == "metrics"),
                "{what}"
            );
        }
    }
}

/// A destination with certificates is opened anew each time: they are renewed in place.
fn is_reopened(key: Key, told: &str) -> bool {
    key.field == Field::TlsCaCert && (told.starts_with("exporters.") || told == "metrics")
}

fn tls_pair(key: Key, base: &Value, value: &Value) {
    let service = Service::start(&with(base, &key.path(), value));
    let without = json!({"endpoint": base["endpoint"], "service_name": "test"});
    let reloaded = service.reload(&without);
    assert!(!reloaded.changed().is_empty(), "{}: {reloaded}", key.path());
}

/// What `explain` shows of a key with one value that is no secret.
fn single(key: Key, value: &Value) -> Option<String> {
    match (key.row().kind, value) {
        (Kind::Secret | Kind::Url, _) => None,
        (_, Value::String(text)) => Some(text.clone()),
        (_, Value::Bool(_)) => Some(value.to_string()),
        (Kind::Int { .. } | Kind::Duration { .. }, Value::Number(_)) => Some(value.to_string()),
        _ => None,
    }
}

#[test]
fn a_reload_that_fails_changes_nothing() {
    let receiver = OtlpReceiver::start();
    let base = json!({"endpoint": receiver.endpoint(), "headers": {"x-place": "old"}});
    let service = Service::start(&base);
    let before = service.telemetry.explain().to_string();
    let authority = Authority::new();
    let no_certificate = authority.file("none.pem", "-----BEGIN CERTIFICATE-----\n");
    let wrong = [
        ("sampler", json!("sometimes")),
        // Nothing is wrong with it before it is opened.
        ("exporters", json!([{"endpoint": "https://127.0.0.1:1", "tls_ca_cert": no_certificate}])),
        ("exporters", json!([{"endpoint": "nowhere at all"}])),
    ];
    for (path, value) in wrong {
        let mut config = with(&base, path, &value);
        for (path, value) in [
            ("service_name", json!("new")),
            ("headers", json!({"x-place": "new"})),
            ("content_capture", json!("full")),
            ("sample_by", json!("conversation")),
            ("log_filter", json!("debug")),
        ] {
            config = with(&config, path, &value);
        }
        write(&service.file, &config);
        assert!(service.telemetry.reload().is_err(), "{path}");
        assert_eq!(service.telemetry.explain().to_string(), before, "{path}");
        receiver.clear();
        service.chat();
        let requests = receiver.requests_at("/v1/traces");
        assert_eq!(requests.len(), 1, "{path}");
        assert_eq!(requests[0].http.header("x-place"), Some("old"), "{path}");
        assert!(!receiver.contains_bytes("canary-in"), "{path}");
    }
    assert_eq!(service.reload(&base).to_string(), "unchanged: default");
}

type Seen = fn(&[ReceivedRequest]) -> bool;

fn spans(requests: &[ReceivedRequest]) -> impl Iterator<Item = &ReceivedRequest> {
    requests.iter().filter(|request| !request.spans.is_empty())
}

fn of(requests: &[ReceivedRequest], signal: &str) -> bool {
    requests.iter().any(|request| request.http.path.ends_with(signal))
}

fn has(requests: &[ReceivedRequest], text: &str) -> bool {
    requests.iter().any(|request| {
        let body = request.http.decoded_body();
        body.windows(text.len()).any(|bytes| bytes == text.as_bytes())
    })
}

/// What the next call shows of a change: a path, a value before and one after, and what is true of
/// the requests after it and not before.
fn effects() -> Vec<(&'static str, Value, Value, Seen)> {
    vec![
        ("enabled", json!(false), json!(true), |all| spans(all).count() == 1),
        ("enabled", json!(true), json!(false), |all| spans(all).count() == 0),
        ("service_name", json!("old"), json!("canary-name"), |all| has(all, "canary-name")),
        ("resource_attributes", json!({}), json!({"a": "canary-a"}), |all| has(all, "canary-a")),
        ("resource_detectors", json!([]), json!(["process"]), |all| has(all, "process.pid")),
        ("protocol", json!("http/protobuf"), json!("http/json"), |all| {
            spans(all).any(|one| one.http.header("content-type") == Some("application/json"))
        }),
        ("headers", json!({}), json!({"x-a": "1"}), |all| {
            spans(all).any(|one| one.http.header("x-a") == Some("1"))
        }),
        ("headers_list", json!("x-a=1"), json!("x-a=2"), |all| {
            spans(all).any(|one| one.http.header("x-a") == Some("2"))
        }),
        ("traces.headers", json!({}), json!({"x-a": "1"}), |all| {
            spans(all).any(|one| one.http.header("x-a") == Some("1"))
        }),
        ("metrics.headers", json!({}), json!({"x-m": "1"}), |all| {
            all.iter().any(|one| one.metrics.is_some() && one.http.header("x-m") == Some("1"))
        }),
        ("bearer_token", json!("old"), json!("new"), |all| {
            spans(all).any(|one| one.http.header("authorization") == Some("Bearer new"))
        }),
        ("compression", json!("none"), json!("gzip"), |all| {
            spans(all).any(|one| one.http.header("content-encoding") == Some("gzip"))
        }),
        ("backend", json!("otlp"), json!("langfuse"), |all| {
            spans(all).any(|one| one.http.header("x-langfuse-ingestion-version").is_some())
        }),
        ("format", json!("gen_ai"), json!("open_inference"), |all| has(all, "llm.model_name")),
        ("content_capture", json!("off"), json!("full"), |all| has(all, "canary-in")),
        ("content_capture", json!("full"), json!("off"), |all| !has(all, "canary-in")),
        ("content_capture.input", json!("off"), json!("full"), |all| has(all, "canary-in")),
        ("sampler", json!("always_on"), json!("always_off"), |all| spans(all).count() == 0),
        ("sampler", json!("always_off"), json!("parentbased_always_on"), |all| {
            spans(all).count() == 1
        }),
        ("traces.enabled", json!(true), json!(false), |all| spans(all).count() == 0),
        ("traces.exporter", json!("otlp"), json!("none"), |all| spans(all).count() == 0),
        ("metrics.enabled", json!(true), json!(false), |all| !of(all, "/v1/metrics")),
        ("logs.enabled", json!(false), json!(true), |all| of(all, "/v1/logs")),
        ("logs.exporter", json!("none"), json!("otlp"), |all| of(all, "/v1/logs")),
        (
            "pricing.models",
            json!({"m": {"input": 1, "output": 0}}),
            json!({"m": {"input": 2, "output": 0}}),
            |all| spans(all).any(|one| one.spans[0].double("gen_ai.usage.cost") == Some(2.0)),
        ),
        ("limits.attribute_value_length_limit", json!(1000), json!(3), |all| {
            spans(all).any(|one| one.spans[0].str("gen_ai.operation.name") == Some("cha"))
        }),
    ]
}

#[test]
fn what_works_at_once_shows_in_the_next_call() {
    for (path, before, after, seen) in effects() {
        let receiver = OtlpReceiver::start();
        let base = json!({"endpoint": receiver.endpoint()});
        let service = Service::start(&with(&base, path, &before));
        service.chat();
        assert!(!seen(&receiver.take_requests()), "{path}: {before} looks like {after}");
        service.reload(&with(&base, path, &after));
        service.chat();
        assert!(seen(&receiver.take_requests()), "{path}: {before} -> {after}");
    }
}
