//! One request along one route, over whichever protocol the route wants.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

#[cfg(feature = "otel-grpc")]
use super::grpc::Grpc;
use super::http::Http;
use super::request::Request;
use crate::config::settings::{Protocol, Route};
use crate::pipeline::delivery::start_error::StartError;
use crate::pipeline::delivery::transport::{Failure, Outcome};

/// Sends requests along one route.
#[derive(Debug)]
pub(crate) enum Sender {
    Http(Arc<Http>),
    #[cfg(feature = "otel-grpc")]
    Grpc(Box<Grpc>),
}

impl Sender {
    pub(crate) fn new(name: &str, route: &Route) -> Result<Self, StartError> {
        Ok(match route.protocol {
            Protocol::HttpProtobuf | Protocol::HttpJson => {
                Self::Http(Arc::new(Http::new(name, route)?))
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

    pub(crate) fn encode(&self, request: &impl Request) -> Bytes {
        match self {
            Self::Http(http) => http.encoding.encode(request),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(_) => request.encode_to_vec().into(),
        }
    }

    pub(crate) fn decode<R: Request>(&self, body: &Bytes) -> Option<R> {
        match self {
            Self::Http(http) => http.encoding.decode(body),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(_) => R::decode(body.clone()).ok(),
        }
    }

    /// Sends what [`Sender::encode`] made of such a request.
    pub(crate) fn send<R: Request>(&mut self, body: &Bytes, timeout: Duration) -> Outcome {
        match self {
            Self::Http(http) => http.send(body, timeout),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(grpc) => grpc.send(R::METHOD, body, timeout),
        }
    }

    /// Encodes and sends a request.
    pub(crate) fn post<R: Request>(&mut self, request: &R, timeout: Duration) -> Outcome {
        let body = self.encode(request);
        self.send::<R>(&body, timeout)
    }
}
