//! An OTLP receiver that waits for spans and for metrics, prints them and ends:
//!
//! ```text
//! cargo run --package tracing-genai-test-support --example receive -- COUNT
//! ```
//!
//! Its first line is its address, for `OTEL_EXPORTER_OTLP_ENDPOINT`. After a minute without
//! them it fails. It ends when its standard input does.
#![expect(clippy::print_stdout, reason = "a command line tool")]

use std::time::Duration;

use tracing_genai_test_support::OtlpReceiver;

fn main() {
    let count = std::env::args().nth(1).and_then(|count| count.parse().ok()).unwrap_or(1);
    let receiver = OtlpReceiver::start();
    println!("{}", receiver.endpoint());
    for span in receiver.wait_for_spans(count, Duration::from_secs(60)) {
        println!("{} {:?}", span.name, span.kind);
        for (key, value) in &span.attrs {
            println!("  {key} = {value:?}");
        }
    }
    for request in receiver.wait_for_metrics(1, Duration::from_secs(60)) {
        let scopes = request.resource_metrics.iter().flat_map(|resource| &resource.scope_metrics);
        for metric in scopes.flat_map(|scope| &scope.metrics) {
            println!("{} {}", metric.name, metric.unit);
        }
    }
    // Not before the sender has said all it wants to.
    let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
}
