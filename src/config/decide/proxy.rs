//! `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, as most programs read them.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::Uri;

use crate::config::read::env::{Env, NotUtf8};
use crate::config::read::lists::percent_decode;
use crate::config::read::secret::Secret;

/// The proxies of an environment. Prints without credentials.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub(crate) struct Proxies(Arc<Variables>);

#[derive(Debug, Default, Eq, PartialEq)]
struct Variables {
    http: Option<Proxy>,
    https: Option<Proxy>,
    direct: Vec<Direct>,
}

/// A proxy that makes tunnels with `CONNECT`.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Proxy {
    /// The variable that names it.
    pub(crate) variable: &'static str,
    pub(crate) host: String,
    pub(crate) port: u16,
    /// User name and password.
    pub(crate) credentials: Option<(Secret, Secret)>,
}

/// What is reached without a proxy: an entry of `NO_PROXY`.
#[derive(Clone, Debug, Eq, PartialEq)]
enum Direct {
    Everything,
    /// This host and what is below it, on one port or on all.
    Host(String, Option<u16>),
    /// Only what is below this domain, which begins with a dot.
    Below(String),
    Network(IpAddr, u32),
}

impl Proxies {
    /// Reads the variables; upper case comes first. Also gives what is wrong with them.
    pub(crate) fn from_env(env: &Env) -> (Self, Vec<String>) {
        let mut problems = Vec::new();
        let mut first = |names: &[&'static str]| {
            names.iter().find_map(|name| match env.text(name) {
                Ok(text) => text.map(|text| (*name, text.trim())),
                Err(NotUtf8) => {
                    problems.push(format!("{name}: not valid UTF-8; ignored"));
                    None
                }
            })
        };
        let https = first(&["HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"]);
        let http = first(&["HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"]);
        let direct = first(&["NO_PROXY", "no_proxy"]);
        let direct = direct.map_or_else(Vec::new, |(_, list)| {
            list.split([',', ' ']).filter_map(Direct::parse).collect()
        });
        let mut parse = |(name, text): (&'static str, &str)| {
            let proxy = Proxy::parse(name, text);
            if proxy.is_none() {
                problems.push(format!("{name}: expected http://host:port; no proxy is used"));
            }
            proxy
        };
        let (https, http) = (https.and_then(&mut parse), http.and_then(&mut parse));
        (Self(Arc::new(Variables { http, https, direct })), problems)
    }

    /// The proxy on the way to a URL. What runs on this machine is behind none.
    pub(crate) fn on_the_way_to(&self, url: &Uri) -> Option<&Proxy> {
        let (proxy, usual_port) = match url.scheme_str() {
            Some("https") => (self.0.https.as_ref()?, 443),
            _ => (self.0.http.as_ref()?, 80),
        };
        let host = url.host()?.trim_start_matches('[').trim_end_matches(']').to_ascii_lowercase();
        let port = url.port_u16().unwrap_or(usual_port);
        let direct = is_loopback(&host) || self.0.direct.iter().any(|it| it.matches(&host, port));
        (!direct).then_some(proxy)
    }
}

impl Proxy {
    fn parse(variable: &'static str, text: &str) -> Option<Self> {
        let text = if text.contains("://") { text.to_owned() } else { format!("http://{text}") };
        let url: Uri = text.parse().ok()?;
        let host = url.host().filter(|host| !host.is_empty())?;
        if url.scheme_str() != Some("http") {
            return None;
        }
        let credentials = match url.authority()?.as_str().rsplit_once('@') {
            None => None,
            Some((user, _)) => {
                let (user, password) = user.split_once(':').unwrap_or((user, ""));
                let secret = |text| percent_decode(text).map(Secret::new);
                Some((secret(user)?, secret(password)?))
            }
        };
        let (host, port) = (host.to_owned(), url.port_u16().unwrap_or(80));
        Some(Self { variable, host, port, credentials })
    }
}

/// Host and port.
impl fmt::Display for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.host, self.port)
    }
}

impl Direct {
    fn parse(entry: &str) -> Option<Self> {
        let entry = entry.to_ascii_lowercase();
        if let Some((address, bits)) = entry.split_once('/') {
            return Some(Self::Network(address.parse().ok()?, bits.parse().ok()?));
        }
        if entry == "*" {
            return Some(Self::Everything);
        }
        match entry.strip_prefix('*').unwrap_or(&entry) {
            "" => None,
            entry if entry.starts_with('.') => Some(Self::Below(entry.to_owned())),
            entry => {
                // An IPv6 address is full of colons.
                let (host, port) = match entry.rsplit_once(':') {
                    Some((host, port)) if entry.parse::<IpAddr>().is_err() => {
                        (host, Some(port.parse().ok()?))
                    }
                    _ => (entry, None),
                };
                let host = host.trim_start_matches('[').trim_end_matches(']');
                Some(Self::Host(host.to_owned(), port))
            }
        }
    }

    fn matches(&self, host: &str, port: u16) -> bool {
        match self {
            Self::Everything => true,
            Self::Host(name, only) => {
                let below = host.strip_suffix(name.as_str());
                below.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
                    && only.is_none_or(|only| only == port)
            }
            Self::Below(domain) => host.ends_with(domain.as_str()),
            Self::Network(network, bits) => match (network, host.parse()) {
                (IpAddr::V4(network), Ok(IpAddr::V4(address))) => {
                    let differing = u32::from(*network) ^ u32::from(address);
                    differing.leading_zeros() >= *bits
                }
                (IpAddr::V6(network), Ok(IpAddr::V6(address))) => {
                    let differing = u128::from(*network) ^ u128::from(address);
                    differing.leading_zeros() >= *bits
                }
                _ => false,
            },
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(variables: &[(&str, &str)]) -> (Proxies, Vec<String>) {
        Proxies::from_env(&variables.iter().copied().collect())
    }

    fn way(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let (proxies, problems) = proxies(variables);
        assert_eq!(problems, [""; 0]);
        let url = url.parse().expect("a URL");
        proxies.on_the_way_to(&url).map(|proxy| format!("{} {proxy}", proxy.variable))
    }

    #[test]
    fn each_scheme_has_its_variable() {
        let all = [("HTTPS_PROXY", "http://s:1"), ("http_proxy", "p:2"), ("ALL_PROXY", "a")];
        for (variables, url, expected) in [
            (&all[..], "https://api.honeycomb.io", Some("HTTPS_PROXY s:1")),
            (&all, "http://collector:4318", Some("http_proxy p:2")),
            (&all[2..], "http://collector:4318", Some("ALL_PROXY a:80")),
            (&all[1..2], "https://api.honeycomb.io", None),
            (&all, "http://localhost:4318", None),
            (&all, "http://127.0.0.1:4318", None),
            (&all, "http://[::1]:4318", None),
        ] {
            assert_eq!(way(variables, url).as_deref(), expected, "{url}");
        }
    }

    #[test]
    fn what_no_proxy_names_is_reached_directly() {
        let direct = |list: &str, url: &str| {
            way(&[("HTTPS_PROXY", "http://p:1"), ("NO_PROXY", list)], url).is_none()
        };
        for (list, url, expected) in [
            ("*", "https://a.example.com", true),
            ("example.com", "https://example.com", true),
            ("example.com", "https://a.example.com", true),
            ("example.com", "https://badexample.com", false),
            (".example.com", "https://example.com", false),
            ("x, *.Example.com", "https://a.EXAMPLE.com", true),
            ("example.com:4318", "https://example.com:4318", true),
            ("example.com:4318", "https://example.com", false),
            ("10.0.0.0/8", "https://10.2.3.4", true),
            ("10.0.0.0/8", "https://11.2.3.4", false),
            ("10.0.0.0/8", "https://a10.2.3.4", false),
            ("fd00::/8", "https://[fd12::1]:4318", true),
            ("10.0.0.1", "https://10.0.0.1:4318", true),
            ("fd12::1", "https://[fd12::1]", true),
            ("", "https://example.com", false),
        ] {
            assert_eq!(direct(list, url), expected, "NO_PROXY={list} {url}");
        }
    }

    #[test]
    fn credentials_are_decoded_and_never_printed() {
        let (proxies, problems) = proxies(&[("HTTPS_PROXY", "http://me:s3cr%40t@p:3128/")]);
        assert_eq!(problems, [""; 0]);
        let proxy = proxies.0.https.clone().expect("a proxy");
        let (user, password) = proxy.credentials.as_ref().expect("credentials");
        assert_eq!((user.expose(), password.expose()), ("me", "s3cr@t"));
        assert!(!format!("{proxies:?} {proxy}").contains("s3cr"));
    }

    #[test]
    fn what_is_no_proxy_of_ours_is_told() {
        for text in ["socks5://p:1", "https://p:1", "http://", "a b"] {
            let (proxies, problems) = proxies(&[("HTTPS_PROXY", text)]);
            assert_eq!(proxies, Proxies::default());
            assert_eq!(
                problems,
                ["HTTPS_PROXY: expected http://host:port; no proxy is used"],
                "{text}"
            );
        }
    }
}
