//! What the doctor finds.

use std::io::{Read, Write};
use std::net::TcpListener;

use tracing_genai_test_support::{Answer, OtlpReceiver};

use super::*;
use crate::pipeline::{Finding, Verdict, probe, resource};

fn examine(to: &Destination) -> Finding {
    probe(to, &resource(&settings(Vec::new())))
}

#[test]
fn a_working_destination_works_and_gets_no_span() {
    let receiver = OtlpReceiver::start();
    let finding = examine(&destination("main", &receiver.endpoint()));
    assert_eq!((finding.verdict, finding.advice), (Verdict::Works, None));
    assert_eq!((receiver.requests().len(), receiver.span_count()), (1, 0));
}

#[test]
fn answers_are_explained_with_what_to_change() {
    for (answer, words) in [
        (Answer::status(404), "base URL"),
        (Answer::status(401), "authorization header"),
        (Answer::status(403), "not allowed"),
        (Answer::status(302), "Redirects"),
        (Answer::status(407), "proxy"),
        (Answer::status(429), "sampler_arg"),
        (Answer::status(503), "log"),
        (Answer::garbage("SSH-2.0\r\n"), "not HTTP"),
        (Answer::close(), "connection broke"),
        (Answer::never(), "firewall"),
    ] {
        let receiver = OtlpReceiver::start();
        receiver.answer_always(answer);
        let mut to = destination("main", &receiver.endpoint());
        to.timeout = Duration::from_millis(300);
        let finding = examine(&to);
        assert_eq!(finding.verdict, Verdict::Broken, "{finding}");
        assert!(finding.to_string().contains(words), "`{words}` in {finding}");
        assert_eq!(finding.to_string().lines().count(), 1);
    }
}

#[test]
fn a_closed_port_an_unknown_host_and_a_wrong_path_are_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let finding = examine(&destination("main", &format!("http://{closed}")));
    assert!(finding.to_string().contains("Nothing listens"), "{finding}");

    let finding = examine(&destination("main", "http://no-such-host.invalid:4318"));
    assert!(finding.to_string().contains("spelling"), "{finding}");

    let receiver = OtlpReceiver::start();
    let mut to = destination("main", &receiver.endpoint());
    to.traces_url = Some(receiver.endpoint());
    let finding = examine(&to);
    assert!(finding.to_string().contains("/v1/traces"), "{finding}");
}

#[test]
fn tls_to_a_plain_port_is_named() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _ = stream.read(&mut [0; 512]);
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n")
    });
    let finding = examine(&destination("main", &format!("https://localhost:{port}")));
    assert!(finding.to_string().contains("plain http"), "{finding}");
}

#[cfg(feature = "otel-grpc")]
#[test]
fn grpc_to_an_http_port_is_named() {
    let receiver = OtlpReceiver::start();
    let to = Destination {
        protocol: Protocol::Grpc,
        timeout: Duration::from_secs(3),
        ..destination("main", &receiver.endpoint())
    };
    let finding = examine(&to);
    assert_eq!(finding.verdict, Verdict::Broken, "{finding}");
    assert!(finding.to_string().contains("http/protobuf"), "{finding}");
}
