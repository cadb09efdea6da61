//! A map as transforms plan it: its keys are known, its values are not.

use tidegate_model::value::tag;

/// A map of which the keys are known, in their order, to be edited. Keys are encoded texts.
#[derive(Debug)]
pub struct PlannedMap {
    pub(super) entries: Vec<PlannedEntry>,
    /// The step that edits it now.
    pub(super) step: usize,
    pub(super) is_foreseen: bool,
    /// The bytes of all that was put in, whether it stayed or not.
    pub(super) put_bytes: usize,
}

/// An entry of the map to come.
#[derive(Debug)]
pub(super) struct PlannedEntry {
    pub(super) key: Vec<u8>,
    pub(super) origin: Origin,
    pub(super) edits: Vec<ValueEdit>,
}

/// Where a value comes from, before it is edited.
#[derive(Debug)]
pub(super) enum Origin {
    /// The entry of the map given that has this place.
    Given(usize),
    /// It is always the same.
    Same(Vec<u8>),
    /// It is made for the record.
    Made(ValueEdit),
}

/// A value as a step of the chain makes it, by the step's number for it.
#[derive(Debug, Clone, Copy)]
pub(super) struct ValueEdit {
    pub(super) step: usize,
    pub(super) number: u32,
}

/// What becomes of an entry by its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Naming<'a> {
    /// It stays.
    Stays,
    /// It has this key from now on.
    Renamed(&'a [u8]),
    /// It is left out.
    LeftOut,
}

impl PlannedMap {
    /// The map given, of which the keys are all different.
    pub(super) fn of<'a>(keys: impl Iterator<Item = &'a [u8]>) -> Self {
        let entry = |(place, key): (usize, &[u8])| PlannedEntry {
            key: key.to_vec(),
            origin: Origin::Given(place),
            edits: Vec::new(),
        };
        Self {
            entries: keys.enumerate().map(entry).collect(),
            step: 0,
            is_foreseen: true,
            put_bytes: 0,
        }
    }

    /// Leaves records like this one to [`apply_batch`](crate::Transform::apply_batch).
    pub fn give_up(&mut self) {
        self.is_foreseen = false;
    }

    /// Puts an entry at the end, always with the same encoded value; one with its key is taken out.
    pub fn put(&mut self, key: &[u8], value: &[u8]) {
        self.put_bytes += value.len();
        self.push(key, Origin::Same(value.to_vec()));
    }

    /// Puts an entry at the end whose value is made for each record, with a number of the transform's own; one with
    /// its key is taken out. The value has at most so many bytes.
    pub fn put_made(&mut self, key: &[u8], number: u32, bytes_max: usize) {
        self.put_bytes += bytes_max;
        let step = self.step;
        self.push(key, Origin::Made(ValueEdit { step, number }));
    }

    fn push(&mut self, key: &[u8], origin: Origin) {
        self.put_bytes += key.len();
        if let Some(place) = self.place(key) {
            let replaced = self.entries.remove(place);
            self.forget(&replaced);
        }
        self.entries.push(PlannedEntry {
            key: key.to_vec(),
            origin,
            edits: Vec::new(),
        });
    }

    /// Edits the value of a key, with a number of the transform's own. A key that is missing is added, with null.
    pub fn edit_or_add_null(&mut self, key: &[u8], number: u32) {
        let step = self.step;
        let place = self.place(key);
        match place.and_then(|place| self.entries.get_mut(place)) {
            Some(entry) => entry.edits.push(ValueEdit { step, number }),
            None => self.put(key, &[tag::NULL]),
        }
    }

    /// Renames and leaves out entries by their keys. Of entries that get one key the first keeps its place, with the
    /// value of the last.
    pub fn rename<'n>(&mut self, mut naming: impl FnMut(&[u8]) -> Naming<'n>) {
        for mut entry in std::mem::take(&mut self.entries) {
            match naming(&entry.key) {
                Naming::Stays => {}
                Naming::Renamed(key) => {
                    self.put_bytes += key.len();
                    entry.key = key.to_vec();
                }
                Naming::LeftOut => {
                    self.forget(&entry);
                    continue;
                }
            }
            let place = self.place(&entry.key);
            match place.and_then(|place| self.entries.get_mut(place)) {
                Some(first) => {
                    let replaced = std::mem::replace(first, entry);
                    self.forget(&replaced);
                }
                None => self.entries.push(entry),
            }
        }
    }

    fn place(&self, key: &[u8]) -> Option<usize> {
        self.entries.iter().position(|entry| entry.key == key)
    }

    /// An entry is gone. An edit that it had might have failed, which only shows when it is done.
    fn forget(&mut self, entry: &PlannedEntry) {
        if !entry.edits.is_empty() {
            self.give_up();
        }
    }
}
