//! OpenAI, Anthropic and Gemini over loopback HTTP, scripted.
//!
//! The path of a request chooses the dialect, `stream` in its body (or Gemini's method) chooses
//! between one JSON document and server-sent events, and the script says what the model does.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::http::{Reply, Request, Server, Service, lock};

/// What the model does in one call.
#[derive(Clone, Debug)]
pub struct Turn {
    text: Vec<String>,
    reasoning: Option<String>,
    tool_calls: Vec<(String, String, Value)>,
    finish: Option<String>,
    usage: Option<Usage>,
    id: String,
    model: Option<String>,
    error: Option<u16>,
    cut_after: Option<usize>,
    pause: Duration,
}

#[derive(Clone, Copy, Debug, Default)]
struct Usage {
    input: u64,
    output: u64,
    cache_read: u64,
    cache_write: u64,
    reasoning: u64,
}

impl Turn {
    /// Answers with this text; streamed word by word.
    #[must_use]
    pub fn text(text: &str) -> Self {
        Self { text: text.split_inclusive(' ').map(str::to_owned).collect(), ..Self::nothing() }
    }

    /// Asks for a tool. Call it again with [`Turn::and_tool_call`] for several.
    #[must_use]
    pub fn tool_call(id: &str, name: &str, arguments: Value) -> Self {
        Self::nothing().and_tool_call(id, name, arguments)
    }

    /// Fails with this HTTP status and an error body that echoes the request's last message, as
    /// real providers do.
    #[must_use]
    pub fn error(status: u16) -> Self {
        Self { error: Some(status), ..Self::nothing() }
    }

    fn nothing() -> Self {
        Self {
            text: Vec::new(),
            reasoning: None,
            tool_calls: Vec::new(),
            finish: None,
            usage: Some(Usage { input: 12, output: 7, ..Usage::default() }),
            id: String::from("resp-1"),
            model: None,
            error: None,
            cut_after: None,
            pause: Duration::ZERO,
        }
    }

    /// Adds one more tool call.
    #[must_use]
    pub fn and_tool_call(mut self, id: &str, name: &str, arguments: Value) -> Self {
        self.tool_calls.push((id.to_owned(), name.to_owned(), arguments));
        self
    }

    /// Thinks first.
    #[must_use]
    pub fn reasoning(mut self, text: &str) -> Self {
        self.reasoning = Some(text.to_owned());
        self
    }

    /// Input and output tokens. Defaults to 12 and 7.
    #[must_use]
    pub fn usage(mut self, input: u64, output: u64) -> Self {
        let usage = self.usage.unwrap_or_default();
        self.usage = Some(Usage { input, output, ..usage });
        self
    }

    /// Tokens read from and written to the provider's cache, and tokens spent on reasoning.
    #[must_use]
    pub fn usage_details(mut self, cache_read: u64, cache_write: u64, reasoning: u64) -> Self {
        let usage = self.usage.unwrap_or_default();
        self.usage = Some(Usage { cache_read, cache_write, reasoning, ..usage });
        self
    }

    /// Reports no usage.
    #[must_use]
    pub fn no_usage(mut self) -> Self {
        self.usage = None;
        self
    }

    /// The finish reason in the provider's own spelling. Defaults to what goes with the answer.
    #[must_use]
    pub fn finish(mut self, reason: &str) -> Self {
        self.finish = Some(reason.to_owned());
        self
    }

    /// The response id. Defaults to `resp-1`.
    #[must_use]
    pub fn id(mut self, id: &str) -> Self {
        self.id = id.to_owned();
        self
    }

    /// The model that answers. Defaults to the one that was asked for.
    #[must_use]
    pub fn model(mut self, model: &str) -> Self {
        self.model = Some(model.to_owned());
        self
    }

    /// A streamed answer loses its connection after so many events.
    #[must_use]
    pub fn cut_after(mut self, events: usize) -> Self {
        self.cut_after = Some(events);
        self
    }

    /// Waits before each streamed event but the first.
    #[must_use]
    pub fn pause(mut self, pause: Duration) -> Self {
        self.pause = pause;
        self
    }

    fn whole_text(&self) -> String {
        self.text.concat()
    }

    fn finish_or(&self, stop: &str, tools: &str) -> String {
        match &self.finish {
            Some(reason) => reason.clone(),
            None if self.tool_calls.is_empty() => stop.to_owned(),
            None => tools.to_owned(),
        }
    }
}

/// A call as the provider saw it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ProviderCall {
    /// Path and query.
    pub path: String,
    /// Header names in lower case.
    pub headers: Vec<(String, String)>,
    /// The JSON body, `null` when it was not JSON.
    pub body: Value,
}

impl ProviderCall {
    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// A provider on a loopback port of its own.
///
/// Speaks OpenAI chat completions, responses and embeddings, Anthropic messages, and Gemini
/// `generateContent`, `streamGenerateContent` and embeddings. Without a script (or at its end) the
/// model says `Hello there!`.
#[derive(Debug)]
pub struct MockProvider {
    server: Server,
    stage: Arc<Stage>,
}

#[derive(Debug, Default)]
struct Stage {
    state: Mutex<State>,
    called: Condvar,
}

#[derive(Debug, Default)]
struct State {
    script: VecDeque<Turn>,
    calls: Vec<ProviderCall>,
}

impl MockProvider {
    /// Starts a provider on a free port of 127.0.0.1.
    #[must_use]
    pub fn start() -> Self {
        let stage = Arc::new(Stage::default());
        let server = Server::start(Arc::clone(&stage) as Arc<dyn Service>);
        Self { server, stage }
    }

    /// Starts a provider with a script, one turn a call.
    #[must_use]
    pub fn with_script(turns: impl IntoIterator<Item = Turn>) -> Self {
        let provider = Self::start();
        lock(&provider.stage.state).script.extend(turns);
        provider
    }

    /// Adds a turn to the script.
    pub fn push(&self, turn: Turn) {
        lock(&self.stage.state).script.push_back(turn);
    }

    /// Address and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// `http://127.0.0.1:<port>`
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Every call so far.
    #[must_use]
    pub fn calls(&self) -> Vec<ProviderCall> {
        lock(&self.stage.state).calls.clone()
    }

    /// Waits until at least `count` calls came.
    ///
    /// # Panics
    ///
    /// When they have not come within `timeout`.
    #[must_use]
    #[track_caller]
    pub fn wait_for_calls(&self, count: usize, timeout: Duration) -> Vec<ProviderCall> {
        let until = Instant::now() + timeout;
        let mut state = lock(&self.stage.state);
        while state.calls.len() < count {
            let left = until.saturating_duration_since(Instant::now());
            let got = state.calls.len();
            assert!(!left.is_zero(), "waited {timeout:?} for {count} calls, got {got}");
            let called = &self.stage.called;
            state = called.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.calls.clone()
    }
}

impl Service for Stage {
    fn reply(&self, request: Request) -> Reply {
        let body: Value = serde_json::from_slice(&request.decoded_body()).unwrap_or(Value::Null);
        let turn = {
            let mut state = lock(&self.state);
            state.calls.push(ProviderCall {
                path: request.path.clone(),
                headers: request.headers.clone(),
                body: body.clone(),
            });
            self.called.notify_all();
            state.script.pop_front().unwrap_or_else(|| Turn::text("Hello there!"))
        };
        let path = request.path.split('?').next().unwrap_or_default();
        let streams = body["stream"].as_bool().unwrap_or(false);
        if let Some(status) = turn.error {
            return Reply::json(status, &error_body(status, &body));
        }
        let asked = body["model"].as_str().unwrap_or("mock-model");
        let model = turn.model.clone().unwrap_or_else(|| asked.to_owned());
        let last = path.rsplit('/').next().unwrap_or_default();
        match last {
            "completions" if streams => events(&turn, openai_events(&turn, &model), true),
            "completions" => Reply::json(200, &openai_answer(&turn, &model)),
            "responses" => Reply::json(200, &responses_answer(&turn, &model)),
            "embeddings" => Reply::json(200, &openai_embeddings(&turn, &model, &body)),
            "messages" if streams => events(&turn, anthropic_events(&turn, &model), false),
            "messages" => Reply::json(200, &anthropic_answer(&turn, &model)),
            gemini if gemini.contains(":streamGenerateContent") => {
                events(&turn, gemini_events(&turn, gemini), false)
            }
            gemini if gemini.contains(":generateContent") => {
                Reply::json(200, &gemini_answer(&turn, gemini, &turn.whole_text(), true))
            }
            _ => Reply::json(404, &json!({"error": {"message": "no such path", "code": 404}})),
        }
    }
}

/// The last text of a request, for the echo of [`Turn::error`].
fn last_text(body: &Value) -> String {
    let messages = body["messages"].as_array().or_else(|| body["contents"].as_array());
    match messages.and_then(|list| list.last()) {
        Some(message) => match &message["content"] {
            Value::String(text) => text.clone(),
            Value::Null => message["parts"].to_string(),
            parts => parts.to_string(),
        },
        None => body["input"].to_string(),
    }
}

fn error_body(status: u16, body: &Value) -> Value {
    let kind = match status {
        401 => "invalid_api_key",
        429 => "rate_limit_exceeded",
        400..=499 => "invalid_request_error",
        _ => "server_error",
    };
    let message = format!("Request was refused: \"{}\"", last_text(body));
    json!({"error": {"message": message, "type": kind, "code": kind, "param": "messages"}})
}

fn events(turn: &Turn, mut events: Vec<String>, done: bool) -> Reply {
    if done {
        events.push("data: [DONE]\n\n".to_owned());
    }
    let cut = turn.cut_after.is_some();
    if let Some(count) = turn.cut_after {
        events.truncate(count);
    }
    Reply::Chunked {
        status: 200,
        headers: vec![("content-type".into(), "text/event-stream".into())],
        chunks: events.into_iter().map(String::into_bytes).collect(),
        pause: turn.pause,
        cut,
    }
}

fn data(value: &Value) -> String {
    format!("data: {value}\n\n")
}

fn named(name: &str, value: &Value) -> String {
    format!("event: {name}\ndata: {value}\n\n")
}

fn openai_usage(usage: Usage) -> Value {
    json!({
        "prompt_tokens": usage.input,
        "completion_tokens": usage.output,
        "total_tokens": usage.input + usage.output,
        "prompt_tokens_details": {"cached_tokens": usage.cache_read, "audio_tokens": 0},
        "completion_tokens_details": {"reasoning_tokens": usage.reasoning, "audio_tokens": 0},
    })
}

fn openai_calls(turn: &Turn) -> Vec<Value> {
    let calls = turn.tool_calls.iter().enumerate();
    calls
        .map(|(index, (id, name, arguments))| {
            json!({
                "index": index, "id": id, "type": "function",
                "function": {"name": name, "arguments": arguments.to_string()},
            })
        })
        .collect()
}

fn openai_answer(turn: &Turn, model: &str) -> Value {
    let mut message = json!({"role": "assistant", "content": turn.whole_text(), "refusal": null});
    if !turn.tool_calls.is_empty() {
        message["tool_calls"] = openai_calls(turn).into();
        message["content"] = Value::Null;
    }
    if let Some(reasoning) = &turn.reasoning {
        message["reasoning_content"] = reasoning.as_str().into();
    }
    let mut answer = json!({
        "id": turn.id, "object": "chat.completion", "created": 1_790_000_000, "model": model,
        "system_fingerprint": "fp_mock", "service_tier": "default",
        "choices": [{
            "index": 0, "message": message, "logprobs": null,
            "finish_reason": turn.finish_or("stop", "tool_calls"),
        }],
    });
    if let Some(usage) = turn.usage {
        answer["usage"] = openai_usage(usage);
    }
    answer
}

fn openai_events(turn: &Turn, model: &str) -> Vec<String> {
    let chunk = |delta: Value, finish: Value| {
        json!({
            "id": turn.id, "object": "chat.completion.chunk", "created": 1_790_000_000,
            "model": model, "system_fingerprint": "fp_mock",
            "choices": [{"index": 0, "delta": delta, "finish_reason": finish}],
        })
    };
    let mut events = vec![data(&chunk(json!({"role": "assistant", "content": ""}), Value::Null))];
    if let Some(reasoning) = &turn.reasoning {
        events.push(data(&chunk(json!({"reasoning_content": reasoning}), Value::Null)));
    }
    for word in &turn.text {
        events.push(data(&chunk(json!({"content": word}), Value::Null)));
    }
    for call in openai_calls(turn) {
        let mut opening = call.clone();
        opening["function"]["arguments"] = "".into();
        events.push(data(&chunk(json!({"tool_calls": [opening]}), Value::Null)));
        let arguments = &call["function"]["arguments"];
        let rest = json!({"index": call["index"], "function": {"arguments": arguments}});
        events.push(data(&chunk(json!({"tool_calls": [rest]}), Value::Null)));
    }
    events.push(data(&chunk(json!({}), turn.finish_or("stop", "tool_calls").into())));
    if let Some(usage) = turn.usage {
        let mut last = chunk(json!({}), Value::Null);
        last["choices"] = json!([]);
        last["usage"] = openai_usage(usage);
        events.push(data(&last));
    }
    events
}

fn responses_answer(turn: &Turn, model: &str) -> Value {
    let mut output = Vec::new();
    if let Some(reasoning) = &turn.reasoning {
        let summary = json!([{"type": "summary_text", "text": reasoning}]);
        output.push(json!({"type": "reasoning", "id": "rs_1", "summary": summary}));
    }
    if !turn.text.is_empty() {
        let content =
            json!([{"type": "output_text", "text": turn.whole_text(), "annotations": []}]);
        output.push(json!({
            "type": "message", "id": "msg_1", "role": "assistant", "status": "completed",
            "content": content,
        }));
    }
    for (id, name, arguments) in &turn.tool_calls {
        output.push(json!({
            "type": "function_call", "id": format!("fc_{id}"), "call_id": id, "name": name,
            "arguments": arguments.to_string(), "status": "completed",
        }));
    }
    let mut answer = json!({
        "id": turn.id, "object": "response", "created_at": 1_790_000_000, "status": "completed",
        "model": model, "output": output, "error": null, "incomplete_details": null,
        "instructions": null, "metadata": {}, "tools": [], "parallel_tool_calls": true,
        "tool_choice": "auto",
    });
    if let Some(usage) = turn.usage {
        answer["usage"] = json!({
            "input_tokens": usage.input, "output_tokens": usage.output,
            "total_tokens": usage.input + usage.output,
            "input_tokens_details": {"cached_tokens": usage.cache_read},
            "output_tokens_details": {"reasoning_tokens": usage.reasoning},
        });
    }
    answer
}

fn openai_embeddings(turn: &Turn, model: &str, body: &Value) -> Value {
    let inputs = body["input"].as_array().map_or(1, Vec::len);
    let size = body["dimensions"].as_u64().unwrap_or(4);
    let vector: Vec<f64> = (0..size).map(|index| index as f64 / 10.0).collect();
    let vectors: Vec<_> = (0..inputs)
        .map(|index| json!({"object": "embedding", "index": index, "embedding": vector}))
        .collect();
    let usage = turn.usage.unwrap_or_default();
    json!({
        "object": "list", "data": vectors, "model": model,
        "usage": {"prompt_tokens": usage.input, "total_tokens": usage.input},
    })
}

fn anthropic_usage(usage: Usage) -> Value {
    json!({
        "input_tokens": usage.input, "output_tokens": usage.output,
        "cache_read_input_tokens": usage.cache_read,
        "cache_creation_input_tokens": usage.cache_write,
    })
}

fn anthropic_blocks(turn: &Turn) -> Vec<Value> {
    let mut blocks = Vec::new();
    if let Some(reasoning) = &turn.reasoning {
        blocks.push(json!({"type": "thinking", "thinking": reasoning, "signature": "c2ln"}));
    }
    if !turn.text.is_empty() {
        blocks.push(json!({"type": "text", "text": turn.whole_text()}));
    }
    for (id, name, arguments) in &turn.tool_calls {
        blocks.push(json!({"type": "tool_use", "id": id, "name": name, "input": arguments}));
    }
    blocks
}

fn anthropic_answer(turn: &Turn, model: &str) -> Value {
    json!({
        "id": turn.id, "type": "message", "role": "assistant", "model": model,
        "content": anthropic_blocks(turn), "stop_sequence": null,
        "stop_reason": turn.finish_or("end_turn", "tool_use"),
        "usage": anthropic_usage(turn.usage.unwrap_or_default()),
    })
}

fn anthropic_events(turn: &Turn, model: &str) -> Vec<String> {
    let usage = turn.usage.unwrap_or_default();
    let mut events = vec![named(
        "message_start",
        &json!({"type": "message_start", "message": {
            "id": turn.id, "type": "message", "role": "assistant", "model": model, "content": [],
            "stop_reason": null, "stop_sequence": null,
            "usage": anthropic_usage(Usage { output: 1, ..usage }),
        }}),
    )];
    for (index, block) in anthropic_blocks(turn).into_iter().enumerate() {
        let (opening, deltas) = match block["type"].as_str() {
            Some("thinking") => (
                json!({"type": "thinking", "thinking": "", "signature": ""}),
                vec![
                    json!({"type": "thinking_delta", "thinking": block["thinking"]}),
                    json!({"type": "signature_delta", "signature": block["signature"]}),
                ],
            ),
            Some("text") => (
                json!({"type": "text", "text": ""}),
                turn.text.iter().map(|word| json!({"type": "text_delta", "text": word})).collect(),
            ),
            _ => (
                json!({"type": "tool_use", "id": block["id"], "name": block["name"], "input": {}}),
                vec![
                    json!({"type": "input_json_delta", "partial_json": block["input"].to_string()}),
                ],
            ),
        };
        events.push(named(
            "content_block_start",
            &json!({"type": "content_block_start", "index": index, "content_block": opening}),
        ));
        for delta in deltas {
            events.push(named(
                "content_block_delta",
                &json!({"type": "content_block_delta", "index": index, "delta": delta}),
            ));
        }
        events.push(named(
            "content_block_stop",
            &json!({"type": "content_block_stop", "index": index}),
        ));
    }
    events.push(named(
        "message_delta",
        &json!({
            "type": "message_delta", "usage": {"output_tokens": usage.output},
            "delta": {
                "stop_reason": turn.finish_or("end_turn", "tool_use"), "stop_sequence": null,
            },
        }),
    ));
    events.push(named("message_stop", &json!({"type": "message_stop"})));
    events
}

fn gemini_answer(turn: &Turn, method: &str, text: &str, last: bool) -> Value {
    let mut parts = Vec::new();
    if let Some(reasoning) = turn.reasoning.as_deref().filter(|_| last) {
        parts.push(json!({"text": reasoning, "thought": true}));
    }
    if !text.is_empty() {
        parts.push(json!({"text": text}));
    }
    if last {
        for (_, name, arguments) in &turn.tool_calls {
            parts.push(json!({"functionCall": {"name": name, "args": arguments}}));
        }
    }
    let mut candidate = json!({"index": 0, "content": {"role": "model", "parts": parts}});
    let asked = method.split(':').next().unwrap_or_default();
    let model = turn.model.as_deref().unwrap_or(asked);
    let mut answer = json!({"modelVersion": model, "responseId": turn.id});
    if last {
        candidate["finishReason"] = turn.finish_or("STOP", "STOP").into();
        if let Some(usage) = turn.usage {
            answer["usageMetadata"] = json!({
                "promptTokenCount": usage.input,
                "candidatesTokenCount": usage.output - usage.reasoning.min(usage.output),
                "thoughtsTokenCount": usage.reasoning,
                "cachedContentTokenCount": usage.cache_read,
                "totalTokenCount": usage.input + usage.output,
            });
        }
    }
    answer["candidates"] = json!([candidate]);
    answer
}

fn gemini_events(turn: &Turn, method: &str) -> Vec<String> {
    let count = turn.text.len().max(1);
    (0..count)
        .map(|index| {
            let text = turn.text.get(index).map_or("", String::as_str);
            data(&gemini_answer(turn, method, text, index + 1 == count))
        })
        .collect()
}
