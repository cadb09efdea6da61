//! Where the records of a polled batch came from, and the groups that they are acknowledged in.

use tidegate_model::{Batch, Column};

use crate::submitted::NewGroup;

/// Where the records of a polled batch came from.
#[derive(Debug, Clone)]
pub struct PolledPositions {
    /// The source partitions that the guest listed, of which not all need have records.
    pub partitions: Vec<Vec<u8>>,
    /// For each polled record the number of its source partition. Empty: 0 for every record.
    pub partition_of: Vec<u32>,
    pub offsets: Column,
}

impl PolledPositions {
    /// The source partition of a record.
    pub fn partition(&self, row: usize) -> Option<&[u8]> {
        let number = self.partition_of.get(row).copied().unwrap_or(0);
        let partition = self.partitions.get(number as usize)?;
        Some(partition)
    }

    /// Those of the first records.
    pub fn first(mut self, count: usize) -> Self {
        self.partition_of.truncate(count);
        let rows = count.min(self.offsets.len());
        let rows: Vec<u32> = (0..).take(rows).collect();
        self.offsets = self.offsets.select(&rows);
        self
    }

    /// One group for each source partition that has records, with its last offset and what of it is submitted; and
    /// for each record of `batch` its group. Record n of it came from record `inputs[n]`; none: from record n.
    /// Records that were dropped count for their group's offset too, which passes them.
    pub fn groups(self, batch: &Batch, inputs: Option<&[u32]>) -> (Vec<NewGroup>, Vec<u32>) {
        let Self {
            partitions,
            partition_of,
            offsets,
        } = self;
        let group = |partition| NewGroup {
            partition,
            offset: None,
            records: 0,
            bytes: 0,
        };
        if partition_of.is_empty() {
            // All records are of one source partition: the last offset in the batch is its last offset.
            let only = partitions.into_iter().next().map(|partition| NewGroup {
                offset: last_offset(&offsets),
                records: batch.len(),
                bytes: batch.payload_bytes(),
                ..group(partition)
            });
            return (only.into_iter().collect(), Vec::new());
        }
        let mut new: Vec<NewGroup> = Vec::new();
        let mut offset_of: Vec<Option<&[u8]>> = Vec::new();
        let mut partitions: Vec<(Vec<u8>, Option<u32>)> = partitions
            .into_iter()
            .map(|partition| (partition, None))
            .collect();
        let mut group_of = Vec::with_capacity(partition_of.len());
        let offsets = offsets.iter().chain(std::iter::repeat(None));
        for (partition, offset) in partition_of.iter().zip(offsets) {
            let Some((partition, known)) = partitions.get_mut(*partition as usize) else {
                continue; // The sandbox checked it.
            };
            let number = *known.get_or_insert_with(|| {
                new.push(group(std::mem::take(partition)));
                offset_of.push(None);
                u32::try_from(new.len() - 1).unwrap_or(u32::MAX)
            });
            group_of.push(number);
            if let Some(last) = offset_of.get_mut(number as usize) {
                *last = offset.or(*last);
            }
        }
        for (group, offset) in new.iter_mut().zip(offset_of) {
            group.offset = offset.map(<[u8]>::to_vec);
        }
        let groups: Vec<u32> = match inputs {
            None => group_of,
            Some(inputs) => inputs
                .iter()
                .map(|row| group_of.get(*row as usize).copied().unwrap_or(0))
                .collect(),
        };
        let bytes_each = batch.payload_bytes() / batch.len().max(1);
        for number in &groups {
            if let Some(group) = new.get_mut(*number as usize) {
                group.records += 1;
                group.bytes += bytes_each;
            }
        }
        (new, groups)
    }
}

/// The last entry that is not null, found from the end.
fn last_offset(offsets: &Column) -> Option<Vec<u8>> {
    let length = offsets
        .lengths
        .iter()
        .rev()
        .find_map(|length| usize::try_from(*length).ok())?;
    let start = offsets.bytes.len().checked_sub(length)?;
    offsets.bytes.get(start..).map(<[u8]>::to_vec)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A group: source partition, offset and records.
    type Shown = (String, Option<u8>, usize);

    /// The groups of a batch of so many records, and the group of each.
    fn groups(
        positions: PolledPositions,
        records: usize,
        inputs: Option<&[u32]>,
    ) -> (Vec<Shown>, Vec<u32>) {
        let batch = Batch {
            count: records,
            ..Batch::default()
        };
        let (new, groups) = positions.groups(&batch, inputs);
        let shown = new.into_iter().map(|group| {
            let partition = String::from_utf8(group.partition).unwrap();
            let offset = group.offset.map(|offset| offset[0]);
            (partition, offset, group.records)
        });
        (shown.collect(), groups)
    }

    fn positions(partition_of: &[u32], offsets: &[Option<u8>]) -> PolledPositions {
        let mut column = Column::default();
        for offset in offsets {
            column.push(offset.as_ref().map(std::slice::from_ref));
        }
        PolledPositions {
            partitions: ["a", "b", "c", "d"].map(|name| name.into()).to_vec(),
            partition_of: partition_of.to_vec(),
            offsets: column,
        }
    }

    #[test]
    fn source_partitions_that_are_listed_and_have_no_records_are_left_out() {
        let only = positions(&[], &[Some(1), Some(2), None]);
        let wanted = vec![("a".to_owned(), Some(2), 3)];
        assert_eq!(groups(only, 3, None), (wanted, vec![]));

        let two = positions(&[3, 1, 3], &[Some(1), Some(2), None]);
        let wanted = vec![("d".to_owned(), Some(1), 2), ("b".to_owned(), Some(2), 1)];
        assert_eq!(groups(two, 3, None), (wanted, vec![0, 1, 0]));

        let none = positions(&[1, 1], &[]);
        let wanted = vec![("b".to_owned(), None, 2)];
        assert_eq!(groups(none, 2, None), (wanted, vec![0, 0]));
    }

    #[test]
    fn the_first_records_have_the_offsets_up_to_theirs() {
        let all = positions(&[0, 2, 2], &[Some(1), Some(2), Some(3)]);
        let wanted = vec![("a".to_owned(), Some(1), 1), ("c".to_owned(), Some(2), 1)];
        assert_eq!(groups(all.first(2), 2, Some(&[0, 1])), (wanted, vec![0, 1]));

        let only = positions(&[], &[Some(1), Some(2)]);
        let wanted = vec![("a".to_owned(), Some(1), 0)];
        assert_eq!(groups(only.first(1), 0, Some(&[])), (wanted, vec![]));
    }

    #[test]
    fn records_that_were_dropped_let_the_offset_of_their_source_partition_pass() {
        let dropped = positions(&[0, 2, 2], &[Some(1), Some(2), Some(3)]);
        let wanted = vec![("a".to_owned(), Some(1), 1), ("c".to_owned(), Some(3), 0)];
        assert_eq!(groups(dropped, 1, Some(&[0])), (wanted, vec![0]));

        let all = positions(&[], &[Some(1), Some(2)]);
        let wanted = vec![("a".to_owned(), Some(2), 0)];
        assert_eq!(groups(all, 0, Some(&[])), (wanted, vec![]));
    }
}
