//! One request along one route, over whichever protocol the route wants.

use std::sync::Arc;

use bytes::Bytes;

#[cfg(feature = "otel-grpc")]
use super::grpc::Grpc;
use super::http::Http;
use super::request::Request;
use crate::config::settings::{Protocol, Route};
use crate::pipeline::delivery::{Attempted, Deadline, Failure, StartError};

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
    pub(crate) fn send<R: Request>(&mut self, body: &Bytes, deadline: Deadline) -> Attempted {
        match self {
            Self::Http(http) => http.send(body, deadline),
            #[cfg(feature = "otel-grpc")]
            Self::Grpc(grpc) => grpc.send(R::METHOD, body, deadline.left()),
        }
    }

    /// Encodes and sends a request.
    pub(crate) fn post<R: Request>(&mut self, request: &R, deadline: Deadline) -> Attempted {
        let body = self.encode(request);
        self.send::<R>(&body, deadline)
    }
}
