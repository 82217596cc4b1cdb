//! How wide the terminal is and whether it shows colours.

use std::io::IsTerminal;

/// The width and the colours of the terminal that trees are printed to.
///
/// [`Terminal::detect`] follows the usual conventions; [`Terminal::new`] decides by hand.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct Terminal {
    width: usize,
    colour: bool,
}

impl Terminal {
    /// A terminal of `width` columns, with or without colours. Widths are kept between 40 and 240.
    #[must_use]
    pub const fn new(width: usize, colours: Colours) -> Self {
        let width = if width < MIN_WIDTH {
            MIN_WIDTH
        } else if width > MAX_WIDTH {
            MAX_WIDTH
        } else {
            width
        };
        Self { width, colour: matches!(colours, Colours::On) }
    }

    /// What standard error is, by the environment that `variable` reads.
    ///
    /// Colours: never with a non-empty `NO_COLOR` (<https://no-color.org>); always with a
    /// `CLICOLOR_FORCE` other than `0` (<https://bixense.com/clicolors>); never with `CLICOLOR=0`
    /// or `TERM=dumb`; else when standard error is a terminal. Width: `COLUMNS`, else what the
    /// terminal says, else 100 columns.
    #[must_use]
    pub fn detect(variable: impl Fn(&str) -> Option<String>) -> Self {
        let is_terminal = std::io::stderr().is_terminal();
        let size = || {
            let (width, _) = terminal_size::terminal_size_of(std::io::stderr())?;
            Some(usize::from(width.0))
        };
        Self::of(variable, is_terminal, size)
    }

    fn of(
        variable: impl Fn(&str) -> Option<String>,
        is_terminal: bool,
        size: impl FnOnce() -> Option<usize>,
    ) -> Self {
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let colours = if set("NO_COLOR").is_some() {
            false
        } else if set("CLICOLOR_FORCE").is_some_and(|value| value != "0") {
            true
        } else {
            is_terminal
                && set("CLICOLOR").as_deref() != Some("0")
                && set("TERM").as_deref() != Some("dumb")
        };
        let columns = || set("COLUMNS")?.trim().parse().ok().filter(|columns| *columns > 0);
        let width = columns().or_else(size).unwrap_or(DEFAULT_WIDTH);
        Self::new(width, if colours { Colours::On } else { Colours::Off })
    }

    /// Columns.
    #[must_use]
    pub const fn width(self) -> usize {
        self.width
    }

    /// Whether ANSI colours are written.
    #[must_use]
    pub const fn has_colour(self) -> bool {
        self.colour
    }
}

/// Whether ANSI colours are written.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Colours {
    /// Plain text.
    Off,
    /// ANSI escape sequences.
    On,
}

const MIN_WIDTH: usize = 40;
const MAX_WIDTH: usize = 240;
const DEFAULT_WIDTH: usize = 100;

#[cfg(test)]
mod tests {
    use super::*;

    fn colour(variables: &[(&str, &str)], is_terminal: bool) -> bool {
        detect(variables, is_terminal).has_colour()
    }

    fn detect(variables: &[(&str, &str)], is_terminal: bool) -> Terminal {
        let variable = |name: &str| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| String::from(*value))
        };
        Terminal::of(variable, is_terminal, || is_terminal.then_some(132))
    }

    #[test]
    fn colours_follow_the_conventions() {
        assert!(colour(&[("TERM", "xterm-256color")], true));
        assert!(colour(&[("NO_COLOR", "")], true));
        assert!(colour(&[("CLICOLOR_FORCE", "1")], false));
        assert!(!colour(&[], false));
        assert!(!colour(&[("NO_COLOR", "1")], true));
        assert!(!colour(&[("NO_COLOR", "1"), ("CLICOLOR_FORCE", "1")], true));
        assert!(!colour(&[("CLICOLOR_FORCE", "0")], false));
        assert!(!colour(&[("CLICOLOR", "0")], true));
        assert!(!colour(&[("TERM", "dumb")], true));
    }

    #[test]
    fn the_width_is_columns_then_the_terminal_then_100() {
        assert_eq!(detect(&[("COLUMNS", "88")], true).width(), 88);
        assert_eq!(detect(&[("COLUMNS", "wide")], true).width(), 132);
        assert_eq!(detect(&[("COLUMNS", "0")], true).width(), 132);
        assert_eq!(detect(&[], false).width(), 100);
        assert_eq!(detect(&[("COLUMNS", "7")], true).width(), 40);
        assert_eq!(detect(&[("COLUMNS", "99999")], true).width(), 240);
    }
}
