//! Which keys a map has, in which places, and where its entries are in a map that has the same.
//!
//! The texts of records often have lengths of their own, such as codes, ids and times. A map of which all values are as
//! long as those of one before is found out by comparing it once as a whole: it has its entries in the same places.

use tidegate_model::short::same;
use tidegate_model::value::{OpenStretch, Stretch, length, tag};

/// So many entries of a map are planned.
const ENTRIES_MAX: usize = 256;
/// So many bytes of keys of a map are planned.
const KEY_BYTES_MAX: usize = 16 * 1024;

/// The keys of a map in their places. It is divided into parts; only where they end is found in another map.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// What the entries of each part looked like, to skip them at once.
    stretches: Vec<Option<Stretch>>,
    /// The keys of each part, where its entries look different: a number may be null in another record.
    keys: Vec<Vec<Box<[u8]>>>,
    twin: Option<Twin>,
    /// So many maps in a row were not like the twin.
    differed: u32,
    /// So many such maps make the next one the twin.
    patience: u32,
}

/// A map before.
#[derive(Debug)]
struct Twin {
    stretch: Stretch,
    size: usize,
    places: Vec<usize>,
}

/// After so many maps that differ from it the twin is another one, in the beginning.
const PATIENCE_MIN: u32 = 2;
/// The patience doubles with each twin, up to this.
const PATIENCE_MAX: u32 = 1024;

/// The entries of a map; `None`: it is damaged or has too many.
pub(super) fn entries(body: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut entries = Vec::new();
    let (mut rest, mut key_bytes) = (body, 0);
    while !rest.is_empty() {
        let (key, after) = split(rest)?;
        let (value, after) = split(after)?;
        entries.push((key, value));
        key_bytes += key.len();
        rest = after;
        if entries.len() > ENTRIES_MAX || key_bytes > KEY_BYTES_MAX {
            return None;
        }
    }
    Some(entries)
}

/// Whether the keys are texts, and all different.
pub(super) fn are_names(entries: &[(&[u8], &[u8])]) -> bool {
    let mut keys: Vec<&[u8]> = entries.iter().map(|(key, _)| *key).collect();
    keys.sort_unstable();
    keys.iter().all(|key| key.first() == Some(&tag::STRING))
        && keys.array_windows().all(|[one, next]| one != next)
}

impl Layout {
    /// The layout of a map, with a part that begins at each entry that is cut. The answer has for each entry, and
    /// for the end, the number of the part that begins there, where one does.
    pub(super) fn of(entries: &[(&[u8], &[u8])], cuts: &[bool]) -> (Self, Vec<Option<usize>>) {
        let mut layout = Self {
            patience: PATIENCE_MIN,
            ..Self::default()
        };
        let mut begins = Vec::with_capacity(entries.len() + 1);
        let mut open = OpenStretch::default();
        let mut keys = Vec::new();
        for ((key, value), is_cut) in entries.iter().zip(cuts) {
            if !keys.is_empty() && (open.is_sized() || *is_cut) {
                layout.add(&mut open, &mut keys);
            }
            begins.push(keys.is_empty().then_some(layout.keys.len()));
            open.add_same(key);
            open.add_like(value);
            keys.push(Box::from(*key));
        }
        if !keys.is_empty() {
            layout.add(&mut open, &mut keys);
        }
        begins.push(Some(layout.keys.len()));
        (layout, begins)
    }

    fn add(&mut self, open: &mut OpenStretch, keys: &mut Vec<Box<[u8]>>) {
        self.stretches.push(std::mem::take(open).close());
        self.keys.push(std::mem::take(keys));
    }

    /// How many places [`Layout::locate`] finds.
    pub(super) fn places(&self) -> usize {
        self.keys.len() + 1
    }

    /// Finds in another map where each part begins, and where the last ends; `false`: it has other keys.
    #[inline]
    pub(super) fn locate(&mut self, body: &[u8], begins: &mut [usize]) -> bool {
        if let Some(twin) = &self.twin
            && twin.size == body.len()
            && twin.stretch.ends(body).is_some()
        {
            for (begin, place) in begins.iter_mut().zip(&twin.places) {
                *begin = *place;
            }
            self.differed = 0;
            return true;
        }
        self.locate_parts(body, begins)
    }

    /// Finds the parts one after another, and perhaps learns the map as the twin of those to come.
    #[inline(never)]
    fn locate_parts(&mut self, body: &[u8], begins: &mut [usize]) -> bool {
        let is_located = self.walk_parts(body, begins);
        if is_located {
            self.differed += 1;
            if self.differed > self.patience {
                self.learn(body, begins);
            }
        }
        is_located
    }

    #[cold]
    fn learn(&mut self, body: &[u8], begins: &[usize]) {
        self.differed = 0;
        self.patience = (self.patience * 2).min(PATIENCE_MAX);
        let mut open = OpenStretch::default();
        for (key, value) in entries(body).unwrap_or_default() {
            open.add_same(key);
            open.add_same_size(value);
        }
        self.twin = open.close().map(|stretch| Twin {
            stretch,
            size: body.len(),
            places: begins.to_vec(),
        });
    }

    #[inline]
    fn walk_parts(&self, body: &[u8], begins: &mut [usize]) -> bool {
        let (mut part, mut at) = (0, 0);
        loop {
            (part, at) = self.skip_alike(part, at, body, begins);
            let Some(keys) = self.keys.get(part) else {
                return at == body.len();
            };
            let Some(end) = walk(keys, at, body) else {
                return false;
            };
            (part, at) = (part + 1, end);
            if let Some(begin) = begins.get_mut(part) {
                *begin = at;
            }
        }
    }

    /// Skips parts that look as they did. The answer is the part that does not, and where it begins.
    // Nothing is called here: in WebAssembly all that is at hand would go through memory then.
    #[inline]
    fn skip_alike(
        &self,
        part: usize,
        at: usize,
        body: &[u8],
        begins: &mut [usize],
    ) -> (usize, usize) {
        let (mut reached, mut at) = (part, at);
        let stretches = self.stretches.get(part..).unwrap_or_default();
        let ends = begins.get_mut(part + 1..).unwrap_or_default();
        for (stretch, end) in stretches.iter().zip(ends) {
            let (Some(stretch), Some(rest)) = (stretch, body.get(at..)) else {
                break;
            };
            let Some((_, length)) = stretch.ends(rest) else {
                break;
            };
            at = at.saturating_add(length);
            *end = at;
            reached += 1;
        }
        (reached, at)
    }
}

/// Where entries with these keys end, which begin at a place of the body.
#[cold]
#[inline(never)]
fn walk(keys: &[Box<[u8]>], at: usize, body: &[u8]) -> Option<usize> {
    let mut rest = body.get(at..)?;
    for key in keys {
        let (found, after) = rest.split_at_checked(key.len())?;
        if !same(found, key) {
            return None;
        }
        (_, rest) = split(after)?;
    }
    Some(body.len() - rest.len())
}

/// The value that bytes begin with, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(length(bytes).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::Value;

    fn body(entries: &[(&str, Value)]) -> Vec<u8> {
        let entry = |(key, value): &(&str, Value)| {
            [Value::from(*key).to_encoded(), value.to_encoded()].concat()
        };
        entries.iter().flat_map(entry).collect()
    }

    #[test]
    fn parts_are_found_in_maps_with_other_values_of_other_types() {
        let values: [[Value; 4]; 3] = [
            [1.into(), "text".into(), 2_i64.into(), Value::Null],
            [Value::Null, "".into(), 2_i64.into(), "x".into()],
            ["now a text".into(), 5.into(), Value::Map(vec![]), 1.into()],
        ];
        let map = |values: &[Value; 4]| {
            let names = ["alpha", "b", "gamma", "d"];
            body(&std::array::from_fn::<_, 4, _>(|n| {
                (names[n], values[n].clone())
            }))
        };
        for known in &values {
            let known = map(known);
            let (mut layout, numbers) =
                Layout::of(&entries(&known).unwrap(), &[false, false, false, true]);
            // Over and over, until one is learnt.
            for other in values.iter().flat_map(|other| [other; 9]) {
                let mut begins = vec![0; layout.places()];
                let other = map(other);
                assert!(layout.locate(&other, &mut begins));
                let mut at = 0;
                let mut ends = Vec::new();
                for (key, value) in entries(&other).unwrap() {
                    ends.push(at);
                    at += key.len() + value.len();
                }
                ends.push(at);
                assert!(numbers[0] == Some(0) && numbers[3].is_some());
                for (number, end) in numbers.iter().zip(ends) {
                    assert!(number.is_none_or(|number| begins[number] == end));
                }
                assert!(!layout.locate(&other[..other.len() - 1], &mut begins));
                assert!(!layout.locate(&[&other[..], b"x"].concat(), &mut begins));
            }
            let others = body(&[("alpha", 1.into()), ("B", "text".into())]);
            assert!(!layout.locate(&others, &mut vec![0; layout.places()]));
        }
    }

    #[test]
    fn a_key_that_comes_twice_or_is_no_text_is_told() {
        let twice = body(&[("a", 1.into()), ("b", 1.into()), ("a", 2.into())]);
        assert!(!are_names(&entries(&twice).unwrap()));
        let once = body(&[("a", 1.into()), ("b", 1.into())]);
        assert!(are_names(&entries(&once).unwrap()));
        let number = [Value::Int8(1).to_encoded(), vec![0]].concat();
        assert!(!are_names(&entries(&number).unwrap()));
        assert!(entries(&once[..once.len() - 1]).is_none());
    }
}
