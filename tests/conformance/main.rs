//! Runs recorded cases of Kafka Connect through the real path: component, sandbox and converter.
//!
//! Every `smt-cases.jsonl`, `converter-cases.jsonl`, `avro-cases.jsonl` and `validate-cases.jsonl` below a folder is run: that of `TIDEGATE_CONFORMANCE`, which
//! `make conformance DIR=…` sets, or else `tests/conformance`. Each difference is printed, then `N passed, N failed`.
//!
//! | module | what |
//! | --- | --- |
//! | [`notation`] | how cases write records, schemas and values |
//! | [`transforms`] | cases of transforms and predicates |
//! | [`converters`] | cases of converters |
//! | [`avro`] | cases of schemas and values in Avro |
//! | [`validation`] | configurations that are validated |
//! | [`outcome`] | what came out of a case, and how that is compared and shown |

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test says what it expects by failing"
)]

mod avro;
mod converters;
mod notation;
mod outcome;
mod transforms;
mod validation;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::Value as Json;

use notation::MISFIT;
use outcome::Outcome;
use transforms::Transforms;
use validation::Known;

/// Cases that Tidegate answers differently on purpose, each with its reason. They are listed in
/// `docs/differences.md` too.
const DIFFERENT: &[(&str, &str)] = &[
    (
        "TimestampRouter-006",
        "the timestamp -1 means that there is none, as in Kafka's records; no connector can give a record that timestamp",
    ),
    (
        "validate-null_value",
        "null in a configuration is as if the key was not there; a file has to be given",
    ),
    (
        "validate-null_unknown",
        "null in a configuration is as if the key was not there",
    ),
    (
        "validate-retry_minus2",
        "a time that means nothing is refused",
    ),
    ("validate-json_bad", "a cache of a negative size is refused"),
    (
        "validate-string_enc",
        "an encoding that is not there is refused before a record comes",
    ),
    (
        "validate-plugin_version",
        "the plugins here have versions of their own",
    ),
    (
        "validate-plugin_version_range",
        "the plugins here have versions of their own",
    ),
    (
        "validate-t_version_ok",
        "the plugins here have versions of their own",
    ),
    (
        "validate-plugin_version_bad",
        "the worker's converters are recommended all the same",
    ),
    (
        "validate-t_regex_missing",
        "a key that is missing is one error",
    ),
    (
        "validate-t_cast_missing",
        "a key that is missing is one error",
    ),
    ("validate-t_drop", "a key that is missing is one error"),
    (
        "validate-t_valuetokey",
        "a key that is missing is one error",
    ),
    (
        "validate-t_insertheader",
        "a key that is missing is one error",
    ),
    ("validate-p_topic", "a key that is missing is one error"),
    (
        "validate-t_mask",
        "a transform names the first of its errors",
    ),
    (
        "validate-t_tc2",
        "a transform is configured, and says what it lacks before a record comes",
    ),
    (
        "validate-t_hf",
        "a transform is configured, and says what it lacks before a record comes",
    ),
    (
        "validate-t_router",
        "a transform is configured, and says what it lacks before a record comes",
    ),
    (
        "validate-t_many",
        "a transform is configured, and says what it lacks before a record comes",
    ),
    (
        "validate-t_insert_short",
        "transforms are found by their short names too",
    ),
    (
        "validate-t_prefix",
        "white space around a class does not hide its version",
    ),
    (
        "validate-t_empty_alias",
        "an alias that is empty is said to be one, and has no keys",
    ),
    (
        "validate-t_trailing",
        "an alias that is empty is said to be one, and has no keys",
    ),
    (
        "validate-t_predicate_undefined",
        "a predicate that is not defined is refused before a task starts",
    ),
    (
        "validate-s_badname",
        "a topic that no broker takes is refused",
    ),
    (
        "validate-s_dlq_rf0",
        "a replication factor that no broker takes is refused",
    ),
    (
        "validate-batch_0",
        "the file source refuses a batch of nothing",
    ),
    (
        "validate-file_empty",
        "the file source does not read standard input",
    ),
    ("validate-o_producer", "client settings are not listed"),
    ("validate-o_consumer_pw", "client settings are not listed"),
    (
        "validate-conv_plugin_version_bad",
        "each version is listed once",
    ),
    ("validate-t_cast_bad", "no Java exception is in the message"),
    ("validate-t_string", "there are no classes of Java's own"),
];

/// What Tidegate refuses on purpose with a message that has this text, whatever Kafka Connect makes of it. They are
/// in `docs/differences.md` too.
const REFUSED: &[(&str, &str)] = &[
    (
        "text follows the JSON value",
        "text after a JSON value is refused",
    ),
    (
        "StringConverter cannot write bytes as text",
        "bytes have no text, where Java prints an address",
    ),
    (
        "a Date has at most 32 bits of days",
        "a date is so many days, and Java's may be more",
    ),
    (
        "TimestampRouter requires a SimpleDateFormat-compatible pattern",
        "a pattern is looked at before a record comes",
    ),
];

/// How deep folders are searched.
const DEPTH_MAX: usize = 16;

fn main() -> ExitCode {
    // The harness's arguments: a filter that does not name these cases leaves them out.
    let filters: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with('-'))
        .collect();
    if std::env::args().any(|argument| argument == "--list") {
        println!("conformance: test");
        return ExitCode::SUCCESS;
    }
    if !filters.is_empty() && !filters.iter().any(|filter| "conformance".contains(filter)) {
        return ExitCode::SUCCESS;
    }
    let named = std::env::var_os("TIDEGATE_CONFORMANCE");
    let folder = named.map_or_else(|| root().join("tests/conformance"), PathBuf::from);
    let mut files = Vec::new();
    find(&folder, DEPTH_MAX, &mut files);
    files.sort();
    if files.is_empty() {
        println!(
            "{}: no smt-cases.jsonl, converter-cases.jsonl, avro-cases.jsonl or validate-cases.jsonl is there or in a folder below",
            folder.display()
        );
        return ExitCode::FAILURE;
    }
    let transforms = Transforms::load(&root().join("target/plugins"));
    let mut count = Count::default();
    for file in files {
        count.run(&file, &transforms);
    }
    println!("{} passed, {} failed", count.passed, count.failed);
    if count.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
    validated: Known,
}

impl Count {
    fn run(&mut self, file: &Path, transforms: &Transforms) {
        println!("{}", file.display());
        let text = std::fs::read_to_string(file).unwrap_or_else(|error| panic!("{error}"));
        for (number, line) in text.lines().enumerate() {
            if line.trim().is_empty() {
                continue;
            }
            let (name, outcome) = match serde_json::from_str::<Json>(line) {
                Ok(case) if case.get("validate").is_some() => {
                    (name(&case, number), self.validated.run(&case, transforms))
                }
                Ok(case) => {
                    let outcome = run(&case, transforms);
                    let name = name(&case, number);
                    if let Ok(outcome) = &outcome
                        && let Some(reason) = on_purpose(&case, outcome)
                    {
                        println!("  {name}: different on purpose: {reason}");
                        continue;
                    }
                    (name, outcome.map(|outcome| outcome.difference()))
                }
                Err(error) => (format!("line {}", number + 1), Err(error.to_string())),
            };
            self.take(&name, outcome);
        }
    }

    fn take(&mut self, name: &str, difference: Result<Option<String>, String>) {
        let said = match difference {
            Ok(difference) => difference,
            Err(problem) if problem.starts_with(MISFIT) => {
                println!("  {name}: different on purpose: {problem}");
                return;
            }
            Err(problem) => Some(format!("the case cannot be run: {problem}")),
        };
        let id = name.split(' ').next().unwrap_or_default();
        let reason = DIFFERENT.iter().find(|(known, _)| *known == id);
        match (said, reason) {
            (None, _) => self.passed += 1,
            (Some(_), Some((_, reason))) => {
                println!("  {name}: different on purpose: {reason}");
            }
            (Some(said), None) => {
                println!("  {name}: FAILED\n{said}");
                self.failed += 1;
            }
        }
    }
}

/// Why what was found differs on purpose.
fn on_purpose(case: &Json, outcome: &Outcome) -> Option<&'static str> {
    match case.get("avro") {
        Some(_) => outcome.difference().and_then(|_| avro::reason(outcome)),
        None => refused(outcome),
    }
}

/// Why a record is refused on purpose that Kafka Connect does not refuse.
fn refused(outcome: &Outcome) -> Option<&'static str> {
    outcome.difference()?;
    let message = outcome.found.message()?;
    let (_, reason) = REFUSED.iter().find(|(text, _)| message.contains(text))?;
    Some(reason)
}

fn run(case: &Json, transforms: &Transforms) -> Result<Outcome, String> {
    match (case.get("smt"), case.get("avro")) {
        (Some(_), _) => transforms.run(case),
        (None, Some(_)) => avro::run(case),
        (None, None) => converters::run(case),
    }
}

/// What a case is called: its id, what it is of, and its note.
fn name(case: &Json, number: usize) -> String {
    let text = |key: &str| case.get(key).and_then(Json::as_str);
    let id = text("id").map_or_else(|| format!("line {}", number + 1), str::to_owned);
    let avro = text("avro").map(|_| "AvroData");
    let of = text("smt")
        .or(text("converter"))
        .or(avro)
        .unwrap_or_default();
    let of = of.rsplit('.').next().unwrap_or_default();
    match text("note") {
        Some(note) => format!("{id} ({of}, {note})"),
        None => format!("{id} ({of})"),
    }
}

fn find(folder: &Path, depth_left: usize, files: &mut Vec<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return;
    };
    for entry in entries.flatten() {
        let path = entry.path();
        let is_cases = matches!(
            path.file_name().and_then(|name| name.to_str()),
            Some(
                "smt-cases.jsonl"
                    | "converter-cases.jsonl"
                    | "avro-cases.jsonl"
                    | "validate-cases.jsonl"
            )
        );
        if is_cases {
            files.push(path);
        } else if depth_left > 0 && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            find(&path, depth_left - 1, files);
        }
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}
