//! What a series is found by, owned or not.

use std::borrow::Borrow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rustc_hash::FxHasher;

use super::call::{Call, Label};
use crate::semconv::Family;

/// A family and the values of its labels.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Key {
    pub(super) family: Family,
    pub(super) labels: Box<[Stored]>,
    pub(super) overflow: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Stored {
    None,
    Int(i64),
    Text(Arc<str>),
}

/// A key without owning it, so that finding a series allocates nothing.
pub(super) struct View<'a> {
    pub(super) family: Family,
    pub(super) labels: &'a [Label<'a>],
    pub(super) overflow: bool,
}

pub(super) fn view<'a>(call: &'a Call<'a>) -> View<'a> {
    View { family: call.family, labels: call.labels(), overflow: false }
}

/// What finds a series: a key, or one that is not owned.
pub(super) trait Seen {
    fn family(&self) -> Family;
    fn overflow(&self) -> bool;
    fn count(&self) -> usize;
    fn label(&self, at: usize) -> Label<'_>;

    /// The hash; made by each kind of key itself, because a call for every label would cost more.
    fn digest(&self) -> u64;
}

fn digest<'a>(family: Family, overflow: bool, labels: impl Iterator<Item = Label<'a>>) -> u64 {
    let mut hasher = FxHasher::default();
    hasher.write_u8(family as u8);
    hasher.write_u8(u8::from(overflow));
    for label in labels {
        match label {
            Label::None => hasher.write_u8(0),
            Label::Int(value) => hasher.write_i64(value),
            Label::Text(text) => hasher.write(text.as_bytes()),
        }
    }
    hasher.finish()
}

impl dyn Seen + '_ {
    pub(super) fn same(&self, other: &(dyn Seen + '_)) -> bool {
        self.family() == other.family()
            && self.overflow() == other.overflow()
            && self.count() == other.count()
            && (0..self.count()).all(|at| self.label(at) == other.label(at))
    }
}

impl Seen for View<'_> {
    fn family(&self) -> Family {
        self.family
    }

    fn overflow(&self) -> bool {
        self.overflow
    }

    fn count(&self) -> usize {
        self.labels.len()
    }

    fn label(&self, at: usize) -> Label<'_> {
        self.labels[at]
    }

    fn digest(&self) -> u64 {
        digest(self.family, self.overflow, self.labels.iter().copied())
    }
}

impl Seen for Key {
    fn family(&self) -> Family {
        self.family
    }

    fn overflow(&self) -> bool {
        self.overflow
    }

    fn count(&self) -> usize {
        self.labels.len()
    }

    fn label(&self, at: usize) -> Label<'_> {
        match &self.labels[at] {
            Stored::None => Label::None,
            Stored::Int(value) => Label::Int(*value),
            Stored::Text(text) => Label::Text(text),
        }
    }

    fn digest(&self) -> u64 {
        let labels = (0..self.labels.len()).map(|at| self.label(at));
        digest(self.family, self.overflow, labels)
    }
}

impl Hash for dyn Seen + '_ {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.digest());
    }
}

impl PartialEq for dyn Seen + '_ {
    fn eq(&self, other: &Self) -> bool {
        self.same(other)
    }
}

impl Eq for dyn Seen + '_ {}

impl Hash for Key {
    fn hash<H: Hasher>(&self, state: &mut H) {
        (self as &dyn Seen).hash(state);
    }
}

impl<'a> Borrow<dyn Seen + 'a> for Key {
    fn borrow(&self) -> &(dyn Seen + 'a) {
        self
    }
}

pub(super) fn owned(view: &View<'_>) -> Key {
    let View { family, labels, overflow } = *view;
    let stored = |label: &Label<'_>| match label {
        Label::None => Stored::None,
        Label::Int(value) => Stored::Int(*value),
        Label::Text(text) => Stored::Text((*text).into()),
    };
    Key { family, labels: labels.iter().map(stored).collect(), overflow }
}
