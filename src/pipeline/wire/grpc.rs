//! OTLP over gRPC, on a runtime of the destination's own.
//!
//! The runtime lives and is driven on the export thread only. Nothing needs the application's
//! runtime, so a sync `main`, a current-thread runtime that waits for shutdown, and a machine
//! with one CPU are no special cases.

use std::error::Error;
use std::fmt;
use std::io;
use std::str::FromStr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use bytes::{BufMut, Bytes};
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::runtime::Runtime;
use tonic::client::Grpc as Client;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Status};
use tonic_types::StatusExt;

use super::answer::{delivered_but, redactor};
use super::connection::USER_AGENT_PRODUCT;
use super::remedy::{Remedy, no_answer};
use super::tls::{PemFile, client_files, crypto_provider, system_roots_work};
use crate::config::proxy::Proxy;
use crate::config::settings::{Compression, Route};
use crate::pipeline::delivery::{Attempted, Failure, FailureKind, StartError, tidy};
use crate::policy::{Redactor, shown_url};

/// Sends requests along one route.
pub(crate) struct Grpc {
    endpoint: Endpoint,
    tunnel: Option<Tunnel<HttpConnector>>,
    /// All of a request's own metadata.
    metadata: MetadataMap,
    redactor: Redactor,
    gzip: bool,
    /// Made by the first request, because a runtime must not be dropped where another one runs.
    session: Option<Session>,
}

struct Session {
    channel: Channel,
    runtime: Runtime,
}

impl Grpc {
    pub(crate) fn new(name: &str, route: &Route) -> Result<Self, StartError> {
        let gzip = route.compression == Compression::Gzip;
        if gzip && !cfg!(feature = "gzip") {
            return Err(StartError::missing(name, "compression gzip", "gzip"));
        }
        let (metadata, user_agent) = metadata(name, route)?;
        let endpoint = endpoint(name, route, user_agent)?;
        let proxy = route.proxies.on_the_way_to(endpoint.uri());
        let tunnel = proxy.map(|proxy| tunnel(name, proxy)).transpose()?;
        let redactor = redactor(route);
        Ok(Self { endpoint, tunnel, metadata, redactor, gzip, session: None })
    }

    /// Sends an encoded request to a method.
    pub(crate) fn send(
        &mut self,
        method: &'static str,
        body: &Bytes,
        timeout: Duration,
    ) -> Attempted {
        let session = match self.session.take() {
            Some(session) => session,
            None => match self.connect() {
                Ok(session) => session,
                Err(error) => {
                    return no_answer(Failure::new(FailureKind::Connection, error.to_string()));
                }
            },
        };
        let Session { channel, runtime } = self.session.insert(session);
        let mut request = Request::new(body.clone());
        *request.metadata_mut() = self.metadata.clone();
        request.set_timeout(timeout);
        let call = call(channel.clone(), self.gzip, method, request);
        let answer = runtime.block_on(async { tokio::time::timeout(timeout, call).await });
        let outcome = match answer {
            Ok(Ok(answer)) => {
                delivered_but(answer.partial_success.unwrap_or_default(), &self.redactor)
            }
            Ok(Err(status)) => refused(&status, &self.redactor),
            Err(_) => no_answer(Failure::new(FailureKind::Timeout, "timeout: no answer")),
        };
        let silent = |failure: &Failure| failure.kind == FailureKind::Timeout;
        if matches!(&outcome, Attempted::Transient { failure, .. } if silent(failure)) {
            // A connection that something on the way has forgotten is silent for many minutes
            // before TCP gives up: the next request gets another one.
            self.session = None;
        }
        outcome
    }

    fn connect(&self) -> io::Result<Session> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .enable_time()
            .thread_name("genai-dns")
            .build()?;
        let channel = {
            let _runtime = runtime.enter();
            match &self.tunnel {
                Some(tunnel) => self.endpoint.connect_with_connector_lazy(tunnel.clone()),
                None => self.endpoint.connect_lazy(),
            }
        };
        Ok(Session { channel, runtime })
    }
}

/// The services of all signals answer alike, but for the names of the fields.
async fn call(
    channel: Channel,
    #[cfg_attr(not(feature = "gzip"), expect(unused_variables))] gzip: bool,
    method: &'static str,
    request: Request<Bytes>,
) -> Result<ExportTraceServiceResponse, Status> {
    let mut client = Client::new(channel);
    #[cfg(feature = "gzip")]
    if gzip {
        client = client.send_compressed(tonic::codec::CompressionEncoding::Gzip);
    }
    client.ready().await.map_err(|error| Status::from_error(error.into()))?;
    let answer = client.unary(request, PathAndQuery::from_static(method), Encoded).await?;
    Ok(answer.into_inner())
}

/// A request that is encoded already, so that another attempt costs no copy of it.
struct Encoded;

impl Codec for Encoded {
    type Encode = Bytes;
    type Decode = ExportTraceServiceResponse;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Encoded {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, body: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(body);
        Ok(())
    }
}

impl Decoder for Encoded {
    type Item = ExportTraceServiceResponse;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Self::Item>, Status> {
        let answer = ExportTraceServiceResponse::decode(buffer);
        answer.map(Some).map_err(|error| Status::internal(error.to_string()))
    }
}

impl fmt::Debug for Grpc {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grpc")
            .field("url", &shown_url(&self.endpoint.uri().to_string()))
            .field("gzip", &self.gzip)
            .finish_non_exhaustive()
    }
}

fn endpoint(name: &str, route: &Route, user_agent: String) -> Result<Endpoint, StartError> {
    let problem = |reason| StartError::Url {
        destination: name.to_owned(),
        url: shown_url(&route.url),
        reason,
    };
    let url: Uri = route.url.parse().map_err(|_| problem("not a URL"))?;
    let secure = match url.scheme_str() {
        Some("https") => true,
        Some("http") => false,
        _ => return Err(problem("the scheme is not http or https")),
    };
    // The method is the path.
    let authority = url.authority().ok_or_else(|| problem("no host"))?;
    let origin = match (secure, authority.port()) {
        (true, _) => format!("https://{authority}"),
        (false, Some(_)) => format!("http://{authority}"),
        // A tunnel would take it for 443.
        (false, None) => format!("http://{authority}:80"),
    };
    let mut endpoint = Endpoint::from_shared(origin)
        .and_then(|endpoint| endpoint.user_agent(user_agent))
        .map_err(|_| problem("not a URL that gRPC takes"))?
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true);
    if secure {
        endpoint = endpoint.tls_config(tls(name, route)?).map_err(|error| StartError::Tls {
            destination: name.to_owned(),
            path: route.ca_cert.clone().unwrap_or_default(),
            reason: chain(&error),
        })?;
    }
    Ok(endpoint)
}

fn tunnel(name: &str, proxy: &Proxy) -> Result<Tunnel<HttpConnector>, StartError> {
    let problem = || StartError::Url {
        destination: name.to_owned(),
        url: proxy.to_string(),
        reason: "not the address of a proxy",
    };
    let url: Uri = format!("http://{proxy}").parse().map_err(|_| problem())?;
    let mut connector = HttpConnector::new();
    connector.set_nodelay(true);
    let tunnel = Tunnel::new(url, connector);
    let Some((user, password)) = &proxy.credentials else { return Ok(tunnel) };
    let credentials = format!("{}:{}", user.expose(), password.expose());
    let value = format!("Basic {}", BASE64_STANDARD.encode(credentials));
    Ok(tunnel.with_auth(HeaderValue::from_str(&value).map_err(|_| problem())?))
}

fn tls(name: &str, route: &Route) -> Result<ClientTlsConfig, StartError> {
    let mut tls = ClientTlsConfig::new();
    tls = match &route.ca_cert {
        Some(path) => {
            let pem = PemFile::read(name, path)?;
            pem.certificates()?;
            tls.ca_certificate(Certificate::from_pem(pem.bytes()))
        }
        None if system_roots_work(&crypto_provider()) => tls.with_native_roots(),
        None => tls.with_webpki_roots(),
    };
    if let Some((cert, key)) = client_files(name, route)? {
        cert.certificates()?;
        key.private_key()?;
        tls = tls.identity(Identity::from_pem(cert.bytes(), key.bytes()));
    }
    Ok(tls)
}

/// The metadata of every request, and the user agent.
fn metadata(destination: &str, route: &Route) -> Result<(MetadataMap, String), StartError> {
    let mut metadata = MetadataMap::new();
    let mut user_agent = String::from(USER_AGENT_PRODUCT);
    for (name, secret) in &route.headers {
        if name.eq_ignore_ascii_case("user-agent") {
            user_agent = format!("{} {user_agent}", secret.expose());
            continue;
        }
        let problem =
            || StartError::Header { destination: destination.to_owned(), name: name.clone() };
        let key = AsciiMetadataKey::from_str(name).map_err(|_| problem())?;
        let mut value = AsciiMetadataValue::from_str(secret.expose()).map_err(|_| problem())?;
        value.set_sensitive(true);
        metadata.append(key, value);
    }
    Ok((metadata, user_agent))
}

/// What a status means, by the table of the OTLP specification.
fn refused(status: &Status, redactor: &Redactor) -> Attempted {
    if let Some(source) = status.source() {
        // No answer at all: the status was made on this side.
        let kind = kind_of(source);
        return no_answer(Failure::new(kind, tidy(&chain(source), redactor)));
    }
    let message = tidy(status.message(), redactor);
    let message = format!("{:?}: {message}", status.code());
    // The numbers of gRPC's codes are below 20.
    let failure = Failure::new(FailureKind::Status, message).with_code(status.code() as u16);
    let retry_after = status.get_details_retry_info().and_then(|info| info.retry_delay);
    Remedy::of_code(status.code(), status.message(), retry_after.is_some()).of(failure, retry_after)
}

fn kind_of(error: &(dyn Error + 'static)) -> FailureKind {
    let mut next = Some(error);
    let mut kind = FailureKind::Connection;
    while let Some(error) = next {
        if error.is::<rustls::Error>() {
            return FailureKind::Tls;
        }
        if error.is::<tonic::TimeoutExpired>() {
            return FailureKind::Timeout;
        }
        if let Some(error) = error.downcast_ref::<io::Error>() {
            if let Some(inner) = error.get_ref()
                && inner.is::<rustls::Error>()
            {
                return FailureKind::Tls;
            }
            kind = match error.kind() {
                io::ErrorKind::TimedOut => FailureKind::Timeout,
                _ => FailureKind::Connection,
            };
        }
        let text = error.to_string();
        if text.starts_with("dns error") {
            return FailureKind::Dns;
        }
        if text.starts_with("tunnel error") {
            kind = FailureKind::Proxy;
        }
        if text.starts_with("http2 error") {
            kind = FailureKind::Protocol;
        }
        next = error.source();
    }
    kind
}

/// An error with its causes, without repetitions.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        next = cause.source();
    }
    text
}

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
