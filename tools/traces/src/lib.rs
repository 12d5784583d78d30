//! Traces: one from a request through what it decided, appended and caused, in the spans of [OpenTelemetry] and with the context that
//! [W3C Trace Context] defines. The rules: where nobody collects traces nothing is made or kept for them; what goes out is names, ids,
//! numbers and outcomes of ours, never a path with a name in it, a query string or a body; and whoever asks from outside may name the trace that
//! a request belongs to, and not decide how much is collected of it.
//!
//! A span is one of `tracing`, with [`SPANS`] as its target: `tracing::trace_span!(target: traces::SPANS, "append")`. An event keeps
//! the [context](current) in which it was appended, and whatever follows from it, in whichever process and however late, goes on
//! [from there](follow).
//!
//! [OpenTelemetry]: https://opentelemetry.io/docs/specs/otel/trace/
//! [W3C Trace Context]: https://www.w3.org/TR/trace-context/

mod sampling;

use std::{
    collections::HashMap,
    sync::atomic::{AtomicBool, Ordering},
    time::{Duration, SystemTime},
};

use http::HeaderMap;
use opentelemetry::{
    Context, KeyValue, global,
    propagation::{Extractor, TextMapPropagator},
    trace::{Span as _, SpanKind, TraceContextExt, Tracer, TracerProvider},
};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{Resource, propagation::TraceContextPropagator, trace::SdkTracerProvider};
use tracing::{Span, Subscriber, level_filters::LevelFilter};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::{Layer, filter::Targets, registry::LookupSpan};

use sampling::Sampling;

/// The target of spans that are collected.
pub const SPANS: &str = "chancery::spans";

/// The header, of HTTP and of Kafka's records, that carries a context (W3C Trace Context, section 3.2).
pub const TRACEPARENT: &str = "traceparent";

const SERVICE: &str = "chancery";
/// How long the last spans are waited for.
const CLOSING: Duration = Duration::from_secs(3);

/// Whether traces are collected.
static IS_ON: AtomicBool = AtomicBool::new(false);

/// Where spans go, and how many.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The collector's OTLP endpoint over HTTP, without the path of the signal, such as `http://localhost:4318`.
    pub endpoint: String,
    /// Headers that the collector wants, such as a key.
    pub headers: Vec<(String, String)>,
    /// Of how many traces spans are collected: 1 of all, 0.01 of one in a hundred.
    pub sample_ratio: f64,
    /// The version of the program.
    pub version: String,
}

/// Why no spans can be sent.
#[derive(Debug, thiserror::Error)]
#[error("traces: {0}")]
pub struct Trouble(String);

impl From<ExporterBuildError> for Trouble {
    fn from(error: ExporterBuildError) -> Self {
        Self(error.to_string())
    }
}

/// What sends spans in the background. While the collector is away they are dropped, and nothing else happens.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
}

impl Traces {
    /// Starts sending; the layer is for the subscriber.
    pub fn start<S>(settings: &Settings) -> Result<(impl Layer<S> + use<S>, Self), Trouble>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let provider = provider(settings)?;
        let layer = tracing_opentelemetry::layer()
            .with_tracer(provider.tracer(SERVICE))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_filter(Targets::new().with_target(SPANS, LevelFilter::TRACE));
        global::set_tracer_provider(provider.clone());
        IS_ON.store(true, Ordering::Relaxed);
        Ok((layer, Self { provider }))
    }

    /// Sends what is left, for a few seconds at most.
    pub fn stop(&self) {
        IS_ON.store(false, Ordering::Relaxed);
        if let Err(error) = self.provider.shutdown_with_timeout(CLOSING) {
            tracing::warn!(%error, "the last traces were not sent");
        }
    }
}

fn provider(settings: &Settings) -> Result<SdkTracerProvider, Trouble> {
    let Settings {
        endpoint,
        headers,
        sample_ratio,
        version,
    } = settings.clone();
    // Its client has a runtime of its own, which must not be made within another.
    let exporter = std::thread::spawn(move || {
        SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{}/v1/traces", endpoint.trim_end_matches('/')))
            .with_headers(headers.into_iter().collect::<HashMap<_, _>>())
            .build()
    });
    let exporter = exporter
        .join()
        .map_err(|_| Trouble("the exporter could not be made".to_owned()))??;
    let resource = Resource::builder()
        .with_service_name(SERVICE)
        .with_attribute(KeyValue::new("service.version", version))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_sampler(Sampling::new(sample_ratio))
        .with_resource(resource)
        .build())
}

/// A context as a header carries it.
struct Carried<'a>(&'a str);

impl Extractor for Carried<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        (key == TRACEPARENT).then_some(self.0)
    }
    fn keys(&self) -> Vec<&str> {
        vec![TRACEPARENT]
    }
}

fn context(traceparent: &str) -> Option<Context> {
    let context = TraceContextPropagator::new().extract_with_context(&Context::new(), &Carried(traceparent));
    let is_valid = context.span().span_context().is_valid();
    is_valid.then_some(context)
}

/// Whether somebody collects traces of this process.
pub fn are_collected() -> bool {
    IS_ON.load(Ordering::Relaxed)
}

/// The context that the current span is in, as `traceparent` carries it, if it is collected.
pub fn current() -> Option<String> {
    if !are_collected() {
        return None;
    }
    let context = Span::current().context();
    let span = context.span();
    let span = span.span_context();
    let (trace, id) = (span.trace_id(), span.span_id());
    (span.is_valid() && span.is_sampled()).then(|| format!("00-{trace}-{id}-01"))
}

/// The trace of a context, as collectors name it.
pub fn trace_id(traceparent: &str) -> &str {
    traceparent.split('-').nth(1).unwrap_or_default()
}

/// A span that was not entered yet, as part of what this context tells. What is malformed is as good as absent.
pub fn follow(span: Span, traceparent: Option<&str>) -> Span {
    if are_collected()
        && let Some(context) = traceparent.and_then(context)
    {
        // Of a span that nobody collects there is nothing to tell.
        let _ = span.set_parent(context);
    }
    span
}

/// The context that a request brings: exactly one header (section 3.2.1 has no list).
pub fn brought(headers: &HeaderMap) -> Option<&str> {
    let mut found = headers.get_all(TRACEPARENT).iter();
    let (first, None) = (found.next()?, found.next()) else {
        return None;
    };
    first.to_str().ok()
}

/// What was done at once for many, each in a trace of its own: the part of one of them, which took so long and ends now.
pub fn record(
    name: &'static str,
    kind: Kind,
    traceparent: Option<&str>,
    took: Duration,
    attributes: impl IntoIterator<Item = (&'static str, String)>,
) {
    if !are_collected() {
        return;
    }
    let Some(parent) = traceparent.and_then(context) else {
        return;
    };
    let attributes = attributes
        .into_iter()
        .map(|(name, value)| KeyValue::new(name, value));
    let tracer = global::tracer(SERVICE);
    let mut span = tracer
        .span_builder(name)
        .with_kind(match kind {
            Kind::Internal => SpanKind::Internal,
            Kind::Producer => SpanKind::Producer,
        })
        .with_start_time(now() - took)
        .with_attributes(attributes.collect::<Vec<_>>())
        .start_with_context(&tracer, &parent);
    span.end();
}

#[expect(
    clippy::disallowed_methods,
    reason = "collectors compare spans by the machine's own time"
)]
fn now() -> SystemTime {
    SystemTime::now()
}

/// What a span is about (OpenTelemetry's span kinds).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Something within the platform.
    Internal,
    /// A message that was sent.
    Producer,
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIVEN: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_is_taken_as_the_standard_writes_it() {
        let context = context(GIVEN).expect("a context");
        let span = context.span().span_context().clone();
        assert!(span.is_sampled() && span.is_remote());
        assert_eq!(span.trace_id().to_string(), trace_id(GIVEN));
    }

    #[test]
    fn what_is_malformed_is_as_good_as_absent() {
        for bad in [
            "",
            "00",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4BF92F3577B34DA6A3CE929D0E0E473X-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more",
        ] {
            assert!(context(bad).is_none(), "{bad}");
        }
    }

    #[test]
    fn two_contexts_are_none() {
        let mut headers = HeaderMap::new();
        assert_eq!(brought(&headers), None);
        headers.append(TRACEPARENT, http::HeaderValue::from_static(GIVEN));
        assert_eq!(brought(&headers), Some(GIVEN));
        headers.append(TRACEPARENT, http::HeaderValue::from_static(GIVEN));
        assert_eq!(brought(&headers), None);
    }

    #[test]
    fn where_nobody_collects_there_is_no_context() {
        assert_eq!(current(), None);
    }
}
