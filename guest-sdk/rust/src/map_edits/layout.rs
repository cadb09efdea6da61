//! Which keys a map has, in which places, and where its entries are in a map that has the same.

use tidegate_model::short::same;
use tidegate_model::value::{Block, Halves, OpenStretch, length, tag};

/// So many entries of a map are planned.
const ENTRIES_MAX: usize = 256;
/// So many bytes of keys of a map are planned.
const KEY_BYTES_MAX: usize = 16 * 1024;

/// What comes before the entries of a map: its tag, length and count.
const HEAD_BYTES: usize = 9;
/// So many bytes are compared at once.
const BLOCK_BYTES: usize = 16;

/// The keys of a map in their places. It is divided into parts; only where they end is found in another map.
#[derive(Debug, Default)]
pub(super) struct Layout {
    /// What maps looked like, to find the parts of one that does at once. None, where that cannot be told.
    steps: Vec<Step>,
    /// Where the first step is in a map.
    first: usize,
    /// The keys of each part, for maps that look different: a number may be null.
    keys: Vec<Vec<Box<[u8]>>>,
}

/// Sixteen bytes to compare, and how to go on.
// One list for the whole map, not one for each part: what a part costs in WebAssembly is more than its bytes do.
#[derive(Debug)]
struct Step {
    block: Block,
    advance: usize,
    is_end_of_part: bool,
    /// Whether the last value has a length, which the last four of the bytes are.
    is_sized: bool,
    /// The next part is so short that bytes before it are in its block.
    back: usize,
}

/// Whether something is a map, of which the length is right.
#[inline]
pub(super) fn is_map(bytes: &[u8]) -> bool {
    let Some([tag::MAP, a, b, c, d, ..]) = bytes.first_chunk::<HEAD_BYTES>() else {
        return false;
    };
    let length = u32::from_le_bytes([*a, *b, *c, *d]) as usize;
    length.checked_add(5) == Some(bytes.len())
}

/// The entries of a map; `None`: it is damaged or has too many.
pub(super) fn entries(map: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut entries = Vec::new();
    let (mut rest, mut key_bytes) = (map.get(HEAD_BYTES..)?, 0);
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
        let mut keys: Vec<Vec<Box<[u8]>>> = Vec::new();
        let mut stretches: Vec<OpenStretch> = Vec::new();
        let mut begins = Vec::with_capacity(entries.len() + 1);
        for ((key, value), is_cut) in entries.iter().zip(cuts) {
            let goes_on = stretches.last().is_some_and(|last| !last.is_sized()) && !is_cut;
            begins.push((!goes_on).then_some(keys.len()));
            if !goes_on {
                keys.push(Vec::new());
                stretches.push(OpenStretch::default());
            }
            if let (Some(keys), Some(stretch)) = (keys.last_mut(), stretches.last_mut()) {
                keys.push(Box::from(*key));
                stretch.add_same(key);
                stretch.add_like(value);
            }
        }
        begins.push(Some(keys.len()));
        let first = HEAD_BYTES.checked_sub(lead(stretches.first()));
        let layout = Self {
            steps: first.map_or_else(Vec::new, |_| steps(&stretches)),
            first: first.unwrap_or(HEAD_BYTES),
            keys,
        };
        (layout, begins)
    }

    /// How many places [`Layout::locate`] finds.
    pub(super) fn places(&self) -> usize {
        self.keys.len() + 1
    }

    /// Finds in another map where each part begins, and where the last ends; `false`: it has other keys.
    #[inline]
    pub(super) fn locate(&self, map: &[u8], places: &mut [usize]) -> bool {
        self.compare(map, places) || self.walk(map, places)
    }

    /// Finds the parts of a map that looks as others did.
    // Nothing is called here: in WebAssembly all that is at hand would go through memory then.
    #[inline]
    fn compare(&self, map: &[u8], places: &mut [usize]) -> bool {
        let mut places = places.iter_mut();
        if let Some(place) = places.next() {
            *place = HEAD_BYTES;
        }
        let mut differing: Halves = [0, 0];
        let mut at = self.first;
        for step in &self.steps {
            let Some(bytes) = map.get(at..).and_then(<[u8]>::first_chunk) else {
                return false;
            };
            differing = step.block.differing(bytes, differing);
            at += step.advance;
            if step.is_end_of_part {
                if let (true, Some(length)) = (step.is_sized, bytes.last_chunk()) {
                    at = at.saturating_add(u32::from_le_bytes(*length) as usize);
                }
                if let Some(place) = places.next() {
                    *place = at;
                }
                at -= step.back;
            }
        }
        let [low, high] = differing;
        low | high == 0 && at == map.len() && places.next().is_none()
    }

    /// Finds the parts of a map with the same keys, entry by entry.
    #[cold]
    #[inline(never)]
    fn walk(&self, map: &[u8], places: &mut [usize]) -> bool {
        let mut at = HEAD_BYTES;
        for (keys, place) in self.keys.iter().zip(&mut *places) {
            *place = at;
            match walk(keys, at, map) {
                Some(end) => at = end,
                None => return false,
            }
        }
        if let Some(end) = places.last_mut() {
            *end = at;
        }
        at == map.len()
    }
}

/// So many bytes before a part are in its block, where it is short.
fn lead(part: Option<&OpenStretch>) -> usize {
    part.map_or(0, |part| BLOCK_BYTES.saturating_sub(part.size()))
}

/// How stretches that follow one another are compared.
fn steps(stretches: &[OpenStretch]) -> Vec<Step> {
    let mut steps = Vec::new();
    for (place, stretch) in stretches.iter().enumerate() {
        let back = lead(stretches.get(place + 1));
        let padded = stretch.after(lead(Some(stretch)));
        let mut left = padded.size();
        let mut blocks = padded.blocks().peekable();
        while let Some(block) = blocks.next() {
            let is_end_of_part = blocks.peek().is_none();
            // The last block is so many bytes before the end.
            let advance = match left.checked_sub(2 * BLOCK_BYTES) {
                _ if is_end_of_part => BLOCK_BYTES,
                Some(_) => BLOCK_BYTES,
                None => left - BLOCK_BYTES,
            };
            left -= advance;
            steps.push(Step {
                block,
                advance,
                is_end_of_part,
                is_sized: is_end_of_part && stretch.is_sized(),
                back: if is_end_of_part { back } else { 0 },
            });
        }
    }
    steps
}

/// Where entries with these keys end, which begin at a place of a map.
fn walk(keys: &[Box<[u8]>], at: usize, map: &[u8]) -> Option<usize> {
    let mut rest = map.get(at..)?;
    for key in keys {
        let (found, after) = rest.split_at_checked(key.len())?;
        if !same(found, key) {
            return None;
        }
        (_, rest) = split(after)?;
    }
    Some(map.len() - rest.len())
}

/// The value that bytes begin with, and what follows.
fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    bytes.split_at_checked(length(bytes).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tidegate_model::Value;

    fn map(entries: &[(&str, Value)]) -> Vec<u8> {
        let entry = |(key, value): &(&str, Value)| ((*key).into(), value.clone());
        Value::Map(entries.iter().map(entry).collect()).to_encoded()
    }

    #[test]
    fn parts_are_found_in_maps_with_other_values_of_other_types() {
        let values: [[Value; 4]; 3] = [
            [1.into(), "text".into(), 2_i64.into(), Value::Null],
            [Value::Null, "".into(), 2_i64.into(), "x".into()],
            ["now a text".into(), 5.into(), Value::Map(vec![]), 1.into()],
        ];
        let of = |values: &[Value; 4]| {
            let names = ["alpha", "b", "gamma", "d"];
            map(&std::array::from_fn::<_, 4, _>(|n| {
                (names[n], values[n].clone())
            }))
        };
        for known in &values {
            let known = of(known);
            let (layout, numbers) =
                Layout::of(&entries(&known).unwrap(), &[false, false, false, true]);
            for other in &values {
                let mut begins = vec![0; layout.places()];
                let other = of(other);
                assert!(layout.locate(&other, &mut begins));
                let mut at = HEAD_BYTES;
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
            let others = map(&[("alpha", 1.into()), ("B", "text".into())]);
            assert!(!layout.locate(&others, &mut vec![0; layout.places()]));
        }
    }

    #[test]
    fn a_key_that_comes_twice_or_is_no_text_is_told() {
        let twice = map(&[("a", 1.into()), ("b", 1.into()), ("a", 2.into())]);
        assert!(!are_names(&entries(&twice).unwrap()));
        let once = map(&[("a", 1.into()), ("b", 1.into())]);
        assert!(are_names(&entries(&once).unwrap()));
        let number = Value::Map(vec![(Value::Int8(1), Value::Null)]).to_encoded();
        assert!(!are_names(&entries(&number).unwrap()));
        assert!(entries(&once[..once.len() - 1]).is_none());
    }
}
