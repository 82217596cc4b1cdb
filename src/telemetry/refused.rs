//! Why a destination cannot be opened, as an error of the crate's.

use crate::pipeline::StartError;
use crate::{Error, ErrorKind};

pub(super) fn refused(error: StartError) -> Error {
    let kind = match &error {
        StartError::MissingFeature { .. } => ErrorKind::MissingFeature,
        StartError::Url { .. } | StartError::Header { .. } => ErrorKind::Config,
        StartError::Tls { .. } => ErrorKind::Tls,
        StartError::Thread(_) => ErrorKind::System,
        StartError::ShutDown => ErrorKind::ShutDown,
    };
    Error::new(kind, error.to_string())
}
