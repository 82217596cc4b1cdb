//! The pipeline against real sockets on loopback.
#![expect(clippy::unwrap_used, reason = "a test may panic")]

mod bytes;
mod delivery;
mod destinations;
#[cfg(all(feature = "gzip", feature = "http-json"))]
mod encodings;
mod faults;
#[cfg(feature = "otel-grpc")]
mod grpc;
mod load;
mod local;
mod probe;
mod proxy;
mod reload;
mod runtimes;
mod sampling;
mod tls;

use std::sync::Arc;
use std::time::Duration;

use opentelemetry::trace::{Span as _, Tracer, TracerProvider};
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing_genai_test_support::OtlpReceiver;

use super::{Pipeline, Snapshot};
use crate::capture::tracer::Core;
use crate::config::Backend;
use crate::config::proxy::Proxies;
use crate::config::settings::{Compression, Destination, Protocol, Route, Secret, Settings};
use crate::format::FormatChoice;

/// Long enough for a slow machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(30);

fn route(url: String) -> Route {
    Route {
        url,
        protocol: Protocol::HttpProtobuf,
        headers: Vec::new(),
        ca_cert: None,
        client_cert: None,
        client_key: None,
        proxies: Proxies::default(),
        compression: Compression::None,
        timeout: Duration::from_secs(10),
    }
}

fn destination(name: &str, endpoint: &str) -> Destination {
    Destination {
        name: name.to_owned(),
        traces: Some(route(format!("{endpoint}/v1/traces"))),
        metrics: None,
        logs: None,
        backend: Backend::any(),
        format: FormatChoice::default(),
        own_format: None,
        own: Default::default(),
        policy: None,
    }
}

/// The same where spans travel differently.
fn by(mut to: Destination, change: impl FnOnce(&mut Route)) -> Destination {
    change(to.traces.as_mut().unwrap());
    to
}

fn settings(destinations: Vec<Destination>) -> Settings {
    Settings { service_name: String::from("chat-api"), destinations, ..Settings::default() }
}

fn core(settings: &Settings) -> Arc<Core> {
    Arc::new(Core::new(settings.policy, settings.semconv))
}

fn header(name: &str, value: &str) -> (String, Secret) {
    (name.to_owned(), Secret::new(value))
}

/// A pipeline with the provider that feeds it.
struct Running {
    pipeline: Pipeline,
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Running {
    fn start(settings: &Settings) -> Self {
        Self::around(Pipeline::start(settings, core(settings)).unwrap())
    }

    fn around(pipeline: Pipeline) -> Self {
        let provider = pipeline.provider();
        let tracer = provider.tracer("test");
        Self { pipeline, provider, tracer }
    }

    fn to(receiver: &OtlpReceiver) -> Self {
        Self::start(&settings(vec![destination("default", &receiver.endpoint())]))
    }

    fn spans(&self, names: impl IntoIterator<Item = String>) {
        for name in names {
            self.tracer.start(name).end();
        }
    }

    fn numbered(&self, n: usize) {
        self.spans((0..n).map(|i| format!("span {i}")));
    }

    /// The snapshot, after checking that its counts add up.
    fn snapshot(&self) -> Snapshot {
        let snapshot = self.pipeline.snapshot();
        let spans = &snapshot.spans;
        let of = &spans.finished;
        let fates = of.queued + of.exported + of.rejected + of.failed + of.dropped_total();
        assert_eq!(of.received, fates, "{snapshot:?}");
        assert_eq!(
            spans.started,
            spans.sampled_out + spans.in_flight + of.received,
            "{snapshot:?}"
        );
        snapshot
    }
}
