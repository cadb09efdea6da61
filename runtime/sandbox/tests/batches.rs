//! Batches across the boundary: what is wrong is refused, what is right comes back as it went.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test that cannot go on fails"
)]

#[path = "../../../tests/pipeline/bad_batches.rs"]
mod bad_batches;
mod support;

use bad_batches::BAD_BATCHES;
use support::*;
use tidegate_config::grants::Grants;
use tidegate_config::guest_limits::GuestLimits;
use tidegate_model::{Batch, ErrorClass, TopicName, TopicPartition, Value};
use tidegate_sandbox::SandboxError;

#[test]
fn a_poll_that_contradicts_the_interface_ends_the_guest() {
    let plugin = plugin_with(GuestLimits::default());
    for what in BAD_BATCHES.into_iter().chain(["more-than-asked"]) {
        let mut source = new_source(&plugin, "BadBatch");
        source.start(&config(&[("what", what)])).unwrap();
        match source.poll(500, 1 << 20) {
            Err(SandboxError::Violation { message, .. }) => {
                assert!(message.len() < 1_000, "{what}: {message}");
            }
            other => panic!("{what}: {other:?}"),
        }
        assert!(source.is_dead(), "{what}");
    }
}

#[test]
fn a_poll_brings_records_positions_and_a_bounded_wait() {
    let polled = source(&plugin(), "Counts").poll(2, 1 << 20).unwrap();
    assert_eq!(polled.batch.count, 2);
    assert_eq!(polled.source_partitions.len(), 1);
    assert_eq!(polled.source_offsets.len(), 2);
    assert_eq!(polled.wait_ms, 60_000);
}

#[test]
fn a_transform_that_does_nothing_gives_back_the_batch() {
    let plugin = plugin();
    let given = batch(&["a", "b", "c"]);
    for (class, reads) in [("Nothing", ""), ("Nothing", "nothing"), ("HandsBack", "")] {
        let mut transform = transform(&plugin, class, &[("reads", reads)]);
        assert_eq!(transform.reads().values, reads.is_empty());
        let applied = transform.apply(given.clone()).unwrap();
        assert_eq!(applied.batch, given, "{class}");
        assert_eq!(applied.inputs, None);
    }
}

#[test]
fn all_records_may_be_dropped() {
    let applied = transform(&plugin(), "DropsAll", &[])
        .apply(batch(&["a", "b"]))
        .unwrap();
    assert_eq!(applied.batch.count, 0);
    assert_eq!(applied.inputs, Some(vec![]));
}

#[test]
fn an_answer_of_a_transform_that_is_wrong_ends_it() {
    let mut wrong = transform(&plugin(), "TooManyOutputs", &[]);
    assert!(matches!(
        wrong.apply(batch(&["a"])),
        Err(SandboxError::Violation { .. })
    ));
    assert!(wrong.is_dead());
}

#[test]
fn a_transform_answers_with_shapes_that_fit_its_records() {
    let applied = transform(&plugin(), "WrongShape", &[]).apply(batch(&["b", "d"]));
    let mut applied = applied.unwrap().batch;
    assert!(applied.has_map_shapes());
    applied.drop_map_shapes();
    let found: Vec<_> = applied.iter_values().map(Option::unwrap).collect();
    assert_eq!(found, [map("a", "b"), map("a", "d")]);
}

/// A map of two texts, with its keys.
fn map(x: &str, y: &str) -> Vec<u8> {
    let entries = [("x", x), ("y", y)];
    let entries = entries.map(|(key, value)| (Value::from(key), Value::from(value)));
    Value::Map(entries.to_vec()).to_encoded()
}

#[test]
fn a_shape_that_does_not_fit_ends_the_transform_and_says_what_is_wrong() {
    let plugin = plugin();
    let no_map = "value 1 is no map of the shape that it refers to, schema 0";
    for (what, wanted) in [
        ("too-few", no_map),
        ("too-many", no_map),
        ("no-map", no_map),
        ("keys", no_map),
        ("damaged", "schema 0: a map shape is damaged"),
        ("repeated", "schema 0: a map shape has a key twice"),
        ("no-text", "schema 0: a map shape is damaged"),
        (
            "many-keys",
            "at most 1000 keys with 65536 bytes are allowed",
        ),
        ("no-shape", "value-schemas refers to number 1 of 1"),
        ("header", "a header refers to a map shape, schema 0"),
    ] {
        let mut wrong = transform(&plugin, "WrongShape", &[("what", what)]);
        match wrong.apply(batch(&["b", "d"])) {
            Err(SandboxError::Violation { call, message }) => {
                assert_eq!(call, "apply");
                assert!(message.contains(wanted), "{what}: {message}");
            }
            other => panic!("{what}: {other:?}"),
        }
        assert!(wrong.is_dead(), "{what}");
    }
}

/// Keys and values that are maps, two of them, with a header each; with `shaped` they leave their keys to shapes.
fn maps(shaped: bool) -> Batch {
    let mut maps = Batch {
        keys: [map("a", "b"), map("c", "d")]
            .iter()
            .map(|key| Some(key.as_slice()))
            .collect(),
        values: [map("e", "f"), map("g", "h")]
            .iter()
            .map(|value| Some(value.as_slice()))
            .collect(),
        ..batch(&["", ""])
    };
    maps.headers.counts = vec![1, 1];
    for _ in 0..2 {
        maps.headers.keys.push(Some(b"h"));
        maps.headers.values.push(None);
    }
    if shaped {
        maps.shape_maps();
    }
    maps
}

#[test]
fn a_sink_gets_what_it_said_in_start_that_it_reads() {
    let plugin = plugin();
    // The tags of maps and structs, the first byte of a schema and that of a shape.
    for (reads, told) in [
        (
            "",
            "keys [Some(11), Some(11)] of [], values [Some(11), Some(11)] of [], headers [1, 1], schemas",
        ),
        (
            "values",
            "keys [] of [], values [Some(11), Some(11)] of [], headers [], schemas",
        ),
        (
            "keys",
            "keys [Some(11), Some(11)] of [], values [] of [], headers [], schemas",
        ),
        (
            "headers",
            "keys [] of [], values [] of [], headers [1, 1], schemas",
        ),
        (
            "values,map-shapes",
            "keys [] of [], values [Some(12), Some(12)] of [0, 0], headers [], schemas [17]",
        ),
        (
            "keys,values,headers,map-shapes",
            "keys [Some(12), Some(12)] of [0, 0], values [Some(12), Some(12)] of [0, 0], headers [1, 1], schemas [17]",
        ),
    ] {
        for shaped in [false, true] {
            let class = "test.TellsColumns";
            let mut sink = plugin.sink(&identity(), class, &Grants::default()).unwrap();
            sink.start(&config(&[("reads", reads)])).unwrap();
            assert_eq!(
                sink.reads().keys,
                reads.is_empty() || reads.contains("keys")
            );
            let put = sink.put(maps(shaped));
            let found = put.ended.unwrap().to_string();
            assert!(found.starts_with(told), "{reads}, {shaped}: {found}");
            if !reads.contains("map-shapes") {
                assert!(!found.contains("17"), "{reads}, {shaped}: {found}");
            }
            // What was not shown comes back as well.
            let mut back = put.batch;
            back.expand_maps();
            let given = maps(false);
            assert_eq!((back.keys, back.values), (given.keys, given.values));
            assert_eq!(back.headers, given.headers);
        }
    }
}

#[test]
fn a_predicate_that_takes_no_shapes_meets_none_whatever_it_reads() {
    let plugin = plugin();
    for reads in ["", "nothing"] {
        let class = "test.MeetsNoShape";
        let predicate = plugin.predicate(&identity(), class, &config(&[("reads", reads)]));
        let mut given = maps(true);
        let tested = predicate.unwrap().test(&given).unwrap();
        assert_eq!(tested.holds, [true, true], "{reads}");
        assert!(given.has_map_shapes());
        given.expand_maps();
        assert_eq!(given.values, maps(false).values);
    }
}

#[test]
fn a_batch_that_trapped_can_be_halved_until_the_poison_is_alone() {
    let plugin = plugin();
    let given = batch(&["a", "b", "poison", "d"]);
    let mut trapped = transform(&plugin, "TrapsOnPoison", &[]);
    assert!(matches!(
        trapped.apply(given.clone()),
        Err(SandboxError::Trap { .. })
    ));
    assert_eq!(trapped.take_back(), Some(given.clone()));
    assert_eq!(trapped.take_back(), None);
    let mut fresh = transform(&plugin, "TrapsOnPoison", &[]);
    assert!(fresh.apply(given.select(&[0, 1, 3])).is_ok());
    assert!(fresh.apply(given.select(&[2])).is_err());
}

#[test]
fn a_configuration_that_cannot_work_is_the_guests_own_error() {
    let error = plugin()
        .transforms(&identity(), vec![step("RefusesConfig", &[])])
        .err()
        .unwrap();
    assert_eq!(error.class(), ErrorClass::Config);
    assert_eq!(error.to_string(), "not like this");
}

#[test]
fn a_predicate_answers_for_each_record() {
    let plugin = plugin();
    let predicate = |class: &str| {
        plugin
            .predicate(&identity(), &format!("test.{class}"), &config(&[]))
            .unwrap()
    };
    let given = batch(&["a", "b"]);
    let mut all = predicate("All");
    assert_eq!(all.test(&given).unwrap().holds, [true, true]);
    assert_eq!(all.test(&batch(&["a"])).unwrap().holds, [true]);
    assert!(predicate("WrongCount").test(&given).is_err());
    assert!(predicate("WrongAnswer").test(&given).is_err());
}

#[test]
fn a_sink_gives_back_the_batch_and_names_what_it_cannot_deliver() {
    let plugin = plugin();
    let given = batch(&["a", "b", "c"]);
    let put = sink(&plugin, "Takes").put(given.clone());
    assert_eq!((&put.batch, put.answered), (&given, 3));
    assert!(put.errors.is_empty() && put.ended.is_none(), "{put:?}");
    let put = sink(&plugin, "RefusesSecond").put(given.clone());
    assert_eq!((&put.batch, put.answered), (&given, 3));
    let [error] = put.errors.as_slice() else {
        panic!("{put:?}");
    };
    assert_eq!((error.index, error.class), (1, ErrorClass::Data));
    assert_eq!(error.message, "refused\\n");
    let mut retrying = sink(&plugin, "RetriesPut");
    let put = retrying.put(given.clone());
    assert_eq!((&put.batch, put.answered), (&given, 0));
    assert_eq!(put.ended.unwrap().class(), ErrorClass::Retriable);
    assert!(!retrying.is_dead());
    let put = sink(&plugin, "TrapsInPut").put(given.clone());
    assert_eq!((&put.batch, put.answered), (&given, 0));
    assert!(matches!(put.ended, Some(SandboxError::Trap { .. })));
    let put = sink(&plugin, "RefusesBackwards").put(given);
    assert!(matches!(put.ended, Some(SandboxError::Violation { .. })));
}

#[test]
fn a_sink_commits_at_most_what_it_was_given() {
    let plugin = plugin();
    let partition = TopicPartition {
        topic: TopicName::parse("orders").unwrap(),
        partition: 3,
    };
    let offsets = vec![(partition, 42)];
    assert_eq!(sink(&plugin, "Takes").flush(&offsets).unwrap(), offsets);
    for class in ["FlushesTooFar", "FlushesOthers"] {
        assert!(sink(&plugin, class).flush(&offsets).is_err(), "{class}");
    }
}

#[test]
fn tasks_are_as_many_as_asked_for() {
    let plugin = plugin();
    let given = config(&[("a", "b")]);
    let configs = plugin
        .sink_connector_task_configs(&identity(), "test.Takes", &given, 3)
        .unwrap();
    assert_eq!(configs, vec![given.clone(); 3]);
    let too_many = |most| {
        plugin.source_connector_task_configs(&identity(), "test.TooManyTasks", &given, most, None)
    };
    assert_eq!(too_many(3).unwrap().len(), 4, "whoever asks decides");
    assert!(too_many(1_000).is_err());
    let wrong = config(&[("key", "wrong")]);
    assert_eq!(
        plugin.validate(&identity(), "test.Counts", &wrong).unwrap(),
        [("key".to_owned(), "is wrong".to_owned())]
    );
}
