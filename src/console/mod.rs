//! Finished traces as trees on a terminal: the first thing a newcomer sees.
//!
//! ```text
//! trace 0af7651916cd43dd8448eb211c80319c   in tok  out tok     cost  1st chunk     time
//! invoke_agent weather-assistant                                                 1.24 s
//! ├─ chat gpt-4o-mini                         182       24  $0.0002              312 ms
//! ├─ execute_tool get_weather                                                    48.0 ms
//! └─ chat gpt-4o-mini                         231       96  $0.0003     140 ms   874 ms
//! total · 2 model calls                       413      120  $0.0005              1.24 s
//! ```
//!
//! What is printed is taken from finished spans, after the content policy; message content is not
//! printed even where the policy keeps it. Three steps, one file each: a `Node` is what a line
//! needs of a span, `Traces` collects nodes until their trace is complete, `render` draws it.

mod node;
mod paint;
mod terminal;
mod traces;
mod tree;

use std::io::Write;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanExporter};

pub use terminal::{Colours, Terminal};

use node::Node;
use traces::Traces;
use tree::render;

/// Prints each finished trace as a tree: name, model, tokens, cost, time to first chunk,
/// duration, error.
///
/// A [`SpanExporter`], so that it also works with a provider of your own; pair it with a processor
/// that exports at once, or trees appear a batch late.
///
/// A trace is printed when its local root (the span without a parent in this process) has ended.
/// Spans that end after their root, and traces whose root never ends, are printed after 30 seconds
/// or on flush. At most 4096 spans are held; beyond that the oldest trace is printed as it is.
pub struct ConsoleExporter {
    terminal: Terminal,
    sink: Mutex<Sink>,
}

struct Sink {
    traces: Traces,
    writer: Box<dyn Write + Send>,
}

impl ConsoleExporter {
    /// Prints to standard error, with the width and colours that `terminal` says.
    #[must_use]
    pub fn stderr(terminal: Terminal) -> Self {
        Self::new(terminal, std::io::stderr())
    }

    /// Prints to `writer`. A tree is written with one call.
    #[must_use]
    pub fn new(terminal: Terminal, writer: impl Write + Send + 'static) -> Self {
        let sink = Sink { traces: Traces::default(), writer: Box::new(writer) };
        Self { terminal, sink: Mutex::new(sink) }
    }

    /// Takes finished spans and prints the traces that they complete.
    pub(crate) fn receive(&self, batch: &[SpanData]) {
        let nodes: Vec<_> = batch.iter().map(Node::new).collect();
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let complete = sink.traces.add(nodes, Instant::now());
        self.print(&mut sink, &complete);
    }

    /// Prints what waits for its root.
    pub(crate) fn flush(&self) {
        let mut sink = self.sink.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = sink.traces.drain();
        self.print(&mut sink, &rest);
    }

    fn print(&self, sink: &mut Sink, traces: &[traces::Trace]) {
        let mut text = String::new();
        for trace in traces {
            text.push_str(&render(trace, self.terminal.width(), self.terminal.has_colour()));
            text.push('\n');
        }
        if !text.is_empty() {
            // A closed terminal is no reason to disturb the application, and there is nobody
            // left to tell.
            let _ = sink.writer.write_all(text.as_bytes()).and_then(|()| sink.writer.flush());
        }
    }
}

impl SpanExporter for ConsoleExporter {
    fn export(&self, batch: Vec<SpanData>) -> impl Future<Output = OTelSdkResult> + Send {
        self.receive(&batch);
        std::future::ready(Ok(()))
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.flush();
        Ok(())
    }

    fn shutdown_with_timeout(&self, _timeout: Duration) -> OTelSdkResult {
        self.flush();
        Ok(())
    }
}

impl std::fmt::Debug for ConsoleExporter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ConsoleExporter").field("terminal", &self.terminal).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
