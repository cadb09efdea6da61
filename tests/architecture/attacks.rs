//! `docs/attacks.md` against the tests that it names.

use std::collections::BTreeSet;

use crate::project::{files, text};

/// The names of all tests.
fn tests() -> BTreeSet<String> {
    let mut tests = BTreeSet::new();
    for folder in ["runtime", "tests", "guest-sdk", "sample-connectors"] {
        for path in files(folder, ".rs") {
            let source = std::fs::read_to_string(path).unwrap();
            let mut is_test = false;
            for line in source.lines().map(str::trim) {
                if line == "#[test]" || line.starts_with("#[tokio::test") {
                    is_test = true;
                } else if let Some((_, rest)) = line.split_once("fn ")
                    && is_test
                {
                    tests.insert(rest.split('(').next().unwrap().to_owned());
                    is_test = false;
                }
            }
        }
    }
    tests
}

#[test]
fn every_attack_has_a_test_that_is_there() {
    let (page, tests) = (text("docs/attacks.md"), tests());
    assert!(tests.len() > 500, "the tests could not be read");
    let mut checked = 0;
    for line in page.lines().filter(|line| line.starts_with("| ")) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [_, outcome, named] = cells.as_slice() else {
            panic!("{line} has {} cells", cells.len());
        };
        if *outcome == "outcome" || outcome.starts_with("---") {
            continue;
        }
        let names: Vec<_> = named.split('`').skip(1).step_by(2).collect();
        assert!(!names.is_empty(), "no test is named: {line}");
        for name in names {
            assert!(
                tests.contains(name),
                "docs/attacks.md names the test {name}, which is not there"
            );
        }
        checked += 1;
    }
    assert!(checked > 50, "the page could not be read");
    // And each test of whole workers under attack is on the page.
    for path in files("tests/attacks", ".rs") {
        let source = std::fs::read_to_string(path).unwrap();
        for test in source.split("#[test]\nfn ").skip(1) {
            let name = test.split('(').next().unwrap();
            let is_there = page.contains(&format!("`{name}`"));
            assert!(is_there, "docs/attacks.md does not name the test {name}");
        }
    }
}
