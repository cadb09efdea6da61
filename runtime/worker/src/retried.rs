//! Transforms that are run again on the records that failed in a way that may pass.

use tidegate_model::{Batch, ErrorClass};

use crate::chain::Transformed;
use crate::error::WorkerError;
use crate::failures::Failed;
use crate::link::merge;
use crate::retry::{Next, Trying};

/// Applies transforms to a batch: until the call as a whole does not ask to come again, then to those records that
/// do. Their outputs stand in the order of the batch. `None`: it was interrupted.
pub fn apply(
    batch: Batch,
    failed: &mut Vec<Failed>,
    trying: Trying<'_>,
    mut apply: impl FnMut(Batch, &mut Vec<Failed>) -> Result<Transformed, WorkerError>,
) -> Result<Option<Transformed>, WorkerError> {
    if !trying.is_on() {
        return apply(batch, failed).map(Some);
    }
    let first = failed.len();
    let mut attempts = trying.begin();
    let mut done = loop {
        match apply(batch.clone(), failed) {
            Err(error) if error.class() == ErrorClass::Retriable => {
                failed.truncate(first);
                match attempts.again(batch.len()) {
                    Next::Try => {}
                    Next::GiveUp => return Err(error),
                    Next::Interrupted => return Ok(None),
                }
            }
            applied => break applied?,
        }
    };
    loop {
        let again = take_retriable(failed, first);
        if again.is_empty() {
            return Ok(Some(done));
        }
        match attempts.again(again.len()) {
            Next::Try => {}
            Next::GiveUp => {
                failed.extend(again);
                return Ok(Some(done));
            }
            Next::Interrupted => return Ok(None),
        }
        let rows: Vec<u32> = again
            .iter()
            .filter_map(|failure| failure.row.try_into().ok())
            .collect();
        let before = failed.len();
        match apply(batch.select(&rows), failed) {
            Ok(more) => {
                let original = |row: usize| rows.get(row).copied().unwrap_or_default();
                for failure in failed.iter_mut().skip(before) {
                    failure.row = original(failure.row) as usize;
                }
                let inputs = inputs(&more).map(|row| original(row as usize)).collect();
                let earlier = inputs_of(&done);
                done = merge((done.batch, earlier), (more.batch, inputs));
            }
            Err(error) if error.class() == ErrorClass::Retriable => {
                failed.truncate(before);
                failed.extend(again);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Takes out the failures, from the first on, that may pass, in the order of their rows.
fn take_retriable(failed: &mut Vec<Failed>, first: usize) -> Vec<Failed> {
    let (mut again, kept): (Vec<_>, Vec<_>) = failed
        .drain(first..)
        .partition(|failure| failure.class == ErrorClass::Retriable);
    failed.extend(kept);
    again.sort_by_key(|failure| failure.row);
    again
}

/// For each output the row it came from.
fn inputs(transformed: &Transformed) -> impl Iterator<Item = u32> {
    let all = transformed.inputs.is_none();
    let named = transformed.inputs.iter().flatten().copied();
    named.chain((0..).take(if all { transformed.batch.len() } else { 0 }))
}

fn inputs_of(transformed: &Transformed) -> Vec<u32> {
    inputs(transformed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failures::tests::failed;
    use crate::retry::tests::retry;
    use tidegate_sandbox::SandboxError;

    fn later() -> WorkerError {
        crate::faults::failure(SandboxError::Guest {
            class: ErrorClass::Retriable,
            message: "later".to_owned(),
        })
    }

    fn numbers(count: usize) -> Batch {
        let texts: Vec<_> = (0..count).map(|number| number.to_string()).collect();
        Batch {
            count,
            topics: vec!["t".to_owned()],
            values: texts.iter().map(|text| Some(text.as_bytes())).collect(),
            ..Batch::default()
        }
    }

    fn values(batch: &Batch) -> Vec<String> {
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
        batch.iter_values().map(text).collect()
    }

    /// Gives each value twice. 3 is bad; 1 and 4 ask to come again until the batch is tried for the third time.
    fn flaky(batch: Batch, tries: usize, failures: &mut Vec<Failed>) -> Transformed {
        let mut rows = Vec::new();
        for (row, value) in (0_u32..).zip(values(&batch)) {
            let class = match value.as_str() {
                "3" => ErrorClass::Data,
                "1" | "4" if tries < 3 => ErrorClass::Retriable,
                _ => {
                    rows.extend([row, row]);
                    continue;
                }
            };
            failures.push(Failed {
                class,
                ..failed(row as usize)
            });
        }
        Transformed {
            batch: batch.select(&rows),
            inputs: Some(rows),
        }
    }

    #[test]
    fn records_that_ask_for_it_come_again_and_stand_in_their_order() {
        let retry = retry(None, 1);
        let (mut failures, mut given) = (vec![failed(77)], Vec::new());
        let done = apply(
            numbers(6),
            &mut failures,
            retry.until(&|| false),
            |batch, failures| {
                given.push(batch.len());
                match given.len() {
                    1 | 4 => Err(later()),
                    2 => Ok(flaky(batch, 1, failures)),
                    tries => Ok(flaky(batch, tries - 1, failures)),
                }
            },
        );
        let done = done.unwrap().unwrap();
        assert_eq!(given, [6, 6, 2, 2, 2]);
        let wanted = ["0", "0", "1", "1", "2", "2", "4", "4", "5", "5"];
        assert_eq!(values(&done.batch), wanted);
        assert_eq!(inputs_of(&done), [0, 0, 1, 1, 2, 2, 4, 4, 5, 5]);
        let rows: Vec<_> = failures.iter().map(|failure| failure.row).collect();
        assert_eq!(rows, [77, 3]);
    }

    #[test]
    fn what_asks_too_long_failed_and_a_call_that_does_fails_the_task() {
        let retry = retry(Some(3), 1);
        let trying = retry.until(&|| false);
        let mut failures = Vec::new();
        let done = apply(numbers(5), &mut failures, trying, |batch, failures| {
            Ok(flaky(batch, 1, failures))
        });
        assert_eq!(values(&done.unwrap().unwrap().batch), ["0", "0", "2", "2"]);
        let mut rows: Vec<_> = failures.iter().map(|failure| failure.row).collect();
        rows.sort_unstable();
        assert_eq!(rows, [1, 3, 4]);
        let done = apply(numbers(1), &mut failures, trying, |_, _| Err(later()));
        assert_eq!(done.err().unwrap().class(), ErrorClass::Retriable);
        assert_eq!(failures.len(), 3);
    }

    #[test]
    fn a_task_that_is_told_something_else_leaves_the_batch() {
        let retry = retry(None, 60_000);
        let trying = retry.until(&|| true);
        let done = apply(numbers(1), &mut Vec::new(), trying, |_, _| Err(later()));
        assert!(done.unwrap().is_none());
    }
}
