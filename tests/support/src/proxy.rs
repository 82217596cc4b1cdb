//! A `CONNECT` proxy behind which there is no network: every host is a server on loopback.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};

use crate::http::lock;
use crate::tls::{Authority, decrypt};

/// A tunnel that was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct Tunnel {
    /// Host and port, as the client names them.
    pub target: String,
    /// The header `proxy-authorization`.
    pub authorization: Option<String>,
    /// Whether the client spoke TLS in it.
    pub tls: bool,
    /// Whether the client spoke HTTP/2.
    pub http2: bool,
}

/// The running proxy. A client that speaks TLS finds a server with a certificate for the host it
/// asked for; behind it, and behind plain text, stand an HTTP/1.1 and an HTTP/2 server.
#[derive(Debug)]
pub struct Proxy {
    address: SocketAddr,
    tunnels: Arc<Mutex<Vec<Tunnel>>>,
    answer: Arc<Mutex<&'static str>>,
}

impl Proxy {
    /// Starts it on a free port of 127.0.0.1.
    #[must_use]
    pub fn start(authority: Arc<Authority>, http: SocketAddr, http2: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("the port just bound");
        let tunnels = Arc::new(Mutex::new(Vec::new()));
        let answer = Arc::new(Mutex::new("200 Connection established"));
        let (seen, said) = (Arc::clone(&tunnels), Arc::clone(&answer));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (authority, seen) = (Arc::clone(&authority), Arc::clone(&seen));
                let said = *lock(&said);
                std::thread::spawn(move || tunnel(stream, said, &authority, &seen, http, http2));
            }
        });
        Self { address, tunnels, answer }
    }

    /// `http://127.0.0.1:<port>`, for `HTTPS_PROXY`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Host and port.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Refuses every further tunnel with this status, such as `407 Proxy Authentication Required`.
    pub fn refuse(&self, status: &'static str) {
        *lock(&self.answer) = status;
    }

    /// Every tunnel so far.
    #[must_use]
    pub fn tunnels(&self) -> Vec<Tunnel> {
        lock(&self.tunnels).clone()
    }
}

fn tunnel(
    mut stream: TcpStream,
    answer: &str,
    authority: &Authority,
    seen: &Mutex<Vec<Tunnel>>,
    http: SocketAddr,
    http2: SocketAddr,
) -> io::Result<()> {
    let head = read_head(&mut stream)?;
    let target = head.split(' ').nth(1).unwrap_or_default().to_owned();
    let authorization = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("proxy-authorization").then(|| value.trim().to_owned())
    });
    let mut tunnel = Tunnel { target, authorization, tls: false, http2: false };
    write!(stream, "HTTP/1.1 {answer}\r\n\r\n")?;
    if !answer.starts_with("200") {
        lock(seen).push(tunnel);
        return Ok(());
    }
    let mut first = [0; 3];
    let n = stream.peek(&mut first)?;
    // The first byte of a TLS handshake.
    if first[0] == 0x16 {
        tunnel.tls = true;
        let host = tunnel.target.rsplit_once(':').map_or("", |(host, _)| host).to_owned();
        let config = authority.server(&host, false);
        return decrypt(stream, &config, |protocol| {
            tunnel.http2 = protocol == Some(b"h2");
            let to = if tunnel.http2 { http2 } else { http };
            lock(seen).push(tunnel);
            to
        });
    }
    tunnel.http2 = first[..n] == *b"PRI";
    let to = if tunnel.http2 { http2 } else { http };
    lock(seen).push(tunnel);
    let back = TcpStream::connect(to)?;
    let (mut stream2, mut back2) = (stream.try_clone()?, back.try_clone()?);
    let answers = std::thread::spawn(move || io::copy(&mut back2, &mut stream2));
    let (mut stream, mut back) = (stream, back);
    io::copy(&mut stream, &mut back)?;
    back.shutdown(std::net::Shutdown::Both)?;
    let _ = answers.join();
    Ok(())
}

/// Byte by byte: what follows belongs to the tunnel.
fn read_head(stream: &mut TcpStream) -> io::Result<String> {
    let mut head = Vec::new();
    let mut byte = [0];
    while !head.ends_with(b"\r\n\r\n") {
        stream.read_exact(&mut byte)?;
        head.push(byte[0]);
    }
    Ok(String::from_utf8_lossy(&head).into_owned())
}
