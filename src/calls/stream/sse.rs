//! Streams of bytes that are server-sent events, or JSON objects one after the other.

use serde_json::Value;

use super::{Accumulate, Answer};

/// Reads pieces of a body that is a stream of JSON objects: `data: {…}` lines of server-sent
/// events, bare objects as in JSON lines, or the elements of an array that is sent piece by piece.
/// Which of them it is, the first byte says.
///
/// The pieces may be cut anywhere, and an event's data may go over several lines. An event longer
/// than a mebibyte is skipped.
///
/// ```
/// use tracing_genai::stream::{OpenAiChat, Recorder, ServerSentEvents};
///
/// let span = tracing_genai::inference_span!("chat", "openai", "gpt-4o");
/// let mut recorder = Recorder::new(span, ServerSentEvents::new(OpenAiChat::new()));
/// recorder.chunk(b"data: {\"choices\": [{\"delta\": {\"content\": \"Hi");
/// recorder.chunk(b"\"}}]}\n\ndata: [DONE]\n\n");
/// recorder.end();
/// ```
#[derive(Clone, Debug)]
pub struct ServerSentEvents<A> {
    inner: A,
    framing: Framing,
    /// The begin of an event whose end has not come.
    begun: Vec<u8>,
    /// The event is too long and is skipped to its end.
    skipping: bool,
    /// Lines of data that are no whole object yet.
    lines: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
enum Framing {
    Unknown,
    Lines,
    Objects(Scan),
}

/// Where in a JSON object the pieces ended.
#[derive(Clone, Copy, Debug, Default)]
struct Scan {
    depth: u32,
    in_string: bool,
    escaped: bool,
}

const LONGEST_EVENT: usize = 1 << 20;

impl<A> ServerSentEvents<A> {
    /// Over the accumulator of the events.
    pub const fn new(inner: A) -> Self {
        Self {
            inner,
            framing: Framing::Unknown,
            begun: Vec::new(),
            skipping: false,
            lines: Vec::new(),
        }
    }
}

impl<B, A> Accumulate<B> for ServerSentEvents<A>
where
    B: AsRef<[u8]> + ?Sized,
    A: Accumulate<Value>,
{
    fn observe(&mut self, piece: &B, answer: &mut Answer) {
        let mut rest = piece.as_ref();
        if let Framing::Unknown = self.framing {
            rest = rest.trim_ascii_start();
            self.framing = match rest.first() {
                None => return,
                Some(b'{' | b'[') => Framing::Objects(Scan::default()),
                Some(_) => Framing::Lines,
            };
        }
        loop {
            let end = match &mut self.framing {
                Framing::Objects(scan) => scan.end_of_object(rest),
                _ => memchr::memchr(b'\n', rest).map(|end| end + 1),
            };
            let Some(end) = end else { break };
            let (event, after) = rest.split_at(end);
            rest = after;
            if std::mem::take(&mut self.skipping) {
                // Its end has come.
            } else if self.begun.is_empty() {
                read(event, &mut self.lines, &mut self.inner, answer);
            } else {
                self.begun.extend_from_slice(event);
                read(&self.begun, &mut self.lines, &mut self.inner, answer);
            }
            self.begun.clear();
        }
        if self.begun.len() + rest.len() > LONGEST_EVENT {
            self.skipping = true;
            self.begun = Vec::new();
        } else if !self.skipping {
            self.begun.extend_from_slice(rest);
        }
    }
}

impl Scan {
    /// How many bytes there are to the end of the next object, if it is among them.
    fn end_of_object(&mut self, bytes: &[u8]) -> Option<usize> {
        for (at, byte) in bytes.iter().enumerate() {
            if std::mem::take(&mut self.escaped) {
                continue;
            }
            match byte {
                b'\\' if self.in_string => self.escaped = true,
                b'"' if self.depth > 0 => self.in_string = !self.in_string,
                _ if self.in_string => {}
                b'{' => self.depth = self.depth.saturating_add(1),
                b'}' => {
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        return Some(at + 1);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

/// Reads an object or a line. `lines` holds what the lines before of the same event had.
fn read(
    event: &[u8],
    lines: &mut Vec<u8>,
    inner: &mut impl Accumulate<Value>,
    answer: &mut Answer,
) {
    let event = event.strip_prefix(BYTE_ORDER_MARK).unwrap_or(event);
    let event = event.strip_prefix(b"data:").unwrap_or(event).trim_ascii();
    if event == b"[DONE]" {
        return answer.complete();
    }
    if !lines.is_empty() {
        if event.is_empty() || lines.len() + event.len() > LONGEST_EVENT {
            *lines = Vec::new();
            return;
        }
        lines.push(b'\n');
        lines.extend_from_slice(event);
        if let Ok(event) = serde_json::from_slice(lines) {
            *lines = Vec::new();
            inner.observe(&event, answer);
        }
        return;
    }
    // What stands between the elements of an array.
    let Some(start) =
        event.iter().position(|byte| !matches!(byte, b'[' | b',' | b' ' | b'\n' | b'\r' | b'\t'))
    else {
        return;
    };
    if event[start] == b'{' {
        match serde_json::from_slice(&event[start..]) {
            Ok(event) => inner.observe(&event, answer),
            Err(error) if error.is_eof() => lines.extend_from_slice(&event[start..]),
            Err(_) => {}
        }
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
