//! What waits for a receiver takes no more memory than it may, however large the messages are.
#![cfg(all(feature = "init", feature = "yaml"))]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::time::Duration;

use tracing::info_span;
use tracing_genai::telemetry::{Console, Status};
use tracing_genai_test_support::{Answer, OtlpReceiver};
use tracing_subscriber::prelude::*;

const MIB: usize = 1 << 20;
const PROMPT: usize = MIB / 4;
const SPANS: u64 = 200;

/// So many spans are far fewer than the queue has places for; its bytes are for seven.
#[test]
fn fat_spans_before_a_receiver_that_never_answers_are_dropped_and_counted() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::never());
    let yaml = format!(
        "endpoint: {}\ncontent_capture: full\ncontent_attr_max_bytes: {}\ntimeout: 60000\n\
         traces: {{batch: {{max_queue_bytes: {}}}}}\nmetrics: {{enabled: false}}\n",
        receiver.endpoint(),
        2 * PROMPT,
        8 * PROMPT,
    );
    let builder = tracing_genai::builder()
        .env([("", ""); 0])
        .config_str(yaml)
        .console(Console::Never)
        .shutdown_timeout(Duration::from_millis(200));
    let (layer, telemetry) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let _default = tracing::subscriber::set_default(subscriber);

    let prompt = "x".repeat(PROMPT);
    let before = peak();
    for _ in 0..SPANS {
        info_span!("h", gen_ai.operation.name = "chat", gen_ai.input.messages = prompt);
    }
    let _ = receiver.wait_for_requests(1, Duration::from_secs(30));
    let growth = peak().saturating_sub(before);

    let status = telemetry.status();
    assert_eq!(status.spans().queued(), 7, "{status}");
    assert_eq!(status.spans().dropped().get("queue_bytes"), Some(&(SPANS - 7)), "{status}");
    assert_adds_up(&status);
    // The queue, a request, its encoding, and what the receiver of the test keeps of it.
    assert!(growth < 24 * MIB, "grew by {} MiB", growth / MIB);

    let _ = telemetry.shutdown();
    assert_adds_up(&telemetry.status());
}

fn assert_adds_up(status: &Status) {
    let spans = status.spans();
    let dropped: u64 = spans.dropped().values().sum();
    let sum = spans.in_flight() + spans.queued() + spans.exported() + spans.failed() + dropped;
    assert_eq!(spans.started(), SPANS, "{status}");
    assert_eq!(sum, SPANS, "{status}");
}

/// The most that this process had in memory so far; 0 where the system does not say.
fn peak() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<usize>().ok());
    kib.unwrap_or(0) * 1024
}
