//! A configuration that changes while spans are made: nothing is lost, doubled or sent to the wrong
//! place, and content that was switched off stays in, wherever it waited.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tracing::{Dispatch, Span, info_span};
use tracing_genai::telemetry::{Console, Reloaded, State};
use tracing_genai::{Builder, Telemetry};
use tracing_genai_test_support::{Answer, OtlpReceiver, ReceivedRequest};
use tracing_subscriber::prelude::*;

/// Long enough for a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

/// A running telemetry with the file that it was made from.
struct Running {
    file: ConfigFile,
    telemetry: Telemetry,
    dispatch: Dispatch,
}

impl Running {
    fn start(name: &str, yaml: &str) -> Self {
        let file = ConfigFile::new(name);
        file.write(yaml);
        let (layer, telemetry) = builder().config_file(&file.0).build().unwrap();
        let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
        Self { file, telemetry, dispatch }
    }

    fn reload(&self, yaml: &str) -> Reloaded {
        self.file.write(yaml);
        self.telemetry.reload().unwrap()
    }

    fn run<T>(&self, work: impl FnOnce() -> T) -> T {
        tracing::dispatcher::with_default(&self.dispatch, work)
    }

    fn assert_all_exported(&self) {
        let status = self.telemetry.status();
        let spans = status.spans();
        assert_eq!(spans.exported(), spans.started() - spans.sampled_out(), "{status}");
        assert!(spans.dropped().is_empty(), "{status}");
    }
}

fn builder() -> Builder {
    tracing_genai::builder().env([("", ""); 0]).service_name("test").console(Console::Never)
}

fn chat(model: &str, content: &str) -> Span {
    info_span!(
        "handler",
        gen_ai.operation.name = "chat",
        gen_ai.request.model = model,
        gen_ai.input.messages = content,
        gen_ai.output.messages =
            r#"[{"role":"assistant","content":"canary-out","finish_reason":"stop"}]"#,
    )
}

fn contains(request: &ReceivedRequest, needle: &str) -> bool {
    request.http.body.windows(needle.len()).any(|bytes| bytes == needle.as_bytes())
}

#[test]
fn two_hundred_reloads_of_everything_under_load() {
    const THREADS: usize = 3;
    let receivers = [OtlpReceiver::start(), OtlpReceiver::start()];
    let yaml = |round: usize, capture: &str| {
        let place = round % 2;
        let (sampler, format) = match round % 3 {
            0 => ("always_on", "gen_ai"),
            1 => ("parentbased_always_on", "gen_ai"),
            _ => ("parentbased_always_on", "open_inference"),
        };
        format!(
            "endpoint: {}\nheaders: {{x-place: p{place}, x-round: r{round}}}\nsampler: {sampler}\n\
             format: {format}\ncontent_capture: {capture}\nmetrics: {{enabled: false}}\n\
             traces: {{batch: {{max_queue_size: 100000, flush_ms: 200}}}}\n",
            receivers[place].endpoint(),
        )
    };
    let running = Running::start("load", &yaml(0, "full"));
    let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
    let mut arrived: Vec<(usize, ReceivedRequest)> = Vec::new();
    let mut while_off = 0;
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (running, stop, made) = (&running, &stop, &made);
            scope.spawn(move || {
                running.run(|| {
                    let mut open = std::collections::VecDeque::new();
                    for i in 0.. {
                        if stop.load(Ordering::Relaxed) {
                            break;
                        }
                        // Open for a while, so that settings change in between.
                        open.push_back(chat(&format!("{thread}-{i}"), "canary-in"));
                        if open.len() > 40 {
                            open.pop_front();
                            made.fetch_add(1, Ordering::Relaxed);
                        }
                        if i % 20 == 0 {
                            std::thread::yield_now();
                        }
                    }
                    made.fetch_add(open.len() as u64, Ordering::Relaxed);
                });
            });
        }
        let take = || {
            let requests = receivers.iter().enumerate().map(|(place, receiver)| {
                receiver.take_requests().into_iter().map(move |request| (place, request))
            });
            requests.flatten().collect::<Vec<_>>()
        };
        for round in 1..=200 {
            let off = round % 4 >= 2;
            let reloaded = running.reload(&yaml(round, if off { "off" } else { "full" }));
            assert!(reloaded.needs_restart().is_empty(), "{reloaded}");
            arrived.extend(take());
            if off {
                running.run(|| drop(chat(&format!("off-{round}"), "canary-never")));
                made.fetch_add(1, Ordering::Relaxed);
            }
            let goal = made.load(Ordering::Relaxed) + 20;
            while made.load(Ordering::Relaxed) < goal {
                std::thread::yield_now();
            }
            if round % 20 == 3 {
                running.telemetry.force_flush().unwrap();
            }
            let requests = take();
            if off {
                while_off += requests.len();
                assert!(!requests.iter().any(|(_, request)| contains(request, "canary")));
            }
            arrived.extend(requests);
        }
        stop.store(true, Ordering::Relaxed);
    });
    running.telemetry.force_flush().unwrap();
    for (place, receiver) in receivers.iter().enumerate() {
        arrived.extend(receiver.take_requests().into_iter().map(|request| (place, request)));
    }

    assert!(while_off > 20, "{while_off} requests were looked at");
    assert!(arrived.iter().any(|(_, request)| contains(request, "canary-in")), "none at all");
    assert!(!arrived.iter().any(|(_, request)| contains(request, "canary-never")));
    let mut seen: HashMap<String, usize> = HashMap::new();
    for (place, request) in &arrived {
        let expected = format!("p{place}");
        assert_eq!(request.http.header("x-place"), Some(expected.as_str()));
        for span in &request.spans {
            *seen.entry(span.name.clone()).or_default() += 1;
        }
    }
    let made = made.into_inner();
    assert_eq!(seen.len() as u64, made, "each span has a name of its own");
    assert!(seen.values().all(|times| *times == 1));
    assert_eq!(running.telemetry.status().spans().started(), made);
    running.assert_all_exported();
}

/// The transport itself changes while spans are made.
#[cfg(all(feature = "otel-grpc", feature = "http-json", feature = "gzip"))]
#[test]
fn protocols_change_under_load() {
    let (http, grpc) = (OtlpReceiver::start(), tracing_genai_test_support::GrpcReceiver::start());
    let yaml = |round: usize| {
        let (endpoint, transport) = match round % 4 {
            0 => (http.endpoint(), "protocol: http/protobuf"),
            1 => (grpc.endpoint(), "protocol: grpc"),
            2 => (http.endpoint(), "protocol: http/json\ncompression: gzip"),
            _ => (grpc.endpoint(), "protocol: grpc\ncompression: gzip"),
        };
        format!(
            "endpoint: {endpoint}\n{transport}\nmetrics: {{enabled: false}}\n\
             traces: {{batch: {{max_queue_size: 100000}}}}\n"
        )
    };
    let running = Running::start("protocols", &yaml(0));
    let (stop, made) = (AtomicBool::new(false), AtomicU64::new(0));
    std::thread::scope(|scope| {
        scope.spawn(|| {
            running.run(|| {
                while !stop.load(Ordering::Relaxed) {
                    let n = made.load(Ordering::Relaxed);
                    drop(chat(&n.to_string(), ""));
                    made.fetch_add(1, Ordering::Relaxed);
                }
            });
        });
        for round in 1..=40 {
            running.reload(&yaml(round));
            let goal = made.load(Ordering::Relaxed) + 20;
            while made.load(Ordering::Relaxed) < goal {
                std::thread::yield_now();
            }
        }
        stop.store(true, Ordering::Relaxed);
    });
    running.telemetry.force_flush().unwrap();
    let (over_http, over_grpc) = (http.spans(), grpc.spans());
    assert!(!over_http.is_empty() && !over_grpc.is_empty());
    let all = over_http.iter().chain(&over_grpc).map(|span| span.name.as_str());
    let names: std::collections::HashSet<&str> = all.collect();
    let made = made.into_inner();
    assert_eq!(names.len() as u64, made);
    assert_eq!((over_http.len() + over_grpc.len()) as u64, made, "each once");
    running.assert_all_exported();
}

fn yaml(receiver: &OtlpReceiver, capture: &str, more: &str) -> String {
    format!(
        "endpoint: {}\ncontent_capture: {capture}\nmetrics: {{enabled: false}}\n\
         traces: {{batch: {{flush_ms: 60000}}}}\n{more}",
        receiver.endpoint()
    )
}

#[test]
fn content_in_the_queue_does_not_leave_once_it_is_switched_off() {
    let receiver = OtlpReceiver::start();
    // The destination is opened while capture is off, and stays the same throughout.
    let running = Running::start("queue", &yaml(&receiver, "off", ""));
    running.reload(&yaml(&receiver, "full", ""));
    running.run(|| drop(chat("ended before", "canary-in")));
    let open = running.run(|| chat("still open", "canary-in"));
    let reloaded = running.reload(&yaml(&receiver, "off", ""));
    assert_eq!(reloaded.changed(), ["content_capture"]);
    drop(open);
    running.telemetry.force_flush().unwrap();
    let spans = receiver.spans();
    assert_eq!(spans.len(), 2);
    // What an answer says besides its text was read while it was there.
    assert_eq!(spans[0].name, "chat ended before");
    assert_eq!(spans[0].strings("gen_ai.response.finish_reasons"), Some(vec!["stop"]));
    assert!(!receiver.contains_bytes("canary"));
    running.assert_all_exported();
}

#[test]
fn content_in_a_request_that_is_sent_again_is_taken_back() {
    for status in [503, 429] {
        let receiver = OtlpReceiver::start();
        receiver.answer_next(Answer::status(status).header("retry-after", "1"));
        let running = Running::start("retry", &yaml(&receiver, "full", ""));
        running.run(|| {
            for i in 0..3 {
                drop(chat(&format!("m{i}"), "canary-in"));
            }
        });
        std::thread::scope(|scope| {
            let flush = scope.spawn(|| running.telemetry.force_flush());
            assert!(contains(&receiver.wait_for_requests(1, PATIENCE)[0], "canary-in"));
            running.reload(&yaml(&receiver, "off", ""));
            flush.join().unwrap().unwrap();
        });
        let requests = receiver.requests();
        assert_eq!(requests.len(), 2);
        assert!(!contains(&requests[1], "canary"));
        assert_eq!(receiver.span_count(), 3);
        let names: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
        assert_eq!(names, ["chat m0", "chat m1", "chat m2"]);
        running.assert_all_exported();
    }
}

#[test]
fn a_reload_waits_for_the_request_that_has_content_in_it() {
    let receiver = OtlpReceiver::start();
    receiver.answer_next(Answer::accept().after(Duration::from_millis(200)));
    let running = Running::start("under-way", &yaml(&receiver, "full", ""));
    running.run(|| drop(chat("m", "canary-in")));
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| running.telemetry.force_flush());
        let _ = receiver.wait_for_requests(1, PATIENCE);
        running.reload(&yaml(&receiver, "off", ""));
        assert!(running.telemetry.status().destinations()[0].last_success().is_some());
        flush.join().unwrap().unwrap();
    });
}

#[test]
fn content_that_waits_for_the_end_of_its_trace_does_not_leave() {
    let receiver = OtlpReceiver::start();
    let more = "sampler: always_off\nkeep: {errors: true}\n";
    let running = Running::start("tail", &yaml(&receiver, "full", more));
    running.run(|| {
        let root = info_span!("root", gen_ai.operation.name = "invoke_agent");
        let child = root.in_scope(|| chat("m", "canary-in"));
        child.record("gen_ai.operation.name", "chat");
        drop(child);
        let failed = root.in_scope(|| info_span!("step", otel.status_code = "ERROR"));
        drop(failed);
        assert_eq!(running.telemetry.status().spans().undecided(), 2);
        running.reload(&yaml(&receiver, "off", more));
        drop(root);
    });
    running.telemetry.force_flush().unwrap();
    assert_eq!(receiver.span_count(), 3);
    assert!(!receiver.contains_bytes("canary"));
    assert_eq!(running.telemetry.status().spans().undecided(), 0);
}

#[test]
fn one_destination_may_be_switched_off_by_itself() {
    let (a, b) = (OtlpReceiver::start(), OtlpReceiver::start());
    let yaml = |capture: &str| {
        format!(
            "content_capture: full\nmetrics: {{enabled: false}}\n\
             traces: {{batch: {{flush_ms: 60000}}}}\n\
             exporters: [{{name: a, endpoint: {}}}, \
             {{name: b, endpoint: {}, content_capture: {capture}}}]\n",
            a.endpoint(),
            b.endpoint(),
        )
    };
    let running = Running::start("one-of-two", &yaml("full"));
    running.run(|| drop(chat("m", "canary-in")));
    let reloaded = running.reload(&yaml("off"));
    assert_eq!(reloaded.changed(), ["exporters.b"]);
    assert_eq!(reloaded.kept(), ["a"]);
    running.run(|| drop(chat("m", "canary-in")));
    running.telemetry.force_flush().unwrap();
    assert_eq!((a.span_count(), b.span_count()), (2, 2));
    assert!(a.contains_bytes("canary-in"));
    assert!(!b.contains_bytes("canary"));
}

#[test]
fn error_text_is_taken_back_with_the_content() {
    let receiver = OtlpReceiver::start();
    let running = Running::start("error-text", &yaml(&receiver, "full", ""));
    running.run(|| {
        let span = chat("m", "canary-in");
        span.in_scope(|| tracing::error!(error = "bad prompt: `canary-error`", "failed"));
        drop(span);
    });
    running.reload(&yaml(&receiver, "off", "error_text: type_only\n"));
    running.telemetry.force_flush().unwrap();
    assert_eq!(receiver.span_count(), 1);
    assert!(!receiver.contains_bytes("canary"));
}

/// What the application asked to be flushed is what has ended; a trace that goes on is not decided
/// for that, and waits for its root or for shutdown.
#[test]
fn a_flush_does_not_decide_on_traces_that_go_on() {
    let receiver = OtlpReceiver::start();
    let more = "sampler: always_off\nkeep: {errors: true}\n";
    let running = Running::start("undecided", &yaml(&receiver, "off", more));
    let failing = |root: &Span| {
        drop(root.in_scope(|| info_span!("step", otel.status_code = "ERROR")));
    };
    let (over, open) = running.run(|| (info_span!("over"), info_span!("open")));
    running.run(|| {
        failing(&over);
        failing(&open);
        drop(over);
    });
    running.telemetry.force_flush().unwrap();
    let status = running.telemetry.status();
    assert_eq!(receiver.span_count(), 2, "the trace that is over");
    assert_eq!((status.spans().undecided(), status.spans().queued()), (1, 1), "{status}");
    assert!(status.to_string().contains("1 of these undecided"), "{status}");

    // Rules that are switched off count for what waits too, and shutdown decides on everything.
    let reloaded = running.reload(&yaml(&receiver, "off", "sampler: always_off\n"));
    assert_eq!(reloaded.changed(), ["keep"]);
    running.reload(&yaml(&receiver, "off", more));
    running.telemetry.shutdown().unwrap();
    let status = running.telemetry.status();
    assert_eq!((status.spans().undecided(), status.spans().queued()), (0, 0), "{status}");
    assert_eq!(receiver.span_count(), 3);
    drop(open);
}

#[test]
fn what_waits_for_a_decision_is_bounded_in_bytes() {
    let receiver = OtlpReceiver::start();
    let yaml = format!(
        "endpoint: {}\nsampler: always_off\nkeep: {{errors: true}}\ncontent_capture: full\n\
         metrics: {{enabled: false}}\ntraces: {{batch: {{max_queue_bytes: 1048576}}}}\n",
        receiver.endpoint()
    );
    let running = Running::start("bytes", &yaml);
    let long = "x".repeat(100_000);
    running.run(|| {
        let roots: Vec<_> = (0..20).map(|_| info_span!("root")).collect();
        for root in &roots {
            drop(root.in_scope(|| chat("m", &long)));
        }
        let status = running.telemetry.status();
        assert_eq!(status.spans().undecided(), 10, "{status}");
        assert_eq!(status.spans().dropped().get("tail_sampled"), Some(&10), "{status}");
    });
}

#[test]
fn what_needs_a_restart_is_told_until_there_was_one() {
    let receiver = OtlpReceiver::start();
    let running = Running::start("restart", &yaml(&receiver, "off", ""));
    let more = "semconv: latest\nspan_ttl: 5000\nlimits: {event_count_limit: 7}\n";
    for _ in 0..2 {
        let reloaded = running.reload(&yaml(&receiver, "off", more));
        assert_eq!(reloaded.needs_restart(), ["limits", "semconv", "span_ttl"]);
        assert!(reloaded.changed().is_empty(), "{reloaded}");
        let status = running.telemetry.status();
        assert!(status.to_string().contains("semconv 1.41"), "{status}");
        assert!(status.warnings().contains(&String::from("semconv: works after a restart")));
    }
    let reloaded = running.reload(&yaml(&receiver, "off", ""));
    assert!(reloaded.needs_restart().is_empty(), "{reloaded}");
    assert!(running.telemetry.status().warnings().is_empty());
}

#[test]
fn a_service_may_get_another_name() {
    let receiver = OtlpReceiver::start();
    let yaml = |name: &str| {
        format!(
            "endpoint: {}\nservice_name: {name}\nmetrics: {{enabled: false}}\n\
             traces: {{batch: {{flush_ms: 60000}}}}\n",
            receiver.endpoint()
        )
    };
    let file = ConfigFile::new("name");
    file.write(&yaml("old"));
    let builder = tracing_genai::builder().env([("", ""); 0]).console(Console::Never);
    let (layer, telemetry) = builder.config_file(&file.0).build().unwrap();
    let dispatch = Dispatch::new(tracing_subscriber::registry().with(layer));
    let running = Running { file, telemetry, dispatch };
    running.run(|| drop(chat("before", "")));
    let reloaded = running.reload(&yaml("new"));
    assert_eq!(reloaded.changed(), ["exporters.default", "service_name"]);
    assert!(reloaded.needs_restart().is_empty(), "{reloaded}");
    running.run(|| drop(chat("after", "")));
    running.telemetry.force_flush().unwrap();
    let mut names: Vec<_> = receiver
        .spans()
        .iter()
        .map(|span| (span.name.clone(), span.resource_attr("service.name").cloned()))
        .map(|(span, name)| format!("{span}: {}", name.unwrap().as_str().unwrap()))
        .collect();
    names.sort_unstable();
    assert_eq!(names, ["chat after: new", "chat before: old"]);
}

#[test]
fn telemetry_is_switched_off_and_on_again() {
    let receiver = OtlpReceiver::start();
    let running = Running::start("enabled", &yaml(&receiver, "off", ""));
    running.run(|| drop(chat("before", "")));
    let off = yaml(&receiver, "off", "enabled: false\n");
    let reloaded = running.reload(&off);
    assert_eq!(reloaded.changed(), ["exporters.default (removed)", "sampler", "enabled"]);
    assert!(reloaded.needs_restart().is_empty(), "{reloaded}");
    assert_eq!(running.telemetry.status().state(), State::Disabled);
    running.run(|| drop(chat("meanwhile", "")));
    running.reload(&yaml(&receiver, "off", ""));
    assert_eq!(running.telemetry.status().state(), State::Running);
    running.run(|| drop(chat("after", "")));
    running.telemetry.force_flush().unwrap();
    let mut names: Vec<_> = receiver.spans().into_iter().map(|span| span.name).collect();
    names.sort_unstable();
    assert_eq!(names, ["chat after", "chat before"]);
}

#[cfg(feature = "logs")]
#[test]
fn log_records_are_looked_at_again_like_spans() {
    let receiver = OtlpReceiver::start();
    let yaml = |capture: &str| {
        format!(
            "endpoint: {}\ncontent_capture: {capture}\nmetrics: {{enabled: false}}\n\
             traces: {{enabled: false}}\nlogs: {{enabled: true, batch: {{flush_ms: 60000}}}}\n",
            receiver.endpoint()
        )
    };
    let running = Running::start("logs", &yaml("full"));
    let tell = |n: u64| {
        tracing::info!(n, "of numbers only");
        tracing::info!(n, gen_ai.input.messages = "canary-in", "of the prompt");
    };
    receiver.answer_next(Answer::status(503).header("retry-after", "1"));
    running.run(|| tell(1));
    std::thread::scope(|scope| {
        let flush = scope.spawn(|| running.telemetry.force_flush());
        assert!(contains(&receiver.wait_for_requests(1, PATIENCE)[0], "canary-in"));
        running.run(|| tell(2));
        running.reload(&yaml("off"));
        flush.join().unwrap().unwrap();
    });
    running.telemetry.force_flush().unwrap();
    let requests = receiver.requests();
    assert!(!requests[1..].iter().any(|request| contains(request, "canary")));
    let resources = requests[1..].iter().filter_map(|request| request.logs.as_ref());
    let scopes = resources.flat_map(|logs| &logs.resource_logs).flat_map(|it| &it.scope_logs);
    assert_eq!(scopes.map(|scope| scope.log_records.len()).sum::<usize>(), 4);
    let status = running.telemetry.status();
    let logs = status.logs().unwrap();
    assert_eq!((logs.exported(), logs.queued()), (4, 0), "{status}");
}

mod metrics {
    use super::*;

    fn yaml(receiver: &OtlpReceiver, more: &str) -> String {
        format!("endpoint: {}\n{more}", receiver.endpoint())
    }

    fn priced(receiver: &OtlpReceiver, dollars: f64) -> String {
        let models = format!("pricing: {{models: {{m: {{input: {dollars}, output: 0}}}}}}\n");
        yaml(receiver, &models)
    }

    fn call(running: &Running) {
        running.run(|| {
            drop(info_span!(
                "h",
                gen_ai.operation.name = "chat",
                gen_ai.request.model = "m",
                gen_ai.usage.input_tokens = 1_000_000_u64,
                gen_ai.usage.output_tokens = 1_u64,
            ));
        });
    }

    #[test]
    fn prices_change_with_a_reload() {
        let receiver = OtlpReceiver::start();
        let running = Running::start("prices", &priced(&receiver, 2.0));
        call(&running);
        let reloaded = running.reload(&priced(&receiver, 5.0));
        assert_eq!(reloaded.changed(), ["pricing"]);
        assert!(reloaded.needs_restart().is_empty(), "{reloaded}");
        call(&running);
        assert!(running.reload(&priced(&receiver, 5.0)).changed().is_empty());
        running.telemetry.force_flush().unwrap();
        let costs: Vec<_> =
            receiver.spans().iter().map(|span| span.double("gen_ai.usage.cost")).collect();
        assert_eq!(costs, [Some(2.0), Some(5.0)]);
    }

    #[test]
    fn a_price_file_is_read_anew_and_one_that_cannot_be_read_costs_no_prices() {
        let receiver = OtlpReceiver::start();
        let prices = ConfigFile::new("price-file");
        prices.write("models: {m: {input: 2, output: 0}}");
        let config = yaml(&receiver, &format!("pricing: {{file: {}}}\n", prices.0.display()));
        let running = Running::start("price-file-config", &config);
        call(&running);
        prices.write("models: {m: {input: 3, output: 0}}");
        assert_eq!(running.reload(&config).changed(), ["pricing"]);
        call(&running);
        std::fs::remove_file(&prices.0).unwrap();
        assert!(running.reload(&config).changed().is_empty());
        call(&running);
        let status = running.telemetry.status();
        assert_eq!(status.metrics().unwrap().pricing().problems().len(), 1, "{status}");
        running.telemetry.force_flush().unwrap();
        let costs: Vec<_> =
            receiver.spans().iter().map(|span| span.double("gen_ai.usage.cost")).collect();
        assert_eq!(costs, [Some(2.0), Some(3.0), Some(3.0)]);
    }

    #[test]
    fn metrics_move_with_their_headers_and_go_on_counting() {
        let (first, second) = (OtlpReceiver::start(), OtlpReceiver::start());
        let running = Running::start("metrics-move", &yaml(&first, "headers: {x-key: one}\n"));
        call(&running);
        running.telemetry.force_flush().unwrap();
        let reloaded = running.reload(&yaml(&second, "headers: {x-key: two}\n"));
        assert_eq!(reloaded.changed(), ["exporters.default", "metrics"]);
        call(&running);
        running.telemetry.force_flush().unwrap();
        assert_eq!((requests(&first, "one"), requests(&second, "two")), (1, 1));
        assert_eq!(calls(&second), 2, "cumulative: what the first got is in it");

        // Switched off, nothing leaves; switched on again, nothing is missing.
        running.reload(&yaml(&second, "headers: {x-key: two}\nmetrics: {enabled: false}\n"));
        call(&running);
        running.telemetry.force_flush().unwrap();
        assert_eq!(requests(&second, "two"), 1);
        running.reload(&yaml(&second, "headers: {x-key: two}\n"));
        running.telemetry.force_flush().unwrap();
        assert_eq!((requests(&second, "two"), calls(&second)), (2, 3));
    }

    #[test]
    fn metrics_leave_without_spans() {
        let receiver = OtlpReceiver::start();
        let running =
            Running::start("metrics-only", &yaml(&receiver, "traces: {enabled: false}\n"));
        call(&running);
        running.telemetry.force_flush().unwrap();
        assert_eq!((receiver.span_count(), calls(&receiver)), (0, 1));
        let status = running.telemetry.status();
        assert_eq!(status.reason(), Some("`traces.enabled` is false"));

        // And spans with them from the next reload on.
        running.reload(&yaml(&receiver, ""));
        call(&running);
        running.telemetry.force_flush().unwrap();
        assert_eq!((receiver.span_count(), calls(&receiver)), (1, 2));
    }

    #[test]
    fn what_cannot_change_under_series_is_said() {
        let receiver = OtlpReceiver::start();
        let running = Running::start("metrics-restart", &yaml(&receiver, ""));
        let more = "metrics: {labels: {user.id: 5}, cardinality_limit: 100, \
                    histogram_aggregation: base2_exponential_bucket_histogram}\n";
        let reloaded = running.reload(&yaml(&receiver, more));
        assert_eq!(reloaded.changed(), ["metrics"]);
        let restart = ["metrics.labels", "metrics.histogram_aggregation"];
        assert_eq!(reloaded.needs_restart(), restart);
    }

    #[test]
    fn metrics_that_were_never_measured_need_a_restart() {
        let receiver = OtlpReceiver::start();
        let off = yaml(&receiver, "metrics: {enabled: false}\n");
        let running = Running::start("metrics-late", &off);
        assert_eq!(running.reload(&yaml(&receiver, "")).needs_restart(), ["metrics"]);
        assert_eq!(running.reload(&yaml(&receiver, "")).needs_restart(), ["metrics"]);
        running.reload(&off);
        assert_eq!(running.reload(&priced(&receiver, 2.0)).needs_restart(), ["pricing"]);
    }

    fn requests(receiver: &OtlpReceiver, key: &str) -> usize {
        let requests = receiver.requests();
        let all = requests.iter().filter(|request| request.metrics.is_some());
        all.inspect(|request| assert_eq!(request.http.header("x-key"), Some(key))).count()
    }

    /// What the last export says of how many calls there were.
    fn calls(receiver: &OtlpReceiver) -> u64 {
        use opentelemetry_proto::tonic::metrics::v1::metric::Data;

        let requests = receiver.requests();
        let last = requests.iter().rev().find_map(|request| request.metrics.as_ref()).unwrap();
        let scopes = last.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        let metrics = scopes.flat_map(|scope| &scope.metrics);
        let mut named = metrics.filter(|it| it.name == "gen_ai.client.operation.duration");
        match &named.next().unwrap().data {
            Some(Data::Histogram(histogram)) => {
                histogram.data_points.iter().map(|point| point.count).sum()
            }
            other => panic!("{other:?}"),
        }
    }
}

/// A file that is gone at the end of the test.
struct ConfigFile(PathBuf);

impl ConfigFile {
    fn new(name: &str) -> Self {
        let name = format!("tracing-genai-reload-{name}-{}.yaml", std::process::id());
        Self(std::env::temp_dir().join(name))
    }

    fn write(&self, text: &str) {
        std::fs::write(&self.0, text).unwrap();
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
