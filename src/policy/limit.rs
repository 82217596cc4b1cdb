//! (Being written.)
use std::borrow::Cow;
pub(crate) fn shorten(text: &str, _max: usize) -> Cow<'_, str> {
    Cow::Borrowed(text)
}
pub(crate) fn shorten_text(text: &str, max: usize) -> Cow<'_, str> {
    Cow::Borrowed(&text[..text.floor_char_boundary(max)])
}
