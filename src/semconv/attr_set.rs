//! A set of attributes, as one bit a row of the attribute table.

use super::Attr;

/// Grows with the table: as many words as its rows need.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub(crate) struct AttrSet([u64; WORDS]);

const WORDS: usize = Attr::ALL.len().div_ceil(64);

impl AttrSet {
    pub(crate) const EMPTY: Self = Self([0; WORDS]);

    #[inline]
    pub(crate) const fn has(&self, attr: Attr) -> bool {
        self.0[attr as usize / 64] & bit(attr) != 0
    }

    #[inline]
    pub(crate) const fn insert(&mut self, attr: Attr) {
        self.0[attr as usize / 64] |= bit(attr);
    }

    #[inline]
    pub(crate) const fn remove(&mut self, attr: Attr) {
        self.0[attr as usize / 64] &= !bit(attr);
    }

    pub(crate) fn len(&self) -> usize {
        self.0.iter().map(|word| word.count_ones() as usize).sum()
    }
}

const fn bit(attr: Attr) -> u64 {
    1 << (attr as usize % 64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_row_has_a_place_of_its_own() {
        let mut set = AttrSet::EMPTY;
        for (row, attr) in Attr::ALL.iter().enumerate() {
            assert!(!set.has(*attr), "{attr:?}");
            set.insert(*attr);
            assert_eq!(set.len(), row + 1);
        }
        for attr in Attr::ALL {
            set.remove(*attr);
            assert!(!set.has(*attr), "{attr:?}");
        }
        assert_eq!(set, AttrSet::EMPTY);
    }
}
