//! The suite on the embedded log, and what only that has to promise.

#![allow(clippy::unwrap_used, clippy::panic, clippy::indexing_slicing)] // Tests.

mod suite;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use suite::Fixture;
use tidegate_broker::{
    Acknowledge, Broker, BrokerError, EmbeddedBroker, EmbeddedSettings, Properties,
};
use tidegate_model::{Batch, ErrorClass, TopicName};

fn with_broker(case: fn(&Fixture<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    let broker = EmbeddedBroker::open(folder.path(), EmbeddedSettings::default()).unwrap();
    case(&Fixture::new(&broker));
}

suite::all_cases!();

const CHILD_FOLDER: &str = "TIDEGATE_TEST_CHILD_FOLDER";
const CHILD_BATCH: u32 = 7;

fn open(folder: &Path) -> Result<EmbeddedBroker, BrokerError> {
    EmbeddedBroker::open(folder, EmbeddedSettings::default())
}

fn topic(name: &str) -> TopicName {
    TopicName::parse(name).unwrap()
}

/// Runs one of these tests in a process of its own.
fn child(test: &str, folder: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD_FOLDER, folder)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn child_folder() -> Option<PathBuf> {
    std::env::var_os(CHILD_FOLDER).map(PathBuf::from)
}

/// The numbers in the topic, which are in order and without gaps.
fn numbers(broker: &EmbeddedBroker) -> u32 {
    let fixture = Fixture::new(broker);
    let rows = suite::read_all(&fixture, &topic("numbers"));
    for (number, (_, value)) in rows.iter().enumerate() {
        assert_eq!(value.as_deref(), Some(number.to_string().as_str()));
    }
    u32::try_from(rows.len()).unwrap()
}

fn write_numbers(broker: &EmbeddedBroker, from: u32, batches: u32) {
    for batch in 0..batches {
        let from = from + batch * CHILD_BATCH;
        let records = suite::numbered(&topic("numbers"), 0, from..from + CHILD_BATCH);
        Fixture::new(broker).write(&records).unwrap();
    }
}

#[test]
fn child_that_appends_until_it_is_killed() {
    let Some(folder) = child_folder() else { return };
    let broker = open(&folder).unwrap();
    let mut next = match broker.admin().describe(&topic("numbers")) {
        Ok(description) => u32::try_from(description.offsets[0].1).unwrap(),
        Err(_) => 0,
    };
    loop {
        write_numbers(&broker, next, 1);
        next += CHILD_BATCH;
        println!("\nacknowledged {next}");
    }
}

#[test]
fn a_kill_loses_nothing_that_was_acknowledged() {
    let folder = tempfile::tempdir().unwrap();
    for round in 0..5 {
        let mut process = child("child_that_appends_until_it_is_killed", folder.path());
        let lines = BufReader::new(process.stdout.take().unwrap()).lines();
        let mut acknowledged = 0;
        let mut told = 0;
        for line in lines {
            let Some(number) = line
                .unwrap()
                .strip_prefix("acknowledged ")
                .map(str::to_owned)
            else {
                continue;
            };
            acknowledged = number.parse().unwrap();
            told += 1;
            if told == 50 + round * 37 {
                process.kill().unwrap();
            }
        }
        process.wait().unwrap();
        let found = numbers(&open(folder.path()).unwrap());
        assert!(found >= acknowledged, "{found} of {acknowledged}");
        assert_eq!(found % CHILD_BATCH, 0, "a batch was torn");
    }
}

#[test]
fn child_that_wants_the_same_folder() {
    let Some(folder) = child_folder() else { return };
    let error = open(&folder).err().unwrap();
    println!("\nrefused: {error}");
}

#[test]
fn two_processes_cannot_use_one_folder() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    let output = child("child_that_wants_the_same_folder", folder.path()).wait_with_output();
    let output = String::from_utf8(output.unwrap().stdout).unwrap();
    let refused = output.lines().find(|line| line.starts_with("refused: "));
    let refused = refused.unwrap_or_else(|| panic!("{output}"));
    assert!(
        refused.contains(folder.path().to_str().unwrap()),
        "{refused}"
    );
    assert!(refused.contains("in use by another process"), "{refused}");
    let again = open(folder.path()).err().unwrap();
    assert!(matches!(again, BrokerError::Locked(_)), "{again}");
    drop(broker);
    open(folder.path()).unwrap();
}

#[test]
fn all_is_there_after_it_was_closed_and_opened() {
    let folder = tempfile::tempdir().unwrap();
    let id = {
        let broker = open(folder.path()).unwrap();
        write_numbers(&broker, 0, 3);
        let mut consumer = Fixture::new(&broker).consumer(&[&topic("numbers")]);
        suite::fetch_until(consumer.as_mut(), &mut suite::Seen::default(), |seen| {
            seen.values.len() == 21
        });
        broker.admin().cluster_id().unwrap()
    };
    let broker = open(folder.path()).unwrap();
    assert_eq!(broker.admin().cluster_id().unwrap(), id);
    write_numbers(&broker, 21, 1);
    assert_eq!(numbers(&broker), 28);
}

/// The store's files of a folder, as they are: the database and its write-ahead log.
struct Files {
    database: Vec<u8>,
    wal: Vec<u8>,
}

impl Files {
    fn of(folder: &Path) -> Self {
        Self {
            database: std::fs::read(folder.join(DATABASE)).unwrap_or_default(),
            wal: std::fs::read(folder.join(WAL)).unwrap_or_default(),
        }
    }

    /// Writes them into a folder of their own; empty ones are left out.
    fn put(&self) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        for (name, bytes) in [(DATABASE, &self.database), (WAL, &self.wal)] {
            if !bytes.is_empty() {
                std::fs::write(folder.path().join(name), bytes).unwrap();
            }
        }
        folder
    }
}

const DATABASE: &str = "log.sqlite";
const WAL: &str = "log.sqlite-wal";

fn has_torn_tail(folder: &Path) -> bool {
    let mut names = std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().file_name());
    names.any(|name| name.to_str().unwrap().starts_with("torn-tail-"))
}

#[test]
fn a_torn_tail_is_cut_and_the_rest_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    write_numbers(&broker, 0, 10);
    let before = Files::of(folder.path()).wal.len();
    write_numbers(&broker, 70, 1);
    let kept = Files::of(folder.path());
    let after = kept.wal.len();
    assert!(before < after);
    type Damage = fn(&mut Vec<u8>, usize, usize);
    let damages: [(&str, Damage); 4] = [
        ("cut", |bytes, at, _| bytes.truncate(at)),
        ("zeros to the end", |bytes, at, end| bytes[at..end].fill(0)),
        ("a sector that was not written", |bytes, at, end| {
            let end = end.min(at + 512);
            bytes[at..end].fill(0xee);
        }),
        ("another value", |bytes, at, _| bytes[at] ^= 0xff),
    ];
    for (what, damage) in damages {
        for at in (before..after).step_by(397) {
            let mut files = Files {
                database: kept.database.clone(),
                wal: kept.wal.clone(),
            };
            damage(&mut files.wal, at, after);
            let damaged = files.put();
            let broker = open(damaged.path()).unwrap_or_else(|error| {
                panic!("{what} at {} of {}: {error}", at - before, after - before)
            });
            assert_eq!(numbers(&broker), 70, "{what} at {}", at - before);
            write_numbers(&broker, 70, 1);
            assert_eq!(numbers(&broker), 77, "{what} at {at}");
            // The end of the write is there, and says so.
            let is_kept = what == "another value" && at < after - 4200;
            assert!(!is_kept || has_torn_tail(damaged.path()), "{what} at {at}");
        }
    }
    drop(broker);
    assert!(!has_torn_tail(folder.path()));
}

#[test]
fn a_damaged_file_is_refused_and_left_as_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    write_numbers(&broker, 0, 10);
    let open_files = Files::of(folder.path());
    drop(broker);
    let closed = Files::of(folder.path());
    assert!(closed.wal.is_empty());
    let half = closed.database.len() / 2;
    let cases: [(&str, Files, &str); 4] = [
        (
            "an overwritten head",
            Files {
                database: [vec![7; 100], open_files.database[100..].to_vec()].concat(),
                wal: open_files.wal.clone(),
            },
            DATABASE,
        ),
        (
            "half of it",
            Files {
                database: closed.database[..half].to_vec(),
                wal: Vec::new(),
            },
            DATABASE,
        ),
        (
            "only the write-ahead log",
            Files {
                database: Vec::new(),
                wal: open_files.wal.clone(),
            },
            DATABASE,
        ),
        (
            "another salt in the write-ahead log",
            Files {
                database: open_files.database.clone(),
                wal: [&open_files.wal[..17], &[99], &open_files.wal[18..]].concat(),
            },
            WAL,
        ),
    ];
    for (what, files, name) in cases {
        let folder = files.put();
        let error = open(folder.path()).err();
        let error = error.unwrap_or_else(|| panic!("{what} was opened"));
        assert!(
            matches!(error, BrokerError::Damaged { .. }),
            "{what}: {error}"
        );
        let path = folder.path().join(name).display().to_string();
        let text = error.to_string();
        assert!(
            text.contains(&format!("{path} of the embedded log")),
            "{what}: {text}"
        );
        assert!(
            text.contains("restore its folder from a copy"),
            "{what}: {text}"
        );
        let found = Files::of(folder.path());
        assert_eq!(found.database, files.database, "{what}");
        assert_eq!(found.wal, files.wal, "{what}");
    }
    let empty = tempfile::tempdir().unwrap();
    std::fs::write(empty.path().join(DATABASE), "").unwrap();
    let error = open(empty.path()).err().unwrap();
    assert!(matches!(error, BrokerError::Damaged { .. }), "{error}");
    let strange = closed.put();
    let path = strange.path().join(DATABASE);
    let database = rusqlite::Connection::open(&path).unwrap();
    database
        .execute("UPDATE topic SET config = '{'", [])
        .unwrap();
    database.close().unwrap();
    let text = open(strange.path()).err().unwrap().to_string();
    assert!(text.contains(&path.display().to_string()), "{text}");
}

#[test]
fn records_that_were_changed_on_the_disk_are_not_read() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    let fixture = Fixture::new(&broker);
    let topic = fixture.topic(1, &[]);
    let rows = [(None, Some("a value that is found again"))];
    fixture.write(&suite::batch(&topic, rows)).unwrap();
    drop(broker);
    let mut files = Files::of(folder.path());
    let mut places = files.database.windows(8).enumerate();
    let at = places.find(|(_, bytes)| bytes == b"is found").unwrap().0;
    files.database[at] = b'I';
    let damaged = files.put();
    let broker = open(damaged.path()).unwrap();
    let mut reader = broker.reader(&topic).unwrap();
    let error = reader.read(10, Duration::ZERO).unwrap_err();
    assert!(matches!(error, BrokerError::Damaged { .. }), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("log.sqlite") && text.contains(topic.as_str()),
        "{text}"
    );
    // A task shows this to clients of REST.
    assert!(!text.contains(damaged.path().to_str().unwrap()), "{text}");
}

#[test]
fn a_folder_that_is_not_of_this_format_is_refused() {
    let first = tempfile::tempdir().unwrap();
    std::fs::write(first.path().join("0.jnl"), [1; 100]).unwrap();
    std::fs::create_dir(first.path().join("keyspaces")).unwrap();
    let later = tempfile::tempdir().unwrap();
    drop(open(later.path()).unwrap());
    let database = rusqlite::Connection::open(later.path().join(DATABASE)).unwrap();
    database.pragma_update(None, "user_version", 1000).unwrap();
    database.close().unwrap();
    for (folder, found) in [(first, 1), (later, 1000)] {
        let error = open(folder.path()).err().unwrap();
        let text = error.to_string();
        assert!(text.contains(folder.path().to_str().unwrap()), "{text}");
        assert!(text.contains("or another folder"), "{text}");
        assert!(
            matches!(error, BrokerError::Format { found: f, .. } if f == found),
            "{text}"
        );
    }
    let other = tempfile::tempdir().unwrap();
    let database = rusqlite::Connection::open(other.path().join(DATABASE)).unwrap();
    database.execute_batch("CREATE TABLE mine (x)").unwrap();
    database.close().unwrap();
    let text = open(other.path()).err().unwrap().to_string();
    assert!(text.contains("of another program"), "{text}");
}

/// Values of a kilobyte, 1,000 of them.
fn megabyte(topic: &TopicName, keys: std::ops::Range<u32>) -> Batch {
    let value = "x".repeat(1000);
    let keys: Vec<String> = keys.map(|key| key.to_string()).collect();
    let rows = keys
        .iter()
        .map(|key| (Some(key.as_str()), Some(value.as_str())));
    suite::batch(topic, rows)
}

fn bytes_of(path: PathBuf) -> u64 {
    std::fs::metadata(path).unwrap().len()
}

const MIB: u64 = 1024 * 1024;

#[test]
fn those_who_read_do_not_keep_the_write_ahead_log_growing() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    let fixture = Fixture::new(&broker);
    let topic = fixture.topic(1, &[]);
    fixture.write(&megabyte(&topic, 0..1000)).unwrap();
    let (done, start) = (AtomicBool::new(false), Instant::now());
    std::thread::scope(|scope| {
        for _ in 0..6 {
            scope.spawn(|| {
                let mut reader = broker.reader(&topic).unwrap();
                while !done.load(Ordering::Relaxed) && start.elapsed() < suite::DEADLINE {
                    if reader.read(100, Duration::ZERO).unwrap().is_empty() {
                        reader = broker.reader(&topic).unwrap();
                    }
                }
            });
        }
        let mut most = 0;
        for _ in 0..100 {
            fixture.write(&megabyte(&topic, 0..1000)).unwrap();
            most = most.max(bytes_of(folder.path().join(WAL)));
        }
        done.store(true, Ordering::Relaxed);
        assert!((8 * MIB..19 * MIB).contains(&most), "{most}");
    });
}

#[test]
fn removed_records_give_their_space_to_new_ones_and_much_of_it_back() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    let fixture = Fixture::new(&broker);
    let kept = fixture.topic(1, &[("retention.bytes", "4000000")]);
    for _ in 0..10 {
        for _ in 0..8 {
            fixture.write(&megabyte(&kept, 0..1000)).unwrap();
        }
        broker.maintain().unwrap();
    }
    let size = || bytes_of(folder.path().join(DATABASE));
    assert!(size() < 24 * MIB, "{}", size());
    let large = fixture.name("large");
    fixture.create(&large, 1, &[]).unwrap();
    for _ in 0..120 {
        fixture.write(&megabyte(&large, 0..1000)).unwrap();
    }
    broker.admin().delete_topic(&large).unwrap();
    broker.maintain().unwrap();
    assert_eq!(suite::read_all(&fixture, &kept).len() % 1000, 0);
    drop(broker);
    assert!(size() < 80 * MIB, "{}", size());
}

#[test]
fn a_large_topic_is_compacted_in_portions() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    let fixture = Fixture::new(&broker);
    let topic = fixture.topic(1, &[("cleanup.policy", "compact")]);
    for round in 0..40 {
        // Half of the keys come again in each round.
        let first = round * 500;
        fixture
            .write(&megabyte(&topic, first..first + 1000))
            .unwrap();
    }
    broker.maintain().unwrap();
    let rows = suite::read_all(&fixture, &topic);
    let keys: Vec<u32> = rows
        .iter()
        .map(|(key, _)| key.as_ref().unwrap().parse().unwrap())
        .collect();
    assert_eq!(keys, (0..20_500).collect::<Vec<_>>());
    fixture.write(&megabyte(&topic, 0..1000)).unwrap();
    broker.maintain().unwrap();
    assert_eq!(suite::read_all(&fixture, &topic).len(), 20_500);
}

#[test]
fn compaction_keeps_the_last_value_of_each_key() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    let fixture = Fixture::new(&broker);
    let topic = fixture.topic(
        1,
        &[("cleanup.policy", "compact"), ("delete.retention.ms", "0")],
    );
    for round in 0..100 {
        let value = round.to_string();
        let rows = [(Some("a"), Some(value.as_str())), (Some("b"), Some("gone"))];
        fixture.write(&suite::batch(&topic, rows)).unwrap();
    }
    let mut tombstone = suite::batch(&topic, [(Some("b"), None), (Some("c"), Some("c"))]);
    tombstone.timestamps = vec![1, 1];
    fixture.write(&tombstone).unwrap();
    let mut late = broker.reader(&topic).unwrap();
    assert_eq!(late.read(3, Duration::ZERO).unwrap().count, 3);
    broker.maintain().unwrap();
    let own = |text: &str| Some(text.to_owned());
    let wanted = [(own("a"), own("99")), (own("c"), own("c"))];
    assert_eq!(suite::read_all(&fixture, &topic), wanted);
    // Who was in the middle goes on, and offsets stay what they were.
    let mut rest = Vec::new();
    while late.positions()[0].1 < 202 {
        rest.extend(late.read(1000, Duration::ZERO).unwrap().offsets);
    }
    assert!(rest.ends_with(&[198, 201]) && rest.is_sorted(), "{rest:?}");
    fixture
        .write(&suite::batch(&topic, [(Some("a"), Some("new"))]))
        .unwrap();
    broker.maintain().unwrap();
    let wanted = [(own("c"), own("c")), (own("a"), own("new"))];
    assert_eq!(suite::read_all(&fixture, &topic), wanted);
    drop(late);
    drop(broker);
    let broker = open(folder.path()).unwrap();
    assert_eq!(suite::read_all(&Fixture::new(&broker), &topic), wanted);
}

#[test]
fn old_records_are_removed_by_size_and_by_age() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    let fixture = Fixture::new(&broker);
    let small = fixture.name("small");
    fixture
        .create(&small, 1, &[("retention.bytes", "10000")])
        .unwrap();
    let aged = fixture.name("aged");
    fixture
        .create(&aged, 1, &[("retention.ms", "60000")])
        .unwrap();
    for _ in 0..100 {
        fixture.write(&suite::numbered(&small, 0, 0..100)).unwrap();
    }
    let mut old = suite::numbered(&aged, 0, 0..10);
    old.timestamps = vec![1; 10];
    fixture.write(&old).unwrap();
    broker.maintain().unwrap();
    let admin = broker.admin();
    let (first, end) = admin.describe(&small).unwrap().offsets[0];
    assert_eq!(end, 10_000);
    assert!((9000..9990).contains(&first), "{first}");
    assert_eq!(
        i64::try_from(suite::read_all(&fixture, &small).len()).unwrap(),
        end - first
    );
    assert_eq!(admin.describe(&aged).unwrap().offsets, [(10, 10)]);
    fixture.write(&suite::numbered(&aged, 0, 0..1)).unwrap();
    assert_eq!(admin.describe(&aged).unwrap().offsets, [(10, 11)]);
    drop(admin);
    drop(broker);
    let broker = open(folder.path()).unwrap();
    assert_eq!(broker.admin().describe(&aged).unwrap().offsets, [(10, 11)]);
}

#[test]
fn only_the_refused_record_of_a_group_is_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let broker = open(folder.path()).unwrap();
    let fixture = Fixture::new(&broker);
    let topic = fixture.topic(1, &[("cleanup.policy", "compact")]);
    let rows = [
        (Some("a"), Some("1")),
        (None, Some("2")),
        (Some("b"), Some("3")),
    ];
    let acks = suite::Acks::new();
    let to: Arc<dyn Acknowledge> = acks.clone();
    let producer = broker.producer(&Properties::new()).unwrap();
    let submitted = producer.submit(&suite::batch(&topic, rows), &[0, 0, 1], 5, 2, &to);
    assert_eq!(submitted.unwrap_err().class(), ErrorClass::Data);
    let told = acks.wait(2);
    assert_eq!(told[0].0, 5);
    assert_eq!(told[0].1.as_ref().unwrap_err().rows.len(), 1);
    assert_eq!(told[1], (6, Ok(())));
    let own = |text: &str| Some(text.to_owned());
    let wanted = [(own("a"), own("1")), (own("b"), own("3"))];
    assert_eq!(suite::read_all(&fixture, &topic), wanted);
}
