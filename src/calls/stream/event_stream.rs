//! Streams of bytes in the framing of Amazon's event streams (`application/vnd.amazon.eventstream`).

use serde_json::{Map, Value};

use super::{Accumulate, Answer};

/// Reads pieces of a body of frames whose payload is JSON, and names each event by the frame's
/// `:event-type` or `:exception-type`. A frame with an `:error-code` fails the answer.
///
/// The pieces may be cut anywhere. Checksums are the client's business and are not checked. A
/// frame longer than 16 MiB, which Amazon does not send, ends the reading.
#[derive(Clone, Debug)]
pub struct EventStream<A> {
    inner: A,
    frame: Vec<u8>,
    broken: bool,
}

/// Two lengths and their checksum.
const PRELUDE: usize = 12;
const CHECKSUM: usize = 4;
const LONGEST_FRAME: usize = 16 << 20;

impl<A> EventStream<A> {
    /// Over the accumulator of the events, for instance [`Bedrock`](super::Bedrock).
    pub const fn new(inner: A) -> Self {
        Self { inner, frame: Vec::new(), broken: false }
    }
}

impl<B, A> Accumulate<B> for EventStream<A>
where
    B: AsRef<[u8]> + ?Sized,
    A: Accumulate<Value>,
{
    fn observe(&mut self, piece: &B, answer: &mut Answer) {
        if self.broken {
            return;
        }
        self.frame.extend_from_slice(piece.as_ref());
        let mut read = 0;
        while let Some(length) = self.frame.get(read..).and_then(number) {
            if !(PRELUDE + CHECKSUM..=LONGEST_FRAME).contains(&length) {
                self.broken = true;
                self.frame = Vec::new();
                return;
            }
            let Some(frame) = self.frame.get(read..read + length) else { break };
            match event(frame) {
                Some(Event::Named(event)) => self.inner.observe(&event, answer),
                Some(Event::Error { code, message }) => answer.fail(code, message),
                None => {}
            }
            read += length;
        }
        self.frame.drain(..read);
    }
}

enum Event<'a> {
    /// An object of one member.
    Named(Value),
    /// The service has failed outside of its protocol.
    Error { code: &'a str, message: &'a str },
}

fn event(frame: &[u8]) -> Option<Event<'_>> {
    let headers_length = number(frame.get(4..)?)?;
    let headers = frame.get(PRELUDE..PRELUDE.checked_add(headers_length)?)?;
    let payload = frame.get(PRELUDE + headers_length..frame.len() - CHECKSUM)?;
    if let Some(kind) = header(headers, &[":event-type", ":exception-type"]) {
        let payload = serde_json::from_slice(payload).unwrap_or(Value::Null);
        return Some(Event::Named(Value::Object(Map::from_iter([(kind.to_owned(), payload)]))));
    }
    let code = header(headers, &[":error-code"])?;
    Some(Event::Error { code, message: header(headers, &[":error-message"]).unwrap_or_default() })
}

/// The first of the headers that has one of these names. Headers are a name and a value of type
/// text; what follows another one is not read.
fn header<'a>(mut headers: &'a [u8], names: &[&str]) -> Option<&'a str> {
    while let Some((&length, rest)) = headers.split_first() {
        let (name, rest) = rest.split_at_checked(length.into())?;
        let (&TEXT, rest) = rest.split_first()? else { return None };
        let (length, rest) = rest.split_at_checked(2)?;
        let length = u16::from_be_bytes([length[0], length[1]]);
        let (value, rest) = rest.split_at_checked(length.into())?;
        if names.iter().any(|wanted| wanted.as_bytes() == name) {
            return std::str::from_utf8(value).ok();
        }
        headers = rest;
    }
    None
}

const TEXT: u8 = 7;

fn number(bytes: &[u8]) -> Option<usize> {
    let bytes: [u8; 4] = bytes.get(..4)?.try_into().ok()?;
    usize::try_from(u32::from_be_bytes(bytes)).ok()
}
