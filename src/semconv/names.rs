//! The names of all tables as one public list.

use super::aliases::{CONTENT_PREFIXES, listed};
use super::{Attr, Class, Match, Scope};

/// A name that this crate knows: a key of the conventions, another spelling of one, a key of
/// another library, or what an argument of a function is called.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub struct KnownName {
    /// The key of the attribute or the name of the field.
    pub name: &'static str,
    /// Whose data its values are.
    pub class: Class,
    /// The attribute of the conventions that it becomes; `None` where it keeps its name.
    pub attr: Option<Attr>,
    /// Where it counts.
    pub place: Place,
}

/// Where a [`KnownName`] counts.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
#[non_exhaustive]
pub enum Place {
    /// On every span, event, link and log record, whatever the value.
    Everywhere,
    /// As `Everywhere`, with whatever stands behind the name: `gen_ai.prompt.0.content`.
    Prefix,
    /// Everywhere, where the value is text.
    TextEverywhere,
    /// Beside GenAI fields, where the value is text.
    TextBesideGenAi,
}

/// Every name of the tables, in the order of the alphabet.
///
/// ```
/// use tracing_genai::semconv::{Class, known_names};
///
/// let prompt = known_names().into_iter().find(|known| known.name == "gen_ai.prompt");
/// assert_eq!(prompt.map(|known| known.class), Some(Class::Input));
/// ```
#[must_use]
pub fn known_names() -> Vec<KnownName> {
    let whole = listed().filter_map(|(name, found)| {
        let (class, attr, place) = match found {
            Match::Known(attr, _) => (attr.class(), Some(attr), Place::Everywhere),
            Match::Content(class) => (class, None, Place::Everywhere),
            Match::Drop => (Class::Secret, None, Place::Everywhere),
            Match::Named(class, Scope::Anywhere) => (class, None, Place::TextEverywhere),
            Match::Named(class, Scope::BesideGenAi) => (class, None, Place::TextBesideGenAi),
            Match::UnknownGenAi | Match::Bare | Match::Foreign => return None,
        };
        Some(KnownName { name, class, attr, place })
    });
    let prefixes = CONTENT_PREFIXES.iter().map(|(name, class)| KnownName {
        name,
        class: *class,
        attr: None,
        place: Place::Prefix,
    });
    let mut names: Vec<KnownName> = whole.chain(prefixes).collect();
    names.sort_unstable_by_key(|known| known.name);
    names
}
