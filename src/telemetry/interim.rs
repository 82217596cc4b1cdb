//! Stands in for `config::load` until it is there: builder values over a few variables.

use std::collections::BTreeMap;
use std::ffi::OsString;

use crate::config::settings::{
    Compression, Destination, ExporterChoice, FormatChoice, Protocol, Sampler, Secret, Settings,
};
use crate::policy::{ContentCapture, ErrorText, Policy};
use crate::semconv::{Class, Version};
use crate::{Error, ErrorKind};

#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub(crate) service_name: Option<String>,
    pub(crate) endpoint: Option<String>,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) capture: Option<ContentCapture>,
    pub(crate) classes: Vec<(Class, ContentCapture)>,
    pub(crate) error_text: Option<ErrorText>,
    pub(crate) semconv: Option<Version>,
    pub(crate) sampler: Option<Sampler>,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Sources {
    pub(crate) code: Code,
    pub(crate) env: Option<BTreeMap<String, OsString>>,
}

pub(crate) fn load(sources: &Sources) -> Result<Settings, Error> {
    let env = |name: &str| match &sources.env {
        Some(env) => env.get(name).and_then(|value| value.to_str()).map(String::from),
        None => std::env::var(name).ok(),
    };
    let set = |name: &str| env(name).filter(|value| !value.trim().is_empty());
    let code = &sources.code;
    let mut settings = Settings::default();
    settings.enabled = set("OTEL_SDK_DISABLED").as_deref() != Some("true");
    if let Some(name) = code.service_name.clone().or_else(|| set("OTEL_SERVICE_NAME")) {
        settings.service_name = name;
    }
    let capture = code.capture.unwrap_or_else(|| {
        match set("OTEL_INSTRUMENTATION_GENAI_CAPTURE_MESSAGE_CONTENT").as_deref() {
            Some("true") => ContentCapture::Full,
            _ => ContentCapture::Off,
        }
    });
    settings.policy = Policy::new(capture);
    for (class, capture) in &code.classes {
        settings.policy = settings.policy.with_class(*class, *capture);
    }
    if let Some(level) = code.error_text {
        settings.policy = settings.policy.with_error_text(level);
    }
    settings.semconv = code.semconv.unwrap_or_default();
    settings.sampler = code.sampler.unwrap_or(settings.sampler);
    settings.exporter = match set("OTEL_TRACES_EXPORTER").as_deref() {
        None => ExporterChoice::Unset,
        Some("otlp") => ExporterChoice::Otlp,
        Some("console") => ExporterChoice::Console,
        Some("none") => ExporterChoice::None,
        Some(other) => {
            return Err(Error::new(ErrorKind::Config, format!("OTEL_TRACES_EXPORTER: {other}")));
        }
    };
    if let Some(directives) = set("RUST_LOG") {
        settings.log_filter = directives;
    }
    if let Some(endpoint) = code.endpoint.clone().or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT")) {
        settings.destinations.push(Destination {
            name: String::from("default"),
            traces_url: format!("{}/v1/traces", endpoint.trim_end_matches('/')),
            metrics_url: None,
            logs_url: None,
            protocol: Protocol::HttpProtobuf,
            headers: code.headers.clone(),
            ca_cert: None,
            client_cert: None,
            client_key: None,
            compression: Compression::None,
            timeout: std::time::Duration::from_secs(10),
            format: FormatChoice::GenAi,
            policy: None,
        });
    }
    Ok(settings)
}
