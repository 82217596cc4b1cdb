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

    /// A body that the exporter made. It prints JSON for people, with a line for each member.
    pub(crate) fn exported(self, body: Bytes) -> Bytes {
        #[cfg(feature = "http-json")]
        if self.json {
            return compact(&body).into();
        }
        body
    }

    /// The body as it is sent.
    pub(crate) fn compress(self, body: &Bytes) -> Bytes {
        #[cfg(feature = "gzip")]
        if self.gzip {
            return gzip(body).into();
        }
        body.clone()
    }

    /// The same encoding in the words of `opentelemetry-otlp`.
    pub(crate) fn protocol(self) -> opentelemetry_otlp::Protocol {
        #[cfg(feature = "http-json")]
        if self.json {
            return opentelemetry_otlp::Protocol::HttpJson;
        }
        opentelemetry_otlp::Protocol::HttpBinary
    }
}

/// The same JSON on one line. There is no line break inside of a text.
#[cfg(feature = "http-json")]
fn compact(mut json: &[u8]) -> Vec<u8> {
    let mut short = Vec::with_capacity(json.len());
    while !json.is_empty() {
        let end = memchr::memchr(b'\n', json).unwrap_or(json.len());
        let line = &json[..end];
        json = json[end..].trim_ascii_start();
        // Keys have nothing to escape: they end at the second quote.
        let key = line.starts_with(b"\"").then(|| memchr::memchr(b'"', &line[1..])).flatten();
        match key.map(|quote| line.split_at(quote + 2)) {
            Some((key, value)) if value.starts_with(b": ") && !key.ends_with(b"\\\"") => {
                short.extend_from_slice(key);
                short.push(b':');
                short.extend_from_slice(&value[2..]);
            }
            _ => short.extend_from_slice(line),
        }
    }
    short
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

#[cfg(all(test, feature = "http-json"))]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn json_for_people_becomes_json_for_the_wire() {
        let value = json!({
            "plain": "a", "empty": [], "none": {}, "quoted": "\"key\": value\nand \\",
            "list": ["\": x", "a\": b", "key\\", 1.5, null, {"deep": [true, {"er": " : "}]}],
        });
        let pretty = serde_json::to_string_pretty(&value).expect("JSON");
        let short = compact(pretty.as_bytes());
        let back: serde_json::Value = serde_json::from_slice(&short).expect("JSON");
        assert_eq!(back, value);
        assert!(!short.contains(&b'\n'));
        let object = json!({"key": {"stringValue": "text"}, "values": [{"intValue": "1"}]});
        let pretty = serde_json::to_string_pretty(&object).expect("JSON");
        assert_eq!(compact(pretty.as_bytes()), object.to_string().into_bytes());
    }
}
