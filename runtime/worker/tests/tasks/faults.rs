//! Guests that fault on some records: the others go on.

use tidegate_model::TopicName;

use crate::support::{Place, numbers, wait_for};

/// 500 texts, of which those at `bad` are `poison`.
fn poisoned(bad: &[usize]) -> Vec<String> {
    let mut texts = numbers(0..500);
    for row in bad {
        texts[*row] = "poison".to_owned();
    }
    texts
}

/// All of them but the poison.
fn good(texts: &[String]) -> Vec<String> {
    let good = texts.iter().filter(|text| *text != "poison");
    good.cloned().collect()
}

fn transform(class: &'static str) -> [(&'static str, &'static str); 4] {
    [
        ("topics", "texts"),
        ("errors.tolerance", "all"),
        ("transforms", "t"),
        ("transforms.t.type", class),
    ]
}

#[test]
fn a_transform_that_traps_on_a_record_loses_that_record() {
    let place = Place::new();
    let texts = poisoned(&[0, 250, 251, 499]);
    place.topic("texts", &[&texts]);
    let started = place.start("RetriesSomePuts", &transform("test.TrapsOnPoison"));
    wait_for("496 records", || place.lines(), |lines| lines.len() >= 496);
    let counts = started.handle.progress().counts();
    place.stop(started);
    assert_eq!(place.lines(), good(&texts), "each once and in order");
    assert_eq!((counts.records_in, counts.records_out), (500, 496));
    assert_eq!((counts.skipped, counts.filtered), (4, 0));
}

#[test]
fn a_transform_that_loops_on_a_record_loses_that_record() {
    let place = Place::impatient();
    let texts = poisoned(&[77]);
    place.topic("texts", &[&texts]);
    let started = place.start("RetriesSomePuts", &transform("test.LoopsOnPoison"));
    wait_for("499 records", || place.lines(), |lines| lines.len() >= 499);
    place.stop(started);
    assert_eq!(place.lines(), good(&texts));
}

#[test]
fn a_source_loses_a_record_that_its_transform_traps_on() {
    let place = Place::new();
    let topic = place.topic("topic", &[&[]]);
    let started = place.start("PoisonsOne", &transform("test.TrapsOnPoison"));
    let counts = || {
        let counts = started.handle.progress().counts();
        (counts.records_in, counts.records_out, counts.skipped)
    };
    wait_for("all records", counts, |counts| *counts == (500, 499, 1));
    place.stop(started);
    assert_eq!(values(&place, &topic), good(&poisoned(&[123])));
}

#[test]
fn a_predicate_of_another_component_that_traps_on_a_record_loses_that_record() {
    let place = Place::new();
    let texts: Vec<String> = poisoned(&[5, 400])
        .into_iter()
        .map(|text| text + " 1")
        .collect();
    place.topic("texts", &[&texts]);
    let mut config = transform("test.Repeats").to_vec();
    config.extend([
        ("transforms.t.predicate", "p"),
        ("predicates", "p"),
        ("predicates.p.type", "test.TrapsOnPoison"),
    ]);
    let started = place.start("RetriesSomePuts", &config);
    wait_for("498 records", || place.lines(), |lines| lines.len() >= 498);
    let counts = started.handle.progress().counts();
    place.stop(started);
    let wanted = texts.iter().filter(|text| !text.contains("poison"));
    let wanted: Vec<_> = wanted.map(|text| format!("{text}.1")).collect();
    assert_eq!(place.lines(), wanted);
    assert_eq!((counts.records_in, counts.skipped), (500, 2));
}

#[test]
fn a_transform_that_always_traps_fails_its_task() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..500)]);
    let started = place.start("RetriesSomePuts", &transform("test.TrapsAlways"));
    let trace = started.wait_for_failure();
    assert!(trace.contains("10 records in succession"), "{trace}");
    assert!(trace.contains("always"), "{trace}");
    assert!(place.lines().is_empty());
}

#[test]
fn without_tolerance_the_task_fails_and_says_what_was_in_hand() {
    let place = Place::new();
    place.topic("texts", &[&poisoned(&[7])]);
    let mut config = transform("test.TrapsOnPoison");
    config[1] = ("errors.tolerance", "none");
    let trace = place.start("RetriesSomePuts", &config).wait_for_failure();
    assert!(trace.contains("TRANSFORMATION: apply trapped"), "{trace}");
    assert!(trace.contains("texts-0 offsets 0 to 499"), "{trace}");
}

/// The values in a topic.
fn values(place: &Place, topic: &TopicName) -> Vec<String> {
    let mut reader = place.broker().reader(topic).unwrap();
    let mut values = Vec::new();
    while values.len() < 499 {
        let batch = reader.read(1_000, crate::support::DEADLINE).unwrap();
        assert!(!batch.is_empty());
        let text = |value: Option<&[u8]>| String::from_utf8(value.unwrap().to_vec()).unwrap();
        values.extend(batch.iter_values().map(text));
    }
    values
}
