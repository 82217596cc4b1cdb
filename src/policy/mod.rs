//! What may leave the process.
//!
//! One decision, `Policy::decide`, which every carrier asks; one redactor of secrets; and the only
//! maker of a cleared record, without which nothing is written to a GenAI span. A [`Policy`] is a
//! small copyable value, so that it can be read on every field without a lock and changed while
//! spans are open.

mod cleared;
mod decide;
pub(crate) mod otel;
mod redact;

pub(crate) use cleared::ClearedRecord;
#[cfg(feature = "init")]
pub(crate) use decide::format_fact;
pub(crate) use decide::{Comes, Decision, Holds};
#[cfg(feature = "init")]
pub(crate) use redact::{REDACTED, Redactor, url as shown_url};

use std::sync::atomic::{AtomicU64, Ordering};

use crate::semconv::Class;

/// Whether message content is captured.
///
/// Defaults to [`ContentCapture::Off`]: no prompt, answer, instruction, tool argument or result,
/// retrieved document or memory leaves the process.
#[derive(Clone, Copy, Debug, Default, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ContentCapture {
    /// No content leaves.
    #[default]
    Off,
    /// Content leaves on spans, shortened to the configured size.
    Full,
}

/// How much of an error's text leaves.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[non_exhaustive]
pub enum ErrorText {
    /// Only `error.type`.
    TypeOnly,
    /// The first line, at most 256 bytes, with whatever stands in quotes, backticks, braces or
    /// brackets replaced by `…`, and no stack trace. The default while capture is off.
    Scrubbed,
    /// As recorded, but for secrets. The default while capture is full.
    Full,
}

/// The content policy: which classes of values leave, how much error text, how many bytes.
#[derive(Clone, Copy, Eq, PartialEq)]
pub struct Policy(u64);

const CLASSES: [Class; 6] =
    [Class::Input, Class::Output, Class::System, Class::Tools, Class::Retrieval, Class::Memory];
const CONTENT_BITS: u64 = 0x3f;
const ERROR_TEXT_SHIFT: u32 = 8;
const ERROR_TEXT_MASK: u64 = 0x3 << ERROR_TEXT_SHIFT;
const KEEP_MEDIA: u64 = 1 << 16;
const MAX_BYTES_SHIFT: u32 = 32;

impl Policy {
    /// Bytes of one content attribute when nothing was configured.
    pub const DEFAULT_MAX_BYTES: u32 = 131_072;

    /// Lets everything out: what a destination has that adds nothing to the process's policy.
    #[cfg(feature = "init")]
    pub(crate) const LOOSEST: Self =
        Self(CONTENT_BITS | KEEP_MEDIA | ERROR_TEXT_MASK | (u32::MAX as u64) << MAX_BYTES_SHIFT);

    /// The policy for one capture setting and the defaults that go with it.
    #[must_use]
    pub const fn new(capture: ContentCapture) -> Self {
        let content = match capture {
            ContentCapture::Off => 0,
            ContentCapture::Full => CONTENT_BITS,
        };
        Self(content | ((Self::DEFAULT_MAX_BYTES as u64) << MAX_BYTES_SHIFT))
    }

    /// Sets capture for one class of content. Classes that are not content are left alone.
    #[must_use]
    pub const fn with_class(self, class: Class, capture: ContentCapture) -> Self {
        let bit = bit(class);
        match capture {
            ContentCapture::Off => Self(self.0 & !bit),
            ContentCapture::Full => Self(self.0 | bit),
        }
    }

    /// Sets how much error text leaves. Without it: `Full` while every class is captured, else
    /// `Scrubbed`.
    #[must_use]
    pub const fn with_error_text(self, level: ErrorText) -> Self {
        let level = match level {
            ErrorText::TypeOnly => 1,
            ErrorText::Scrubbed => 2,
            ErrorText::Full => 3,
        };
        Self((self.0 & !ERROR_TEXT_MASK) | (level << ERROR_TEXT_SHIFT))
    }

    /// Keeps base64 and data-URI media in messages instead of their type, size and hash.
    #[must_use]
    pub const fn with_media(self, keep: bool) -> Self {
        if keep { Self(self.0 | KEEP_MEDIA) } else { Self(self.0 & !KEEP_MEDIA) }
    }

    /// Sets the size of one content attribute in bytes.
    #[must_use]
    pub const fn with_max_bytes(self, bytes: u32) -> Self {
        Self((self.0 & 0xffff_ffff) | ((bytes as u64) << MAX_BYTES_SHIFT))
    }

    /// Whether values of `class` may leave.
    #[must_use]
    #[inline]
    pub const fn allows(self, class: Class) -> bool {
        match class {
            Class::Metadata | Class::ErrorText | Class::StackTrace => true,
            Class::Secret => false,
            _ => self.0 & bit(class) != 0,
        }
    }

    /// Whether any content may leave.
    #[must_use]
    pub const fn captures_content(self) -> bool {
        self.0 & CONTENT_BITS != 0
    }

    /// How much error text leaves.
    #[must_use]
    pub const fn error_text(self) -> ErrorText {
        match (self.0 & ERROR_TEXT_MASK) >> ERROR_TEXT_SHIFT {
            1 => ErrorText::TypeOnly,
            2 => ErrorText::Scrubbed,
            3 => ErrorText::Full,
            _ if self.0 & CONTENT_BITS == CONTENT_BITS => ErrorText::Full,
            _ => ErrorText::Scrubbed,
        }
    }

    /// Whether media stay in messages.
    #[must_use]
    pub const fn keeps_media(self) -> bool {
        self.0 & KEEP_MEDIA != 0
    }

    /// The size of one content attribute in bytes.
    #[must_use]
    pub const fn max_bytes(self) -> usize {
        (self.0 >> MAX_BYTES_SHIFT) as usize
    }

    /// The stricter of two policies in every respect.
    #[must_use]
    pub fn stricter(self, other: Self) -> Self {
        let text = match self.error_level() <= other.error_level() {
            true => self.error_text(),
            false => other.error_text(),
        };
        Self(self.0 & other.0 & (CONTENT_BITS | KEEP_MEDIA))
            .with_error_text(text)
            .with_max_bytes(self.max_bytes().min(other.max_bytes()) as u32)
    }

    /// The looser of two policies in every respect.
    #[cfg(feature = "init")]
    fn looser(self, other: Self) -> Self {
        let text = match self.error_level() >= other.error_level() {
            true => self.error_text(),
            false => other.error_text(),
        };
        Self((self.0 | other.0) & (CONTENT_BITS | KEEP_MEDIA))
            .with_error_text(text)
            .with_max_bytes(self.max_bytes().max(other.max_bytes()) as u32)
    }

    /// Whether something that `before` let out stays in, whatever its size.
    #[cfg(feature = "init")]
    pub(crate) fn takes_back_from(self, before: Self) -> bool {
        before.0 & !self.0 & (CONTENT_BITS | KEEP_MEDIA) != 0
            || self.error_level() < before.error_level()
    }

    /// Whether what was cleared under `before` has to be looked at again.
    #[cfg(feature = "init")]
    pub(crate) fn is_stricter_than(self, before: Self) -> bool {
        self.takes_back_from(before) || self.max_bytes() < before.max_bytes()
    }

    const fn error_level(self) -> u8 {
        match self.error_text() {
            ErrorText::TypeOnly => 0,
            ErrorText::Scrubbed => 1,
            ErrorText::Full => 2,
        }
    }
}

const fn bit(class: Class) -> u64 {
    match class {
        Class::Input => 1,
        Class::Output => 2,
        Class::System => 4,
        Class::Tools => 8,
        Class::Retrieval => 16,
        Class::Memory => 32,
        Class::Metadata | Class::ErrorText | Class::StackTrace | Class::Secret => 0,
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(ContentCapture::Off)
    }
}

impl std::fmt::Debug for Policy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let captured: Vec<_> = CLASSES.into_iter().filter(|class| self.allows(*class)).collect();
        f.debug_struct("Policy")
            .field("captured", &captured)
            .field("error_text", &self.error_text())
            .field("keeps_media", &self.keeps_media())
            .field("max_bytes", &self.max_bytes())
            .finish()
    }
}

/// A policy that can be changed while spans are open.
#[derive(Debug)]
pub(crate) struct PolicyCell {
    current: AtomicU64,
    #[cfg(feature = "init")]
    loosest: AtomicU64,
}

impl PolicyCell {
    pub(crate) fn new(policy: Policy) -> Self {
        Self {
            current: AtomicU64::new(policy.0),
            #[cfg(feature = "init")]
            loosest: AtomicU64::new(policy.0),
        }
    }

    pub(crate) fn load(&self) -> Policy {
        Policy(self.current.load(Ordering::Relaxed))
    }

    pub(crate) fn store(&self, policy: Policy) {
        #[cfg(feature = "init")]
        self.loosest.store(self.loosest().looser(policy).0, Ordering::Relaxed);
        self.current.store(policy.0, Ordering::Relaxed);
    }

    /// At least as loose as every policy so far: what a span that has ended was cleared under.
    #[cfg(feature = "init")]
    pub(crate) fn loosest(&self) -> Policy {
        Policy(self.loosest.load(Ordering::Relaxed))
    }
}
