//! What is counted of the transforms of a chain, and one that breaks the interface.

use tidegate_worker::progress::TransformCounts;

use crate::support::{Place, numbers, wait_for};

/// What a sink's transforms did with these texts.
fn counts(texts: &[&str], transforms: &[(&str, &str)]) -> Vec<TransformCounts> {
    let place = Place::new();
    let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
    place.topic("texts", &[&texts]);
    let mut config = vec![("topics", "texts"), ("errors.tolerance", "all")];
    config.extend(transforms);
    let started = place.start("RetriesSomePuts", &config);
    let taken = || started.handle.progress().counts().records_in as usize;
    wait_for("all", taken, |taken| *taken == texts.len());
    let counted = started.handle.progress().transforms();
    place.stop(started);
    for counts in &counted {
        let nanoseconds = counts.nanoseconds;
        assert!((1..60_000_000_000).contains(&nanoseconds), "{counts:?}");
    }
    counted
}

fn shown(counts: &TransformCounts) -> (&str, u64, u64, u64) {
    let TransformCounts {
        alias,
        records,
        dropped,
        failed,
        ..
    } = counts;
    (alias, *records, *dropped, *failed)
}

#[test]
fn transforms_of_one_crossing_are_counted_one_by_one() {
    // None, one, two, and one that fails. The three outputs are "go 1.1" and the like, which end with no number: they
    // fail in the second step, as two records.
    let texts = ["go 0", "go 1", "go 2", "go"];
    let config = [
        ("transforms", "first,second"),
        ("transforms.first.type", "test.Repeats"),
        ("transforms.second.type", "test.Repeats"),
    ];
    let counted = counts(&texts, &config);
    let wanted = [("first", 4, 1, 1), ("second", 3, 0, 2)];
    assert_eq!(counted.iter().map(shown).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_predicate_of_another_component_counts_for_its_transform() {
    let texts = ["yes 1", "no 1", "yes 0"];
    let config = [
        ("transforms", "t"),
        ("transforms.t.type", "test.Repeats"),
        ("transforms.t.predicate", "p"),
        ("predicates", "p"),
        ("predicates.p.type", "test.BeginsWithYes"),
    ];
    let counted = counts(&texts, &config);
    assert_eq!(
        counted.iter().map(shown).collect::<Vec<_>>(),
        [("t", 2, 1, 0)]
    );
}

#[test]
fn a_transform_that_does_not_count_is_counted_by_the_host() {
    let texts = ["a", "poison", "b"];
    let config = [
        ("transforms", "traps,nothing"),
        ("transforms.traps.type", "test.TrapsOnPoison"),
        ("transforms.nothing.type", "test.Repeats"),
        ("transforms.nothing.predicate", "p"),
        ("predicates", "p"),
        ("predicates.p.type", "test.BeginsWithYes"),
    ];
    let counted = counts(&texts, &config);
    let wanted = [("traps", 2, 0, 1), ("nothing", 0, 0, 0)];
    assert_eq!(counted.iter().map(shown).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_transform_whose_shapes_do_not_fit_fails_the_task_and_no_record_is_lost() {
    let place = Place::new();
    let texts = numbers(0..50);
    place.topic("texts", &[&texts]);
    for (what, wanted) in [
        (
            "too-few",
            "value 1 is no map of the shape that it refers to, schema 1",
        ),
        ("damaged", "schema 0: a map shape is damaged"),
        ("no-shape", "value-schemas refers to number 2 of 2"),
    ] {
        // It is not the records, so tolerance has no part in it.
        let config = [
            ("topics", "texts"),
            ("errors.tolerance", "all"),
            ("transforms", "t"),
            ("transforms.t.type", "test.WrongShape"),
            ("transforms.t.what", what),
        ];
        let started = place.start("RetriesSomePuts", &config);
        let trace = started.wait_for_failure();
        assert!(trace.contains(wanted), "{what}: {trace}");
        assert!(trace.contains("In hand were 50 records"), "{what}: {trace}");
        assert!(!trace.contains("errors.tolerance"), "{what}: {trace}");
        let counts = started.handle.progress().counts();
        assert_eq!((counts.records_out, counts.skipped), (0, 0), "{what}");
        drop(started);
        assert_eq!(place.lines(), Vec::<String>::new(), "{what}");
        assert!(
            place.committed().iter().all(|(_, offset)| *offset == 0),
            "{what}"
        );
    }
    let started = place.start("RetriesSomePuts", &[("topics", "texts")]);
    wait_for("all", || place.lines(), |lines| lines.len() >= texts.len());
    place.stop(started);
    assert_eq!(place.lines(), texts, "each once and in order");
}

#[test]
fn maps_that_a_source_left_to_shapes_come_to_the_topic_with_their_keys() {
    let json = "org.apache.kafka.connect.json.JsonConverter";
    let string = "org.apache.kafka.connect.storage.StringConverter";
    for (converter, first) in [(json, r#"{"x":"a","y":"0"}"#), (string, "{x=a, y=0}")] {
        let place = Place::new();
        place.topic("topic", &[&[]]);
        let config = [
            ("transforms", "t"),
            ("transforms.t.type", "test.WrongShape"),
            ("value.converter", converter),
            ("value.converter.schemas.enable", "false"),
        ];
        let started = place.start("PoisonsOne", &config);
        let read = place.read("topic", 500);
        place.stop(started);
        assert_eq!(read[0].value, first);
        for (number, read) in read.iter().enumerate() {
            let number = number.to_string();
            let is_right = read.value == first.replace('0', &number);
            assert!(is_right || number == "123", "{number}: {}", read.value);
        }
    }
}
