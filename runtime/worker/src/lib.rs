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
//! | `chain`, `link`, `link_steps` | the transformation chain of a task, one crossing per component in a row |
//! | `faults` | finds the records at which a guest faults, so that the others go on |
//! | `failures` | what becomes of records that fail: the one place that decides it |
//! | `retry`, `retried` | trying an operation again that may succeed later |
//! | `error_log` | a line for each record that failed |
//! | `dead_letters` | the topic that keeps the records which failed |
//! | `fetched_rows` | where the records of a fetched batch came from, and what they were |
//! | `polled_positions` | where the records of a polled batch came from, and the groups they are acknowledged in |
//! | `source_rows` | a source's records as the log shows them and the dead letter queue gets them |
//! | `by_topic` | columns whose records are of several topics |
//! | [`converter_grants`] | what the converters that a connector names may reach |
//! | `record_converters` | key, value and header converter of a task, over whole batches |
//! | `sink_guest` | a sink's guest, and making it anew |
//! | `suspects` | the records that a sink did not survive, on their second way |
//! | `positions` | how far a sink was delivered and committed |
//! | `submitted` | which source offsets are safe: the longest acknowledged prefix per source partition |
//! | [`offset_store`] | source offsets in their compacted topic |
//! | `asked_tasks` | a source's guest that asks for its connector's work to be divided anew |
//! | [`altered_offsets`] | offsets as the operator reads, alters and forgets them |
//! | [`topic_log`] | a compacted topic as a table: read to the end, write and wait |
//! | `file_watch` | wakes a source when a file it was granted changes |
//! | [`progress`] | counters of a task |
//! | `topic_creator` | creates the topics of a source, as its connector says |
//! | [`used_topics`] | which topics a task uses |
//! | [`measures`], [`window`], `state_times` | what else is measured of it: batches, calls, commits, states, usage |
//!
//! Invariants: a source offset is written only after every record before it is acknowledged; a guest hears
//! `commit` only after its offset is durable; a sink's position is committed only after `flush`,
//! and after all records that failed before it are in the dead letter queue, where there is one.

pub mod altered_offsets;
mod asked_tasks;
mod blocking;
mod by_topic;
mod chain;
pub mod converter_grants;
mod dead_letters;
mod error;
mod error_log;
mod failures;
mod faults;
mod fetched_rows;
mod file_watch;
mod link;
mod link_steps;
pub mod measures;
pub mod offset_store;
mod polled_positions;
mod positions;
pub mod progress;
mod record_converters;
pub mod resolution;
mod retried;
mod retry;
mod sink_guest;
mod sink_pipeline;
mod sink_task;
mod source_pipeline;
mod source_rows;
mod source_task;
mod state_times;
pub mod steps;
mod submitted;
mod suspects;
pub mod task;
mod topic_creator;
pub mod topic_log;
pub mod used_topics;
pub mod window;
pub mod worker;

pub use error::WorkerError;
pub use measures::{Measures, Startups};
pub use progress::Progress;
pub use task::{State, TargetState, TaskHandle};
pub use tidegate_sandbox::{Hold, Refusal};
pub use worker::Worker;
