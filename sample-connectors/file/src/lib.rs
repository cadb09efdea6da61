//! File source and sink: Kafka Connect's `FileStreamSourceConnector` and `FileStreamSinkConnector`, by name,
//! keys, records and source offsets. What differs is listed in the README of this folder.
//!
//! | module | what |
//! | --- | --- |
//! | [`source`] | the source: one record for each line |
//! | [`follower`] | follows a growing file: partial lines, truncation, rotation, replaced content |
//! | [`before`] | what stands before a position, by which replaced content is noticed |
//! | [`sink`] | the sink: one line for each record |
//! | [`json`] | writes encoded values as JSON, without a tree |
//! | [`whole_lines`] | takes away a line that a kill cut short |
//! | [`refused`] | what went wrong with a file, in words |

pub mod before;
pub mod follower;
pub mod json;
mod known_keys;
pub mod refused;
pub mod sink;
pub mod source;
pub mod whole_lines;

pub use sink::FileStreamSink;
pub use source::FileStreamSource;

tidegate_sdk::export! { sources: [FileStreamSource], sinks: [FileStreamSink] }
