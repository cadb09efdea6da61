//! Guests that fault on some records: the others go on.

use std::collections::HashSet;
use std::time::Instant;

use tidegate_broker::{Fetched, Subscription};
use tidegate_model::TopicName;
use tidegate_worker::{State, TargetState};

use crate::support::{DEADLINE, Place, Started, numbers, wait_for};

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
    let counts = place.stop(started);
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
    let counts = place.stop(started);
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

fn sink(how: &'static str) -> [(&'static str, &'static str); 3] {
    [
        ("topics", "texts"),
        ("errors.tolerance", "all"),
        ("how", how),
    ]
}

fn counts(started: &Started) -> (u64, u64, u64) {
    let counts = started.handle.progress().counts();
    (counts.records_in, counts.records_out, counts.skipped)
}

fn loses_bad_records_and_doubles_none(how: &'static str) {
    let place = Place::new();
    let texts = poisoned(&[0, 250, 251, 499]);
    place.topic("texts", &[&texts]);
    let started = place.start("TrapsOnPoison", &sink(how));
    let all = || counts(&started);
    wait_for("all", all, |counts| *counts == (500, 496, 4));
    place.stop(started);
    assert_eq!(place.lines(), good(&texts));
    assert_eq!(place.committed()[0].1, 500);
}

#[test]
fn a_sink_that_says_how_far_it_came_loses_a_record_and_doubles_none() {
    loses_bad_records_and_doubles_none("says");
}

#[test]
fn a_sink_that_delivers_when_it_is_flushed_loses_a_record_and_doubles_none() {
    loses_bad_records_and_doubles_none("flushes");
}

#[test]
fn a_sink_that_says_nothing_loses_a_record_and_gets_the_others_at_least_once() {
    let place = Place::new();
    let texts = poisoned(&[300]);
    place.topic("texts", &[&texts]);
    let started = place.start("TrapsOnPoison", &sink("writes"));
    let all = || counts(&started);
    wait_for("all", all, |counts| *counts == (500, 499, 1));
    place.stop(started);
    let lines = place.lines();
    let mut seen = HashSet::new();
    let first: Vec<_> = lines.iter().filter(|line| seen.insert(*line)).collect();
    assert_eq!(first, good(&texts).iter().collect::<Vec<_>>());
    // Before the fault, and what of a part came before the poison.
    assert!(lines.len() < 499 + 300 + 300, "{}", lines.len());
}

#[test]
fn what_was_taken_before_and_not_flushed_is_given_again_and_counted_once() {
    let place = Place::with(&[]);
    let topic = place.topic("texts", &[&numbers(0..100), &numbers(100..200)]);
    let started = place.start("TrapsOnPoison", &sink("flushes"));
    let all = || counts(&started);
    wait_for("the first", all, |counts| *counts == (200, 200, 0));
    let mut texts = numbers(200..300);
    texts[50] = "poison".to_owned();
    place.write(&topic, 1, &texts);
    wait_for("all", all, |counts| *counts == (300, 299, 1));
    place.write(&topic, 0, &numbers(300..310));
    wait_for("more", all, |counts| *counts == (310, 309, 1));
    place.stop(started);
    let mut lines = place.lines();
    lines.sort_by_key(|line| line.parse::<u32>().unwrap());
    let wanted: Vec<_> = numbers(0..310)
        .into_iter()
        .filter(|text| text != "250")
        .collect();
    assert_eq!(lines, wanted);
}

#[test]
fn a_sink_that_flushes_less_than_it_took_gets_past_a_bad_record() {
    let place = Place::new();
    let texts = poisoned(&[77, 78]);
    place.topic("texts", &[&texts]);
    let started = place.start("TrapsOnPoison", &sink("hoards"));
    let all = || counts(&started);
    wait_for("all", all, |counts| *counts == (500, 498, 2));
    wait_for("200", || place.lines(), |lines| lines.len() >= 200);
    place.stop(started);
    let lines = place.lines();
    assert_eq!(lines, good(&texts)[..lines.len()], "each once and in order");
}

#[test]
fn a_sink_that_loops_on_a_record_loses_that_record() {
    let place = Place::impatient();
    let texts = poisoned(&[123]);
    place.topic("texts", &[&texts]);
    let started = place.start("LoopsOnPoison", &sink("says"));
    let all = || counts(&started);
    wait_for("all", all, |counts| *counts == (500, 499, 1));
    place.stop(started);
    assert_eq!(place.lines(), good(&texts));
}

#[test]
fn a_sink_that_is_paused_while_a_record_is_looked_for_finds_it_later() {
    let place = Place::impatient();
    let texts = poisoned(&[123]);
    place.topic("texts", &[&texts]);
    // It says nothing, so that it takes a while.
    let started = place.start("LoopsOnPoison", &sink("writes"));
    wait_for("some", || place.lines(), |lines| !lines.is_empty());
    started.handle.set_target(TargetState::Paused);
    started.wait_for(&State::Paused);
    let paused = place.lines().len();
    // Long enough for two tries.
    std::thread::sleep(std::time::Duration::from_millis(250));
    assert_eq!(place.lines().len(), paused, "given while it was paused");
    started.handle.set_target(TargetState::Running);
    let all = || counts(&started);
    wait_for("all", all, |counts| *counts == (500, 499, 1));
    place.stop(started);
    let lines: HashSet<_> = place.lines().into_iter().collect();
    assert_eq!(lines, good(&texts).into_iter().collect());
}

#[test]
fn a_partition_that_is_taken_away_while_a_record_is_looked_for_is_read_by_another() {
    let place = Place::impatient();
    let mut texts = [numbers(0..500), numbers(500..1000)];
    texts[0][123] = "poison".to_owned();
    texts[1][321] = "poison".to_owned();
    let topic = place.topic("texts", &[&texts[0], &texts[1]]);
    let started = place.start("LoopsOnPoison", &sink("writes"));
    wait_for("some", || place.lines(), |lines| !lines.is_empty());
    let mut other = place
        .broker()
        .consumer("connect-tested", &Default::default())
        .unwrap();
    other.subscribe(&Subscription::Topics(vec![topic])).unwrap();
    let mut read = HashSet::new();
    let good: HashSet<_> = texts.iter().flat_map(|texts| good(texts)).collect();
    let begun = Instant::now();
    while read.len() < good.len() {
        assert!(
            begun.elapsed() < DEADLINE,
            "{} of {}",
            read.len(),
            good.len()
        );
        if let Fetched::Records(batch) = other.fetch(100, 1 << 20).unwrap() {
            let texts = batch.iter_values().flatten();
            let texts = texts.map(|text| String::from_utf8(text.to_vec()).unwrap());
            read.extend(texts.filter(|text| text != "poison"));
        }
        read.extend(place.lines());
    }
    assert_eq!(read, good);
    place.stop(started);
    other.close();
}

#[test]
fn a_sink_that_always_traps_fails_its_task() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..500)]);
    let started = place.start("TrapsInPut", &sink(""));
    let trace = started.wait_for_failure();
    assert!(trace.contains("10 records in succession"), "{trace}");
    assert!(trace.contains("TASK_PUT"), "{trace}");
    assert!(place.committed().iter().all(|(_, offset)| *offset < 10));
}

#[test]
fn without_tolerance_a_sink_fails_and_its_task_says_what_was_in_hand() {
    let place = Place::new();
    place.topic("texts", &[&poisoned(&[7])]);
    let config = [("topics", "texts"), ("how", "says")];
    let started = place.start("TrapsOnPoison", &config);
    let trace = started.wait_for_failure();
    assert!(trace.contains("TASK_PUT: put trapped"), "{trace}");
    assert!(trace.contains("texts-0 offsets 0 to 499"), "{trace}");
    let counted = started.handle.progress().counts();
    assert_eq!(counted.records_out, 7, "those that it said");
}

#[test]
fn a_dead_letter_queue_is_reason_enough_to_find_the_record() {
    let place = Place::new();
    place.topic("texts", &[&poisoned(&[7])]);
    let config = [
        ("topics", "texts"),
        ("how", "says"),
        ("errors.deadletterqueue.topic.name", "letters"),
    ];
    let trace = place.start("TrapsOnPoison", &config).wait_for_failure();
    assert!(trace.contains("record texts-0 offset 7"), "{trace}");
}

#[test]
fn what_a_sink_said_to_have_delivered_is_not_given_again_when_it_asks_for_the_rest() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..8)]);
    let started = place.start("SaysHalf", &sink(""));
    let all = || counts(&started);
    wait_for("all", all, |counts| *counts == (8, 8, 0));
    place.stop(started);
    assert_eq!(place.lines(), numbers(0..8));
}

#[test]
fn a_sink_that_says_more_than_it_was_given_is_ended() {
    let place = Place::new();
    place.topic("texts", &[&numbers(0..3)]);
    let started = place.start("SaysTooMuch", &[("topics", "texts")]);
    let trace = started.wait_for_failure();
    assert!(trace.contains("delivered 4 records"), "{trace}");
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
