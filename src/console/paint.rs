//! Cells of a line: text, its width on screen, and the colours it may have.

use std::fmt::Write;

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The styles of the tree. Few, from the sixteen colours that every theme defines.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(super) enum Style {
    Plain,
    Bold,
    Dim,
    Red,
    Green,
    Yellow,
    Blue,
    Magenta,
    Cyan,
}

impl Style {
    const fn code(self) -> Option<&'static str> {
        match self {
            Self::Plain => None,
            Self::Bold => Some("1"),
            Self::Dim => Some("2"),
            Self::Red => Some("31"),
            Self::Green => Some("32"),
            Self::Yellow => Some("33"),
            Self::Blue => Some("34"),
            Self::Magenta => Some("35"),
            Self::Cyan => Some("36"),
        }
    }
}

/// A line under construction that knows how many columns it has filled.
#[derive(Debug)]
pub(super) struct Line {
    text: String,
    columns: usize,
    colour: bool,
}

impl Line {
    pub(super) fn new(colour: bool) -> Self {
        Self { text: String::new(), columns: 0, colour }
    }

    pub(super) fn columns(&self) -> usize {
        self.columns
    }

    pub(super) fn push(&mut self, style: Style, text: &str) {
        self.columns += text.width();
        match style.code().filter(|_| self.colour && !text.trim().is_empty()) {
            Some(code) => {
                // Writing to a string does not fail.
                let _ = write!(self.text, "\x1b[{code}m{text}\x1b[0m");
            }
            None => self.text.push_str(text),
        }
    }

    /// Like [`Line::push`], with `…` in the place of what does not fit into `room` columns.
    pub(super) fn push_fitting(&mut self, style: Style, text: &str, room: usize) {
        self.push(style, &fit(text, room));
    }

    /// Fills up with blanks to a column.
    pub(super) fn pad_to(&mut self, column: usize) {
        while self.columns < column {
            self.text.push(' ');
            self.columns += 1;
        }
    }

    /// The text right-aligned in a cell that ends at a column.
    pub(super) fn push_right(&mut self, style: Style, text: &str, column: usize) {
        self.pad_to(column.saturating_sub(text.width()));
        self.push(style, text);
    }

    pub(super) fn finish(self, out: &mut String) {
        out.push_str(self.text.trim_end_matches(' '));
        out.push('\n');
    }
}

/// The text, cut with an ellipsis to at most `room` columns.
fn fit(text: &str, room: usize) -> String {
    if text.width() <= room {
        return String::from(text);
    }
    let mut out = String::new();
    let mut columns = 0;
    for character in text.chars() {
        let width = character.width().unwrap_or(0);
        if columns + width + 1 > room {
            break;
        }
        columns += width;
        out.push(character);
    }
    if room > 0 {
        out.push('…');
    }
    out
}
