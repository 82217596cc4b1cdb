//! The end of a GenAI span's way, on the export thread.

use std::fmt;
use std::time::Duration;

use opentelemetry::{KeyValue, Value as OtelValue};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

use super::{markers, state};
use crate::policy::Policy;
use crate::record::{Text, Value};
use crate::semconv::{Attr, Match, is_ours, lookup};

/// A [`SpanExporter`] that finishes GenAI spans before `E` exports them: messages are brought into
/// the convention's shape, a kind that was learnt late is set, an attribute that was rewritten
/// after the span had started keeps its last value only.
///
/// For a pipeline of your own, together with
/// [`GenAiLayer::finish_on_export`](crate::GenAiLayer::finish_on_export);
/// [`builder()`](crate::builder) does the same by itself.
pub struct GenAiExporter<E> {
    inner: E,
    max_bytes: usize,
}

impl<E> GenAiExporter<E> {
    /// Finishes spans before `inner` exports them.
    #[must_use]
    pub fn new(inner: E) -> Self {
        Self { inner, max_bytes: Policy::DEFAULT_MAX_BYTES as usize }
    }

    /// Sets how long a content attribute may be once it has its shape, in bytes. Defaults to
    /// [`Policy::DEFAULT_MAX_BYTES`].
    #[must_use]
    pub fn max_bytes(self, max_bytes: usize) -> Self {
        Self { max_bytes, ..self }
    }
}

impl<E: SpanExporter> SpanExporter for GenAiExporter<E> {
    async fn export(&self, mut batch: Vec<SpanData>) -> OTelSdkResult {
        let policy =
            Policy::default().with_max_bytes(u32::try_from(self.max_bytes).unwrap_or(u32::MAX));
        for span in &mut batch {
            finish(span, policy);
        }
        self.inner.export(batch).await
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.inner.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.inner.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.inner.set_resource(resource);
    }
}

impl<E> fmt::Debug for GenAiExporter<E> {
    /// The exporter below may print its headers.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenAiExporter").finish_non_exhaustive()
    }
}

/// Finishes one span. A span that is finished already, or is not GenAI, stays as it is but for what
/// this crate put on it.
pub(crate) fn finish(span: &mut SpanData, policy: Policy) {
    if let Some(kind) = markers::take_kind(&mut span.attributes) {
        span.span_kind = kind;
    }
    if !span.attributes.iter().any(|kv| is_ours(kv.key.as_str())) {
        return;
    }
    keep_last_values(&mut span.attributes);
    let mut reasons = None;
    for kv in &mut span.attributes {
        if let OtelValue::String(text) = &kv.value
            && let Some(text) = markers::take_text(text.as_str())
        {
            kv.value = OtelValue::String(text.into());
        }
        let Match::Known(attr, _) = lookup(kv.key.as_str()) else { continue };
        let OtelValue::String(text) = &kv.value else { continue };
        if let Some((json, found)) =
            crate::record::shape_attr(attr, text.as_str(), policy.max_bytes())
        {
            if attr == Attr::OutputMessages && !found.is_empty() {
                reasons = Some(found);
            }
            if let Some(json) = json {
                kv.value = OtelValue::String(json.into());
            }
        }
    }
    let key = Attr::ResponseFinishReasons.key();
    if let Some(reasons) = reasons
        && !span.attributes.iter().any(|kv| kv.key.as_str() == key)
    {
        let list = Value::List(reasons.into_iter().map(Text::Owned).collect());
        span.attributes.push(KeyValue::new(key, state::otel(list)));
    }
}

/// Only sampling-relevant attributes can be there twice: written at the start and at the end.
fn keep_last_values(attributes: &mut Vec<KeyValue>) {
    let mut at = 0;
    while at < attributes.len() {
        let twice = match lookup(attributes[at].key.as_str()) {
            Match::Known(attr, _) if attr.is_sampling_relevant() => {
                attributes[at + 1..].iter().rposition(|kv| kv.key == attributes[at].key)
            }
            _ => None,
        };
        if let Some(later) = twice {
            attributes[at].value = attributes[at + 1 + later].value.clone();
            let key = attributes[at].key.clone();
            let mut seen = false;
            attributes.retain(|kv| kv.key != key || !std::mem::replace(&mut seen, true));
        }
        at += 1;
    }
}
