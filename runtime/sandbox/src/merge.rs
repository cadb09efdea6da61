//! Putting together what a transform changed and what it left alone (`transformed` of `wit/transform.wit`).
//!
//! Column by column: a column that the guest sent replaces the input's; a column that it did not send is the
//! input's, with rows chosen by `inputs`. When every output came from the record at its own place, nothing that
//! is unchanged is touched at all.

use std::mem::take;

use tidegate_model::{Batch, Column, ErrorClass, Headers};

use crate::bindings::transform::{StepError as WireStepError, Transformed};
use crate::bridge::{column_from_wire, headers_from_wire};
use crate::guest;
use crate::incoming::{self, KnownSchemas};

/// What came of a batch.
#[derive(Debug, Default)]
pub struct Applied {
    /// The outputs.
    pub batch: Batch,
    /// For each output the index of its input, ascending. `None`: output n came from input n, all of them.
    pub inputs: Option<Vec<u32>>,
    /// The records that failed, in ascending order; they have no output.
    pub errors: Vec<StepError>,
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

/// An answer that contradicts the interface.
#[derive(Debug)]
pub(crate) struct Contradiction {
    /// How.
    pub(crate) message: String,
    /// The batch that was given, as it was.
    pub(crate) given: Batch,
}

fn contradiction(message: String, given: Batch) -> Box<Contradiction> {
    Box::new(Contradiction { message, given })
}

/// Merges.
pub(crate) fn merge(
    mut batch: Batch,
    answer: Transformed,
    steps: usize,
    known: &mut KnownSchemas,
) -> Result<Applied, Box<Contradiction>> {
    let count = batch.count;
    let outline = Outline::of(&answer, count, steps);
    let Outline { errors, inputs } = match outline {
        Ok(outline) => outline,
        Err(message) => return Err(contradiction(message, batch)),
    };
    let schemas = batch.schemas.len();
    // What is replaced is taken out, so that it is not selected for nothing, and can be given back.
    let changed = Changed::of(&answer);
    let replaced = Replaced::take(&mut batch, &changed);
    let mut original = None;
    if let Some(rows) = &inputs {
        let selected = batch.select(rows);
        original = Some(std::mem::replace(&mut batch, selected));
    }
    let checked = replace(&mut batch, answer, known).and_then(|()| changed.check(&batch));
    match checked {
        Ok(()) => Ok(Applied {
            batch,
            inputs,
            errors,
        }),
        Err(message) => {
            let mut given = original.unwrap_or(batch);
            given.schemas.truncate(schemas);
            replaced.give_back(&mut given);
            Err(contradiction(message, given))
        }
    }
}

/// Puts what the guest sent into the batch.
fn replace(batch: &mut Batch, answer: Transformed, known: &mut KnownSchemas) -> Result<(), String> {
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
        known.check(&answer.new_schemas)?;
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

/// Columns of the input that the guest replaces.
#[derive(Default)]
struct Replaced {
    topics: Option<(Vec<String>, Vec<u32>)>,
    partitions: Option<Vec<i32>>,
    timestamps: Option<Vec<i64>>,
    keys: Option<(Vec<i32>, Column)>,
    values: Option<(Vec<i32>, Column)>,
    headers: Option<Headers>,
}

impl Replaced {
    fn take(batch: &mut Batch, changed: &Changed) -> Self {
        Self {
            topics: changed
                .topics
                .then(|| (take(&mut batch.topics), take(&mut batch.topic_indexes))),
            partitions: changed.partitions.then(|| take(&mut batch.partitions)),
            timestamps: changed.timestamps.then(|| take(&mut batch.timestamps)),
            keys: changed
                .keys
                .then(|| (take(&mut batch.key_schemas), take(&mut batch.keys))),
            values: changed
                .values
                .then(|| (take(&mut batch.value_schemas), take(&mut batch.values))),
            headers: changed.headers.then(|| take(&mut batch.headers)),
        }
    }

    fn give_back(self, batch: &mut Batch) {
        if let Some((topics, indexes)) = self.topics {
            batch.topics = topics;
            batch.topic_indexes = indexes;
        }
        if let Some(partitions) = self.partitions {
            batch.partitions = partitions;
        }
        if let Some(timestamps) = self.timestamps {
            batch.timestamps = timestamps;
        }
        if let Some((schemas, keys)) = self.keys {
            batch.key_schemas = schemas;
            batch.keys = keys;
        }
        if let Some((schemas, values)) = self.values {
            batch.value_schemas = schemas;
            batch.values = values;
        }
        if let Some(headers) = self.headers {
            batch.headers = headers;
        }
    }
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

    fn check(&self, batch: &Batch) -> Result<(), String> {
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
            incoming::values("key", &batch.keys)?;
        }
        if self.values {
            incoming::values("value", &batch.values)?;
        }
        if self.headers {
            incoming::headers(batch)?;
        }
        if payload {
            incoming::sizes(batch)?;
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

    fn run(answer: Transformed) -> Result<Applied, Box<Contradiction>> {
        merge(three(), answer, 1, &mut KnownSchemas::default())
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
        let known = &mut KnownSchemas::default();
        let applied = merge(batch.clone(), answer(1), 1, known).unwrap();
        assert_eq!(applied.batch.schemas.len(), 2);
        assert!(merge(batch, answer(2), 1, known).is_err());
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
                    topics: vec!["../x".to_owned()],
                    indexes: vec![],
                }),
                ..unchanged(3)
            },
        ];
        for (index, answer) in wrong.into_iter().enumerate() {
            let refused = run(answer).unwrap_err();
            assert_eq!(refused.given, three(), "{index}");
        }
    }
}
