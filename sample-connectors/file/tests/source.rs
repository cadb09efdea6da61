//! The file source, driven as the worker drives it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

use std::fs::{self, OpenOptions};
use std::io::Write;
use std::path::PathBuf;

use tempfile::TempDir;
use tidegate_file::FileStreamSource;
use tidegate_file::follower::LINE_BYTES_MAX;
use tidegate_file::source::FileStreamSourceTask;
use tidegate_sdk::model::Value;
use tidegate_sdk::testing::{SourceDriver, log_lines, pairs};
use tidegate_sdk::{Committed, ErrorKind, PluginSet};

type Task = SourceDriver<FileStreamSourceTask>;

struct Fixture {
    _folder: TempDir,
    path: PathBuf,
}

impl Fixture {
    fn new() -> Self {
        let folder = TempDir::new().unwrap();
        let path = folder.path().join("in.txt");
        Self {
            _folder: folder,
            path,
        }
    }

    fn with(content: impl AsRef<[u8]>) -> Self {
        let fixture = Self::new();
        fs::write(&fixture.path, content).unwrap();
        fixture
    }

    fn append(&self, content: impl AsRef<[u8]>) {
        let mut file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&self.path)
            .unwrap();
        file.write_all(content.as_ref()).unwrap();
    }

    fn name(&self) -> &str {
        self.path.to_str().unwrap()
    }

    fn partition(&self) -> Value {
        Value::Map(vec![("filename".into(), self.name().into())])
    }

    fn start(&self) -> Task {
        self.start_with(&[], vec![])
    }

    fn start_at(&self, position: i64) -> Task {
        self.start_after(&offset(position))
    }

    fn start_after(&self, offset: &Value) -> Task {
        let committed = Committed {
            partition: self.partition(),
            offset: offset.clone(),
        };
        self.start_with(&[], vec![committed])
    }

    /// Writes the file anew, as `>` of a shell does: the same file with other content.
    fn rewrite(&self, content: impl AsRef<[u8]>) {
        fs::write(&self.path, content).unwrap();
    }

    fn start_with(&self, more: &[(&str, &str)], committed: Vec<Committed>) -> Task {
        let mut config = vec![("file", self.name()), ("topic", "lines")];
        config.extend(more);
        Task::start::<FileStreamSource>(&config, committed).unwrap()
    }
}

fn offset(position: i64) -> Value {
    Value::Map(vec![("position".into(), position.into())])
}

/// The lines of a poll, each with the position after it.
fn lines(task: &mut Task) -> Vec<(String, i64)> {
    let line = |value: &Value| match value {
        Value::String(line) => line.clone(),
        other => panic!("{other:?}"),
    };
    let position = |value: &Value| match value {
        Value::Map(entries) => match entries.as_slice() {
            [(Value::String(key), Value::Int64(position)), ..] if key == "position" => *position,
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    };
    let found = task.poll(10_000).unwrap();
    found
        .iter()
        .map(|found| (line(&found.record.value), position(&found.source_offset)))
        .collect()
}

/// The texts of a poll, and the source offset that would be committed after it.
fn texts_and_last_offset(task: &mut Task) -> (Vec<String>, Value) {
    let found = task.poll(10_000).unwrap();
    let last = found.last().unwrap().source_offset.clone();
    let text = |value: &Value| match value {
        Value::String(text) => text.clone(),
        other => panic!("{other:?}"),
    };
    let texts = found.iter().map(|found| text(&found.record.value));
    (texts.collect(), last)
}

fn texts(task: &mut Task) -> Vec<String> {
    lines(task).into_iter().map(|(line, _)| line).collect()
}

fn warnings() -> usize {
    log_lines()
        .iter()
        .filter(|(level, _)| *level == tidegate_sdk::host::Level::Warn)
        .count()
}

#[test]
fn records_are_those_of_kafka_connect() {
    let fixture = Fixture::with("first\nsecond\n");
    let found = fixture.start().poll(10).unwrap();
    assert_eq!(found.len(), 2);
    let first = &found[0];
    assert_eq!(first.source_partition, fixture.partition());
    assert_eq!(first.source_offset, offset(6));
    assert_eq!(first.record.topic, "lines");
    assert_eq!(first.record.value, "first".into());
    let schema = first.record.value_schema.as_deref().unwrap();
    assert_eq!((schema.kind.name(), schema.optional), ("string", false));
    assert_eq!(
        (&first.record.key, &first.record.key_schema),
        (&Value::Null, &None)
    );
    assert_eq!(first.record.partition, None);
    assert!(
        first
            .record
            .timestamp
            .is_some_and(|timestamp| timestamp > 1_600_000_000_000)
    );
}

#[test]
fn a_partial_last_line_waits_for_its_end() {
    let fixture = Fixture::with("a\nbe");
    let mut task = fixture.start();
    assert_eq!(lines(&mut task), [("a".to_owned(), 2)]);
    assert_eq!(lines(&mut task), []);
    fixture.append("e\nc");
    assert_eq!(lines(&mut task), [("bee".to_owned(), 6)]);
    fixture.append("\n");
    assert_eq!(lines(&mut task), [("c".to_owned(), 8)]);
}

#[test]
fn lines_end_as_in_kafka_connect() {
    let fixture = Fixture::with("a\r\nb\rc\n\n\r\nd\r");
    let mut task = fixture.start();
    let found = lines(&mut task);
    let wanted = [("a", 3), ("b", 5), ("c", 7), ("", 8), ("", 10)];
    assert_eq!(
        found,
        wanted.map(|(line, position)| (line.to_owned(), position))
    );
    // Whether the last \r is a line end of its own is certain with the next byte only.
    fixture.append("\ne\n");
    assert_eq!(
        lines(&mut task),
        [("d".to_owned(), 13), ("e".to_owned(), 15)]
    );
}

#[test]
fn a_task_goes_on_where_the_offset_says() {
    let fixture = Fixture::with("one\ntwo\nthree\n");
    assert_eq!(texts(&mut fixture.start_at(4)), ["two", "three"]);
    assert_eq!(texts(&mut fixture.start_at(14)), Vec::<String>::new());
}

#[test]
fn a_position_behind_the_end_starts_over_with_a_warning() {
    let fixture = Fixture::with("short\n");
    assert_eq!(warnings(), 0);
    assert_eq!(texts(&mut fixture.start_at(100)), ["short"]);
    assert_eq!(warnings(), 1);
}

#[test]
fn a_truncated_file_starts_over_with_a_warning() {
    let fixture = Fixture::with("a long first line\nand a second one\npart");
    let mut task = fixture.start();
    assert_eq!(texts(&mut task).len(), 2);
    fs::write(&fixture.path, "new\n").unwrap();
    assert_eq!(lines(&mut task), [("new".to_owned(), 4)]);
    assert_eq!(warnings(), 1);
}

#[test]
fn the_last_offset_of_a_poll_has_a_fingerprint_of_what_stands_before_it() {
    let fixture = Fixture::with("first\nsecond\n");
    let mut task = fixture.start();
    let offsets: Vec<Value> = task
        .poll(10)
        .unwrap()
        .into_iter()
        .map(|found| found.source_offset)
        .collect();
    let last = Value::Map(vec![
        ("position".into(), 13_i64.into()),
        // FNV-1a of "first\nsecond\n".
        ("tidegate.fingerprint".into(), "76a6ff4a080b3649".into()),
    ]);
    assert_eq!(offsets, [offset(6), last]);
}

#[test]
fn a_file_rewritten_while_it_is_followed_is_read_from_its_start() {
    let old = "old-line-1\nold-line-2\nold-line-3\n";
    let longer: String = (1..=6)
        .map(|number| format!("completely-different-{number}\n"))
        .collect();
    let same_size = old.replace("old", "new");
    let partial = "completely-different-1\ncompletely-diff";
    for new in [longer.as_str(), &same_size, "x\n", partial] {
        let fixture = Fixture::with(old);
        let mut task = fixture.start();
        assert_eq!(texts(&mut task).len(), 3);
        assert_eq!(texts(&mut task), Vec::<String>::new());
        fixture.rewrite(new);
        let whole = new.rsplit_once('\n').unwrap().0;
        assert_eq!(texts(&mut task), whole.lines().collect::<Vec<_>>());
        assert_eq!(warnings(), 1, "{new}");
        fixture.append("\nappended\n");
        assert_eq!(texts(&mut task).last().unwrap(), "appended");
        assert_eq!(warnings(), 0, "{new}");
    }
}

#[test]
fn a_file_that_rested_for_long_is_looked_at_again_when_it_changes() {
    let fixture = Fixture::with("one\ntwo\n");
    let long_ago = std::time::SystemTime::now() - std::time::Duration::from_secs(3600);
    let file = OpenOptions::new().write(true).open(&fixture.path).unwrap();
    file.set_modified(long_ago).unwrap();
    let mut task = fixture.start();
    assert_eq!(texts(&mut task), ["one", "two"]);
    assert_eq!(texts(&mut task), Vec::<String>::new());
    fixture.append("three\n");
    assert_eq!(texts(&mut task), ["three"]);
    file.set_modified(long_ago).unwrap();
    assert_eq!(texts(&mut task), Vec::<String>::new());
    fixture.rewrite("1\n22222\n333333\n4\n");
    assert_eq!(texts(&mut task), ["1", "22222", "333333", "4"]);
    assert_eq!(warnings(), 1);
}

#[test]
fn a_partial_line_of_a_file_that_was_replaced_is_dropped() {
    for line_end in ["\n", "\r\n"] {
        let fixture = Fixture::with(format!("a{line_end}par"));
        let mut task = fixture.start();
        assert_eq!(texts(&mut task), ["a"]);
        // As long as what was read, and the position still behind the same line.
        fixture.rewrite(format!("a{line_end}new{line_end}"));
        assert_eq!(texts(&mut task), ["a", "new"]);
        assert_eq!(warnings(), 1);
    }
}

#[test]
fn a_carriage_return_that_waits_is_part_of_what_was_read() {
    let fixture = Fixture::with("a\r\nb\r");
    let mut task = fixture.start();
    assert_eq!(texts(&mut task), ["a"]);
    fixture.append("\nc\r\n");
    let (found, last) = texts_and_last_offset(&mut task);
    assert_eq!(found, ["b", "c"]);
    let mut task = fixture.start_after(&last);
    fixture.append("d\r\n");
    assert_eq!(texts(&mut task), ["d"]);
    assert_eq!(warnings(), 0);
}

#[test]
fn a_file_replaced_while_the_worker_was_down_is_read_from_its_start() {
    let fixture = Fixture::with("old-line-1\nold-line-2\nold-line-3\n");
    let (_, last) = texts_and_last_offset(&mut fixture.start());
    let new: String = (1..=6).map(|number| format!("new-{number}\n")).collect();
    // Rotated: the name points to another file, which is longer.
    fs::rename(&fixture.path, fixture.path.with_extension("1")).unwrap();
    fixture.rewrite(&new);
    assert_eq!(texts(&mut fixture.start_after(&last)).len(), 6);
    assert_eq!(warnings(), 1);
    // Of the same size.
    fixture.rewrite("new-line-1\nnew-line-2\nnew-line-3\n");
    let mut task = fixture.start_after(&last);
    assert_eq!(texts(&mut task).len(), 3);
    assert_eq!(warnings(), 1);
}

#[test]
fn a_file_appended_to_while_the_worker_was_down_is_read_on() {
    for lines_before in [1, 1_000, 100_000] {
        let text: String = (0..lines_before).map(|n| format!("line {n}\n")).collect();
        let fixture = Fixture::with(&text);
        let mut task = fixture.start();
        let mut last = None;
        loop {
            let found = task.poll(10_000).unwrap();
            let Some(found) = found.last() else { break };
            last = Some(found.source_offset.clone());
        }
        fixture.append("appended\n");
        let mut task = fixture.start_after(&last.unwrap());
        assert_eq!(texts(&mut task), ["appended"]);
        assert_eq!(warnings(), 0);
    }
}

#[test]
fn an_offset_of_every_poll_is_recognised() {
    let text: String = (0..500).map(|number| format!("line {number}\n")).collect();
    let fixture = Fixture::with(&text);
    for size in ["1", "7", "100"] {
        let mut task = fixture.start_with(&[("batch.size", size)], vec![]);
        for _ in 0..20 {
            let (found, last) = texts_and_last_offset(&mut task);
            let next = found.last().unwrap()[5..].parse::<usize>().unwrap() + 1;
            if next < 500 {
                assert_eq!(
                    texts(&mut fixture.start_after(&last)).first().unwrap(),
                    &format!("line {next}")
                );
            } else {
                break;
            }
        }
        assert_eq!(warnings(), 0);
    }
}

#[test]
fn an_offset_without_a_fingerprint_is_taken_as_it_is() {
    let fixture = Fixture::with("one\ntwo\n");
    assert_eq!(texts(&mut fixture.start_at(2)), ["e", "two"]);
    assert_eq!(warnings(), 0);
}

#[test]
fn a_file_truncated_and_grown_past_the_position_while_it_is_read_is_noticed() {
    let old: String = (0..60_000)
        .map(|number| format!("old {number:06}\n"))
        .collect();
    let fixture = Fixture::with(&old);
    let mut task = fixture.start_with(&[("batch.size", "1000")], vec![]);
    assert_eq!(texts(&mut task).len(), 1_000);
    let new = old.replace("old ", "new and longer ");
    fixture.rewrite(&new);
    let mut found = Vec::new();
    loop {
        let more = texts(&mut task);
        if more.is_empty() {
            break;
        }
        found.extend(more);
    }
    // What was read already is given, then all of the new content.
    let new_from = found
        .iter()
        .position(|line| line.starts_with("new"))
        .unwrap();
    assert_eq!(
        found[new_from..],
        new.lines().map(str::to_owned).collect::<Vec<_>>()
    );
    assert!(
        found[..new_from]
            .iter()
            .all(|line| line.len() == 10 && line.starts_with("old "))
    );
    assert_eq!(warnings(), 1);
}

#[test]
fn a_rotated_file_is_read_to_its_end_before_the_new_one() {
    let fixture = Fixture::with("a\n");
    let mut task = fixture.start();
    assert_eq!(texts(&mut task), ["a"]);
    let old = fixture.path.with_extension("1");
    fs::rename(&fixture.path, &old).unwrap();
    assert_eq!(texts(&mut task), Vec::<String>::new());
    fs::write(&fixture.path, "new first\nnew second\n").unwrap();
    // Still written to by its writer, which has not noticed yet.
    let mut writer = OpenOptions::new().append(true).open(&old).unwrap();
    writer.write_all(b"b\nlast").unwrap();
    assert_eq!(lines(&mut task), [("b".to_owned(), 4)]);
    let mut found = Vec::new();
    for _ in 0..3 {
        found.extend(lines(&mut task));
    }
    let wanted = [("last", 0), ("new first", 10), ("new second", 21)];
    assert_eq!(
        found,
        wanted.map(|(line, position)| (line.to_owned(), position))
    );
}

#[test]
fn a_missing_file_is_waited_for() {
    let fixture = Fixture::new();
    let mut task = fixture.start();
    assert_eq!(texts(&mut task), Vec::<String>::new());
    assert_eq!(texts(&mut task), Vec::<String>::new());
    assert_eq!(log_lines().len(), 1);
    fixture.append("here\n");
    assert_eq!(texts(&mut task), ["here"]);
}

#[test]
fn invalid_utf8_is_replaced_and_said_once() {
    let fixture = Fixture::with(b"gr\xfcn\nok \xe2\x82\xac\n\xff\n");
    let mut task = fixture.start();
    let found = lines(&mut task);
    let wanted = [("gr\u{fffd}n", 5), ("ok €", 12), ("\u{fffd}", 14)];
    assert_eq!(
        found,
        wanted.map(|(line, position)| (line.to_owned(), position))
    );
    fixture.append(b"\xff\n");
    assert_eq!(texts(&mut task), ["\u{fffd}"]);
    assert_eq!(warnings(), 1);
}

#[test]
fn gzip_is_refused_as_a_config_error() {
    let fixture = Fixture::with(b"\x1f\x8b\x08\0\0\0\0\0\n");
    let error = fixture.start().poll(10).unwrap_err();
    assert_eq!(
        (error.kind(), error.key()),
        (ErrorKind::Config, Some("file"))
    );
    assert_eq!(
        fixture.start_at(5).poll(10).unwrap_err().kind(),
        ErrorKind::Config
    );
}

#[test]
fn without_a_file_the_standard_input_is_refused() {
    let error = Task::start::<FileStreamSource>(&[("topic", "t")], vec![]).unwrap_err();
    assert_eq!(
        (error.kind(), error.key()),
        (ErrorKind::Config, Some("file"))
    );
}

#[test]
fn what_cannot_work_is_an_issue_with_its_key() {
    let plugins = tidegate_file::ComponentPlugins::plugins();
    let keys = |config: &[(&str, &str)]| -> Vec<String> {
        plugins
            .validate(tidegate_file::source::CLASS, pairs(config))
            .into_iter()
            .map(|issue| issue.key)
            .collect()
    };
    assert_eq!(keys(&[("topic", "t")]), ["file"]);
    assert_eq!(keys(&[("topic", "t"), ("file", " ")]), ["file"]);
    for size in ["0", "-1"] {
        let config = [("topic", "t"), ("file", "in"), ("batch.size", size)];
        assert_eq!(keys(&config), ["batch.size"]);
    }
    assert_eq!(keys(&[("topic", "t"), ("file", "in")]), [""; 0]);
}

#[test]
fn a_folder_and_what_may_not_be_read_are_refused_in_words() {
    let folder = TempDir::new().unwrap();
    let name = folder.path().to_str().unwrap();
    let mut task =
        Task::start::<FileStreamSource>(&[("file", name), ("topic", "t")], vec![]).unwrap();
    let error = task.poll(1).unwrap_err();
    assert_eq!(error.key(), Some("file"));
    assert!(error.message().contains("is a folder"), "{error}");
}

#[test]
fn a_poll_gives_no_more_than_it_is_asked_for() {
    let fixture = Fixture::with("1\n2\n3\n4\n5\n");
    let mut task = fixture.start_with(&[("batch.size", "2")], vec![]);
    assert_eq!(texts(&mut task), ["1", "2"]);
    assert_eq!(task.poll(1).unwrap().len(), 1);
    assert_eq!(task.poll_columns(100, 1).unwrap().batch.count, 1);
    assert_eq!(texts(&mut task), ["5"]);
}

#[test]
fn a_line_of_the_largest_size_passes_and_a_longer_one_is_passed_over() {
    let longest = "x".repeat(LINE_BYTES_MAX);
    let fixture = Fixture::with(format!(
        "a\n{longest}\ny{longest}\nz{longest}{longest}\r\nb\n"
    ));
    let mut task = fixture.start();
    let mut found = Vec::new();
    let mut errors = Vec::new();
    for _ in 0..40 {
        match task.poll_columns(100, 8 * 1024 * 1024) {
            Ok(polled) => {
                found.extend(
                    polled
                        .batch
                        .iter_values()
                        .map(|value| value.unwrap().len() - 5),
                );
            }
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Data);
                errors.push(error.message().to_owned());
            }
        }
    }
    assert_eq!(found, [1, LINE_BYTES_MAX, 1]);
    let second = 2 + LINE_BYTES_MAX + 1;
    let third = second + 1 + LINE_BYTES_MAX + 1;
    assert_eq!(errors.len(), 2);
    for (error, position) in errors.iter().zip([second, third]) {
        let wanted = format!(
            "the line of {} that begins at position {position} has",
            fixture.name()
        );
        assert!(error.starts_with(&wanted), "{error}");
    }
    let end = fixture.path.metadata().unwrap().len();
    fixture.append("c\n");
    assert_eq!(lines(&mut task), [("c".to_owned(), end as i64 + 2)]);
}

#[test]
fn many_lines_keep_their_order_and_positions_over_blocks() {
    let mut content = String::new();
    for number in 0..50_000 {
        content.push_str(&format!("line number {number} ü\n"));
    }
    let fixture = Fixture::with(&content);
    let mut task = fixture.start_with(&[("batch.size", "3000")], vec![]);
    let mut next = 0;
    loop {
        let found = lines(&mut task);
        if found.is_empty() {
            break;
        }
        for (line, position) in found {
            assert_eq!(line, format!("line number {next} ü"));
            next += 1;
            assert!(content.as_bytes()[position as usize - 1] == b'\n');
        }
    }
    assert_eq!(next, 50_000);
}
