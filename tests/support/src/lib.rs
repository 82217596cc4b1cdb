//! What the tests share.
//!
//! * [`OtlpReceiver`]: a collector on loopback that keeps everything it was sent and answers as
//!   told.
//! * [`MockProvider`]: OpenAI, Anthropic and Gemini over loopback HTTP, scripted.
//! * [`conformance`]: what the OpenTelemetry GenAI conventions say about an exported span, written
//!   from the conventions and not from the tables of the crate under test.
//!
//! Nothing here needs an async runtime, and nothing sleeps: waiting means waiting for an event.

pub mod conformance;
mod http;
mod otlp;
mod provider;
mod sink;
mod span;

pub use http::{Reply, Request};
pub use otlp::{Answer, OtlpReceiver, ReceivedRequest};
pub use provider::{MockProvider, ProviderCall, Turn};
pub use sink::SpanSink;
pub use span::{ReceivedEvent, ReceivedSpan, SpanKind, SpanStatus, Value};
