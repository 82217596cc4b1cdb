//! Streams of bytes that are server-sent events, or JSON line by line.

use serde_json::Value;

use super::{Accumulate, Answer};

/// Reads pieces of a body in which each event is one line of JSON: `data: {…}` of server-sent
/// events, a bare object of JSON lines, or an element of a streamed array.
///
/// The pieces may be cut anywhere. An event longer than a mebibyte is skipped.
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
    /// The begin of a line whose end has not come.
    line: Vec<u8>,
    /// The line is too long and is skipped to its end.
    skipping: bool,
}

const LONGEST_LINE: usize = 1 << 20;

impl<A> ServerSentEvents<A> {
    /// Over the accumulator of the events.
    pub const fn new(inner: A) -> Self {
        Self { inner, line: Vec::new(), skipping: false }
    }
}

impl<B, A> Accumulate<B> for ServerSentEvents<A>
where
    B: AsRef<[u8]> + ?Sized,
    A: Accumulate<Value>,
{
    fn observe(&mut self, piece: &B, answer: &mut Answer) {
        let mut rest = piece.as_ref();
        while let Some(end) = memchr::memchr(b'\n', rest) {
            let (line, after) = rest.split_at(end);
            rest = &after[1..];
            if std::mem::take(&mut self.skipping) {
            } else if self.line.is_empty() {
                read(line, &mut self.inner, answer);
            } else {
                self.line.extend_from_slice(line);
                read(&self.line, &mut self.inner, answer);
            }
            self.line.clear();
        }
        if self.line.len() + rest.len() > LONGEST_LINE {
            self.skipping = true;
            self.line = Vec::new();
        } else if !self.skipping {
            self.line.extend_from_slice(rest);
            // A body of JSON lines need not end with a line end.
            if self.line.ends_with(b"}") && !self.line.starts_with(b"data") && is_whole(&self.line) {
                read(&self.line, &mut self.inner, answer);
                self.line.clear();
            }
        }
    }
}

fn read(line: &[u8], inner: &mut impl Accumulate<Value>, answer: &mut Answer) {
    let line = line.trim_ascii();
    let json = match line.strip_prefix(b"data:") {
        Some(data) => data.trim_ascii(),
        // An element of an array that is sent piece by piece.
        None => line
            .trim_ascii_start()
            .strip_prefix(b"[")
            .or_else(|| line.strip_prefix(b","))
            .unwrap_or(line)
            .trim_ascii(),
    };
    if json == b"[DONE]" {
        return answer.complete();
    }
    if !json.starts_with(b"{") {
        return;
    }
    let json = json.strip_suffix(b"]").filter(|_| !line.starts_with(b"data:")).unwrap_or(json);
    let json = json.trim_ascii_end();
    let json = json.strip_suffix(b",").unwrap_or(json);
    if let Ok(event) = serde_json::from_slice(json) {
        inner.observe(&event, answer);
    }
}

/// Whether the brackets of JSON text are closed, without building what they hold.
fn is_whole(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    let line = line.strip_prefix(b"[").or_else(|| line.strip_prefix(b",")).unwrap_or(line);
    serde_json::from_slice::<&serde_json::value::RawValue>(line).is_ok()
}
