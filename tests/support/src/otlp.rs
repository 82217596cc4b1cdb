//! A collector on loopback.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;
use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTracePartialSuccess, ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use prost::Message;

use crate::http::{Reply, Request, Server, Service, lock};
use crate::span::{ReceivedSpan, spans_of};

/// How the receiver answers an export.
#[derive(Clone, Debug)]
pub struct Answer(Reply);

impl Answer {
    /// Accepts everything. What the receiver does unless told otherwise.
    #[must_use]
    pub fn accept() -> Self {
        Self::status(200)
    }

    /// An HTTP status without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self(Reply::status(status))
    }

    /// Accepts with a partial success: so many spans were rejected, for this reason.
    #[must_use]
    pub fn partial_success(rejected: i64, message: &str) -> Self {
        let body = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: rejected,
                error_message: message.to_owned(),
            }),
        };
        Self::accept().header("content-type", "application/x-protobuf").body(body.encode_to_vec())
    }

    /// Reads the request and never answers.
    #[must_use]
    pub fn never() -> Self {
        Self(Reply::Silence)
    }

    /// Resets the connection after the head of the request, before its body.
    #[must_use]
    pub fn reset() -> Self {
        Self(Reply::Reset)
    }

    /// Closes the connection without an answer.
    #[must_use]
    pub fn close() -> Self {
        Self(Reply::Close)
    }

    /// Sends these bytes instead of HTTP.
    #[must_use]
    pub fn garbage(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Reply::Raw(bytes.into()))
    }

    /// Sends the body of the answer byte by byte with a pause before each.
    #[must_use]
    pub fn trickle(self, pause: Duration) -> Self {
        match self.0 {
            Reply::Whole { status, headers, body } => {
                let body = if body.is_empty() { vec![b' '; 60] } else { body };
                let chunks = body.into_iter().map(|byte| vec![byte]).collect();
                Self(Reply::Chunked { status, headers, chunks, pause, cut: false })
            }
            other => Self(other),
        }
    }

    /// Adds a header to a complete answer.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        if let Reply::Whole { headers, .. } = &mut self.0 {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    /// Sets the body of a complete answer.
    #[must_use]
    pub fn body(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        if let Reply::Whole { body, .. } = &mut self.0 {
            *body = bytes.into();
        }
        self
    }

    /// Waits before answering.
    #[must_use]
    pub fn after(self, delay: Duration) -> Self {
        Self(Reply::After(delay, Box::new(self.0)))
    }

    fn accepts(&self) -> bool {
        fn accepts(reply: &Reply) -> bool {
            match reply {
                Reply::Whole { status, .. } | Reply::Chunked { status, .. } => {
                    (200..300).contains(status)
                }
                Reply::After(_, reply) => accepts(reply),
                _ => false,
            }
        }
        accepts(&self.0)
    }

    fn is_reset(&self) -> bool {
        matches!(self.0, Reply::Reset)
    }
}

/// An export request as it arrived.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct ReceivedRequest {
    /// The HTTP request; its body is as sent, `decoded_body()` is uncompressed.
    pub http: Request,
    /// Whether it was answered with success.
    pub accepted: bool,
    /// The spans of a traces request, in the order of the wire.
    pub spans: Vec<ReceivedSpan>,
    /// The decoded metrics request.
    pub metrics: Option<ExportMetricsServiceRequest>,
    /// The decoded logs request.
    pub logs: Option<ExportLogsServiceRequest>,
    /// Why the body could not be decoded.
    pub undecodable: Option<String>,
}

impl std::ops::Deref for ReceivedRequest {
    type Target = Request;

    fn deref(&self) -> &Request {
        &self.http
    }
}

/// A collector for OTLP over HTTP (protobuf and JSON, plain or gzip) on a loopback port of its
/// own. Keeps everything until it is dropped.
#[derive(Debug)]
pub struct OtlpReceiver {
    server: Server,
    inbox: Arc<Inbox>,
}

#[derive(Debug, Default)]
struct Inbox {
    state: Mutex<State>,
    arrived: Condvar,
}

#[derive(Debug, Default)]
struct State {
    requests: Vec<ReceivedRequest>,
    next: VecDeque<Answer>,
    at: HashMap<String, Answer>,
    always: Option<Answer>,
}

impl OtlpReceiver {
    /// Starts a receiver on a free port of 127.0.0.1.
    #[must_use]
    pub fn start() -> Self {
        let inbox = Arc::new(Inbox::default());
        let server = Server::start(Arc::clone(&inbox) as Arc<dyn Service>);
        Self { server, inbox }
    }

    /// `http://127.0.0.1:<port>`, for `OTEL_EXPORTER_OTLP_ENDPOINT`.
    #[must_use]
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.address())
    }

    /// Address and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Connections that are open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.server.connections()
    }

    /// Answers one coming request this way; calls queue up.
    pub fn answer_next(&self, answer: Answer) {
        lock(&self.inbox.state).next.push_back(answer);
    }

    /// Answers every request this way once the queue of [`Self::answer_next`] is empty.
    pub fn answer_always(&self, answer: Answer) {
        lock(&self.inbox.state).always = Some(answer);
    }

    /// Answers every request to this path this way, whatever else was said.
    pub fn answer_at(&self, path: &str, answer: Answer) {
        lock(&self.inbox.state).at.insert(path.to_owned(), answer);
    }

    /// The requests so far that went to this path.
    #[must_use]
    pub fn requests_at(&self, path: &str) -> Vec<ReceivedRequest> {
        let mut requests = self.requests();
        requests.retain(|request| request.http.path == path);
        requests
    }

    /// Every request so far, refused ones too.
    #[must_use]
    pub fn requests(&self) -> Vec<ReceivedRequest> {
        lock(&self.inbox.state).requests.clone()
    }

    /// The requests since the last call, which are not kept.
    #[must_use]
    pub fn take_requests(&self) -> Vec<ReceivedRequest> {
        std::mem::take(&mut lock(&self.inbox.state).requests)
    }

    /// The spans of accepted requests so far.
    #[must_use]
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        accepted_spans(&lock(&self.inbox.state))
    }

    /// How many spans were accepted so far, without copying them.
    #[must_use]
    pub fn span_count(&self) -> usize {
        span_count(&lock(&self.inbox.state))
    }

    /// Waits until at least `count` spans were accepted and returns all of them.
    ///
    /// # Panics
    ///
    /// When they have not come within `timeout`; the message says what has.
    #[must_use]
    #[track_caller]
    pub fn wait_for_spans(&self, count: usize, timeout: Duration) -> Vec<ReceivedSpan> {
        let state = self.wait(timeout, |state| span_count(state) >= count);
        let spans = accepted_spans(&state.0);
        assert!(
            state.1,
            "waited {timeout:?} for {count} spans, {} requests brought: {:?}",
            state.0.requests.len(),
            spans.iter().map(|span| &span.name).collect::<Vec<_>>(),
        );
        spans
    }

    /// Waits until at least `count` requests came, accepted or not, and returns all of them.
    ///
    /// # Panics
    ///
    /// When they have not come within `timeout`.
    #[must_use]
    #[track_caller]
    pub fn wait_for_requests(&self, count: usize, timeout: Duration) -> Vec<ReceivedRequest> {
        let state = self.wait(timeout, |state| state.requests.len() >= count);
        let requests = state.0.requests.clone();
        assert!(state.1, "waited {timeout:?} for {count} requests, got {}", requests.len());
        requests
    }

    /// Waits until at least `count` metrics requests came and returns all of them.
    ///
    /// # Panics
    ///
    /// When they have not come within `timeout`.
    #[must_use]
    #[track_caller]
    pub fn wait_for_metrics(
        &self,
        count: usize,
        timeout: Duration,
    ) -> Vec<ExportMetricsServiceRequest> {
        let metrics = |state: &State| {
            state.requests.iter().filter_map(|it| it.metrics.clone()).collect::<Vec<_>>()
        };
        let state = self.wait(timeout, |state| metrics(state).len() >= count);
        let found = metrics(&state.0);
        assert!(state.1, "waited {timeout:?} for {count} metrics requests, got {}", found.len());
        found
    }

    /// Heads and bodies of every request so far, bodies both as sent and uncompressed.
    #[must_use]
    pub fn raw_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        for request in &lock(&self.inbox.state).requests {
            bytes.extend_from_slice(&request.http.head);
            bytes.extend_from_slice(&request.http.body);
            if request.http.header("content-encoding").is_some() {
                bytes.extend_from_slice(&request.http.decoded_body());
            }
        }
        bytes
    }

    /// Whether the bytes occur in anything that arrived: heads, bodies as sent, and bodies
    /// uncompressed.
    #[must_use]
    pub fn contains_bytes(&self, needle: impl AsRef<[u8]>) -> bool {
        memchr::memmem::find(&self.raw_bytes(), needle.as_ref()).is_some()
    }

    /// Forgets everything that arrived.
    pub fn clear(&self) {
        lock(&self.inbox.state).requests.clear();
    }

    fn wait(
        &self,
        timeout: Duration,
        done: impl Fn(&State) -> bool,
    ) -> (std::sync::MutexGuard<'_, State>, bool) {
        let until = Instant::now() + timeout;
        let mut state = lock(&self.inbox.state);
        loop {
            if done(&state) {
                return (state, true);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return (state, false);
            }
            state = self
                .inbox
                .arrived
                .wait_timeout(state, left)
                .unwrap_or_else(PoisonError::into_inner)
                .0;
        }
    }
}

impl Service for Inbox {
    fn early(&self, head: &Request) -> Option<Reply> {
        let mut state = lock(&self.state);
        let reset = match state.next.front() {
            Some(answer) if answer.is_reset() => {
                state.next.pop_front();
                true
            }
            Some(_) => false,
            None => state.always.as_ref().is_some_and(Answer::is_reset),
        };
        if !reset {
            return None;
        }
        state.requests.push(ReceivedRequest {
            http: head.clone(),
            accepted: false,
            spans: Vec::new(),
            metrics: None,
            logs: None,
            undecodable: None,
        });
        self.arrived.notify_all();
        Some(Reply::Reset)
    }

    fn reply(&self, request: Request) -> Reply {
        let mut received = decode(request);
        let mut state = lock(&self.state);
        let known = matches!(
            (received.http.method.as_str(), received.http.path.as_str()),
            ("POST", "/v1/traces" | "/v1/metrics" | "/v1/logs")
        );
        let scripted = match state.at.get(&received.http.path).cloned() {
            Some(answer) => Some(answer),
            None => state.next.pop_front().or_else(|| state.always.clone()),
        };
        let answer = match scripted {
            Some(answer) => answer,
            None if !known => Answer::status(404),
            None if received.undecodable.is_some() => Answer::status(400),
            None => Answer::accept(),
        };
        received.accepted = answer.accepts();
        state.requests.push(received);
        self.arrived.notify_all();
        answer.0
    }
}

fn accepted_spans(state: &State) -> Vec<ReceivedSpan> {
    let accepted = state.requests.iter().filter(|request| request.accepted);
    accepted.flat_map(|request| request.spans.iter().cloned()).collect()
}

fn span_count(state: &State) -> usize {
    state.requests.iter().filter(|it| it.accepted).map(|it| it.spans.len()).sum()
}

fn decode(http: Request) -> ReceivedRequest {
    let body = http.decoded_body();
    let json = http.header("content-type").is_some_and(|kind| kind.starts_with("application/json"));
    let mut received = ReceivedRequest {
        accepted: false,
        spans: Vec::new(),
        metrics: None,
        logs: None,
        undecodable: None,
        http,
    };
    let outcome = match received.http.path.trim_end_matches('/').rsplit('/').next() {
        Some("traces") => message::<ExportTraceServiceRequest>(&body, json)
            .map(|request| received.spans = spans_of(request)),
        Some("metrics") => message(&body, json).map(|request| received.metrics = Some(request)),
        Some("logs") => message(&body, json).map(|request| received.logs = Some(request)),
        _ => Ok(()),
    };
    received.undecodable = outcome.err();
    received
}

fn message<M>(body: &[u8], json: bool) -> Result<M, String>
where
    M: Message + Default + serde::de::DeserializeOwned,
{
    if json {
        serde_json::from_slice(body).map_err(|error| error.to_string())
    } else {
        M::decode(body).map_err(|error| error.to_string())
    }
}
