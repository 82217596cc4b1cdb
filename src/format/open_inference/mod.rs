//! `open_inference`: the conventions of Arize's OpenInference, which Phoenix and Arize read, and
//! the supplement that adds to a GenAI span what they and MLflow miss in it.
//!
//! Source of names: the OpenInference specification (`semantic_conventions.md`, `llm_spans.md`,
//! `embedding_spans.md`, `tool_calling.md`, `multimodal_attributes.md`, `configuration.md`).
//!
//! What has no name in OpenInference goes into `metadata`, one JSON object under the keys of the
//! GenAI conventions, or stays the attribute it was. An agent or chain carries its tokens there
//! too, never as `llm.token_count.*`: backends add those up along the tree.

mod call;
mod flatten;
mod hide;
mod kind;
mod tables;
mod texts;
mod values;

use std::borrow::Cow;
use std::sync::Arc;

use opentelemetry_sdk::trace::SpanData;

pub use hide::Hide;

use self::flatten::Flat;
use self::kind::Kind;
use self::texts::{Read, Texts};
use super::exception::add_exception;
use super::facts::Facts;
use super::{Counts, DEFAULT_ATTRIBUTE_LIMIT, Format, without_schema};
use crate::content::messages::conversation::{instructions, messages, objects, to_json, untold};
use crate::semconv::Attr;

/// OpenInference, in full or as a supplement to the GenAI attributes.
///
/// ```
/// use tracing_genai::format::{Hide, OpenInference};
///
/// let (hide, problems) = Hide::from_env([("OPENINFERENCE_HIDE_INPUTS", "true")]);
/// assert!(problems.is_empty());
/// let format = OpenInference::new().with_hide(hide);
/// ```
#[derive(Clone, Debug)]
pub struct OpenInference {
    supplement: bool,
    span_names: bool,
    hide: Hide,
    attribute_limit: usize,
    counts: Arc<Counts>,
}

impl Default for OpenInference {
    fn default() -> Self {
        Self::new()
    }
}

impl OpenInference {
    /// OpenInference attributes in place of the GenAI ones.
    #[must_use]
    pub fn new() -> Self {
        Self {
            supplement: false,
            span_names: false,
            hide: Hide::default(),
            attribute_limit: DEFAULT_ATTRIBUTE_LIMIT,
            counts: Arc::default(),
        }
    }

    /// All GenAI attributes, and beside them the few of OpenInference that make up for what
    /// Phoenix and MLflow do not read in a GenAI span: kind, input and output values, agent
    /// name, session, the model that answered, reasoning tokens, the total of an embedding, cost,
    /// and the `exception` event of a failure.
    #[must_use]
    pub fn supplement() -> Self {
        Self { supplement: true, ..Self::new() }
    }

    /// Which values are withheld. Defaults to none but oversized pictures.
    #[must_use]
    pub fn with_hide(mut self, hide: Hide) -> Self {
        self.hide = hide;
        self
    }

    /// How many attributes a span may have after flattening. A list that would go beyond it
    /// leaves as one JSON attribute and is counted. Defaults to 4096.
    #[must_use]
    pub fn with_attribute_limit(mut self, limit: usize) -> Self {
        self.attribute_limit = limit;
        self
    }

    /// Names spans as OpenInference's own instrumentations do (`ChatCompletion`,
    /// `CreateEmbeddings`, the bare name of tool and agent) instead of keeping the GenAI name.
    /// Defaults to `false`.
    #[must_use]
    pub fn with_span_names(mut self, span_names: bool) -> Self {
        self.span_names = span_names;
        self
    }

    /// Where to count what could not be flattened.
    #[must_use]
    pub fn with_counts(mut self, counts: Arc<Counts>) -> Self {
        self.counts = counts;
        self
    }
}

impl Format for OpenInference {
    fn name(&self) -> &'static str {
        if self.supplement { "gen_ai+open_inference" } else { "open_inference" }
    }

    fn format(&self, span: SpanData) -> SpanData {
        let mut span = Facts::retold(span, |facts, span| {
            let kind = Kind::of(facts);
            if self.supplement {
                self.add(facts, kind);
                add_exception(span, facts);
            } else {
                self.rewrite(facts, kind, span);
            }
        });
        self.hide.apply(&mut span.attributes);
        span
    }
}

impl OpenInference {
    fn add(&self, facts: &mut Facts, kind: Option<Kind>) {
        facts.put_some("openinference.span.kind", kind.map(Kind::as_str));
        facts.repeat(tables::SUPPLEMENT);
        if kind.is_none_or(Kind::counts_tokens) {
            call::supplement(facts, kind);
        }
        let text = Texts::clone_of(facts);
        let read = self.read(&text);
        values::put(facts, kind, &text, &read, &self.hide);
    }

    fn rewrite(&self, facts: &mut Facts, kind: Option<Kind>, span: &mut SpanData) {
        if let Some(kind) = kind {
            if self.span_names
                && let Some(name) = kind.span_name(facts)
            {
                span.name = Cow::Owned(name);
            }
            call::frame(span, facts);
            facts.put("openinference.span.kind", kind.as_str());
        }
        span.instrumentation_scope = without_schema(&span.instrumentation_scope);

        let metadata = call::tell(facts, kind, span);
        let mut text = Texts::take_from(facts);
        let read = self.read(&text);
        let kept = self.flatten(facts, kind, &text, &read);
        values::put(facts, kind, &text, &read, &self.hide);
        if kind == Some(Kind::Reranker) {
            facts.put_some("reranker.query", text.query.clone());
        }
        facts.put_some("tool.parameters", text.arguments.clone());
        facts.put_some("metadata", metadata);
        let system = kept.contains(&Attr::SystemInstructions).then(|| to_json(&read.system));
        drop(read);
        text.system = system;
        text.give_back(facts, &kept);
    }

    /// Parses what was taken, once.
    fn read<'a>(&self, text: &'a Texts) -> Read<'a> {
        let messages = |json: &'a Option<String>| self.counts.of(messages(json.as_deref()?));
        let objects = |json: &'a Option<String>| self.counts.of(objects(json.as_deref()?));
        let mut read = Read {
            system: text.system.as_deref().map(instructions).unwrap_or_default(),
            input: messages(&text.input),
            output: messages(&text.output),
            tools: objects(&text.tools),
            documents: objects(&text.documents),
        };
        if let Some(input) = &read.input
            && untold(&read.system, input).is_empty()
        {
            read.system.clear();
        }
        read
    }

    /// Flattens what can be, and says which lists must leave as JSON under their GenAI key.
    fn flatten(
        &self,
        facts: &mut Facts,
        kind: Option<Kind>,
        text: &Texts,
        read: &Read<'_>,
    ) -> Vec<Attr> {
        let mut kept = Vec::new();
        let mut flat = Flat::new(self.attribute_limit.saturating_sub(facts.len() + values::COUNT));
        let completion = kind == Some(Kind::Completion);
        let mut list = |attr: Attr,
                        namespace: &str,
                        present: bool,
                        write: &dyn Fn(&mut Flat) -> Option<()>| {
            if !present || facts.claims(namespace) {
                return;
            }
            let start = flat.len();
            if write(&mut flat).is_none() {
                flat.cut(start);
                kept.push(attr);
                self.counts.unflattened.increment();
            }
        };
        // The answer first: it is short, and what people look for.
        match kind {
            Some(Kind::Embedding) => {
                if let Some(input) = &read.input {
                    list(Attr::InputMessages, "embedding.embeddings.", true, &|flat| {
                        flat.embedded(input)
                    });
                }
            }
            Some(Kind::Reranker) => {
                if let Some(input) = &read.input {
                    list(Attr::InputMessages, "reranker.input_documents.", true, &|flat| {
                        flat.texts_as_documents("reranker.input_documents.", input)
                    });
                }
            }
            _ => {
                if let Some(output) = &read.output {
                    if completion && output.iter().all(|message| message.only_text().is_some()) {
                        list(Attr::OutputMessages, "llm.choices.", true, &|flat| {
                            flat.texts("llm.choices.", ".completion.text", output)
                        });
                    } else {
                        list(Attr::OutputMessages, "llm.output_messages.", true, &|flat| {
                            flat.messages("llm.output_messages.", &[], output)
                        });
                    }
                }
                let system = read.system.as_slice();
                let input = read.input.as_deref().unwrap_or_default();
                let readable = read.input.is_some() || text.input.is_none();
                let present = readable && !(input.is_empty() && system.is_empty());
                if completion
                    && system.is_empty()
                    && input.iter().all(|message| message.only_text().is_some())
                {
                    list(Attr::InputMessages, "llm.prompts.", present, &|flat| {
                        flat.texts("llm.prompts.", ".prompt.text", input)
                    });
                } else {
                    list(Attr::InputMessages, "llm.input_messages.", present, &|flat| {
                        flat.messages("llm.input_messages.", system, input)
                    });
                }
            }
        }
        if let Some(tools) = &read.tools {
            list(Attr::ToolDefinitions, "llm.tools.", true, &|flat| flat.tools(tools));
        }
        if let Some(documents) = &read.documents {
            let namespace = match kind {
                Some(Kind::Reranker) => "reranker.output_documents.",
                _ => "retrieval.documents.",
            };
            list(Attr::RetrievalDocuments, namespace, true, &|flat| {
                flat.documents(namespace, documents)
            });
        }
        // Nobody could read these: they leave as they came. The system instructions go where the
        // input messages go.
        let unread_input = text.input.is_some() && read.input.is_none();
        let kept_input = unread_input || kept.contains(&Attr::InputMessages);
        for (attr, unread) in [
            (Attr::SystemInstructions, kept_input && !read.system.is_empty()),
            (Attr::InputMessages, unread_input),
            (Attr::OutputMessages, text.output.is_some() && read.output.is_none()),
            (Attr::ToolDefinitions, text.tools.is_some() && read.tools.is_none()),
            (Attr::RetrievalDocuments, text.documents.is_some() && read.documents.is_none()),
        ] {
            if unread {
                kept.push(attr);
            }
        }
        facts.put_all(flat.into_attributes());
        kept
    }
}
