//! The address of a receiver, and where it takes each signal.

use std::fmt;
use std::net::Ipv6Addr;

use super::settings::Protocol;
use crate::config::say::keys::Signal;
use crate::policy::shown_url;

/// A checked http or https address. Prints without its query.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Address {
    https: bool,
    /// Host with port, as written but for the case of letters.
    authority: String,
    /// Empty or starts with `/`.
    path: String,
    /// Starts with `?` or is empty.
    query: String,
}

/// What is wrong with an address. `help` says what would be right.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct BadAddress {
    pub(crate) message: String,
    pub(crate) help: Option<String>,
}

impl Address {
    /// Reads what a user wrote. A gRPC address may stand without a scheme; `insecure` says which
    /// one it means.
    pub(crate) fn parse(
        text: &str,
        protocol: Protocol,
        insecure: bool,
    ) -> Result<Self, BadAddress> {
        let text = text.trim();
        if text.len() > MAX_LENGTH {
            return bad(format!(
                "expected a URL of at most {MAX_LENGTH} bytes, got {}",
                text.len()
            ));
        }
        if text.contains(|c: char| c.is_control() || c == ' ') {
            return bad("a URL with a space, a line break or a control character in it");
        }
        if text.contains('\\') {
            return bad("a URL with a backslash in it");
        }
        let (https, rest) = scheme(text, protocol, insecure)?;
        if rest.contains('#') {
            return bad("a URL with a fragment (`#…`)");
        }
        let end = rest.find(['/', '?']).unwrap_or(rest.len());
        let (authority, rest) = rest.split_at(end);
        if let Some((_, host)) = authority.rsplit_once('@') {
            let scheme = if https { "https" } else { "http" };
            return Err(BadAddress {
                message: format!(
                    "credentials in the URL are not supported: {scheme}://[redacted]@{}",
                    clean(host)
                ),
                help: Some(String::from("put them in `headers`")),
            });
        }
        check_authority(authority)?;
        let (path, query) = match rest.find('?') {
            Some(at) => rest.split_at(at),
            None => (rest, ""),
        };
        if !path.is_ascii() || !query.is_ascii() {
            return bad("a URL with letters outside ASCII; percent-encode them");
        }
        Ok(Self {
            https,
            authority: authority.to_ascii_lowercase(),
            path: path.to_owned(),
            query: query.to_owned(),
        })
    }

    /// The URL of one signal, where the address is the base of all.
    ///
    /// An address that names a signal already is taken as that signal's, and the others are its
    /// siblings. `append_always` is how OpenTelemetry reads its general variable.
    pub(crate) fn signal_url(
        &self,
        signal: Signal,
        protocol: Protocol,
        append_always: bool,
    ) -> String {
        if protocol == Protocol::Grpc {
            return self.origin();
        }
        let base = match self.named_signal() {
            Some(_) if !append_always => {
                let path = self.path.trim_end_matches('/');
                path.rfind("/v1/").map_or("", |at| &path[..at])
            }
            _ => self.path.trim_end_matches('/'),
        };
        format!("{}{base}/v1/{}{}", self.origin(), signal.name(), self.query)
    }

    /// The URL where the address was given for one signal: as it is.
    pub(crate) fn exact_url(&self, protocol: Protocol) -> String {
        if protocol == Protocol::Grpc {
            return self.origin();
        }
        let path = if self.path.is_empty() { "/" } else { &self.path };
        format!("{}{path}{}", self.origin(), self.query)
    }

    /// The signal whose path the address ends in.
    pub(crate) fn named_signal(&self) -> Option<Signal> {
        let path = self.path.trim_end_matches('/');
        Signal::EACH.into_iter().find(|signal| {
            path.strip_suffix(signal.name()).is_some_and(|rest| rest.ends_with("/v1/"))
        })
    }

    /// Scheme, host and port.
    pub(crate) fn origin(&self) -> String {
        format!("{}://{}", if self.https { "https" } else { "http" }, self.authority)
    }

    pub(crate) fn host(&self) -> &str {
        split_port(&self.authority).map_or("", |(host, _)| host)
    }

    pub(crate) fn port(&self) -> Option<u16> {
        split_port(&self.authority).ok()?.1
    }

    pub(crate) fn has_path(&self) -> bool {
        !matches!(self.path.as_str(), "" | "/")
    }

    /// A part in angle brackets, as documentation writes what is to be filled in.
    pub(crate) fn placeholder(&self) -> Option<&str> {
        let start = self.authority.find('<')?;
        let length = self.authority[start..].find('>')?;
        Some(&self.authority[start..=start + length])
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&shown_url(&format!("{}{}{}", self.origin(), self.path, self.query)))
    }
}

fn scheme(text: &str, protocol: Protocol, insecure: bool) -> Result<(bool, &str), BadAddress> {
    let lower = text.get(..8).unwrap_or(text).to_ascii_lowercase();
    if lower.starts_with("https://") {
        return Ok((true, &text[8..]));
    }
    if lower.starts_with("http://") {
        return Ok((false, &text[7..]));
    }
    if lower.starts_with("unix:") {
        return Err(BadAddress {
            message: String::from("unix sockets are not supported"),
            help: Some(String::from("use http://host:port")),
        });
    }
    if let Some((scheme, _)) = text.split_once("://") {
        return bad(format!("expected an http or https URL, got the scheme {:?}", clean(scheme)));
    }
    if protocol == Protocol::Grpc && !text.starts_with('/') && !text.is_empty() {
        return Ok((!insecure, text));
    }
    let example = match split_port(text.split(['/', '?']).next().unwrap_or_default()) {
        // Without a port it may be anything, also a token in the wrong place.
        Ok((host, Some(port))) if is_host(host) => format!("http://{host}:{port}"),
        _ => String::from("http://localhost:4318"),
    };
    Err(BadAddress {
        message: String::from("expected a URL that starts with http:// or https://"),
        help: Some(format!("for example {example}")),
    })
}

fn check_authority(authority: &str) -> Result<(), BadAddress> {
    let Ok((host, port)) = split_port(authority) else {
        return bad("a URL whose port is not a number from 1 to 65535");
    };
    if port == Some(0) {
        return bad("a URL with port 0");
    }
    if host.is_empty() {
        return bad("a URL without a host");
    }
    if !host.is_ascii() {
        return Err(BadAddress {
            message: String::from("a host name with letters outside ASCII"),
            help: Some(String::from("write it in punycode (xn--…)")),
        });
    }
    if is_host(host) { Ok(()) } else { bad("a URL whose host is not a name or an address") }
}

fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[') {
        return inner.strip_suffix(']').is_some_and(|ip| ip.parse::<Ipv6Addr>().is_ok());
    }
    let placeholder = host.contains('<') && host.contains('>');
    !host.is_empty()
        && host.len() <= 253
        && host.chars().all(|c| {
            c.is_ascii_alphanumeric()
                || matches!(c, '-' | '.' | '_')
                || (placeholder && matches!(c, '<' | '>'))
        })
}

/// Host and port of an authority.
fn split_port(authority: &str) -> Result<(&str, Option<u16>), ()> {
    let after_host = authority.rfind(']').map_or(0, |at| at + 1);
    match authority[after_host..].rfind(':') {
        None => Ok((authority, None)),
        Some(at) => {
            let (host, port) = authority.split_at(after_host + at);
            let digits = &port[1..];
            if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
                return Err(());
            }
            digits.parse().map(|port| (host, Some(port))).map_err(|_| ())
        }
    }
}

/// Short and printable, for a message.
fn clean(text: &str) -> String {
    text.chars().take(64).filter(|c| c.is_ascii_graphic()).collect()
}

fn bad<T>(message: impl Into<String>) -> Result<T, BadAddress> {
    Err(BadAddress { message: message.into(), help: None })
}

const MAX_LENGTH: usize = 2048;
