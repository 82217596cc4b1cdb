//! How fast spans leave over HTTP, and how much memory that takes.
//!
//! `cargo bench --all-features --bench wire` sends 50,000 finished spans to a receiver on loopback
//! that reads and forgets them, each case from a process of its own, and prints spans a second from
//! the first span to the last answer, and the most memory that the process had. With the name of a
//! case it runs that one only, so that two builds can take turns.
#![expect(clippy::print_stdout, reason = "a benchmark reports on stdout")]
#![expect(clippy::unwrap_used, reason = "a benchmark may stop at the first surprise")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::time::{Duration, Instant};

use tracing_genai::inference_span;
use tracing_genai::telemetry::Console;
use tracing_subscriber::prelude::*;

const SPANS: u64 = 50_000;
const PATIENCE: Duration = Duration::from_secs(100);

type Variables = &'static [(&'static str, &'static str)];

/// A name, how many destinations, what the environment says of them, and the size of the prompt.
const CASES: [(&str, usize, Variables, usize); 5] = [
    ("protobuf", 1, &[], 0),
    ("protobuf_2KiB", 1, &[CAPTURE], 2 << 10),
    ("protobuf_two", 2, &[], 0),
    ("gzip", 1, &[("OTEL_EXPORTER_OTLP_COMPRESSION", "gzip")], 0),
    ("json", 1, &[("OTEL_EXPORTER_OTLP_PROTOCOL", "http/json")], 0),
];
const CAPTURE: (&str, &str) = ("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT", "true");

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let [flag, name, endpoint] = &arguments[..]
        && flag == "--send"
    {
        let case = CASES.iter().find(|(case, ..)| case == name).unwrap();
        return send(case, endpoint, SPANS);
    }
    let named = |name: &str| arguments.iter().any(|argument| argument == name);
    // `cargo test --benches` only asks whether it runs.
    if !named("--bench") && !CASES.iter().any(|(name, ..)| named(name)) {
        return send(&CASES[0], &receive(), 1_000);
    }
    println!("{:<16} {:>12} {:>12}", "case", "spans/s", "peak KiB");
    let all = !CASES.iter().any(|(name, ..)| named(name));
    for (name, ..) in CASES.iter().filter(|(name, ..)| all || named(name)) {
        let endpoint = receive();
        let program = std::env::current_exe().unwrap();
        assert!(
            Command::new(program).args(["--send", name, &endpoint]).status().unwrap().success()
        );
    }
}

/// Makes the spans and waits until the receiver has them.
fn send(
    (name, destinations, env, prompt): &(&str, usize, &[(&str, &str)], usize),
    endpoint: &str,
    spans: u64,
) {
    let exporter = |at| format!(r#"{{"name":"{at}","endpoint":"{endpoint}"}}"#);
    let exporters: Vec<_> = (0..*destinations).map(exporter).collect();
    // Room for all: what is measured is how fast they leave, not how many are dropped.
    let config = format!(
        r#"{{"exporters":[{}],"metrics":{{"enabled":false}},
            "traces":{{"batch":{{"max_queue_size":{SPANS},"max_queue_bytes":1000000000}}}}}}"#,
        exporters.join(",")
    );
    let builder = tracing_genai::builder()
        .config_str(config)
        .env(env.iter().copied())
        .console(Console::Never);
    let (layer, telemetry) = builder.build().unwrap();
    let subscriber = tracing_subscriber::registry().with(layer);
    let prompt = "Do I need an umbrella?\n".chars().cycle().take(*prompt).collect::<String>();
    let prompt = Some(prompt.as_str()).filter(|prompt| !prompt.is_empty());

    let start = Instant::now();
    tracing::subscriber::with_default(subscriber, || {
        for at in 0..spans {
            let span = inference_span!("chat", "openai", "gpt-4o", gen_ai.prompt = prompt);
            span.record("gen_ai.response.id", format_args!("chatcmpl-{at}"));
            span.record("gen_ai.response.model", "gpt-4o-2024-08-06");
            span.record("gen_ai.usage.input_tokens", 1200);
            span.record("gen_ai.usage.output_tokens", 220);
        }
    });
    telemetry.force_flush().unwrap();
    let rate = spans as f64 / start.elapsed().as_secs_f64();
    let status = telemetry.status();
    assert_eq!(status.spans().exported(), spans, "{status}");
    println!("{name:<16} {rate:>12.0} {:>12}", peak());
}

/// Reads requests and forgets them. Gives its address.
fn receive() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let stream = stream.unwrap();
            std::thread::spawn(move || while_asked(stream));
        }
    });
    format!("http://{address}")
}

fn while_asked(stream: TcpStream) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut reader = BufReader::with_capacity(1 << 16, &stream);
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            if reader.read_line(&mut line).ok()? == 0 {
                return None;
            }
            match line.trim().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().ok()?,
                Some(_) => {}
                None if line.trim().is_empty() => break,
                None => {}
            }
        }
        std::io::copy(&mut (&mut reader).take(length), &mut std::io::sink()).ok()?;
        (&stream).write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").ok()?;
    }
}

/// The most memory this process has had, in KiB; 0 where the system does not say.
fn peak() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
