//! rig 0.44 over real HTTP: what leaves is what the conventions ask for.
//!
//! rig records content only where a request asks for it; all of these do, so that with capture off
//! it is this crate that holds it back.
#![expect(clippy::unwrap_used, reason = "a failing step is a failing test")]

use futures::StreamExt;
use rig_agent::AgentBuilder;
use rig_core::completion::CompletionRequest;
use rig_core::providers::anthropic::AnthropicConfig;
use rig_core::providers::gemini::GeminiConfig;
use rig_core::providers::openai::wire::{AZURE, Dialect, MISTRAL, MOONSHOT, OPENAI};
use rig_core::providers::openai::{OpenAI, OpenAIConfig};
use rig_core::providers::xai;
use rig_core::tool::PortableTool;
use serde_json::json;
use tracing_genai_emitters::{Session, named};
use tracing_genai_test_support::{MockProvider, ReceivedSpan, SpanKind, SpanStatus, Turn};

const QUESTION: &str = "What grows in my garden?";
const PREAMBLE: &str = "You are the gardener of Mrs Quill.";
const ANSWER: &str = "Seven kinds of roses.";

fn openai(provider: &MockProvider) -> OpenAI {
    with_dialect(&OPENAI, provider)
}

fn with_dialect(dialect: &Dialect, provider: &MockProvider) -> OpenAI {
    OpenAIConfig::with_key(dialect, "test-key")
        .with_base_url(format!("{}/v1", provider.url()))
        .client()
}

fn question() -> CompletionRequest {
    CompletionRequest::new(QUESTION).preamble(PREAMBLE).record_content_telemetry(true)
}

fn answer() -> Turn {
    Turn::text(ANSWER).usage(20, 9).usage_details(3, 0, 4)
}

struct Garden;

impl PortableTool for Garden {
    const NAME: &'static str = "garden";
    type Args = serde_json::Value;
    type Output = serde_json::Value;
    type Error = std::io::Error;

    fn description(&self) -> String {
        "Looks over the hedge".to_owned()
    }

    fn parameters(&self) -> serde_json::Value {
        json!({"type": "object", "properties": {"bed": {"type": "string"}}})
    }

    async fn call(&self, arguments: Self::Args) -> Result<Self::Output, Self::Error> {
        match arguments["bed"].as_str() {
            Some("roses") => Ok(json!({"roses": 7})),
            bed => Err(std::io::Error::other(format!("no such bed: {bed:?}"))),
        }
    }
}

fn assert_usage(span: &ReceivedSpan) {
    assert_eq!(span.int("gen_ai.usage.input_tokens"), Some(20), "{span}");
    assert_eq!(span.int("gen_ai.usage.output_tokens"), Some(9), "{span}");
    assert_eq!(span.int("gen_ai.usage.cache_read.input_tokens"), Some(3), "{span}");
    assert_eq!(span.int("gen_ai.usage.reasoning.output_tokens"), Some(4), "{span}");
}

fn assert_chat(span: &ReceivedSpan) {
    assert_eq!(span.name, "chat gpt-4o-mini");
    assert_eq!(span.kind, SpanKind::Client);
    assert_eq!(span.status, SpanStatus::Unset);
    assert_eq!(span.str("gen_ai.operation.name"), Some("chat"));
    assert_eq!(span.str("gen_ai.provider.name"), Some("openai"));
    assert_eq!(span.str("gen_ai.request.model"), Some("gpt-4o-mini"));
    assert_eq!(span.str("gen_ai.response.model"), Some("gpt-4o-mini-2024"));
    assert_eq!(span.str("gen_ai.response.id"), Some("chatcmpl-7"));
}

#[track_caller]
fn assert_instructions(span: &ReceivedSpan, captures: bool) {
    let instructions = span.json("gen_ai.system_instructions");
    let expected = captures.then(|| json!([{"type": "text", "content": PREAMBLE}]));
    assert_eq!(instructions, expected, "{span}");
}

#[tokio::test]
async fn chat() {
    for session in [Session::off(), Session::full()] {
        let turn = answer().id("chatcmpl-7").model("gpt-4o-mini-2024");
        let provider = MockProvider::with_script([turn]);
        {
            let _current = session.enter();
            let model = openai(&provider).chat("gpt-4o-mini");
            assert_eq!(model.call(question()).await.unwrap().text(), ANSWER);
        }
        let spans = session.conforming_spans(1);
        assert_chat(&spans[0]);
        assert_usage(&spans[0]);
        assert_eq!(spans[0].bool("gen_ai.request.stream"), Some(false));
        assert_instructions(&spans[0], session.captures());
        assert_eq!(session.leaked("Quill"), session.captures());
        assert!(session.captures() || !session.leaked("garden"));
    }
}

#[tokio::test]
async fn streaming_chat() {
    for session in [Session::off(), Session::full()] {
        let turn = answer().id("chatcmpl-7").model("gpt-4o-mini-2024");
        let provider = MockProvider::with_script([turn]);
        {
            let _current = session.enter();
            let model = openai(&provider).chat("gpt-4o-mini");
            let mut stream = model.stream(question()).unwrap();
            while let Some(item) = stream.next().await {
                item.unwrap();
            }
            assert_eq!(stream.finish().await.unwrap().text(), ANSWER);
        }
        let spans = session.conforming_spans(1);
        assert_chat(&spans[0]);
        assert_usage(&spans[0]);
        assert_eq!(spans[0].bool("gen_ai.request.stream"), Some(true));
        assert_instructions(&spans[0], session.captures());
        assert_eq!(session.leaked("Quill"), session.captures());
    }
}

#[tokio::test]
async fn agent_with_a_tool() {
    for session in [Session::off(), Session::full()] {
        let provider = MockProvider::with_script([
            Turn::tool_call("call_1", "garden", json!({"bed": "roses"})),
            Turn::text(ANSWER),
        ]);
        {
            let _current = session.enter();
            let agent = AgentBuilder::new(openai(&provider).chat("gpt-4o-mini"))
                .name("gardener")
                .preamble(PREAMBLE)
                .tool(Garden)
                .default_max_turns(3)
                .record_content_telemetry(true)
                .build();
            assert_eq!(agent.prompt(QUESTION).await.unwrap().output(), ANSWER);
        }
        let spans = session.conforming_spans(4);

        let agent = named(&spans, "invoke_agent gardener");
        assert_eq!(agent.kind, SpanKind::Internal);
        assert_eq!(agent.int("gen_ai.usage.input_tokens"), Some(24));
        assert_eq!(agent.int("gen_ai.usage.output_tokens"), Some(14));

        let tool = named(&spans, "execute_tool garden");
        assert_eq!(tool.kind, SpanKind::Internal);
        assert_eq!(tool.str("gen_ai.tool.type"), Some("function"));
        assert_eq!(tool.str("gen_ai.tool.call.id"), Some("call_1"));
        assert_eq!(tool.parent.as_ref(), Some(&agent.span_id));

        let chats: Vec<_> = spans.iter().filter(|it| it.name == "chat gpt-4o-mini").collect();
        assert_eq!(chats.len(), 2);
        for chat in &chats {
            assert_eq!(chat.kind, SpanKind::Client);
            assert_eq!(chat.str("gen_ai.agent.name"), Some("gardener"));
            assert_eq!(chat.parent.as_ref(), Some(&agent.span_id));
            assert_instructions(chat, session.captures());
        }

        if session.captures() {
            let texts = |key: &str| {
                let chat = chats.iter().max_by_key(|it| it.start_ns).unwrap();
                chat.str(key).unwrap_or_default().to_owned()
            };
            assert!(texts("gen_ai.input.messages").contains(QUESTION));
            assert!(texts("gen_ai.output.messages").contains(ANSWER));
            assert_eq!(tool.json("gen_ai.tool.call.arguments"), Some(json!({"bed": "roses"})));
            assert_eq!(tool.json("gen_ai.tool.call.result"), Some(json!({"roses": 7})));
            let asked = agent.json("gen_ai.input.messages").unwrap();
            assert_eq!(asked[0]["role"], "user");
            assert_eq!(asked[0]["parts"], json!([{"type": "text", "content": QUESTION}]));
            let said = agent.json("gen_ai.output.messages").unwrap();
            assert_eq!(said[0]["role"], "assistant");
            assert_eq!(said[0]["parts"], json!([{"type": "text", "content": ANSWER}]));
        } else {
            for text in [QUESTION, ANSWER, PREAMBLE, "roses", "over the hedge"] {
                assert!(!session.leaked(text), "{text:?} left the process");
            }
        }
    }
}

#[tokio::test]
async fn a_failing_tool_is_an_error() {
    let session = Session::off();
    let provider = MockProvider::with_script([
        Turn::tool_call("call_1", "garden", json!({"bed": "secret lilies"})),
        Turn::text("No."),
    ]);
    {
        let _current = session.enter();
        let agent = AgentBuilder::new(openai(&provider).chat("gpt-4o-mini"))
            .tool(Garden)
            .default_max_turns(3)
            .record_content_telemetry(true)
            .build();
        agent.prompt(QUESTION).await.unwrap();
    }
    let spans = session.conforming_spans(4);
    let tool = named(&spans, "execute_tool garden");
    assert!(matches!(tool.status, SpanStatus::Error(_)), "{tool}");
    assert!(tool.str("error.type").is_some_and(|it| !it.is_empty()), "{tool}");
    assert!(!session.leaked("lilies"));
}

#[tokio::test]
async fn a_refusal_that_echoes_the_prompt_does_not_leak_it() {
    let session = Session::off();
    let provider = MockProvider::with_script([Turn::error(429)]);
    {
        let _current = session.enter();
        let error = openai(&provider).chat("gpt-4o-mini").call(question()).await.unwrap_err();
        assert!(error.to_string().contains("garden"), "the provider echoes: {error}");
    }
    let spans = session.conforming_spans(1);
    assert_eq!(spans[0].name, "chat gpt-4o-mini");
    assert!(!session.leaked("garden"));
}

#[tokio::test]
async fn providers_get_the_conventions_ids() {
    let dialects: [(&Dialect, &str); 4] = [
        (&MISTRAL, "mistral_ai"),
        (&MOONSHOT, "moonshot_ai"),
        (&xai::DIALECT, "x_ai"),
        (&AZURE, "azure.ai.openai"),
    ];
    for (dialect, id) in dialects {
        let session = Session::off();
        let provider = MockProvider::start();
        {
            let _current = session.enter();
            let model = with_dialect(dialect, &provider).chat("some-model");
            model.call(question()).await.unwrap();
        }
        let spans = session.conforming_spans(1);
        assert_eq!(spans[0].str("gen_ai.provider.name"), Some(id));
    }
}

#[tokio::test]
async fn anthropic() {
    let session = Session::full();
    let provider = MockProvider::with_script([answer()]);
    {
        let _current = session.enter();
        let client = AnthropicConfig::new("test-key").with_base_url(provider.url()).client();
        let model = client.completion("claude-sonnet-4");
        assert_eq!(model.call(question().max_tokens(64)).await.unwrap().text(), ANSWER);
    }
    let spans = session.conforming_spans(1);
    assert_eq!(spans[0].name, "chat claude-sonnet-4");
    assert_eq!(spans[0].kind, SpanKind::Client);
    assert_eq!(spans[0].str("gen_ai.provider.name"), Some("anthropic"));
    assert_eq!(spans[0].int("gen_ai.usage.output_tokens"), Some(9));
    assert_instructions(&spans[0], true);
}

#[tokio::test]
async fn gemini() {
    let session = Session::full();
    let provider = MockProvider::with_script([answer()]);
    {
        let _current = session.enter();
        let client = GeminiConfig::new("test-key").with_base_url(provider.url()).client();
        assert_eq!(
            client.completion("gemini-2.5-flash").call(question()).await.unwrap().text(),
            ANSWER
        );
    }
    let spans = session.conforming_spans(1);
    assert_eq!(spans[0].name, "generate_content gemini-2.5-flash");
    assert_eq!(spans[0].kind, SpanKind::Client);
    assert_eq!(spans[0].str("gen_ai.provider.name"), Some("gcp.gemini"));
    assert_eq!(spans[0].int("gen_ai.usage.input_tokens"), Some(20));
    assert_instructions(&spans[0], true);
}

#[tokio::test]
async fn embeddings() {
    let session = Session::full();
    let provider = MockProvider::with_script([Turn::text("").usage(6, 0)]);
    {
        let _current = session.enter();
        let model = openai(&provider).embedding("text-embedding-3-small", Some(4));
        model.call(vec![QUESTION.to_owned()]).await.unwrap();
    }
    let spans = session.conforming_spans(1);
    assert_eq!(spans[0].name, "embeddings text-embedding-3-small");
    assert_eq!(spans[0].kind, SpanKind::Client);
    assert_eq!(spans[0].int("gen_ai.usage.input_tokens"), Some(6));
}
