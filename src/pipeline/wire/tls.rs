//! TLS for exporters: rustls with ring, named explicitly because another crate of the
//! application may have enabled a second crypto provider.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use rustls::crypto::CryptoProvider;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};

use crate::config::settings::Route;
use crate::pipeline::delivery::StartError;

/// The TLS settings of a route, with its files read and checked.
pub(crate) fn tls_config(name: &str, route: &Route) -> Result<TlsConfig, StartError> {
    let provider = crypto_provider();
    let roots = match &route.ca_cert {
        Some(path) => {
            let certificates = PemFile::read(name, path)?.certificates()?;
            RootCerts::new_with_certs(&certificates)
        }
        None if !needs_tls(route) || system_roots_work(&provider) => RootCerts::PlatformVerifier,
        // Containers built from nothing have no certificates.
        None => RootCerts::WebPki,
    };
    let client = match client_files(name, route)? {
        Some((cert, key)) => {
            Some(ClientCert::new_with_certs(&cert.certificates()?, key.private_key()?))
        }
        None => None,
    };
    Ok(TlsConfig::builder()
        .root_certs(roots)
        .client_cert(client)
        .unversioned_rustls_crypto_provider(provider)
        .build())
}

/// The client's certificate and its key, where the route has them.
pub(crate) fn client_files<'a>(
    name: &'a str,
    route: &'a Route,
) -> Result<Option<(PemFile<'a>, PemFile<'a>)>, StartError> {
    match (&route.client_cert, &route.client_key) {
        (Some(cert), Some(key)) => {
            Ok(Some((PemFile::read(name, cert)?, PemFile::read(name, key)?)))
        }
        (Some(path), None) => Err(problem(name, path, "a client certificate needs its key too")),
        (None, Some(path)) => Err(problem(name, path, "a client key needs its certificate too")),
        (None, None) => Ok(None),
    }
}

pub(crate) fn crypto_provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

fn needs_tls(route: &Route) -> bool {
    route.url.get(..6).is_some_and(|start| start.eq_ignore_ascii_case("https:"))
}

pub(crate) fn system_roots_work(provider: &Arc<CryptoProvider>) -> bool {
    rustls_platform_verifier::Verifier::new(Arc::clone(provider)).is_ok()
}

/// A file of certificates or keys.
pub(crate) struct PemFile<'a> {
    destination: &'a str,
    path: &'a Path,
    bytes: Vec<u8>,
}

impl<'a> PemFile<'a> {
    /// Reads a regular file of at most 1 MiB.
    pub(crate) fn read(destination: &'a str, path: &'a Path) -> Result<Self, StartError> {
        let mut bytes = Vec::new();
        let file = File::open(path).and_then(|file| match file.metadata()?.is_file() {
            true => Ok(file),
            false => Err(std::io::Error::other("not a regular file")),
        });
        file.and_then(|file| file.take(MAX_PEM_BYTES + 1).read_to_end(&mut bytes))
            .map_err(|error| problem(destination, path, &error.to_string()))?;
        match bytes.len() as u64 > MAX_PEM_BYTES {
            true => Err(problem(destination, path, "larger than 1 MiB")),
            false => Ok(Self { destination, path, bytes }),
        }
    }

    pub(crate) fn certificates(&self) -> Result<Vec<Certificate<'static>>, StartError> {
        let mut certificates = Vec::new();
        for item in parse_pem(&self.bytes) {
            match item {
                Ok(PemItem::Certificate(certificate)) => certificates.push(certificate),
                Ok(_) => {}
                Err(_) => return Err(self.problem("not a PEM file")),
            }
        }
        match certificates.is_empty() {
            true => Err(self.problem("no certificate in PEM form in this file")),
            false => Ok(certificates),
        }
    }

    pub(crate) fn private_key(&self) -> Result<PrivateKey<'static>, StartError> {
        // The error of the parser could quote the key.
        PrivateKey::from_pem(&self.bytes)
            .map_err(|_| self.problem("no private key in PEM form in this file"))
    }

    #[cfg(feature = "otel-grpc")]
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    fn problem(&self, reason: &str) -> StartError {
        problem(self.destination, self.path, reason)
    }
}

fn problem(destination: &str, path: &Path, reason: &str) -> StartError {
    StartError::Tls {
        destination: destination.to_owned(),
        path: path.to_owned(),
        reason: reason.to_owned(),
    }
}

const MAX_PEM_BYTES: u64 = 1 << 20;
