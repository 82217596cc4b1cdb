//! What a request, a response and its usage consist of: one setter an attribute.

use std::fmt;

use opentelemetry::{Array, StringValue, Value as OtelValue};

use crate::semconv::Attr;

macro_rules! facts {
    ($(#[$doc:meta])* $name:ident { $($(#[$field_doc:meta])* $field:ident: $ty:ident => $attr:ident;)* }) => {
        $(#[$doc])*
        ///
        /// Each setter takes a value or an `Option` of one; `None` leaves the attribute out.
        #[derive(Clone, Debug, Default, PartialEq)]
        #[must_use]
        pub struct $name(pub(super) Vec<(Attr, OtelValue)>);

        impl $name {
            /// Nothing yet.
            pub fn new() -> Self {
                Self::default()
            }

            $(
                $(#[$field_doc])*
                pub fn $field(self, value: facts!(@type $ty)) -> Self {
                    self.with(Attr::$attr, facts!(@value $ty value))
                }
            )*

            fn with(mut self, attr: Attr, value: Option<OtelValue>) -> Self {
                if let Some(value) = value {
                    self.0.push((attr, value));
                }
                self
            }
        }
    };
    (@type count) => { impl Into<Option<u64>> };
    (@type number) => { impl Into<Option<f64>> };
    (@type integer) => { impl Into<Option<i64>> };
    (@type flag) => { impl Into<Option<bool>> };
    (@type text) => { impl IntoText };
    (@type list) => { impl IntoIterator<Item = impl Into<String>> };
    (@value count $value:ident) => { $value.into().map(count) };
    (@value number $value:ident) => { $value.into().map(OtelValue::F64) };
    (@value integer $value:ident) => { $value.into().map(OtelValue::I64) };
    (@value flag $value:ident) => { $value.into().map(OtelValue::Bool) };
    (@value text $value:ident) => { $value.into_text().map(|text| OtelValue::String(text.into())) };
    (@value list $value:ident) => { list($value) };
}

facts! {
    /// What the model is asked for.
    RequestParameters {
        /// `gen_ai.request.temperature`
        temperature: number => RequestTemperature;
        /// `gen_ai.request.top_p`
        top_p: number => RequestTopP;
        /// `gen_ai.request.top_k`
        top_k: number => RequestTopK;
        /// `gen_ai.request.max_tokens`, the most tokens the answer may have.
        max_tokens: count => RequestMaxTokens;
        /// `gen_ai.request.frequency_penalty`
        frequency_penalty: number => RequestFrequencyPenalty;
        /// `gen_ai.request.presence_penalty`
        presence_penalty: number => RequestPresencePenalty;
        /// `gen_ai.request.seed`
        seed: integer => RequestSeed;
        /// `gen_ai.request.stop_sequences`
        stop_sequences: list => RequestStopSequences;
        /// `gen_ai.request.choice.count`, how many answers are asked for where not one.
        choice_count: count => RequestChoiceCount;
        /// `gen_ai.request.stream`
        stream: flag => RequestStream;
        /// `gen_ai.request.reasoning.level`
        reasoning_level: text => RequestReasoningLevel;
        /// `gen_ai.request.encoding_formats`, of embeddings.
        encoding_formats: list => RequestEncodingFormats;
        /// `gen_ai.embeddings.dimension.count`
        dimensions: count => EmbeddingsDimensionCount;
        /// `gen_ai.output.type`: `text`, `json`, `image` or `speech`.
        output_type: text => OutputType;
        /// `openai.request.service_tier`
        service_tier: text => OpenAiRequestServiceTier;
        /// `server.address`, the host that is asked.
        server_address: text => ServerAddress;
        /// `server.port`
        server_port: count => ServerPort;
    }
}

facts! {
    /// What a provider says about its answer.
    Response {
        /// `gen_ai.response.id`
        id: text => ResponseId;
        /// `gen_ai.response.model`, the model that answered.
        model: text => ResponseModel;
        /// `gen_ai.response.finish_reasons`, one a choice.
        finish_reasons: list => ResponseFinishReasons;
        /// `gen_ai.response.status`
        status: text => ResponseStatus;
        /// `gen_ai.response.time_to_first_chunk`, in seconds from when the request was made.
        time_to_first_chunk: number => ResponseTimeToFirstChunk;
        /// `openai.response.service_tier`
        service_tier: text => OpenAiResponseServiceTier;
        /// `openai.response.system_fingerprint`
        system_fingerprint: text => OpenAiResponseSystemFingerprint;
    }
}

facts! {
    /// Tokens as billed.
    Usage {
        /// `gen_ai.usage.input_tokens`, cached tokens included.
        input_tokens: count => UsageInputTokens;
        /// `gen_ai.usage.output_tokens`, reasoning tokens included.
        output_tokens: count => UsageOutputTokens;
        /// `gen_ai.usage.cache_read.input_tokens`
        cache_read_input_tokens: count => UsageCacheReadInputTokens;
        /// `gen_ai.usage.cache_creation.input_tokens`
        cache_write_input_tokens: count => UsageCacheWriteInputTokens;
        /// `gen_ai.usage.reasoning.output_tokens`
        reasoning_output_tokens: count => UsageReasoningOutputTokens;
        /// `gen_ai.usage.audio.input_tokens`
        audio_input_tokens: count => UsageAudioInputTokens;
        /// `gen_ai.usage.audio.output_tokens`
        audio_output_tokens: count => UsageAudioOutputTokens;
        /// Their sum, for a provider that tells nothing else.
        total_tokens: count => UsageTotalTokens;
        /// `gen_ai.usage.cost`, in USD.
        cost: number => UsageCost;
    }
}

/// The call of a tool.
#[derive(Clone, Copy)]
#[must_use]
pub struct ToolCall<'a> {
    pub(super) name: &'a str,
    pub(super) id: Option<&'a str>,
    pub(super) arguments: Option<&'a serde_json::Value>,
}

impl<'a> ToolCall<'a> {
    /// A call of the tool `name`.
    pub fn new(name: &'a str) -> Self {
        Self { name, id: None, arguments: None }
    }

    /// `gen_ai.tool.call.id`, by which the model refers to the call.
    pub fn id(self, id: &'a str) -> Self {
        Self { id: Some(id), ..self }
    }

    /// `gen_ai.tool.call.arguments`; content, which leaves if the policy says so.
    pub fn arguments(self, arguments: &'a serde_json::Value) -> Self {
        Self { arguments: Some(arguments), ..self }
    }
}

impl fmt::Debug for ToolCall<'_> {
    /// Without the arguments, which are content.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ToolCall")
            .field("name", &self.name)
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}

/// Text, owned or not, there or not.
pub trait IntoText {
    #[doc(hidden)]
    fn into_text(self) -> Option<String>;
}

impl IntoText for &str {
    fn into_text(self) -> Option<String> {
        Some(self.to_owned())
    }
}

impl IntoText for String {
    fn into_text(self) -> Option<String> {
        Some(self)
    }
}

impl IntoText for &String {
    fn into_text(self) -> Option<String> {
        Some(self.clone())
    }
}

impl<T: IntoText> IntoText for Option<T> {
    fn into_text(self) -> Option<String> {
        self.and_then(T::into_text)
    }
}

/// Providers count in unsigned numbers, OpenTelemetry in signed ones.
fn count(value: u64) -> OtelValue {
    OtelValue::I64(i64::try_from(value).unwrap_or(i64::MAX))
}

fn list(items: impl IntoIterator<Item = impl Into<String>>) -> Option<OtelValue> {
    let items: Vec<StringValue> =
        items.into_iter().map(|item| StringValue::from(item.into())).collect();
    (!items.is_empty()).then_some(OtelValue::Array(Array::String(items)))
}
