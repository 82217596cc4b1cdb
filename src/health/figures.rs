//! One row a figure: from it come the field, the documented getter, the member in JSON, the words
//! in the text of `status()`, the line in the guide and the metric.

use std::collections::BTreeMap;
use std::fmt;

use crate::semconv::metrics::Own;

/// What a row says about its figure.
#[derive(Debug)]
pub(crate) struct Row {
    /// The getter, and the member in JSON.
    #[cfg_attr(not(test), expect(dead_code, reason = "the text has words of its own"))]
    pub(crate) name: &'static str,
    /// The words beside the number in the text; `None` where only JSON has it.
    pub(crate) text: Option<&'static str>,
    /// The documentation.
    #[cfg_attr(not(test), expect(dead_code, reason = "the guide is compared with it"))]
    pub(crate) doc: &'static str,
    /// What it adds to, in metrics about our own delivery.
    #[cfg_attr(not(feature = "metrics"), expect(dead_code, reason = "nothing is measured"))]
    pub(crate) metrics: &'static [Shown],
}

/// A metric of the core conventions, and the `error.type` under which a figure counts there.
pub(crate) type Shown = (Own, Option<&'static str>);

/// The figures of `of`, each by a row
///
/// ```text
/// /// documentation
/// name: "words in the text" = where it is read => metrics;
/// ```
///
/// of which the words and the metrics may be missing. `besides` are the fields that are no figures.
macro_rules! figures {
    (
        $(#[$meta:meta])*
        pub struct $Name:ident of $it:tt: $Of:ty {
            $(
                $(#[doc = $doc:literal])+
                $row:ident $(: $text:literal)? = $source:expr $(=> $($metric:expr),+)?;
            )*
        }
        besides { $( $(#[$field_meta:meta])* $field:ident: $Type:ty = $value:expr; )* }
    ) => {
        $(#[$meta])*
        #[derive(Clone, Debug, serde::Serialize)]
        pub struct $Name {
            $( $row: u64, )*
            $( $(#[$field_meta])* pub(crate) $field: $Type, )*
        }

        impl $Name {
            pub(crate) const ROWS: &[crate::health::Row] = &[
                $( crate::health::Row {
                    name: stringify!($row),
                    text: [$( Some($text), )? None][0],
                    doc: concat!($($doc),+),
                    metrics: &[$( $($metric),+ )?],
                }, )*
            ];

            pub(crate) fn new($it: $Of) -> Self {
                Self { $( $row: $source, )* $( $field: $value, )* }
            }

            /// Every row with its number.
            pub(crate) fn rows(&self) -> impl Iterator<Item = (&'static crate::health::Row, u64)> {
                Self::ROWS.iter().zip([$( self.$row ),*])
            }

            /// With a number of its own in every row.
            #[cfg(test)]
            #[allow(dead_code, unused_assignments, clippy::allow_attributes)]
            pub(crate) fn numbered(mut self, mut number: u64) -> Self {
                $( number += 1; self.$row = number; )*
                self
            }

            $(
                $(#[doc = $doc])+
                #[must_use]
                pub const fn $row(&self) -> u64 {
                    self.$row
                }
            )*
        }
    };
}

pub(crate) use figures;

/// The figures that are not zero, in words, then what was dropped and why.
pub(crate) fn write_figures(
    f: &mut fmt::Formatter<'_>,
    rows: impl Iterator<Item = (&'static Row, u64)>,
    dropped: &BTreeMap<&'static str, u64>,
) -> fmt::Result {
    for (row, count) in rows.filter(|(_, count)| *count > 0) {
        if let Some(text) = row.text {
            write!(f, " · {count} {text}")?;
        }
    }
    for (reason, count) in dropped {
        write!(f, " · {count} dropped ({reason})")?;
    }
    Ok(())
}
