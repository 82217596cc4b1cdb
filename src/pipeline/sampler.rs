//! The sampler of the settings, replaceable while spans are being made.

use std::sync::Arc;

use arc_swap::ArcSwap;
use opentelemetry::baggage::BaggageExt;
use opentelemetry::trace::{Link, SpanKind, TraceContextExt, TraceId};
use opentelemetry::{Context, KeyValue, Value};
use opentelemetry_sdk::trace::{
    Sampler as SdkSampler, SamplingDecision, SamplingResult, ShouldSample,
};
use sha2::{Digest, Sha256};

use crate::config::settings::{SampleBy, Sampler, Settings};
use crate::health::Health;
use crate::semconv::Attr;

/// Decides by the current settings and counts what it turns down.
#[derive(Clone, Debug)]
pub(super) struct SettingsSampler {
    rules: Arc<ArcSwap<Rules>>,
    health: Arc<Health>,
}

#[derive(Debug)]
struct Rules {
    sampler: SdkSampler,
    like_parent: SdkSampler,
    /// Traces of one conversation share their fate.
    by_conversation: bool,
    /// What is turned down is recorded all the same, for [`Tail`](super::tail::Tail) to decide
    /// when it is over. Others see it as not sampled until then.
    tail: bool,
}

impl SettingsSampler {
    pub(super) fn new(settings: &Settings, health: Arc<Health>) -> Self {
        Self { rules: Arc::new(ArcSwap::from_pointee(rules(settings))), health }
    }

    pub(super) fn set(&self, settings: &Settings) {
        self.rules.store(Arc::new(rules(settings)));
    }
}

impl ShouldSample for SettingsSampler {
    fn should_sample(
        &self,
        parent_context: Option<&Context>,
        trace_id: TraceId,
        name: &str,
        span_kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let rules = self.rules.load();
        let decided_by = match rules.by_conversation {
            true => conversation(parent_context, attributes).unwrap_or(trace_id),
            false => trace_id,
        };
        // Inside a trace only its local root is asked for a conversation.
        let sampler = match rules.by_conversation && has_local_parent(parent_context) {
            true => &rules.like_parent,
            false => &rules.sampler,
        };
        let mut result =
            sampler.should_sample(parent_context, decided_by, name, span_kind, attributes, links);
        if result.decision == SamplingDecision::Drop {
            if rules.tail {
                result.decision = SamplingDecision::RecordOnly;
            } else {
                self.health.pipeline.sampled_out.increment();
            }
        }
        result
    }
}

fn rules(settings: &Settings) -> Rules {
    Rules {
        sampler: sdk_sampler(settings.sampler),
        like_parent: sdk_sampler(Sampler::ParentBasedAlwaysOn),
        by_conversation: settings.sample_by == SampleBy::Conversation,
        tail: super::tail::is_active(&settings.keep),
    }
}

fn sdk_sampler(sampler: Sampler) -> SdkSampler {
    match sampler {
        Sampler::AlwaysOn => SdkSampler::AlwaysOn,
        Sampler::AlwaysOff => SdkSampler::AlwaysOff,
        Sampler::TraceIdRatio(ratio) => SdkSampler::TraceIdRatioBased(ratio),
        Sampler::ParentBasedAlwaysOn => SdkSampler::ParentBased(Box::new(SdkSampler::AlwaysOn)),
        Sampler::ParentBasedAlwaysOff => SdkSampler::ParentBased(Box::new(SdkSampler::AlwaysOff)),
        Sampler::ParentBasedTraceIdRatio(ratio) => {
            SdkSampler::ParentBased(Box::new(SdkSampler::TraceIdRatioBased(ratio)))
        }
    }
}

fn has_local_parent(parent_context: Option<&Context>) -> bool {
    parent_context.is_some_and(|context| {
        let span = context.span();
        span.span_context().is_valid() && !span.span_context().is_remote()
    })
}

/// A trace id that all spans of one conversation have in common, in whatever process: for the
/// ratio only, it is never given to a span.
fn conversation(parent_context: Option<&Context>, attributes: &[KeyValue]) -> Option<TraceId> {
    let key = Attr::ConversationId.key();
    let recorded = attributes.iter().find(|attribute| attribute.key.as_str() == key);
    let id = match recorded.map(|attribute| &attribute.value) {
        Some(Value::String(id)) => id.as_str().to_owned(),
        _ => parent_context?.baggage().get(key)?.as_str().to_owned(),
    };
    let digest = Sha256::digest(id.as_bytes());
    let bytes: [u8; 16] = digest[..16].try_into().ok()?;
    Some(TraceId::from_bytes(bytes))
}
