//! Key, value and header converter of a task, over whole batches.

use std::borrow::Cow;
use std::sync::Arc;

use tidegate_config::connector::{ConnectorConfig, ConverterRole};
use tidegate_config::grants::Policy;
use tidegate_config::worker::WorkerConfig;
use tidegate_convert::{Cause, Converter, RecordFailure, Role, ValueColumn};
use tidegate_model::guest_text::clean;
use tidegate_model::limits::GUEST_MESSAGE_BYTES_MAX;
use tidegate_model::{Batch, Column, ErrorClass, Headers};

use crate::by_topic::ByTopic;
use crate::converter_grants::check_converters;
use crate::error::{Stage, WorkerError};
use crate::failures::{Failed, Operation};
use crate::retry::{Next, Trying};

/// The three converters of a task.
pub struct RecordConverters {
    key: Part,
    value: Part,
    header: Part,
}

/// One of them.
struct Part {
    converter: Box<dyn Converter>,
    operation: Arc<Operation>,
}

/// What a conversion replaced in a batch.
#[derive(Default)]
pub struct Replaced {
    pub schemas: Vec<Vec<u8>>,
    pub key_schemas: Vec<i32>,
    pub keys: Column,
    pub value_schemas: Vec<i32>,
    pub values: Column,
    pub header_schemas: Vec<i32>,
    pub header_values: Column,
}

impl RecordConverters {
    /// Makes the converters that a connector names, as far as its policy allows, or else the worker's.
    pub fn of(
        connector: &ConnectorConfig,
        worker: &WorkerConfig,
        policy: &Policy,
    ) -> Result<Self, WorkerError> {
        check_converters(connector, policy)?;
        let make = |config_role, role, stage| {
            let config = connector.converter(config_role, worker)?;
            let converter = tidegate_convert::converter(&config.class, role, &config.config)
                .map_err(|error| WorkerError::Convert { stage, error })?;
            Ok::<_, WorkerError>(Part::new(stage, &config.class, converter))
        };
        Ok(Self {
            key: make(ConverterRole::Key, Role::Key, Stage::KeyConverter)?,
            value: make(ConverterRole::Value, Role::Value, Stage::ValueConverter)?,
            header: make(ConverterRole::Header, Role::Header, Stage::HeaderConverter)?,
        })
    }

    /// JSON with schemas, for keys, values and headers.
    pub fn json() -> Result<Self, WorkerError> {
        let class = "org.apache.kafka.connect.json.JsonConverter";
        let make = |role, stage| {
            tidegate_convert::converter(class, role, &Default::default())
                .map(|converter| Part::new(stage, class, converter))
                .map_err(|error| WorkerError::Internal(error.to_string()))
        };
        Ok(Self {
            key: make(Role::Key, Stage::KeyConverter)?,
            value: make(Role::Value, Stage::ValueConverter)?,
            header: make(Role::Header, Stage::HeaderConverter)?,
        })
    }

    /// Whether keys and values that are maps without a schema leave their keys to shapes.
    pub fn shape_maps(&mut self, shape: bool) {
        self.key.converter.shape_maps(shape);
        self.value.converter.shape_maps(shape);
    }

    /// Topic bytes → encoded values. Failed rows have null in the column that failed. `None`: it was interrupted.
    pub fn decode(
        &mut self,
        mut batch: Batch,
        failed: &mut Vec<Failed>,
        trying: Trying<'_>,
    ) -> Option<(Batch, Replaced)> {
        let topics = ByTopic::of(&batch);
        let topics_of_headers = topics.undivided();
        let mut schemas = std::mem::take(&mut batch.schemas);
        let mut replaced = Replaced::default();
        let mut decode = |part: &mut Part, topics: &ByTopic, bytes: &Column, failures: &mut _| {
            let converter = part.converter.as_mut();
            until_done(trying, failures, |rows, failures| match rows {
                None => topics.decode(converter, bytes, &mut schemas, failures),
                Some(rows) => {
                    let (topics, bytes) = (topics.select(rows), bytes.select(rows));
                    topics.decode(converter, &bytes, &mut schemas, failures)
                }
            })
        };
        let mut failures = Vec::new();
        if !batch.keys.is_empty() {
            let keys = decode(&mut self.key, &topics, &batch.keys, &mut failures)?;
            self.key.collect(&mut failures, failed, |row| row);
            replaced.keys = std::mem::replace(&mut batch.keys, keys.values);
            batch.key_schemas = keys.schemas;
        }
        if !batch.values.is_empty() {
            let values = decode(&mut self.value, &topics, &batch.values, &mut failures)?;
            self.value.collect(&mut failures, failed, |row| row);
            replaced.values = std::mem::replace(&mut batch.values, values.values);
            batch.value_schemas = values.schemas;
        }
        if !batch.headers.counts.is_empty() {
            let headers = decode(
                &mut self.header,
                &topics_of_headers,
                &batch.headers.values,
                &mut failures,
            )?;
            let row_of = rows_of(&batch.headers);
            self.header
                .collect(&mut failures, failed, |header| row_at(&row_of, header));
            replaced.header_values = std::mem::replace(&mut batch.headers.values, headers.values);
            batch.headers.schemas = headers.schemas;
        }
        batch.schemas = schemas;
        Some((batch, replaced))
    }

    /// Encoded values → topic bytes. Failed rows have null in the column that failed. `None`: it was interrupted.
    pub fn encode(
        &mut self,
        mut batch: Batch,
        failed: &mut Vec<Failed>,
        trying: Trying<'_>,
    ) -> Option<(Batch, Replaced)> {
        // Transforms may have left keys of maps to shapes.
        if !self.key.converter.takes_map_shapes() {
            batch.expand_keys();
        }
        if !self.value.converter.takes_map_shapes() {
            batch.expand_values();
        }
        let topics = ByTopic::of(&batch);
        let topics_of_headers = topics.undivided();
        let mut replaced = Replaced {
            schemas: std::mem::take(&mut batch.schemas),
            key_schemas: std::mem::take(&mut batch.key_schemas),
            value_schemas: std::mem::take(&mut batch.value_schemas),
            header_schemas: std::mem::take(&mut batch.headers.schemas),
            ..Replaced::default()
        };
        let all = &replaced.schemas;
        let encode = |part: &mut Part,
                      topics: &ByTopic,
                      values: &Column,
                      schemas: &[i32],
                      failures: &mut _| {
            let converter = part.converter.as_mut();
            until_done(trying, failures, |rows, failures| {
                let values = match rows {
                    None => topics.encode(converter, values, schemas, all, failures),
                    Some(rows) => topics.select(rows).encode(
                        converter,
                        &values.select(rows),
                        &picked(schemas, rows),
                        all,
                        failures,
                    ),
                };
                ValueColumn {
                    values,
                    schemas: Vec::new(),
                }
            })
        };
        let mut failures = Vec::new();
        // In Kafka Connect's order: of a record that fails in several, the first counts.
        if !batch.headers.counts.is_empty() {
            let (values, schemas) = (&batch.headers.values, &replaced.header_schemas);
            let headers = encode(
                &mut self.header,
                &topics_of_headers,
                values,
                schemas,
                &mut failures,
            )?;
            let row_of = rows_of(&batch.headers);
            self.header
                .collect(&mut failures, failed, |header| row_at(&row_of, header));
            replaced.header_values = std::mem::replace(&mut batch.headers.values, headers.values);
        }
        if !batch.keys.is_empty() {
            let (values, schemas) = (&batch.keys, &replaced.key_schemas);
            let keys = encode(&mut self.key, &topics, values, schemas, &mut failures)?;
            self.key.collect(&mut failures, failed, |row| row);
            replaced.keys = std::mem::replace(&mut batch.keys, keys.values);
        }
        if !batch.values.is_empty() {
            let (values, schemas) = (&batch.values, &replaced.value_schemas);
            let values = encode(&mut self.value, &topics, values, schemas, &mut failures)?;
            self.value.collect(&mut failures, failed, |row| row);
            replaced.values = std::mem::replace(&mut batch.values, values.values);
        }
        Some((batch, replaced))
    }
}

impl Part {
    fn new(stage: Stage, class: &str, converter: Box<dyn Converter>) -> Self {
        let found = tidegate_convert::class::find(class.trim());
        Self {
            converter,
            operation: Arc::new(Operation {
                stage,
                class: found.map_or(class, |found| found.name).to_owned(),
                name: String::new(),
            }),
        }
    }

    fn collect(
        &self,
        failures: &mut Vec<RecordFailure>,
        failed: &mut Vec<Failed>,
        row_of: impl Fn(usize) -> usize,
    ) {
        failed.extend(failures.drain(..).map(|failure| {
            let (message, cause) = failure.error.message_and_cause();
            let clean = |text: String| clean(&text, GUEST_MESSAGE_BYTES_MAX).into_owned();
            Failed {
                row: row_of(failure.index),
                operation: Arc::clone(&self.operation),
                class: failure.error.class(),
                thrown: failure.error.exception().map(Cow::Borrowed),
                message: clean(message),
                cause: cause.map(|cause| Cause {
                    text: clean(cause.text),
                    ..cause
                }),
            }
        }));
    }
}

/// Converts a column, and again those of its entries that failed in a way that may pass. `convert` takes the entries
/// to convert, or none for all. `None`: it was interrupted.
fn until_done(
    trying: Trying<'_>,
    failures: &mut Vec<RecordFailure>,
    mut convert: impl FnMut(Option<&[u32]>, &mut Vec<RecordFailure>) -> ValueColumn,
) -> Option<ValueColumn> {
    let mut attempts = trying.begin();
    let mut done = convert(None, failures);
    let may_pass = |failure: &RecordFailure| failure.error.class() == ErrorClass::Retriable;
    loop {
        let mut again: Vec<u32> = failures
            .iter()
            .filter(|failure| may_pass(failure))
            .filter_map(|failure| failure.index.try_into().ok())
            .collect();
        if again.is_empty() {
            return Some(done);
        }
        match attempts.again(again.len()) {
            Next::Try => {}
            Next::GiveUp => return Some(done),
            Next::Interrupted => return None,
        }
        again.sort_unstable();
        failures.retain(|failure| !may_pass(failure));
        let first = failures.len();
        let more = convert(Some(&again), failures);
        for failure in failures.iter_mut().skip(first) {
            let index = again.get(failure.index).copied().unwrap_or_default();
            failure.index = index as usize;
        }
        replace(&mut done, &again, more);
    }
}

/// Puts the entries of `more` in the place of these, which are in ascending order.
fn replace(done: &mut ValueColumn, entries: &[u32], more: ValueColumn) {
    let mut new = entries.iter().zip(more.values.iter()).peekable();
    let mut values = Column::with_capacity(
        done.values.len(),
        done.values.bytes.len() + more.values.bytes.len(),
    );
    for (index, old) in (0_u32..).zip(done.values.iter()) {
        let replacing = new.next_if(|(entry, _)| **entry == index);
        values.push(replacing.map_or(old, |(_, new)| new));
    }
    done.values = values;
    if done.schemas.is_empty() && more.schemas.is_empty() {
        return;
    }
    done.schemas.resize(done.values.len(), -1);
    let mut new = more.schemas.into_iter();
    for entry in entries {
        if let Some(schema) = done.schemas.get_mut(*entry as usize) {
            *schema = new.next().unwrap_or(-1);
        }
    }
}

/// The schemas of these entries; none stay none.
fn picked(schemas: &[i32], entries: &[u32]) -> Vec<i32> {
    entries
        .iter()
        .filter_map(|entry| schemas.get(*entry as usize).copied())
        .collect()
}

/// For each record the number of headers up to and with it.
fn rows_of(headers: &Headers) -> Vec<usize> {
    let mut sum = 0;
    headers
        .counts
        .iter()
        .map(|count| {
            sum += *count as usize;
            sum
        })
        .collect()
}

/// The row of a header, by its number among all headers of the batch.
fn row_at(ends: &[usize], header: usize) -> usize {
    ends.partition_point(|end| *end <= header)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retry::tests::retry;
    use tidegate_convert::ConvertError;

    /// Fails for entries that hold a digit until it was asked that often, and for `bad` always.
    #[derive(Default)]
    struct Flaky {
        asked: Vec<usize>,
    }

    impl Flaky {
        fn convert(&mut self, column: &Column, failures: &mut Vec<RecordFailure>) -> Column {
            self.asked.push(column.len());
            let tries = u8::try_from(self.asked.len()).unwrap();
            let entries = column.iter().enumerate().map(|(index, entry)| {
                let error = match entry? {
                    b"bad" => ConvertError::Data("bad".to_owned()),
                    [digit @ b'0'..=b'9'] if digit - b'0' > tries => {
                        ConvertError::Away("not yet".to_owned())
                    }
                    entry => return Some(entry),
                };
                failures.push(RecordFailure { index, error });
                None
            });
            entries.collect()
        }
    }

    fn texts(texts: &[&str]) -> Column {
        texts.iter().map(|text| Some(text.as_bytes())).collect()
    }

    #[test]
    fn only_what_may_pass_is_tried_again_and_stays_in_its_place() {
        let retry = retry(Some(60_000), 1);
        let mut flaky = Flaky::default();
        let column = texts(&["a", "3", "bad", "2", "b", "3"]);
        let mut failures = Vec::new();
        let done = until_done(retry.until(&|| false), &mut failures, |rows, failures| {
            let selected = rows.map(|rows| column.select(rows));
            let column = selected.as_ref().unwrap_or(&column);
            let values = flaky.convert(column, failures);
            let schemas = (0..).take(values.len()).collect();
            ValueColumn { values, schemas }
        });
        let done = done.unwrap();
        let wanted = [Some("a"), Some("3"), None, Some("2"), Some("b"), Some("3")];
        let found: Vec<_> = done.values.iter().collect();
        assert_eq!(found, wanted.map(|text| text.map(str::as_bytes)));
        assert_eq!(flaky.asked, [6, 3, 2], "each time only those that failed");
        let indexes: Vec<_> = failures.iter().map(|failure| failure.index).collect();
        assert_eq!(indexes, [2]);
        // Of the second try 0, 1, 2 for the entries 1, 3, 5, then of the third 0, 1 for 1 and 5.
        assert_eq!(done.schemas, [0, 0, 2, 1, 4, 1]);
    }

    #[test]
    fn what_does_not_pass_in_time_failed() {
        let retry = retry(Some(5), 1);
        let mut failures = Vec::new();
        let column = texts(&["9", "a"]);
        let mut flaky = Flaky::default();
        let done = until_done(retry.until(&|| false), &mut failures, |_, failures| {
            flaky.asked.clear();
            ValueColumn {
                values: flaky.convert(&column, failures),
                schemas: Vec::new(),
            }
        });
        let done = done.unwrap();
        assert_eq!(
            done.values.iter().collect::<Vec<_>>(),
            [None, Some(b"a".as_slice())]
        );
        assert_eq!((failures.len(), failures[0].index), (1, 0));
        let now = || true;
        let trying = retry.until(&now);
        let none = until_done(trying, &mut failures, |_, failures| ValueColumn {
            values: flaky.convert(&column, failures),
            schemas: Vec::new(),
        });
        assert!(none.is_none(), "interrupted");
    }
}
