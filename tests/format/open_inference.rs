//! OpenInference: what a user sets and hides, and what the supplement leaves alone.

use opentelemetry::KeyValue;
use tracing_genai::format::{Format, Hide, OpenInference};

use crate::cases::{case, cases, text, to_json};

const CANARY: &str = "c4n4ry";

fn with_canaries() -> opentelemetry_sdk::trace::SpanData {
    let mut span = case("chat_metadata_only");
    let input = format!(
        r#"[{{"role":"user","parts":[{{"type":"text","content":"in {CANARY}"}},{{"type":"blob","modality":"image","mime_type":"image/png","content":"{CANARY}"}}]}}]"#
    );
    let output = format!(
        r#"[{{"role":"assistant","parts":[{{"type":"text","content":"out {CANARY}"}},{{"type":"reasoning","content":"{CANARY}"}}],"finish_reason":"stop"}}]"#
    );
    span.attributes.push(KeyValue::new("gen_ai.input.messages", input));
    span.attributes.push(KeyValue::new("gen_ai.output.messages", output));
    span.attributes.push(KeyValue::new(
        "gen_ai.system_instructions",
        format!(r#"[{{"type":"text","content":"{CANARY}"}}]"#),
    ));
    span.attributes.push(KeyValue::new(
        "gen_ai.tool.definitions",
        format!(r#"[{{"type":"function","name":"{CANARY}"}}]"#),
    ));
    span
}

fn hide(names: &[&str]) -> Hide {
    let vars = names.iter().map(|name| (format!("OPENINFERENCE_HIDE_{name}"), "true"));
    let (hide, problems) = Hide::from_env(vars);
    assert!(problems.is_empty(), "{problems:?}");
    hide
}

#[test]
fn hidden_content_is_nowhere_in_the_span() {
    for format in [
        OpenInference::new(),
        OpenInference::supplement(),
        OpenInference::new().with_attribute_limit(20),
    ] {
        let shown = to_json(&format.format(with_canaries())).to_string();
        assert!(shown.contains(CANARY));
        let format = format.with_hide(hide(&["INPUTS", "OUTPUTS"]));
        let hidden = to_json(&format.format(with_canaries())).to_string();
        assert!(!hidden.contains(CANARY), "{hidden}");
        assert!(hidden.contains("__REDACTED__"));
    }
}

#[test]
fn each_setting_hides_what_its_name_says() {
    let format = |names: &[&str]| {
        let span = OpenInference::new().with_hide(hide(names)).format(with_canaries());
        to_json(&span)["attributes"].as_object().unwrap().clone()
    };
    let text_key = "llm.input_messages.1.message.contents.0.message_content.text";
    let image_key = "llm.input_messages.1.message.contents.1.message_content.image.image.url";
    let out_key = "llm.output_messages.0.message.contents.0.message_content.text";

    let plain = format(&[]);
    assert_eq!(plain[text_key], format!("in {CANARY}"));
    assert_eq!(plain[image_key], format!("data:image/png;base64,{CANARY}"));

    let hidden = format(&["INPUT_TEXT"]);
    assert_eq!(hidden[text_key], "__REDACTED__");
    assert_eq!(hidden["llm.input_messages.0.message.content"], "__REDACTED__");
    assert_eq!(hidden["llm.input_messages.1.message.contents.0.message_content.type"], "text");
    assert_eq!(hidden["input.value"], "__REDACTED__");
    assert!(hidden.contains_key(image_key));
    assert_eq!(hidden[out_key], format!("out {CANARY}"));

    let hidden = format(&["INPUT_IMAGES"]);
    assert!(!hidden.contains_key(image_key));
    assert_eq!(hidden[text_key], format!("in {CANARY}"));

    let hidden = format(&["OUTPUT_MESSAGES"]);
    assert!(!hidden.keys().any(|key| key.starts_with("llm.output_messages.")));
    assert!(hidden.contains_key(text_key));

    let hidden = format(&["LLM_TOOLS", "LLM_INVOCATION_PARAMETERS"]);
    assert!(!hidden.keys().any(|key| key.starts_with("llm.tools.")));
    assert!(!hidden.contains_key("llm.invocation_parameters"));
    assert!(hidden.contains_key(text_key));
}

#[test]
fn oversized_pictures_are_redacted_without_being_asked() {
    let (hide, _) = Hide::from_env([("OPENINFERENCE_BASE64_IMAGE_MAX_LENGTH", "10")]);
    let span = OpenInference::new().with_hide(hide).format(with_canaries());
    let url =
        text(&span, "llm.input_messages.1.message.contents.1.message_content.image.image.url");
    assert_eq!(url.as_deref(), Some("__REDACTED__"));
    let span = OpenInference::new().format(case("part_uri_image"));
    let url =
        text(&span, "llm.input_messages.0.message.contents.1.message_content.image.image.url");
    assert_eq!(url.as_deref(), Some("https://h/x.png"));
}

#[test]
fn a_value_is_text_and_not_a_string_of_json() {
    let mut span = case("execute_tool");
    for attribute in &mut span.attributes {
        if attribute.key.as_str() == "gen_ai.tool.call.arguments" {
            attribute.value = r#""Lisbon""#.into();
        }
    }
    let span = OpenInference::new().format(span);
    assert_eq!(text(&span, "input.value").as_deref(), Some("Lisbon"));
    assert_eq!(text(&span, "input.mime_type").as_deref(), Some("text/plain"));
}

#[test]
fn the_supplement_adds_and_never_changes() {
    for (name, span) in cases() {
        let before = span.clone();
        let after = OpenInference::supplement().format(span);
        for attribute in &before.attributes {
            assert!(after.attributes.contains(attribute), "{name} lost {}", attribute.key);
        }
        assert_eq!(
            (after.name, after.span_kind, after.status),
            (before.name, before.span_kind, before.status)
        );
        assert_eq!(after.instrumentation_scope, before.instrumentation_scope, "{name}");
    }
}

#[test]
fn span_names_are_those_of_openinference_when_asked() {
    let format = OpenInference::new().with_span_names(true);
    for (name, expected) in [
        ("chat", "ChatCompletion"),
        ("text_completion", "Completion"),
        ("embeddings", "CreateEmbeddings"),
        ("execute_tool", "get_weather"),
        ("invoke_agent", "planner"),
        ("invoke_workflow", "triage"),
        ("retrieval", "kb"),
        ("search_memory", "search_memory"),
    ] {
        assert_eq!(format.format(case(name)).name, expected, "{name}");
    }
    assert_eq!(OpenInference::new().format(case("chat")).name, "chat gpt-4o");
}
