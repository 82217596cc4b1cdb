//! What may leave: the one decision, which every carrier asks.
//!
//! A carrier tells what the name of a value [`Holds`] and how the value [`Comes`], and acts on the
//! [`Decision`]: spans in [`super::span`], what passes through the OpenTelemetry API in
//! [`super::otel`], events, log records and log lines by [`Policy::text`]. Nobody else compares a
//! class, a level of error text or the length of a text.

use std::borrow::Cow;
use std::fmt::Debug;
#[cfg(feature = "init")]
use std::fmt::{self, Write};

use super::{ErrorText, Policy, redact};
use crate::content::{error_text, limit, media};
use crate::health::Health;
use crate::semconv::{Attr, Class, Match, Scope, Type, lookup};

/// Whose data the values under a name are, where the name stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Holds {
    /// What the conventions say of the attribute.
    Attr(Attr),
    /// Data of this class, whatever the value.
    Data(Class),
    /// Data of this class where it is text. A number or a truth value is a fact.
    Text(Class),
    /// What several parties said, as the message of an event by its name.
    Said(&'static [Class]),
    /// Nobody knows: short text is a fact, long text counts as input.
    Unknown,
}

/// How a value comes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Comes {
    /// A number or a truth value.
    Plain,
    /// Text that nobody has formatted yet.
    Unread,
    /// Text of so many bytes.
    Text(usize),
    /// An error that was recorded as one: error text, whatever its name.
    Error,
}

/// What to do with a value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub(crate) enum Decision {
    Keep,
    /// It may leave if it is no longer than [`LONGEST_FACT`]: format no more of it than that.
    KeepShort,
    /// It is content that may leave, in the size of one attribute and without media.
    Fit {
        json: bool,
    },
    /// An error's text: its first line without what may be echoed.
    Scrub,
    /// An error's text without the secrets in it.
    Redact,
    /// None of it may leave.
    Withhold,
}

/// Text of more bytes under a name that nobody knows counts as content.
pub(crate) const LONGEST_FACT: usize = 256;

impl Holds {
    /// Facts about a call.
    pub(crate) const FACT: Self = Self::Data(Class::Metadata);
    pub(crate) const ERROR: Self = Self::Data(Class::ErrorText);

    /// What values under `key` are in a scope.
    pub(crate) fn of(key: &str, scope: Scope) -> Self {
        Self::matched(lookup(key), scope)
    }

    /// What values under a key that means `found` are in a scope.
    pub(crate) fn matched(found: Match, scope: Scope) -> Self {
        let beside_gen_ai = scope == Scope::BesideGenAi;
        match found {
            Match::Known(attr, _) => Self::Attr(attr),
            Match::Content(class) => Self::Data(class),
            Match::Drop => Self::Data(Class::Secret),
            Match::Named(class, named) if beside_gen_ai || named == Scope::Anywhere => {
                Self::Text(class)
            }
            Match::UnknownGenAi => Self::Unknown,
            Match::Bare if beside_gen_ai => Self::Unknown,
            Match::Named(..) | Match::Bare | Match::Foreign => Self::FACT,
        }
    }

    /// The message of an event that is not of the conventions. One of `WARN` or `ERROR` is as
    /// likely as an error's text to repeat what a provider said.
    pub(crate) const fn message(severe: bool) -> Self {
        if severe { Self::ERROR } else { Self::FACT }
    }

    /// Whose data such a value is.
    #[inline]
    pub(crate) fn class(self, comes: Comes) -> Class {
        let class = match (self, comes) {
            (Self::Text(_) | Self::Unknown, Comes::Plain) => Class::Metadata,
            (Self::Attr(attr), _) => attr.class(),
            (Self::Data(class) | Self::Text(class), _) => class,
            (Self::Said(classes), _) => classes.first().copied().unwrap_or(Class::Metadata),
            (Self::Unknown, Comes::Text(length)) if length > LONGEST_FACT => Class::Input,
            (Self::Unknown, _) => Class::Metadata,
        };
        match (class, comes) {
            (Class::Metadata, Comes::Error) => Class::ErrorText,
            (Class::ErrorText | Class::StackTrace, Comes::Plain) => Class::Metadata,
            (class, _) => class,
        }
    }

    pub(super) const fn is_json(self) -> bool {
        matches!(self, Self::Attr(attr) if matches!(attr.value_type(), Type::Json))
    }
}

impl Policy {
    /// What to do with a value.
    #[inline]
    pub(crate) fn decide(self, holds: Holds, comes: Comes) -> Decision {
        match holds.class(comes) {
            Class::Metadata if holds == Holds::Unknown && comes == Comes::Unread => {
                if self.allows(Class::Input) { Decision::Keep } else { Decision::KeepShort }
            }
            Class::Metadata => Decision::Keep,
            class => self.decide_of(class, holds, comes),
        }
    }

    fn decide_of(self, class: Class, holds: Holds, comes: Comes) -> Decision {
        let error = match class {
            Class::ErrorText => Some(Decision::Scrub),
            Class::StackTrace => Some(Decision::Withhold),
            _ if comes == Comes::Error => Some(Decision::Scrub),
            _ => None,
        };
        let allowed = match holds {
            Holds::Said(classes) => classes.iter().all(|class| self.allows(*class)),
            _ => self.allows(class),
        };
        match (allowed, error) {
            (false, _) => Decision::Withhold,
            (true, None) => Decision::Fit { json: holds.is_json() },
            (true, Some(scrubbed)) => match self.error_text() {
                ErrorText::TypeOnly => Decision::Withhold,
                ErrorText::Scrubbed => scrubbed,
                ErrorText::Full => Decision::Redact,
            },
        }
    }

    /// `text` as far as it may leave; `None`, which is counted, if it may not.
    pub(crate) fn text<'t>(
        self,
        decision: Decision,
        text: &'t str,
        health: &Health,
    ) -> Option<Cow<'t, str>> {
        match decision {
            Decision::Keep => Some(Cow::Borrowed(text)),
            Decision::KeepShort if text.len() <= LONGEST_FACT => Some(Cow::Borrowed(text)),
            Decision::KeepShort | Decision::Withhold => {
                health.withheld.increment();
                None
            }
            Decision::Fit { json } => Some(self.fit(text, json, health)),
            // Secrets first: a cut would leave half of one, which nobody would know for one.
            Decision::Scrub => {
                Some(redact::and_then(error_text::first_line(text), error_text::scrub))
            }
            Decision::Redact => Some(redact::and_then(text, |text| self.cut(text, false, health))),
        }
    }

    /// Content without its media, in the size of one attribute.
    pub(crate) fn fit<'t>(self, text: &'t str, json: bool, health: &Health) -> Cow<'t, str> {
        let text = match !self.keeps_media() && media::may_hold_media(text) {
            true => media::take_out(text),
            false => Cow::Borrowed(text),
        };
        match text {
            Cow::Borrowed(text) => self.cut(text, json, health),
            Cow::Owned(taken) => Cow::Owned(self.cut(&taken, json, health).into_owned()),
        }
    }

    /// Text in the size of one attribute.
    pub(crate) fn cut<'t>(self, text: &'t str, json: bool, health: &Health) -> Cow<'t, str> {
        if text.len() <= self.max_bytes() {
            return Cow::Borrowed(text);
        }
        health.shortened.increment();
        match json {
            true => limit::shorten(text, self.max_bytes()),
            false => limit::shorten_text(text, self.max_bytes()),
        }
    }
}

/// What `Debug` prints, if that is short enough for a fact. Formats no more.
#[cfg(feature = "init")]
pub(crate) fn format_fact(value: &dyn Debug) -> Option<String> {
    let mut text = Bounded(String::new());
    write!(text, "{value:?}").ok().map(|()| text.0)
}

#[cfg(feature = "init")]
struct Bounded(String);

#[cfg(feature = "init")]
impl Write for Bounded {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.0.len() + text.len() > LONGEST_FACT {
            return Err(fmt::Error);
        }
        self.0.push_str(text);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::ContentCapture;

    #[test]
    fn an_error_text_says_what_happened_and_no_secret() {
        let (policy, health) = (Policy::default(), Health::default());
        for (text, expected) in [
            ("Incorrect API key provided: sk-SECRET.", "Incorrect API key provided: …"),
            (
                "error sending request for url (https://g.com/v1/m:gen?key=AIzaSECRETSECRETSECRET)",
                "error sending request for url (https://g.com/v1/m:gen?…)",
            ),
            ("401 for token: SECRET", "401 for token: …"),
            ("429 rate limit reached", "429 rate limit reached"),
        ] {
            for level in [ErrorText::Scrubbed, ErrorText::Full] {
                let policy = policy.with_error_text(level);
                let decision = policy.decide(Holds::ERROR, Comes::Text(text.len()));
                let left = policy.text(decision, text, &health).unwrap_or_default();
                assert!(!left.contains("SECRET"), "{left}");
                if level == ErrorText::Scrubbed {
                    assert_eq!(left, expected);
                }
            }
        }
    }

    #[test]
    fn a_secret_that_a_cut_goes_through_is_hidden_whole() {
        let (policy, health) = (Policy::default(), Health::default());
        for before in 200..260 {
            let text = format!("{}x-api-key: sk-SECRETSECRETSECRET", "w ".repeat(before / 2));
            let left = policy.text(Decision::Scrub, &text, &health).unwrap_or_default();
            assert!(!left.contains("SEC"), "{left}");
        }
        assert_eq!(
            policy.text(Decision::Scrub, &"S".repeat(1 << 20), &health).as_deref(),
            Some("")
        );
    }

    #[test]
    fn what_an_error_said_is_error_text_under_any_name() {
        let full = Policy::new(ContentCapture::Full).with_error_text(ErrorText::Scrubbed);
        let off = Policy::default();
        for (holds, with, without) in [
            (Holds::FACT, Decision::Scrub, Decision::Scrub),
            (Holds::Unknown, Decision::Scrub, Decision::Scrub),
            (Holds::Attr(Attr::ErrorType), Decision::Scrub, Decision::Scrub),
            (Holds::Text(Class::Input), Decision::Scrub, Decision::Withhold),
            (Holds::Data(Class::Secret), Decision::Withhold, Decision::Withhold),
        ] {
            assert_eq!(full.decide(holds, Comes::Error), with, "{holds:?}");
            assert_eq!(off.decide(holds, Comes::Error), without, "{holds:?}");
        }
    }
}
