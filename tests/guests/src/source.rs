//! Sources.

use std::cell::{Cell, RefCell};
use std::hint::black_box;

use crate::exports::tidegate::connect::source::{AlteredOffset, Guest, PollLimits, Polled};
use crate::tidegate::connect::{host, source_offsets, task_reconfiguration};
use crate::types::{Batch, Column, Config, Error, ErrorKind, Headers};
use crate::{Component, config_value, error, misdeeds, network, tells, write_lines};

/// The class names, without `test.`.
pub const NAMES: &[&str] = &[
    "Counts",
    "LoopsInValidate",
    "FindsManyProblems",
    "AsksForTasks",
    "LoopsInAlterOffsets",
    "LoopsInTaskConfigs",
    "RefusesOffsets",
    "TooManyTasks",
    "LoopsInStart",
    "LooksAround",
    "UsesPath",
    "UsesNetwork",
    "ReadsOffsets",
    "ReadsOneOffsetOften",
    "LoopsInPoll",
    "LoopsInCommit",
    "LoopsInStop",
    "SleepsInPoll",
    "TrapsInPoll",
    "ExitsInPoll",
    "OverflowsStack",
    "OverflowsOwnStack",
    "TakesMemory",
    "FloodsLog",
    "FloodsOutput",
    "HugeResult",
    "AliasedStrings",
    "LongError",
    "RandomBytes",
    "HoldsFiles",
    "HoldsListings",
    "BadBatch",
    "LargeRecords",
    "WritesCommits",
    "Trickles",
    "UnknownPartitions",
    "SleepsInSomePolls",
    "NewSourcePartitions",
    "PoisonsOne",
    "TellsSecrets",
    "TrapsInValidate",
    "TrapsInTaskConfigs",
    "TrapsInAlterOffsets",
    "TrapsInStart",
    "TrapsInCommit",
    "TrapsInStop",
    "SaysHostileWords",
    "SaysNoText",
    "LogsNoText",
    "ClaimsGigabyte",
    "FindsNothing",
    "FloodsLogForEver",
    "ReadsOften",
    "SleepsInStart",
    "SleepsInCommit",
    "GoesBackwards",
    "ComputesInPoll",
    "TrapsWithoutFile",
    "GoesDown",
];

thread_local! {
    static TASK: RefCell<(String, Config)> = const { RefCell::new((String::new(), Vec::new())) };
    static POLLS: Cell<u32> = const { Cell::new(0) };
}

/// An encoded string (see `wit/ENCODING.md`).
pub fn text(text: &str) -> Vec<u8> {
    let mut encoded = vec![8];
    encoded.extend((text.len() as u32).to_le_bytes());
    encoded.extend(text.as_bytes());
    encoded
}

/// An encoded map with one entry.
pub fn map(key: &str, value: &str) -> Vec<u8> {
    let entry = [text(key), text(value)].concat();
    let mut encoded = vec![11];
    encoded.extend((entry.len() as u32 + 4).to_le_bytes());
    encoded.extend(1_u32.to_le_bytes());
    encoded.extend(entry);
    encoded
}

/// A column of entries.
pub fn column(entries: &[Vec<u8>]) -> Column {
    Column {
        bytes: entries.concat(),
        lengths: entries.iter().map(|entry| entry.len() as i32).collect(),
    }
}

fn no_column() -> Column {
    column(&[])
}

fn batch(values: &[Vec<u8>]) -> Batch {
    Batch {
        count: values.len() as u32,
        topics: vec!["topic".to_owned()],
        topic_indexes: vec![],
        partitions: vec![],
        offsets: vec![],
        timestamps: vec![],
        schemas: vec![],
        key_schemas: vec![],
        keys: no_column(),
        value_schemas: vec![],
        values: column(values),
        headers: Headers {
            counts: vec![],
            keys: no_column(),
            schemas: vec![],
            values: no_column(),
        },
    }
}

fn polled(values: &[Vec<u8>]) -> Polled {
    let offsets: Vec<_> = (0..values.len())
        .map(|number| map("position", &number.to_string()))
        .collect();
    Polled {
        batch: batch(values),
        source_partitions: vec![map("file", "a")],
        source_partition_indexes: vec![],
        source_offsets: column(&offsets),
        wait_ms: 99_999_999,
    }
}

impl Guest for Component {
    fn task_configs(
        class_name: String,
        config: Config,
        tasks_max: u32,
    ) -> Result<Vec<Config>, Error> {
        misdeeds::trap_in(&class_name, "TaskConfigs");
        match class_name.as_str() {
            "test.LoopsInTaskConfigs" => misdeeds::loop_for_ever(),
            "test.TooManyTasks" => Ok(vec![config; tasks_max as usize + 1]),
            // One more when the first has left its offset.
            "test.AsksForTasks" => {
                let found = source_offsets::read(&[map("file", "a")]);
                let left = found.iter().flatten().count();
                Ok(vec![config; 1 + left])
            }
            "test.TellsSecrets" => Ok(vec![tells::copied(config)]),
            _ => Ok(vec![config]),
        }
    }

    fn alter_offsets(
        class_name: String,
        _: Config,
        offsets: Vec<AlteredOffset>,
    ) -> Result<bool, Error> {
        misdeeds::trap_in(&class_name, "AlterOffsets");
        match class_name.as_str() {
            "test.LoopsInAlterOffsets" => misdeeds::loop_for_ever(),
            "test.RefusesOffsets" => Err(error(
                ErrorKind::Data,
                format!("{} offsets are refused", offsets.len()),
            )),
            _ => Ok(false),
        }
    }

    fn start(class_name: String, config: Config) -> Result<(), Error> {
        let value = |key| config_value(&config, key);
        misdeeds::trap_in(&class_name, "Start");
        match class_name.as_str() {
            "test.SleepsInStart" => misdeeds::sleep_for_ever(),
            "test.TrapsWithoutFile" => assert!(std::fs::exists(value("path")).unwrap_or(false)),
            "test.ReadsOften" => {
                let found = misdeeds::read_often(&value("path"), 5_000);
                return Err(error(ErrorKind::Config, found));
            }
            "test.LoopsInStart" => misdeeds::loop_for_ever(),
            "test.LooksAround" => return Err(error(ErrorKind::Config, misdeeds::look_around())),
            "test.UsesPath" => {
                let answer = misdeeds::use_path(&value("action"), &value("path"), &value("to"));
                return Err(error(ErrorKind::Config, answer));
            }
            "test.UsesNetwork" => {
                let answer = network::use_network(&config);
                return Err(error(ErrorKind::Config, answer));
            }
            "test.HoldsFiles" => {
                let path = value("path");
                let held = misdeeds::hold_files(&path);
                return Err(error(ErrorKind::Config, format!("held {held}")));
            }
            "test.HoldsListings" => {
                let held = misdeeds::hold_listings(&value("path"), 300);
                return Err(error(ErrorKind::Config, format!("held {held}")));
            }
            "test.TellsSecrets" => {
                tells::everywhere(&config);
                match value("say").as_str() {
                    "start" => return Err(error(ErrorKind::Fatal, tells::all(&config))),
                    "trap" => panic!("{}", tells::all(&config)),
                    _ => {}
                }
            }
            "test.ReadsOffsets" => {
                let found = source_offsets::read(&[map("file", "a"), map("file", "b")]);
                return Err(error(ErrorKind::Retriable, format!("{found:?}")));
            }
            "test.ReadsOneOffsetOften" => {
                let found = source_offsets::read(&vec![map("file", "a"); 10_000]);
                return Err(error(ErrorKind::Config, format!("{}", found.len())));
            }
            _ => {}
        }
        TASK.set((class_name, config));
        Ok(())
    }

    fn poll(limits: PollLimits) -> Result<Polled, Error> {
        let (class, config) = TASK.with_borrow(Clone::clone);
        match class.as_str() {
            "test.LoopsInPoll" => misdeeds::loop_for_ever(),
            "test.SleepsInPoll" => misdeeds::sleep_for_ever(),
            "test.TrapsInPoll" => panic!("the poll that panics\nERROR a line that is not"),
            "test.ExitsInPoll" => std::process::exit(3),
            "test.OverflowsStack" => {
                std::hint::black_box(misdeeds::overflow_the_stack(std::hint::black_box(0)));
            }
            "test.GoesDown" => {
                let depth = config_value(&config, "depth").parse().unwrap();
                let end = misdeeds::go_down(black_box(depth));
                return Err(error(ErrorKind::Fatal, format!("went down to {end}")));
            }
            "test.OverflowsOwnStack" => {
                std::hint::black_box(misdeeds::overflow_own_stack(0));
            }
            "test.TakesMemory" => {
                let got = misdeeds::take_all_memory();
                return Err(error(ErrorKind::Fatal, format!("{got}")));
            }
            "test.FloodsLog" => {
                for number in 0..100_000 {
                    host::log(host::Level::Info, &format!("line {number}\nERROR fake"));
                }
                host::log(host::Level::Warn, &"long ".repeat(100_000));
            }
            "test.FloodsLogForEver" => {
                // As many as the deadline lets pass.
                let count = config_value(&config, "lines").parse().unwrap_or(u64::MAX);
                for number in 0..count {
                    host::log(host::Level::Info, &format!("line {number}"));
                }
            }
            "test.SaysHostileWords" => {
                host::log(host::Level::Info, &misdeeds::hostile_words());
                println!("{}", misdeeds::hostile_words());
                eprintln!("{}", misdeeds::hostile_words());
                return Err(error(ErrorKind::Fatal, misdeeds::hostile_words()));
            }
            "test.SaysNoText" => return Err(error(ErrorKind::Fatal, misdeeds::no_text())),
            "test.LogsNoText" => host::log(host::Level::Info, &misdeeds::no_text()),
            "test.ClaimsGigabyte" => {
                let mut claimed = polled(&[text("a")]);
                claimed.batch.values.bytes = misdeeds::claimed_bytes(1 << 30);
                claimed.batch.values.lengths = vec![1 << 30];
                return Ok(claimed);
            }
            "test.FindsNothing" => {
                return Ok(Polled {
                    wait_ms: 0,
                    ..polled(&[])
                });
            }
            "test.GoesBackwards" => return Ok(go_backwards()),
            "test.FloodsOutput" => {
                for number in 0..20_000 {
                    println!("printed {number}");
                    eprint!("never ends");
                }
            }
            "test.HugeResult" => return Ok(polled(&[text(&"x".repeat(17 * 1024 * 1024))])),
            "test.AliasedStrings" => {
                let mut result = polled(&[text("a")]);
                result.source_partitions = misdeeds::aliased_strings(2_000, 1024 * 1024);
                return Ok(result);
            }
            "test.LongError" => {
                return Err(error(ErrorKind::Data, "long\n".repeat(100_000)));
            }
            "test.RandomBytes" => {
                let keys = std::collections::hash_map::RandomState::new();
                let number = std::hash::BuildHasher::hash_one(&keys, 1);
                return Err(error(ErrorKind::Data, format!("{number}")));
            }
            "test.TellsSecrets" => {
                if config_value(&config, "say") == "poll" {
                    return Err(error(ErrorKind::Fatal, tells::all(&config)));
                }
                return Ok(one_of_ten());
            }
            "test.LargeRecords" => return Ok(polled(&[text(&"x".repeat(1_000_000))])),
            "test.WritesCommits" | "test.AsksForTasks" => return Ok(one_of_ten()),
            "test.NewSourcePartitions" => return Ok(new_source_partitions(limits.records_max)),
            "test.PoisonsOne" => return Ok(poison_one()),
            "test.Trickles" => return Ok(trickle()),
            "test.UnknownPartitions" => return Ok(unknown_partitions()),
            "test.SleepsInSomePolls" => {
                write_lines(&config, ["poll".to_owned()]);
                let polled = one_of_ten();
                if config_value(&config, "sleeping") == (POLLS.get() - 1).to_string() {
                    std::thread::sleep(std::time::Duration::from_secs(1));
                }
                return Ok(polled);
            }
            "test.ComputesInPoll" => return Ok(compute(&config, limits.records_max)),
            "test.BadBatch" => return Ok(bad(&config_value(&config, "what"))),
            _ => {}
        }
        let values: Vec<_> = (0..limits.records_max.min(3))
            .map(|number| text(&number.to_string()))
            .collect();
        Ok(polled(&values))
    }

    fn commit(partitions: Vec<Vec<u8>>, offsets: Vec<Vec<u8>>) -> Result<(), Error> {
        let (class, config) = TASK.with_borrow(Clone::clone);
        misdeeds::trap_in(&class, "Commit");
        if class == "test.SleepsInCommit" {
            misdeeds::sleep_for_ever();
        }
        if class == "test.AsksForTasks" {
            task_reconfiguration::request();
        }
        if class == "test.LoopsInCommit" {
            misdeeds::loop_for_ever();
        }
        if class == "test.SleepsInSomePolls" {
            write_lines(&config, ["commit".to_owned()]);
        }
        if class == "test.WritesCommits" || class == "test.UnknownPartitions" {
            let number = |offset: &Vec<u8>| offset.last().map(|last| char::from(*last).to_string());
            write_lines(&config, offsets.iter().filter_map(number));
        }
        if partitions.len() == offsets.len() {
            Ok(())
        } else {
            Err(error(ErrorKind::Fatal, "not as many offsets as partitions"))
        }
    }

    fn stop() {
        let (class, config) = TASK.with_borrow(Clone::clone);
        misdeeds::trap_in(&class, "Stop");
        if class == "test.LoopsInStop" {
            misdeeds::loop_for_ever();
        }
        if class == "test.SleepsInSomePolls" {
            write_lines(&config, ["stop".to_owned()]);
        }
    }
}

/// A record with the position 0, then one with 1, up to 9; then nothing.
fn one_of_ten() -> Polled {
    let poll = POLLS.replace(POLLS.get() + 1);
    if poll >= 10 {
        return polled(&[]);
    }
    let number = poll.to_string();
    Polled {
        source_offsets: column(&[map("position", &number)]),
        ..polled(&[text(&number)])
    }
}

/// Ten records whose offsets count down from 9 to 0; the last has the largest number there is.
fn go_backwards() -> Polled {
    let mut polled = one_of_ten();
    if polled.batch.count == 1 {
        let left = 10 - POLLS.get();
        let position = match left {
            0 => i64::MAX.to_string(),
            left => left.to_string(),
        };
        polled.source_offsets = column(&[map("position", &position)]);
    }
    polled
}

/// Computes for `busy` milliseconds and hands over as many `records` as are asked for, at most; asks to be polled again
/// in a millisecond.
fn compute(config: &Config, records_max: u32) -> Polled {
    let number = |key| config_value(config, key).parse().unwrap_or(0);
    misdeeds::compute(std::time::Duration::from_millis(number("busy")));
    let records = (0..number("records").min(records_max.into()))
        .map(|record| text(&record.to_string()))
        .collect::<Vec<_>>();
    Polled {
        wait_ms: 1,
        ..polled(&records)
    }
}

/// The records 0 to 499, of which 123 is `poison`; then nothing.
fn poison_one() -> Polled {
    let number = |number: u32| match number {
        123 => text("poison"),
        number => text(&number.to_string()),
    };
    match POLLS.replace(POLLS.get() + 1) {
        0 => polled(&(0..500).map(number).collect::<Vec<_>>()),
        _ => polled(&[]),
    }
}

/// A record, then nothing, then a record, and so on.
fn trickle() -> Polled {
    let poll = POLLS.replace(POLLS.get() + 1);
    let values: &[Vec<u8>] = if poll.is_multiple_of(2) {
        &[text("a")]
    } else {
        &[]
    };
    Polled {
        wait_ms: 0,
        ..polled(values)
    }
}

/// Records of one source partition each, which were never seen before.
fn new_source_partitions(count: u32) -> Polled {
    let poll = POLLS.replace(POLLS.get() + 1);
    let values: Vec<_> = (0..count).map(|_| text("a")).collect();
    let partition = |number| map("file", &format!("{poll}-{number}"));
    Polled {
        source_partitions: (0..count).map(partition).collect(),
        source_partition_indexes: (0..count).collect(),
        ..polled(&values)
    }
}

/// As `one_of_ten`, with a second record for a partition that is not there.
fn unknown_partitions() -> Polled {
    let mut polled = one_of_ten();
    if polled.batch.count == 1 {
        let batch = &mut polled.batch;
        batch.count = 2;
        batch.partitions = vec![0, 9];
        batch.values = column(&[text("good"), text("bad")]);
        let offset = polled.source_offsets.bytes.clone();
        polled.source_offsets = column(&[offset.clone(), offset]);
    }
    polled
}

/// A poll's answer that is wrong in one way.
fn bad(what: &str) -> Polled {
    let mut wrong = polled(&[text("a"), text("b")]);
    let batch = &mut wrong.batch;
    match what {
        "count" => batch.count = 3,
        "count-huge" => batch.count = u32::MAX,
        "topic-index" => batch.topic_indexes = vec![0, 9],
        "topic-name" => batch.topics = vec!["x".repeat(1_025)],
        "partition" => batch.partitions = vec![-7, 0],
        "timestamp" => batch.timestamps = vec![i64::MIN, 0],
        "lengths" => batch.values.lengths = vec![i32::MAX, 1],
        "negative-length" => batch.values.lengths = vec![-5, 1],
        "value" => batch.values = column(&[vec![8, 255, 255, 255, 255], text("b")]),
        "utf8" => batch.values = column(&[vec![8, 1, 0, 0, 0, 0xff], text("b")]),
        "deep" => {
            let mut value = text("bottom");
            for _ in 0..100 {
                let mut outer = vec![10];
                outer.extend((value.len() as u32 + 4).to_le_bytes());
                outer.extend(1_u32.to_le_bytes());
                outer.extend(value);
                value = outer;
            }
            batch.values = column(&[value, text("b")]);
        }
        "large" => batch.values = column(&[text(&"x".repeat(2 * 1024 * 1024)), text("b")]),
        "schema" => batch.schemas = vec![vec![77]],
        "schema-index" => batch.value_schemas = vec![0, 0],
        "headers" => {
            batch.headers.counts = vec![300, 0];
            let names = vec![b"h".to_vec(); 300];
            batch.headers.keys = column(&names);
            batch.headers.values = column(&vec![text("v"); 300]);
        }
        "header-name" => {
            batch.headers.counts = vec![1, 0];
            batch.headers.keys = column(&[vec![0xff]]);
            batch.headers.values = column(&[text("v")]);
        }
        "no-partition" => wrong.source_partitions = vec![],
        "partition-not-a-map" => wrong.source_partitions = vec![text("a")],
        "partition-index" => wrong.source_partition_indexes = vec![0, 1],
        "partition-large" => wrong.source_partitions = vec![map("file", &"x".repeat(65_536))],
        "offset-large" => {
            wrong.source_offsets = column(&[map("a", "b"), map("a", &"x".repeat(65_536))]);
        }
        "offset-not-a-map" => wrong.source_offsets = column(&[text("a"), text("b")]),
        "offset-count" => wrong.source_offsets = column(&[map("a", "b")]),
        "more-than-asked" => return polled(&vec![text("a"); 600]),
        _ => unreachable!("no such wrong"),
    }
    wrong
}
