//! Trace formats: what leaves for each destination, from finished canonical spans.

#![expect(clippy::unwrap_used, reason = "a test may panic")]
#![expect(clippy::print_stderr, reason = "a test says why it skips")]
#![expect(unreachable_pub, reason = "modules of one test binary")]

mod cases;
mod golden;
mod hostile;
mod open_inference;
mod round_trip;
mod vercel;
