//! A batch on its way through a chain of transforms, changed in place.

mod rewritten_headers;
mod routes;

pub use rewritten_headers::{HeaderEdit, HeaderRun, HeaderView, HeaderWriter};

use tidegate_model::{Batch, Column};

use crate::error::{Error, Result};
use crate::record::{Record, RecordWriter, records};
use crate::row::{Row, Side, rows};
use crate::schemas::{NO_SCHEMA, Schemas};
use crate::transform::Apply;

/// What an edit made of the key or value of one record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Edit {
    /// It stays as it was; what was written is taken back.
    Unchanged,
    /// It is null, with a schema or [`NO_SCHEMA`]; what was written is taken back.
    Null(i32),
    /// It is what was written, with a schema or [`NO_SCHEMA`].
    Written(i32),
}

/// So many edited records tell how much room the others will take.
const SAMPLE: usize = 32;

/// So much room is made beyond what is edited, on the word of a sample.
const FORESEEN_BYTES_MAX: usize = 1024 * 1024;

/// A failure of one record in one step of the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// The record's index in the batch that was given.
    pub index: u32,
    /// The step's index in the chain.
    pub step: u32,
    /// What went wrong.
    pub error: Error,
}

/// What a step of the chain did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StepCount {
    /// How many records it was applied to.
    pub records: u32,
    /// How many of them it dropped.
    pub dropped: u32,
    /// How long it took with its condition, in nanoseconds.
    pub nanoseconds: u64,
}

/// Which columns differ from the batch that was given.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Changed {
    /// Topics.
    pub topics: bool,
    /// Partitions.
    pub partitions: bool,
    /// Timestamps.
    pub timestamps: bool,
    /// Keys or their schemas.
    pub keys: bool,
    /// Values or their schemas.
    pub values: bool,
    /// Headers.
    pub headers: bool,
}

/// What came of a batch, in the terms of `transformed` in `wit/transform.wit`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Transformed {
    /// The outputs; its schemas are those given, with the new ones after them.
    pub batch: Batch,
    /// How many schemas the batch given had.
    pub schemas_given: usize,
    /// For each output the index of its input; `None`: output n came from record n.
    pub inputs: Option<Vec<u32>>,
    /// Which columns changed.
    pub changed: Changed,
    /// The records that failed, in ascending order.
    pub errors: Vec<StepError>,
    /// What each step did.
    pub steps: Vec<StepCount>,
}

/// A batch on its way through a chain: each step changes it in place.
///
/// The invariant: all lists are full or empty, `inputs` says where each record came from, and `changed` says
/// which columns differ from what was given.
#[derive(Debug, Default)]
pub struct TransformBatch {
    batch: Batch,
    schemas_given: usize,
    inputs: Option<Vec<u32>>,
    changed: Changed,
    errors: Vec<StepError>,
    step: u32,
    selected: Option<Vec<bool>>,
    /// The records that some steps in a row are for; `None`: all.
    left: Option<Vec<bool>>,
    gone: Vec<bool>,
    /// How many records the current step dropped.
    dropped: u32,
}

impl TransformBatch {
    /// Takes a batch.
    #[must_use]
    pub fn new(batch: Batch) -> Self {
        Self {
            schemas_given: batch.schemas.len(),
            batch,
            ..Self::default()
        }
    }

    /// The records as they stand.
    #[must_use]
    pub fn batch(&self) -> &Batch {
        &self.batch
    }

    /// How many records there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.batch.count
    }

    /// Whether there are no records.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.batch.count == 0
    }

    /// Gives maps their keys back, which left them to a shape.
    pub(crate) fn expand_maps(&mut self) {
        self.batch.expand_maps();
    }

    /// Whether the current step applies to a record: its predicate holds, and it was not dropped.
    #[must_use]
    pub fn is_selected(&self, index: usize) -> bool {
        let selected = self.selected.as_ref();
        selected.is_none_or(|selected| selected.get(index).copied().unwrap_or(false))
            && !self.gone.get(index).copied().unwrap_or(false)
    }

    /// Drops a record.
    pub fn discard(&mut self, index: usize) {
        if self.leave(index) {
            self.dropped += 1;
        }
    }

    /// Whether the record was still there.
    fn leave(&mut self, index: usize) -> bool {
        self.gone.resize(self.batch.count, false);
        let gone = self.gone.get_mut(index);
        gone.is_some_and(|gone| !std::mem::replace(gone, true))
    }

    /// Reports that a record failed in the current step.
    pub fn fail(&mut self, index: usize, error: Error) {
        let input = match &self.inputs {
            Some(inputs) => inputs.get(index).copied().unwrap_or_default(),
            None => u32::try_from(index).unwrap_or(u32::MAX),
        };
        if self.gone.get(index).copied().unwrap_or(false) {
            return;
        }
        self.errors.push(StepError {
            index: input,
            step: self.step,
            error,
        });
        self.leave(index);
    }

    /// Gives records another topic, once for each distinct topic: `rename` answers `None` to keep one.
    ///
    /// An error fails every record of that topic.
    pub fn rename_topics(&mut self, mut rename: impl FnMut(&str) -> Result<Option<String>>) {
        let renamed: Vec<Result<Option<String>>> = self
            .batch
            .topics
            .iter()
            .map(|topic| rename(topic))
            .collect();
        if renamed.iter().all(|name| matches!(name, Ok(None))) {
            return;
        }
        let all_selected = self.selected.is_none() && renamed.iter().all(Result::is_ok);
        if all_selected {
            self.changed.topics = true;
            for (topic, name) in self.batch.topics.iter_mut().zip(renamed) {
                if let Ok(Some(name)) = name {
                    *topic = name;
                }
            }
            return;
        }
        for index in 0..self.batch.count {
            if !self.is_selected(index) {
                continue;
            }
            let topic = self.batch.topic_indexes.get(index).copied().unwrap_or(0);
            match renamed.get(topic as usize) {
                Some(Ok(Some(name))) => {
                    let topic = self.batch.topic_index(name);
                    self.batch.topic_indexes.resize(self.batch.count, 0);
                    if let Some(place) = self.batch.topic_indexes.get_mut(index) {
                        *place = topic;
                    }
                    self.changed.topics = true;
                }
                Some(Err(error)) => self.fail(index, error.clone()),
                _ => {}
            }
        }
    }

    /// Rewrites the keys or the values: `edit` is called for each selected record and appends the encoded
    /// result to the buffer it is given.
    ///
    /// An error fails the record. When every edit was [`Edit::Unchanged`], nothing counts as changed.
    pub fn rewrite<F>(&mut self, target: Side, mut edit: F)
    where
        F: FnMut(Row<'_>, &mut Schemas<'_>, &mut Vec<u8>) -> Result<Edit>,
    {
        let count = self.batch.count;
        let mut encoded = std::mem::take(&mut self.batch.schemas);
        let mut schemas = Schemas::new(&mut encoded);
        let old = match target {
            Side::Key => &self.batch.keys,
            Side::Value => &self.batch.values,
        };
        let each = old.bytes.len() / count.max(1);
        let room = (each + each / 2 + 64) * count.min(SAMPLE);
        let foreseen_max = old.bytes.len() + FORESEEN_BYTES_MAX;
        let mut column = Column::with_capacity(count, room);
        let mut indexes = Vec::with_capacity(count);
        let mut failures = Vec::new();
        let mut changed = false;
        for row in rows(&self.batch) {
            let index = row.index;
            if index == SAMPLE {
                let each = column.bytes.len() / SAMPLE;
                let foreseen = (each + each / 16 + 4).saturating_mul(count - SAMPLE);
                column.bytes.reserve(foreseen.min(foreseen_max));
            }
            let mark = column.begin();
            let edited = if self.is_selected(index) {
                edit(row, &mut schemas, &mut column.bytes)
            } else {
                Ok(Edit::Unchanged)
            };
            match edited {
                Ok(Edit::Written(schema)) => {
                    column.end(mark);
                    indexes.push(schema);
                    changed = true;
                }
                Ok(Edit::Null(schema)) => {
                    column.bytes.truncate(mark);
                    column.push(None);
                    indexes.push(schema);
                    changed = true;
                }
                Ok(Edit::Unchanged) => {
                    column.bytes.truncate(mark);
                    let (bytes, schema) = row.side(target);
                    column.push(bytes);
                    indexes.push(schema);
                }
                Err(error) => {
                    column.bytes.truncate(mark);
                    column.push(None);
                    indexes.push(NO_SCHEMA);
                    failures.push((index, error));
                }
            }
        }
        self.batch.schemas = encoded;
        if changed {
            self.replace(target, column, indexes);
        }
        for (index, error) in failures {
            self.fail(index, error);
        }
    }

    fn replace(&mut self, target: Side, column: Column, mut indexes: Vec<i32>) {
        if indexes.iter().all(|index| *index == NO_SCHEMA) {
            indexes.clear();
        }
        match target {
            Side::Key => {
                self.batch.keys = column;
                self.batch.key_schemas = indexes;
                self.changed.keys = true;
            }
            Side::Value => {
                self.batch.values = column;
                self.batch.value_schemas = indexes;
                self.changed.values = true;
            }
        }
    }

    /// Runs `apply` on each selected record, as a value of its own.
    ///
    /// # Errors
    /// Never for the failure of a record: that is kept with the others.
    pub fn apply_records(&mut self, mut apply: impl FnMut(Record) -> Result<Apply>) -> Result<()> {
        let before = std::mem::take(&mut self.batch);
        let mut after = Batch {
            schemas: before.schemas.clone(),
            topics: before.topics.clone(),
            ..Batch::default()
        };
        let mut writer = RecordWriter::default();
        let mut sources = Vec::new();
        let mut failures = Vec::new();
        for (index, record) in records(&before).enumerate() {
            let gone = self.gone.get(index).copied().unwrap_or(false);
            let kept = match record {
                _ if gone => Ok(Apply::Drop),
                Ok(record) if self.is_selected(index) => apply(record),
                Ok(record) => Ok(Apply::Keep(record)),
                Err(error) => Err(error),
            };
            let outputs = match kept {
                Ok(Apply::Keep(record)) => {
                    writer.push(&mut after, &record);
                    1
                }
                Ok(Apply::Drop) => {
                    self.dropped += u32::from(!gone);
                    0
                }
                Ok(Apply::Many(records)) => {
                    self.dropped += u32::from(records.is_empty());
                    for record in &records {
                        writer.push(&mut after, record);
                    }
                    records.len()
                }
                Err(error) => {
                    failures.push((index, error));
                    0
                }
            };
            sources.resize(
                sources.len() + outputs,
                u32::try_from(index).unwrap_or(u32::MAX),
            );
        }
        self.gone.clear();
        for (index, error) in failures {
            self.fail(index, error);
        }
        self.gone.clear();
        self.take_over(before, after, &sources);
        Ok(())
    }

    /// Puts the outcome of record-level work in place: columns that came out as they went in do not count as
    /// changed.
    fn take_over(&mut self, before: Batch, mut after: Batch, sources: &[u32]) {
        let identity = sources.len() == before.count
            && sources
                .iter()
                .enumerate()
                .all(|(index, source)| index == *source as usize);
        let expected = if identity {
            before
        } else {
            before.select(sources)
        };
        self.selected = None;
        self.keep_left(sources);
        if !identity {
            self.inputs = Some(match &self.inputs {
                Some(inputs) => sources
                    .iter()
                    .map(|source| inputs.get(*source as usize).copied().unwrap_or_default())
                    .collect(),
                None => sources.to_vec(),
            });
        }
        let changed = &mut self.changed;
        let same_topics = (0..after.count).all(|index| after.topic(index) == expected.topic(index));
        changed.topics |= !same_topics;
        changed.partitions |=
            !(0..after.count).all(|index| after.partition(index) == expected.partition(index));
        changed.timestamps |=
            !(0..after.count).all(|index| after.timestamp(index) == expected.timestamp(index));
        changed.keys |= !(after.iter_keys().eq(expected.iter_keys())
            && same_indexes(&after.key_schemas, &expected.key_schemas));
        changed.values |= !(after.iter_values().eq(expected.iter_values())
            && same_indexes(&after.value_schemas, &expected.value_schemas));
        changed.headers |= !same_headers(&after, &expected);
        after.offsets = expected.offsets;
        self.batch = after;
    }

    /// The steps from now on are for these records (`None`: for all).
    pub(crate) fn leave_to_steps(&mut self, left: Option<Vec<bool>>) {
        self.left = left;
    }

    /// The records that the steps are for; `None`: all.
    pub(crate) fn left_to_steps(&self) -> Option<&Vec<bool>> {
        self.left.as_ref()
    }

    /// Begins a step that applies to the records `selected` (`None`: to all).
    pub(crate) fn begin_step(&mut self, step: u32, selected: Option<Vec<bool>>) {
        self.step = step;
        self.selected = selected;
    }

    /// Ends a step: what was dropped or failed leaves the columns. How many were dropped.
    pub(crate) fn end_step(&mut self) -> u32 {
        self.selected = None;
        self.remove_gone();
        std::mem::take(&mut self.dropped)
    }

    fn remove_gone(&mut self) {
        if !self.gone.iter().any(|gone| *gone) {
            self.gone.clear();
            return;
        }
        let kept: Vec<u32> = (0_u32..)
            .zip(&self.gone)
            .filter(|(_, gone)| !**gone)
            .map(|(index, _)| index)
            .collect();
        self.gone.clear();
        self.keep_left(&kept);
        self.batch = self.batch.select(&kept);
        self.inputs = Some(match &self.inputs {
            Some(inputs) => kept
                .iter()
                .map(|index| inputs.get(*index as usize).copied().unwrap_or_default())
                .collect(),
            None => kept,
        });
    }

    /// The records are those that had these places.
    fn keep_left(&mut self, sources: &[u32]) {
        if let Some(left) = &mut self.left {
            let is_left = |index: &u32| left.get(*index as usize).copied().unwrap_or(false);
            *left = sources.iter().map(is_left).collect();
        }
    }

    /// Ends the chain.
    #[must_use]
    pub(crate) fn finish(mut self, steps: Vec<StepCount>) -> Transformed {
        // Of several outputs of one input the first failure is kept: the worker tolerates inputs, not outputs.
        self.errors.sort_by_key(|error| error.index);
        self.errors.dedup_by_key(|error| error.index);
        if !self.errors.is_empty() {
            self.remove_outputs_of_failed();
        }
        Transformed {
            batch: self.batch,
            schemas_given: self.schemas_given,
            inputs: self.inputs,
            changed: self.changed,
            errors: self.errors,
            steps,
        }
    }

    /// A record that failed has no output, even where a step before had made several of it.
    fn remove_outputs_of_failed(&mut self) {
        let Some(inputs) = &self.inputs else {
            return;
        };
        let failed = |input: &u32| {
            self.errors
                .binary_search_by_key(input, |error| error.index)
                .is_ok()
        };
        let kept: Vec<u32> = (0_u32..)
            .zip(inputs)
            .filter(|(_, input)| !failed(input))
            .map(|(index, _)| index)
            .collect();
        if kept.len() == inputs.len() {
            return;
        }
        self.batch = self.batch.select(&kept);
        self.inputs = Some(
            kept.iter()
                .filter_map(|index| inputs.get(*index as usize).copied())
                .collect(),
        );
    }
}

fn same_indexes(after: &[i32], before: &[i32]) -> bool {
    if before.is_empty() {
        after.iter().all(|index| *index == NO_SCHEMA)
    } else {
        after == before
    }
}

fn same_headers(after: &Batch, before: &Batch) -> bool {
    let (after, before) = (&after.headers, &before.headers);
    if before.total() == 0 {
        return after.total() == 0;
    }
    after.counts == before.counts
        && after.keys == before.keys
        && (after.values == before.values
            || (before.values.is_empty() && after.values.iter().all(|value| value.is_none())))
        && same_indexes(&after.schemas, &before.schemas)
}
