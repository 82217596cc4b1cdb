//! What metrics need of a span that has ended, read from its record in one pass.

use super::finite::Finite;
use super::label::{self, MAX_LABELS, MAX_VALUE_BYTES};
use crate::health::Counter;
use crate::record::{Key, Record, Value};
use crate::semconv::metrics::Tokens;
use crate::semconv::{Attr, Family};

/// The value of one label.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
pub(super) enum Label<'a> {
    #[default]
    None,
    Int(i64),
    Text(&'a str),
}

/// One measured span.
#[derive(Debug)]
pub(super) struct Call<'a> {
    pub(super) family: Family,
    pub(super) labels: [Label<'a>; MAX_LABELS],
    pub(super) count: usize,
    pub(super) error: Option<&'a str>,
    pub(super) status_code: Option<u16>,
    pub(super) seconds: Finite,
    pub(super) first_chunk: Option<Finite>,
    pub(super) usage: Usage,
    /// As recorded by the application, in US dollars.
    pub(super) cost: Option<Finite>,
    pub(super) provider: Option<&'a str>,
    pub(super) request_model: Option<&'a str>,
    pub(super) response_model: Option<&'a str>,
}

/// What a call used. Tokens of a modality are parts of their kind.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Usage {
    pub(super) tokens: [Option<u64>; 5],
    /// Text, image, audio of input, output and cache reads.
    pub(super) by_modality: [[u64; 3]; 3],
}

impl Usage {
    pub(super) fn of(&self, kind: Tokens) -> Option<u64> {
        self.tokens[kind as usize]
    }
}

pub(super) const TEXT: usize = 0;
pub(super) const IMAGE: usize = 1;
pub(super) const AUDIO: usize = 2;

impl<'a> Call<'a> {
    pub(super) fn empty(family: Family) -> Self {
        Self {
            family,
            labels: [Label::None; MAX_LABELS],
            count: 0,
            error: None,
            status_code: None,
            seconds: Finite::ZERO,
            first_chunk: None,
            usage: Usage::default(),
            cost: None,
            provider: None,
            request_model: None,
            response_model: None,
        }
    }

    pub(super) fn read(
        family: Family,
        record: &'a Record,
        own_labels: &[(Box<str>, usize)],
        dropped: &Counter,
    ) -> Self {
        let conventional = label::labels(family);
        let mut call = Self::empty(family);
        call.count = (conventional.len() + own_labels.len()).min(MAX_LABELS);
        for entry in record.entries() {
            let attr = match &entry.key {
                Key::Attr(attr) => *attr,
                Key::Other(key, class) => {
                    if &**key == "http.response.status_code" {
                        call.status_code =
                            tokens(&entry.value).and_then(|code| u16::try_from(code).ok());
                    }
                    if !class.is_content() {
                        call.own_label(conventional.len(), own_labels, key, &entry.value);
                    }
                    continue;
                }
            };
            if !own_labels.is_empty() && !attr.class().is_content() {
                call.own_label(conventional.len(), own_labels, attr.key(), &entry.value);
            }
            if let Some(at) = conventional.iter().position(|label| *label == attr) {
                call.labels[at] = label_value(&entry.value);
            }
            call.take(attr, &entry.value, dropped);
        }
        call
    }

    fn own_label(
        &mut self,
        first: usize,
        own_labels: &[(Box<str>, usize)],
        key: &str,
        value: &'a Value,
    ) {
        if let Some(at) = own_labels.iter().position(|(label, _)| **label == *key)
            && let Some(label) = self.labels.get_mut(first + at)
        {
            *label = label_value(value);
        }
    }

    fn take(&mut self, attr: Attr, value: &'a Value, dropped: &Counter) {
        let kind = match attr {
            Attr::ProviderName => {
                self.provider = value.as_str();
                return;
            }
            Attr::RequestModel => {
                self.request_model = value.as_str();
                return;
            }
            Attr::ResponseModel => {
                self.response_model = value.as_str();
                return;
            }
            Attr::ErrorType => {
                self.error = value.as_str().map(cut);
                return;
            }
            Attr::ResponseTimeToFirstChunk => {
                self.first_chunk = double(value, dropped);
                return;
            }
            Attr::UsageCost => {
                self.cost = double(value, dropped);
                return;
            }
            Attr::UsageInputTokens => Tokens::Input,
            Attr::UsageOutputTokens => Tokens::Output,
            Attr::UsageCacheReadInputTokens => Tokens::CacheRead,
            Attr::UsageCacheWriteInputTokens => Tokens::CacheWrite,
            Attr::UsageReasoningOutputTokens => Tokens::Reasoning,
            Attr::UsageTextInputTokens => return self.modality(0, TEXT, value),
            Attr::UsageImageInputTokens => return self.modality(0, IMAGE, value),
            Attr::UsageAudioInputTokens => return self.modality(0, AUDIO, value),
            Attr::UsageTextOutputTokens => return self.modality(1, TEXT, value),
            Attr::UsageImageOutputTokens => return self.modality(1, IMAGE, value),
            Attr::UsageAudioOutputTokens => return self.modality(1, AUDIO, value),
            Attr::UsageTextCacheReadInputTokens => return self.modality(2, TEXT, value),
            Attr::UsageImageCacheReadInputTokens => return self.modality(2, IMAGE, value),
            Attr::UsageAudioCacheReadInputTokens => return self.modality(2, AUDIO, value),
            _ => return,
        };
        self.usage.tokens[kind as usize] = tokens(value);
    }

    fn modality(&mut self, kind: usize, modality: usize, value: &Value) {
        self.usage.by_modality[kind][modality] = tokens(value).unwrap_or(0);
    }

    pub(super) fn labels(&self) -> &[Label<'a>] {
        &self.labels[..self.count]
    }
}

fn label_value(value: &Value) -> Label<'_> {
    match value {
        Value::Text(text) => Label::Text(cut(text.as_str())),
        Value::I64(value) => Label::Int(*value),
        Value::Bool(true) => Label::Text("true"),
        Value::Bool(false) => Label::Text("false"),
        Value::F64(_) | Value::List(_) => Label::None,
    }
}

fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(MAX_VALUE_BYTES)]
}

fn tokens(value: &Value) -> Option<u64> {
    match value {
        Value::I64(value) => u64::try_from(*value).ok(),
        _ => None,
    }
}

fn double(value: &Value, dropped: &Counter) -> Option<Finite> {
    match value {
        Value::F64(value) => Finite::of(*value, dropped),
        Value::I64(value) => Finite::of(*value as f64, dropped),
        // The record keeps what is no number as text.
        _ => Finite::of(f64::NAN, dropped),
    }
}
