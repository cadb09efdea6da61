//! Key, value and header converter of a task, over whole batches.

use tidegate_config::connector::{ConnectorConfig, ConverterRole};
use tidegate_config::grants::Policy;
use tidegate_config::worker::WorkerConfig;
use tidegate_convert::{Converter, RecordFailure, Role};
use tidegate_model::{Batch, Headers};

use crate::by_topic::ByTopic;
use crate::converter_grants::check_converters;
use crate::error::{Stage, WorkerError};

/// The three converters of a task.
pub struct RecordConverters {
    key: Box<dyn Converter>,
    value: Box<dyn Converter>,
    header: Box<dyn Converter>,
}

/// A record that could not be converted.
pub struct Failed {
    /// Its row in the batch.
    pub row: usize,
    /// Which converter.
    pub stage: Stage,
    /// What is wrong.
    pub message: String,
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
            tidegate_convert::converter(&config.class, role, &config.config)
                .map_err(|error| WorkerError::Convert { stage, error })
        };
        Ok(Self {
            key: make(ConverterRole::Key, Role::Key, Stage::KeyConverter)?,
            value: make(ConverterRole::Value, Role::Value, Stage::ValueConverter)?,
            header: make(ConverterRole::Header, Role::Header, Stage::HeaderConverter)?,
        })
    }

    /// Topic bytes → encoded values. Failed rows have null in the column that failed.
    pub fn decode(&mut self, mut batch: Batch, failed: &mut Vec<Failed>) -> Batch {
        let topics = ByTopic::of(&batch);
        let mut schemas = std::mem::take(&mut batch.schemas);
        let mut failures = Vec::new();
        if !batch.keys.is_empty() {
            let keys = topics.decode(self.key.as_mut(), &batch.keys, &mut schemas, &mut failures);
            collect(&mut failures, Stage::KeyConverter, failed, |row| row);
            (batch.keys, batch.key_schemas) = (keys.values, keys.schemas);
        }
        if !batch.values.is_empty() {
            let values = topics.decode(
                self.value.as_mut(),
                &batch.values,
                &mut schemas,
                &mut failures,
            );
            collect(&mut failures, Stage::ValueConverter, failed, |row| row);
            (batch.values, batch.value_schemas) = (values.values, values.schemas);
        }
        if !batch.headers.counts.is_empty() {
            let headers = self.header.to_connect(
                topics.first(),
                &batch.headers.values,
                &mut schemas,
                &mut failures,
            );
            let row_of = rows_of(&batch.headers);
            collect(&mut failures, Stage::HeaderConverter, failed, |header| {
                row_at(&row_of, header)
            });
            (batch.headers.values, batch.headers.schemas) = (headers.values, headers.schemas);
        }
        batch.schemas = schemas;
        batch
    }

    /// Encoded values → topic bytes. Failed rows have null in the column that failed.
    pub fn encode(&mut self, mut batch: Batch, failed: &mut Vec<Failed>) -> Batch {
        let topics = ByTopic::of(&batch);
        let schemas = std::mem::take(&mut batch.schemas);
        let mut failures = Vec::new();
        if !batch.keys.is_empty() {
            let key_schemas = std::mem::take(&mut batch.key_schemas);
            batch.keys = topics.encode(
                self.key.as_mut(),
                &batch.keys,
                &key_schemas,
                &schemas,
                &mut failures,
            );
            collect(&mut failures, Stage::KeyConverter, failed, |row| row);
        }
        if !batch.values.is_empty() {
            let value_schemas = std::mem::take(&mut batch.value_schemas);
            batch.values = topics.encode(
                self.value.as_mut(),
                &batch.values,
                &value_schemas,
                &schemas,
                &mut failures,
            );
            collect(&mut failures, Stage::ValueConverter, failed, |row| row);
        }
        if !batch.headers.counts.is_empty() {
            let header_schemas = std::mem::take(&mut batch.headers.schemas);
            let values = &batch.headers.values;
            batch.headers.values = self.header.from_connect(
                topics.first(),
                values,
                &header_schemas,
                &schemas,
                &mut failures,
            );
            let row_of = rows_of(&batch.headers);
            collect(&mut failures, Stage::HeaderConverter, failed, |header| {
                row_at(&row_of, header)
            });
        }
        batch
    }
}

fn collect(
    failures: &mut Vec<RecordFailure>,
    stage: Stage,
    failed: &mut Vec<Failed>,
    row_of: impl Fn(usize) -> usize,
) {
    failed.extend(failures.drain(..).map(|failure| Failed {
        row: row_of(failure.index),
        stage,
        message: failure.error.to_string(),
    }));
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
