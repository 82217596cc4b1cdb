//! What the doctor finds.

use std::io::{Read, Write};
use std::net::TcpListener;

#[cfg(feature = "otel-grpc")]
use tracing_genai_test_support::GrpcReceiver;
use tracing_genai_test_support::{Answer, Authority, OtlpReceiver};

use super::*;
use crate::health::Verdict;
use crate::pipeline::probe;

#[test]
fn a_working_destination_works_and_gets_no_span() {
    let receiver = OtlpReceiver::start();
    let finding = probe(&destination("main", &receiver.endpoint()));
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
        (Answer::status(200).header("content-type", "text/html").body("<html>"), "website"),
        (Answer::status(407), "proxy"),
        (Answer::status(429), "sampler_arg"),
        (Answer::status(503), "log"),
        (Answer::garbage("SSH-2.0\r\n"), "not HTTP"),
        (Answer::close(), "connection broke"),
        (Answer::never(), "firewall"),
    ] {
        let receiver = OtlpReceiver::start();
        receiver.answer_always(answer);
        let to = by(destination("main", &receiver.endpoint()), |to| {
            to.timeout = Duration::from_millis(300)
        });
        let finding = probe(&to);
        assert_eq!(finding.verdict, Verdict::Broken, "{finding}");
        assert!(finding.to_string().contains(words), "`{words}` in {finding}");
        assert_eq!(finding.to_string().lines().count(), 1);
    }
}

#[test]
fn a_closed_port_an_unknown_host_and_a_wrong_path_are_told_apart() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let finding = probe(&destination("main", &format!("http://{closed}")));
    assert!(finding.to_string().contains("Nothing listens"), "{finding}");

    let finding = probe(&destination("main", "http://no-such-host.invalid:4318"));
    assert!(finding.to_string().contains("spelling"), "{finding}");

    let receiver = OtlpReceiver::start();
    let to = by(destination("main", &receiver.endpoint()), |to| to.url = receiver.endpoint());
    let finding = probe(&to);
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
    let finding = probe(&destination("main", &format!("https://localhost:{port}")));
    assert!(finding.to_string().contains("plain http"), "{finding}");
}

#[test]
fn a_certificate_that_nobody_vouches_for_is_named() {
    let (receiver, authority) = (OtlpReceiver::start(), Authority::new());
    let front = authority.serve(receiver.address(), false);
    let url = format!("https://localhost:{}", front.port());
    let finding = probe(&destination("main", &url));
    assert_eq!(finding.verdict, Verdict::Broken);
    assert!(finding.to_string().contains("tls_ca_cert"), "{finding}");
    let trusting = |to: &mut Route| to.ca_cert = Some(authority.ca_file());
    let to = by(destination("main", &url), trusting);
    assert_eq!(probe(&to).verdict, Verdict::Works);
    let finding = probe(&destination("main", &format!("http://localhost:{}", front.port())));
    assert!(finding.to_string().contains("https"), "{finding}");
    // It vouches for `localhost`, not for this.
    let by_address = format!("https://127.0.0.1:{}", front.port());
    let to = by(destination("main", &by_address), trusting);
    let finding = probe(&to);
    assert!(finding.to_string().contains("host name is in the certificate"), "{finding}");
}

#[test]
fn a_slow_answer_works_and_is_told() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::accept().after(Duration::from_millis(2100)));
    let finding = probe(&destination("main", &receiver.endpoint()));
    assert_eq!(finding.verdict, Verdict::Slow, "{finding}");
    assert!(finding.to_string().contains("max_queue_size"), "{finding}");
}

#[cfg(feature = "metrics")]
#[test]
fn a_receiver_is_asked_for_each_signal() {
    let receiver = OtlpReceiver::start();
    let metrics = Some(route(format!("{}/v1/metrics", receiver.endpoint())));
    let to = Destination { metrics, ..destination("main", &receiver.endpoint()) };
    assert_eq!(probe(&to).message, "takes spans, metrics");

    receiver.answer_next(Answer::accept());
    receiver.answer_next(Answer::status(404).body("no such page"));
    let finding = probe(&to);
    assert_eq!(finding.verdict, Verdict::Works, "what is asked for most is taken");
    assert_eq!(finding.message, "takes spans, but no metrics (answered 404: no such page)");
    assert!(finding.advice.unwrap().contains("metrics.enabled"));

    receiver.answer_next(Answer::accept());
    receiver.answer_next(Answer::status(403));
    let finding = probe(&to);
    assert_eq!(finding.verdict, Verdict::Broken);
    assert!(finding.url.ends_with("/v1/metrics"), "{finding}");
}

#[cfg(feature = "logs")]
#[test]
fn a_receiver_of_logs_alone_is_asked_for_logs() {
    let receiver = OtlpReceiver::start();
    let logs = Some(route(format!("{}/v1/logs", receiver.endpoint())));
    let to = Destination { traces: None, logs, ..destination("main/logs", "") };
    assert_eq!(probe(&to).message, "takes log records");
    assert_eq!(receiver.requests()[0].path, "/v1/logs");
}

#[cfg(feature = "metrics")]
#[test]
fn a_receiver_of_metrics_alone_is_asked_for_metrics() {
    let receiver = OtlpReceiver::start();
    let metrics = Some(route(format!("{}/v1/metrics", receiver.endpoint())));
    let to = Destination { traces: None, metrics, ..destination("main/metrics", "") };
    let finding = probe(&to);
    assert_eq!(finding.verdict, Verdict::Works, "{finding}");
    assert_eq!(
        (receiver.requests()[0].path.as_str(), finding.message.as_str()),
        ("/v1/metrics", "takes metrics")
    );
    receiver.answer_always(Answer::status(404));
    let finding = probe(&to);
    assert!(finding.to_string().contains("Set metrics.enabled to false"), "{finding}");
}

#[cfg(feature = "otel-grpc")]
#[test]
fn http_to_a_grpc_port_is_named() {
    let receiver = GrpcReceiver::start();
    let finding = probe(&destination("main", &receiver.endpoint()));
    assert_eq!(finding.verdict, Verdict::Broken, "{finding}");
    assert!(finding.to_string().contains("protocol to grpc"), "{finding}");
}

#[cfg(feature = "otel-grpc")]
#[test]
fn answers_over_grpc_are_explained_too() {
    use tonic::{Code, Status};

    for (code, words) in [
        (Code::Unauthenticated, "credentials are missing or wrong"),
        (Code::PermissionDenied, "not allowed here"),
        (Code::Unimplemented, "no OTLP trace service"),
        (Code::ResourceExhausted, "sampler_arg"),
        (Code::Unavailable, "log"),
    ] {
        let receiver = GrpcReceiver::start();
        receiver.answer_next(Err(Status::new(code, "no")));
        let finding = probe(&grpc::grpc(&receiver.endpoint()));
        assert_eq!(finding.verdict, Verdict::Broken, "{finding}");
        assert!(finding.to_string().contains(words), "`{words}` in {finding}");
        assert_eq!(finding.to_string().lines().count(), 1);
    }
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let finding = probe(&grpc::grpc(&format!("http://{closed}")));
    assert!(finding.to_string().contains("Nothing listens"), "{finding}");
    let finding = probe(&grpc::grpc("http://no-such-host.invalid:4317"));
    assert!(finding.to_string().contains("spelling"), "{finding}");

    let (receiver, authority) = (GrpcReceiver::start(), Authority::new());
    let front = authority.serve(receiver.address(), false);
    let finding = probe(&grpc::grpc(&format!("https://localhost:{}", front.port())));
    assert!(finding.to_string().contains("tls_ca_cert"), "{finding}");
    // Plain text to a port that speaks TLS.
    let finding = probe(&grpc::grpc(&format!("http://localhost:{}", front.port())));
    assert!(finding.to_string().contains("https"), "{finding}");
    assert_eq!(receiver.requests().len(), 0);
}

#[cfg(feature = "otel-grpc")]
#[test]
fn grpc_to_an_http_port_is_named() {
    let receiver = OtlpReceiver::start();
    let to = by(destination("main", &receiver.endpoint()), |to| {
        (to.protocol, to.timeout) = (Protocol::Grpc, Duration::from_secs(3));
    });
    let finding = probe(&to);
    assert_eq!(finding.verdict, Verdict::Broken, "{finding}");
    assert!(finding.to_string().contains("http/protobuf"), "{finding}");
}
