//! Which classes somebody may have meant who wrote a name that no class has.

use std::collections::BTreeSet;

use crate::class_name::simple;

/// How many names are given.
const NAMES_LISTED: usize = 5;
/// A name of this many letters may have one wrong.
const LETTERS_PER_FAULT: usize = 3;
/// The wrong letters that are allowed in a short name.
const FAULTS_MIN: usize = 2;
/// How many more letters than in the nearest name may be wrong in others.
const FAULTS_MORE: usize = 1;
/// What the simple names of classes may end with or without.
const SUFFIXES: [&str; 3] = ["connector", "transformation", "predicate"];

/// The names most like `written`, the nearest first: by the letters that differ in the simple names, where those
/// that begin with what was written come first. Names that are not like it are left out.
pub(crate) fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let (whole, written) = (simple_of(written), short(written));
    let faults_max = (written.len() / LETTERS_PER_FAULT).max(FAULTS_MIN);
    let like = |name: &'a str| {
        let short = short(name);
        let faults = if written.len() > FAULTS_MIN && short.starts_with(&written) {
            0
        } else {
            // The suffix may be what is misspelt.
            strsim::levenshtein(&written, &short).min(strsim::levenshtein(&whole, &simple_of(name)))
        };
        (faults <= faults_max).then_some((faults, name))
    };
    let found: BTreeSet<_> = names.filter_map(like).collect();
    let fewest = found.first().map_or(0, |(faults, _)| *faults);
    let as_near = |(faults, _): &(usize, &str)| *faults <= fewest + FAULTS_MORE;
    let names = found.into_iter().take_while(as_near).map(|(_, name)| name);
    names.take(NAMES_LISTED).collect()
}

/// The simple name in small letters.
fn simple_of(name: &str) -> String {
    simple(name.trim()).to_lowercase()
}

/// The same without its suffix.
fn short(name: &str) -> String {
    let simple = simple_of(name);
    let without = SUFFIXES
        .iter()
        .find_map(|suffix| simple.strip_suffix(suffix));
    without.map(str::to_owned).unwrap_or(simple)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 7] = [
        "org.apache.kafka.connect.file.FileStreamSinkConnector",
        "org.apache.kafka.connect.file.FileStreamSourceConnector",
        "org.apache.kafka.connect.transforms.ExtractField$Key",
        "org.apache.kafka.connect.transforms.InsertField$Key",
        "org.apache.kafka.connect.transforms.InsertField$Value",
        "org.apache.kafka.connect.transforms.InsertField$Value",
        "org.apache.kafka.connect.transforms.RegexRouter",
    ];

    fn simple_names(written: &str) -> Vec<&str> {
        let found = nearest(written, NAMES.into_iter());
        found.into_iter().map(simple).collect()
    }

    #[test]
    fn a_misspelt_name_is_near_to_the_right_one() {
        let first = |written| simple_names(written).first().copied();
        assert_eq!(first("FileStreamSorce"), Some("FileStreamSourceConnector"));
        assert_eq!(
            first("FileStreamSinkConector"),
            Some("FileStreamSinkConnector")
        );
        assert_eq!(first("InsertFeld$Value"), Some("InsertField$Value"));
        assert_eq!(first("com.acme.regexrouter"), Some("RegexRouter"));
    }

    #[test]
    fn a_name_that_others_begin_with_is_near_to_all_of_them() {
        assert_eq!(
            simple_names("InsertField"),
            ["InsertField$Key", "InsertField$Value"]
        );
    }

    #[test]
    fn names_that_are_much_farther_than_the_nearest_are_left_out() {
        assert_eq!(
            simple_names("FileStreamSourceConector"),
            ["FileStreamSourceConnector"]
        );
    }

    #[test]
    fn what_is_like_nothing_is_near_to_nothing() {
        for written in ["com.acme.Nope", "", "x"] {
            assert!(simple_names(written).is_empty(), "{written}");
        }
    }
}
