//! One HTTP connection to a destination, as the settings want it: proxy, TLS, no redirects, and
//! exactly the destination's headers on every request.

use std::fmt;
use std::time::Duration;

use http::header::{CONTENT_ENCODING, CONTENT_TYPE, USER_AGENT};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri};
use ureq::Agent;

use super::tls::tls_config;
use crate::config::proxy::Proxy;
use crate::config::settings::Route;
use crate::pipeline::delivery::StartError;
use crate::policy::shown_url;

/// Blocking: for threads that may wait.
pub(crate) struct Connection {
    agent: Agent,
    url: Uri,
    headers: HeaderMap,
}

impl Connection {
    /// A connection along a route to the destination of this name.
    pub(crate) fn new(name: &str, route: &Route) -> Result<Self, StartError> {
        let url = parse_url(name, &route.url)?;
        let proxy = route.proxies.on_the_way_to(&url).map(|proxy| tunnel(name, proxy));
        let agent = Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_response_header_size(MAX_HEADER_BYTES)
            .proxy(proxy.transpose()?)
            .tls_config(tls_config(name, route)?)
            .user_agent("")
            .accept("")
            .accept_encoding("")
            .build()
            .new_agent();
        Ok(Self { agent, url, headers: headers(name, route)? })
    }

    /// Posts a body and reads the answer, up to 1 MiB of it. The time is for everything, the
    /// reading of the answer's last byte included.
    pub(crate) fn post(
        &self,
        body: &[u8],
        content_type: HeaderValue,
        content_encoding: Option<HeaderValue>,
        timeout: Duration,
    ) -> Result<Response<Vec<u8>>, ureq::Error> {
        let mut request = Request::new(body);
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.url.clone();
        *request.headers_mut() = self.headers.clone();
        request.headers_mut().insert(CONTENT_TYPE, content_type);
        if let Some(encoding) = content_encoding {
            request.headers_mut().insert(CONTENT_ENCODING, encoding);
        }
        let request = self.agent.configure_request(request).timeout_global(Some(timeout)).build();
        let (head, mut body) = self.agent.run(request)?.into_parts();
        // The status has been received, so a body that breaks off changes nothing.
        let body = body.with_config().limit(MAX_BODY_BYTES).read_to_vec().unwrap_or_default();
        Ok(Response::from_parts(head, body))
    }
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let url = shown_url(&self.url.to_string());
        f.debug_struct("Connection").field("url", &url).finish_non_exhaustive()
    }
}

fn parse_url(name: &str, url: &str) -> Result<Uri, StartError> {
    let problem =
        |reason| StartError::Url { destination: name.to_owned(), url: shown_url(url), reason };
    let url: Uri = url.parse().map_err(|_| problem("not a URL"))?;
    match url.scheme_str() {
        Some("http" | "https") => {}
        _ => return Err(problem("the scheme is not http or https")),
    }
    match url.host() {
        None | Some("") => Err(problem("no host")),
        Some(_) => Ok(url),
    }
}

fn headers(destination: &str, route: &Route) -> Result<HeaderMap, StartError> {
    let mut headers = HeaderMap::new();
    let mut user_agent = String::from(USER_AGENT_PRODUCT);
    for (name, secret) in &route.headers {
        let problem =
            || StartError::Header { destination: destination.to_owned(), name: name.clone() };
        let key: HeaderName = name.parse().map_err(|_| problem())?;
        if key == USER_AGENT {
            user_agent = format!("{} {user_agent}", secret.expose());
            continue;
        }
        let mut value = HeaderValue::from_str(secret.expose()).map_err(|_| problem())?;
        value.set_sensitive(true);
        headers.append(key, value);
    }
    let user_agent = HeaderValue::from_str(&user_agent).map_err(|_| StartError::Header {
        destination: destination.to_owned(),
        name: USER_AGENT.as_str().to_owned(),
    })?;
    headers.insert(USER_AGENT, user_agent);
    Ok(headers)
}

fn tunnel(name: &str, proxy: &Proxy) -> Result<ureq::Proxy, StartError> {
    let mut tunnel =
        ureq::Proxy::builder(ureq::ProxyProtocol::Http).host(&proxy.host).port(proxy.port);
    if let Some((user, password)) = &proxy.credentials {
        tunnel = tunnel.username(user.expose()).password(password.expose());
    }
    tunnel.build().map_err(|_| StartError::Url {
        destination: name.to_owned(),
        url: proxy.to_string(),
        reason: "not the address of a proxy",
    })
}

/// By the specification, the exporter and its release, which a test compares; by our own wish, who
/// made it.
pub(crate) const USER_AGENT_PRODUCT: &str =
    concat!("OTel-OTLP-Exporter-Rust/0.33.1 tracing-genai/", env!("CARGO_PKG_VERSION"));
pub(crate) const PROTOBUF: &str = "application/x-protobuf";
const MAX_HEADER_BYTES: usize = 64 * 1024;
const MAX_BODY_BYTES: u64 = 1 << 20;
