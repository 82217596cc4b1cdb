//! A certificate authority, and servers that decrypt for a plain one behind them.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

/// A certificate authority that nobody trusts unasked, with a directory for its files.
#[derive(Debug)]
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
    directory: PathBuf,
}

impl Authority {
    /// Makes one. Its files are gone when it is dropped.
    #[must_use]
    pub fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("tracing-genai-authority-{}-{number}", std::process::id());
        let directory = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&directory).expect("a temporary directory");
        let mut params = CertificateParams::new(Vec::new()).expect("no names");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key");
        let issuer = CertifiedIssuer::self_signed(params, key).expect("a certificate");
        Self { issuer, directory }
    }

    /// A file with the authority's certificate in PEM form, for `tls_ca_cert`.
    #[must_use]
    pub fn ca_file(&self) -> PathBuf {
        self.file("ca.pem", &self.issuer.pem())
    }

    /// A certificate for a host and its key, in PEM form.
    #[must_use]
    pub fn certificate(&self, host: &str) -> (String, String) {
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(vec![host.to_owned()]).expect("a host name");
        let certificate = params.signed_by(&key, &self.issuer).expect("a certificate");
        (certificate.pem(), key.serialize_pem())
    }

    /// Files with a client's certificate and its key.
    #[must_use]
    pub fn client_files(&self) -> (PathBuf, PathBuf) {
        let (certificate, key) = self.certificate("client");
        (self.file("client.pem", &certificate), self.file("client.key", &key))
    }

    /// Writes a file beside those of the authority.
    #[must_use]
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.join(name);
        std::fs::write(&path, text).expect("a temporary file");
        path
    }

    /// Where the files are.
    #[must_use]
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// The settings of a server that calls itself `host`, speaks HTTP/1.1 and HTTP/2 and, if so
    /// asked, wants a client certificate of this authority.
    #[must_use]
    pub fn server(&self, host: &str, wants_client: bool) -> Arc<ServerConfig> {
        let (certificate, key) = self.certificate(host);
        let chain = vec![CertificateDer::from_pem_slice(certificate.as_bytes()).expect("PEM")];
        let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).expect("PEM");
        let builder = ServerConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()
            .expect("versions of TLS");
        let builder = if wants_client {
            let mut roots = RootCertStore::empty();
            roots.add(self.issuer.der().clone()).expect("a certificate");
            let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider());
            builder.with_client_cert_verifier(verifier.build().expect("a verifier"))
        } else {
            builder.with_no_client_auth()
        };
        let mut config = builder.with_single_cert(chain, key).expect("a certificate and its key");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Arc::new(config)
    }

    /// Starts a TLS server on a loopback port that calls itself `localhost` and hands what it
    /// decrypts to `backend`.
    #[must_use]
    pub fn serve(&self, backend: SocketAddr, wants_client: bool) -> SocketAddr {
        let config = self.server("localhost", wants_client);
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("the port just bound");
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let config = Arc::clone(&config);
                std::thread::spawn(move || decrypt(stream, &config, |_| backend));
            }
        });
        address
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Authority {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.directory);
    }
}

/// Speaks TLS on `stream` and plain text with the backend, which may depend on the protocol that
/// the client chose.
pub(crate) fn decrypt(
    mut stream: TcpStream,
    config: &Arc<ServerConfig>,
    backend: impl FnOnce(Option<&[u8]>) -> SocketAddr,
) -> io::Result<()> {
    let mut connection = ServerConnection::new(Arc::clone(config)).map_err(io::Error::other)?;
    stream.set_nodelay(true)?;
    while connection.is_handshaking() {
        connection.complete_io(&mut stream)?;
    }
    let back = TcpStream::connect(backend(connection.alpn_protocol()))?;
    relay(StreamOwned::new(connection, stream), back)
}

/// Either side may speak at any time, and the TLS state belongs to one thread: it looks at both
/// in turns.
fn relay(
    mut front: StreamOwned<ServerConnection, TcpStream>,
    mut back: TcpStream,
) -> io::Result<()> {
    let mut buffer = vec![0; 64 * 1024];
    front.sock.set_read_timeout(Some(TURN))?;
    back.set_read_timeout(Some(TURN))?;
    back.set_nodelay(true)?;
    loop {
        match front.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => back.write_all(&buffer[..n])?,
            Err(error) if is_late(&error) => {}
            Err(_) => break,
        }
        match back.read(&mut buffer) {
            Ok(0) => break,
            Ok(n) => front.write_all(&buffer[..n])?,
            Err(error) if is_late(&error) => {}
            Err(_) => break,
        }
    }
    front.conn.send_close_notify();
    let _ = front.flush();
    back.shutdown(Shutdown::Both)
}

fn is_late(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

const TURN: Duration = Duration::from_millis(5);
