//! Lists as OpenInference writes them: one attribute per leaf, the index in the key.

use opentelemetry::{KeyValue, Value};

use super::super::chat_ml::tool_schema;
use super::super::index::Index;
use crate::content::json::{Node, Text};
use crate::content::messages::conversation::{Message, Part, PartKind, tool_names};

/// Attributes being written, up to a number of them. Methods return `None` when it is reached.
#[derive(Debug)]
pub(super) struct Flat {
    attributes: Vec<KeyValue>,
    room: usize,
}

impl Flat {
    pub(super) fn new(room: usize) -> Self {
        Self { attributes: Vec::with_capacity(32), room }
    }

    pub(super) fn len(&self) -> usize {
        self.attributes.len()
    }

    /// Forgets everything written since it had this length: half a list would be read as all.
    pub(super) fn cut(&mut self, len: usize) {
        self.attributes.truncate(len);
    }

    pub(super) fn into_attributes(self) -> Vec<KeyValue> {
        self.attributes
    }

    fn put(&mut self, key: &[&str], value: impl Into<Value>) -> Option<()> {
        if self.attributes.len() >= self.room {
            return None;
        }
        self.attributes.push(KeyValue::new(key.concat(), value));
        Some(())
    }

    fn put_text(&mut self, key: &[&str], text: Option<impl Into<String>>) -> Option<()> {
        match text {
            Some(text) => self.put(key, text.into()),
            None => Some(()),
        }
    }

    /// `llm.input_messages.` / `llm.output_messages.`: a system message first if there are system
    /// instructions, then each message; each tool response is a message of its own.
    pub(super) fn messages(
        &mut self,
        namespace: &str,
        system: &[Part<'_>],
        messages: &[Message<'_>],
    ) -> Option<()> {
        let mut index = Index::default();
        if !system.is_empty() {
            let base = [namespace, index.next(), ".message."].concat();
            self.put(&[&base, "role"], "system")?;
            self.contents(&base, system.iter())?;
        }
        let names = tool_names(messages);
        for message in messages {
            for part in message.of_kind(PartKind::ToolCallResponse) {
                let base = [namespace, index.next(), ".message."].concat();
                let id = part.id();
                self.put(&[&base, "role"], "tool")?;
                let name = id.as_ref().and_then(|id| names.get(id).cloned());
                self.put_text(&[&base, "name"], name)?;
                self.put_text(&[&base, "tool_call_id"], id)?;
                self.put_text(&[&base, "content"], part.response().and_then(Node::plain))?;
            }
            if message.is_answers() {
                continue;
            }
            let others =
                message.parts.iter().filter(|part| part.kind != PartKind::ToolCallResponse);
            let base = [namespace, index.next(), ".message."].concat();
            self.put_text(&[&base, "role"], message.role.clone())?;
            self.put_text(&[&base, "name"], message.name.clone())?;
            self.contents(&base, others)?;
        }
        Some(())
    }

    /// The parts of one message: a single text is `content`, several parts are `contents.{c}`,
    /// tool calls are `tool_calls.{t}`.
    fn contents<'a, 'p>(
        &mut self,
        base: &str,
        parts: impl Iterator<Item = &'p Part<'a>> + Clone,
    ) -> Option<()>
    where
        'a: 'p,
    {
        let mut contents = parts.clone().filter(|part| part.kind != PartKind::ToolCall);
        let plain = match (contents.next(), contents.next()) {
            (Some(part), None) => part.kind == PartKind::Text,
            _ => false,
        };
        // Order between thought and call matters to some models: the calls are told in it as well.
        let ordered = parts.clone().any(|part| part.kind == PartKind::Reasoning)
            && parts.clone().any(|part| part.kind == PartKind::ToolCall);
        let (mut content, mut call) = (Index::default(), Index::default());
        for part in parts {
            if part.kind == PartKind::ToolCall {
                let base_of_call = [base, "tool_calls.", call.next(), "."].concat();
                self.tool_call(&base_of_call, part)?;
                if ordered {
                    let base = [base, "contents.", content.next(), "."].concat();
                    self.put(&[&base, "message_content.type"], "tool_use")?;
                    self.tool_call(&base, part)?;
                }
            } else if plain {
                self.put_text(&[base, "content"], part.content())?;
            } else {
                let base = [base, "contents.", content.next(), ".message_content."].concat();
                self.content(&base, part)?;
            }
        }
        Some(())
    }

    fn tool_call(&mut self, base: &str, part: &Part<'_>) -> Option<()> {
        self.put_text(&[base, "tool_call.id"], part.id())?;
        self.put_text(&[base, "tool_call.function.name"], part.name())?;
        self.put_text(&[base, "tool_call.function.arguments"], part.arguments().plain())?;
        let signature = part.text("thought_signature").or_else(|| part.text("signature"));
        self.put_text(&[base, "tool_call.reasoning_signature"], signature)
    }

    fn content(&mut self, base: &str, part: &Part<'_>) -> Option<()> {
        match part.kind {
            PartKind::Text => {
                self.put(&[base, "type"], "text")?;
                self.put_text(&[base, "text"], part.content())
            }
            PartKind::Reasoning => {
                self.put(&[base, "type"], "reasoning")?;
                self.put_text(&[base, "text"], part.content())?;
                for member in ["id", "signature", "data", "encrypted_content"] {
                    self.put_text(&[base, member], part.text(member))?;
                }
                Some(())
            }
            PartKind::Uri | PartKind::Blob if part.is_modality("image") && part.url().is_some() => {
                self.put(&[base, "type"], "image")?;
                self.put_text(&[base, "image.image.url"], part.url())
            }
            PartKind::Uri | PartKind::Blob if part.is_modality("audio") && part.url().is_some() => {
                self.put(&[base, "type"], "audio")?;
                self.put_text(&[base, "audio.audio.url"], part.url())?;
                self.put_text(&[base, "audio.audio.mime_type"], part.text("mime_type"))?;
                self.put_text(&[base, "audio.audio.transcript"], part.text("transcript"))
            }
            _ => self.as_json(base, part),
        }
    }

    /// A part without a shape in OpenInference: its type, and the whole of it as text.
    fn as_json(&mut self, base: &str, part: &Part<'_>) -> Option<()> {
        self.put_text(&[base, "type"], part.text("type"))?;
        self.put(&[base, "text"], part.to_json())
    }

    /// `llm.tools.{i}.tool.json_schema`, in the shape of OpenAI.
    pub(super) fn tools(&mut self, tools: &[Node<'_>]) -> Option<()> {
        let mut index = Index::default();
        for tool in tools {
            let schema = tool_schema(tool).to_json();
            self.put(&["llm.tools.", index.next(), ".tool.json_schema"], schema)?;
        }
        Some(())
    }

    /// `{namespace}{i}.document.*`
    pub(super) fn documents(&mut self, namespace: &str, documents: &[Node<'_>]) -> Option<()> {
        let mut index = Index::default();
        for document in documents {
            let base = [namespace, index.next(), ".document."].concat();
            self.put_text(&[&base, "id"], document.text_at("id"))?;
            let score = document.get("score").and_then(|score| match score {
                Node::Number(digits) => digits.parse().ok().map(Value::F64),
                _ => Some(score.plain()?.into_owned().into()),
            });
            if let Some(score) = score {
                self.put(&[&base, "score"], score)?;
            }
            let content = document.text_at("content").or_else(|| document.text_at("text"));
            self.put_text(&[&base, "content"], content)?;
            let read =
                |key: &Text<'_>| ["id", "score", "content", "text"].iter().any(|word| key.is(word));
            let metadata = match document.get("metadata") {
                Some(metadata) => metadata.is_container().then(|| metadata.to_json()),
                None => {
                    let rest = document.members().iter().filter(|(key, _)| !read(key));
                    let rest: Vec<_> = rest.cloned().collect();
                    (!rest.is_empty()).then(|| Node::Object(rest).to_json())
                }
            };
            if let Some(metadata) = metadata {
                self.put(&[&base, "metadata"], metadata)?;
            }
        }
        Some(())
    }

    /// What was ranked, told as messages.
    pub(super) fn texts_as_documents(
        &mut self,
        namespace: &str,
        messages: &[Message<'_>],
    ) -> Option<()> {
        self.each_text(namespace, ".document.content", messages)
    }

    /// What was embedded, told as messages.
    pub(super) fn embedded(&mut self, messages: &[Message<'_>]) -> Option<()> {
        self.each_text("embedding.embeddings.", ".embedding.text", messages)
    }

    /// One attribute per message that is one text.
    pub(super) fn texts(
        &mut self,
        namespace: &str,
        leaf: &str,
        messages: &[Message<'_>],
    ) -> Option<()> {
        let mut index = Index::default();
        for message in messages {
            self.put_text(&[namespace, index.next(), leaf], message.only_text())?;
        }
        Some(())
    }

    fn each_text(&mut self, namespace: &str, leaf: &str, messages: &[Message<'_>]) -> Option<()> {
        let mut index = Index::default();
        for part in messages.iter().flat_map(|message| message.of_kind(PartKind::Text)) {
            self.put_text(&[namespace, index.next(), leaf], part.content())?;
        }
        Some(())
    }
}
