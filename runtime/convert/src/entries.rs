//! The entries of a map, of which the last of a key counts.

use std::collections::HashMap;

use tidegate_model::value::length;

/// Removes entries whose keys come again later: the last value takes the first one's place. `body` is where
/// the `count` entries of a map begin in `out`; the answer is how many are left.
pub(crate) fn keep_last(out: &mut Vec<u8>, body: usize, count: usize) -> usize {
    if count < 2 {
        return count;
    }
    let mut entries: Vec<(&[u8], &[u8])> = Vec::with_capacity(count);
    let mut places: HashMap<&[u8], usize> = HashMap::with_capacity(count);
    let mut rest = out.get(body..).unwrap_or_default();
    while let (Some(key), Some(value)) = (next(&mut rest), next(&mut rest)) {
        match places.get(key).and_then(|place| entries.get_mut(*place)) {
            Some(entry) => entry.1 = value,
            None => {
                places.insert(key, entries.len());
                entries.push((key, value));
            }
        }
    }
    let left = entries.len();
    if left < count {
        let kept: Vec<u8> = entries
            .iter()
            .flat_map(|(key, value)| [*key, *value])
            .flatten()
            .copied()
            .collect();
        out.truncate(body);
        out.extend_from_slice(&kept);
    }
    left
}

fn next<'a>(rest: &mut &'a [u8]) -> Option<&'a [u8]> {
    let (value, more) = rest.split_at_checked(length(rest).ok()?)?;
    *rest = more;
    Some(value)
}
