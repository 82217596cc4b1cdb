//! What an answer of a receiver leads to: one table, and the same for spans, log records and
//! metrics, over HTTP and over gRPC.
#![cfg(all(feature = "logs", feature = "metrics", feature = "otel-grpc", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::metrics::v1::metric::Data;
use opentelemetry_proto::tonic::metrics::v1::number_data_point::Value as Number;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt};
use tracing::Dispatch;
use tracing_genai::telemetry::Console;
use tracing_genai::{ErrorKind, Telemetry};
use tracing_genai_test_support::{Answer, GrpcReceiver, OtlpReceiver};
use tracing_subscriber::prelude::*;

/// What becomes of the items of a flush.
#[derive(Clone, Copy, Debug, PartialEq)]
enum End {
    Exported,
    /// But for two of them.
    Rejected,
    /// Refused: not sent again.
    Failed,
    /// Kept for later.
    Kept,
}
use End::{Exported, Failed, Kept, Rejected};

/// A signal by its place in the status, and what switches the others off.
const SIGNALS: [(&str, &str); 3] = [
    ("/spans", "metrics: {enabled: false}"),
    ("/logs", "traces: {enabled: false}\nmetrics: {enabled: false}\nlogs: {enabled: true}"),
    ("/metrics/points", "traces: {enabled: false}"),
];

#[test]
fn an_answer_over_http_means_the_same_for_each_signal() {
    let soon = Answer::status(429).header("retry-after", "1");
    let partial = Answer::partial_success(2, "too old");
    let (ok, no, cut, silence) = (Answer::accept, Answer::status, Answer::reset, Answer::never);
    // The answers to the first requests, all further ones, what becomes of the items, how many
    // requests were made, and how long that takes at least.
    let table = [
        ("200", vec![], ok(), Exported, 1, 0),
        ("partial success", vec![partial], ok(), Rejected, 1, 0),
        ("400", vec![no(400)], ok(), Failed, 1, 0),
        ("401", vec![no(401)], ok(), Failed, 1, 0),
        ("404", vec![no(404)], ok(), Failed, 1, 0),
        ("500", vec![no(500)], ok(), Failed, 1, 0),
        ("413", vec![no(413)], ok(), Exported, 3, 0),
        ("429 with Retry-After", vec![soon], ok(), Exported, 2, 1000),
        ("502, 504", vec![no(502), no(504)], ok(), Exported, 3, 300),
        ("503", vec![no(503)], ok(), Exported, 2, 100),
        ("503 for ever", vec![], no(503), Kept, 3, 300),
        ("at once for ever", vec![], no(503).header("retry-after", "0"), Kept, 3, 300),
        ("reset", vec![cut()], ok(), Exported, 2, 100),
        ("reset for ever", vec![], cut(), Kept, 3, 300),
        ("silence", vec![silence()], ok(), Kept, 1, 500),
    ];
    for_each_signal(|(place, switches)| {
        for (name, first, then, end, requests, at_least) in &table {
            let receiver = OtlpReceiver::start();
            first.iter().for_each(|answer| receiver.answer_next(answer.clone()));
            receiver.answer_always(then.clone());
            let made = || receiver.requests().len();
            let row = format!("{place}: {name}");
            check(&row, place, switches, &receiver.endpoint(), made, *end, *requests, *at_least);
        }
    });
}

#[test]
fn a_status_of_grpc_means_the_same_for_each_signal() {
    let throttled = || {
        let details = ErrorDetails::with_retry_info(Some(Duration::from_secs(1)));
        Status::with_error_details(Code::ResourceExhausted, "slow down", details)
    };
    let large = "grpc: received message larger than max (5000000 vs. 4194304)";
    let partial = ExportTracePartialSuccess { rejected_spans: 2, error_message: String::new() };
    let partial = Ok(ExportTraceServiceResponse { partial_success: Some(partial) });
    let no = |code| Err(Status::new(code, "no"));
    let table = [
        ("ok", vec![], Exported, 1, 0),
        ("partial success", vec![partial], Rejected, 1, 0),
        ("unavailable", vec![no(Code::Unavailable)], Exported, 2, 100),
        ("aborted, cancelled", vec![no(Code::Aborted), no(Code::Cancelled)], Exported, 3, 300),
        ("deadline", vec![no(Code::DeadlineExceeded)], Exported, 2, 100),
        ("throttled", vec![Err(throttled())], Exported, 2, 1000),
        ("unavailable for ever", vec![no(Code::Unavailable); 3], Kept, 3, 300),
        ("exhausted", vec![no(Code::ResourceExhausted)], Failed, 1, 0),
        ("too large", vec![Err(Status::resource_exhausted(large))], Exported, 3, 0),
        ("unauthenticated", vec![no(Code::Unauthenticated)], Failed, 1, 0),
        ("not permitted", vec![no(Code::PermissionDenied)], Failed, 1, 0),
        ("unimplemented", vec![no(Code::Unimplemented)], Failed, 1, 0),
        ("invalid", vec![no(Code::InvalidArgument)], Failed, 1, 0),
        ("internal", vec![no(Code::Internal)], Failed, 1, 0),
    ];
    for_each_signal(|(place, switches)| {
        for (name, answers, end, requests, at_least) in &table {
            let receiver = GrpcReceiver::start();
            answers.iter().for_each(|answer| receiver.answer_next(answer.clone()));
            let made = || receiver.requests().len();
            let (row, switches) =
                (format!("{place}: {name}"), format!("protocol: grpc\n{switches}"));
            check(&row, place, &switches, &receiver.endpoint(), made, *end, *requests, *at_least);
        }
    });
}

fn for_each_signal(run: impl Fn((&str, &str)) + Sync) {
    std::thread::scope(|scope| {
        let run = &run;
        for signal in SIGNALS {
            scope.spawn(move || run(signal));
        }
    });
}

#[expect(clippy::too_many_arguments, reason = "a row of the table")]
fn check(
    row: &str,
    place: &str,
    switches: &str,
    endpoint: &str,
    requests_made: impl Fn() -> usize,
    end: End,
    requests: usize,
    at_least: u64,
) {
    let config = format!("endpoint: {endpoint}\ntimeout: 500ms\n{switches}");
    let (dispatch, telemetry) = telemetry(config);
    for _ in 0..4 {
        call(&dispatch);
        tracing::dispatcher::with_default(&dispatch, || tracing::info!("answered"));
    }
    let began = Instant::now();
    let flushed = telemetry.force_flush().map_err(|error| error.kind());
    let took = began.elapsed();
    let made = requests_made();
    let status = serde_json::to_value(telemetry.status()).unwrap();
    let counts = status.pointer(place).unwrap();
    let count = |name: &str| counts[name].as_u64().unwrap();
    let sent = [count("exported"), count("rejected"), count("failed"), count("queued")];
    let all = sent.iter().sum::<u64>();
    let expected = match end {
        Exported => ([all, 0, 0, 0], Ok(())),
        Rejected => ([all - 2, 2, 0, 0], Err(ErrorKind::Export)),
        Failed => ([0, 0, all, 0], Err(ErrorKind::Export)),
        Kept => ([0, 0, 0, all], Err(ErrorKind::Timeout)),
    };
    assert!(all >= 4, "{row}: {counts}");
    assert_eq!((sent, flushed), expected, "{row}: {counts}");
    assert_eq!(made, requests, "{row}: requests");
    assert!(took >= Duration::from_millis(at_least), "{row}: {took:?}");
}

const PATIENCE: Duration = Duration::from_secs(30);

fn telemetry(config: impl Into<String>) -> (Dispatch, Telemetry) {
    let (layer, telemetry) = tracing_genai::builder()
        .env([("", ""); 0])
        .console(Console::Never)
        .shutdown_timeout(Duration::from_secs(2))
        .config_str(config)
        .build()
        .unwrap();
    (Dispatch::new(tracing_subscriber::registry().with(layer)), telemetry)
}

fn call(dispatch: &Dispatch) {
    tracing::dispatcher::with_default(dispatch, || {
        drop(tracing::info_span!(
            "chat",
            gen_ai.operation.name = "chat",
            gen_ai.request.model = "m",
            gen_ai.usage.input_tokens = 1,
        ));
    });
}

#[test]
fn a_silent_receiver_of_metrics_delays_no_other_and_keeps_its_own_time_limit() {
    let (silent, good) = (OtlpReceiver::start(), OtlpReceiver::start());
    silent.answer_always(Answer::never());
    let (dispatch, telemetry) = telemetry(format!(
        "traces: {{enabled: false}}\ntimeout: 300ms\nexporters:\n- {{endpoint: '{}'}}\n- {{endpoint: '{}'}}\n",
        silent.endpoint(),
        good.endpoint(),
    ));
    call(&dispatch);
    let began = Instant::now();
    assert_eq!(telemetry.force_flush().unwrap_err().kind(), ErrorKind::Timeout);
    // A flush waits up to 10 s, and metrics may take 30 s by default: it was the `timeout`.
    assert!(began.elapsed() < Duration::from_secs(8), "{:?}", began.elapsed());
    assert_eq!(good.wait_for_metrics(1, PATIENCE).len(), 1);
}

#[test]
fn a_limit_is_one_for_all_signals() {
    let silent = OtlpReceiver::start();
    silent.answer_always(Answer::never());
    let config = format!("endpoint: {}\nlogs: {{enabled: true}}", silent.endpoint());
    let (dispatch, telemetry) = telemetry(config);
    call(&dispatch);
    tracing::dispatcher::with_default(&dispatch, || tracing::info!("answered"));
    let began = Instant::now();
    let error = telemetry.shutdown().unwrap_err();
    let took = began.elapsed();
    assert!(took >= Duration::from_millis(1500), "{took:?}");
    assert!(took < Duration::from_millis(3500), "2 s, and not for each signal: {took:?}");
    assert!(error.to_string().contains("spans or log records or metrics"), "{error}");
}

#[test]
fn a_second_shutdown_waits_for_the_first() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::accept().after(Duration::from_millis(500)));
    let config = format!("endpoint: {}\nmetrics: {{enabled: false}}", receiver.endpoint());
    let (dispatch, telemetry) = telemetry(config);
    call(&dispatch);
    std::thread::scope(|scope| {
        let first = scope.spawn(|| telemetry.shutdown());
        let _ = receiver.wait_for_requests(1, PATIENCE);
        telemetry.shutdown().unwrap();
        let status = telemetry.status();
        assert_eq!((status.spans().exported(), status.spans().queued()), (1, 0), "{status}");
        first.join().unwrap().unwrap();
    });
}

/// The sum of `tracing_genai.client.requests` in one request.
fn requests_measured(request: &ExportMetricsServiceRequest) -> i64 {
    let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
    let metrics = scopes.flat_map(|scope| &scope.metrics);
    let sums = metrics.filter(|it| it.name == "tracing_genai.client.requests");
    let points = sums.flat_map(|it| match &it.data {
        Some(Data::Sum(sum)) => &*sum.data_points,
        _ => &[],
    });
    points.map(|it| if let Some(Number::AsInt(n)) = it.value { n } else { 0 }).sum()
}

#[test]
fn what_a_receiver_missed_is_sent_when_it_is_back() {
    for temporality in ["delta", "cumulative"] {
        let receiver = OtlpReceiver::start();
        receiver.answer_always(Answer::status(503));
        let (dispatch, telemetry) = telemetry(format!(
            "endpoint: {}\ntraces: {{enabled: false}}\nmetrics: {{temporality: {temporality}}}",
            receiver.endpoint()
        ));
        for _ in 0..3 {
            call(&dispatch);
            assert_eq!(telemetry.force_flush().unwrap_err().kind(), ErrorKind::Timeout);
        }
        let _ = receiver.take_requests();
        receiver.answer_always(Answer::accept());
        telemetry.force_flush().unwrap();
        let requests = receiver.requests();
        let mut taken =
            requests.iter().filter(|it| it.accepted).filter_map(|it| it.metrics.as_ref());
        let measured: i64 = taken.clone().map(requests_measured).sum();
        let status = telemetry.status();
        let points = status.metrics().unwrap().points();
        match temporality {
            "delta" => assert_eq!(measured, 3, "{status}"),
            // Of sums the newest says it all; one that was on its way may come before.
            _ => assert_eq!(taken.next_back().map(requests_measured), Some(3), "{status}"),
        }
        assert_eq!((points.failed(), points.queued()), (0, 0), "{status}");
        let superseded = points.dropped().contains_key("superseded");
        assert_eq!(superseded, temporality == "cumulative", "{status}");
    }
}
