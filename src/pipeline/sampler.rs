//! The sampler of the settings, replaceable while spans are being made.

use std::sync::Arc;

use arc_swap::ArcSwap;
use opentelemetry::trace::{Link, SpanKind, TraceId};
use opentelemetry::{Context, KeyValue};
use opentelemetry_sdk::trace::{
    Sampler as SdkSampler, SamplingDecision, SamplingResult, ShouldSample,
};

use crate::config::settings::Sampler;
use crate::health::Health;

/// Decides by the current settings and counts what it turns down.
#[derive(Clone, Debug)]
pub(super) struct SettingsSampler {
    current: Arc<ArcSwap<SdkSampler>>,
    health: Arc<Health>,
}

impl SettingsSampler {
    pub(super) fn new(sampler: Sampler, health: Arc<Health>) -> Self {
        Self { current: Arc::new(ArcSwap::from_pointee(sdk_sampler(sampler))), health }
    }

    pub(super) fn set(&self, sampler: Sampler) {
        self.current.store(Arc::new(sdk_sampler(sampler)));
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
        let result = self.current.load().should_sample(
            parent_context,
            trace_id,
            name,
            span_kind,
            attributes,
            links,
        );
        if result.decision == SamplingDecision::Drop {
            self.health.pipeline.sampled_out.increment();
        }
        result
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
