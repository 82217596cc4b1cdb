//! JSON and compressed bodies.

use tracing_genai_test_support::{Answer, OtlpReceiver};

use super::*;
use crate::pipeline::delivery::FailureKind;

#[test]
fn json_and_gzip_carry_the_same_spans() {
    for (protocol, compression) in [
        (Protocol::HttpJson, Compression::None),
        (Protocol::HttpJson, Compression::Gzip),
        (Protocol::HttpProtobuf, Compression::Gzip),
    ] {
        let receiver = OtlpReceiver::start();
        let to = by(destination("default", &receiver.endpoint()), |to| {
            (to.protocol, to.compression) = (protocol, compression);
        });
        let running = Running::start(&settings(vec![to]));
        running.numbered(20);
        running.pipeline.flush(PATIENCE).unwrap();
        assert_eq!(receiver.span_count(), 20);
        let request = &receiver.requests()[0];
        let kind = match protocol {
            Protocol::HttpJson => "application/json",
            _ => "application/x-protobuf",
        };
        assert_eq!(request.header("content-type"), Some(kind));
        let gzip = compression == Compression::Gzip;
        assert_eq!(request.header("content-encoding"), gzip.then_some("gzip"));
        let span = &receiver.spans()[0];
        assert!(span.start_ns > 0 && span.trace_id.len() == 32, "{span:?}");
    }
}

#[test]
fn an_error_in_json_is_read() {
    let receiver = OtlpReceiver::start();
    let body = r#"{"error":{"message":"project is archived"}}"#;
    receiver
        .answer_always(Answer::status(403).header("content-type", "application/json").body(body));
    let json = |to: &mut Route| to.protocol = Protocol::HttpJson;
    let to = by(destination("default", &receiver.endpoint()), json);
    let running = Running::start(&settings(vec![to]));
    running.numbered(1);
    running.pipeline.flush(PATIENCE).unwrap_err();
    let (_, error) = running.snapshot().destinations[0].last_error.clone().unwrap();
    assert_eq!((error.kind, error.code), (FailureKind::Status, Some(403)));
    assert_eq!(error.message, "project is archived");
}
