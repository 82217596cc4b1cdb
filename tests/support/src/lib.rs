//! What the tests share.
//!
//! * [`OtlpReceiver`]: a collector on loopback that keeps everything it was sent and answers as
//!   told; [`GrpcReceiver`] is the same over gRPC.
//! * [`MockProvider`]: OpenAI, Anthropic and Gemini over loopback HTTP, scripted.
//! * [`Authority`] and [`Proxy`]: TLS with certificates of our own, and a way out of the process
//!   that ends on loopback whatever host is asked for.
//! * [`conformance`]: what the OpenTelemetry GenAI conventions say about an exported span, written
//!   from the conventions and not from the tables of the crate under test.
//!
//! Nothing here needs the test's async runtime, and nothing sleeps: waiting means waiting for an event.

pub mod conformance;
mod grpc;
mod http;
mod otlp;
mod provider;
mod proxy;
mod sink;
mod span;
mod tls;

pub use grpc::{GrpcAnswer, GrpcReceiver, GrpcRequest};
pub use http::{Reply, Request};
pub use otlp::{Answer, OtlpReceiver, ReceivedRequest};
pub use provider::{MockProvider, ProviderCall, Turn};
pub use proxy::{Proxy, Tunnel};
pub use sink::SpanSink;
pub use span::{ReceivedEvent, ReceivedSpan, SpanKind, SpanStatus, Value};
pub use tls::Authority;
