//! Delivery needs no async runtime and disturbs none: over HTTP and gRPC, inside of a runtime of
//! any flavour and after it, from every thread at once, and at every way in which a process ends.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::process::{Command, Output, Stdio};
use std::time::Duration;

use tokio::runtime::{Builder as Runtime, Runtime as Tokio};
use tracing::{Instrument, info_span};
use tracing_genai::telemetry::{Console, Log, Protocol};
use tracing_genai::{Builder, Telemetry};
#[cfg(feature = "otel-grpc")]
use tracing_genai_test_support::GrpcReceiver;
use tracing_genai_test_support::{Answer, OtlpReceiver};
use tracing_subscriber::prelude::*;

enum Receiver {
    Http(OtlpReceiver),
    #[cfg(feature = "otel-grpc")]
    Grpc(GrpcReceiver),
}

impl Receiver {
    fn span_count(&self) -> usize {
        match self {
            Self::Http(http) => http.span_count(),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(grpc) => grpc.span_count(),
        }
    }

    fn builder(&self) -> Builder {
        let builder = tracing_genai::builder().env([("", ""); 0]).console(Console::Never);
        match self {
            Self::Http(http) => builder.endpoint(http.endpoint()).protocol(Protocol::HttpProtobuf),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(grpc) => builder.endpoint(grpc.endpoint()).protocol(Protocol::Grpc),
        }
    }
}

/// One of each protocol.
fn receivers() -> Vec<Receiver> {
    vec![
        Receiver::Http(OtlpReceiver::start()),
        #[cfg(feature = "otel-grpc")]
        Receiver::Grpc(GrpcReceiver::start()),
    ]
}

fn runtimes() -> [(&'static str, Tokio); 4] {
    [
        ("many threads", Runtime::new_multi_thread().enable_all().build().unwrap()),
        ("one worker", one_worker()),
        ("current thread", Runtime::new_current_thread().enable_all().build().unwrap()),
        ("current thread without drivers", Runtime::new_current_thread().build().unwrap()),
    ]
}

fn one_worker() -> Tokio {
    Runtime::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

struct Installed {
    telemetry: Telemetry,
    _default: tracing::subscriber::DefaultGuard,
}

fn install(receiver: &Receiver) -> Installed {
    let (layer, telemetry) = receiver.builder().build().unwrap();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    Installed { telemetry, _default }
}

async fn chat() {
    let span = info_span!("handler", gen_ai.operation.name = "chat", gen_ai.request.model = "m");
    tokio::task::yield_now().instrument(span).await;
}

#[test]
fn start_flush_and_shutdown_inside_of_a_runtime() {
    for (flavour, runtime) in runtimes() {
        for receiver in receivers() {
            runtime.block_on(async {
                let installed = install(&receiver);
                chat().await;
                installed.telemetry.force_flush().unwrap();
                assert_eq!(receiver.span_count(), 1, "{flavour}");
                chat().await;
                installed.telemetry.shutdown().unwrap();
            });
            assert_eq!(receiver.span_count(), 2, "{flavour}");
        }
    }
}

#[test]
fn the_last_handle_is_dropped_at_the_end_of_an_async_main() {
    for (flavour, runtime) in runtimes() {
        for receiver in receivers() {
            runtime.block_on(async {
                let _installed = install(&receiver);
                chat().await;
            });
            assert_eq!(receiver.span_count(), 1, "{flavour}");
        }
    }
}

#[test]
fn the_last_handle_may_outlive_the_runtime() {
    for receiver in receivers() {
        for (flavour, runtime) in runtimes() {
            let before = receiver.span_count();
            let installed = runtime.block_on(async { install(&receiver) });
            runtime.block_on(chat());
            drop(runtime);
            drop(installed);
            assert_eq!(receiver.span_count(), before + 1, "{flavour}");
        }
    }
}

/// A server's state lives in a task; the runtime drops it when it ends, with the last handle.
#[test]
fn the_runtime_drops_the_last_handle_with_a_task_that_never_ends() {
    for receiver in receivers() {
        for (flavour, runtime) in runtimes() {
            let before = receiver.span_count();
            let Installed { telemetry, _default } = runtime.block_on(async { install(&receiver) });
            runtime.block_on(chat());
            let task = async move {
                std::future::pending::<()>().await;
                drop(telemetry);
            };
            drop(runtime.spawn(task));
            drop(runtime);
            assert_eq!(receiver.span_count(), before + 1, "{flavour}");
        }
    }
}

#[test]
fn a_worker_that_blocks_in_shutdown_delivers_all_the_same() {
    for receiver in receivers() {
        let installed = install(&receiver);
        let telemetry = installed.telemetry.clone();
        let runtime = one_worker();
        runtime.block_on(chat());
        runtime.block_on(runtime.spawn(async move { telemetry.shutdown() })).unwrap().unwrap();
        assert_eq!(receiver.span_count(), 1);
    }
}

#[test]
fn shutdown_from_everywhere_at_once_and_again() {
    for receiver in receivers() {
        let installed = install(&receiver);
        let runtime = one_worker();
        runtime.block_on(chat());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| installed.telemetry.shutdown().unwrap());
                scope.spawn(|| installed.telemetry.force_flush().unwrap());
                let telemetry = installed.telemetry.clone();
                let task = runtime.spawn_blocking(move || telemetry.shutdown());
                scope.spawn(|| runtime.block_on(task).unwrap().unwrap());
            }
        });
        installed.telemetry.shutdown().unwrap();
        installed.telemetry.force_flush().unwrap();
        assert_eq!(receiver.span_count(), 1);
    }
}

/// How a process ends, and how many spans arrive: `init`, one span, and then …
#[test]
fn a_process_may_end_in_any_way() {
    for (way, spans, success) in [
        // … `main` returns.
        ("return", 1, true),
        // … `main` panics below the handle.
        ("panic", 1, false),
        // … a task panics, and `main` returns.
        ("task panics", 1, true),
        // … nobody drops the handle: what is queued is lost, and nothing hangs.
        ("leak", 0, true),
        ("exit", 0, true),
        // … the same after `shutdown`.
        ("exit after shutdown", 1, true),
    ] {
        for receiver in receivers() {
            let output = service(way, &receiver);
            let said = String::from_utf8_lossy(&output.stdout);
            assert_eq!(output.status.success(), success, "{way}: {said}");
            assert!(said.contains("the service runs"), "{way}: {said}");
            assert_eq!(receiver.span_count(), spans, "{way}");
        }
    }
}

/// Five seconds and no more, or what was asked for.
#[test]
fn a_process_ends_although_its_receiver_never_answers() {
    let silent = OtlpReceiver::start();
    silent.answer_always(Answer::never());
    let receiver = Receiver::Http(silent);
    let output = service("return", &receiver);
    assert!(output.status.success());
    assert_eq!(receiver.span_count(), 0);
}

/// This test program again, with only [`main_of_a_service`] to run.
fn service(way: &str, receiver: &Receiver) -> Output {
    let (protocol, endpoint) = match receiver {
        Receiver::Http(http) => ("http/protobuf", http.endpoint()),
        #[cfg(feature = "otel-grpc")]
        Receiver::Grpc(grpc) => ("grpc", grpc.endpoint()),
    };
    Command::new(std::env::current_exe().unwrap())
        .args(["main_of_a_service", "--exact", "--ignored", "--nocapture", "--test-threads=1"])
        .env("TEST_ENDING", way)
        .env("OTEL_EXPORTER_OTLP_PROTOCOL", protocol)
        .env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)
        .stderr(Stdio::null())
        .output()
        .unwrap()
}

/// Not a test: the other process of those above.
#[test]
#[ignore = "the other process of a test"]
#[expect(clippy::print_stdout, reason = "tells the test that it runs")]
fn main_of_a_service() {
    let Ok(way) = std::env::var("TEST_ENDING") else { return };
    let telemetry = tracing_genai::builder()
        .console(Console::Never)
        .log(Log::Off)
        .shutdown_timeout(Duration::from_secs(2))
        .init()
        .unwrap();
    println!("the service runs");
    let runtime = one_worker();
    runtime.block_on(chat());
    match way.as_str() {
        "panic" => panic!("as told"),
        "task panics" => {
            let task = runtime.spawn(async { panic!("as told") });
            runtime.block_on(task).unwrap_err();
        }
        "leak" => std::mem::forget(telemetry),
        "exit" => std::process::exit(0),
        "exit after shutdown" => {
            telemetry.shutdown().unwrap();
            std::process::exit(0);
        }
        _ => {}
    }
}
