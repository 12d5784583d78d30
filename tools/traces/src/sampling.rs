//! Of which traces spans are collected. The rule: it is decided once for a trace, by its id, so that every node and every later part
//! decides the same; who asks from outside can leave a trace out and cannot have one collected.

use opentelemetry::{
    Context, KeyValue,
    trace::{Link, SpanKind, TraceContextExt, TraceId, TraceState},
};
use opentelemetry_sdk::trace::{Sampler, SamplingDecision, SamplingResult, ShouldSample};

/// So many of all traces.
#[derive(Clone, Debug)]
pub struct Sampling {
    ratio: Sampler,
}

impl Sampling {
    /// A ratio from 0 to 1.
    pub fn new(ratio: f64) -> Self {
        Self {
            ratio: Sampler::TraceIdRatioBased(ratio),
        }
    }
}

impl ShouldSample for Sampling {
    fn should_sample(
        &self,
        parent: Option<&Context>,
        trace: TraceId,
        name: &str,
        kind: &SpanKind,
        attributes: &[KeyValue],
        links: &[Link],
    ) -> SamplingResult {
        let parent_span = parent.map(|context| context.span().span_context().clone());
        match parent_span.filter(opentelemetry::trace::SpanContext::is_valid) {
            Some(span) if !span.is_sampled() => SamplingResult {
                decision: SamplingDecision::Drop,
                attributes: Vec::new(),
                trace_state: TraceState::NONE,
            },
            Some(span) if !span.is_remote() => SamplingResult {
                decision: SamplingDecision::RecordAndSample,
                attributes: Vec::new(),
                trace_state: span.trace_state().clone(),
            },
            _ => self
                .ratio
                .should_sample(None, trace, name, kind, attributes, links),
        }
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry::trace::{SpanContext, SpanId, TraceFlags};

    use super::*;

    fn decided(ratio: f64, sampled: Option<bool>, is_remote: bool) -> bool {
        let trace = TraceId::from_bytes([0x11; 16]);
        let parent = sampled.map(|sampled| {
            let flags = if sampled {
                TraceFlags::SAMPLED
            } else {
                TraceFlags::default()
            };
            let span = SpanContext::new(
                trace,
                SpanId::from_bytes([1; 8]),
                flags,
                is_remote,
                TraceState::NONE,
            );
            Context::new().with_remote_span_context(span)
        });
        let result = Sampling::new(ratio).should_sample(
            parent.as_ref(),
            trace,
            "request",
            &SpanKind::Server,
            &[],
            &[],
        );
        result.decision == SamplingDecision::RecordAndSample
    }

    #[test]
    fn nobody_outside_decides_that_a_trace_is_collected() {
        assert!(decided(1.0, None, false));
        assert!(!decided(0.0, None, false));
        assert!(!decided(0.0, Some(true), true), "asked from outside");
        assert!(decided(1.0, Some(true), true));
        assert!(!decided(1.0, Some(false), true), "left out from outside");
        assert!(decided(0.0, Some(true), false), "what was begun is gone on with");
        assert!(!decided(1.0, Some(false), false));
    }
}
