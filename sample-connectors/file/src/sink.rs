//! The file sink: one line for each record, appended to a file.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::sync::Arc;

use tidegate_sdk::model::short::append;
use tidegate_sdk::model::value::tag;
use tidegate_sdk::prelude::*;
use tidegate_sdk::{AlteredPosition, MapShape, NO_SCHEMA, Reads, SchemaPlans, rows};

use crate::json::{JsonWriter, ShapeKeys};
use crate::refused::{cannot, reason};
use crate::whole_lines::keep_whole_lines;

/// The class name of Kafka Connect's connector, which this one stands in for.
pub const CLASS: &str = "org.apache.kafka.connect.file.FileStreamSinkConnector";

/// So many bytes are written at once.
const WRITE_BYTES: usize = 256 * 1024;

/// The connector.
#[derive(Debug)]
pub struct FileStreamSink;

impl SinkConnector for FileStreamSink {
    type Task = FileStreamSinkTask;

    fn describe() -> Description {
        Description::new(CLASS)
            .version(env!("CARGO_PKG_VERSION"))
            .documentation("Appends a line to a file for each record.")
            .config(
                ConfigDef::new()
                    .nullable(
                        "file",
                        Type::Text,
                        Importance::High,
                        "The file to append to, which is made where it does not exist; its folder must exist. It has to be given: a worker's standard output is not written",
                    )
                    .names(Names::WriteFile),
            )
    }

    fn validate(config: &Config) -> Vec<ConfigIssue> {
        file_of(config)
            .err()
            .map(|error| ConfigIssue::new("file", error.message()))
            .into_iter()
            .collect()
    }

    fn task_configs(config: &Config, tasks_max: u32) -> Result<Vec<Config>> {
        file_of(config)?;
        Ok((0..tasks_max.max(1)).map(|_| config.clone()).collect())
    }

    /// Nothing is kept of what was delivered, so any offset can be gone on from.
    fn alter_offsets(_: &Config, _: &[AlteredPosition]) -> Result<bool> {
        Ok(true)
    }
}

fn file_of(config: &Config) -> Result<&str> {
    config
        .get("file")
        .filter(|file| !file.is_empty())
        .ok_or_else(|| {
            Error::config_key(
                "file",
                "\"file\" is not given, and the standard output of a worker is not written; set it to the path of a file",
            )
        })
}

/// The task. Lines are collected for one batch and written at its end.
#[derive(Debug)]
pub struct FileStreamSinkTask {
    path: String,
    file: File,
    lines: Vec<u8>,
    json: JsonWriter,
    schemas: SchemaPlans<PartNames>,
}

/// What names the parts of a value.
#[derive(Debug)]
enum PartNames {
    Schema(Arc<Schema>),
    Shape(ShapeKeys),
}

impl PartNames {
    fn of(encoded: &[u8]) -> Result<Self> {
        if MapShape::is(encoded) {
            let shape = MapShape::decode(encoded).map_err(Error::data)?;
            return Ok(Self::Shape(ShapeKeys::of(&shape)?));
        }
        Ok(Self::Schema(Arc::new(Schema::decode(encoded)?)))
    }
}

impl SinkTask for FileStreamSinkTask {
    fn start(config: &Config) -> Result<Self> {
        let path = file_of(config)?.to_owned();
        keep_whole_lines(&path)?;
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&path)
            .map_err(|error| {
                Error::fatal(format_args!(
                    "Couldn't find or create file '{path}' for FileStreamSinkTask: {}",
                    reason(&error)
                ))
            })?;
        Ok(Self {
            path,
            file,
            lines: Vec::with_capacity(WRITE_BYTES),
            json: JsonWriter::default(),
            schemas: SchemaPlans::default(),
        })
    }

    fn reads(&self) -> Reads {
        Reads {
            map_shapes: true,
            ..Reads::VALUES
        }
    }

    fn put(&mut self, batch: &Batch, failures: &mut Failures) -> Result<()> {
        self.schemas.begin();
        for (index, row) in rows(batch).enumerate() {
            let mark = self.lines.len();
            match self.line(batch, row.value, row.value_schema) {
                Ok(()) => self.lines.push(b'\n'),
                Err(error) => {
                    self.lines.truncate(mark);
                    failures.push(index, error);
                }
            }
            if self.lines.len() >= WRITE_BYTES {
                self.write()?;
            }
        }
        self.write()
    }

    fn flush(&mut self, offsets: Vec<TopicPartitionOffset>) -> Result<Vec<TopicPartitionOffset>> {
        self.write()?;
        self.file
            .sync_data()
            .map_err(|error| cannot("flush to disk", &self.path, &error))?;
        Ok(offsets)
    }
}

impl FileStreamSinkTask {
    /// Appends a value: a string as it is, null as `null`, anything else as JSON.
    #[inline]
    fn line(&mut self, batch: &Batch, value: Option<&[u8]>, schema: i32) -> Result<()> {
        match value {
            None => self.lines.extend_from_slice(b"null"),
            Some([tag::STRING, _, _, _, _, text @ ..]) => append(&mut self.lines, text),
            Some(value) if schema == NO_SCHEMA => self.json.write(value, None, &mut self.lines)?,
            Some(value) => {
                let schemas = &batch.schemas;
                match self.schemas.plan_encoded(schemas, schema, PartNames::of)? {
                    PartNames::Schema(schema) => {
                        self.json.write(value, Some(schema), &mut self.lines)?;
                    }
                    PartNames::Shape(keys) => {
                        self.json.write_shaped(value, keys, &mut self.lines)?
                    }
                }
            }
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        if self.lines.is_empty() {
            return Ok(());
        }
        let written = self.file.write_all(&self.lines);
        self.lines.clear();
        written.map_err(|error| cannot("write to", &self.path, &error))
    }
}
