//! Sinks.

use std::cell::RefCell;

use crate::exports::tidegate::connect::sink::Guest;
use crate::types::{
    Batch, Config, Error, ErrorKind, RecordError, TopicPartition, TopicPartitionOffset,
};
use crate::{Component, error, misdeeds};

/// The class names, without `test.`.
pub const NAMES: &[&str] = &[
    "Takes",
    "RefusesSecond",
    "RefusesBackwards",
    "TrapsInPut",
    "LoopsInPut",
    "LoopsInFlush",
    "LoopsInOpen",
    "LoopsInClose",
    "FlushesTooFar",
    "FlushesOthers",
    "RetriesPut",
];

thread_local! {
    static CLASS: RefCell<String> = const { RefCell::new(String::new()) };
}

fn is(class: &str) -> bool {
    CLASS.with_borrow(|name| name.strip_prefix("test.") == Some(class))
}

fn refuse(index: u32) -> RecordError {
    RecordError {
        index,
        error: error(ErrorKind::Data, "refused\n"),
    }
}

impl Guest for Component {
    fn task_configs(_: String, config: Config, tasks_max: u32) -> Result<Vec<Config>, Error> {
        Ok(vec![config; tasks_max as usize])
    }

    fn start(class_name: String, _: Config) -> Result<(), Error> {
        CLASS.set(class_name);
        Ok(())
    }

    fn open(_: Vec<TopicPartition>) -> Result<(), Error> {
        if is("LoopsInOpen") {
            misdeeds::loop_for_ever();
        }
        Ok(())
    }

    fn put(batch: Batch) -> Result<Vec<RecordError>, Error> {
        assert!(!is("TrapsInPut"), "the put that panics");
        if is("LoopsInPut") {
            misdeeds::loop_for_ever();
        }
        if is("RetriesPut") {
            return Err(error(ErrorKind::Retriable, "later"));
        }
        if is("RefusesSecond") && batch.count > 1 {
            return Ok(vec![refuse(1)]);
        }
        if is("RefusesBackwards") {
            return Ok(vec![refuse(1), refuse(0)]);
        }
        Ok(vec![])
    }

    fn flush(mut offsets: Vec<TopicPartitionOffset>) -> Result<Vec<TopicPartitionOffset>, Error> {
        if is("LoopsInFlush") {
            misdeeds::loop_for_ever();
        }
        if is("FlushesTooFar") {
            offsets[0].offset += 1;
        }
        if is("FlushesOthers") {
            offsets[0].partition += 1;
        }
        Ok(offsets)
    }

    fn close(_: Vec<TopicPartition>) -> Result<(), Error> {
        if is("LoopsInClose") {
            misdeeds::loop_for_ever();
        }
        Ok(())
    }

    fn stop() {}
}
