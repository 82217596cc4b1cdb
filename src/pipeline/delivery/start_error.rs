//! Why a destination could not be opened.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the pipeline could not start. Never holds a header's value or a key.
#[derive(Debug)]
pub(crate) enum StartError {
    /// The settings ask for something that was not compiled in.
    MissingFeature { destination: String, what: &'static str, feature: &'static str },
    /// The URL is not one that can be sent to; the URL without secrets.
    Url { destination: String, url: String, reason: &'static str },
    /// A header that cannot be sent; its name only.
    Header { destination: String, name: String },
    /// A certificate or key file.
    Tls { destination: String, path: PathBuf, reason: String },
    /// The system gave no thread.
    Thread(io::Error),
    /// The pipeline has been shut down.
    ShutDown,
}

impl StartError {
    pub(crate) fn missing(destination: &str, what: &'static str, feature: &'static str) -> Self {
        Self::MissingFeature { destination: destination.to_owned(), what, feature }
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::MissingFeature { destination, what, feature } => write!(
                f,
                "exporter `{destination}`: {what} needs the cargo feature `{feature}` of \
                 tracing-genai"
            ),
            Self::Url { destination, url, reason } => {
                write!(f, "exporter `{destination}`: cannot send to {url}: {reason}")
            }
            Self::Header { destination, name } => {
                write!(f, "exporter `{destination}`: the header `{name}` cannot be sent")
            }
            Self::Tls { destination, path, reason } => {
                write!(f, "exporter `{destination}`: {}: {reason}", path.display())
            }
            Self::Thread(error) => write!(f, "cannot start an export thread: {error}"),
            Self::ShutDown => f.write_str("telemetry has been shut down"),
        }
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Thread(error) => Some(error),
            _ => None,
        }
    }
}
