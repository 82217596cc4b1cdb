//! What the guide to troubleshooting prints is what `status` and `doctor` say: every fault is made
//! on a loopback socket, and every line it leads to stands in the guide.
#![cfg(feature = "yaml")]
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use tracing::info_span;
use tracing_genai::telemetry::Console;
use tracing_genai::{Builder, Telemetry};
use tracing_genai_test_support::{Answer, Authority, OtlpReceiver, Proxy};
use tracing_subscriber::Registry;
use tracing_subscriber::prelude::*;

const GUIDE: &str = include_str!("../src/guide/troubleshooting.md");

#[test]
fn what_the_doctor_says_of_answers() {
    for answer in [
        Answer::status(401).body("invalid API key"),
        Answer::status(403),
        Answer::status(404),
        Answer::status(302),
        Answer::status(200).header("content-type", "text/html").body("<!doctype html>"),
        Answer::status(407),
        Answer::status(429),
        Answer::status(503).body("upstream connect error"),
        Answer::never(),
        Answer::accept().after(Duration::from_millis(2060)),
    ] {
        let receiver = OtlpReceiver::start();
        receiver.answer_always(answer);
        in_the_guide(&diagnosis(&format!("endpoint: {}\ntimeout: 2500", receiver.endpoint())));
    }
}

#[test]
fn what_the_doctor_says_of_addresses() {
    in_the_guide(&diagnosis(&format!("endpoint: http://127.0.0.1:{}", closed_port())));

    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::status(404));
    let endpoint = receiver.endpoint();
    in_the_guide(&diagnosis(&format!("traces: {{endpoint: {endpoint}/v2/traces}}")));

    let grpc = answering(b"\0\0\x06\x04\0\0\0\0\0\0\x05\0\0@\0");
    in_the_guide(&diagnosis(&format!("endpoint: http://127.0.0.1:{grpc}")));
    let plain = answering(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n");
    in_the_guide(&diagnosis(&format!("endpoint: https://localhost:{plain}")));
    #[cfg(feature = "otel-grpc")]
    in_the_guide(&diagnosis(&format!("endpoint: {endpoint}\nprotocol: grpc")));
}

#[test]
fn what_the_doctor_says_of_proxies() {
    let receiver = OtlpReceiver::start().address();
    let proxy = Proxy::start(Arc::new(Authority::new()), receiver, receiver);
    for answer in ["407 Proxy Authentication Required", "403 Forbidden"] {
        proxy.refuse(answer);
        let builder = builder("endpoint: https://otlp.example.com");
        let builder = builder.env([("HTTPS_PROXY", proxy.url())]);
        let said = builder.build::<Registry>().unwrap().1.doctor().to_string();
        in_the_guide(&said.replace(&proxy.address().to_string(), "proxy.example.com:3128"));
    }
}

#[test]
fn what_the_status_says() {
    in_the_guide(&first_lines(2, &calls("", 1)));
    in_the_guide(&first_lines(1, &calls("enabled: false", 1)));

    let gone = format!("endpoint: http://127.0.0.1:{}\n{QUICK}", closed_port());
    let telemetry = calls(&gone, 3);
    wait_for(&telemetry, "not answering");
    in_the_guide(&middle(&telemetry));

    for (answer, count) in [
        (Answer::status(401).body("invalid API key"), 2),
        (Answer::partial_success(2, "span too old"), 1),
    ] {
        let receiver = OtlpReceiver::start();
        receiver.answer_always(answer);
        let telemetry = calls(&format!("endpoint: {}\n{QUICK}", receiver.endpoint()), 3);
        let _ = telemetry.force_flush();
        let said = middle(&telemetry);
        let mut lines: Vec<_> = said.lines().collect();
        if count == 1 {
            lines.remove(1);
        }
        in_the_guide(&lines.join("\n"));
    }

    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::accept().after(Duration::from_millis(500)));
    let small = "traces: {batch: {max_queue_size: 100, max_export_batch_size: 100}}";
    let telemetry = calls(
        &format!("endpoint: {}\nmetrics: {{enabled: false}}\n{small}", receiver.endpoint()),
        350,
    );
    telemetry.force_flush().unwrap();
    in_the_guide(telemetry.status().to_string().lines().nth(1).unwrap());

    let none = format!("endpoint: {}\nsampler: always_off", receiver.endpoint());
    in_the_guide(calls(&none, 3).status().to_string().lines().nth(1).unwrap());
}

#[test]
fn what_a_wrong_configuration_leads_to() {
    for file in [
        "endpont: http://localhost:4318\nsampler_arg: 1.5",
        "endpoint: localhost:4318",
        "endpoint: https://h\nheaders: {authorization: 'Bearer ${OTLP_TOKEN}'}",
    ] {
        in_the_guide(&builder(file).build::<Registry>().unwrap_err().to_string());
    }
    let (_, telemetry) = builder("endpoint: http://localhost:4317").build::<Registry>().unwrap();
    in_the_guide(telemetry.status().to_string().lines().last().unwrap());
}

/// Knows the file and nothing of this machine.
fn builder(file: &str) -> Builder {
    tracing_genai::builder()
        .env([("", ""); 0])
        .service_name("chat-api")
        .config_str(file)
        .console(Console::Never)
}

fn diagnosis(file: &str) -> String {
    builder(file).build::<Registry>().unwrap().1.doctor().to_string()
}

/// So many calls of a model that have ended.
fn calls(file: &str, count: usize) -> Telemetry {
    let (layer, telemetry) = builder(file).build().unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        for _ in 0..count {
            info_span!("chat", gen_ai.operation.name = "chat", gen_ai.request.model = "gpt-4o");
        }
    });
    telemetry
}

fn wait_for(telemetry: &Telemetry, said: &str) {
    let until = std::time::Instant::now() + Duration::from_secs(30);
    while !telemetry.status().to_string().contains(said) {
        assert!(std::time::Instant::now() < until, "{}", telemetry.status());
        std::thread::yield_now();
    }
}

fn first_lines(count: usize, telemetry: &Telemetry) -> String {
    telemetry.status().to_string().lines().take(count).collect::<Vec<_>>().join("\n")
}

/// What the status says between its first line and the settings.
fn middle(telemetry: &Telemetry) -> String {
    let status = telemetry.status().to_string();
    let lines = status.lines().skip(1).take_while(|line| !line.starts_with("settings"));
    lines.collect::<Vec<_>>().join("\n")
}

fn closed_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Answers every connection with these bytes.
fn answering(bytes: &'static [u8]) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 1024]);
            let _ = stream.write_all(bytes);
        }
    });
    port
}

/// The guide has every line of it, but for addresses, times and how often was tried.
#[track_caller]
fn in_the_guide(said: &str) {
    let guide = without_what_differs(GUIDE);
    for line in without_what_differs(said).lines() {
        assert!(guide.lines().any(|other| other == line), "not in the guide:\n{line}\nof\n{said}");
    }
}

fn without_what_differs(text: &str) -> String {
    let lines = text.lines().map(|line| {
        let line = match line.split_once(" retries") {
            Some((before, after)) => {
                format!("{}retries{after}", before.trim_end_matches(char::is_numeric))
            }
            None => line.to_owned(),
        };
        let words = line.split(' ').map(|word| match word.split_once("://") {
            Some((scheme, rest)) => {
                let path = rest.find(['/', ')']).map_or("", |at| &rest[at..]);
                format!("{scheme}://…{path}")
            }
            None if is_time(word) => String::from("…"),
            None => word.to_owned(),
        });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// `2026-11-21T03:50:30Z:`
fn is_time(word: &str) -> bool {
    word.len() == 21 && word.ends_with("Z:")
}

/// No metrics, whose lines are not looked at here, and no waiting.
const QUICK: &str = "metrics: {enabled: false}\ntraces: {batch: {flush_ms: 100}}";
