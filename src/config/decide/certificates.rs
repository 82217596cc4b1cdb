//! Whether the certificate files that a configuration names can be what they should be.

use std::path::Path;

use super::settings::Settings;
use crate::config::read::problem::{Origin, Problem};
use crate::config::read::source;

/// Certificates and keys that are missing, too large or something else.
pub(crate) fn problems(settings: &Settings) -> Vec<Problem> {
    let mut problems = Vec::new();
    for route in settings.destinations.iter().filter_map(|to| to.routes().next()) {
        let files = [
            ("tls_ca_cert", &route.ca_cert, "CERTIFICATE-----"),
            ("tls.cert_file", &route.client_cert, "CERTIFICATE-----"),
            ("tls.key_file", &route.client_key, "PRIVATE KEY-----"),
        ];
        for (key, path, marker) in files {
            if let Some(path) = path
                && let Err(reason) = check(path, marker)
            {
                let message = format!("{}: {reason}", path.display());
                problems.push(Problem::new(Origin::Default, key, message));
            }
        }
    }
    problems
}

fn check(path: &Path, marker: &str) -> Result<(), String> {
    let bytes = source::read_bounded(path, MAX_BYTES)?;
    if bytes.is_empty() {
        return Err(String::from("it is empty"));
    }
    let text = String::from_utf8(bytes).unwrap_or_default();
    if text.contains(marker) {
        Ok(())
    } else if text.contains("PRIVATE KEY-----") {
        Err(String::from("expected a PEM certificate, got a private key"))
    } else {
        Err(format!("expected PEM text with `{}`", marker.trim_end_matches('-')))
    }
}

const MAX_BYTES: u64 = 1024 * 1024;
