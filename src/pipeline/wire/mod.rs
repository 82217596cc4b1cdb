//! One request on its way to a receiver: encoding, HTTP, gRPC, TLS, and what the answer means.

mod answer;
mod connection;
mod encoding;
#[cfg(feature = "otel-grpc")]
mod grpc;
mod http;
#[cfg(feature = "logs")]
mod logs;
mod otlp;
mod probe;
mod refusal;
mod remedy;
mod request;
mod sender;
mod spans;
mod tls;

#[cfg(feature = "metrics")]
pub(crate) use otlp::Otlp;
pub(crate) use otlp::OtlpTransport;
pub(crate) use probe::probe;
#[cfg(feature = "metrics")]
pub(crate) use request::OtlpResource;
