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
use tidegate_config::guest_limits::GuestLimits;
use tidegate_model::{ErrorClass, TopicName, TopicPartition};
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
