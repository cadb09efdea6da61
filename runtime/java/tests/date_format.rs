//! Compares date patterns with what `java.text.SimpleDateFormat` makes of them (`date_format.tsv`).

#![allow(clippy::unwrap_used, reason = "a test says what it expects by failing")]

use tidegate_java::date_format::DateFormat;

/// 2026-11-30: eighty years after the start of the hundred years that the reference was made with.
const NOW: i64 = 1_795_996_800_000;

#[test]
fn patterns_print_and_read_as_in_java() {
    let mut failed = Vec::new();
    let mut run = 0;
    for line in include_str!("date_format.tsv").lines() {
        if line.starts_with('#') {
            continue;
        }
        run += 1;
        let parts: Vec<&str> = line.split('\t').collect();
        let [kind, pattern, given, wanted] = parts.as_slice() else {
            failed.push(format!("{line}: {} parts", parts.len()));
            continue;
        };
        let format = DateFormat::compile(pattern, NOW).unwrap();
        let found = if *kind == "F" {
            let mut out = Vec::new();
            format.print(given.parse().unwrap(), &mut out);
            String::from_utf8(out).unwrap()
        } else {
            let found = format.parse(given);
            found.map_or("-".to_owned(), |moment| moment.to_string())
        };
        if found != *wanted {
            failed.push(format!("{line}: found {found}"));
        }
    }
    assert!(
        failed.is_empty(),
        "{} of {run}:\n{}",
        failed.len(),
        failed.join("\n")
    );
    assert!(run > 1_300, "{run} lines");
}
