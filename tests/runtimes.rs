//! Delivery needs no async runtime and disturbs none.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use tokio::runtime::{Builder as Runtime, Runtime as Tokio};
use tracing::{Instrument, info_span};
use tracing_genai::Telemetry;
use tracing_genai::telemetry::Console;
use tracing_genai_test_support::OtlpReceiver;
use tracing_subscriber::prelude::*;

const NO_ENV: [(&str, &str); 0] = [];

struct Installed {
    telemetry: Telemetry,
    _default: tracing::subscriber::DefaultGuard,
}

fn install(receiver: &OtlpReceiver) -> Installed {
    let builder =
        tracing_genai::builder().env(NO_ENV).endpoint(receiver.endpoint()).console(Console::Never);
    let (layer, telemetry) = builder.build().unwrap();
    let _default = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    Installed { telemetry, _default }
}

async fn chat() {
    let span = info_span!("handler", gen_ai.operation.name = "chat", gen_ai.request.model = "m");
    tokio::task::yield_now().instrument(span).await;
}

fn current_thread() -> Tokio {
    Runtime::new_current_thread().enable_all().build().unwrap()
}

fn one_worker() -> Tokio {
    Runtime::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

#[test]
fn flush_and_shutdown_inside_of_a_runtime() {
    for runtime in [current_thread(), one_worker()] {
        let receiver = OtlpReceiver::start();
        let installed = install(&receiver);
        runtime.block_on(async {
            chat().await;
            installed.telemetry.force_flush().unwrap();
            assert_eq!(receiver.span_count(), 1);
            chat().await;
            installed.telemetry.shutdown().unwrap();
        });
        assert_eq!(receiver.span_count(), 2);
    }
}

#[test]
fn a_worker_that_blocks_in_shutdown_delivers_all_the_same() {
    let receiver = OtlpReceiver::start();
    let installed = install(&receiver);
    let telemetry = installed.telemetry.clone();
    let runtime = one_worker();
    runtime.block_on(chat());
    runtime.block_on(runtime.spawn(async move { telemetry.shutdown() })).unwrap().unwrap();
    assert_eq!(receiver.span_count(), 1);
}

#[test]
fn the_last_handle_may_outlive_the_runtime() {
    let receiver = OtlpReceiver::start();
    let installed = install(&receiver);
    let runtime = one_worker();
    runtime.block_on(chat());
    drop(runtime);
    drop(installed);
    assert_eq!(receiver.span_count(), 1);
}

#[test]
fn shutdown_from_everywhere_at_once() {
    let receiver = OtlpReceiver::start();
    let installed = install(&receiver);
    current_thread().block_on(chat());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| installed.telemetry.shutdown().unwrap());
            scope.spawn(|| installed.telemetry.force_flush().unwrap());
        }
    });
    assert_eq!(receiver.span_count(), 1);
}
