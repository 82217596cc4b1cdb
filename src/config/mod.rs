//! What the user wrote: file, environment and code, merged into one resolved configuration.
//!
//! # Which value counts
//!
//! Key by key, the first of: code, environment, file, default. `headers` and `resource_attributes`
//! merge by name. The layer comes before the signal: a variable for all signals beats what a file
//! says for one. `sampler_arg` goes with the `sampler` of its layer.
//!
//! Wrong values in code and in a file are errors, all of them in one report. A wrong value in a
//! variable is a warning and counts as unset, but for an endpoint, which is an error, and for the
//! content settings, where it means the strictest one.
//!
//! # The file
//!
//! YAML 1.2 (feature `yaml`) or JSON, at most 1 MiB. The keys stand at the top level, under
//! `otel`, under `plugins.<name>.otel`, or in `plugins: [{name: otel, config: …}]`. What stands
//! beside them belongs to someone else and is not looked at.
//!
//! `${NAME}`, `${env:NAME}` and `${NAME:-default}` in a value are replaced by a variable, `$${`
//! stands for `${`. Headers, tokens and endpoints may also be `env.NAME`, headers and tokens
//! `file:/path`. Only what counts is looked up; a variable that is not set is an error then.
//!
//! A file with `file_format: "1.0"` to `"1.2"` is an OpenTelemetry declarative configuration: it
//! stands for all variables, and a provider that is not in it is off. Keys of this crate go under
//! `instrumentation/development.rust.tracing_genai` or `distribution.tracing_genai`.
//!
//! # Several destinations
//!
//! Entries of `exporters` (or `profiles`) take protocol, compression, timeout and format from the
//! top level, never endpoint, headers or certificates, and capture at most what the top level
//! does; where that says nothing, each says for itself. `TRACING_GENAI_EXPORTERS_0_ENDPOINT` and so
//! on override an entry. An endpoint in a stronger layer replaces the whole list.
//!
//! # Proxies
//!
//! Requests to `https` go through the proxy that `HTTPS_PROXY` names, to `http` through that of
//! `HTTP_PROXY`, else of `ALL_PROXY` (upper or lower case), as tunnels (`CONNECT`); gRPC too. The
//! proxy is `http://host:port`, with `user:password@` where it wants to know. What `NO_PROXY`
//! lists (hosts with what is below them, `.domain`, `host:port`, networks such as `10.0.0.0/8`,
//! `*`) and what runs on this machine is reached directly.
//!
//! # All keys
//!
//! `telemetry.schema.json` in the repository is the same for editors. ¹ may also stand under
//! `traces`, `metrics` and `logs`, then an endpoint is taken as it is; ² may also stand in an
//! entry of `exporters`. *Reload* says what another value does in a running process.
//!
#![doc = include_str!("keys.md")]

mod check;
mod decide;
mod read;
mod say;

#[cfg(feature = "otel-http")]
pub(crate) use decide::proxy;
pub(crate) use decide::{content, own, settings};
pub(crate) use read::env;
#[cfg(all(feature = "metrics", feature = "yaml"))]
pub(crate) use read::yaml;
#[cfg(feature = "metrics")]
pub(crate) use read::{compose, node, problem, source};
pub(crate) use say::backends::Backend;
#[cfg(test)]
pub(crate) use say::examples;
pub(crate) use say::{keys, layer, value, words};

pub use check::Config;
pub use decide::explain::Explanation;
pub(crate) use decide::load::{FileSource, Resolved, Sources, load};
pub(crate) use decide::values::Values;
