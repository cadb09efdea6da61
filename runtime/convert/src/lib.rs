//! Converters between the bytes on a topic and encoded Connect values, a column at a time.
//!
//! | module | what |
//! | --- | --- |
//! | [`class`] | the converters by the names that Kafka Connect knows them by, with their configuration keys |
//! | `avro` | `AvroConverter` of Confluent, with a schema registry |
//! | `json` | `JsonConverter`, with and without schemas |
//! | `string`, `charset` | `StringConverter` and its encodings |
//! | `byte_array` | `ByteArrayConverter` |
//! | `number` | `BooleanConverter`, `ShortConverter`, … `DoubleConverter` |
//! | `header` | `SimpleHeaderConverter`, which guesses the type of a header from its text |
//! | [`error`] | the crate's errors |
//!
//! A converter writes from one buffer straight into the other: no tree, no allocation per record. A record
//! that cannot be converted becomes null and is listed as a [`RecordFailure`]; the rest of its column goes on.
//! The worker's tasks call the converters, on blocking threads; the Avro converter asks a schema registry for schemas.
//! `cache`, `columns` and `entries` are shared by several.

mod avro;
mod byte_array;
mod cache;
mod charset;
pub mod class;
mod columns;
mod entries;
pub mod error;
mod header;
mod json;
mod number;
mod options;
mod schema_index;
mod string;

use tidegate_model::Column;

#[doc(hidden)]
pub use avro::offline::{Offline as OfflineAvro, OfflineRead};
pub use class::{ConverterClass, Key, Kind, Reach, Role, class_names, converter};
pub use error::{Cause, ConvertError};

/// Encoded values of one column with their schemas.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ValueColumn {
    /// The encoded values; null where there is none, or none could be made.
    pub values: Column,
    /// The index of each value's schema, -1 for none. Empty: no schemas.
    pub schemas: Vec<i32>,
}

/// A record that could not be converted; its entry in the output is null.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordFailure {
    /// Its index in the column.
    pub index: usize,
    /// What is wrong with it.
    pub error: ConvertError,
}

/// Converts between the bytes on a topic and encoded Connect values.
pub trait Converter: Send {
    /// Whether it matters which topic the bytes are of. Else a column may have those of several topics, and `topic` is
    /// one of them.
    fn needs_topic(&self) -> bool {
        false
    }

    /// Whether maps without a schema leave their keys to a [`MapShape`](tidegate_model::MapShape) among the schemas, when
    /// this is asked for and the converter can; at first they do not.
    fn shape_maps(&mut self, shape: bool) {
        let _ = shape;
    }

    /// Whether [`Converter::from_connect`] takes maps that left their keys to a shape.
    fn takes_map_shapes(&self) -> bool {
        false
    }

    /// Converts the bytes on a topic to encoded values, for all records of a column. `schemas` are the
    /// batch's distinct encoded schemas: new ones are appended.
    fn to_connect(
        &mut self,
        topic: &str,
        bytes: &Column,
        schemas: &mut Vec<Vec<u8>>,
        failures: &mut Vec<RecordFailure>,
    ) -> ValueColumn;

    /// Converts encoded values to the bytes on a topic. `value_schemas` has the index of each value's schema in
    /// `schemas`, -1 for none; empty stands for no schemas.
    #[allow(clippy::wrong_self_convention)] // Kafka Connect's name.
    fn from_connect(
        &mut self,
        topic: &str,
        values: &Column,
        value_schemas: &[i32],
        schemas: &[Vec<u8>],
        failures: &mut Vec<RecordFailure>,
    ) -> Column;
}
