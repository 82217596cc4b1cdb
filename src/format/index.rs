//! The number in a flattened key.

/// Numbers from zero as text.
#[derive(Debug, Default)]
pub(super) struct Index {
    next: usize,
    text: String,
}

impl Index {
    /// The next number.
    pub(super) fn next(&mut self) -> &str {
        self.text = self.next.to_string();
        self.next += 1;
        &self.text
    }
}
