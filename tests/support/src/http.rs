//! A small HTTP/1.1 server on loopback whose misbehaviour can be programmed.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// A request as it arrived.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Request {
    /// `POST`, `GET`, …
    pub method: String,
    /// Path and query as sent.
    pub path: String,
    /// In the order of arrival, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The bytes after the head, with the transfer coding removed and the content coding kept.
    pub body: Vec<u8>,
    /// The request line and the headers, byte for byte.
    pub head: Vec<u8>,
}

impl Request {
    /// The first value of a header; `name` in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// The body with its content coding (`gzip`) removed.
    #[must_use]
    pub fn decoded_body(&self) -> Vec<u8> {
        match self.header("content-encoding") {
            Some("gzip") => {
                let mut plain = Vec::new();
                match flate2::read::MultiGzDecoder::new(&self.body[..]).read_to_end(&mut plain) {
                    Ok(_) => plain,
                    Err(_) => self.body.clone(),
                }
            }
            _ => self.body.clone(),
        }
    }
}

/// What a server does with a request.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reply {
    /// A complete answer.
    Whole {
        /// HTTP status code.
        status: u16,
        /// Header names and values; `content-length` is added.
        headers: Vec<(String, String)>,
        /// The body.
        body: Vec<u8>,
    },
    /// A chunked answer, one flush a chunk.
    Chunked {
        /// HTTP status code.
        status: u16,
        /// Header names and values; `transfer-encoding` is added.
        headers: Vec<(String, String)>,
        /// The pieces of the body.
        chunks: Vec<Vec<u8>>,
        /// Waits so long before each piece but the first.
        pause: Duration,
        /// Drops the connection after the last piece instead of ending the body.
        cut: bool,
    },
    /// These bytes instead of HTTP, then the connection is closed.
    Raw(Vec<u8>),
    /// The connection stays open and nothing is ever sent.
    Silence,
    /// The connection is closed without an answer.
    Close,
    /// The connection is reset.
    Reset,
    /// Waits, then does the other thing.
    After(Duration, Box<Reply>),
}

impl Reply {
    /// A complete answer without a body.
    #[must_use]
    pub fn status(status: u16) -> Self {
        Self::Whole { status, headers: Vec::new(), body: Vec::new() }
    }

    /// A complete JSON answer.
    #[must_use]
    pub fn json(status: u16, body: &serde_json::Value) -> Self {
        Self::Whole {
            status,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_string().into_bytes(),
        }
    }
}

/// Decides on requests. [`Service::early`] sees the head alone, so that a connection can be cut
/// before its body was read.
pub(crate) trait Service: Send + Sync + 'static {
    fn early(&self, _head: &Request) -> Option<Reply> {
        None
    }

    fn reply(&self, request: Request) -> Reply;
}

/// The running server; dropping it closes every connection.
#[derive(Debug)]
pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
    acceptor: Option<JoinHandle<()>>,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    stopped: Condvar,
}

#[derive(Debug, Default)]
struct State {
    stop: bool,
    connections: Vec<TcpStream>,
}

impl Server {
    pub(crate) fn start(service: Arc<dyn Service>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a loopback port");
        let address = listener.local_addr().expect("the port just bound");
        let shared = Arc::new(Shared::default());
        let acceptor = {
            let shared = Arc::clone(&shared);
            std::thread::Builder::new()
                .name("test-server".into())
                .spawn(move || accept(&listener, &shared, &service))
                .expect("a thread")
        };
        Self { address, shared, acceptor: Some(acceptor) }
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections accepted so far and not yet closed by us.
    pub(crate) fn connections(&self) -> usize {
        lock(&self.shared.state).connections.len()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        {
            let mut state = lock(&self.shared.state);
            state.stop = true;
            for connection in state.connections.drain(..) {
                let _ = connection.shutdown(Shutdown::Both);
            }
        }
        self.shared.stopped.notify_all();
        // `accept` has no cancellation; a connection of our own wakes it.
        let _ = TcpStream::connect(self.address);
        if let Some(acceptor) = self.acceptor.take() {
            let _ = acceptor.join();
        }
    }
}

fn accept(listener: &TcpListener, shared: &Arc<Shared>, service: &Arc<dyn Service>) {
    for stream in listener.incoming() {
        let Ok(stream) = stream else { continue };
        {
            let mut state = lock(&shared.state);
            if state.stop {
                return;
            }
            let Ok(handle) = stream.try_clone() else { continue };
            state.connections.push(handle);
        }
        let (shared, service) = (Arc::clone(shared), Arc::clone(service));
        let _ = std::thread::Builder::new().name("test-connection".into()).spawn(move || {
            let peer = stream.peer_addr();
            let _ = serve(stream, &shared, service.as_ref());
            lock(&shared.state)
                .connections
                .retain(|open| !matches!((open.peer_addr(), &peer), (Ok(a), Ok(b)) if a == *b));
        });
    }
}

fn serve(stream: TcpStream, shared: &Shared, service: &dyn Service) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut reader = BufReader::new(stream.try_clone()?);
    let mut writer = stream;
    while let Some(mut request) = read_head(&mut reader)? {
        let reply = match service.early(&request) {
            Some(reply) => reply,
            None => {
                if request.header("expect").is_some_and(|value| value == "100-continue") {
                    writer.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                }
                request.body = read_body(&mut reader, &request)?;
                service.reply(request)
            }
        };
        if !send(&mut writer, shared, reply)? {
            break;
        }
    }
    writer.shutdown(Shutdown::Both)
}

/// Sends a reply; `false` when the connection is finished with.
fn send(writer: &mut TcpStream, shared: &Shared, reply: Reply) -> io::Result<bool> {
    match reply {
        Reply::Whole { status, headers, body } => {
            let mut out = head_bytes(status, &headers);
            out.extend_from_slice(format!("content-length: {}\r\n\r\n", body.len()).as_bytes());
            out.extend_from_slice(&body);
            writer.write_all(&out)?;
            Ok(true)
        }
        Reply::Chunked { status, headers, chunks, pause, cut } => {
            let mut out = head_bytes(status, &headers);
            out.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
            writer.write_all(&out)?;
            for (index, chunk) in chunks.iter().enumerate() {
                if index > 0 && !pause.is_zero() && shared.wait(pause) {
                    return Ok(false);
                }
                let mut piece = format!("{:x}\r\n", chunk.len()).into_bytes();
                piece.extend_from_slice(chunk);
                piece.extend_from_slice(b"\r\n");
                writer.write_all(&piece)?;
            }
            if cut {
                return Ok(false);
            }
            writer.write_all(b"0\r\n\r\n")?;
            Ok(true)
        }
        Reply::Raw(bytes) => {
            writer.write_all(&bytes)?;
            Ok(false)
        }
        Reply::Silence => {
            shared.wait_for_stop();
            Ok(false)
        }
        Reply::Close => Ok(false),
        Reply::Reset => {
            socket2::SockRef::from(&*writer).set_linger(Some(Duration::ZERO))?;
            // The kept clone would hold the descriptor open, and `shutdown` would say goodbye.
            lock(&shared.state).connections.retain(
                |open| !matches!((open.peer_addr(), writer.peer_addr()), (Ok(a), Ok(b)) if a == b),
            );
            Err(io::ErrorKind::ConnectionReset.into())
        }
        Reply::After(delay, reply) => {
            if shared.wait(delay) {
                return Ok(false);
            }
            send(writer, shared, *reply)
        }
    }
}

impl Shared {
    /// Waits for the time or for the stop, whichever comes first; `true` for the stop.
    fn wait(&self, time: Duration) -> bool {
        let until = Instant::now() + time;
        let mut state = lock(&self.state);
        while !state.stop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state =
                self.stopped.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        true
    }

    fn wait_for_stop(&self) {
        let mut state = lock(&self.state);
        while !state.stop {
            state = self.stopped.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn head_bytes(status: u16, headers: &[(String, String)]) -> Vec<u8> {
    let mut out = format!("HTTP/1.1 {status} {}\r\n", reason(status));
    for (name, value) in headers {
        out.push_str(&format!("{name}: {value}\r\n"));
    }
    out.into_bytes()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        401 => "Unauthorized",
        403 => "Forbidden",
        404 => "Not Found",
        413 => "Payload Too Large",
        429 => "Too Many Requests",
        500 => "Internal Server Error",
        503 => "Service Unavailable",
        _ => "Status",
    }
}

fn read_head(reader: &mut BufReader<TcpStream>) -> io::Result<Option<Request>> {
    let mut head = Vec::new();
    loop {
        let start = head.len();
        if reader.read_until(b'\n', &mut head)? == 0 {
            return Ok(None);
        }
        if matches!(&head[start..], b"\r\n" | b"\n") {
            break;
        }
    }
    let text = String::from_utf8_lossy(&head).into_owned();
    let mut lines = text.lines();
    let mut words = lines.next().unwrap_or_default().split(' ');
    let method = words.next().unwrap_or_default().to_owned();
    let path = words.next().unwrap_or_default().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.trim().to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Some(Request { method, path, headers, body: Vec::new(), head }))
}

fn read_body(reader: &mut BufReader<TcpStream>, request: &Request) -> io::Result<Vec<u8>> {
    if request.header("transfer-encoding").is_some_and(|value| value.contains("chunked")) {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            reader.read_line(&mut line)?;
            let size = line.trim().split(';').next().unwrap_or_default();
            let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
            let mut chunk = vec![0; size];
            reader.read_exact(&mut chunk)?;
            body.extend_from_slice(&chunk);
            line.clear();
            reader.read_line(&mut line)?;
            if size == 0 {
                return Ok(body);
            }
        }
    }
    let length = request.header("content-length").and_then(|value| value.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    reader.read_exact(&mut body)?;
    Ok(body)
}
