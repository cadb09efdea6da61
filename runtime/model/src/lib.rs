//! Records as Kafka Connect knows them, and how Tidegate writes them down.
//!
//! | module | what |
//! | --- | --- |
//! | [`value`] | the encoded Connect value: writing it, reading it lazily, checking it; and a tree for convenience |
//! | [`schema`], `schema_encoding` | Connect schemas; their encoding |
//! | `fits` | whether a value fits a schema |
//! | [`map_shape`] | the keys of maps without a schema, which many records share |
//! | [`column`] | byte strings of one field of many records, in one buffer |
//! | [`batch`] | records as columns, the only form in which records travel through Tidegate |
//! | [`short`] | short byte strings, copied without a call |
//! | [`ids`] | names and numbers as types |
//! | [`guest_text`] | text from a guest, made safe to be shown |
//! | [`limits`] | every limit on what a guest, a client or a topic may hand over |
//! | [`error`] | the classes of errors |
//!
//! The crate does no I/O, holds no state and knows no other crate; host and guests share it.

pub mod batch;
pub mod column;
pub mod error;
mod fits;
pub mod guest_text;
pub mod ids;
pub mod limits;
pub mod map_shape;
pub mod schema;
mod schema_encoding;
mod select;
pub mod short;
pub mod value;

pub use batch::{Batch, Headers};
pub use column::Column;
pub use error::ErrorClass;
pub use ids::{ConnectorName, TaskId, TopicName, TopicPartition};
pub use map_shape::MapShape;
pub use schema::{Field, Schema, SchemaType};
pub use value::{Encoder, Value, View};
