//! Who knows what a chunk means.

use std::fmt::Display;

use super::Answer;
use crate::calls::span_ext::error_type_of;

/// Reads chunks of one provider's shape.
///
/// ```
/// use tracing_genai::stream::{Accumulate, Answer};
///
/// /// Chunks that are words; the empty one is the last.
/// struct Words;
///
/// impl Accumulate<String> for Words {
///     fn observe(&mut self, chunk: &String, answer: &mut Answer) {
///         if chunk.is_empty() {
///             answer.finish(0, "stop");
///         } else {
///             answer.text(0, chunk);
///         }
///     }
/// }
/// ```
pub trait Accumulate<T: ?Sized> {
    /// Reads one chunk. Called on the consumer's thread for every chunk, so it should be quick.
    fn observe(&mut self, chunk: &T, answer: &mut Answer);
}

/// Understands nothing: every item counts as a chunk, and a stream that ends is complete.
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct Chunks;

impl Chunks {
    /// For chunks of any type.
    #[must_use]
    pub const fn new() -> Self {
        Self
    }
}

impl<T: ?Sized> Accumulate<T> for Chunks {
    fn observe(&mut self, _: &T, answer: &mut Answer) {
        answer.chunk();
    }
}

/// Reads results: an error fails the answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Fallible<A>(A);

impl<A> Fallible<A> {
    /// Over the accumulator of the chunks that are `Ok`.
    pub const fn new(inner: A) -> Self {
        Self(inner)
    }
}

impl<T, E: Display, A: Accumulate<T>> Accumulate<Result<T, E>> for Fallible<A> {
    fn observe(&mut self, item: &Result<T, E>, answer: &mut Answer) {
        match item {
            Ok(chunk) => self.0.observe(chunk, answer),
            Err(error) => answer.fail(&error_type_of::<E>(), error),
        }
    }
}
