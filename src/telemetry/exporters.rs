//! Exporters of the user's own as destinations.

use std::sync::Arc;
use std::time::Duration;

#[cfg(feature = "logs")]
use opentelemetry_sdk::logs::LogExporter;
use opentelemetry_sdk::trace::SpanExporter;

use crate::config::content::CAPTURES;
use crate::config::own::Own;
use crate::config::settings::{Destination, Settings};
use crate::config::{Backend, Explanation};
use crate::format::{Format, FormatChoice};
use crate::pipeline::Driven;
use crate::policy::{ContentCapture, ErrorText, Policy};

/// What differs for a destination that is an exporter of your own:
/// [`Builder::exporter_with`](super::Builder::exporter_with).
///
/// ```
/// use tracing_genai::format::OpenInference;
/// use tracing_genai::policy::ContentCapture;
/// use tracing_genai::telemetry::ExporterOptions;
///
/// let options = ExporterOptions::default()
///     .format(OpenInference::new())
///     .content_capture(ContentCapture::Off);
/// ```
#[derive(Clone, Debug, Default)]
pub struct ExporterOptions {
    format: Option<Arc<dyn Format>>,
    content: Option<ContentCapture>,
    error_text: Option<ErrorText>,
    timeout: Option<Duration>,
}

impl ExporterOptions {
    /// Sets the format that spans are brought into. Defaults to the names of the conventions.
    #[must_use]
    pub fn format(mut self, format: impl Format) -> Self {
        self.format = Some(Arc::new(format));
        self
    }

    /// Sets whether this exporter gets message content; never more of it than
    /// [`Builder::content_capture`](super::Builder::content_capture) lets out. Defaults to as much.
    #[must_use]
    pub const fn content_capture(mut self, capture: ContentCapture) -> Self {
        self.content = Some(capture);
        self
    }

    /// Sets how much error text this exporter gets; never more of it than
    /// [`Builder::error_text`](super::Builder::error_text) lets out. Defaults to as much.
    #[must_use]
    pub const fn error_text(mut self, level: ErrorText) -> Self {
        self.error_text = Some(level);
        self
    }

    /// Sets how long one export may take. A future that is not done by then is dropped, and its
    /// batch is offered again. Defaults to 10 s.
    #[must_use]
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// What leaves, where this much leaves without options.
    fn policy(&self, general: Policy) -> Policy {
        let mut own = general;
        if let Some(capture) = self.content {
            own = CAPTURES.iter().fold(own, |own, (_, class)| own.with_class(*class, capture));
        }
        if let Some(level) = self.error_text {
            own = own.with_error_text(level);
        }
        own.stricter(general)
    }
}

/// The exporters that code has brought.
#[derive(Clone, Debug, Default)]
pub(super) struct Exporters(Vec<Exporter>);

#[derive(Clone, Debug)]
struct Exporter {
    name: String,
    own: Own,
    options: ExporterOptions,
}

impl Exporters {
    pub(super) fn spans(
        &mut self,
        name: String,
        exporter: impl SpanExporter + 'static,
        options: ExporterOptions,
    ) {
        self.0.retain(|other| other.name != name || other.own.spans.is_none());
        let own = Own { spans: Some(Arc::new(Driven::new(exporter))), ..Own::default() };
        self.0.push(Exporter { name, own, options });
    }

    #[cfg(feature = "logs")]
    pub(super) fn logs(
        &mut self,
        name: String,
        exporter: impl LogExporter + 'static,
        options: ExporterOptions,
    ) {
        self.0.retain(|other| other.name != name || other.own.logs.is_none());
        let own = Own { logs: Some(Arc::new(Driven::new(exporter))), ..Own::default() };
        self.0.push(Exporter { name, own, options });
    }

    /// Makes them destinations, behind those of the configuration.
    pub(super) fn join(&self, settings: &mut Settings, explanation: &mut Explanation) {
        for Exporter { name, own, options } in &self.0 {
            let destination = Destination {
                name: free(name, &settings.destinations),
                traces: None,
                metrics: None,
                logs: None,
                backend: Backend::any(),
                format: FormatChoice::default(),
                own_format: options.format.clone(),
                own: Own { timeout: options.timeout.unwrap_or(DEFAULT_TIMEOUT), ..own.clone() },
                policy: Some(options.policy(settings.general_policy)),
            };
            if destination.has_logs() && !settings.logs.enabled {
                let missing = "gets nothing: no log records are exported, see `logs.enabled`";
                settings.warnings.push(format!("log exporter `{name}`: {missing}"));
            }
            explanation.add(&destination);
            settings.destinations.push(destination);
        }
    }
}

/// The name, with a number where a destination has it already.
fn free(name: &str, taken: &[Destination]) -> String {
    let is_free = |name: &String| !taken.iter().any(|other| other.name == *name);
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    std::iter::once(name.to_owned()).chain(numbered).find(is_free).unwrap_or_default()
}

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
