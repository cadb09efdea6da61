//! Names of fields, told apart without a call.

use tidegate_sdk::model::short::same;

/// From so many names on, a name is looked for by bisection.
const BISECTED_MIN: usize = 8;

/// The lengths that some names have, together with their last bytes, to tell most other names apart at once.
#[derive(Debug, Clone, Copy, Default)]
pub struct Lengths(u64);

impl Lengths {
    /// Adds the length and last byte of a name.
    pub fn add(&mut self, name: &[u8]) {
        self.0 |= Self::bit(name);
    }

    /// Whether a name may be among them.
    #[inline]
    #[must_use]
    pub fn may_have(self, name: &[u8]) -> bool {
        self.0 & Self::bit(name) != 0
    }

    #[inline]
    fn bit(name: &[u8]) -> u64 {
        let last = name.last().map_or(0, |last| usize::from(*last));
        1 << ((name.len() + 5 * last) % 64)
    }
}

/// What is said of some names.
#[derive(Debug)]
pub struct Named<T> {
    /// In ascending order of the names.
    entries: Vec<(Vec<u8>, T)>,
    lengths: Lengths,
}

impl<T> FromIterator<(Vec<u8>, T)> for Named<T> {
    fn from_iter<I: IntoIterator<Item = (Vec<u8>, T)>>(entries: I) -> Self {
        let mut entries: Vec<_> = entries.into_iter().collect();
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let mut lengths = Lengths::default();
        for (name, _) in &entries {
            lengths.add(name);
        }
        Self { entries, lengths }
    }
}

impl<T> Named<T> {
    /// What is said of a name.
    #[inline(always)]
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&T> {
        if self.lengths.may_have(name) {
            self.find(name)
        } else {
            None
        }
    }

    fn find(&self, name: &[u8]) -> Option<&T> {
        let entries = self.entries.as_slice();
        let found = if entries.len() < BISECTED_MIN {
            entries.iter().find(|(known, _)| same(known, name))
        } else {
            let place = entries.binary_search_by(|(known, _)| known.as_slice().cmp(name));
            place.ok().and_then(|place| entries.get(place))
        };
        found.map(|(_, said)| said)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_found_whether_few_or_many() {
        for count in [0, 1, BISECTED_MIN - 1, BISECTED_MIN, 200] {
            let name = |n: usize| format!("{:0width$}", n, width = 3 + n % 70).into_bytes();
            let named: Named<usize> = (0..count).rev().map(|n| (name(n), n)).collect();
            for n in 0..count {
                assert_eq!(named.get(&name(n)), Some(&n));
            }
            assert_eq!(named.get(b"another"), None);
            assert_eq!(named.get(&name(count)), None);
        }
    }
}
