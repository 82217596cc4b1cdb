//! The formats by the words of a configuration: `format`, `trace_type`.

use std::fmt;
use std::sync::Arc;

use super::{Format, FormatOptions, GenAi, Langfuse, OpenInference, OpenLlmetry, Vercel};

/// A format by name. Two are the same if their names are.
#[derive(Clone, Copy)]
pub(crate) struct FormatChoice {
    pub(crate) name: &'static str,
    /// Other spellings, in lower case.
    pub(crate) aliases: &'static [&'static str],
    make: fn(FormatOptions) -> Arc<dyn Format>,
}

/// Every format, one row each; the first is the default.
pub(crate) static FORMATS: &[FormatChoice] = &[
    row("gen_ai", &["genai", "genai_extension", "otel"], |_| Arc::new(GenAi::new())),
    row("open_inference", &["openinference"], |options| {
        open_inference(OpenInference::new(), options)
    }),
    row(
        "gen_ai+open_inference",
        &["genai+openinference", "genai_extension+open_inference"],
        |options| open_inference(OpenInference::supplement(), options),
    ),
    row("vercel", &["ai_sdk"], |options| Arc::new(Vercel::new().with_counts(options.counts))),
    row("openllmetry", &["traceloop"], |_| Arc::new(OpenLlmetry::current())),
    row("openllmetry_legacy", &["traceloop_legacy"], |options| {
        let format = OpenLlmetry::legacy().with_attribute_limit(options.attribute_limit);
        Arc::new(format.with_counts(options.counts))
    }),
    row("langfuse", &[], |options| Arc::new(Langfuse::new().with_counts(options.counts))),
];

const fn row(
    name: &'static str,
    aliases: &'static [&'static str],
    make: fn(FormatOptions) -> Arc<dyn Format>,
) -> FormatChoice {
    FormatChoice { name, aliases, make }
}

fn open_inference(format: OpenInference, options: FormatOptions) -> Arc<dyn Format> {
    let format = format.with_hide(options.hide).with_attribute_limit(options.attribute_limit);
    Arc::new(format.with_counts(options.counts))
}

impl FormatChoice {
    /// The format of this name, for tables: in a constant, a name without a row does not compile.
    pub(crate) const fn known(name: &str) -> Self {
        let mut at = 0;
        while !same(FORMATS[at].name.as_bytes(), name.as_bytes()) {
            at += 1;
        }
        FORMATS[at]
    }

    /// The format of this name, without its other spellings.
    pub(crate) fn named(name: &str) -> Option<Self> {
        FORMATS.iter().copied().find(|row| row.name == name)
    }

    pub(crate) fn make(self, options: FormatOptions) -> Arc<dyn Format> {
        (self.make)(options)
    }
}

const fn same(a: &[u8], b: &[u8]) -> bool {
    match (a, b) {
        ([], []) => true,
        ([x, a @ ..], [y, b @ ..]) => *x == *y && same(a, b),
        _ => false,
    }
}

impl Default for FormatChoice {
    fn default() -> Self {
        FORMATS[0]
    }
}

impl PartialEq for FormatChoice {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl fmt::Debug for FormatChoice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_makes_the_format_of_its_name() {
        for row in FORMATS {
            assert_eq!(row.make(FormatOptions::default()).name(), row.name);
            assert_eq!(FormatChoice::named(row.name), Some(*row));
            assert_eq!(FormatChoice::known(row.name), *row);
        }
        assert_eq!(FormatChoice::named("zipkin"), None);
    }

    #[test]
    fn no_spelling_is_taken_twice() {
        let rows = FORMATS.iter();
        let mut all: Vec<_> = rows.flat_map(|row| row.aliases.iter().chain([&row.name])).collect();
        let count = all.len();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), count);
    }

    #[test]
    fn every_row_is_in_the_documentation() {
        for row in FORMATS {
            assert!(include_str!("mod.rs").contains(&format!("//! | `{}`", row.name)), "{row:?}");
        }
    }
}
