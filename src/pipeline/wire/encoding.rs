//! The bytes of a request's body over HTTP.

use http::HeaderValue;

use super::connection::PROTOBUF;
use super::request::Export;
use crate::config::settings::{Compression, Protocol, Route};
use crate::pipeline::delivery::start_error::StartError;

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

    pub(crate) fn encode(self, request: &impl Export) -> Vec<u8> {
        let body = self.plain(request);
        #[cfg(feature = "gzip")]
        if self.gzip {
            return compress(&body);
        }
        body
    }

    fn plain(self, request: &impl Export) -> Vec<u8> {
        #[cfg(feature = "http-json")]
        if self.json {
            // Into memory, and of types whose keys are strings: there is nothing that can fail.
            return serde_json::to_vec(request).unwrap_or_default();
        }
        request.encode_to_vec()
    }
}

#[cfg(feature = "gzip")]
fn compress(body: &[u8]) -> Vec<u8> {
    use std::io::Write;

    let mut encoder = flate2::write::GzEncoder::new(
        Vec::with_capacity(body.len() / 4),
        flate2::Compression::fast(),
    );
    // Writing into memory does not fail.
    let _ = encoder.write_all(body);
    encoder.finish().unwrap_or_default()
}
