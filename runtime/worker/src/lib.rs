//! Runs tasks: moves records between guests and topics, and keeps what was promised.
//!
//! | module | what |
//! | --- | --- |
//! | [`worker`] | what all tasks share; starts tasks |
//! | [`task`] | a running task as its supervisor sees it: target state, state, end |
//! | `source_task` | poll → transforms → converters → submit → acknowledgement → offsets → commit |
//! | `sink_task` | fetch → converters → transforms → put → flush → commit |
//! | `blocking` | lends a task's pipeline to a blocking thread for one step |
//! | [`steps`] | how many blocking threads tasks may hold at a time |
//! | `chain` | the transformation chain of a task, one crossing per component in a row |
//! | `by_topic` | columns whose records are of several topics |
//! | [`converter_grants`] | what the converters that a connector names may reach |
//! | `record_converters` | key, value and header converter of a task, over whole batches |
//! | `positions` | how far a sink was delivered and committed |
//! | `submitted` | which source offsets are safe: the longest acknowledged prefix per source partition |
//! | [`offset_store`] | source offsets in their compacted topic |
//! | [`topic_log`] | a compacted topic as a table: read to the end, write and wait |
//! | `file_watch` | wakes a source when a file it was granted changes |
//! | [`progress`] | counters of a task |
//!
//! Invariants: a source offset is written only after every record before it is acknowledged; a guest hears
//! `commit` only after its offset is durable; a sink's position is committed only after `flush`.

mod blocking;
mod by_topic;
mod chain;
pub mod converter_grants;
mod error;
mod file_watch;
pub mod offset_store;
mod positions;
pub mod progress;
mod record_converters;
mod sink_pipeline;
mod sink_task;
mod source_pipeline;
mod source_task;
pub mod steps;
mod submitted;
pub mod task;
pub mod topic_log;
pub mod worker;

pub use error::WorkerError;
pub use progress::Progress;
pub use task::{State, TargetState, TaskHandle};
pub use worker::Worker;
