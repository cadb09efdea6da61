//! Choosing rows of a batch: after records were dropped, filtered or split.

use std::collections::HashMap;

use crate::batch::{Batch, Headers};
use crate::column::Column;

impl Column {
    /// The entries of these rows, in the order of `rows`. An empty column stays empty.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        if self.is_empty() {
            return Self::default();
        }
        let entries: Vec<_> = self.iter().collect();
        let mut selected = Self::with_capacity(rows.len(), self.bytes.len());
        for row in rows {
            selected.push(entries.get(*row as usize).copied().flatten());
        }
        selected
    }

    /// Appends the entries of another column.
    pub fn append(&mut self, other: &Self) {
        self.bytes.extend_from_slice(&other.bytes);
        self.lengths.extend_from_slice(&other.lengths);
    }
}

impl Batch {
    /// The records of these rows, in the order of `rows`, which may name a row more than once.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        Self {
            count: rows.len(),
            topics: self.topics.clone(),
            topic_indexes: pick(&self.topic_indexes, rows),
            partitions: pick(&self.partitions, rows),
            offsets: pick(&self.offsets, rows),
            timestamps: pick(&self.timestamps, rows),
            schemas: self.schemas.clone(),
            key_schemas: pick(&self.key_schemas, rows),
            keys: self.keys.select(rows),
            value_schemas: pick(&self.value_schemas, rows),
            values: self.values.select(rows),
            headers: self.headers.select(rows),
        }
    }
}

impl Batch {
    /// Appends the records of another batch. A schema that both have is kept once.
    pub fn append(&mut self, other: &Self) {
        let (mine, theirs) = (self.count, other.count);
        let numbers = self.take_in_schemas(&other.schemas);
        let shift = |schemas: &[i32]| renumbered(schemas, &numbers);
        let topics: Vec<u32> = other
            .topics
            .iter()
            .map(|topic| self.topic_index(topic))
            .collect();
        let their_topics: Vec<u32> = (0..theirs)
            .map(|row| {
                other
                    .topic_indexes
                    .get(row)
                    .map_or(0, |topic| *topic as usize)
            })
            .map(|topic| topics.get(topic).copied().unwrap_or(0))
            .collect();
        // An empty list stands for the first topic.
        let others = their_topics.iter().any(|topic| *topic != 0);
        let their_topics = if others { their_topics } else { Vec::new() };
        extend(&mut self.topic_indexes, &their_topics, mine, theirs, 0);
        extend(&mut self.partitions, &other.partitions, mine, theirs, -1);
        extend(&mut self.offsets, &other.offsets, mine, theirs, -1);
        extend(&mut self.timestamps, &other.timestamps, mine, theirs, -1);
        extend(
            &mut self.key_schemas,
            &shift(&other.key_schemas),
            mine,
            theirs,
            -1,
        );
        extend(
            &mut self.value_schemas,
            &shift(&other.value_schemas),
            mine,
            theirs,
            -1,
        );
        let (headers, more) = (&mut self.headers, &other.headers);
        let (my_total, their_total) = (headers.total(), more.total());
        extend(&mut headers.counts, &more.counts, mine, theirs, 0);
        extend(
            &mut headers.schemas,
            &shift(&more.schemas),
            my_total,
            their_total,
            -1,
        );
        headers.keys.append(&more.keys);
        headers.values.append(&more.values);
        extend_column(&mut self.keys, &other.keys, mine, theirs);
        extend_column(&mut self.values, &other.values, mine, theirs);
        self.count = mine + theirs;
    }

    /// Adds the schemas that are new; answers with the number that each has here.
    fn take_in_schemas(&mut self, schemas: &[Vec<u8>]) -> Vec<i32> {
        if self.schemas.starts_with(schemas) {
            return (0..).take(schemas.len()).collect();
        }
        let mut known: HashMap<Vec<u8>, i32> = self.schemas.iter().cloned().zip(0..).collect();
        let mut number = |schema: &Vec<u8>| {
            if let Some(number) = known.get(schema) {
                return *number;
            }
            let number = i32::try_from(self.schemas.len()).unwrap_or(i32::MAX);
            self.schemas.push(schema.clone());
            known.insert(schema.clone(), number);
            number
        };
        schemas.iter().map(&mut number).collect()
    }

    /// Forgets the topics and schemas that no record uses.
    pub fn drop_unused(&mut self) {
        let mut topics = Kept::new(self.topics.len());
        if self.count > 0 && self.topic_indexes.is_empty() {
            topics.number(0);
        }
        for index in &mut self.topic_indexes {
            let kept = topics.number(*index as usize);
            *index = kept.and_then(|kept| kept.try_into().ok()).unwrap_or(0);
        }
        self.topics = topics.choose(&mut self.topics);
        let mut schemas = Kept::new(self.schemas.len());
        let lists = [
            &mut self.key_schemas,
            &mut self.value_schemas,
            &mut self.headers.schemas,
        ];
        for index in lists.into_iter().flatten() {
            let kept = usize::try_from(*index).ok();
            *index = kept.and_then(|index| schemas.number(index)).unwrap_or(-1);
        }
        self.schemas = schemas.choose(&mut self.schemas);
    }
}

/// The entries of a list that are kept, in the order in which they were asked for.
struct Kept {
    /// For each entry its new number; -1 while nobody asked for it.
    numbers: Vec<i32>,
    order: Vec<usize>,
}

impl Kept {
    fn new(entries: usize) -> Self {
        Self {
            numbers: vec![-1; entries],
            order: Vec::new(),
        }
    }

    /// The new number of an entry, which is kept from now on. `None`: there is no such entry.
    fn number(&mut self, entry: usize) -> Option<i32> {
        let number = self.numbers.get_mut(entry)?;
        if *number < 0 {
            *number = i32::try_from(self.order.len()).ok()?;
            self.order.push(entry);
        }
        Some(*number)
    }

    /// The kept entries, taken out of the list.
    fn choose<T: Default>(&self, list: &mut [T]) -> Vec<T> {
        let entries = self.order.iter();
        entries
            .filter_map(|entry| list.get_mut(*entry).map(std::mem::take))
            .collect()
    }
}

/// Numbers of schemas in another batch as the numbers that they have now; -1 stays.
fn renumbered(schemas: &[i32], numbers: &[i32]) -> Vec<i32> {
    let number = |schema: &i32| usize::try_from(*schema).ok();
    schemas
        .iter()
        .map(|schema| number(schema).and_then(|schema| numbers.get(schema).copied()))
        .map(|schema| schema.unwrap_or(-1))
        .collect()
}

/// Appends `other`, of `theirs` entries, to `list`, of `mine`; an empty list stands for that many `default`.
fn extend<T: Copy>(list: &mut Vec<T>, other: &[T], mine: usize, theirs: usize, default: T) {
    if list.is_empty() && other.is_empty() {
        return;
    }
    list.resize(mine, default);
    list.extend_from_slice(other);
    list.resize(mine + theirs, default);
}

/// The same for columns, whose default is null.
fn extend_column(column: &mut Column, other: &Column, mine: usize, theirs: usize) {
    if column.is_empty() && other.is_empty() {
        return;
    }
    column.lengths.resize(mine, -1);
    column.append(other);
    column.lengths.resize(mine + theirs, -1);
}

impl Headers {
    /// The headers of these rows, in the order of `rows`, which may name a row more than once.
    #[must_use]
    pub fn select(&self, rows: &[u32]) -> Self {
        if self.counts.is_empty() {
            return Self::default();
        }
        let mut starts = Vec::with_capacity(self.counts.len());
        let mut start = 0_u32;
        for count in &self.counts {
            starts.push(start);
            start = start.saturating_add(*count);
        }
        let counts = pick(&self.counts, rows);
        let firsts = pick(&starts, rows);
        let positions: Vec<u32> = firsts
            .iter()
            .zip(&counts)
            .flat_map(|(first, count)| *first..first.saturating_add(*count))
            .collect();
        Self {
            keys: self.keys.select(&positions),
            values: self.values.select(&positions),
            schemas: pick(&self.schemas, &positions),
            counts,
        }
    }
}

/// The entries of these rows; an empty list stays empty.
fn pick<T: Copy>(list: &[T], rows: &[u32]) -> Vec<T> {
    if list.is_empty() {
        return Vec::new();
    }
    rows.iter()
        .filter_map(|row| list.get(*row as usize).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn letters() -> Batch {
        let mut batch = Batch {
            count: 4,
            topics: vec!["t".to_owned()],
            offsets: vec![10, 11, 12, 13],
            values: [Some(b"a".as_slice()), None, Some(b"cc"), Some(b"")]
                .into_iter()
                .collect(),
            ..Batch::default()
        };
        batch.headers.counts = vec![0, 2, 0, 1];
        for name in ["x", "y", "z"] {
            batch.headers.keys.push(Some(name.as_bytes()));
            batch
                .headers
                .values
                .push(Some(name.to_uppercase().as_bytes()));
        }
        batch
    }

    #[test]
    fn rows_are_chosen_with_all_their_columns() {
        let chosen = letters().select(&[1, 2]);
        assert_eq!(chosen.check(), Ok(()));
        assert_eq!(chosen.offsets, [11, 12]);
        assert_eq!(
            chosen.iter_values().collect::<Vec<_>>(),
            [None, Some(b"cc".as_slice())]
        );
        assert_eq!(chosen.headers.counts, [2, 0]);
        assert_eq!(chosen.headers.keys.bytes, b"xy");
        assert!(chosen.keys.is_empty());
    }

    #[test]
    fn a_row_may_be_chosen_twice() {
        let chosen = letters().select(&[1, 1, 3]);
        assert_eq!(chosen.check(), Ok(()));
        assert_eq!(chosen.headers.keys.bytes, b"xyxyz");
        assert_eq!(chosen.offsets, [11, 11, 13]);
    }

    #[test]
    fn batches_are_put_together_and_taken_apart() {
        let mut both = letters();
        let mut other = Batch {
            topics: vec!["u".to_owned()],
            ..letters()
        };
        other.headers = Headers::default();
        other.keys = [Some(b"k".as_slice()); 4].into_iter().collect();
        other.schemas = vec![vec![8, 0]];
        other.value_schemas = vec![0, -1, 0, -1];
        both.append(&other);
        assert_eq!(both.check(), Ok(()));
        assert_eq!((both.topic(3), both.topic(4)), ("t", "u"));
        assert_eq!(both.iter_keys().nth(4), Some(Some(b"k".as_slice())));
        let back = both.select(&[4, 0, 5, 1]);
        assert_eq!(back.check(), Ok(()));
        assert_eq!(back.offsets, [10, 10, 11, 11]);
        assert_eq!(back.value_schemas, [0, -1, -1, -1]);
    }

    #[test]
    fn a_schema_that_both_have_is_kept_once() {
        let mut one = letters();
        one.schemas = vec![vec![8], vec![7]];
        one.value_schemas = vec![0, 1, -1, 0];
        let mut other = letters();
        other.schemas = vec![vec![5], vec![7]];
        other.value_schemas = vec![1, 0, -1, 1];
        one.append(&other);
        assert_eq!(one.check(), Ok(()));
        assert_eq!(one.schemas, [[8], [7], [5]]);
        assert_eq!(one.value_schemas, [0, 1, -1, 0, 1, 2, -1, 1]);
        assert_eq!(one.topic_indexes, [], "all are of the first topic");
        let same = one.clone();
        one.append(&same);
        assert_eq!(one.schemas, same.schemas);
    }

    #[test]
    fn topics_and_schemas_that_no_record_uses_are_forgotten() {
        let mut batch = letters();
        batch.topics = ["a", "b", "c"].map(str::to_owned).to_vec();
        batch.topic_indexes = vec![2, 0, 2, 1];
        batch.schemas = vec![vec![8], vec![7], vec![5], vec![6]];
        batch.key_schemas = vec![3, -1, -1, 0];
        batch.value_schemas = vec![2, 1, 1, 0];
        batch.headers.schemas = vec![-1, 3, 1];
        let mut chosen = batch.select(&[0, 1, 2]);
        chosen.drop_unused();
        assert_eq!(chosen.check(), Ok(()));
        assert_eq!(chosen.topics, ["c", "a"]);
        assert_eq!(chosen.topic_indexes, [0, 1, 0]);
        assert_eq!(chosen.schemas, [[6], [5], [7]]);
        assert_eq!(chosen.key_schemas, [0, -1, -1]);
        assert_eq!(chosen.value_schemas, [1, 2, 2]);
        assert_eq!(chosen.headers.schemas, [-1, 0]);
        let mut first = letters();
        first.topics.push("unused".to_owned());
        first.drop_unused();
        assert_eq!(first.topics, ["t"], "no indexes stand for the first topic");
    }
}
