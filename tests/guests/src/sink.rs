//! Sinks.

use std::cell::{Cell, RefCell};

use crate::exports::tidegate::connect::sink::{AlteredOffset, Guest};
use crate::tidegate::connect::sink_progress;
use crate::types::{
    Batch, Column, Config, Error, ErrorKind, Reads, RecordError, TopicPartition,
    TopicPartitionOffset,
};
use crate::{Component, config_value, error, misdeeds, write_lines};

/// The class names, without `test.`.
pub const NAMES: &[&str] = &[
    "Takes",
    "RefusesSecond",
    "RefusesBackwards",
    "RefusesBad",
    "TrapsInPut",
    "LoopsInPut",
    "LoopsInFlush",
    "LoopsInOpen",
    "LoopsInClose",
    "FlushesTooFar",
    "FlushesOthers",
    "RetriesPut",
    "RetriesSomePuts",
    "TrapsOnLargeCalls",
    "WritesPartitions",
    "SleepsInPut",
    "TrapsOnPoison",
    "LoopsOnPoison",
    "SaysTooMuch",
    "SaysHalf",
    "TrapsInOpen",
    "TrapsInFlush",
    "TrapsInClose",
    "TrapsInSinkAlterOffsets",
    "TrapsInSinkStop",
    "SleepsForEverInPut",
    "TellsLargestCall",
    "TellsColumns",
];

thread_local! {
    static CLASS: RefCell<String> = const { RefCell::new(String::new()) };
    static CONFIG: RefCell<Config> = const { RefCell::new(Vec::new()) };
    static PUTS: Cell<u32> = const { Cell::new(0) };
    static KEPT: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

fn is(class: &str) -> bool {
    CLASS.with_borrow(|name| name.strip_prefix("test.") == Some(class))
}

fn trap_in(export: &str) {
    CLASS.with_borrow(|class| misdeeds::trap_in(class, export));
}

fn refuse(index: u32) -> RecordError {
    RecordError {
        index,
        error: error(ErrorKind::Data, "refused\n"),
    }
}

/// The values, which are strings, without the dots at their ends.
fn texts(batch: &Batch) -> Vec<String> {
    let mut rest = batch.values.bytes.as_slice();
    let text = |length: &i32| {
        let (value, after) = rest.split_at(*length as usize);
        rest = after;
        let text = std::str::from_utf8(&value[5..]).unwrap();
        text.trim_end_matches('.').to_owned()
    };
    batch.values.lengths.iter().map(text).collect()
}

/// Asks to be called again where the number of the put stands in `retried`, as in `1,3`; else writes the values.
fn retry_some_puts(batch: &Batch) -> Result<Vec<RecordError>, Error> {
    PUTS.set(PUTS.get() + 1);
    let put = PUTS.get().to_string();
    CONFIG.with_borrow(|config| {
        if config_value(config, "retried")
            .split(',')
            .any(|number| number == put)
        {
            return Err(error(ErrorKind::Retriable, "later"));
        }
        write_lines(config, texts(batch));
        Ok(vec![])
    })
}

/// How a sink treats what it is given, by the key `how`:
///
/// | | |
/// | --- | --- |
/// | `writes` | writes each record |
/// | `says` | writes each record, and says so |
/// | `flushes` | keeps the records and writes them in `flush` |
/// | `hoards` | the same, and only when it has 200 |
fn how() -> String {
    CONFIG.with_borrow(|config| config_value(config, "how"))
}

/// What the key `reads` names, with commas between; when it is absent, all columns and no map shapes.
fn reads(config: &Config) -> Reads {
    let named = config_value(config, "reads");
    let reads = |what: &str| named.split(',').any(|named| named == what);
    Reads {
        keys: reads("keys") || named.is_empty(),
        values: reads("values") || named.is_empty(),
        headers: reads("headers") || named.is_empty(),
        map_shapes: reads("map-shapes"),
    }
}

/// What there is in the columns: the tags of keys and values, how many headers, which schemas.
fn columns(batch: &Batch) -> String {
    let tags = |column: &Column| {
        let mut rest = column.bytes.as_slice();
        let tag = |length: &i32| {
            let (value, after) = rest.split_at(usize::try_from(*length).unwrap_or(0));
            rest = after;
            value.first().copied()
        };
        column.lengths.iter().map(tag).collect::<Vec<_>>()
    };
    let kinds: Vec<_> = batch.schemas.iter().map(|schema| schema[0]).collect();
    format!(
        "keys {:?} of {:?}, values {:?} of {:?}, headers {:?}, schemas {kinds:?}",
        tags(&batch.keys),
        batch.key_schemas,
        tags(&batch.values),
        batch.value_schemas,
        batch.headers.counts,
    )
}

/// Takes records until one is `poison`.
fn take_until_poison(batch: &Batch, at_poison: impl Fn()) {
    let how = how();
    for (index, text) in (1..).zip(texts(batch)) {
        if text.contains("poison") {
            at_poison();
        }
        if how == "flushes" || how == "hoards" {
            KEPT.with_borrow_mut(|kept| kept.push(text));
        } else {
            write(&text);
        }
        if how == "says" {
            sink_progress::delivered(index);
        }
    }
}

/// Writes half of the records, says so, and asks to be called again for the rest.
fn take_half(batch: &Batch) -> Result<Vec<RecordError>, Error> {
    let half = batch.count.div_ceil(2);
    CONFIG.with_borrow(|config| write_lines(config, texts(batch).into_iter().take(half as usize)));
    if half == batch.count {
        return Ok(vec![]);
    }
    sink_progress::delivered(half);
    Err(error(ErrorKind::Retriable, "later"))
}

/// Whether what was kept is written now.
fn write_kept() -> bool {
    if how() == "hoards" && KEPT.with_borrow(Vec::len) < 200 {
        return false;
    }
    CONFIG.with_borrow(|config| write_lines(config, KEPT.take()));
    true
}

/// Writes the values, but for those that begin with `bad`.
fn refuse_bad(batch: &Batch) -> Vec<RecordError> {
    let texts = texts(batch);
    let is_bad = |text: &String| text.starts_with("bad");
    let good = texts.iter().filter(|text| !is_bad(text)).cloned();
    CONFIG.with_borrow(|config| write_lines(config, good));
    let bad = (0_u32..).zip(&texts).filter(|(_, text)| is_bad(text));
    bad.map(|(index, _)| refuse(index)).collect()
}

fn write(line: &str) {
    CONFIG.with_borrow(|config| write_lines(config, [line.to_owned()]));
}

fn write_partitions(what: &str, partitions: &[TopicPartition]) {
    let line = |partition: &TopicPartition| format!("{what} {}", partition.partition);
    CONFIG.with_borrow(|config| write_lines(config, partitions.iter().map(line)));
}

impl Guest for Component {
    fn task_configs(_: String, config: Config, tasks_max: u32) -> Result<Vec<Config>, Error> {
        Ok(vec![config; tasks_max as usize])
    }

    fn alter_offsets(class_name: String, _: Config, _: Vec<AlteredOffset>) -> Result<bool, Error> {
        misdeeds::trap_in(&class_name, "SinkAlterOffsets");
        Ok(true)
    }

    fn start(class_name: String, config: Config) -> Result<Reads, Error> {
        CLASS.set(class_name);
        let reads = reads(&config);
        CONFIG.set(config);
        Ok(reads)
    }

    fn open(partitions: Vec<TopicPartition>) -> Result<(), Error> {
        if is("WritesPartitions") {
            write_partitions("open", &partitions);
        }
        trap_in("Open");
        if is("LoopsInOpen") {
            misdeeds::loop_for_ever();
        }
        Ok(())
    }

    fn put(batch: Batch) -> Result<Vec<RecordError>, Error> {
        assert!(!is("TrapsInPut"), "the put that panics");
        if is("SleepsForEverInPut") {
            misdeeds::sleep_for_ever();
        }
        if is("LoopsInPut") {
            misdeeds::loop_for_ever();
        }
        if is("SleepsInPut") {
            write("put");
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
        if is("RetriesPut") {
            return Err(error(ErrorKind::Retriable, "later"));
        }
        if is("TellsLargestCall") {
            let bytes = misdeeds::call_bytes(&batch);
            return Err(error(ErrorKind::Fatal, format!("{bytes} bytes in a call")));
        }
        if is("TellsColumns") {
            return Err(error(ErrorKind::Fatal, columns(&batch)));
        }
        if is("TrapsOnLargeCalls") {
            misdeeds::trap_on_large_call(&batch);
        }
        if is("RetriesSomePuts") {
            return retry_some_puts(&batch);
        }
        if is("WritesPartitions") {
            CONFIG.with_borrow(|config| write_lines(config, texts(&batch)));
        }
        if is("TrapsOnPoison") {
            take_until_poison(&batch, || panic!("poison"));
        }
        if is("LoopsOnPoison") {
            take_until_poison(&batch, || misdeeds::loop_for_ever());
        }
        if is("SaysHalf") {
            return take_half(&batch);
        }
        if is("SaysTooMuch") {
            sink_progress::delivered(batch.count + 1);
        }
        if is("RefusesSecond") && batch.count > 1 {
            return Ok(vec![refuse(1)]);
        }
        if is("RefusesBad") {
            return Ok(refuse_bad(&batch));
        }
        if is("RefusesBackwards") {
            return Ok(vec![refuse(1), refuse(0)]);
        }
        Ok(vec![])
    }

    fn flush(mut offsets: Vec<TopicPartitionOffset>) -> Result<Vec<TopicPartitionOffset>, Error> {
        if is("SleepsInPut") {
            write("flush");
        }
        trap_in("Flush");
        if is("LoopsInFlush") {
            misdeeds::loop_for_ever();
        }
        if is("TrapsOnPoison") && !write_kept() {
            return Ok(vec![]);
        }
        if is("FlushesTooFar") {
            offsets[0].offset += 1;
        }
        if is("FlushesOthers") {
            offsets[0].partition += 1;
        }
        Ok(offsets)
    }

    fn close(partitions: Vec<TopicPartition>) -> Result<(), Error> {
        if is("WritesPartitions") {
            write_partitions("close", &partitions);
        }
        if is("SleepsInPut") {
            write("close");
        }
        trap_in("Close");
        if is("LoopsInClose") {
            misdeeds::loop_for_ever();
        }
        Ok(())
    }

    fn stop() {
        trap_in("SinkStop");
        if is("SleepsInPut") {
            write("stop");
        }
    }
}
