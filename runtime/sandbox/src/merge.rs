//! Putting together what a transform changed and what it left alone (`transformed` of `wit/transform.wit`).
//!
//! Column by column: a column that the guest sent replaces the input's; a column that it did not send is the
//! input's, with rows chosen by `inputs`. When every output came from the record at its own place, nothing that
//! is unchanged is touched at all.

use tidegate_model::limits::{APPLIED_BYTES_MAX, BATCH_RECORDS_MAX};
use tidegate_model::{Batch, ErrorClass, Headers};

use crate::bindings::transform::{StepError as WireStepError, Transformed};
use crate::bridge::{column_from_wire, headers_from_wire};
use crate::guest;
use crate::incoming::{self, Checks};
use crate::step_count::{StepCount, step_counts};

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Applied {
    /// The outputs.
    pub batch: Batch,
    /// For each output the index of its input, ascending. `None`: output n came from input n, all of them.
    pub inputs: Option<Vec<u32>>,
    /// The records that failed, in ascending order; they have no output.
    pub errors: Vec<StepError>,
    /// What each step did. Empty: of several steps nobody counted.
    pub steps: Vec<StepCount>,
}

/// A failure of one record in one step of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepError {
    /// The record's index in the batch that was given.
    pub index: usize,
    /// The step's index in the chain.
    pub step: usize,
    /// What kind of failure it is.
    pub class: ErrorClass,
    /// What went wrong.
    pub message: String,
}

/// Merges; the error says how the answer contradicts the interface.
pub(crate) fn merge(
    mut batch: Batch,
    answer: Transformed,
    steps: usize,
    checks: &mut Checks,
) -> Result<Applied, String> {
    let Outline { errors, inputs } = Outline::of(&answer, batch.count, steps)?;
    let counted = step_counts(&answer.steps, batch.count, steps)?;
    let changed = Changed::of(&answer);
    if let Some(rows) = &inputs {
        // What is replaced is not selected for nothing.
        changed.clear(&mut batch);
        check_bytes(&batch, rows)?;
        batch = batch.select(rows);
    }
    replace(&mut batch, answer, checks)?;
    changed.check(&batch, checks)?;
    checks.shapes(&batch)?;
    Ok(Applied {
        batch,
        inputs,
        errors,
        steps: counted,
    })
}

/// Checks before they are copied that the rows of what is unchanged, which may repeat, are not too large together.
fn check_bytes(batch: &Batch, rows: &[u32]) -> Result<(), String> {
    let sizes = row_bytes(batch);
    let bytes: usize = rows.iter().filter_map(|row| sizes.get(*row as usize)).sum();
    if bytes > APPLIED_BYTES_MAX {
        return Err(format!(
            "{} outputs that repeat {bytes} bytes of their inputs; at most {APPLIED_BYTES_MAX} are allowed",
            rows.len()
        ));
    }
    Ok(())
}

/// The bytes of each record's key, value and headers, with the numbers that a header has.
fn row_bytes(batch: &Batch) -> Vec<usize> {
    const HEADER_NUMBERS: usize = 3 * size_of::<i32>();
    let size = |length: &i32| usize::try_from(*length).unwrap_or(0);
    let mut sizes = vec![0; batch.count];
    for column in [&batch.keys, &batch.values] {
        for (bytes, length) in sizes.iter_mut().zip(&column.lengths) {
            *bytes += size(length);
        }
    }
    let headers = &batch.headers;
    let mut keys = headers.keys.lengths.iter().map(size);
    let mut values = headers.values.lengths.iter().map(size);
    for (bytes, count) in sizes.iter_mut().zip(&headers.counts) {
        let count = *count as usize;
        *bytes += count * HEADER_NUMBERS;
        *bytes += keys.by_ref().take(count).sum::<usize>();
        *bytes += values.by_ref().take(count).sum::<usize>();
    }
    sizes
}

/// Puts what the guest sent into the batch.
fn replace(batch: &mut Batch, answer: Transformed, checks: &mut Checks) -> Result<(), String> {
    if let Some(topics) = answer.topics {
        batch.topics = topics.topics;
        batch.topic_indexes = topics.indexes;
    }
    if let Some(partitions) = answer.partitions {
        batch.partitions = partitions;
    }
    if let Some(timestamps) = answer.timestamps {
        batch.timestamps = timestamps;
    }
    if !answer.new_schemas.is_empty() {
        checks.schemas_and_shapes(&answer.new_schemas)?;
        batch.schemas.extend(answer.new_schemas);
    }
    if let Some(keys) = answer.keys {
        batch.key_schemas = keys.schemas;
        batch.keys = column_from_wire(keys.values);
    }
    if let Some(values) = answer.values {
        batch.value_schemas = values.schemas;
        batch.values = column_from_wire(values.values);
    }
    if let Some(headers) = answer.headers {
        batch.headers = headers_from_wire(headers);
    }
    Ok(())
}

/// Which outputs and errors there are, without their columns.
struct Outline {
    errors: Vec<StepError>,
    inputs: Option<Vec<u32>>,
}

impl Outline {
    fn of(answer: &Transformed, count: usize, steps: usize) -> Result<Self, String> {
        let errors = step_errors(&answer.errors, count, steps)?;
        let inputs = inputs(answer.count, &answer.inputs, count)?;
        check_failed_have_no_output(&errors, inputs.as_deref(), count)?;
        Ok(Self { errors, inputs })
    }
}

/// Which columns the guest sent, and so which need to be checked.
struct Changed {
    topics: bool,
    partitions: bool,
    timestamps: bool,
    schemas: bool,
    keys: bool,
    values: bool,
    headers: bool,
}

impl Changed {
    fn of(answer: &Transformed) -> Self {
        Self {
            topics: answer.topics.is_some(),
            partitions: answer.partitions.is_some(),
            timestamps: answer.timestamps.is_some(),
            schemas: !answer.new_schemas.is_empty(),
            keys: answer.keys.is_some(),
            values: answer.values.is_some(),
            headers: answer.headers.is_some(),
        }
    }

    /// Empties the columns that the guest replaces.
    fn clear(&self, batch: &mut Batch) {
        if self.topics {
            batch.topics.clear();
            batch.topic_indexes.clear();
        }
        if self.partitions {
            batch.partitions.clear();
        }
        if self.timestamps {
            batch.timestamps.clear();
        }
        if self.keys {
            batch.key_schemas.clear();
            batch.keys.clear();
        }
        if self.values {
            batch.value_schemas.clear();
            batch.values.clear();
        }
        if self.headers {
            batch.headers = Headers::default();
        }
    }

    fn check(&self, batch: &Batch, checks: &Checks) -> Result<(), String> {
        let payload = self.keys || self.values || self.headers;
        let numbers = self.partitions || self.timestamps;
        if !(payload || numbers || self.topics || self.schemas) {
            return Ok(());
        }
        batch.check().map_err(|error| error.to_string())?;
        if self.topics {
            incoming::topics(&batch.topics)?;
        }
        if numbers {
            incoming::numbers(batch)?;
        }
        if self.keys {
            checks.values("key", &batch.keys)?;
        }
        if self.values {
            checks.values("value", &batch.values)?;
        }
        if self.headers {
            checks.headers(batch)?;
        }
        if payload {
            checks.sizes(batch)?;
        }
        Ok(())
    }
}

fn step_errors(
    errors: &[WireStepError],
    count: usize,
    steps: usize,
) -> Result<Vec<StepError>, String> {
    let mut next = 0;
    let mut checked = Vec::with_capacity(errors.len());
    for error in errors {
        let (index, step) = (error.index as usize, error.step as usize);
        if index >= count || index < next {
            return Err(format!(
                "an error of record {index} of {count}, after {next} records; errors are in ascending order, one for a record"
            ));
        }
        if step >= steps {
            return Err(format!("an error of step {step} of {steps}"));
        }
        next = index + 1;
        checked.push(StepError {
            index,
            step,
            class: guest::class(error.error.kind),
            message: guest::message(&error.error.message),
        });
    }
    Ok(checked)
}

/// The inputs of the outputs; `None` when each output came from the record at its own place.
fn inputs(outputs: u32, inputs: &[u32], count: usize) -> Result<Option<Vec<u32>>, String> {
    if inputs.is_empty() {
        return match (outputs as usize).cmp(&count) {
            std::cmp::Ordering::Equal => Ok(None),
            std::cmp::Ordering::Less => Ok(Some((0..outputs).collect())),
            std::cmp::Ordering::Greater => Err(format!(
                "{outputs} outputs of {count} records without saying which came from which"
            )),
        };
    }
    if inputs.len() != outputs as usize {
        return Err(format!(
            "{outputs} outputs, and {} entries of where they came from",
            inputs.len()
        ));
    }
    if inputs.len() > BATCH_RECORDS_MAX {
        return Err(format!(
            "{outputs} outputs; at most {BATCH_RECORDS_MAX} are allowed"
        ));
    }
    if !inputs.is_sorted() {
        return Err("the inputs of the outputs are not in ascending order".to_owned());
    }
    match inputs.last() {
        Some(&last) if last as usize >= count => {
            Err(format!("an output of record {last} of {count}"))
        }
        _ => Ok(Some(inputs.to_vec())),
    }
}

fn check_failed_have_no_output(
    errors: &[StepError],
    inputs: Option<&[u32]>,
    count: usize,
) -> Result<(), String> {
    let with_output = errors.iter().find(|error| match inputs {
        None => error.index < count,
        Some(inputs) => inputs
            .binary_search_by(|input| (*input as usize).cmp(&error.index))
            .is_ok(),
    });
    match with_output {
        Some(error) => Err(format!(
            "record {} failed and has an output as well",
            error.index
        )),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bindings::transform::{TopicColumn, ValueColumn};
    use crate::bindings::types;
    use tidegate_model::Encoder;

    fn text(text: &str) -> Vec<u8> {
        let mut encoded = Vec::new();
        Encoder::new(&mut encoded).string(text);
        encoded
    }

    fn three() -> Batch {
        Batch {
            count: 3,
            topics: vec!["t".to_owned()],
            partitions: vec![0, 1, 2],
            keys: ["a", "b", "c"]
                .map(text)
                .iter()
                .map(|key| Some(key.as_slice()))
                .collect(),
            ..Batch::default()
        }
    }

    fn unchanged(count: u32) -> Transformed {
        Transformed {
            count,
            inputs: vec![],
            topics: None,
            partitions: None,
            timestamps: None,
            new_schemas: vec![],
            keys: None,
            values: None,
            headers: None,
            errors: vec![],
            steps: vec![],
        }
    }

    fn failed(index: u32) -> WireStepError {
        WireStepError {
            index,
            step: 0,
            error: types::Error {
                kind: types::ErrorKind::Data,
                message: "no\n".to_owned(),
            },
        }
    }

    fn run(answer: Transformed) -> Result<Applied, String> {
        merge(three(), answer, 1, &mut Checks::default())
    }

    #[test]
    fn nothing_changed_gives_back_what_was_given() {
        let applied = run(unchanged(3)).unwrap();
        assert_eq!(applied.batch, three());
        assert_eq!(applied.inputs, None);
    }

    #[test]
    fn unchanged_columns_follow_their_rows() {
        let applied = run(Transformed {
            inputs: vec![0, 0, 2],
            topics: Some(TopicColumn {
                topics: vec!["x".to_owned()],
                indexes: vec![],
            }),
            ..unchanged(3)
        })
        .unwrap();
        assert_eq!(applied.batch.partitions, [0, 0, 2]);
        assert_eq!(applied.batch.topics, ["x"]);
        assert_eq!(
            applied.batch.iter_keys().nth(2),
            Some(Some(text("c").as_slice()))
        );
        assert_eq!(applied.inputs, Some(vec![0, 0, 2]));
    }

    #[test]
    fn all_records_may_be_dropped_or_fail() {
        let applied = run(unchanged(0)).unwrap();
        assert_eq!(applied.batch.count, 0);
        assert_eq!(applied.inputs, Some(vec![]));
        let applied = run(Transformed {
            inputs: vec![0, 2],
            errors: vec![failed(1)],
            ..unchanged(2)
        })
        .unwrap();
        assert_eq!(applied.errors[0].message, "no\\n");
        assert_eq!(applied.batch.partitions, [0, 2]);
    }

    #[test]
    fn schemas_are_numbered_on() {
        let mut batch = three();
        batch.schemas = vec![tidegate_model::Schema::date().to_encoded()];
        let answer = |schema| Transformed {
            new_schemas: vec![tidegate_model::Schema::time().to_encoded()],
            keys: Some(ValueColumn {
                schemas: vec![-1, 0, schema],
                values: types::Column {
                    bytes: vec![],
                    lengths: vec![-1; 3],
                },
            }),
            ..unchanged(3)
        };
        let known = &mut Checks::default();
        let applied = merge(batch.clone(), answer(1), 1, known).unwrap();
        assert_eq!(applied.batch.schemas.len(), 2);
        assert!(merge(batch, answer(2), 1, known).is_err());
    }

    #[test]
    fn outputs_are_counted_before_anything_is_copied() {
        let repeated = |times: usize| Transformed {
            inputs: vec![0; times],
            ..unchanged(times as u32)
        };
        assert!(run(repeated(BATCH_RECORDS_MAX)).is_ok());
        assert_eq!(
            run(repeated(BATCH_RECORDS_MAX + 1)).unwrap_err(),
            "10001 outputs; at most 10000 are allowed"
        );
    }

    #[test]
    fn what_is_unchanged_is_not_repeated_beyond_its_limit() {
        let mut batch = three();
        batch.values = [Some(&[0; 10_000][..]), None, None].into_iter().collect();
        batch.headers.counts = vec![1, 0, 0];
        batch.headers.keys.push(Some(&[b'h'; 4_000]));
        batch.headers.values.push(Some(&text("v")));
        // Key, value, and a header with its numbers.
        let each = 6 + 10_000 + 4_000 + 6 + 12;
        let known = &mut Checks::default();
        let mut repeat = |times: usize, values: Option<ValueColumn>| {
            let answer = Transformed {
                inputs: vec![0; times],
                values,
                ..unchanged(times as u32)
            };
            merge(batch.clone(), answer, 1, known)
        };
        let most = APPLIED_BYTES_MAX / each;
        assert!(repeat(most, None).is_ok());
        let refused = repeat(most + 1, None).unwrap_err();
        assert_eq!(
            refused,
            format!(
                "{} outputs that repeat {} bytes of their inputs; at most 67108864 are allowed",
                most + 1,
                (most + 1) * each
            )
        );
        let nulls = ValueColumn {
            schemas: vec![],
            values: types::Column {
                bytes: vec![],
                lengths: vec![-1; most + 1],
            },
        };
        assert!(repeat(most + 1, Some(nulls)).is_ok(), "values are replaced");
    }

    #[test]
    fn answers_that_contradict_themselves_are_refused() {
        let wrong = [
            unchanged(4),
            Transformed {
                inputs: vec![1, 0],
                ..unchanged(2)
            },
            Transformed {
                inputs: vec![3],
                ..unchanged(1)
            },
            Transformed {
                inputs: vec![0],
                ..unchanged(2)
            },
            Transformed {
                errors: vec![failed(0)],
                ..unchanged(3)
            },
            Transformed {
                inputs: vec![0, 1],
                errors: vec![failed(1)],
                ..unchanged(2)
            },
            Transformed {
                inputs: vec![0],
                errors: vec![failed(2), failed(1)],
                ..unchanged(1)
            },
            Transformed {
                errors: vec![failed(3)],
                ..unchanged(0)
            },
            Transformed {
                inputs: vec![1, 2],
                partitions: Some(vec![7, 8]),
                new_schemas: vec![tidegate_model::Schema::time().to_encoded()],
                values: Some(ValueColumn {
                    schemas: vec![],
                    values: types::Column {
                        bytes: vec![99],
                        lengths: vec![1, -1],
                    },
                }),
                ..unchanged(2)
            },
            Transformed {
                timestamps: Some(vec![1]),
                ..unchanged(3)
            },
            Transformed {
                topics: Some(TopicColumn {
                    topics: vec!["x".repeat(1_025)],
                    indexes: vec![],
                }),
                ..unchanged(3)
            },
        ];
        for (index, answer) in wrong.into_iter().enumerate() {
            assert!(run(answer).is_err(), "{index}");
        }
    }
}
