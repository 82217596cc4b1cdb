//! What recipes have in common and people write in several ways.

use std::io::Write;
use std::sync::{Arc, Mutex};

use tracing_genai_test_support::Answer;

use super::*;
use crate::world::run;

fn recipe(file: &str) -> &'static Recipe {
    RECIPES.iter().find(|recipe| recipe.file == file).unwrap()
}

#[test]
fn credentials_are_sent_once_however_they_are_written() {
    let sent = |file: &'static str, name: &'static str, value: &'static str| {
        let world = World::new();
        let recipe = Recipe { variables: &[], ..copy(recipe(file)) };
        let telemetry = world.run(&recipe, &[(name, value)], chat);
        telemetry.force_flush().unwrap();
        let request = world.http.requests()[0].http.clone();
        (request.header("authorization").unwrap().to_owned(), telemetry.status().warnings().len())
    };
    for (file, variable, value, expected, warnings) in [
        ("grafana-cloud", "GRAFANA_OTLP_TOKEN", "YTpi==", "Basic YTpi==", 0),
        // As the gateway's page has it, and as the vendor's own page shows it for variables.
        ("grafana-cloud", "GRAFANA_OTLP_TOKEN", "Basic YTpi==", "Basic YTpi==", 1),
        ("langfuse", "LANGFUSE_AUTH", "basic YTpi==\n", "basic YTpi==", 1),
        ("logfire", "LOGFIRE_TOKEN", "pylf_v1_us_abc", "pylf_v1_us_abc", 0),
        ("dash0", "DASH0_AUTH_TOKEN", "Bearer auth_abc", "Bearer auth_abc", 1),
    ] {
        let sent = sent(file, variable, value);
        assert_eq!(sent, (expected.to_owned(), warnings), "{file} {value}");
    }
}

fn copy(recipe: &Recipe) -> Recipe {
    Recipe { ..*recipe }
}

#[test]
fn headers_of_the_standard_variable_are_decoded_once() {
    for (list, expected) in [
        ("authorization=Basic%20YTpi%3D%3D", ("authorization", "Basic YTpi==")),
        ("authorization=Basic YTpi==", ("authorization", "Basic YTpi==")),
        ("x-bt-parent=project_id:7f%253", ("x-bt-parent", "project_id:7f%3")),
    ] {
        let world = World::new();
        let builder = world.builder(&[
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "https://otlp.example.com/otlp"),
            ("OTEL_EXPORTER_OTLP_HEADERS", list),
        ]);
        let telemetry = run(builder.config_str("service_name: chat-api\n"), chat).unwrap();
        telemetry.force_flush().unwrap();
        let request = &world.http.requests()[0].http;
        assert_eq!(request.path, "/otlp/v1/traces");
        assert_eq!(request.header(expected.0), Some(expected.1), "{list}");
    }
}

#[test]
fn the_proxy_on_the_way_is_explained_without_its_credentials() {
    let config = || Config::from_file(folder().join("newrelic.yaml")).unwrap();
    let key = ("NEW_RELIC_LICENSE_KEY", "key-of-newrelic");
    let variables = [key, ("https_proxy", "http://me:s3cr3t@proxy.example.com:3128")];
    let explanation = config().resolve(variables).unwrap();
    let (proxy, _) = explanation.get("destinations.default.proxy").unwrap();
    assert_eq!(proxy, "proxy.example.com:3128 (https_proxy)");
    assert!(!format!("{explanation} {explanation:?}").contains("s3cr3t"));

    let without = config().resolve([key, variables[1], ("NO_PROXY", "nr-data.net")]).unwrap();
    assert_eq!(without.get("destinations.default.proxy"), None);
    let socks = config().resolve([key, ("ALL_PROXY", "socks5://me:s3cr3t@p:1080")]).unwrap();
    assert_eq!(socks.warnings(), ["ALL_PROXY: expected http://host:port; no proxy is used"]);
}

#[cfg(all(feature = "http-json", feature = "gzip"))]
#[test]
fn where_json_and_gzip_are_taken_two_variables_are_enough() {
    for file in ["collector", "honeycomb", "langfuse", "logfire"] {
        let world = World::new();
        let variables = [
            ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"),
        ];
        let recipe = recipe(file);
        world.run(recipe, &variables, chat).force_flush().unwrap();
        let requests = world.http.requests();
        let request = requests.iter().find(|request| !request.spans.is_empty()).unwrap();
        assert_eq!((request.path.as_str(), request.spans.len()), (recipe.traces, 1), "{file}");
        assert_eq!(request.header("content-type"), Some("application/json"));
        assert_eq!(request.header("content-encoding"), Some("gzip"));
        assert!(requests.iter().all(|request| request.undecodable.is_none()), "{file}");
    }
}

#[test]
fn grpc_to_a_vendor_that_has_none_is_told_without_a_backend_too() {
    for (endpoint, backend) in [
        ("https://cloud.langfuse.com/api/public/otel", Some("langfuse")),
        ("https://otlp-gateway-prod-us-central-0.grafana.net/otlp", Some("grafana")),
        ("https://abc12345.live.dynatrace.com/api/v2/otlp", Some("dynatrace")),
        ("https://otlp.datadoghq.eu", Some("datadog")),
        ("https://api.honeycomb.io", None),
        ("https://langfuse.example.com", None),
    ] {
        let config: Config = format!("endpoint: {endpoint}\nprotocol: grpc\n").parse().unwrap();
        let explanation = config.resolve([("", ""); 0]).unwrap();
        let told = explanation.warnings().iter().find(|it| it.contains("has no gRPC endpoint"));
        assert_eq!(told.is_some(), backend.is_some(), "{:?}", explanation.warnings());
        if let (Some(told), Some(backend)) = (told, backend) {
            assert!(told.contains(&format!("`backend: {backend}`")), "{told}");
        }
    }
}

#[test]
fn a_receiver_without_metrics_is_named_once_and_left_alone() {
    let world = World::new();
    world.http.answer_always(Answer::status(404));
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt().with_writer(log.clone()).finish();
    // Its own thread warns, so this is for the whole process; no other test here looks at a log.
    tracing::subscriber::set_global_default(subscriber).unwrap();

    let text = "endpoint: https://otlp.example.com\nmetrics: {export_interval_ms: 3600000}\n";
    let telemetry = run(world.builder(&[]).config_str(text), chat).unwrap();
    for _ in 0..3 {
        telemetry.force_flush().unwrap_err();
    }
    let requests = world.http.requests();
    assert_eq!(requests.iter().filter(|request| request.metrics.is_some()).count(), 1);
    let status = serde_json::to_value(telemetry.status()).unwrap();
    let error = status["metrics"]["last_error"].as_str().unwrap();
    assert!(error.contains("404") && error.contains("Set metrics.enabled: false"), "{error}");
    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert_eq!(
        log.matches("the receiver does not accept metrics (answered 404").count(),
        1,
        "{log}"
    );
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> tracing_subscriber::fmt::MakeWriter<'a> for Log {
    type Writer = Self;

    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}
