//! Request parameters by the names that providers use on the wire.

use crate::semconv::Attr;

/// Invocation parameters, by the names providers use on the wire.
pub(in crate::format) static PARAMETERS: &[(Attr, &str)] = &[
    (Attr::RequestModel, "model"),
    (Attr::RequestTemperature, "temperature"),
    (Attr::RequestTopP, "top_p"),
    (Attr::RequestTopK, "top_k"),
    (Attr::RequestMaxTokens, "max_tokens"),
    (Attr::RequestFrequencyPenalty, "frequency_penalty"),
    (Attr::RequestPresencePenalty, "presence_penalty"),
    (Attr::RequestStopSequences, "stop"),
    (Attr::RequestSeed, "seed"),
    (Attr::RequestChoiceCount, "n"),
    (Attr::RequestStream, "stream"),
    (Attr::RequestReasoningLevel, "reasoning_effort"),
    (Attr::RequestEncodingFormats, "encoding_format"),
    (Attr::EmbeddingsDimensionCount, "dimensions"),
];
