//! Values kept by a byte string, the longest unused dropped first. Bounded by number and by bytes.

use std::collections::HashMap;

/// The most bytes of keys that a cache keeps.
const KEY_BYTES_MAX: usize = 16 * 1024 * 1024;

/// Values by byte string.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    entries: HashMap<Box<[u8]>, Entry<V>>,
    entries_max: usize,
    key_bytes: usize,
    clock: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    used: u64,
}

impl<V: Clone> Cache<V> {
    /// A cache of at most `entries_max`; with 0 it keeps nothing.
    pub(crate) fn new(entries_max: usize) -> Self {
        Self {
            entries: HashMap::new(),
            entries_max,
            key_bytes: 0,
            clock: 0,
        }
    }

    /// The value kept for `key`, else the one that `make` gives, which is kept.
    ///
    /// # Errors
    /// What `make` says.
    pub(crate) fn get_or_make<E>(
        &mut self,
        key: &[u8],
        make: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, E> {
        self.clock += 1;
        if let Some(entry) = self.entries.get_mut(key) {
            entry.used = self.clock;
            return Ok(entry.value.clone());
        }
        let value = make()?;
        if self.entries_max > 0 && key.len() <= KEY_BYTES_MAX {
            while self.entries.len() >= self.entries_max
                || self.key_bytes + key.len() > KEY_BYTES_MAX
            {
                self.drop_oldest();
            }
            self.key_bytes += key.len();
            let entry = Entry {
                value: value.clone(),
                used: self.clock,
            };
            self.entries.insert(key.into(), entry);
        }
        Ok(value)
    }

    fn drop_oldest(&mut self) {
        let oldest = self
            .entries
            .iter()
            .min_by_key(|(_, entry)| entry.used)
            .map(|(key, _)| key.clone());
        if let Some(key) = oldest {
            self.key_bytes -= key.len();
            self.entries.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_unused_is_dropped_first() {
        let mut cache = Cache::new(2);
        let mut made = Vec::new();
        for key in [b"a", b"b", b"a", b"c", b"a", b"b"] {
            let found: Result<u8, ()> = cache.get_or_make(key, || {
                made.push(key[0]);
                Ok(key[0])
            });
            assert_eq!(found, Ok(key[0]));
        }
        assert_eq!(made, b"abcb");
    }
}
