//! One request on its way to a receiver: encoding, HTTP, gRPC, TLS, and what the answer means.

mod answer;
mod connection;
mod encoding;
#[cfg(feature = "otel-grpc")]
mod grpc;
mod http;
#[cfg(feature = "logs")]
mod logs;
pub(crate) mod otlp;
mod probe;
pub(crate) mod refusal;
pub(crate) mod request;
pub(crate) mod sender;
mod spans;
mod tls;

pub(crate) use probe::probe;
