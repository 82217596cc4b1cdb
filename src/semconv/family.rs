//! Families of spans, by what is measured of them.

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
