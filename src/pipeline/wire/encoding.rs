//! The bytes of a request's body over HTTP.

use bytes::Bytes;
use http::HeaderValue;

use super::connection::PROTOBUF;
use super::request::Request;
use crate::config::settings::{Compression, Protocol, Route};
use crate::pipeline::delivery::StartError;

/// How bodies are encoded along one route.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Encoding {
    #[cfg(feature = "http-json")]
    json: bool,
    #[cfg(feature = "gzip")]
    gzip: bool,
}

impl Encoding {
    pub(crate) fn new(name: &str, route: &Route) -> Result<Self, StartError> {
        let json = route.protocol == Protocol::HttpJson;
        let gzip = route.compression == Compression::Gzip;
        if json && !cfg!(feature = "http-json") {
            return Err(StartError::missing(name, "protocol http/json", "http-json"));
        }
        if gzip && !cfg!(feature = "gzip") {
            return Err(StartError::missing(name, "compression gzip", "gzip"));
        }
        Ok(Self {
            #[cfg(feature = "http-json")]
            json,
            #[cfg(feature = "gzip")]
            gzip,
        })
    }

    pub(crate) fn content_type(self) -> HeaderValue {
        #[cfg(feature = "http-json")]
        if self.json {
            return HeaderValue::from_static("application/json");
        }
        HeaderValue::from_static(PROTOBUF)
    }

    pub(crate) fn content_encoding(self) -> Option<HeaderValue> {
        #[cfg(feature = "gzip")]
        if self.gzip {
            return Some(HeaderValue::from_static("gzip"));
        }
        None
    }

    /// The request as it is kept until a receiver has it: not compressed yet.
    pub(crate) fn encode(self, request: &impl Request) -> Bytes {
        #[cfg(feature = "http-json")]
        if self.json {
            // Into memory, and of types whose keys are strings: there is nothing that can fail.
            return serde_json::to_vec(request).unwrap_or_default().into();
        }
        request.encode_to_vec().into()
    }

    /// What [`Encoding::encode`] or the exporter made, to be divided.
    pub(crate) fn decode<R: Request>(self, body: &Bytes) -> Option<R> {
        #[cfg(feature = "http-json")]
        if self.json {
            return serde_json::from_slice(body).ok();
        }
        R::decode(body.clone()).ok()
    }

    /// The body as it is sent.
    pub(crate) fn compress(self, body: &Bytes) -> Bytes {
        #[cfg(feature = "gzip")]
        if self.gzip {
            return gzip(body).into();
        }
        body.clone()
    }

    /// Whether bodies are protobuf.
    pub(crate) fn is_protobuf(self) -> bool {
        self.content_type() == PROTOBUF
    }
}

#[cfg(feature = "gzip")]
fn gzip(body: &[u8]) -> Vec<u8> {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(
        Vec::with_capacity(body.len() / 4),
        flate2::Compression::fast(),
    );
    // Writing into memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}
