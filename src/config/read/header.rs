//! Names and values of headers, checked before anyone sends them.

/// The name as it is sent.
///
/// # Errors
///
/// What is wrong, without the name: people paste tokens into the wrong side of the colon.
pub(crate) fn name(text: &str) -> Result<String, &'static str> {
    let name = text.trim().to_ascii_lowercase();
    if name.is_empty() {
        return Err("a header with an empty name");
    }
    if name.len() > MAX_NAME {
        return Err("a header name of more than 256 bytes");
    }
    if !name.bytes().all(is_token) {
        return Err("a header name with a character that no header name may have");
    }
    if FRAMING.contains(&name.as_str()) || name.starts_with("grpc-") {
        return Err("a header that only the transport may set");
    }
    if name.ends_with("-bin") {
        return Err("a binary header (`-bin`), which is not supported");
    }
    Ok(name)
}

/// The value as it is sent.
///
/// # Errors
///
/// What is wrong and at which byte, without the value.
pub(crate) fn value(text: &str) -> Result<&str, String> {
    let value = text.trim_matches([' ', '\t', '\r', '\n']);
    if value.len() > MAX_VALUE {
        return Err(format!("more than {MAX_VALUE} bytes"));
    }
    match value.bytes().enumerate().find(|(_, byte)| !matches!(byte, b'\t' | b' '..=b'~')) {
        None => Ok(value),
        Some((at, b'\r' | b'\n')) => Err(format!("a line break at byte {at}")),
        Some((at, byte)) if byte < b' ' || byte == 0x7f => {
            Err(format!("a control character at byte {at}"))
        }
        Some((at, _)) => Err(format!("a character outside ASCII at byte {at}")),
    }
}

/// What is left of credentials whose scheme stands twice: `Basic ${TOKEN}` around a variable that
/// begins with `Basic` itself.
pub(crate) fn without_second_scheme(value: &str) -> Option<&str> {
    let (first, rest) = value.split_once(' ')?;
    let rest = rest.trim_start();
    let (second, _) = rest.split_once(' ')?;
    first.eq_ignore_ascii_case(second).then_some(rest)
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Set by the client from the body it sends; saying it in the configuration has no effect.
pub(crate) const CONTENT_TYPE: &str = "content-type";

pub(crate) const MAX_HEADERS: usize = 64;
pub(crate) const MAX_TOTAL: usize = 32 * 1024;
const MAX_NAME: usize = 256;
const MAX_VALUE: usize = 8 * 1024;
const FRAMING: [&str; 8] = [
    "connection",
    "content-encoding",
    "content-length",
    "host",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_that_stands_twice_is_seen() {
        for (value, rest) in [
            ("Basic Basic YTpi", Some("Basic YTpi")),
            ("Bearer  bearer t", Some("bearer t")),
            ("Api-Token api-token t", Some("api-token t")),
            ("Basic YTpi", None),
            ("raw-token", None),
            ("Basic Basic", None),
        ] {
            assert_eq!(without_second_scheme(value), rest, "{value}");
        }
    }
}
