//! Points of metrics as items that are delivered.

use std::sync::Arc;
use std::time::Duration;

use opentelemetry_proto::tonic::collector::metrics::v1::ExportMetricsServiceRequest;

use super::otlp;
use super::point::MetricPoint;
use crate::config::settings::{Batch, Destination, Route, Settings};
use crate::health::{Health, Ledger};
use crate::pipeline::delivery::{Item, Opening, Prepare, Prepared, Queue, Signal, StartError};
use crate::pipeline::resource::{resource, same_resource};
use crate::pipeline::size;
use crate::pipeline::wire::{Otlp, OtlpResource, OtlpTransport};

impl Item for MetricPoint {
    const ITEMS: &'static str = "points";
    const THREAD: &'static str = "genai-metrics";

    type Preparation = AsItIs;

    fn size(&self) -> usize {
        size::point(&self.point)
    }

    fn ledger(health: &Health) -> &Ledger {
        &health.metrics
    }
}

/// Nothing is done to points: what is measured has no content.
#[derive(Debug)]
pub(crate) struct AsItIs;

impl Prepare<MetricPoint> for AsItIs {
    type Terms = ();

    fn terms(&self) {}

    fn prepare(&self, item: MetricPoint, (): ()) -> Prepared<MetricPoint> {
        Prepared { item, spare: None }
    }

    fn may_leave(&self, (): ()) -> bool {
        true
    }
}

impl Signal for MetricPoint {
    type Source = ();
    type Kept = ();

    fn is_on(settings: &Settings) -> bool {
        settings.enabled && settings.metrics.enabled
    }

    /// Requests are as large as receivers take, and the clock says when.
    fn batch(settings: &Settings) -> Batch {
        Batch {
            max_queue_size: usize::MAX,
            max_export_batch_size: usize::MAX,
            schedule_delay: NEVER,
            export_timeout: settings.metrics.timeout,
            ..Batch::default()
        }
    }

    fn route(destination: &Destination) -> Option<&Route> {
        destination.metrics.as_ref()
    }

    fn kept(_: &Destination) {}

    fn open(
        settings: &Settings,
        destination: &Destination,
        (): &(),
        (): &(),
        opening: Opening<'_>,
    ) -> Result<Arc<Queue<Self>>, StartError> {
        let (limit, transport) = OtlpTransport::open(destination, &resource(settings))?;
        opening.start(limit, AsItIs, transport)
    }

    fn same_source(a: &Settings, b: &Settings) -> bool {
        same_resource(a, b)
    }
}

impl Otlp for MetricPoint {
    const OPTIONAL: Option<&'static str> = Some("metrics");

    type Request = ExportMetricsServiceRequest;

    fn request(points: Vec<Self>, resource: &OtlpResource) -> Self::Request {
        otlp::request(&points, resource)
    }
}

/// Long enough to be no delay that anybody waits for.
const NEVER: Duration = Duration::from_secs(365 * 24 * 3600);
