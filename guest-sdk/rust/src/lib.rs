//! Write Tidegate plugins in Rust.
//!
//! A plugin is a type that implements a trait; [`export!`] makes a component of one or more of them.
//!
//! | to write | implement |
//! | --- | --- |
//! | a source | [`SourceConnector`] and [`SourceTask`] |
//! | a sink | [`SinkConnector`] and [`SinkTask`] |
//! | a transform | [`Transform`] |
//! | a predicate | [`Predicate`] |
//!
//! Records, schemas, values, configurations and errors are ordinary Rust types. Each trait has two levels:
//! record by record, which is convenient, and by columns, which costs no allocation per record. Start with
//! the first.
//!
//! Everything but the export works natively: unit-test a plugin with the drivers in [`testing`], build it
//! with `cargo build --target wasm32-wasip2`.
//!
//! # A transform and a predicate
//!
//! ```
//! use tidegate_sdk::prelude::*;
//!
//! /// Writes the value's field in capitals.
//! struct Capitals {
//!     field: String,
//! }
//!
//! impl Transform for Capitals {
//!     fn describe() -> Description {
//!         Description::new("com.example.Capitals")
//!             .version(env!("CARGO_PKG_VERSION"))
//!             .documentation("Writes a text field in capitals.")
//!             .config(ConfigDef::new().required(
//!                 "field",
//!                 Type::Text,
//!                 Importance::High,
//!                 "The field to change.",
//!             ))
//!     }
//!
//!     fn configure(config: &Config) -> Result<Self> {
//!         Ok(Self { field: config.required("field")?.to_owned() })
//!     }
//!
//!     fn apply(&mut self, mut record: Record) -> Result<Apply> {
//!         match record.field_mut(&self.field) {
//!             Some(Value::String(text)) => *text = text.to_uppercase(),
//!             Some(other) => return Err(Error::data(format!("{} is {other:?}, not a text", self.field))),
//!             None => {}
//!         }
//!         Ok(Apply::Keep(record))
//!     }
//! }
//!
//! /// Holds for records without a key.
//! struct HasNoKey;
//!
//! impl Predicate for HasNoKey {
//!     fn describe() -> Description {
//!         Description::new("com.example.HasNoKey")
//!     }
//!
//!     fn configure(_: &Config) -> Result<Self> {
//!         Ok(Self)
//!     }
//!
//!     fn reads(&self) -> Reads {
//!         Reads::KEYS
//!     }
//!
//!     fn test(&mut self, record: &Record) -> Result<bool> {
//!         Ok(record.key == Value::Null)
//!     }
//! }
//!
//! tidegate_sdk::export! { transforms: [Capitals], predicates: [HasNoKey] }
//!
//! # fn main() -> Result<()> {
//! use tidegate_sdk::testing;
//! let mut capitals = testing::transform::<Capitals>(&[("field", "city")])?;
//! let value = Value::Map(vec![("city".into(), "Kiel".into())]);
//! let out = testing::apply(&mut capitals, Record::new("orders", value))?;
//! assert_eq!(out[0].field("city"), Some(&"KIEL".into()));
//! # let mut no_key = testing::predicate::<HasNoKey>(&[])?;
//! # assert!(testing::test(&mut no_key, &out[0])?);
//! # Ok(())
//! # }
//! ```
//!
//! # A source
//!
//! ```
//! use tidegate_sdk::prelude::*;
//!
//! struct Counter;
//!
//! impl SourceConnector for Counter {
//!     type Task = CounterTask;
//!
//!     fn describe() -> Description {
//!         Description::new("com.example.CounterConnector").config(
//!             ConfigDef::new()
//!                 .required("topic", Type::Text, Importance::High, "The topic to write to.")
//!                 .optional("until", Type::Long, "10", Importance::Low, "The last number."),
//!         )
//!     }
//! }
//!
//! struct CounterTask {
//!     topic: String,
//!     next: i64,
//!     until: i64,
//! }
//!
//! impl SourceTask for CounterTask {
//!     fn start(config: &Config, offsets: &Offsets) -> Result<Self> {
//!         let partition = Value::Map(vec![("counter".into(), "main".into())]);
//!         Ok(Self {
//!             topic: config.required("topic")?.to_owned(),
//!             next: offsets.integer(&partition, "last")?.map_or(1, |last| last + 1),
//!             until: config.integer("until")?,
//!         })
//!     }
//!
//!     fn poll(&mut self, batch: &mut SourceBatch) -> Result<()> {
//!         while self.next <= self.until && !batch.is_full() {
//!             batch.push(&SourceRecord {
//!                 source_partition: Value::Map(vec![("counter".into(), "main".into())]),
//!                 source_offset: Value::Map(vec![("last".into(), self.next.into())]),
//!                 record: Record::new(&*self.topic, self.next),
//!             });
//!             self.next += 1;
//!         }
//!         Ok(())
//!     }
//! }
//!
//! tidegate_sdk::export! { sources: [Counter] }
//!
//! # fn main() -> Result<()> {
//! use tidegate_sdk::testing::SourceDriver;
//! let mut task = SourceDriver::start::<Counter>(&[("topic", "numbers")], vec![])?;
//! assert_eq!(task.poll(3)?.len(), 3);
//! assert_eq!(task.poll(100)?.len(), 7);
//! # Ok(())
//! # }
//! ```
//!
//! # A sink
//!
//! ```
//! use tidegate_sdk::prelude::*;
//!
//! struct Adder;
//!
//! impl SinkConnector for Adder {
//!     type Task = AdderTask;
//!
//!     fn describe() -> Description {
//!         Description::new("com.example.AdderConnector")
//!     }
//! }
//!
//! struct AdderTask {
//!     sum: i64,
//! }
//!
//! impl SinkTask for AdderTask {
//!     fn start(_: &Config) -> Result<Self> {
//!         Ok(Self { sum: 0 })
//!     }
//!
//!     fn put(&mut self, batch: &Batch, failures: &mut Failures) -> Result<()> {
//!         for (index, record) in records(batch).enumerate() {
//!             match record?.value {
//!                 Value::Int64(number) => self.sum += number,
//!                 other => failures.push(index, Error::data(format!("{other:?} is no int64"))),
//!             }
//!         }
//!         Ok(())
//!     }
//! }
//!
//! tidegate_sdk::export! { sinks: [Adder] }
//!
//! # fn main() -> Result<()> {
//! use tidegate_sdk::testing::SinkDriver;
//! let mut task = SinkDriver::start::<Adder>(&[])?;
//! let failed = task.put(&[Record::new("n", 40_i64), Record::new("n", "x"), Record::new("n", 2_i64)])?;
//! assert_eq!((task.task().sum, failed.len()), (42, 1));
//! # Ok(())
//! # }
//! ```
//!
//! # Clients
//!
//! [`http`] and [`tcp`] reach what the configuration names, with TLS by the host, and secrets that the plugin never sees.
//! Their time limits come from the deadline of the call; [`host::time_left`] says how much is left.
//!
//! # Errors and panics
//!
//! Return an [`Error`]; its kind decides what the worker does. A panic ends the instance: its message is
//! written to the log, and the task is FAILED. With `errors.tolerance=all` the worker finds the record at which it
//! happens and goes on without it: it gives the batch again in parts, to new instances. A sink that delivers in `put`
//! says how far it came ([`Failures::delivered`]), so that it gets nothing twice.

extern crate self as tidegate_sdk;

/// The guide's example is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
pub struct Guide;

#[cfg(target_arch = "wasm32")]
#[allow(unsafe_code, missing_docs, clippy::all, clippy::pedantic)]
#[doc(hidden)]
pub mod bindings;
pub mod chain;
#[cfg(target_arch = "wasm32")]
#[doc(hidden)]
pub mod component;
pub mod config;
pub mod definition;
pub mod error;
mod export;
pub mod host;
pub mod http;
pub mod map_edits;
pub mod plugins;
pub mod predicate;
pub mod record;
pub mod row;
pub mod schemas;
pub mod sink;
pub mod source;
pub mod tcp;
pub mod testing;
pub mod transform;
pub mod transform_batch;

pub use chain::Chain;
pub use config::Config;
pub use definition::{
    ConfigDef, ConfigIssue, ConfigKey, Description, Importance, Names, Type, Width,
};
pub use error::{Error, ErrorKind, Result};
pub use map_edits::{Facts, MapEdits, Naming, PlannedMap};
pub use plugins::{Kind, PluginSet, Plugins, Step, StepCondition};
pub use predicate::Predicate;
pub use record::{Header, Record, field, records};
pub use row::{Row, Side, rows};
pub use schemas::{NO_SCHEMA, NewSchema, SchemaPlans, Schemas};
pub use sink::{
    AlteredPosition, Failures, SinkConnector, SinkTask, TopicPartition, TopicPartitionOffset,
};
pub use source::{
    AlteredOffset, Committed, IntegerOffset, Offsets, SourceBatch, SourceConnector, SourceRecord,
    SourceTask,
};
pub use tidegate_model as model;
pub use tidegate_model::{
    Batch, Column, Encoder, Field, MapShape, Schema, SchemaType, Value, View,
};
pub use transform::{Apply, Reads, Transform};
pub use transform_batch::{Edit, HeaderEdit, HeaderRun, HeaderView, HeaderWriter, TransformBatch};

/// All that most plugins need.
pub mod prelude {
    pub use crate::{
        Apply, Batch, Column, Committed, Config, ConfigDef, ConfigIssue, Description, Encoder,
        Error, ErrorKind, Failures, Field, Header, Importance, Names, Offsets, Predicate, Reads,
        Record, Result, Schema, SchemaType, SinkConnector, SinkTask, SourceBatch, SourceConnector,
        SourceRecord, SourceTask, TopicPartition, TopicPartitionOffset, Transform, Type, Value,
        View, Width, host, records,
    };
}
