//! TLS with a certificate authority of our own.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use tracing_genai_test_support::OtlpReceiver;

use super::*;
use crate::pipeline::tls::crypto_provider;
use crate::pipeline::transport::FailureKind;

#[test]
fn a_private_authority_is_trusted_when_it_is_named() {
    let receiver = OtlpReceiver::start();
    let pki = Pki::new("ca");
    let front = pki.serve(receiver.address(), false);
    let mut to = destination("default", &format!("https://localhost:{}", front.port()));
    to.ca_cert = Some(pki.file("ca.pem", &pki.authority.pem()));
    let running = Running::start(&settings(vec![to]));
    running.numbered(3);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 3);
}

#[test]
fn an_unknown_authority_is_refused_and_said_so() {
    let receiver = OtlpReceiver::start();
    let pki = Pki::new("unknown");
    let front = pki.serve(receiver.address(), false);
    let to = destination("default", &format!("https://localhost:{}", front.port()));
    let running = Running::start(&settings(vec![to]));
    running.numbered(3);
    running.pipeline.shutdown(Duration::from_secs(5)).unwrap_err();
    assert_eq!(receiver.requests().len(), 0);
    let snapshot = running.snapshot();
    let (_, error) = snapshot.destinations[0].last_error.clone().unwrap();
    assert_eq!(error.kind, FailureKind::Tls, "{error:?}");
    assert!(error.message.contains("certificate"), "{error:?}");
}

#[test]
fn a_client_certificate_is_shown_when_asked_for() {
    let receiver = OtlpReceiver::start();
    let pki = Pki::new("mutual");
    let front = pki.serve(receiver.address(), true);
    let mut to = destination("default", &format!("https://localhost:{}", front.port()));
    to.ca_cert = Some(pki.file("ca.pem", &pki.authority.pem()));
    let (cert, key) = pki.certificate("client");
    to.client_cert = Some(pki.file("client.pem", &cert));
    to.client_key = Some(pki.file("client.key", &key));
    let running = Running::start(&settings(vec![to]));
    running.numbered(3);
    running.pipeline.flush(PATIENCE).unwrap();
    assert_eq!(receiver.span_count(), 3);
}

#[test]
fn unusable_files_are_errors_that_name_them() {
    let pki = Pki::new("files");
    let (_, key) = pki.certificate("client");
    let key = pki.file("only.key", &key);
    let empty = pki.file("empty.pem", "");
    let missing = pki.directory.join("missing.pem");
    for (path, reason) in [(&key, "no certificate"), (&empty, "no certificate"), (&missing, "")] {
        let mut to = destination("default", "https://localhost:1");
        to.ca_cert = Some(path.clone());
        let error = {
            let settings = settings(vec![to]);
            Pipeline::start(&settings, core(&settings))
        }
        .unwrap_err();
        let error = error.to_string();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(error.contains(name) && error.contains(reason), "{error}");
        assert!(!error.contains("PRIVATE"), "{error}");
    }
}

/// A certificate authority with a directory for its files.
struct Pki {
    authority: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
}

impl Pki {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().unwrap();
        let authority = CertifiedIssuer::self_signed(params, key).unwrap();
        let directory =
            std::env::temp_dir().join(format!("tracing-genai-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&directory).unwrap();
        Self { authority, directory }
    }

    fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(name);
        std::fs::write(&path, text).unwrap();
        path
    }

    /// A certificate and its key in PEM form.
    fn certificate(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec![host.to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.authority).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// A TLS server that hands what it decrypts to `backend`.
    fn serve(&self, backend: SocketAddr, ask_for_client: bool) -> SocketAddr {
        let (certificate, key) = self.certificate("localhost");
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap()];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
        let builder = ServerConfig::builder_with_provider(crypto_provider())
            .with_safe_default_protocol_versions()
            .unwrap();
        let builder = if ask_for_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.authority.der().clone()).unwrap();
            let verifier =
                WebPkiClientVerifier::builder_with_provider(Arc::new(roots), crypto_provider());
            builder.with_client_cert_verifier(verifier.build().unwrap())
        } else {
            builder.with_no_client_auth()
        };
        let config = Arc::new(builder.with_single_cert(chain, key).unwrap());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                std::thread::spawn(move || relay(stream, &config, backend));
            }
        });
        address
    }
}

impl Drop for Pki {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// One request after the other: all that an exporter's connection needs.
fn relay(stream: TcpStream, config: &Arc<ServerConfig>, backend: SocketAddr) {
    let Ok(connection) = ServerConnection::new(Arc::clone(config)) else { return };
    let mut front = StreamOwned::new(connection, stream);
    let Ok(mut back) = TcpStream::connect(backend) else { return };
    let mut buffer = vec![0; 64 * 1024];
    let timeout = Some(Duration::from_millis(20));
    if front.sock.set_read_timeout(timeout).is_err() || back.set_read_timeout(timeout).is_err() {
        return;
    }
    loop {
        match front.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) if back.write_all(&buffer[..n]).is_err() => break,
            Err(error) if !would_block(&error) => break,
            _ => {}
        }
        match back.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) if front.write_all(&buffer[..n]).is_err() => break,
            Err(error) if !would_block(&error) => break,
            _ => {}
        }
    }
    let _ = back.shutdown(Shutdown::Both);
}

fn would_block(error: &std::io::Error) -> bool {
    matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut)
}
