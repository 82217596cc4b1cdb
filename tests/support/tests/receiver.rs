//! The receiver and the provider do what other tests rely on.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, ArrayValue, KeyValue, any_value::Value as Any,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use prost::Message;
use tracing_genai_test_support::{
    Answer, MockProvider, OtlpReceiver, SpanKind, SpanStatus, Turn, Value,
};

const SOON: Duration = Duration::from_secs(20);

fn attr(key: &str, value: Any) -> KeyValue {
    KeyValue {
        key: key.into(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn one_span(name: &str) -> ExportTraceServiceRequest {
    let list = vec![AnyValue { value: Some(Any::StringValue("stop".into())) }];
    let span = Span {
        name: name.into(),
        kind: 3,
        trace_id: vec![1; 16],
        span_id: vec![2; 8],
        attributes: vec![
            attr("tokens", Any::IntValue(12)),
            attr("reasons", Any::ArrayValue(ArrayValue { values: list })),
            attr("twice", Any::StringValue("first".into())),
            attr("twice", Any::StringValue("second".into())),
        ],
        status: Some(Status { message: "boom".into(), code: 2 }),
        ..Span::default()
    };
    let scope = ScopeSpans { spans: vec![span], ..ScopeSpans::default() };
    ExportTraceServiceRequest {
        resource_spans: vec![ResourceSpans {
            scope_spans: vec![scope],
            ..ResourceSpans::default()
        }],
    }
}

fn post(receiver: &OtlpReceiver, headers: &str, body: &[u8]) -> std::io::Result<String> {
    let mut stream = TcpStream::connect(receiver.address())?;
    write!(
        stream,
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
        body.len(),
    )?;
    stream.write_all(body)?;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer)?;
    Ok(String::from_utf8_lossy(&answer).into_owned())
}

const PROTOBUF: &str = "Content-Type: application/x-protobuf\r\n";

#[test]
fn protobuf_json_and_gzip_bodies_are_the_same_span() {
    let receiver = OtlpReceiver::start();
    let request = one_span("chat m");
    let plain = request.encode_to_vec();
    post(&receiver, PROTOBUF, &plain).unwrap();
    let json = serde_json::to_vec(&request).unwrap();
    post(&receiver, "Content-Type: application/json\r\n", &json).unwrap();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&plain).unwrap();
    let headers = format!("{PROTOBUF}Content-Encoding: gzip\r\n");
    post(&receiver, &headers, &gzip.finish().unwrap()).unwrap();

    let spans = receiver.wait_for_spans(3, SOON);
    for span in &spans {
        assert_eq!(span.name, "chat m");
        assert_eq!(span.kind, SpanKind::Client);
        assert_eq!(span.int("tokens"), Some(12));
        assert_eq!(span.strings("reasons").unwrap(), ["stop"]);
        assert_eq!(span.attr("twice"), Some(&Value::from("second")));
        assert_eq!(span.duplicate_keys(), ["twice"]);
        assert_eq!(span.status, SpanStatus::Error("boom".into()));
        assert_eq!(span.trace_id, "01".repeat(16));
    }
    receiver.clear();
    post(&receiver, &headers, b"not gzip").unwrap();
    assert!(receiver.requests()[0].undecodable.is_some());
}

#[test]
fn bytes_are_found_in_compressed_bodies_and_in_heads() {
    let receiver = OtlpReceiver::start();
    let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    gzip.write_all(&one_span("a needle in the hay").encode_to_vec()).unwrap();
    let headers = format!("{PROTOBUF}Content-Encoding: gzip\r\nX-Key: secret\r\n");
    post(&receiver, &headers, &gzip.finish().unwrap()).unwrap();
    assert!(receiver.contains_bytes("needle"));
    assert!(receiver.contains_bytes("X-Key: secret"));
    assert!(!receiver.contains_bytes("pitchfork"));
}

#[test]
fn answers_are_given_in_order_and_only_accepted_spans_count() {
    let receiver = OtlpReceiver::start();
    let body = one_span("s").encode_to_vec();
    receiver.answer_next(Answer::status(503).header("retry-after", "1"));
    receiver.answer_next(Answer::partial_success(1, "too many"));
    receiver.answer_next(Answer::reset());
    receiver.answer_next(Answer::garbage(*b"hello there!"));
    assert!(post(&receiver, PROTOBUF, &body).unwrap().ends_with("503"));
    assert_eq!(receiver.span_count(), 0);
    assert!(post(&receiver, PROTOBUF, &body).unwrap().ends_with("200"));
    let reset = post(&receiver, PROTOBUF, &body).unwrap_err();
    assert_eq!(reset.kind(), std::io::ErrorKind::ConnectionReset);
    assert_eq!(post(&receiver, PROTOBUF, &body).unwrap(), "hello there!");
    assert!(post(&receiver, PROTOBUF, &body).unwrap().ends_with("200"));
    assert_eq!(receiver.wait_for_requests(5, SOON).len(), 5);
    assert_eq!(receiver.span_count(), 2);
}

#[test]
fn a_silent_receiver_still_stops() {
    let receiver = OtlpReceiver::start();
    receiver.answer_always(Answer::never());
    let mut stream = TcpStream::connect(receiver.address()).unwrap();
    stream.write_all(b"POST /v1/traces HTTP/1.1\r\nContent-Length: 0\r\n\r\n").unwrap();
    let _ = receiver.wait_for_requests(1, SOON);
    drop(receiver);
    let mut rest = Vec::new();
    let _ = stream.read_to_end(&mut rest);
    assert!(rest.is_empty());
}

#[test]
fn the_provider_follows_its_script() {
    let provider = MockProvider::with_script([Turn::text("four words in all"), Turn::error(429)]);
    let ask = |stream: bool| {
        let body = format!(
            r#"{{"model":"m","stream":{stream},"messages":[{{"role":"user","content":"my prompt"}}]}}"#
        );
        let mut socket = TcpStream::connect(provider.address()).unwrap();
        write!(
            socket,
            "POST /v1/chat/completions HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = String::new();
        socket.read_to_string(&mut answer).unwrap();
        answer
    };
    let streamed = ask(true);
    assert!(streamed.contains(r#""content":"words ""#), "{streamed}");
    assert!(streamed.contains("[DONE]"), "{streamed}");
    let refused = ask(false);
    assert!(refused.starts_with("HTTP/1.1 429"), "{refused}");
    assert!(refused.contains("my prompt"), "real providers echo, so does this one: {refused}");
    assert_eq!(provider.calls().len(), 2);
}
