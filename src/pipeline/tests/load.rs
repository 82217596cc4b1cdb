//! Many spans into a collector that is a process of its own.
//!
//! `cargo test --release --lib --all-features -- --ignored --nocapture fifty_thousand`

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use opentelemetry::KeyValue;
use opentelemetry::trace::{Span as _, Tracer};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use prost::Message;
use tracing_genai_test_support::Answer;

use super::*;

const SECONDS: u64 = 20;
const PER_SECOND: u64 = 50_000;
const SPANS_PER_ROUND: u64 = 400;

#[test]
#[ignore = "takes half a minute; the numbers are of interest in a release build"]
fn fifty_thousand_spans_a_second_are_counted_exactly_in_bounded_memory() {
    let mut collector = Collector::start();
    let mut settings = settings(vec![destination("default", &collector.endpoint)]);
    settings.batch.schedule_delay = Duration::from_secs(1);
    let running = Running::start(&settings);

    let start = Instant::now();
    let (mut made, mut before, mut peak) = (0, 0, 0);
    for tick in 1..=SECONDS * 1000 {
        for _ in 0..PER_SECOND / 1000 {
            chat(&running.tracer);
            made += 1;
        }
        if tick == 2000 {
            before = resident();
        }
        if tick % 100 == 0 {
            peak = peak.max(resident());
        }
        let next = start + Duration::from_millis(tick);
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    let took = start.elapsed();
    running.pipeline.flush(PATIENCE).unwrap();

    let snapshot = running.snapshot();
    let spans = &snapshot.spans.finished;
    let growth = peak.saturating_sub(before);
    let report = format!(
        "{made} spans in {:.1} s ({:.0}/s): {} exported in {} requests, {} dropped, \
         resident memory grew by {} KiB\n",
        took.as_secs_f64(),
        made as f64 / took.as_secs_f64(),
        spans.exported,
        snapshot.destinations[0].requests,
        spans.dropped_total(),
        growth / 1024,
    );
    std::io::stderr().write_all(report.as_bytes()).unwrap();
    assert_eq!(spans.received, made);
    assert_eq!(spans.exported + spans.dropped_total(), made);
    assert_eq!(collector.finish(), spans.exported);
    assert!(growth < 64 << 20, "{growth}");
}

/// What ending a span costs the application does not depend on how the destination is doing,
/// neither while the queue fills nor when it is full, however long it is.
#[test]
#[ignore = "prints times, which are of interest in a release build"]
fn the_cost_of_a_span_by_the_state_of_its_destination() {
    for queue in [100, 2048, 100_000] {
        let healthy = Collector::start();
        let (silent, busy) = (OtlpReceiver::start(), OtlpReceiver::start());
        silent.answer_always(Answer::never());
        busy.answer_always(Answer::status(503));
        let states = [
            ("healthy", healthy.endpoint.clone()),
            ("refusing connections", String::from("http://127.0.0.1:1")),
            ("never answering", silent.endpoint()),
            ("answering 503", busy.endpoint()),
        ];
        let runs: Vec<_> = states
            .into_iter()
            .map(|(name, endpoint)| {
                let mut settings = settings(vec![destination("default", &endpoint)]);
                settings.batch.max_queue_size = queue;
                settings.batch.max_export_batch_size = 512.min(queue);
                (name, Running::start(&settings))
            })
            .collect();
        for phase in ["filling", "full"] {
            // Interleaved, the best of many rounds: other work on the machine only adds.
            let mut best = [Duration::MAX; 4];
            for _ in 0..60 {
                for ((_, running), best) in runs.iter().zip(&mut best) {
                    *best = time(running, SPANS_PER_ROUND).min(*best);
                    std::thread::sleep(Duration::from_millis(5));
                }
            }
            let mut line = format!("queue {queue}, {phase}:");
            for ((name, running), took) in runs.iter().zip(best) {
                let nanos = took.as_nanos() / u128::from(SPANS_PER_ROUND);
                let ratio = took.as_secs_f64() / best[0].as_secs_f64();
                let spans = running.snapshot().spans.finished;
                line += &format!(
                    " {name} {nanos} ns/span ({ratio:.2}, {} dropped)",
                    spans.dropped_total()
                );
            }
            line.push('\n');
            std::io::stderr().write_all(line.as_bytes()).unwrap();
            for (_, running) in &runs {
                time(running, queue as u64);
            }
        }
        for (_, running) in runs {
            let _ = running.pipeline.shutdown(Duration::from_millis(100));
        }
    }
}

fn time(running: &Running, spans: u64) -> Duration {
    let start = Instant::now();
    for _ in 0..spans {
        chat(&running.tracer);
    }
    start.elapsed()
}

/// A span of 14 attributes, as a chat has.
fn chat(tracer: &SdkTracer) {
    let mut span = tracer.start("chat gpt-4o");
    for (key, value) in [
        ("gen_ai.operation.name", "chat"),
        ("gen_ai.provider.name", "openai"),
        ("gen_ai.request.model", "gpt-4o"),
        ("gen_ai.response.model", "gpt-4o-2024-08-06"),
        ("gen_ai.response.id", "chatcmpl-9J3uIL87gldCFtiIbyaOvTeYBRA3l"),
        ("gen_ai.conversation.id", "conv_5j66UpCpwteGg4YSxUnt7lPY"),
        ("server.address", "api.openai.com"),
        ("gen_ai.output.type", "text"),
    ] {
        span.set_attribute(KeyValue::new(key, value));
    }
    for (key, value) in [
        ("gen_ai.usage.input_tokens", 100),
        ("gen_ai.usage.output_tokens", 180),
        ("gen_ai.request.max_tokens", 500),
        ("server.port", 443),
    ] {
        span.set_attribute(KeyValue::new(key, value));
    }
    span.set_attribute(KeyValue::new("gen_ai.request.temperature", 0.7));
    span.set_attribute(KeyValue::new("gen_ai.request.top_p", 1.0));
    span.end();
}

/// Bytes of this process in memory; 0 where the system does not say.
fn resident() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    pages.unwrap_or(0) * 4096
}

struct Collector {
    child: Child,
    endpoint: String,
    output: BufReader<std::process::ChildStdout>,
}

impl Collector {
    /// This test program again, with only [`collector_process`] to run.
    fn start() -> Self {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["pipeline::tests::load::collector_process", "--exact", "--ignored"])
            .args(["--nocapture", "--test-threads=1"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let address = answer(&mut output, "listening on ");
        Self { child, endpoint: format!("http://{address}"), output }
    }

    /// Ends it and returns how many spans it has got.
    fn finish(&mut self) -> u64 {
        drop(self.child.stdin.take());
        let spans = answer(&mut self.output, "spans ").parse().unwrap();
        self.child.wait().unwrap();
        spans
    }
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn answer(output: &mut impl BufRead, prefix: &str) -> String {
    let mut line = String::new();
    while output.read_line(&mut line).unwrap() > 0 {
        if let Some((_, rest)) = line.split_once(prefix) {
            return rest.trim().to_owned();
        }
        line.clear();
    }
    panic!("the collector ended before it said `{prefix}`");
}

/// Not a test: the other process of the test above. Ends with its standard input.
#[test]
#[ignore = "the other process of a test"]
fn collector_process() {
    static SPANS: AtomicU64 = AtomicU64::new(0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let line = format!("listening on {}\n", listener.local_addr().unwrap());
    std::io::stdout().write_all(line.as_bytes()).unwrap();
    std::io::stdout().flush().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || serve(stream, &SPANS));
        }
    });
    let _ = std::io::stdin().read_to_end(&mut Vec::new());
    let line = format!("spans {}\n", SPANS.load(Ordering::SeqCst));
    std::io::stdout().write_all(line.as_bytes()).unwrap();
}

fn serve(stream: TcpStream, spans: &AtomicU64) -> std::io::Result<()> {
    let mut writer = stream.try_clone()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    loop {
        let mut length = 0;
        loop {
            line.clear();
            if reader.read_line(&mut line)? == 0 {
                return Ok(());
            }
            if line == "\r\n" {
                break;
            }
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().map_err(std::io::Error::other)?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body)?;
        let request =
            ExportTraceServiceRequest::decode(&body[..]).map_err(std::io::Error::other)?;
        let scopes = request.resource_spans.iter().flat_map(|resource| &resource.scope_spans);
        let n: usize = scopes.map(|scope| scope.spans.len()).sum();
        spans.fetch_add(n as u64, Ordering::SeqCst);
        writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n")?;
    }
}
