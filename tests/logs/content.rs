//! What of an event leaves, and what does not.

use std::fmt;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use tracing::{debug, error, info, info_span, warn};
use tracing_genai::policy::ContentCapture;
use tracing_genai::semconv::Class;

use super::*;

/// What an LLM service and its libraries may say in an event.
fn talk() {
    let _span = info_span!("handler", gen_ai.operation.name = "chat").entered();
    info!(gen_ai.input.messages = "canary-in", "1");
    info!(gen_ai.output.messages = %"canary-out", "2");
    info!(gen_ai.system_instructions = ?"canary-system", "3");
    info!(gen_ai.tool.call.arguments = "canary-tool", gen_ai.tool.call.result = "canary-tool", "4");
    info!(gen_ai.prompt = "canary-in", llm.prompts = "canary-in", input.value = "canary-in", "5");
    info!(prompt = "canary-in", question = "canary-in", "6");
    info!(gen_ai.request.headers = "authorization: canary-secret", "7");
    info!(gen_ai.some.future.key = "canary-in ".repeat(40).as_str(), "8");
    info!(name: "gen_ai.user.message", content = "canary-in", "canary-in");
    info!(name: "gen_ai.choice", message = "canary-out", index = 0, "canary-out");
    info!(event.name = "gen_ai.system.message", content = "canary-system", "9");
    info!(name: "gen_ai.unheard.of", body = "canary-in canary-out", "canary-in canary-out");
    debug!(target: "rig::completions", "canary-in");
    warn!("the provider said 'canary-in' and more\ncanary-in");
    error!(error = "bad request: \"canary-in\"", "failed");
    error!(cause = &Echo as &dyn std::error::Error, "failed");
}

#[derive(Debug)]
struct Echo;

impl fmt::Display for Echo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("bad request: `canary-in`")
    }
}

impl std::error::Error for Echo {}

#[test]
fn no_content_leaves_unless_it_was_asked_for() {
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder(&receiver), talk);
    telemetry.force_flush().unwrap();
    let records = records(&receiver);
    assert_eq!(records.len(), 15, "{records:#?}");
    for (_, record) in &records {
        assert!(!format!("{record:?}").contains("canary"), "{record:#?}");
    }
    assert!(!receiver.contains_bytes("canary"));
    // What is no content stays.
    let choice = records.iter().find(|(_, record)| record.event_name == "gen_ai.choice").unwrap();
    assert_eq!(attribute(&choice.1, "index"), Some(&Value::IntValue(0)));
    let warning = records.iter().find(|(_, record)| record.severity_number == 13).unwrap();
    assert_eq!(body(&warning.1), "the provider said … and more");
}

#[test]
fn what_is_withheld_is_not_even_formatted() {
    struct Explosive;
    impl fmt::Debug for Explosive {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("content was formatted")
        }
    }
    let receiver = OtlpReceiver::start();
    let telemetry = run(builder(&receiver), || {
        info!(gen_ai.input.messages = ?Explosive, prompt = ?Explosive, "asked");
        info!(name: "gen_ai.user.message", content = ?Explosive, "asked");
    });
    telemetry.force_flush().unwrap();
    assert_eq!(records(&receiver).len(), 2);
}

#[test]
fn content_leaves_by_direction() {
    for (class, leaves) in [
        (Class::Input, "canary-in"),
        (Class::Output, "canary-out"),
        (Class::System, "canary-system"),
        (Class::Tools, "canary-tool"),
    ] {
        let receiver = OtlpReceiver::start();
        let builder = builder(&receiver).content_class(class, ContentCapture::Full);
        let telemetry = run(builder, talk);
        telemetry.force_flush().unwrap();
        let text = format!("{:?}", records(&receiver));
        for canary in ["canary-in", "canary-out", "canary-system", "canary-tool"] {
            assert_eq!(text.contains(canary), canary == leaves, "{canary} with {leaves}");
        }
        assert!(!receiver.contains_bytes("canary-secret"));
    }
}

#[test]
fn messages_of_an_event_are_structured() {
    let receiver = OtlpReceiver::start();
    let builder = builder(&receiver).content_capture(ContentCapture::Full);
    let telemetry = run(builder, || {
        info!(
            name: "gen_ai.client.inference.operation.details",
            {
                gen_ai.request.model = "gpt-4o",
                gen_ai.usage.input_tokens = 3_u64,
                gen_ai.input.messages = r#"[{"role":"user","content":"hello"}]"#
            },
            "details"
        );
    });
    telemetry.force_flush().unwrap();
    let records = records(&receiver);
    let (_, record) = &records[0];
    assert_eq!(record.event_name, "gen_ai.client.inference.operation.details");
    assert_eq!(text(record, "gen_ai.request.model"), Some("gpt-4o"));
    assert_eq!(attribute(record, "gen_ai.usage.input_tokens"), Some(&Value::IntValue(3)));
    let Some(Value::ArrayValue(messages)) = attribute(record, "gen_ai.input.messages") else {
        panic!("{record:#?}");
    };
    let Some(Value::KvlistValue(message)) = &messages.values[0].value else {
        panic!("{record:#?}");
    };
    let mut keys: Vec<_> = message.values.iter().map(|member| member.key.as_str()).collect();
    keys.sort_unstable();
    assert_eq!(keys, ["parts", "role"]);
}

#[test]
fn each_destination_has_its_own_policy() {
    let (open, closed) = (OtlpReceiver::start(), OtlpReceiver::start());
    let config = format!(
        "logs:\n  enabled: true\nexporters:\n\
         - {{name: open, endpoint: '{}', content_capture: full}}\n\
         - {{name: closed, endpoint: '{}'}}\n",
        open.endpoint(),
        closed.endpoint(),
    );
    let telemetry = run(bare().config_str(config), talk);
    telemetry.force_flush().unwrap();
    assert_eq!((records(&open).len(), records(&closed).len()), (15, 15));
    assert!(format!("{:?}", records(&open)).contains("canary-in"));
    assert!(!closed.contains_bytes("canary"));
    assert_eq!(counts(&telemetry).received(), 15);
}
