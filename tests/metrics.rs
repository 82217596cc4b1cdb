//! Metrics as a receiver decodes them: names, units, buckets, labels and values.
#![cfg(all(feature = "metrics", feature = "otel-http", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

#[path = "metrics/dump.rs"]
mod dump;

use std::time::Duration;

use dump::{dump, sums};
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use serde_json::json;
use tracing::{Span, info_span};
use tracing_genai::semconv::Version;
use tracing_genai::stream::{OpenAiChat, Recorder};
use tracing_genai::telemetry::{Console, Sampler};
use tracing_genai::{Builder, Telemetry};
use tracing_genai_test_support::{Answer, OtlpReceiver};
use tracing_subscriber::prelude::*;

const NO_ENV: [(&str, &str); 0] = [];
const SOON: Duration = Duration::from_secs(10);

fn builder(receiver: &OtlpReceiver) -> Builder {
    tracing_genai::builder()
        .env(NO_ENV)
        .service_name("test")
        .console(Console::Never)
        .endpoint(receiver.endpoint())
}

fn run(builder: Builder, work: impl FnOnce()) -> Telemetry {
    let (layer, telemetry) = builder.build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), work);
    telemetry
}

/// What one export after `work` says.
fn measured(
    configure: impl FnOnce(Builder) -> Builder,
    work: impl FnOnce(),
) -> ExportMetricsServiceRequest {
    let receiver = OtlpReceiver::start();
    let telemetry = run(configure(builder(&receiver)), work);
    telemetry.shutdown().unwrap();
    receiver.wait_for_metrics(1, SOON).remove(0)
}

fn chat(model: &'static str) -> Span {
    info_span!(
        "chat",
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = model,
        gen_ai.response.model = tracing::field::Empty,
        gen_ai.request.stream = tracing::field::Empty,
        gen_ai.response.time_to_first_chunk = tracing::field::Empty,
        server.address = "api.openai.com",
        server.port = 443,
        gen_ai.usage.input_tokens = tracing::field::Empty,
        gen_ai.usage.output_tokens = tracing::field::Empty,
        gen_ai.usage.cache_read.input_tokens = tracing::field::Empty,
        gen_ai.usage.cost = tracing::field::Empty,
        error.type = tracing::field::Empty,
        user.id = tracing::field::Empty,
    )
}

fn answered(span: &Span, input: i64, output: i64) {
    span.record("gen_ai.usage.input_tokens", input);
    span.record("gen_ai.usage.output_tokens", output);
}

/// One of each kind: plain, streamed, failed with usage, embeddings, retrieval.
fn all_operations() {
    let span = chat("gpt-4o");
    span.record("gen_ai.response.model", "gpt-4o-2024-08-06");
    answered(&span, 1200, 80);
    span.record("gen_ai.usage.cache_read.input_tokens", 1000);
    drop(span);

    let span = chat("gpt-4o");
    span.record("gen_ai.response.model", "gpt-4o-2024-08-06");
    span.record("gen_ai.request.stream", true);
    span.record("gen_ai.response.time_to_first_chunk", 0.3);
    answered(&span, 10, 20);
    drop(span);

    let span = chat("gpt-4o");
    span.record("gen_ai.response.model", "gpt-4o-2024-08-06");
    answered(&span, 5, 1);
    span.record("error.type", "timeout");
    drop(span);

    drop(info_span!(
        "embeddings",
        gen_ai.operation.name = "embeddings",
        gen_ai.provider.name = "openai",
        gen_ai.request.model = "text-embedding-3-small",
        gen_ai.usage.input_tokens = 9,
    ));
    drop(info_span!(
        "retrieval",
        gen_ai.operation.name = "retrieval",
        gen_ai.data_source.id = "docs"
    ));
}

fn agents_and_tools() {
    let agent =
        info_span!("a", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "planner");
    agent.in_scope(|| {
        for _ in 0..2 {
            let span = chat("gpt-4o");
            answered(&span, 10, 1);
        }
        let tool =
            info_span!("t", gen_ai.operation.name = "execute_tool", gen_ai.tool.name = "search");
        tool.in_scope(|| {
            let sub =
                info_span!("s", gen_ai.operation.name = "invoke_agent", gen_ai.agent.name = "sub");
            sub.in_scope(|| answered(&chat("gpt-4o"), 10, 1));
        });
    });
    drop(agent);
    drop(info_span!(
        "w",
        gen_ai.operation.name = "invoke_workflow",
        gen_ai.workflow.name = "nightly"
    ));
    drop(info_span!(
        "mcp",
        mcp.method.name = "tools/call",
        gen_ai.tool.name = "search",
        error.type = "tool_error"
    ));
}

#[test]
fn operations_in_1_41() {
    let request = measured(|builder| builder, all_operations);
    insta(&dump(&request), include_str!("metrics/operations_1_41.txt"), "operations_1_41");
}

#[test]
fn operations_in_the_latest_version() {
    let request = measured(|builder| builder.semconv(Version::Latest), all_operations);
    insta(&dump(&request), include_str!("metrics/operations_latest.txt"), "operations_latest");
}

#[test]
fn operations_in_both() {
    let request = measured(|builder| builder.semconv(Version::Dual), all_operations);
    insta(&dump(&request), include_str!("metrics/operations_dual.txt"), "operations_dual");
}

#[test]
fn agents_tools_workflows_and_mcp() {
    let request = measured(|builder| builder.semconv(Version::Latest), agents_and_tools);
    insta(&dump(&request), include_str!("metrics/agents_latest.txt"), "agents_latest");
}

#[test]
fn what_is_not_sampled_is_measured_all_the_same() {
    let all = measured(|builder| builder, all_operations);
    let none = measured(|builder| builder.sampler(Sampler::AlwaysOff), all_operations);
    assert_eq!(dump(&none), dump(&all));
}

#[test]
fn nested_spans_of_one_request_count_once() {
    let tokens = |work: fn()| {
        let request = measured(|builder| builder.semconv(Version::Latest), work);
        let input = sums(&request, "gen_ai.client.inference.usage.input_tokens");
        let cost = sums(&request, "tracing_genai.client.cost");
        (input, cost, sums(&request, "tracing_genai.client.requests"))
    };
    // A framework over its client, with a plain span in between.
    assert_eq!(
        tokens(|| {
            let framework = chat("gpt-4o");
            framework.in_scope(|| {
                info_span!("http").in_scope(|| {
                    let client = chat("gpt-4o");
                    answered(&client, 100, 10);
                    client.record("gen_ai.usage.cost", 0.5);
                });
            });
            answered(&framework, 100, 10);
            framework.record("gen_ai.usage.cost", 0.5);
        }),
        (100.0, 0.5, 1.0)
    );
    // A gateway over a failed attempt that was billed and one that said nothing of its usage.
    assert_eq!(
        tokens(|| {
            let gateway = chat("gpt-4o");
            gateway.in_scope(|| {
                let failed = chat("gpt-4o");
                answered(&failed, 30, 0);
                failed.record("error.type", "500");
                drop(failed);
                drop(chat("gpt-4o"));
            });
            answered(&gateway, 130, 10);
        }),
        (130.0, 0.0, 2.0)
    );
    // Below a tool there is another request.
    assert_eq!(
        tokens(|| {
            let outer = chat("gpt-4o");
            outer.in_scope(|| {
                let tool = info_span!(
                    "t",
                    gen_ai.operation.name = "execute_tool",
                    gen_ai.tool.name = "ask"
                );
                tool.in_scope(|| answered(&chat("gpt-4o"), 7, 1));
            });
            answered(&outer, 100, 10);
        }),
        (107.0, 0.0, 2.0)
    );
}

#[test]
fn each_chunk_after_the_first_is_measured() {
    let request = measured(
        |builder| builder,
        || {
            let mut recorder = Recorder::new(chat("gpt-4o"), OpenAiChat::new());
            for word in ["one", "two", "three", "four"] {
                recorder.chunk(&json!({"choices": [{"index": 0, "delta": {"content": word}}]}));
            }
            recorder.end();
        },
    );
    let text = dump(&request);
    let times = |name: &str| {
        let line = text.lines().skip_while(|line| !line.starts_with(name)).nth(1).unwrap_or("");
        line.split(" = ").nth(1).map(|found| found.split(',').next().unwrap().to_owned())
    };
    let name = "gen_ai.client.operation.time_per_output_chunk";
    assert_eq!(times(name).as_deref(), Some("3 times"), "{text}");
    let name = "gen_ai.client.operation.time_to_first_chunk";
    assert_eq!(times(name).as_deref(), Some("1 times"), "{text}");
}

#[test]
fn calls_that_used_nothing_are_calls() {
    let request = measured(
        |builder| builder,
        || {
            answered(&chat("gpt-4o"), 0, 23);
            answered(&chat("gpt-4o"), 0, 0);
            answered(&chat("gpt-4o"), 23, 0);
        },
    );
    assert_eq!(sums(&request, "tracing_genai.client.requests"), 3.0);
}

#[test]
fn cumulative_sums_grow_and_delta_sums_begin_anew() {
    for (temporality, expected) in [("cumulative", [10.0, 15.0]), ("delta", [10.0, 5.0])] {
        let receiver = OtlpReceiver::start();
        let config = format!("semconv: latest\nmetrics: {{temporality: {temporality}}}");
        let (layer, telemetry) = builder(&receiver).config_str(config).build().unwrap();
        tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
            answered(&chat("gpt-4o"), 10, 1);
            telemetry.force_flush().unwrap();
            answered(&chat("gpt-4o"), 5, 1);
            telemetry.force_flush().unwrap();
        });
        let requests = receiver.wait_for_metrics(2, SOON);
        let name = "gen_ai.client.inference.usage.input_tokens";
        let found = [sums(&requests[0], name), sums(&requests[1], name)];
        assert_eq!(found, expected, "{temporality}");
    }
}

#[test]
fn histograms_are_exponential_where_asked_for() {
    let config = "metrics: {histogram_aggregation: base2_exponential_bucket_histogram}";
    let request = measured(|builder| builder.config_str(config), all_operations);
    let text = dump(&request);
    assert!(text.contains("gen_ai.client.token.usage {token} exponential cumulative"), "{text}");
}

/// A gRPC server takes requests of 4 MiB, and not every proxy before an HTTP one more.
#[test]
fn thousands_of_series_leave_in_requests_of_a_size_that_receivers_take() {
    let receiver = OtlpReceiver::start();
    let config = "metrics: {cardinality_limit: 20000, labels: {user.id: 20000}}";
    let (layer, telemetry) = builder(&receiver).config_str(config).build().unwrap();
    let long = "x".repeat(200);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for user in 0..6_000 {
            let span = chat("gpt-4o");
            span.record("user.id", format!("{user} {long}"));
            answered(&span, 1, 1);
        }
        telemetry.force_flush().unwrap();
    });
    let requests = receiver.requests();
    let metrics = requests.iter().filter(|request| request.metrics.is_some());
    let sizes: Vec<_> = metrics.map(|request| request.http.body.len()).collect();
    assert!(sizes.len() > 1 && sizes.iter().all(|size| *size < 4 << 20), "{sizes:?}");
    let status = telemetry.status();
    assert_eq!(status.metrics().unwrap().pushes(), 1, "{status}");
    let durations: u64 = requests.iter().filter_map(|it| it.metrics.as_ref()).map(durations).sum();
    assert_eq!(durations, 6_000);
}

/// How many calls a request has durations of.
fn durations(request: &ExportMetricsServiceRequest) -> u64 {
    use opentelemetry_proto::tonic::metrics::v1::metric::Data;

    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| &scope.metrics);
    let counts = metrics.filter_map(|metric| match &metric.data {
        Some(Data::Histogram(all)) if metric.name == "gen_ai.client.operation.duration" => {
            Some(all.data_points.iter().map(|point| point.count).sum::<u64>())
        }
        _ => None,
    });
    counts.sum()
}

#[test]
fn labels_pass_into_other_and_back() {
    let receiver = OtlpReceiver::start();
    let config = "semconv: latest\nmetrics: {labels: {user.id: 2}}";
    let (layer, telemetry) = builder(&receiver).config_str(config).build().unwrap();
    let call = |user: &str| {
        let span = chat("gpt-4o");
        span.record("user.id", user);
        answered(&span, 1, 1);
    };
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        ["ann", "ben", "cem", "ann"].into_iter().for_each(call);
        telemetry.force_flush().unwrap();
        // Nobody but ann was seen since, so ben makes room.
        ["ann", "cem"].into_iter().for_each(call);
        telemetry.force_flush().unwrap();
    });
    let users = |request| {
        let text = dump(request);
        let line = |line: &&str| line.starts_with("  ") && line.contains("user.id=");
        let mut users: Vec<_> = text
            .lines()
            .skip_while(|line| !line.starts_with("tracing_genai.client.requests"))
            .skip(1)
            .take_while(line)
            .map(|line| {
                let user = line.split("user.id=").nth(1).unwrap();
                user.replace(", ", " ").replace(" = ", " ")
            })
            .collect();
        users.sort();
        users.join("; ")
    };
    let requests = receiver.wait_for_metrics(2, SOON);
    assert_eq!(users(&requests[0]), "ann 2; ben 1; other 1");
    assert_eq!(users(&requests[1]), "ann 3; cem 1; other 1");
    let status = telemetry.status();
    let user = status.metrics().unwrap().labels()["user.id"];
    assert_eq!((user.other(), user.recycled()), (1, 1));
}

#[test]
fn an_unbounded_error_type_costs_other_series_nothing() {
    let receiver = OtlpReceiver::start();
    let config = "metrics: {cardinality_limit: 100}";
    let (layer, telemetry) = builder(&receiver).config_str(config).build().unwrap();
    let fail = |model: &'static str, error: String| {
        chat(model).record("error.type", error);
    };
    let models: Vec<&'static str> =
        (0..24).map(|n| &*Box::leak(format!("model {n}").into_boxed_str())).collect();
    let answer = |model: &&'static str| answered(&chat(model), 1, 1);
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for round in 0..8 {
            for error in 0..25 {
                fail(models[0], format!("{round} {error}"));
            }
            telemetry.force_flush().unwrap();
        }
        // Known errors, and more of them than there is room for.
        for model in &models[..8] {
            for error in 0..25 {
                fail(model, format!("7 {error}"));
            }
        }
        // As many models as there may be series: four points each, but for the overflow series.
        models.iter().for_each(answer);
        telemetry.force_flush().unwrap();
        models.iter().for_each(answer);
        telemetry.force_flush().unwrap();
    });
    let last = receiver.wait_for_metrics(10, SOON).pop().unwrap();
    let text = dump(&last);
    assert!(!text.contains("overflow"), "{text}");
    assert_eq!(sums(&last, "tracing_genai.client.successes"), 48.0, "{text}");
    assert_eq!(sums(&last, "tracing_genai.client.requests"), 448.0, "{text}");
    assert_eq!(text.matches("model 23").count(), text.matches("model 22").count());
    let status = telemetry.status();
    assert_eq!(status.metrics().unwrap().overflowed(), 0, "{status}");
    assert!(status.metrics().unwrap().series() <= 100, "{status}");
}

#[test]
fn what_is_not_a_number_to_add_up_is_dropped_and_counted() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder(&receiver), || {
        let first = |span: &Span, seconds: f64| {
            span.record("gen_ai.response.time_to_first_chunk", seconds);
            answered(span, 1, 1);
        };
        for seconds in [f64::NAN, f64::INFINITY, -2.5, 0.25] {
            first(&chat("m"), seconds);
        }
        for dollars in [f64::NAN, f64::NEG_INFINITY, 1e300, 0.5] {
            let span = chat("n");
            span.record("gen_ai.usage.cost", dollars);
        }
    });
    telemetry.shutdown().unwrap();
    let request = receiver.wait_for_metrics(1, SOON).remove(0);
    let text = dump(&request);
    assert!(!text.contains("NaN") && !text.contains("= inf"), "{text}");
    assert_eq!(sums(&request, "tracing_genai.client.requests"), 8.0, "{text}");
    let status = telemetry.status();
    assert_eq!(status.metrics().unwrap().not_finite(), 6, "{status}");
    assert!(status.to_string().contains("6 not finite"), "{status}");
}

#[test]
fn metrics_about_delivery_say_what_the_status_says() {
    let (good, bad) = (OtlpReceiver::start(), OtlpReceiver::start());
    good.answer_at("/v1/traces", Answer::partial_success(2, "too old"));
    bad.answer_at("/v1/traces", Answer::status(401));
    let exporters = format!(
        "exporters: [{{name: good, endpoint: {}}}, {{name: bad, endpoint: {}}}]",
        good.endpoint(),
        bad.endpoint()
    );
    let config = format!("{exporters}\nmetrics: {{sdk: true}}");
    let builder = tracing_genai::builder().env(NO_ENV).console(Console::Never);
    let telemetry = run(builder.config_str(&config), || {
        (0..3).for_each(|_| answered(&chat("gpt-4o"), 1, 1));
    });
    telemetry.force_flush().unwrap_err();
    let status = telemetry.status();
    let request = good.wait_for_metrics(1, SOON).pop().unwrap();
    let said = |name: &str, labels: &[&str]| {
        let text = dump(&request);
        let mut of_metric = text.lines().skip_while(|line| !line.starts_with(name)).skip(1);
        let points = of_metric.by_ref().take_while(|line| line.starts_with("  "));
        let points = points.filter(|line| labels.iter().all(|label| line.contains(label)));
        let numbers = points.map(|line| line.rsplit(" = ").next().unwrap().parse::<u64>().unwrap());
        numbers.sum::<u64>()
    };
    let spans = status.spans();
    assert_eq!(said("otel.sdk.span.started", &[]), spans.started());
    assert_eq!(said("otel.sdk.span.live", &[]), spans.in_flight());
    for to in status.destinations() {
        let name = format!("otel.component.name={}", to.name());
        let exported = |error: &str| {
            let labels = [&*name, error, "otlp_http_span_exporter", "server.address=127.0.0.1"];
            said("otel.sdk.exporter.span.exported", &labels)
        };
        assert_eq!(exported(""), to.received(), "{}", dump(&request));
        assert_eq!(exported("error.type=rejected"), to.rejected());
        assert_eq!(exported("error.type=401"), to.failed());
        let processor = |metric: &str| {
            let labels = [&*name, "batching_span_processor"];
            said(&format!("otel.sdk.processor.span.{metric}"), &labels)
        };
        assert_eq!(processor("processed"), to.received());
        assert_eq!(processor("queue.size"), to.queued());
        assert_eq!(processor("queue.capacity"), to.queue_capacity());
        assert_eq!(said("otel.sdk.exporter.span.inflight", &[&name]), to.sending());
    }
    assert!(dump(&request).contains("otel.sdk.exporter.operation.duration"), "{}", dump(&request));
    let [first, second] = status.destinations() else { panic!("{status}") };
    assert_eq!((first.exported(), first.rejected(), second.failed()), (1, 2, 3), "{status}");
    // Off unless asked for.
    let plain = measured(|builder| builder, all_operations);
    assert!(!dump(&plain).contains("otel.sdk"), "{}", dump(&plain));
}

#[test]
fn metrics_leave_where_traces_do_not() {
    for traces in ["{exporter: none}", "{exporter: console}", "{enabled: false}"] {
        let config = format!("traces: {traces}");
        let receiver = OtlpReceiver::start();
        let telemetry = run(builder(&receiver).config_str(config), all_operations);
        telemetry.shutdown().unwrap();
        let request = receiver.wait_for_metrics(1, SOON).remove(0);
        assert_eq!(sums(&request, "tracing_genai.client.requests"), 5.0, "{traces}");
        assert!(receiver.spans().is_empty(), "{traces}");
    }
}

#[test]
fn calls_are_priced_on_the_span_and_in_a_counter() {
    let receiver = OtlpReceiver::start();
    let config = "
pricing:
  models:
    openai/gpt-4o: {input: 2.5, output: 10, cache_read: 1.25}
";
    let telemetry = run(builder(&receiver).config_str(config), || {
        let span = chat("gpt-4o");
        span.record("gen_ai.response.model", "gpt-4o-2024-08-06");
        answered(&span, 1200, 80);
        span.record("gen_ai.usage.cache_read.input_tokens", 1000);
        drop(span);
        let span = chat("gpt-4o");
        answered(&span, 1200, 80);
        span.record("gen_ai.usage.cost", 0.5);
        drop(span);
        answered(&chat("a-model-of-our-own"), 1, 1);
        drop(chat("gpt-4o"));
    });
    telemetry.shutdown().unwrap();
    let request = receiver.wait_for_metrics(1, SOON).remove(0);
    assert_eq!(sums(&request, "tracing_genai.client.cost"), 0.50255);
    let spans = receiver.wait_for_spans(4, SOON);
    let mut costs: Vec<_> = spans
        .iter()
        .map(|span| {
            let part = |name| span.double(name);
            (
                part("gen_ai.usage.cost"),
                part("tracing_genai.cost.input"),
                part("tracing_genai.cost.output"),
                part("tracing_genai.cost.cache_read"),
            )
        })
        .collect();
    costs.sort_by(|a, b| a.partial_cmp(b).unwrap());
    let priced = (Some(0.00255), Some(0.0005), Some(0.0008), Some(0.00125));
    let (none, own) = ((None, None, None, None), (Some(0.5), None, None, None));
    assert_eq!(costs, [none, none, priced, own]);
    let status = telemetry.status();
    let pricing = status.metrics().unwrap().pricing();
    assert_eq!((pricing.priced(), pricing.unknown_model(), pricing.no_usage()), (1, 1, 1));
}

#[test]
fn anthropic_input_becomes_inclusive_once() {
    let cached = |provider: &'static str, input: i64| {
        let request = measured(
            |builder| builder.semconv(Version::Latest),
            || {
                drop(info_span!(
                    "chat",
                    gen_ai.operation.name = "chat",
                    gen_ai.provider.name = provider,
                    gen_ai.request.model = "m",
                    gen_ai.usage.input_tokens = input,
                    gen_ai.usage.cache_read.input_tokens = 1000,
                    gen_ai.usage.cache_creation.input_tokens = 500,
                ));
            },
        );
        sums(&request, "gen_ai.client.inference.usage.input_tokens")
    };
    assert_eq!(cached("anthropic", 10), 1510.0);
    assert_eq!(cached("anthropic", 1510), 1510.0);
    assert_eq!(cached("openai", 1510), 1510.0);
}

/// Compares with a golden file; `UPDATE_GOLDEN=1` writes it.
#[track_caller]
fn insta(found: &str, golden: &str, name: &str) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        let path = format!("{}/tests/metrics/{name}.txt", env!("CARGO_MANIFEST_DIR"));
        std::fs::write(path, found).unwrap();
        return;
    }
    assert!(found == golden, "{name} differs; found:\n{found}");
}
