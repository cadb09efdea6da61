//! Random Avro schemas and values, which fastavro writes: read as Connect's, written again, and read by fastavro.
//! `make test-registry` runs it.

#![allow(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    missing_docs
)]

mod hex;

use std::collections::BTreeMap;
use std::io::Write;
use std::process::{Command, Stdio};

use hex::{hex, unhex};
use serde_json::{Value as Json, json};
use tidegate_convert::OfflineAvro;

const SCHEMAS: &str = "2000";

/// The configurations, in each of which values come back.
const SETTINGS: &[&[(&str, &str)]] = &[
    &[("enhanced.avro.schema.support", "true")],
    &[("generalized.sum.type.support", "true")],
    &[
        ("enhanced.avro.schema.support", "true"),
        ("scrub.invalid.names", "true"),
    ],
    &[
        ("enhanced.avro.schema.support", "true"),
        ("allow.optional.map.keys", "true"),
    ],
    &[
        ("enhanced.avro.schema.support", "true"),
        ("connect.meta.data", "false"),
    ],
    &[
        ("generalized.sum.type.support", "true"),
        ("scrub.invalid.names", "true"),
        ("allow.optional.map.keys", "true"),
        ("connect.meta.data", "false"),
        ("discard.type.doc.default", "true"),
    ],
];

/// What the script answers, line by line.
fn ask(python: &str, arguments: &[&str], input: String) -> Vec<Json> {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../tests/registry/random_avro.py"
    );
    let mut child = Command::new(python)
        .arg(script)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let written = std::thread::spawn(move || stdin.write_all(input.as_bytes()).unwrap());
    let output = child.wait_with_output().unwrap();
    written.join().unwrap();
    assert!(output.status.success());
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn random_values_are_the_same_after_they_were_read_and_written() {
    let Ok(python) = std::env::var("TIDEGATE_TEST_PYTHON") else {
        println!("Left out: TIDEGATE_TEST_PYTHON names no Python; `make test-registry` does.");
        return;
    };
    let seed = std::env::var("TIDEGATE_TEST_SEED").unwrap_or("1".to_owned());
    let cases = ask(&python, &["make", &seed, SCHEMAS], String::new());
    let mut failed = Vec::new();
    for settings in SETTINGS {
        let mut config: BTreeMap<String, String> = settings
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect();
        let scrubs = config.contains_key("scrub.invalid.names");
        config.insert(
            "schema.registry.url".to_owned(),
            "http://nowhere".to_owned(),
        );
        // Null stays null where there is a default.
        config.insert("ignore.default.for.nullables".to_owned(), "true".to_owned());
        let mut avro = OfflineAvro::new(&config).unwrap();
        let mut input = String::new();
        for case in &cases {
            let schema = case["schema"].to_string();
            for message in case["messages"].as_array().unwrap() {
                let message = message.as_str().unwrap();
                let done = avro
                    .read(&schema, &unhex(message))
                    .and_then(|(connect, value)| {
                        let value = value.unwrap_or(vec![0]);
                        avro.write(connect.as_deref(), &value)
                    });
                match done {
                    Ok((written_schema, written)) => {
                        let written_schema: Json = serde_json::from_str(&written_schema).unwrap();
                        let case = json!({"schema": case["schema"], "message": message,
                            "written_schema": written_schema, "written": hex(&written)});
                        input.push_str(&format!("{case}\n"));
                    }
                    Err(error)
                        if !scrubs
                            && case.get("odd").is_some()
                            && error.to_string().contains("Illegal") => {}
                    Err(error) => failed.push(format!("{settings:?} {error}: {schema}")),
                }
            }
        }
        let different = ask(&python, &["compare"], input);
        failed.extend(different.iter().map(|case| format!("{settings:?} {case}")));
    }
    let shown: Vec<_> = failed.iter().take(10).map(String::as_str).collect();
    assert!(
        failed.is_empty(),
        "{} failed:\n{}",
        failed.len(),
        shown.join("\n")
    );
}
