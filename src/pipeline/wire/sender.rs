//! One request along one route, over whichever protocol the route wants.

use std::time::Duration;

#[cfg(feature = "otel-grpc")]
use super::grpc::Grpc;
use super::http::Http;
use super::request::Export;
use crate::config::settings::{Protocol, Route};
use crate::pipeline::delivery::start_error::StartError;
use crate::pipeline::delivery::transport::{Failure, Outcome};

/// Sends requests along one route.
#[derive(Debug)]
pub(crate) enum Sender {
    Http(Box<Http>),
    #[cfg(feature = "otel-grpc")]
    Grpc(Box<Grpc>),
}

impl Sender {
    pub(crate) fn new(name: &str, route: &Route) -> Result<Self, StartError> {
        Ok(match route.protocol {
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                Self::Http(Box::new(Http::new(name, route)?))
            }
            #[cfg(feature = "otel-grpc")]
            Protocol::Grpc => Self::Grpc(Box::new(Grpc::new(name, route)?)),
            #[cfg(not(feature = "otel-grpc"))]
            Protocol::Grpc => return Err(StartError::missing(name, "protocol grpc", "otel-grpc")),
        })
    }

    /// Whether a failure says that there is nothing where requests go.
    pub(crate) fn is_missing(&self, failure: &Failure) -> bool {
        match self {
            Self::Http(_) => matches!(failure.code, Some(404 | 405)),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(_) => failure.code == Some(tonic::Code::Unimplemented as u16),
        }
    }

    pub(crate) fn send(&mut self, request: &impl Export, timeout: Duration) -> Outcome {
        match self {
            Self::Http(http) => http.send(request, timeout),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(grpc) => grpc.send(request, timeout),
        }
    }
}
