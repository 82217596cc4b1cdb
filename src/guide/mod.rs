//! Guides, from the first trace to a fleet of services. Each begins with code that runs.
//!
//! | Read it for | |
//! |---|---|
//! | your first trace, with no knowledge of OpenTelemetry | [`handlers`] |
//! | answers that come in chunks | [`streams`] |
//! | agents, tools, retrieval, workflows | [`agents`] |
//! | a proxy in front of several providers | [`gateways`] |
//! | what leaves the process, and how to let more or less of it out | [`content`] |
//! | tokens, latency and cost as numbers over time | [`metrics`] |
//! | log lines beside their traces | [`logs`] |
//! | keeping some traces and not all | [`sampling`] |
//! | where to send it | [`backends`] |
//! | many replicas, a collector, a place to look at it | [`replicas`] |
//! | what to do when nothing arrives | [`troubleshooting`] |
//! | spans you wrote by hand | [`migrating`] |
//! | an OpenTelemetry setup, a subscriber or a layer that is there already | [`existing`] |
//!
//! The guides are compiled and run with the tests of this crate; what they print was printed.

// The names by which the guides link to what they speak of.
use crate::gateway::Identity;
use crate::stream::{
    Anthropic, Bedrock, Chunks, EventStream, Gemini, OpenAiChat, OpenAiResponses, Recorder,
};
use crate::telemetry::WithoutContent;
use crate::tower::HttpLayer;
use crate::{
    Builder, GenAiLayer, GenAiSpanExt, Telemetry, agent_span, embeddings_span, inference_span,
    layer, lint, retrieval_span, tool_span, workflow_span,
};

macro_rules! guides {
    ($($name:ident)*) => {
        $(
            #[doc = include_str!(concat!(stringify!($name), ".md"))]
            pub mod $name {}
        )*
    };
}

guides! {
    handlers
    streams
    agents
    gateways
    content
    metrics
    logs
    sampling
    backends
    replicas
    troubleshooting
    migrating
    existing
}
