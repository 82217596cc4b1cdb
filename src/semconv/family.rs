//! Families of spans, by what is measured of them, and their roles in an agent.

/// Which family of metrics a span belongs to.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(crate) enum Family {
    Inference,
    Embeddings,
    /// The other operations of a GenAI client.
    Operation,
    Agent,
    Workflow,
    Tool,
    McpClient,
    McpServer,
    Http,
    /// Not known (yet), or one without metrics.
    #[default]
    Unknown,
}

/// What a span of an operation does in an agent.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Role {
    /// Calls a model: its tokens and its cost add up.
    Model,
    Tool,
    /// Contains calls: what it reports is the sum of theirs.
    Agent,
    /// Retrieval and memory.
    Knowledge,
}
