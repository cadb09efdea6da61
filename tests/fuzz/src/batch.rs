//! Batches, as a guest hands them over: lists that may contradict each other.

use tidegate_model::{Batch, Column, Headers};
use tidegate_sdk::record::{batch_of, records};

use crate::input::Input;
use crate::made_up;

/// Takes the bytes as a batch of any lists, and as one that fits together.
pub fn run(data: &[u8]) {
    let input = &mut Input::new(data);
    let batch = if input.flag() {
        made_up::records(input).1
    } else {
        any(input)
    };
    if batch.check().is_err() {
        return;
    }
    let all: Vec<u32> = (0..batch.count).map(|row| row as u32).collect();
    let whole = seen(&batch);
    assert_eq!(seen(&batch.select(&all)), whole, "all rows of it");

    // Divided and put together again.
    let middle = input.below(batch.count + 1);
    let mut joined = batch.select(&all[..middle]);
    joined.check().expect("the first part fits together");
    let rest = batch.select(&all[middle..]);
    rest.check().expect("the second part fits together");
    joined.append(&rest);
    joined.check().expect("both parts fit together");
    assert_eq!(seen(&joined), whole, "its parts put together");
    joined.drop_unused();
    joined
        .check()
        .expect("it fits without what nothing refers to");
    assert_eq!(seen(&joined), whole, "what nothing refers to left out");

    // Some rows, some of them twice.
    let rows: Vec<u32> = (0..input.below(8))
        .filter(|_| batch.count > 0)
        .map(|_| input.below(batch.count) as u32)
        .collect();
    let some = batch.select(&rows);
    some.check().expect("some rows fit together");
    let wanted: Vec<_> = rows
        .iter()
        .map(|row| whole[*row as usize].clone())
        .collect();
    assert_eq!(seen(&some), wanted, "the rows {rows:?}");

    let read: Vec<_> = records(&batch).collect();
    assert_eq!(read.len(), batch.count);
    if let Ok(read) = read.into_iter().collect::<Result<Vec<_>, _>>() {
        batch_of(&read).check().expect("its records fit together");
    }
}

/// A record as bytes, whatever the lists are like.
type Seen = (
    String,
    [Option<i64>; 3],
    [(Option<Vec<u8>>, Option<Vec<u8>>); 2],
    Vec<(Vec<u8>, Option<Vec<u8>>, Option<Vec<u8>>)>,
);

fn seen(batch: &Batch) -> Vec<Seen> {
    let schema = |list: &[i32], row: usize| {
        let index = list.get(row).copied().unwrap_or(-1);
        usize::try_from(index)
            .ok()
            .map(|index| batch.schemas[index].clone())
    };
    let owned = |entry: Option<&[u8]>| entry.map(<[u8]>::to_vec);
    let mut keys = batch.iter_keys();
    let mut values = batch.iter_values();
    let mut names = batch.headers.keys.iter();
    let mut header_values = batch.headers.values.iter();
    let mut header = 0;
    let each = |row: usize| {
        let count = batch.headers.counts.get(row).copied().unwrap_or(0);
        let headers = (0..count).map(|_| {
            let found = (
                names.next().flatten().expect("a name").to_vec(),
                schema(&batch.headers.schemas, header),
                owned(header_values.next().flatten()),
            );
            header += 1;
            found
        });
        (
            batch.topic(row).to_owned(),
            [
                batch.partition(row).map(i64::from),
                batch.offsets.get(row).copied(),
                batch.timestamp(row),
            ],
            [
                (
                    schema(&batch.key_schemas, row),
                    owned(keys.next().flatten()),
                ),
                (
                    schema(&batch.value_schemas, row),
                    owned(values.next().flatten()),
                ),
            ],
            headers.collect(),
        )
    };
    (0..batch.count).map(each).collect()
}

/// Lists of any content, mostly of the right lengths.
fn any(input: &mut Input<'_>) -> Batch {
    let count = input.below(9);
    let topics = input.below(4);
    let schemas = input.below(4);
    let counts: Vec<u32> = list(input, count, |input| input.below(4) as u32);
    let headers = counts.iter().map(|count| *count as usize).sum();
    Batch {
        count,
        topics: (0..topics).map(|topic| format!("t{topic}")).collect(),
        topic_indexes: list(input, count, |input| input.below(topics + 1) as u32),
        partitions: list(input, count, |input| input.number() as i32),
        offsets: list(input, count, |input| input.number()),
        timestamps: list(input, count, |input| input.number()),
        schemas: (0..schemas).map(|_| input.bytes(6).to_vec()).collect(),
        key_schemas: list(input, count, |input| input.below(schemas + 2) as i32 - 1),
        keys: column(input, count),
        value_schemas: list(input, count, |input| input.below(schemas + 2) as i32 - 1),
        values: column(input, count),
        headers: Headers {
            keys: column(input, headers),
            schemas: list(input, headers, |input| input.below(schemas + 2) as i32 - 1),
            values: column(input, headers),
            counts,
        },
    }
}

fn list<'a, T>(
    input: &mut Input<'a>,
    count: usize,
    mut one: impl FnMut(&mut Input<'a>) -> T,
) -> Vec<T> {
    let length = match input.byte() {
        0..64 => 0,
        255 => count + 1,
        _ => count,
    };
    (0..length).map(|_| one(input)).collect()
}

fn column(input: &mut Input<'_>, count: usize) -> Column {
    let entries = list(input, count, |input| {
        (!input.seldom(8)).then(|| input.bytes(8))
    });
    let mut column: Column = entries.into_iter().collect();
    if input.seldom(32) && !column.lengths.is_empty() {
        let at = input.below(column.lengths.len());
        column.lengths[at] = input.number() as i32;
    }
    column
}
