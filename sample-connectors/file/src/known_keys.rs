//! The JSON of keys that come again: records of one kind have the same keys in the same places.

use tidegate_sdk::model::short::{append, same};

/// So many places of a record have their key remembered.
const PLACES_MAX: usize = 64;
/// The longest key that is remembered, as it is encoded.
const KEY_BYTES_MAX: usize = 128;
/// So many keys are learnt before it is clear that they do not come again.
const LEARNT_MAX: usize = 100_000;

/// The key that the last record had at each place, counted through nested maps too.
#[derive(Debug, Default)]
pub struct KnownKeys {
    keys: Vec<Key>,
    place: usize,
    learnt: usize,
}

#[derive(Debug, Default)]
struct Key {
    encoded: Vec<u8>,
    /// A comma, the key in quotes, a colon.
    json: Vec<u8>,
}

impl KnownKeys {
    /// Begins a record.
    pub fn begin(&mut self) {
        self.place = 0;
    }

    /// Appends the JSON of the key that `entries` begins with, with its colon and, unless it is the first of its
    /// map, the comma before it; gives what follows the key. `None`: it is another key than the last time.
    #[inline]
    pub fn write<'a>(
        &mut self,
        entries: &'a [u8],
        first: bool,
        out: &mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        let known = self.keys.get(self.place)?;
        let (key, rest) = entries.split_at_checked(known.encoded.len())?;
        if key.is_empty() || !same(key, &known.encoded) {
            return None;
        }
        append(out, known.json.get(usize::from(first)..)?);
        self.place += 1;
        Some(rest)
    }

    /// Remembers a key and its JSON, with comma and colon, for this place.
    pub fn learn(&mut self, encoded: &[u8], json: &[u8]) {
        let place = self.place;
        self.place += 1;
        if place >= PLACES_MAX || encoded.len() > KEY_BYTES_MAX || self.learnt >= LEARNT_MAX {
            return;
        }
        self.learnt += 1;
        if self.keys.len() <= place {
            self.keys.resize_with(place + 1, Key::default);
        }
        if let Some(key) = self.keys.get_mut(place) {
            encoded.clone_into(&mut key.encoded);
            json.clone_into(&mut key.json);
        }
    }
}
