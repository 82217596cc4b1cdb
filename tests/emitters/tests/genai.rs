//! genai 0.7 over real HTTP: what leaves is what the conventions ask for.
//!
//! genai records content by an environment variable that it reads once, so the tests with content
//! run in a child process of this binary that has the variable.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use std::process::Command;

use futures::StreamExt;
use genai::adapter::AdapterKind;
use genai::chat::{ChatMessage, ChatOptions, ChatRequest, Tool};
use genai::embed::EmbedOptions;
use genai::otel::agent::{self, ExecuteToolSpan};
use genai::resolver::{AuthData, Endpoint, ServiceTargetResolver};
use genai::{Client, ModelIden, ServiceTarget};
use serde_json::json;
use tracing_genai_emitters::{Session, named};
use tracing_genai_test_support::{MockProvider, ReceivedSpan, SpanKind, SpanStatus, Turn};

const QUESTION: &str = "What grows in my garden?";
const SYSTEM: &str = "You are the gardener of Mrs Quill.";
const ANSWER: &str = "Seven kinds of roses.";

fn client(adapter: AdapterKind, provider: &MockProvider) -> Client {
    let version = match adapter {
        AdapterKind::Gemini => "v1beta",
        _ => "v1",
    };
    let base = format!("{}/{version}/", provider.url());
    let resolver = ServiceTargetResolver::from_resolver_fn(
        move |target: ServiceTarget| -> Result<ServiceTarget, genai::resolver::Error> {
            Ok(ServiceTarget {
                endpoint: Endpoint::from_owned(base.clone()),
                auth: AuthData::from_single("test-key"),
                model: ModelIden::new(adapter, target.model.model_name),
            })
        },
    );
    Client::builder().with_service_target_resolver(resolver).build().unwrap()
}

fn question() -> ChatRequest {
    let tool = Tool::new("garden")
        .with_description("Looks over the hedge")
        .with_schema(json!({"type": "object"}));
    ChatRequest::default()
        .with_system(SYSTEM)
        .append_message(ChatMessage::user(QUESTION))
        .append_tool(tool)
}

fn options() -> ChatOptions {
    ChatOptions::default()
        .with_temperature(0.5)
        .with_max_tokens(64)
        .with_stop_sequences(vec!["END".to_owned(), "HALT, now".to_owned()])
        .with_capture_usage(true)
        .with_capture_content(true)
        .with_capture_tool_calls(true)
}

fn answer() -> Turn {
    Turn::text(ANSWER).usage(20, 9).usage_details(3, 0, 4)
}

fn assert_chat(span: &ReceivedSpan, provider: &MockProvider) {
    assert_eq!(span.name, "chat gpt-4o-mini");
    assert_eq!(span.kind, SpanKind::Client);
    assert_eq!(span.status, SpanStatus::Unset);
    assert_eq!(span.str("gen_ai.provider.name"), Some("openai"));
    assert_eq!(span.str("server.address"), Some("127.0.0.1"));
    assert_eq!(span.int("server.port"), Some(i64::from(provider.address().port())));
    assert_eq!(span.double("gen_ai.request.temperature"), Some(0.5));
    assert_eq!(span.int("gen_ai.request.max_tokens"), Some(64));
    let stops = span.strings("gen_ai.request.stop_sequences").unwrap();
    assert_eq!(stops, ["END", "HALT, now"]);
    assert_eq!(span.strings("gen_ai.response.finish_reasons").unwrap(), ["stop"]);
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(20));
    assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(9));
    assert_eq!(span.int("gen_ai.usage.cache_read.input_tokens"), Some(3));
    assert_eq!(span.int("gen_ai.usage.reasoning.output_tokens"), Some(4));
}

#[track_caller]
fn assert_content(span: &ReceivedSpan, session: &Session) {
    // Without the variable genai itself records nothing.
    if !genai::otel::capture_content() || !session.captures() {
        for text in [QUESTION, SYSTEM, ANSWER, "over the hedge"] {
            assert!(!session.leaked(text), "{text:?} left the process");
        }
        return;
    }
    let instructions = json!([{"type": "text", "content": SYSTEM}]);
    assert_eq!(span.json("gen_ai.system_instructions"), Some(instructions));
    let asked = json!([{"role": "user", "parts": [{"type": "text", "content": QUESTION}]}]);
    assert_eq!(span.json("gen_ai.input.messages"), Some(asked));
    let said = json!([{
        "role": "assistant", "parts": [{"type": "text", "content": ANSWER}],
        "finish_reason": "stop",
    }]);
    assert_eq!(span.json("gen_ai.output.messages"), Some(said));
    let tools = span.json("gen_ai.tool.definitions").unwrap();
    assert_eq!(tools[0]["name"], "garden");
    assert_eq!(tools[0]["type"], "function");
}

#[tokio::test]
async fn chat() {
    for session in [Session::off(), Session::full()] {
        let provider = MockProvider::with_script([answer()]);
        {
            let _current = session.enter();
            let client = client(AdapterKind::OpenAI, &provider);
            let reply = client.exec_chat("gpt-4o-mini", question(), Some(&options())).await;
            assert_eq!(reply.unwrap().first_text(), Some(ANSWER));
        }
        let spans = session.conforming_spans(1);
        assert_chat(&spans[0], &provider);
        assert_content(&spans[0], &session);
    }
}

#[tokio::test]
async fn streaming_chat() {
    for session in [Session::off(), Session::full()] {
        let provider = MockProvider::with_script([answer()]);
        {
            let _current = session.enter();
            let client = client(AdapterKind::OpenAI, &provider);
            let reply = client.exec_chat_stream("gpt-4o-mini", question(), Some(&options())).await;
            let mut stream = reply.unwrap().stream;
            while let Some(event) = stream.next().await {
                event.unwrap();
            }
        }
        let spans = session.conforming_spans(1);
        assert_chat(&spans[0], &provider);
        assert_eq!(spans[0].bool("gen_ai.request.stream"), Some(true));
        let first = spans[0].double("gen_ai.response.time_to_first_chunk").unwrap();
        assert!(first > 0.0 && first <= spans[0].duration().as_secs_f64(), "{first}");
        assert_content(&spans[0], &session);
    }
}

#[tokio::test]
async fn embeddings() {
    for session in [Session::off(), Session::full()] {
        let provider = MockProvider::with_script([Turn::text("").usage(6, 0)]);
        {
            let _current = session.enter();
            let options = EmbedOptions::new().with_dimensions(8).with_encoding_format("float");
            let client = client(AdapterKind::OpenAI, &provider);
            client.embed("text-embedding-3-small", QUESTION, Some(&options)).await.unwrap();
        }
        let spans = session.conforming_spans(1);
        assert_eq!(spans[0].name, "embeddings text-embedding-3-small");
        assert_eq!(spans[0].kind, SpanKind::Client);
        assert_eq!(spans[0].int("gen_ai.usage.input_tokens"), Some(6));
        assert_eq!(spans[0].int("gen_ai.embeddings.dimension.count"), Some(8));
        assert_eq!(spans[0].strings("gen_ai.request.encoding_formats").unwrap(), ["float"]);
        assert!(!session.leaked("garden"));
    }
}

#[tokio::test]
async fn anthropic_and_gemini() {
    let rows = [
        (AdapterKind::Anthropic, "claude-sonnet-4", "anthropic", "end_turn"),
        (AdapterKind::Gemini, "gemini-2.5-flash", "gcp.gemini", "STOP"),
    ];
    for (adapter, model, id, finish) in rows {
        for stream in [false, true] {
            let session = Session::full();
            let provider = MockProvider::with_script([answer()]);
            {
                let _current = session.enter();
                let client = client(adapter, &provider);
                if stream {
                    let reply = client.exec_chat_stream(model, question(), Some(&options())).await;
                    let mut stream = reply.unwrap().stream;
                    while let Some(event) = stream.next().await {
                        event.unwrap();
                    }
                } else {
                    client.exec_chat(model, question(), Some(&options())).await.unwrap();
                }
            }
            let spans = session.conforming_spans(1);
            assert_eq!(spans[0].name, format!("chat {model}"));
            assert_eq!(spans[0].kind, SpanKind::Client);
            assert_eq!(spans[0].str("gen_ai.provider.name"), Some(id));
            let reasons = spans[0].strings("gen_ai.response.finish_reasons").unwrap();
            assert_eq!(reasons.len(), 1, "{finish}: {reasons:?}");
            assert_eq!(spans[0].int("gen_ai.usage.output_tokens"), Some(9), "{}", spans[0]);
        }
    }
}

#[tokio::test]
async fn a_tool_call_is_in_the_finish_reasons() {
    let session = Session::off();
    let call = Turn::tool_call("call_1", "garden", json!({"bed": "secret lilies"}));
    let provider = MockProvider::with_script([call]);
    {
        let _current = session.enter();
        let client = client(AdapterKind::OpenAI, &provider);
        client.exec_chat("gpt-4o-mini", question(), None).await.unwrap();
    }
    let spans = session.conforming_spans(1);
    let reasons = spans[0].strings("gen_ai.response.finish_reasons").unwrap();
    assert_eq!(reasons.len(), 1);
    assert!(matches!(reasons[0], "tool_call" | "tool_calls"), "{reasons:?}");
    assert!(!session.leaked("lilies"));
}

#[tokio::test]
async fn a_refusal_is_an_error_without_the_prompt() {
    let session = Session::off();
    let provider = MockProvider::with_script([Turn::error(429)]);
    {
        let _current = session.enter();
        let client = client(AdapterKind::OpenAI, &provider);
        client.exec_chat("gpt-4o-mini", question(), None).await.unwrap_err();
    }
    let spans = session.conforming_spans(1);
    assert!(matches!(spans[0].status, SpanStatus::Error(_)));
    assert_eq!(spans[0].str("error.type"), Some("429"));
    assert!(!session.leaked("garden"));
}

#[test]
fn agents_workflows_and_tools() {
    for session in [Session::off(), Session::full()] {
        {
            let _current = session.enter();
            let workflow = agent::invoke_workflow_span("harvest").entered();
            let asked =
                agent::AgentSpan::invoke_agent().internal().with_name("gardener").start().entered();
            let tool = ExecuteToolSpan::new("garden")
                .with_call_id("call_1")
                .with_tool_type("function")
                .with_description("Looks over the hedge")
                .with_arguments(r#"{"bed":"roses"}"#)
                .start();
            agent::set_error(&tool, "no_such_bed");
            drop((tool, asked, workflow));
        }
        let spans = session.conforming_spans(3);
        assert_eq!(named(&spans, "invoke_workflow harvest").kind, SpanKind::Internal);
        assert_eq!(named(&spans, "invoke_agent gardener").kind, SpanKind::Internal);
        let tool = named(&spans, "execute_tool garden");
        assert_eq!(tool.kind, SpanKind::Internal);
        assert_eq!(tool.str("error.type"), Some("no_such_bed"));
        // Arguments are gated by genai itself, the description is not.
        assert_eq!(session.leaked("over the hedge"), session.captures());
    }
}

/// Runs the tests above once more in a process in which genai records content.
#[test]
fn with_genais_own_content_capture() {
    if genai::otel::capture_content() {
        return;
    }
    let binary = std::env::current_exe().unwrap();
    let output =
        Command::new(binary).env(genai::otel::CAPTURE_CONTENT_ENV, "true").output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
}
