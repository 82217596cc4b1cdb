//! Gateways: one span for each request, one CLIENT child for each attempt to answer it.
//!
//! ```text
//! SERVER   POST /v1/chat/completions            yours
//! └ INTERNAL  chat gpt-4o                       Request: usage, messages, outcome, counted once
//!   ├ CLIENT  chat gpt-4o        429            Attempt: where it went and what became of it
//!   └ CLIENT  chat claude-sonnet-4
//! ```
//!
//! The spans have the target `gen_ai::gateway`.
//!
//! Only the request's span has `gen_ai.*` attributes: backends take every span that has them for a
//! generation of its own and would count its tokens again.
//!
//! ```
//! use tracing_genai::gateway::{Request, Upstream};
//!
//! # async fn send(headers: http::HeaderMap) -> u16 { 200 }
//! # async fn handler() {
//! let mut request = Request::new("chat", "gpt-4o");
//! let upstream = Upstream::new("openai", "gpt-4o").server("api.openai.com", 443);
//! let attempt = request.attempt(&upstream);
//! let mut headers = http::HeaderMap::new();
//! attempt.inject(&mut headers);
//! let status = attempt.run(send(headers)).await;
//! attempt.end_with_status(status);
//! request.end();
//! # }
//! ```

mod attempt;
mod identity;
mod request;

pub use attempt::{Attempt, Upstream};
pub use identity::Identity;
pub use request::Request;

/// The target of the spans, for filters. The crate's own name stands for telemetry about telemetry,
/// which is never exported.
const TARGET: &str = "gen_ai::gateway";
