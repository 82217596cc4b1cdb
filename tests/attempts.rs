//! The trace of a gateway: a request, its attempts, and what is counted where.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use futures_util::StreamExt;
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use serde_json::json;
use tracing::{Dispatch, info_span};
use tracing_genai::gateway::{Identity, Request, Upstream};
use tracing_genai::policy::ContentCapture;
use tracing_genai::stream::OpenAiChat;
use tracing_genai::{GenAiSpanExt, Usage, inference_span, tool_span};
use tracing_genai_test_support::{ReceivedSpan, SpanKind, SpanSink, SpanStatus};
use tracing_subscriber::prelude::*;

#[expect(dead_code, unreachable_pub, reason = "an example, whose main is not called here")]
#[path = "../examples/gateway.rs"]
mod gateway;

fn watched() -> (SpanSink, Dispatch) {
    let sink = SpanSink::default();
    let layer =
        tracing_genai::layer(sink.provider().tracer("test")).content_capture(ContentCapture::Full);
    (sink.clone(), Dispatch::new(tracing_subscriber::registry().with(layer)))
}

fn openai() -> Upstream {
    Upstream::new("openai", "gpt-4o").server("api.openai.com", 443)
}

/// The tree with what matters of each span, one line a span.
fn tree(spans: &[ReceivedSpan]) -> String {
    fn below(spans: &[ReceivedSpan], parent: Option<&str>, depth: usize, lines: &mut String) {
        let mut children: Vec<_> = spans
            .iter()
            .filter(|span| match parent {
                None => !spans.iter().any(|other| Some(&other.span_id) == span.parent.as_ref()),
                parent => span.parent.as_deref() == parent,
            })
            .collect();
        children.sort_by_key(|span| span.start_ns);
        for span in children {
            let mut facts: Vec<String> = span
                .attrs
                .iter()
                .filter(|(key, _)| !key.ends_with("time_to_first_chunk"))
                .map(|(key, value)| match value.as_str() {
                    Some(text) => format!("{key}={text}"),
                    None => format!("{key}={value:?}"),
                })
                .collect();
            facts.sort();
            let status = match span.status {
                SpanStatus::Unset => "",
                SpanStatus::Ok => " OK",
                SpanStatus::Error(_) => " ERROR",
            };
            let indent = "  ".repeat(depth);
            lines.push_str(&format!("{indent}{:?} {}{status}\n", span.kind, span.name));
            for fact in facts {
                lines.push_str(&format!("{indent}    {fact}\n"));
            }
            below(spans, Some(&span.span_id), depth + 1, lines);
        }
    }
    let mut lines = String::new();
    below(spans, None, 0, &mut lines);
    lines
}

#[tokio::test]
async fn the_example_gateway_leaves_the_tree_it_promises() {
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    let (sink, dispatch) = watched();
    let _guard = dispatch.set_default();
    let gateway::Exchange { answer, calls } = gateway::exchange("Umbrella?").await.unwrap();
    assert!(answer.contains("message_stop"));
    let spans = sink.take();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    assert!(spans.iter().all(|span| span.trace_id == trace), "the caller's trace goes on");

    // Each provider is called as a child of its own attempt.
    let clients: Vec<_> = spans.iter().filter(|span| span.kind == SpanKind::Client).collect();
    assert_eq!((clients.len(), calls.len()), (2, 2));
    for (attempt, (provider, traceparent)) in clients.iter().zip(calls) {
        assert_eq!(attempt.str("tracing_genai.attempt.provider"), Some(provider));
        assert_eq!(traceparent, format!("00-{trace}-{}-01", attempt.span_id));
    }

    // The request's span ends after all that it holds.
    let server = spans.iter().find(|span| span.kind == SpanKind::Server).unwrap();
    assert!(spans.iter().all(|span| span.end_ns <= server.end_ns));

    // Tokens are counted once.
    let counted = spans.iter().filter(|span| span.has("gen_ai.usage.output_tokens")).count();
    assert_eq!(counted, 1);

    let mut tree = tree(&spans);
    for attempt in clients {
        let port = attempt.int("server.port").unwrap();
        tree = tree.replace(&format!("server.port=Int({port})"), "server.port=…");
    }
    assert_eq!(tree, SNAPSHOT);
}

const SNAPSHOT: &str = r#"Server POST /v1/chat/completions
    http.request.method=POST
    http.response.status_code=200
    http.route=/v1/chat/completions
  Internal chat best
      gen_ai.input.messages=[{"role":"user","parts":[{"type":"text","content":"Umbrella?"}]}]
      gen_ai.operation.name=chat
      gen_ai.output.messages=[{"role":"assistant","parts":[{"type":"text","content":"Take one."}],"finish_reason":"stop"}]
      gen_ai.provider.name=anthropic
      gen_ai.request.model=best
      gen_ai.request.stream=Bool(true)
      gen_ai.request.temperature=Double(0.2)
      gen_ai.response.finish_reasons=List([Str("stop")])
      gen_ai.response.id=msg_1
      gen_ai.response.model=claude-sonnet-4
      gen_ai.usage.input_tokens=Int(14)
      gen_ai.usage.output_tokens=Int(4)
      tracing_genai.request.attempts=Int(2)
      tracing_genai.request.fallbacks=Int(1)
      tracing_genai.stream.chunks=Int(2)
    Client chat gpt-4o-mini ERROR
        error.type=429
        http.response.status_code=Int(429)
        server.address=127.0.0.1
        server.port=…
        tracing_genai.attempt.model=gpt-4o-mini
        tracing_genai.attempt.number=Int(1)
        tracing_genai.attempt.provider=openai
        tracing_genai.outcome=error
    Client chat claude-sonnet-4
        http.response.status_code=Int(200)
        server.address=127.0.0.1
        server.port=…
        tracing_genai.attempt.model=claude-sonnet-4
        tracing_genai.attempt.number=Int(2)
        tracing_genai.attempt.provider=anthropic
"#;

#[test]
fn the_attempt_is_what_the_provider_is_told_of() {
    let (sink, dispatch) = watched();
    let mut headers = http::HeaderMap::new();
    tracing::dispatcher::with_default(&dispatch, || {
        let mut request = Request::new("chat", "best");
        let attempt = request.attempt(&openai());
        attempt.inject(&mut headers);
        attempt.inject(&mut headers);
        attempt.end();
        request.end();
    });
    let spans = sink.take();
    let parent = headers["traceparent"].to_str().unwrap();
    assert_eq!(parent, format!("00-{}-{}-01", spans[0].trace_id, spans[0].span_id));
    assert_eq!(headers.get_all("traceparent").iter().count(), 1);
    assert!(!headers.contains_key("baggage") && !headers.contains_key("tracestate"));
    assert_eq!((spans[0].kind, spans[0].name.as_str()), (SpanKind::Client, "chat gpt-4o"));
    assert_eq!((spans[1].kind, spans[1].name.as_str()), (SpanKind::Internal, "chat best"));
}

#[test]
fn retries_and_fallbacks_are_told_apart() {
    let (sink, dispatch) = watched();
    tracing::dispatcher::with_default(&dispatch, || {
        let mut request = Request::new("chat", "best");
        request.attempt(&openai()).end_with_status(503);
        request.attempt(&openai()).fail("timeout", "no answer in 3 s");
        request.attempt(&Upstream::new("anthropic", "claude")).end_with_status(200);
        request.span().record_usage(Usage::new().input_tokens(3).output_tokens(4));
        request.end();
    });
    let spans = sink.take();
    let of = |at: usize| (spans[at].str("error.type"), &spans[at].status);
    assert_eq!(of(0), (Some("503"), &SpanStatus::Error(String::new())));
    assert_eq!(of(1), (Some("timeout"), &SpanStatus::Error("no answer in 3 s".into())));
    assert_eq!(of(2), (None, &SpanStatus::Unset));
    let request = &spans[3];
    assert_eq!(request.int("tracing_genai.request.attempts"), Some(3));
    assert_eq!(request.int("tracing_genai.request.retries"), Some(1));
    assert_eq!(request.int("tracing_genai.request.fallbacks"), Some(1));
    assert_eq!(request.str("gen_ai.provider.name"), Some("anthropic"));
    assert_eq!(request.status, SpanStatus::Unset);
    for attempt in &spans[..3] {
        assert!(attempt.attrs.iter().all(|(key, _)| !key.starts_with("gen_ai.")), "{attempt}");
        assert_eq!(attempt.parent.as_ref(), Some(&request.span_id));
    }
    assert_eq!(spans[0].int("http.response.status_code"), Some(503));
    assert_eq!(spans[0].str("server.address"), Some("api.openai.com"));
    assert_eq!(spans[0].int("server.port"), Some(443));
}

#[tokio::test]
async fn a_client_that_goes_away_cancels_the_attempt_and_then_the_request() {
    let (sink, dispatch) = watched();
    let _guard = dispatch.set_default();
    let mut request = Request::new("chat", "best");
    let attempt = request.attempt(&openai());
    let chunk = json!({"choices": [{"index": 0, "delta": {"content": "a"}}]});
    let chunks = futures_util::stream::iter([chunk]).chain(futures_util::stream::pending());
    let mut answer = Box::pin(request.stream(attempt, chunks, OpenAiChat::new()));
    answer.next().await;
    drop(answer);
    let mut second = Request::new("chat", "best");
    drop(second.attempt(&openai()));
    drop(second);
    let spans = sink.take();
    let outcomes: Vec<_> =
        spans.iter().map(|span| (span.kind, span.str("tracing_genai.outcome").unwrap())).collect();
    let pair = [(SpanKind::Client, "cancelled"), (SpanKind::Internal, "cancelled")];
    assert_eq!(outcomes, [pair, pair].concat());
}

#[test]
fn ids_go_down_the_tree() {
    let (sink, dispatch) = watched();
    let mut headers = http::HeaderMap::new();
    tracing::dispatcher::with_default(&dispatch, || {
        let server = info_span!("server").entered();
        let identity = Identity::new().conversation("c 1").user("u1").session("s1");
        let mut request = Request::with_identity("chat", "best", &identity);
        let attempt = request.attempt(&openai());
        attempt.inject_baggage(&mut headers);
        attempt.span().in_scope(|| {
            drop(tool_span!("search"));
            drop(inference_span!("chat", "openai", "gpt-4o", gen_ai.conversation.id = "own"));
        });
        attempt.end();
        request.end();
        drop(server);
    });
    let spans = sink.take();
    let ids = |name: &str| {
        let span = spans.iter().find(|span| span.name == name).unwrap();
        ["gen_ai.conversation.id", "user.id", "session.id"].map(|key| span.str(key))
    };
    assert_eq!(ids("execute_tool search"), [Some("c 1"), Some("u1"), Some("s1")]);
    assert_eq!(ids("chat best"), [Some("c 1"), Some("u1"), Some("s1")]);
    assert_eq!(ids("server"), [None; 3]);
    let own: Vec<_> = spans.iter().filter_map(|span| span.str("gen_ai.conversation.id")).collect();
    assert_eq!(own.iter().filter(|id| **id == "own").count(), 1);
    let server = spans.iter().find(|span| span.name == "server").unwrap();
    let request = spans.iter().find(|span| span.name == "chat best").unwrap();
    assert_eq!(request.parent.as_ref(), Some(&server.span_id), "the tree holds together");
    let baggage = headers["baggage"].to_str().unwrap();
    assert!(baggage.contains("gen_ai.conversation.id=c%201"), "{baggage}");
}
